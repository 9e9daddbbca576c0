// sumi train faststyle, end to end, with a random VGG and tiny pictures.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/photo_crops.h"
#include "tests/apps/program.h"

namespace sumi::test {
namespace {

class Train : public testing::Test {
 protected:
  Train() {
    fs::create_directory(folder / "photos");
    for (const char* name : {"photos/a.png", "photos/b.png", "photos/c.png"})
      write_image(folder / name, test_picture(40, 34));
    write_image(folder / "style.png", test_picture(40, 40));
    write_vgg(folder / "vgg.safetensors", "relu4_3");
  }
  std::vector<std::string> command(const std::string& run, const std::string& steps,
                                   const std::string& threads = "1") const {
    return {
        "train",   "faststyle", "--photos",  "photos", "--style",      "style.png", "--vgg",        "vgg.safetensors",
        "-o",      run,         "--steps",   steps,    "--crop",       "16",        "--batch",      "2",
        "--width", "4",         "--threads", threads,  "--style-size", "32",        "--save-every", "2"};
  }
  Outcome train(const std::string& run, const std::string& steps, const std::vector<std::string>& more = {}) {
    std::vector<std::string> a = command(run, steps);
    a.insert(a.end(), more.begin(), more.end());
    return run_sumi(folder, a);
  }

