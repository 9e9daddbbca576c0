// Bundled networks by name.
#pragma once
#include <string>
#include <vector>

namespace sumi {

/// The folders looked in, in order: $SUMI_MODELS, <program>/../share/sumi/models (installed), <program>/../../models
/// (build tree), ./models.
std::vector<std::string> model_folders();

/// Names of the .safetensors files in those folders, sorted.
std::vector<std::string> bundled_models();

/// The names in one line: "a, b".
std::string bundled_text();

/// A file as given (when it ends in .safetensors or has a folder), else the bundled model of that name. Throws Error
/// that lists the names there are.
std::string find_model(const std::string& name_or_file);

}  // namespace sumi
