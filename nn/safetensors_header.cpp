#include "nn/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace sumi {
namespace {

/// Fit for a one-line message: control characters replaced, long names cut.
std::string shown(std::string_view name) {
  std::string s(name.substr(0, 80));
  std::ranges::replace_if(
      s, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return name.size() > 80 ? s + "..." : s;
}

std::uint64_t checked_multiply(std::uint64_t a, std::uint64_t b, std::string_view name) {
  std::uint64_t product = 0;
  check(!__builtin_mul_overflow(a, b, &product), "size of tensor '", shown(name), "' overflows");
  return product;
}

/// Follows the one shape a header can have:
///   { "__metadata__": {key: text}, name: {"dtype": text, "shape": [sides], "data_offsets": [begin, end]} }
/// Everything else is an error at once, so that nothing is built from a hostile file.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  SafetensorsHeader header;

  bool null() override { fail("null where the format has none"); }
  bool boolean(bool) override { fail("boolean where the format has none"); }
  bool number_float(double, const std::string&) override { fail("number is not a whole one, or too large"); }
  bool binary(nlohmann::json::binary_t&) override { fail("binary value"); }
  bool number_integer(std::int64_t) override { fail("negative number"); }

  bool number_unsigned(std::uint64_t v) override {
    check(in_array_, "number outside 'shape' and 'data_offsets'");
    check(v <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), "number too large");
    numbers_.push_back(v);
    check(numbers_.size() <= kMaxRank, "tensor '", shown(name_), "' has more than ", kMaxRank, " sides");
    return true;
  }
  bool string(std::string& text) override {
    check(depth_ == 2 && !in_array_, "text where the format has none");
    if (metadata_)
      header.metadata.emplace(key_, std::move(text));
    else if (key_ == "dtype")
      entry_.dtype = std::move(text);
    else
      fail("'", shown(key_), "' of tensor '", shown(name_), "' is not an array");
    return true;
  }
  bool start_object(std::size_t) override {
    check(depth_ < 2 && !in_array_, "objects nested too deep");
    if (++depth_ == 2) begin_entry();
    return true;
  }
  bool key(std::string& text) override {
    check(keys_[depth_ - 1].insert(text).second, "duplicate key '", shown(text), "'");
    if (depth_ == 1) {
      check(text.size() <= kMaxName, "name longer than ", kMaxName, " bytes: '", shown(text), "'");
      check(keys_[0].size() <= kMaxTensors + 1, "more than ", kMaxTensors, " tensors");
      name_ = text;
    } else if (!metadata_) {
      check(text == "dtype" || text == "shape" || text == "data_offsets", "tensor '", shown(name_),
            "' has unknown key '", shown(text), "'");
    }
    key_ = text;
    return true;
  }
  bool end_object() override {
    if (depth_-- == 2 && !metadata_) end_entry();
    return true;
  }
  bool start_array(std::size_t) override {
    check(depth_ == 2 && !metadata_ && !in_array_ && key_ != "dtype", "array where the format has none");
    in_array_ = true;
    numbers_.clear();
    return true;
  }
  bool end_array() override {
    in_array_ = false;
    if (key_ == "shape") {
      entry_.shape.assign(numbers_.begin(), numbers_.end());
    } else {
      check(numbers_.size() == 2, "'data_offsets' of tensor '", shown(name_), "' must be two numbers");
      entry_.begin = numbers_[0], entry_.end = numbers_[1];
    }
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    fail("header is not valid JSON at byte ", position);
  }

 private:
  void begin_entry() {
    metadata_ = name_ == "__metadata__";
    keys_[1].clear();
    entry_ = {.name = name_};
  }
  void end_entry() {
    check(keys_[1].size() == 3, "tensor '", shown(name_), "' must have dtype, shape and data_offsets");
    check(header.entries.size() < kMaxTensors, "more than ", kMaxTensors, " tensors");
    header.entries.push_back(std::move(entry_));
  }

  int depth_ = 0;
  bool in_array_ = false, metadata_ = false;
  std::set<std::string, std::less<>> keys_[2];
  std::string name_, key_;
  std::vector<std::uint64_t> numbers_;
  TensorEntry entry_;
};

void check_size(const TensorEntry& e) {
  std::uint64_t bytes = safetensors_dtype_size(e.dtype);
  check(bytes > 0, "tensor '", shown(e.name), "' has unknown dtype '", shown(e.dtype), "'");
  for (const std::int64_t side : e.shape) bytes = checked_multiply(bytes, static_cast<std::uint64_t>(side), e.name);
  check(e.begin <= e.end && e.end - e.begin == bytes, "tensor '", shown(e.name), "' has ", bytes,
        " bytes by its shape, but offsets ", e.begin, " to ", e.end);
}

/// Offsets tile [0, data_bytes): no gap, no overlap, nothing left over.
void check_offsets(const std::vector<TensorEntry>& entries, std::uint64_t data_bytes) {
  std::uint64_t expected = 0;
  for (const TensorEntry& e : entries) {
    check(e.begin == expected, "tensor '", shown(e.name), "' begins at ", e.begin, " instead of ", expected,
          ": offsets must be contiguous");
    expected = e.end;
  }
  check(expected == data_bytes, "tensors take ", expected, " bytes, the file has ", data_bytes, " after its header");
}

}  // namespace

std::size_t safetensors_dtype_size(std::string_view dtype) {
  if (dtype == "F64" || dtype == "I64" || dtype == "U64") return 8;
  if (dtype == "F32" || dtype == "I32" || dtype == "U32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16" || dtype == "U16") return 2;
  return dtype == "U8" || dtype == "I8" || dtype == "BOOL" || dtype == "F8_E4M3" || dtype == "F8_E5M2" ? 1 : 0;
}

SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes) {
  check(json.starts_with('{'), "header must begin with '{'");
  check(json.find('\0') == std::string_view::npos, "header holds a zero byte");
  HeaderReader reader;
  nlohmann::json::sax_parse(json, &reader);
  SafetensorsHeader h = std::move(reader.header);
  for (const TensorEntry& e : h.entries) check_size(e);
  std::ranges::sort(h.entries, {}, [](const TensorEntry& e) { return std::tuple(e.begin, e.end, e.name); });
  check_offsets(h.entries, data_bytes);
  return h;
}

}  // namespace sumi
