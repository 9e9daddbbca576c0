#include "tests/onnx/model.h"

#include <bit>
#include <cstring>
#include <fstream>
#include <iterator>

#include "kernels/core/dtype.h"

namespace sumi::test::onnx {
namespace {

/// A protobuf message, field by field.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  bool next() {
    if (rest_.empty()) return false;
    const std::uint64_t key = varint();
    number = static_cast<int>(key >> 3), wire = static_cast<int>(key & 7);
    if (wire == 0) integer = varint();
    if (wire == 1) bytes = take(8);
    if (wire == 2) bytes = take(varint());
    if (wire == 5) bytes = take(4);
    check(wire == 0 || wire == 1 || wire == 2 || wire == 5, "onnx: unknown wire type ", wire);
    return true;
  }
  std::string text() const { return std::string(bytes); }
  /// Integers, packed in one field or one each.
  void append_to(std::vector<std::int64_t>& list) const {
    if (wire == 0) return list.push_back(static_cast<std::int64_t>(integer));
    for (Fields f(bytes); !f.rest_.empty();) list.push_back(static_cast<std::int64_t>(f.varint()));
  }

  int number = 0, wire = 0;
  std::uint64_t integer = 0;
  std::string_view bytes;

 private:
  std::uint64_t varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      check(!rest_.empty(), "onnx: the file ends inside a number");
      const auto b = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      v |= static_cast<std::uint64_t>(b & 127) << shift;
      if (b < 128) return v;
    }
    fail("onnx: a number is longer than 64 bits");
  }
  std::string_view take(std::uint64_t n) {
    check(n <= rest_.size(), "onnx: a field of ", n, " bytes, ", rest_.size(), " left");
    const std::string_view part = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return part;
  }
  std::string_view rest_;
};

template <class T>
void append_raw(std::string_view bytes, std::vector<double>& data) {
  check(bytes.size() % sizeof(T) == 0, "onnx: ", bytes.size(), " bytes are no whole number of elements");
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(T)) {
    T v;
    std::memcpy(&v, bytes.data() + i, sizeof v);
    data.push_back(static_cast<double>(v));
  }
}

void append_elements(int type, std::string_view raw, std::vector<double>& data) {
  switch (type) {
    case 1:
      return append_raw<float>(raw, data);
    case 2:
    case 9:
      return append_raw<std::uint8_t>(raw, data);
    case 6:
      return append_raw<std::int32_t>(raw, data);
    case 7:
      return append_raw<std::int64_t>(raw, data);
    case 11:
      return append_raw<double>(raw, data);
    default:
      return;  // other types leave the data empty: operators refuse them by type
  }
}

Attribute parse_attribute(std::string_view bytes, std::string& name) {
  Attribute a;
  for (Fields f(bytes); f.next();) {
    if (f.number == 1) name = f.text();
    if (f.number == 2 && f.wire == 5) {
      float v;
      std::memcpy(&v, f.bytes.data(), sizeof v);
      a.f = static_cast<double>(v);
    }
    if (f.number == 3) a.i = static_cast<std::int64_t>(f.integer);
    if (f.number == 4) a.s = f.text();
    if (f.number == 8) f.append_to(a.ints);
  }
  return a;
}

Node parse_node(std::string_view bytes) {
  Node n;
  for (Fields f(bytes); f.next();) {
    if (f.number == 1) n.inputs.push_back(f.text());
    if (f.number == 2) n.outputs.push_back(f.text());
    if (f.number == 4) n.op = f.text();
    if (f.number != 5) continue;
    std::string name;
    const Attribute a = parse_attribute(f.bytes, name);
    n.attributes[name] = a;
  }
  return n;
}

std::string name_in(std::string_view message, int field) {
  std::string name;
  for (Fields f(message); f.next();)
    if (f.number == field) name = f.text();
  return name;
}

}  // namespace

Value parse_tensor(std::string_view bytes) {
  Value v;
  std::string_view raw;
  std::vector<std::int64_t> integers;
  for (Fields f(bytes); f.next();) {
    if (f.number == 1) f.append_to(v.dims);
    if (f.number == 2) v.type = static_cast<int>(f.integer);
    if (f.number == 4 && f.wire != 0) append_raw<float>(f.bytes, v.data);
    if (f.number == 5 || f.number == 7) f.append_to(integers);
    if (f.number == 9) raw = f.bytes;
    if (f.number == 10 && f.wire != 0) append_raw<double>(f.bytes, v.data);
  }
  append_elements(v.type, raw, v.data);
  for (const std::int64_t i : integers) v.data.push_back(static_cast<double>(i));
  for (const std::int64_t d : v.dims) check(d >= 0 && d < (1 << 24), "onnx: a side of ", d);
  return v;
}

Graph parse_model(std::string_view bytes) {
  Graph g;
  for (Fields model(bytes); model.next();) {
    if (model.number != 7) continue;
    for (Fields f(model.bytes); f.next();) {
      if (f.number == 1) g.nodes.push_back(parse_node(f.bytes));
      if (f.number == 5) g.initializers[name_in(f.bytes, 8)] = parse_tensor(f.bytes);
      if (f.number == 11) g.inputs.push_back(name_in(f.bytes, 1));
      if (f.number == 12) g.outputs.push_back(name_in(f.bytes, 1));
    }
  }
  return g;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  check(in.good(), "onnx: cannot open ", path);
  return {std::istreambuf_iterator<char>(in), {}};
}

double Node::number(const std::string& name, double absent) const {
  const auto at = attributes.find(name);
  return at == attributes.end() ? absent : at->second.f;
}
std::int64_t Node::integer(const std::string& name, std::int64_t absent) const {
  const auto at = attributes.find(name);
  return at == attributes.end() ? absent : at->second.i;
}
std::string Node::text(const std::string& name, const std::string& absent) const {
  const auto at = attributes.find(name);
  return at == attributes.end() ? absent : at->second.s;
}
std::vector<std::int64_t> Node::integers(const std::string& name, const std::vector<std::int64_t>& absent) const {
  const auto at = attributes.find(name);
  return at == attributes.end() ? absent : at->second.ints;
}

}  // namespace sumi::test::onnx
