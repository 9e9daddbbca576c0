// The program with --device cuda on the emulated GPU: captured graphs paint and train what single steps do.
#include "tests/apps/program.h"

#include <nlohmann/json.hpp>

namespace sumi::test {
namespace {

const std::vector<std::string> kStepByStep{"SUMI_GRAPHS=0"};

struct GpuProgram : testing::Test {
  TemporaryFolder folder;
};

TEST_F(GpuProgram, PhotosOfOneSizeArePaintedAsEachAlone) {
  write_tiny_model(folder / "tiny.safetensors");
  fs::create_directory(folder / "photos");
  for (int i = 0; i < 5; i++)  // the fourth is of another size
    write_image(folder / concat("photos/", i, ".png"), test_picture(i == 3 ? 16 : 20, i == 3 ? 24 : 12 + 4 * (i / 4)));
  for (const std::string precision : {"f32", "bf16", "f16"}) {
    const auto paint = [&](const std::string& into, const std::vector<std::string>& environment) {
      const Outcome o = run_sumi(folder,
                                 {"stylize", "photos", "-o", into, "--model", "tiny.safetensors", "--device", "cuda",
                                  "--precision", precision},
                                 environment);
      EXPECT_EQ(o.code, 0) << o.err;
    };
    paint(precision, {});
    paint(precision + "_alone", kStepByStep);
    for (const auto& file : fs::directory_iterator(folder / precision))
      EXPECT_EQ(contents_of(file), contents_of(folder / (precision + "_alone") / file.path().filename())) << file;
    EXPECT_EQ(std::distance(fs::directory_iterator(folder / precision), {}), 5);
  }
}

/// The largest difference of two pictures, in levels.
int levels_apart(const fs::path& a, const fs::path& b) {
  const Image x = read_image(a.string()), y = read_image(b.string());
  EXPECT_EQ(x.rgb.size(), y.rgb.size());
  int most = 0;
  for (std::size_t i = 0; i < x.rgb.size(); i++) most = std::max(most, std::abs(int{x.rgb[i]} - int{y.rgb[i]}));
  return most;
}

TEST_F(GpuProgram, PaintsWhatTheCpuPaints) {
  write_tiny_model(folder / "tiny.safetensors");
  write_image(folder / "in.png", test_picture(20, 12));
  for (const std::string device : {"cpu", "cuda"}) {
    const Outcome o = run_sumi(
        folder, {"stylize", "in.png", "-o", device + ".png", "--model", "tiny.safetensors", "--device", device});
    ASSERT_EQ(o.code, 0) << o.err;
  }
  EXPECT_LE(levels_apart(folder / "cpu.png", folder / "cuda.png"), 1);
}

/// By optimization: losses, gradients back to the pixels, and L-BFGS. The weights are drawn on the CPU, which is
/// quicker at it than an emulated GPU.
TEST_F(GpuProgram, OptimizesThePictureThatTheCpuDoes) {
  write_vgg(folder / "vgg.safetensors", "relu5_1");
  write_image(folder / "in.png", test_picture(16, 16));
  write_image(folder / "style.png", test_picture(16, 17));
  for (const std::string device : {"cpu", "cuda"}) {
    const Outcome o = run_sumi(folder, {"stylize", "in.png", "-o", device + ".png", "--style", "style.png", "--vgg",
                                        "vgg.safetensors", "--iterations", "2", "--device", device});
    ASSERT_EQ(o.code, 0) << o.err;
  }
  EXPECT_GT(levels_apart(folder / "in.png", folder / "cuda.png"), 8);
  EXPECT_LE(levels_apart(folder / "cpu.png", folder / "cuda.png"), 1);
}

/// f16 changes how a network computes, and the picture by a few levels at most.
TEST_F(GpuProgram, PaintsInF16WhatItPaintsInF32) {
  write_tiny_model(folder / "tiny.safetensors");
  std::vector<float> painted[2];
  for (const bool f16 : {false, true}) {
    const Outcome o =
        run_sumi(folder, {"bench", "--model", "tiny.safetensors", "--size", "16x16", "--repeat", "1", "--json",
                          "--device", "cuda", "--precision", f16 ? "f16" : "f32", "--save", "tensors.safetensors"});
    ASSERT_EQ(o.code, 0) << o.err;
    const auto context = std::make_shared<Context>(ContextOptions{.threads = 1});
    const StateDict saved = SafetensorsFile((folder / "tensors.safetensors").string()).load(context);
    EXPECT_EQ(saved.at("x").shape(), (Shape{1, 16, 16, 3}));
    painted[f16] = saved.at("y").to_vector();
  }
  ASSERT_EQ(painted[0].size(), painted[1].size());
  double largest = 0;
  for (std::size_t i = 0; i < painted[0].size(); i++)
    largest = std::max(largest, static_cast<double>(std::abs(painted[0][i] - painted[1][i])));
  EXPECT_GT(largest, 0);
  EXPECT_LT(largest, 2);
}

TEST_F(GpuProgram, TrainingSavesTheAverages) {
  fs::create_directory(folder / "photos");
  for (const char* name : {"photos/a.png", "photos/b.png"}) write_image(folder / name, test_picture(24, 20));
  write_image(folder / "style.png", test_picture(24, 24));
  write_vgg(folder / "vgg.safetensors", "relu4_3");
  const Outcome o = run_sumi(
      folder,
      {"train",    "faststyle", "--photos",     "photos", "--style",        "style.png", "--vgg",   "vgg.safetensors",
       "-o",       "run",       "--steps",      "2",      "--crop",         "16",        "--batch", "1",
       "--width",  "4",         "--style-size", "16",     "--sample-every", "0",         "--ema",   "0.9",
       "--device", "cuda"});
  ASSERT_EQ(o.code, 0) << o.err;
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 1});
  const StateDict model = SafetensorsFile((folder / "run/model.safetensors").string()).load(context),
                  all = SafetensorsFile((folder / "run/checkpoint.safetensors").string()).load(context);
  EXPECT_TRUE(all.contains("optimizer.ema.0"));
  int apart = 0;  // by more than the file's rounding to f16
  for (const auto& [name, tensor] : model) {
    if (!name.ends_with(".bias")) continue;
    const float average = tensor.to_vector()[0], weight = all.at("network." + name).to_vector()[0];
    apart += std::abs(average - weight) > 0.05 * std::abs(weight);
  }
  EXPECT_GT(apart, 5);
}