  TemporaryFolder folder;
};

TEST_F(Train, WritesWeightsSamplesAndLogAndTheLossFalls) {
  const Outcome o = train("run", "40", {"--sample-every", "20", "--lr", "0.003"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_TRUE(fs::exists(folder / "run/sample_00020.png"));
  EXPECT_TRUE(fs::exists(folder / "run/checkpoint.safetensors"));
  std::istringstream lines(contents_of(folder / "run/log.jsonl"));
  std::vector<nlohmann::json> log;
  for (std::string line; std::getline(lines, line);) log.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(log.size(), 4u);
  EXPECT_EQ(log.back()["step"], 40);
  EXPECT_LT(log.back()["loss"], log.front()["loss"]);
  EXPECT_GT(log.front()["lr"], log.back()["lr"]);
  const Outcome painted =
      run_sumi(folder, {"stylize", "photos/a.png", "-o", "out.png", "--model", "run/model.safetensors"});
  EXPECT_EQ(painted.code, 0) << painted.err;
}

TEST_F(Train, TheSeedDecidesEverything) {
  ASSERT_EQ(train("whole", "4").code, 0);
  ASSERT_EQ(run_sumi(folder, command("again", "4", "2")).code, 0);
  const auto weights = [&](const std::string& run) {
    const SafetensorsFile file((folder / (run + "/model.safetensors")).string());
    std::string bytes;
    for (const auto& e : file.entries()) bytes.append(reinterpret_cast<const char*>(file.bytes(e)), e.end - e.begin);
    return bytes;
  };
  EXPECT_EQ(weights("whole"), weights("again"));
  ASSERT_EQ(train("other", "4", {"--seed", "2"}).code, 0);
  EXPECT_NE(weights("whole"), weights("other"));
}

TEST_F(Train, InterruptSavesAndResumeGoesOn) {
  Running program(folder, command("run", "100000"));
  for (int i = 0; i < 600 && !fs::exists(folder / "run/checkpoint.safetensors"); i++)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  kill(program.pid(), SIGINT);
  const Outcome o = program.wait();
  EXPECT_EQ(o.code, 130) << o.err;
  EXPECT_NE(o.err.find("saved after step"), std::string::npos) << o.err;
  EXPECT_NO_THROW(SafetensorsFile((folder / "run/model.safetensors").string()));
  const std::string step = SafetensorsFile((folder / "run/checkpoint.safetensors").string()).metadata().at("steps");
  const Outcome on = train("run", std::to_string(std::stoi(step) + 2), {"--resume"});
  EXPECT_EQ(on.code, 0) << on.err;
  EXPECT_NE(on.err.find("going on after step " + step), std::string::npos) << on.err;
}

TEST_F(Train, InBf16TheLossFallsAndTheWeightsAreOrdinaryOnes) {
  const Outcome o = train("run", "20", {"--precision", "bf16", "--lr", "0.003"});
  ASSERT_EQ(o.code, 0) << o.err;
  const SafetensorsFile model((folder / "run/model.safetensors").string());
  EXPECT_EQ(model.metadata().at("precision"), "bf16");
  EXPECT_LT(std::stod(model.metadata().at("last_total")), std::stod(model.metadata().at("first_total")));
  const Outcome painted =
      run_sumi(folder, {"stylize", "photos/a.png", "-o", "out.png", "--model", "run/model.safetensors"});
  EXPECT_EQ(painted.code, 0) << painted.err;
  expect_error(train("run", "60", {"--resume", "--lr", "0.003"}), 1,
               {"checkpoint.safetensors", "--precision bf16, not f32"});
}

TEST_F(Train, AnInterruptChangesNoBitInBf16) {
  const std::vector<std::string> bf16{"--precision", "bf16"};
  ASSERT_EQ(train("whole", "40", bf16).code, 0);
  std::vector<std::string> once = command("parts", "40");
  once.insert(once.end(), bf16.begin(), bf16.end());
  Running program(folder, once);
  for (int i = 0; i < 6000 && !fs::exists(folder / "parts/checkpoint.safetensors"); i++)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  kill(program.pid(), SIGINT);
  EXPECT_EQ(program.wait().code, 130);
  ASSERT_EQ(train("parts", "40", {"--precision", "bf16", "--resume"}).code, 0);
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 1});
  const StateDict whole = SafetensorsFile((folder / "whole/checkpoint.safetensors").string()).load(context),
                  parts = SafetensorsFile((folder / "parts/checkpoint.safetensors").string()).load(context);
  ASSERT_EQ(whole.size(), parts.size());
  for (const auto& [name, t] : whole) EXPECT_EQ(t.to_vector(), parts.at(name).to_vector()) << name;
}

TEST_F(Train, ARunIsNeitherOverwrittenNorResumedAsAnother) {
  ASSERT_EQ(train("run", "2").code, 0);
  const std::string before = contents_of(folder / "run/checkpoint.safetensors");
  expect_error(train("run", "2"), 1, {"run: holds a run already", "--resume"});
  expect_error(train("run", "4", {"--resume", "--seed", "9"}), 1, {"checkpoint.safetensors", "--seed 1, not 9"});
  expect_error(train("run", "4", {"--resume", "--ema", "0.9"}), 1, {"--ema 0, not 0.9"});
  expect_error(train("run", "4", {"--resume", "--photo-side", "48"}), 1, {"--photo-side 32, not 48"});
  fs::rename(folder / "vgg.safetensors", folder / "other.safetensors");
  std::vector<std::string> other = command("run", "4");
  std::ranges::replace(other, std::string("vgg.safetensors"), std::string("other.safetensors"));
  other.emplace_back("--resume");
  expect_error(run_sumi(folder, other), 1, {"--vgg vgg.safetensors, not other.safetensors"});
  EXPECT_EQ(contents_of(folder / "run/checkpoint.safetensors"), before);
}

TEST_F(Train, ABrokenFirstPhotoIsPassedOver) {
  write_bytes(folder / "photos/0.png", "no picture");
  const Outcome o = train("run", "2");
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_NE(o.err.find("photos/0.png: not a picture"), std::string::npos) << o.err;
  EXPECT_NE(o.err.find("going on without it"), std::string::npos) << o.err;
  EXPECT_EQ(read_image(folder / "run/sample_00002.png").width, 40);
  for (const char* name : {"photos/a.png", "photos/b.png", "photos/c.png"}) fs::remove(folder / name);
  expect_error(train("none", "2"), 1, {"photos/0.png"});
}

TEST_F(Train, WeightsThatTellNothingAreRefused) {
  write_vgg(folder / "vgg.safetensors", "relu4_3", std::nullopt);
  expect_error(train("run", "2"), 1, {"vgg.safetensors", "features.0.weight", "all zeros"});
}

TEST_F(Train, AStyleNeedsAFewPixels) {
  write_image(folder / "style.png", test_picture(1, 1));
  expect_error(train("run", "2"), 1, {"style.png", "1x1", "at least 16"});
  write_image(folder / "style.png", test_picture(900, 16));
  EXPECT_EQ(train("run", "2").code, 0) << "32x1 when it is resized";
}

TEST_F(Train, ErrorsNameWhatIsWrong) {
  expect_error(train("run", "2", {"--resume"}), 1, {"checkpoint.safetensors", "nothing to resume"});
  fs::rename(folder / "vgg.safetensors", folder / "gone");
  expect_error(train("run", "2"), 1, {"vgg.safetensors"});
  fs::rename(folder / "style.png", folder / "gone2");
  expect_error(train("run", "2"), 1, {"style.png", "no such file"});
  fs::rename(folder / "photos", folder / "gone3");
  expect_error(train("run", "2"), 1, {"photos", "no such folder"});
}

TEST(PhotoCrops, DependOnSeedAndStepOnly) {
  const TemporaryFolder f;
  std::vector<std::string> files;
  for (const char* name : {"a.png", "b.png", "c.png"}) {
    write_image(f / name, test_picture(60 + static_cast<int>(files.size()), 50));
    files.push_back(f / name);
  }
  const CropOptions o{.crop = 24, .photo_side = 48, .seed = 5};
  PhotoCrops one(files, o), two(files, o);
  two.batch(3, 4);  // drawn in another order
  for (const std::uint32_t step : {0u, 1u, 2u}) EXPECT_EQ(one.batch(step, 3), two.batch(step, 3));
  EXPECT_EQ(one.batch(0, 3).size(), 3u * 24 * 24 * 3);
  EXPECT_NE(one.batch(0, 3), one.batch(1, 3));
}

TEST(PhotoCrops, BrokenPhotosAreLeftOutAndSmallOnesEnlarged) {
  const TemporaryFolder f;
  write_bytes(f / "bad.png", "no picture");
  write_image(f / "small.png", test_picture(5, 9));
  PhotoCrops crops({f / "bad.png", f / "small.png"}, {.crop = 16, .photo_side = 32});
  EXPECT_EQ(crops.batch(0, 8).size(), 8u * 16 * 16 * 3);
  PhotoCrops none({f / "bad.png"}, {.crop = 16, .photo_side = 32});
  EXPECT_THROW(none.batch(0, 1), Error);
}

}  // namespace
}  // namespace sumi::test
