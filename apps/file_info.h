// What is in a weights file.
#pragma once
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>

#include "tensor/tensor.h"

namespace sumi {

/// {file, bytes, architecture, title, problem, metadata, tensors: [{name, dtype, shape}]}. `architecture` is empty
/// where none is recognised, `problem` says why. Throws Error naming the rule that a damaged file breaks.
nlohmann::json file_info(const ContextPtr& context, const std::string& path);
void print_file_info(const nlohmann::json& about, std::ostream& out);

}  // namespace sumi
