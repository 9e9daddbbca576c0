// sumi stylize, end to end.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/codecs.h"
#include "kernels/device/runtime.h"
#include "kernels/map/map.h"
#include "tests/apps/program.h"

namespace sumi::test {
namespace {

class Stylize : public testing::Test {
 protected:
  Stylize() { write_tiny_model(folder / "tiny.safetensors"); }
  void photo(const std::string& name, int width, int height, bool alpha = false) {
    write_image(folder / name, test_picture(width, height, alpha));
  }
  Outcome stylize(std::vector<std::string> rest, const std::vector<std::string>& environment = {}) {
    rest.insert(rest.begin(), {"stylize", "--model", "tiny.safetensors", "--threads", "1"});
    return run_sumi(folder, rest, environment);
  }
  bool exists(const std::string& name) const { return fs::exists(folder / name); }

  TemporaryFolder folder;
};

TEST_F(Stylize, EverySizeComesBackAtThatSize) {
  for (const auto& [w, h] : {std::pair{1, 1}, {1, 40}, {7, 3}, {33, 18}, {64, 64}}) {
    photo("in.png", w, h);
    const Outcome o = stylize({"in.png", "-o", "out.png"});
    ASSERT_EQ(o.code, 0) << o.err;
    const Image out = read_image(folder / "out.png");
    EXPECT_EQ(out.width, w);
    EXPECT_EQ(out.height, h);
  }
}

TEST_F(Stylize, AlphaIsKept) {
  photo("in.png", 19, 14, true);
  ASSERT_EQ(stylize({"in.png", "-o", "out.png"}).code, 0);
  EXPECT_EQ(read_image(folder / "out.png").alpha, test_picture(19, 14, true).alpha);
}

TEST_F(Stylize, ExifOrientationIsHonoured) {
  std::string jpeg = encode_jpeg(24, 16, test_picture(24, 16).rgb, 95);
  const std::string app1(
      "\xff\xe1\0\x1e"
      "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0",
      32);
  write_bytes(folder / "in.jpg", jpeg.substr(0, 2) + app1 + jpeg.substr(2));
  ASSERT_EQ(stylize({"in.jpg", "-o", "out.png"}).code, 0);
  const Image out = read_image(folder / "out.png");
  EXPECT_EQ(out.width, 16);
  EXPECT_EQ(out.height, 24);
}

TEST_F(Stylize, SizeIsTheLongSide) {
  photo("in.png", 60, 30);
  ASSERT_EQ(stylize({"in.png", "-o", "out.jpg", "--size", "40"}).code, 0);
  EXPECT_EQ(read_image(folder / "out.jpg").width, 40);
  EXPECT_EQ(read_image(folder / "out.jpg").height, 20);
}

TEST_F(Stylize, Bfloat16IsCloseToFloat) {
  photo("in.png", 32, 24);
  ASSERT_EQ(stylize({"in.png", "-o", "a.png"}).code, 0);
  ASSERT_EQ(stylize({"in.png", "-o", "b.png", "--precision", "bf16"}).code, 0);
  const Image a = read_image(folder / "a.png"), b = read_image(folder / "b.png");
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); i++) sum += std::abs(a.rgb[i] - b.rgb[i]);
  EXPECT_LT(sum / static_cast<double>(a.rgb.size()), 4);
}

TEST_F(Stylize, ThreadsDoNotChangeThePicture) {
  photo("in.png", 45, 31);
  ASSERT_EQ(stylize({"in.png", "-o", "a.png"}).code, 0);
  ASSERT_EQ(
      run_sumi(folder, {"stylize", "in.png", "-o", "b.png", "--model", "tiny.safetensors", "--threads", "3"}).code, 0);
  EXPECT_EQ(contents_of(folder / "a.png"), contents_of(folder / "b.png"));
}

