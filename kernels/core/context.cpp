#include "kernels/core/context.h"

#include <algorithm>

#include "kernels/core/autotune.h"
#include "kernels/core/environment.h"
#include "kernels/core/stream_memory.h"
#include "kernels/core/uploads.h"
#include "kernels/device/runtime.h"

namespace sumi {
namespace {

constexpr std::size_t kMaxPlans = 1024, kMaxPacks = 16;  // of one storage

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

DeviceInfo info_of(const ContextOptions& o) {
  if (o.device == DeviceKind::cpu) return cpu_info(o.threads);
  DeviceInfo d = device::info();
  d.threads = cpu_info(o.threads).threads;  // for what the host does
  return d;
}

}  // namespace

Context::Context(const ContextOptions& o)
    : device_(info_of(o)),
      deterministic_(o.deterministic),
      tf32_(o.tf32),
      graphs_(o.graphs && environment("SUMI_GRAPHS") != "0"),
      forced_(parse_forced(o.forced_rows.empty() ? environment("SUMI_KERNEL") : o.forced_rows)) {
  const bool on_gpu = device_.kind == DeviceKind::cuda;
  if (o.autotune || environment("SUMI_AUTOTUNE") == "1")
    autotuner_ = std::make_unique<Autotuner>(device_, on_gpu ? device::versions() : "");
  if (!on_gpu) return;
  stream_ = device::create_stream();
  device_memory_ = std::make_unique<StreamMemory>(stream_);
  memory_ = device_memory_.get();
  uploads_ = std::make_unique<Uploads>(stream_);
}

Context::~Context() {
  cache_.clear();  // its blocks are of the stream
  device_memory_.reset();
  uploads_.reset();
  if (stream_) device::destroy_stream(stream_);
}

void Context::upload(void* dst, const void* src, std::size_t bytes) { uploads_->copy(dst, src, bytes); }

void Context::synchronize() {
  if (stream_) device::synchronize(stream_);
}

std::string_view Context::forced_row(std::string_view op) const {
  const auto it = forced_.find(op);
  return it == forced_.end() ? std::string_view{} : std::string_view{it->second};
}

std::shared_ptr<void> PackCache::find(const std::string& name, const TensorRef& source) {
  const auto of_source = entries_.find(source.id);
  if (of_source == entries_.end()) return nullptr;
  const auto known = of_source->second.find(name);
  return known != of_source->second.end() && known->second.version == source.version ? known->second.value : nullptr;
}

std::shared_ptr<void> PackCache::get_captured(const std::string& name, const TensorRef& source, const Make& make) {
  auto& [version, value] = watch_->newest[{source.id, name}];
  if (value && version == source.version) return value;
  const bool constant = !watch_->changing.contains(source.id) && !watch_->written.contains(source.id);
  if (auto known = constant ? find(name, source) : nullptr) {
    watch_->constants.push_back({source.id, name, known});
    return known;
  }
  version = source.version;
  return watch_->made.emplace_back(value = make());
}

std::shared_ptr<void> PackCache::get_any(std::string_view row, const std::string& key, const TensorRef& source,
                                         const Make& make) {
  const std::lock_guard lock(mutex_);
  const std::string name = concat(row, '/', key);
  if (watch_ && watch_->capturing) return get_captured(name, source, make);
  if (auto known = find(name, source)) return known;
  auto& of_source = entries_[source.id];
  std::erase_if(of_source, [&](const auto& entry) { return entry.second.version != source.version; });
  // Keys hold the picture's size: a folder of pictures of every size would otherwise gather values without end.
  if (of_source.size() >= (source.id == kPlans ? kMaxPlans : kMaxPacks)) of_source.clear();
  return of_source.insert_or_assign(name, Entry{source.version, make()}).first->second.value;
}

bool PackCache::has(const std::vector<Watch::Constant>& constants) {
  const std::lock_guard lock(mutex_);
  return std::ranges::all_of(constants, [&](const Watch::Constant& c) {
    if (c.id == kPlans) return true;
    const auto of_source = entries_.find(c.id);
    if (of_source == entries_.end()) return false;
    const auto known = of_source->second.find(c.name);
    return known != of_source->second.end() && known->second.value == c.value;
  });
}

void PackCache::written(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  entries_.erase(id);
  if (watch_) watch_->written.insert(id);
}

void PackCache::clear() noexcept {
  const std::lock_guard lock(mutex_);
  entries_.clear();
}

void PackCache::forget(std::uint64_t id) noexcept {
  const std::lock_guard lock(mutex_);
  entries_.erase(id);
  if (watch_) watch_->written.erase(id);
}

}  // namespace sumi
