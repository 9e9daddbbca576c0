// The fourth oracle: ONNX's own conformance cases (Debian's libonnx-testdata). Every case all of whose operators the
// engine can express is a test; one that needs an attribute, rank or element type it lacks is skipped by name.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "tests/onnx/operators.h"

namespace sumi::test::onnx {
namespace {

namespace fs = std::filesystem;
const fs::path kRoot = "/usr/share/libonnx-testdata/data";

/// Runs the nodes in their order (ONNX demands a topological one).
std::map<std::string, Value> run_graph(const Graph& g, std::map<std::string, Value> values) {
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 2});
  values.insert(g.initializers.begin(), g.initializers.end());
  for (const Node& n : g.nodes) {
    Inputs in;
    for (const std::string& name : n.inputs) in.push_back(name.empty() ? Value{} : values.at(name));
    Outputs out = operators().at(n.op)(n, in, context);
    for (std::size_t i = 0; i < std::min(out.size(), n.outputs.size()); i++) values[n.outputs[i]] = out[i];
  }
  return values;
}

/// ONNX's tolerance.
void expect_close(const Value& got, const Value& want, const std::string& name) {
  ASSERT_EQ(got.dims, want.dims) << name;
  for (std::size_t i = 0; i < want.data.size(); i++) {
    const double a = got.data[i], b = want.data[i];
    const bool close = a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-7 + 1e-3 * std::abs(b);
    ASSERT_TRUE(close) << name << '[' << i << "]: got " << a << ", expected " << b;
  }
}

void check_case(const fs::path& folder) {
  Graph g = parse_model(read_file(folder / "model.onnx"));
  // Its expected values were computed with this epsilon, which the published node leaves out.
  if (folder.filename() == "test_adam_multiple") g.nodes[0].attributes["epsilon"].f = 1e-2;
  const fs::path set = folder / "test_data_set_0";
  std::map<std::string, Value> values;
  for (std::size_t i = 0; i < g.inputs.size() && fs::exists(set / concat("input_", i, ".pb")); i++)
    values[g.inputs[i]] = parse_tensor(read_file(set / concat("input_", i, ".pb")));
  try {
    const auto results = run_graph(g, std::move(values));
    for (std::size_t i = 0; i < g.outputs.size(); i++) {
      const auto got = results.find(g.outputs[i]);
      if (got == results.end()) GTEST_SKIP() << "output " << g.outputs[i];
      const Value want = parse_tensor(read_file(set / concat("output_", i, ".pb")));
      expect_close(got->second, want, g.outputs[i]);
    }
  } catch (const Unsupported& e) {
    GTEST_SKIP() << "not in the engine: " << e.what();
  }
}

struct CaseTest : testing::Test {
  explicit CaseTest(fs::path f) : folder(std::move(f)) {}
  void TestBody() override { check_case(folder); }
  fs::path folder;
};

bool expressible(const Graph& g) {
  return !g.nodes.empty() &&
         std::all_of(g.nodes.begin(), g.nodes.end(), [](const Node& n) { return operators().contains(n.op); });
}

/// Registers one test per case: Onnx_<operator>.<case>; returns how many.
int register_cases() {
  int count = 0;
  for (const char* part : {"node", "pytorch-converted", "pytorch-operator", "simple"}) {
    if (!fs::exists(kRoot / part)) continue;
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(kRoot / part)) folders.push_back(entry.path());
    std::sort(folders.begin(), folders.end());
    for (const fs::path& folder : folders) {
      const Graph g = parse_model(read_file(folder / "model.onnx"));
      if (!expressible(g)) continue;
      const std::string suite = g.nodes.size() == 1 ? "Onnx_" + g.nodes[0].op : "Onnx_graphs";
      testing::RegisterTest(suite.c_str(), folder.filename().c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [=]() -> testing::Test* { return new CaseTest(folder); });
      count++;
    }
  }
  return count;
}

const int kCases = register_cases();

TEST(OnnxConformance, CasesAreThere) {
  if (!fs::exists(kRoot)) GTEST_SKIP() << "no conformance cases: apt-get install libonnx-testdata";
  EXPECT_GE(kCases, 200);
}

/// A file cut anywhere either still parses or is refused; nothing is read past its end.
TEST(OnnxReader, SurvivesTruncation) {
  const fs::path model = kRoot / "node/test_conv_with_strides_padding/model.onnx";
  if (!fs::exists(model)) GTEST_SKIP() << "no conformance cases: apt-get install libonnx-testdata";
  const std::string bytes = read_file(model);
  int refused = 0;
  for (std::size_t n = 0; n < bytes.size(); n++) {
    const std::vector<char> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));  // exact size for ASan
    try {
      parse_model({part.data(), part.size()});
    } catch (const Error&) {
      refused++;
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(OnnxReader, RefusesMalformedNumbers) {
  EXPECT_THROW(parse_model("\x3a\x7f"), Error);                                          // longer than the file
  EXPECT_THROW(parse_model("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Error);  // longer than 64 bits
  EXPECT_THROW(parse_model("\x3b"), Error);                                              // a group
}

}  // namespace
}  // namespace sumi::test::onnx
