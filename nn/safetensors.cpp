#include "nn/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "nn/atomic_file.h"
#include "nn/safetensors_header.h"

static_assert(std::endian::native == std::endian::little, "the format is little-endian, and is read without swapping");

namespace sumi {
namespace {

/// A read-only mapping of a whole regular file.
class Mapping {
 public:
  explicit Mapping(const std::string& path) {
    // O_NONBLOCK: opening a pipe must not wait for a writer.
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    check(file >= 0, std::strerror(errno));
    struct stat info {};
    const bool regular = ::fstat(file, &info) == 0 && S_ISREG(info.st_mode);
    bytes_ = regular ? static_cast<std::size_t>(info.st_size) : 0;
    if (bytes_ > 0) data_ = ::mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE, file, 0);
    const int error = errno;
    ::close(file);
    check(regular, "not a regular file");
    check(data_ != MAP_FAILED, "cannot map: ", std::strerror(error));
  }
  ~Mapping() {
    if (data_) ::munmap(data_, bytes_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::string_view text() const { return {static_cast<const char*>(data_), bytes_}; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

std::string_view file_dtype(DType t) {
  constexpr std::string_view names[] = {"F32", "F64", "F16", "BF16", "U8"};
  return names[static_cast<int>(t)];
}

std::optional<DType> float_dtype(std::string_view dtype) {
  for (const DType t : {DType::f32, DType::f64, DType::f16, DType::bf16})
    if (dtype == file_dtype(t)) return t;
  return std::nullopt;
}

Shape shape_of(const TensorEntry& e) {
  check(e.shape.size() <= Shape::kMaxRank, "tensor '", e.name, "' has ", e.shape.size(), " sides, at most ",
        Shape::kMaxRank, " can be loaded");
  Shape s;
  for (const std::int64_t side : e.shape) s.push_back(side);
  return s;
}

/// The bytes may be unaligned in the file, so they are copied before they are read as numbers.
Tensor tensor_of(const TensorEntry& e, const std::byte* bytes, DType dtype, const ContextPtr& context) {
  const std::size_t count = (e.end - e.begin) / size_of(dtype);
  if (dtype == DType::f64) {
    std::vector<double> wide(count);
    if (count) std::memcpy(wide.data(), bytes, e.end - e.begin);
    std::vector<float> values(count);
    std::ranges::transform(wide, values.begin(), [](double v) { return static_cast<float>(v); });
    return Tensor::from(context, shape_of(e), values);
  }
  Tensor t = Tensor::empty(context, shape_of(e), dtype);
  if (count) t.write(bytes);
  return t;
}

using Ordered = std::vector<std::pair<std::string_view, const Tensor*>>;

/// Widest elements first, so that every tensor is aligned; then by name.
Ordered file_order(const StateDict& state) {
  Ordered order;
  for (const auto& [name, tensor] : state) order.emplace_back(name, &tensor);
  std::ranges::stable_sort(order, std::greater{}, [](const auto& item) { return size_of(item.second->dtype()); });
  return order;
}

std::string header_text(const Ordered& order, const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : order) {
    const std::vector<std::int64_t> sides(tensor->shape().begin(), tensor->shape().end());
    const std::size_t end = offset + tensor->bytes();
    header[std::string(name)] = {
        {"dtype", file_dtype(tensor->dtype())}, {"shape", sides}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  check(text.size() <= kMaxHeaderBytes, "header would take ", text.size(), " bytes");
  return text;
}

}  // namespace

struct SafetensorsFile::Impl {
  explicit Impl(const std::string& path) : mapping(path) {
    const std::string_view file = mapping.text();
    check(file.size() >= 8, "not a safetensors file: ", file.size(), " bytes, the header's length alone takes 8");
    std::uint64_t length = 0;
    std::memcpy(&length, file.data(), 8);
    check(length <= kMaxHeaderBytes, "not a safetensors file: header of ", length, " bytes, at most ", kMaxHeaderBytes);
    check(length <= file.size() - 8, "header of ", length, " bytes reaches beyond the end of the file");
    const std::string_view data = file.substr(8 + length);
    header = parse_safetensors_header(file.substr(8, length), data.size());
    bytes = reinterpret_cast<const std::byte*>(data.data());
  }
  Mapping mapping;
  SafetensorsHeader header;
  const std::byte* bytes = nullptr;
};

SafetensorsFile::SafetensorsFile(const std::string& path) try : impl_(std::make_unique<Impl>(path)) {
} catch (const Error& e) {
  fail(path, ": ", e.what());
}
SafetensorsFile::~SafetensorsFile() = default;

const std::vector<TensorEntry>& SafetensorsFile::entries() const { return impl_->header.entries; }
const std::map<std::string, std::string>& SafetensorsFile::metadata() const { return impl_->header.metadata; }
const std::byte* SafetensorsFile::bytes(const TensorEntry& e) const { return impl_->bytes + e.begin; }

StateDict SafetensorsFile::load(const ContextPtr& context) const {
  StateDict state;
  for (const TensorEntry& e : entries())
    if (const auto dtype = float_dtype(e.dtype)) state.emplace(e.name, tensor_of(e, bytes(e), *dtype, context));
  return state;
}

void save_safetensors(const std::string& path, const StateDict& state,
                      const std::map<std::string, std::string>& metadata) {
  const Ordered order = file_order(state);
  const std::string header = header_text(order, metadata);
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.write({reinterpret_cast<const char*>(&length), sizeof length});
  file.write(header);
  std::vector<char> bytes;
  for (const auto& [name, tensor] : order) {
    bytes.resize(tensor->bytes());
    tensor->read(bytes.data());
    file.write({bytes.data(), bytes.size()});
  }
  file.commit();
}

}  // namespace sumi
