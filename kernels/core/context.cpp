#include "kernels/core/context.h"

#include "kernels/core/autotune.h"
#include "kernels/core/environment.h"
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

/// A GPU's memory, in the order of one stream.
class StreamMemory final : public Memory {
 public:
  explicit StreamMemory(Stream s) : stream_(s) {}
  void* allocate(std::size_t bytes) override { return device::allocate(bytes, stream_); }
  void release(void* p) noexcept override { device::release(p, stream_); }

 private:
  Stream stream_;
};

}  // namespace

Context::Context(const ContextOptions& o)
    : device_(info_of(o)),
      deterministic_(o.deterministic),
      tf32_(o.tf32),
      forced_(parse_forced(o.forced_rows.empty() ? environment("SUMI_KERNEL") : o.forced_rows)) {
  if (o.autotune || environment("SUMI_AUTOTUNE") == "1") autotuner_ = std::make_unique<Autotuner>(device_);
  if (device_.kind == DeviceKind::cpu) return;
  stream_ = device::create_stream();
  device_memory_ = std::make_unique<StreamMemory>(stream_);
  memory_ = device_memory_.get();
}

Context::~Context() {
  cache_.clear();  // its blocks are of the stream
  if (stream_) device::destroy_stream(stream_);
}

void Context::synchronize() {
  if (stream_) device::synchronize(stream_);
}

std::string_view Context::forced_row(std::string_view op) const {
  const auto it = forced_.find(op);
  return it == forced_.end() ? std::string_view{} : std::string_view{it->second};
}

std::shared_ptr<void> PackCache::get_any(std::string_view row, const std::string& key, const TensorRef& source,
                                         const std::function<std::shared_ptr<void>()>& make) {
  const std::lock_guard lock(mutex_);
  auto& of_source = entries_[source.id];
  const std::string name = concat(row, '/', key);
  const auto known = of_source.find(name);
  if (known != of_source.end() && known->second.version == source.version) return known->second.value;
  std::erase_if(of_source, [&](const auto& entry) { return entry.second.version != source.version; });
  // Keys hold the picture's size: a folder of pictures of every size would otherwise gather values without end.
  if (of_source.size() >= (source.id == kPlans ? kMaxPlans : kMaxPacks)) of_source.clear();
  return of_source.insert_or_assign(name, Entry{source.version, make()}).first->second.value;
}

void PackCache::clear() noexcept {
  const std::lock_guard lock(mutex_);
  entries_.clear();
}

void PackCache::forget(std::uint64_t id) noexcept {
  const std::lock_guard lock(mutex_);
  entries_.erase(id);
}

}  // namespace sumi