TEST_F(Stylize, OneBadFileInAFolderDoesNotStopTheOthers) {
  fs::create_directory(folder / "in");
  for (const char* name : {"in/a.png", "in/c.png"}) photo(name, 12, 9);
  write_bytes(folder / "in/b.png", "not a picture at all");
  const Outcome o = stylize({"in", "-o", "out"});
  EXPECT_EQ(o.code, 1);
  EXPECT_NE(o.err.find("made the folder out"), std::string::npos) << o.err;
  EXPECT_NE(o.err.find("b.png"), std::string::npos) << o.err;
  EXPECT_NE(o.err.find("2 of 3 photos painted, 1 failed"), std::string::npos) << o.err;
  EXPECT_TRUE(exists("out/a.png"));
  EXPECT_TRUE(exists("out/c.png"));
  EXPECT_FALSE(exists("out/b.png"));
}

TEST_F(Stylize, AnUnknownModelMakesNoFolder) {
  for (const char* name : {"a.png", "b.png"}) photo(name, 12, 9);
  EXPECT_EQ(run_sumi(folder, {"stylize", "a.png", "b.png", "-o", "out", "--model", "no_such"}).code, 1);
  EXPECT_FALSE(exists("out"));
}

TEST_F(Stylize, JsonIsOneObjectPerPhoto) {
  photo("a.png", 12, 9);
  photo("b.png", 10, 10);
  const Outcome o = stylize({"a.png", "b.png", "-o", ".", "--json"});
  expect_error(o, 1, {"overwrite"});
  fs::create_directory(folder / "out");
  const Outcome p = stylize({"a.png", "b.png", "-o", "out", "--json"});
  ASSERT_EQ(p.code, 0) << p.err;
  std::istringstream lines(p.out);
  std::vector<nlohmann::json> objects;
  for (std::string line; std::getline(lines, line);) objects.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[0]["input"], "a.png");
  EXPECT_EQ(objects[0]["output"], "out/a.png");
  EXPECT_EQ(objects[0]["width"], 12);
  EXPECT_EQ(objects[0]["height"], 9);
  EXPECT_GT(objects[1]["seconds"], 0.0);
  EXPECT_EQ(objects[1]["model"], "tiny.safetensors");
}

TEST_F(Stylize, ModelsAreFoundByName) {
  photo("in.png", 12, 9);
  fs::create_directory(folder / "models");
  fs::rename(folder / "tiny.safetensors", folder / "models/great.safetensors");
  EXPECT_EQ(run_sumi(folder, {"stylize", "in.png", "-o", "out.png", "--model", "great"}).code, 0);
  const Outcome o = run_sumi(folder, {"stylize", "in.png", "-o", "out.png", "--model", "graet"});
  expect_error(o, 1, {"'graet'", "did you mean great?"});
}

TEST_F(Stylize, FilesThatCannotBeReadAreNamed) {
  expect_error(stylize({"none.png", "-o", "out.png"}), 1, {"none.png", "no such file"});
  write_bytes(folder / "text.png", "no picture");
  expect_error(stylize({"text.png", "-o", "out.png"}), 1, {"text.png", "not a picture"});
  photo("cut.png", 30, 30);
  write_bytes(folder / "cut.png", contents_of(folder / "cut.png").substr(0, 200));
  expect_error(stylize({"cut.png", "-o", "out.png"}), 1, {"cut.png", "damaged"});
  fs::create_directory(folder / "empty");
  expect_error(stylize({"empty", "-o", "out"}), 1, {"empty", "no picture"});
  EXPECT_FALSE(exists("out.png"));
}

