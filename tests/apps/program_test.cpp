// The command line: errors, suggestions, help, `sumi info` and `sumi bench`.
#include "tests/apps/program.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/suggest.h"

namespace sumi::test {
namespace {

using nlohmann::json;

TEST(Suggest, CountsEdits) {
  EXPECT_EQ(edit_distance("style", "style"), 0);
  EXPECT_EQ(edit_distance("sytle", "style"), 1);  // a swap
  EXPECT_EQ(edit_distance("styles", "style"), 1);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(nearest("--modle", {"--model", "--output"}), "--model");
  EXPECT_EQ(nearest("--frobnicate", {"--model", "--output"}), "");
}

TEST(Program, UnknownOptionsSuggestTheNearest) {
  const TemporaryFolder f;
  expect_error(run_sumi(f, {"stylize", "a.png", "--modle", "x"}), 2, {"--modle", "did you mean --model?"});
  expect_error(run_sumi(f, {"stylize", "a.png", "--ouput=x"}), 2, {"--ouput ", "did you mean --output?"});
  expect_error(run_sumi(f, {"train", "faststyle", "--setps", "3"}), 2, {"--setps", "did you mean --steps?"});
  expect_error(run_sumi(f, {"stylize", "a.png", "-q"}), 2, {"-q"});
}

TEST(Program, UnknownCommandsSuggestTheNearest) {
  const TemporaryFolder f;
  expect_error(run_sumi(f, {"styleize", "a.png"}), 2, {"styleize", "did you mean stylize?"});
  expect_error(run_sumi(f, {"dance"}), 2, {"dance", "stylize, train, bench and info"});
}

TEST(Program, MissingAndWrongValuesAreUsageErrors) {
  const TemporaryFolder f;
  expect_error(run_sumi(f, {"stylize", "a.png"}), 2, {"--output"});
  expect_error(run_sumi(f, {"stylize", "a.png", "-o", "b.png"}), 2, {"--model", "--style"});
  expect_error(run_sumi(f, {"stylize", "a.png", "-o", "b.png", "--model", "m", "--style", "s"}), 2, {"either"});
  expect_error(run_sumi(f, {"stylize", "a.png", "-o", "b.png", "--style", "s", "--precision", "bf16"}), 2, {"bf16"});
  expect_error(run_sumi(f, {"stylize", "a.png", "-o", "b.png", "--size", "many"}), 2, {"size"});
  expect_error(run_sumi(f, {"stylize", "a.png", "-o", "b.png", "--size", "-5"}), 2, {"size"});
  expect_error(run_sumi(f, {"stylize", "a.png", "-o", "b.png", "--precision", "f8"}), 2, {"precision"});
  expect_error(run_sumi(f, {"bench", "--model", "vgg16", "--size", "12by9"}), 2, {"12by9", "512x340"});
  expect_error(run_sumi(f, {"bench", "--model", "vgg61"}), 2, {"vgg61", "did you mean vgg16?"});
  EXPECT_EQ(run_sumi(f, {}).code, 2);
}

TEST(Program, RepeatedOptionsAreNamed) {
  const TemporaryFolder f;
  const std::vector<std::string> paint = {"stylize", "a.png", "-o", "b.png", "--model", "m", "--json", "--json"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> command = paint;
    command.insert(command.end(), more.begin(), more.end());
    return run_sumi(f, command);
  };
  expect_error(with({"--size", "2", "--size", "3"}), 2,
               {"option --size for 'sumi stylize' is given 2 times; give it once"});
  expect_error(with({"--output", "c.png", "-od.png"}), 2,
               {"option --output for 'sumi stylize' is given 3 times; give it once"});
  const Outcome wrong = with({"--size", "many"});  // a switch may be repeated
  EXPECT_EQ(wrong.err.find("times"), std::string::npos) << wrong.err;
}

TEST(Program, PrecisionsThatAreNotThereNameOthers) {
  const TemporaryFolder f;
  const std::vector<std::string> bench = {"bench", "--model", "vgg16"},
                                 train = {"train", "faststyle", "--photos", "p",  "--style",
                                          "s",     "--vgg",     "v",        "-o", "o"};
  const auto with = [&](std::vector<std::string> command, const std::string& precision) {
    command.insert(command.end(), {"--device", "cpu", "--precision", precision});
    return run_sumi(f, command);
  };
  expect_error(with(bench, "tf32"), 1, {"tf32", "use --precision f32 or bf16"});
  expect_error(with(bench, "f16"), 1, {"f16", "use --precision f32 or bf16"});
  expect_error(with(train, "tf32"), 1, {"tf32", "use --precision f32 or bf16"});
  expect_error(with(train, "f16"), 2, {"--precision", "f16"});
}

TEST(Program, HelpAndVersion) {
  const TemporaryFolder f;
  for (const std::vector<std::string>& a :
       {std::vector<std::string>{"--help"}, {"help"}, {"stylize", "--help"}, {"--version"}}) {
    const Outcome o = run_sumi(f, a);
    EXPECT_EQ(o.code, 0);
    EXPECT_NE(o.out.find("sumi"), std::string::npos);
    EXPECT_TRUE(o.err.empty()) << o.err;
  }
}

TEST(Program, HelpSaysWhatABusyMachineNeeds) {
  const TemporaryFolder f;
  EXPECT_NE(run_sumi(f, {"--help"}).out.find("OMP_WAIT_POLICY=passive"), std::string::npos);
}

TEST(Info, ListsEveryOpWithItsRows) {
  const TemporaryFolder f;
  const Outcome o = run_sumi(f, {"info", "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const json all = json::parse(o.out);
  EXPECT_EQ(all["devices"][0]["kind"], "cpu");
  EXPECT_GE(all["ops"].size(), 28u);
  for (const json& op : all["ops"]) {
    ASSERT_FALSE(op["rows"].empty()) << op;
    EXPECT_EQ(op["rows"].back()["name"], "reference") << op;
    EXPECT_EQ(op["rows"].back()["device"], "cpu") << op;
    EXPECT_NE(op["typical"], "") << op;
    for (const json& row : op["rows"]) {
      EXPECT_TRUE(row["device"] == "cpu" || row["device"] == "cuda") << row;
      EXPECT_FALSE(row["dtypes"].empty()) << op;
      EXPECT_TRUE(row["deterministic"].is_boolean());
      EXPECT_TRUE(row["tf32"].is_boolean());
    }
  }
  EXPECT_FALSE(all["libraries"]["Highway"].get<std::string>().empty());
  EXPECT_NE(run_sumi(f, {"info"}).out.find("conv2d_forward"), std::string::npos);
}

TEST(Info, DescribesAWeightsFile) {
  const TemporaryFolder f;
  write_tiny_model(f / "tiny.safetensors");
  const Outcome o = run_sumi(f, {"info", "tiny.safetensors", "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const json about = json::parse(o.out);
  EXPECT_EQ(about["architecture"], "faststyle");
  EXPECT_EQ(about["metadata"]["architecture"], "faststyle");
  EXPECT_EQ(about["tensors"].size(), 30u);
  EXPECT_NE(run_sumi(f, {"info", "tiny.safetensors"}).out.find("conv1.conv2d.weight"), std::string::npos);
}

TEST(Info, KnowsBundledModelsByName) {
  const TemporaryFolder f;
  fs::create_directory(f / "models");
  write_tiny_model(f / "models/wavelet.safetensors");
  const Outcome o = run_sumi(f, {"info", "wavelet", "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(json::parse(o.out)["architecture"], "faststyle");
  EXPECT_TRUE(json::parse(o.out)["file"].get<std::string>().ends_with("models/wavelet.safetensors"));
  expect_error(run_sumi(f, {"info", "wavelte"}), 1, {"'wavelte'", "did you mean wavelet?"});
}

TEST(Info, SaysWhyAFileIsNotValid) {
  const TemporaryFolder f;
  write_tiny_model(f / "tiny.safetensors");
  const std::string whole = contents_of(f / "tiny.safetensors");
  write_bytes(f / "cut.safetensors", whole.substr(0, whole.size() - 10));
  expect_error(run_sumi(f, {"info", "cut.safetensors"}), 1, {"cut.safetensors"});
  expect_error(run_sumi(f, {"info", "none.safetensors"}), 1, {"none.safetensors"});
}

TEST(Bench, TimesANetwork) {
  const TemporaryFolder f;
  write_tiny_model(f / "tiny.safetensors");
  const Outcome o = run_sumi(
      f, {"bench", "--model", "./tiny.safetensors", "--size", "64x48", "--threads", "1", "--repeat", "2", "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const json m = json::parse(o.out);
  EXPECT_GT(m["min_ms"], 0.0);
  EXPECT_GE(m["median_ms"], m["min_ms"]);
  EXPECT_GT(m["gflops"], 0.0);
  EXPECT_GT(m["peak_mib"], 1.0);
  const Outcome table = run_sumi(f, {"bench", "--model", "./tiny.safetensors", "--size", "64x48", "--repeat", "1"});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_NE(table.out.find("% roofline"), std::string::npos);
  EXPECT_NE(table.out.find("conv2d_forward"), std::string::npos);
  expect_error(run_sumi(f, {"bench", "--model", "./tiny.safetensors", "--size", "65x48"}), 1,
               {"multiples of 4", "65x48", "--size 64x48"});
}

TEST(Bench, TimesAVggFile) {
  const TemporaryFolder f;
  write_vgg(f / "vgg.safetensors", "conv4_2");
  const Outcome o = run_sumi(f, {"bench", "--model", "vgg.safetensors", "--size", "32x24", "--repeat", "1", "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(json::parse(o.out)["model"], "vgg16");
  EXPECT_GT(json::parse(o.out)["gflops"], 0.0);
}

TEST(Bench, SizesThatCannotRunAreNamedWithOneThatCan) {
  const TemporaryFolder f;
  expect_error(run_sumi(f, {"bench", "--model", "vgg16", "--size", "1x1"}), 1,
               {"vgg16", "at least 8", "1x1", "--size 8x8"});
  expect_error(run_sumi(f, {"bench", "--train", "faststyle", "--size", "250x66"}), 1,
               {"training", "multiples of 4", "250x66", "--size 248x64"});
}

}  // namespace
}  // namespace sumi::test
