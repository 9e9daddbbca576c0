#include "apps/file_info.h"

#include <iomanip>
#include <ostream>

#include "gan/generator.h"
#include "gan/vgg.h"
#include "nn/safetensors.h"

namespace sumi {
namespace {

using nlohmann::json;

std::string shape_text(const json& shape) {
  std::string s;
  for (const auto& side : shape) s = concat(s, s.empty() ? "" : "x", side.get<std::int64_t>());
  return s.empty() ? "scalar" : s;
}

/// A generator, else a VGG trunk, else why not.
void recognise(json& about, const ContextPtr& context, const std::string& path) {
  std::string problem;
  try {
    const Architecture& a = *load_generator(context, path).architecture;
    about["architecture"] = a.name, about["title"] = a.title;
    return;
  } catch (const Error& e) {
    problem = e.what();
  }
  try {
    load_vgg(context, path, "relu5_1");
    about["architecture"] = "vgg", about["title"] = "VGG trunk (Simonyan & Zisserman 2015)";
  } catch (const Error&) {
    about["problem"] = problem;
  }
}

}  // namespace

json file_info(const ContextPtr& context, const std::string& path) {
  const SafetensorsFile file(path);
  json tensors = json::array();
  std::size_t bytes = 0;
  for (const TensorEntry& e : file.entries()) {
    tensors.push_back({{"name", e.name}, {"dtype", e.dtype}, {"shape", e.shape}});
    bytes += e.end - e.begin;
  }
  json about = {{"file", path},      {"bytes", bytes}, {"architecture", ""},
                {"title", ""},       {"problem", ""},  {"metadata", file.metadata()},
                {"tensors", tensors}};
  recognise(about, context, path);
  return about;
}

void print_file_info(const json& about, std::ostream& out) {
  out << about["file"].get<std::string>() << ": " << about["tensors"].size() << " tensors, " << std::fixed
      << std::setprecision(1) << about["bytes"].get<double>() / 1048576 << " MiB\n";
  if (about["architecture"] != "")
    out << "architecture: " << about["architecture"].get<std::string>() << ", " << about["title"].get<std::string>()
        << '\n';
  else
    out << "architecture: not recognised: " << about["problem"].get<std::string>() << '\n';
  for (const auto& [key, value] : about["metadata"].items())
    out << "  " << key << ": " << value.get<std::string>() << '\n';
  out << '\n';
  for (const auto& t : about["tensors"])
    out << "  " << std::left << std::setw(6) << t["dtype"].get<std::string>() << std::setw(18) << shape_text(t["shape"])
        << t["name"].get<std::string>() << '\n';
}

}  // namespace sumi