TEST_F(Stylize, OutputsThatCannotBeWrittenAreNamed) {
  photo("in.png", 12, 9);
  expect_error(stylize({"in.png", "-o", "out.webp"}), 1, {"out.webp", ".webp", ".png or .jpg"});
  expect_error(stylize({"in.png", "-o", "out"}), 1, {"out", "no extension", ".png or .jpg"});
  expect_error(stylize({"in.png", "-o", "out.png", "--vgg", "v"}), 2, {"--vgg", "--style"});
  expect_error(stylize({"in.png", "-o", "missing/out.png"}), 1, {"missing", "does not exist"});
  expect_error(stylize({"in.png", "in.png", "-o", "missing/deep"}), 1, {"missing/deep", "does not exist"});
  expect_error(stylize({"in.png", "in.png", "-o", "out.png"}), 1, {"out.png", "folder"});
}

TEST_F(Stylize, PhotosOfOneNameAreAllKept) {
  for (const char* name : {"a", "b", "c"}) {
    fs::create_directory(folder / name);
    photo(std::string(name) + "/x.png", 12 + name[0] - 'a', 9);
  }
  const Outcome o = stylize({"a/x.png", "b/x.png", "c/x.png", "-o", "out"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(read_image(folder / "out/x.png").width, 12);
  EXPECT_EQ(read_image(folder / "out/x-2.png").width, 13);
  EXPECT_EQ(read_image(folder / "out/x-3.png").width, 14);
}

TEST_F(Stylize, NoPhotoIsOverwrittenByAnother) {
  fs::create_directory(folder / "in");
  photo("in/x.png", 12, 9);
  write_bytes(folder / "in/x.ppm", "P6 1 1 255 abc");
  const std::string before = contents_of(folder / "in/x.png");
  expect_error(stylize({"in/x.ppm", "in/x.png", "-o", "in"}), 1, {"in/x.png", "overwrite"});
  EXPECT_EQ(contents_of(folder / "in/x.png"), before);
}

TEST_F(Stylize, WrongWeightsNameTheTensor) {
  photo("in.png", 12, 9);
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 1});
  StateDict state = SafetensorsFile((folder / "tiny.safetensors").string()).load(context);
  state["res1.in1.weight"] = Tensor::zeros(context, {5});
  save_safetensors((folder / "tiny.safetensors").string(), state, {{"architecture", "faststyle"}});
  expect_error(stylize({"in.png", "-o", "out.png"}), 1, {"tiny.safetensors", "res1.in1.weight"});
  write_bytes(folder / "tiny.safetensors", "not weights");
  expect_error(stylize({"in.png", "-o", "out.png"}), 1, {"tiny.safetensors"});
}

TEST_F(Stylize, WeightsOfNoKnownNetworkAreDescribed) {
  photo("in.png", 12, 9);
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 1});
  save_safetensors((folder / "tiny.safetensors").string(), {{"layer4.weight", Tensor::zeros(context, {2})}}, {});
  expect_error(stylize({"in.png", "-o", "out.png"}), 1,
               {"tiny.safetensors", "conv01_1.weight (cartoongan)", "block_a.0.1.weight", "layer4.weight"});
  write_vgg(folder / "tiny.safetensors", "relu1_2");
  expect_error(stylize({"in.png", "-o", "out.png"}), 1, {"tiny.safetensors", "VGG trunk"});
}

TEST_F(Stylize, AStyleNeedsAFewPixels) {
  photo("in.png", 12, 9);
  photo("style.png", 1, 1);
  expect_error(run_sumi(folder, {"stylize", "in.png", "-o", "out.png", "--style", "style.png"}), 1,
               {"style.png", "1x1", "at least 16"});
}

