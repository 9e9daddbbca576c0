// The header of a safetensors file: parsed and checked without looking at the data.
#pragma once
#include <cstdint>
#include <string_view>

#include "nn/safetensors.h"

namespace sumi {

/// What a header says, once it is known to be valid.
struct SafetensorsHeader {
  std::vector<TensorEntry> entries;  // by offset
  std::map<std::string, std::string> metadata;
};

/// Beyond these a file is refused before anything is allocated for it. Names are in bytes.
inline constexpr std::uint64_t kMaxHeaderBytes = 16u << 20;
inline constexpr std::size_t kMaxTensors = 65536, kMaxRank = 8, kMaxName = 512;

/// `json` is the header's text, `data_bytes` what follows it in the file. Throws Error with the broken rule.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes);

/// Bytes of one element of the format's dtype; 0 for a name that it does not have.
std::size_t safetensors_dtype_size(std::string_view dtype);

}  // namespace sumi
