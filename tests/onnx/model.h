// Reads the part of ONNX files that conformance cases use: one graph of nodes with attributes, and tensors. Data only,
// bounds-checked; anything else in the file is skipped.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sumi::test::onnx {

/// Element types, as ONNX numbers them.
enum ElementType { kFloat = 1, kInt64 = 7 };

/// A tensor's values as doubles, whatever their type (int64 is exact to 2^53).
struct Value {
  int type = kFloat;
  std::vector<std::int64_t> dims;
  std::vector<double> data;
  std::int64_t count() const {
    std::int64_t n = 1;
    for (const std::int64_t d : dims) n *= d;
    return n;
  }
};

struct Attribute {
  double f = 0;
  std::int64_t i = 0;
  std::string s;
  std::vector<std::int64_t> ints;
};

struct Node {
  std::string op;
  std::vector<std::string> inputs, outputs;  // "" for an operand left out
  std::map<std::string, Attribute> attributes;

  bool has(const std::string& name) const { return attributes.contains(name); }
  double number(const std::string& name, double absent) const;
  std::int64_t integer(const std::string& name, std::int64_t absent) const;
  std::string text(const std::string& name, const std::string& absent) const;
  std::vector<std::int64_t> integers(const std::string& name, const std::vector<std::int64_t>& absent) const;
};

struct Graph {
  std::vector<Node> nodes;
  std::map<std::string, Value> initializers;
  std::vector<std::string> inputs, outputs;
};

/// Throw Error on a malformed file.
Graph parse_model(std::string_view bytes);
Value parse_tensor(std::string_view bytes);
std::string read_file(const std::string& path);

}  // namespace sumi::test::onnx
