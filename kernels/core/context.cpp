#include "kernels/core/context.h"

#include <cstdlib>

#include "kernels/core/autotune.h"

namespace sumi {
namespace {

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::map<std::string, std::string, std::less<>> parse_forced(std::string_view text) {
  std::map<std::string, std::string, std::less<>> rows;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto item = text.substr(0, comma);
    const auto colon = item.find(':');
    check(colon != item.npos && colon > 0 && colon + 1 < item.size(), "SUMI_KERNEL: expected op:row[,op:row...], got '",
          item, "'");
    rows.emplace(item.substr(0, colon), item.substr(colon + 1));
    text = comma == text.npos ? "" : text.substr(comma + 1);
  }
  return rows;
}

}  // namespace

Context::Context(const ContextOptions& o)
    : device_(cpu_info(o.threads)),
      deterministic_(o.deterministic),
      forced_(parse_forced(o.forced_rows.empty() ? from_environment("SUMI_KERNEL") : o.forced_rows)) {
  if (o.autotune || from_environment("SUMI_AUTOTUNE") == "1") autotuner_ = std::make_unique<Autotuner>(device_);
}

Context::~Context() = default;

std::string_view Context::forced_row(std::string_view op) const {
  const auto it = forced_.find(op);
  return it == forced_.end() ? std::string_view{} : std::string_view{it->second};
}

std::shared_ptr<void> PackCache::get_any(std::string_view row, const std::string& key, const TensorRef& source,
                                         const std::function<std::shared_ptr<void>()>& make) {
  const std::lock_guard lock(mutex_);
  auto& of_source = entries_[source.id];
  // A folder of pictures of every size would otherwise gather plans without end.
  if (source.id == kPlans && of_source.size() >= kMaxPlans) of_source.clear();
  Entry& e = of_source[concat(row, '/', key)];
  if (!e.value || e.version != source.version) e = {source.version, make()};
  return e.value;
}

void PackCache::forget(std::uint64_t id) noexcept {
  const std::lock_guard lock(mutex_);
  entries_.erase(id);
}

}  // namespace sumi
