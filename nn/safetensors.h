// The safetensors format: 8 bytes of header length, a JSON header, raw little-endian tensors.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nn/atomic_file.h"
#include "nn/module.h"

namespace sumi {

/// One tensor of a file's header, as it stands there.
struct TensorEntry {
  std::string name, dtype;  // dtype as the file says: F32, F16, BF16, F64, U8, I64...
  std::vector<std::int64_t> shape;
  std::size_t begin = 0, end = 0;  // bytes in the data section
};

/// A mapped, fully checked file: header length, UTF-8 JSON object, no duplicate or overlong names, known dtypes,
/// checked shape products, offsets contiguous from 0 without gaps or overlap, total equal to the file's size.
class SafetensorsFile {
 public:
  /// Throws Error naming the file and the rule it breaks.
  explicit SafetensorsFile(const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::vector<TensorEntry>& entries() const;  // in file order
  const std::map<std::string, std::string>& metadata() const;
  const std::byte* bytes(const TensorEntry& e) const;
  /// All floating-point tensors in the file's own dtype (F64 becomes f32), file layout, ready for load_state_dict.
  StateDict load(const ContextPtr& context) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Atomic: written to a temporary sibling, fsynced, renamed; the old file survives every failure. Throws Error naming
/// the file and what the system said. Tensors keep their dtype.
void save_safetensors(const std::string& path, const StateDict& state,
                      const std::map<std::string, std::string>& metadata);

}  // namespace sumi