TEST_F(GpuProgram, BenchTimesTheCapturedGraph) {
  write_tiny_model(folder / "tiny.safetensors");
  const Outcome o = run_sumi(folder, {"bench", "--model", "tiny.safetensors", "--size", "16x16", "--repeat", "1",
                                      "--json", "--device", "cuda"});
  ASSERT_EQ(o.code, 0) << o.err;
  const auto measured = nlohmann::json::parse(o.out);
  EXPECT_GT(measured["gflops"], 0);
  EXPECT_GT(measured["peak_mib"], 0);
  EXPECT_LT(measured["peak_mib"], 1) << "the GPU's memory, not the host's";
}

TEST_F(GpuProgram, RunningOutOfMemoryIsOneLineWithTheRemedy) {
  write_tiny_model(folder / "tiny.safetensors");
  write_image(folder / "large.png", test_picture(400, 400));
  expect_error(
      run_sumi(folder, {"stylize", "large.png", "-o", "out.png", "--model", "tiny.safetensors", "--device", "cuda"},
               {"SIMT_MEMORY_MIB=2"}),
      1, {"large.png: ", "GPU out of memory: ", "MiB asked for, ", "of 2 MiB free", "--size"});
  expect_error(
      run_sumi(folder, {"bench", "--model", "tiny.safetensors", "--size", "400x400", "--json", "--device", "cuda"},
               {"SIMT_MEMORY_MIB=4"}),
      1, {"conv2d_forward [1,400,400,4] f32: GPU out of memory", "--size or --batch"});
}

}  // namespace
}  // namespace sumi::test