TEST_F(Stylize, WithoutAGpuTheCpuPaintsAndABuildForGpusSaysWhy) {
  if (device::availability().count > 0) GTEST_SKIP() << "there is a GPU here";
  photo("in.png", 12, 9);
  expect_error(stylize({"in.png", "-o", "out.png", "--device", "cuda"}), 1, {"--device cuda", "--device cpu"});
  const std::vector<std::string> paint = {"in.png", "-o", "out.png"};
  const Outcome automatic = stylize(paint);
  EXPECT_EQ(automatic.code, 0) << automatic.err;
  const auto rows = MapForward::table();
  const bool for_gpus = std::ranges::any_of(rows, [](const auto& row) { return row.device == DeviceKind::cuda; });
  if (for_gpus) {
    EXPECT_TRUE(automatic.err.starts_with(concat("sumi: ", device::availability().why, kUsesTheCpu))) << automatic.err;
  }
  EXPECT_EQ(automatic.err.find(kUsesTheCpu) != automatic.err.npos, for_gpus) << automatic.err;
  EXPECT_EQ(automatic.err.find(kUsesTheCpu), automatic.err.rfind(kUsesTheCpu)) << "said once: " << automatic.err;
  const Outcome asked = stylize({"in.png", "-o", "asked.png", "--device", "cpu"});
  EXPECT_EQ(asked.err.find(kUsesTheCpu), asked.err.npos) << asked.err;
}

/// The CPU's rows: a GPU has no `reference`.
TEST_F(Stylize, ForcedRowsAreChecked) {
  photo("in.png", 12, 9);
  const auto forced = [&](const std::string& rows) {
    return stylize({"in.png", "-o", "out.png", "--device", "cpu"}, {"SUMI_KERNEL=" + rows});
  };
  expect_error(forced("conv2d_foward:reference"), 1, {"conv2d_foward", "did you mean conv2d_forward?"});
  expect_error(forced("gemm:magic"), 1, {"magic", "reference"});
  expect_error(forced("conv2d_forward:winograd"), 1,
               {"SUMI_KERNEL: conv2d_forward row 'winograd' cannot run", "s2x2", "rows that can: ", "reference"});
  EXPECT_EQ(forced("conv2d_forward:reference").code, 0);
}

/// Waits until the program has begun to paint: it has mapped its weights by then.
void interrupt_soon(pid_t pid, int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  kill(pid, SIGINT);
}

TEST_F(Stylize, InterruptLeavesNothingHalfDone) {
  photo("in.png", 900, 700);
  const auto before = folder.names();
  Running program(
      folder,
      {"stylize", "in.png", "-o", "out.png", "--model", "tiny.safetensors", "--threads", "1", "--device", "cpu"},
      {"SUMI_KERNEL=conv2d_forward:reference"});
  interrupt_soon(program.pid(), 700);
  const Outcome o = program.wait();
  EXPECT_EQ(o.code, 130) << o.err;
  EXPECT_NE(o.err.find("sumi: interrupted"), std::string::npos) << o.err;
  EXPECT_EQ(folder.names(), before);
}

TEST_F(Stylize, FullDiskIsNamedAndLeavesNothing) {
  const fs::path disk = folder / "disk";
  fs::create_directory(disk);
  if (geteuid() != 0 || std::system(("mount -t tmpfs -o size=4k tmpfs " + disk.string() + " 2>/dev/null").c_str()) != 0)
    GTEST_SKIP() << "a small tmpfs cannot be mounted here";
  photo("in.png", 120, 120);
  const Outcome o = stylize({"in.png", "-o", "disk/out.png"});
  const bool empty = fs::is_empty(disk);
  ASSERT_EQ(std::system(("umount " + disk.string()).c_str()), 0);
  expect_error(o, 1, {"disk/out.png", "No space left"});
  EXPECT_TRUE(empty);
}

TEST_F(Stylize, OptimizationPaintsWithARandomVgg) {
  photo("in.png", 24, 20);
  photo("style.png", 20, 20);
  const Outcome o = run_sumi(
      folder, {"stylize", "in.png", "-o", "out.png", "--style", "style.png", "--iterations", "2", "--threads", "1"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_NE(o.err.find("random weights"), std::string::npos) << o.err;
  const Image out = read_image(folder / "out.png");
  EXPECT_EQ(out.width, 24);
  EXPECT_NE(out.rgb, read_image(folder / "in.png").rgb);
}

}  // namespace
}  // namespace sumi::test
