#include "kernels/core/uploads.h"

#include <algorithm>
#include <cstring>

#include "kernels/core/error.h"
#include "kernels/device/runtime.h"

namespace sumi {

Uploads::~Uploads() {
  for (const Slot& s : slots_) {
    if (!s.memory) continue;
    try {
      device::wait(s.copied);
    } catch (const Error&) {  // whoever waited for the stream has heard of it
    }
    device::destroy_event(s.copied);
    device::release_pinned(s.memory);
  }
}

void Uploads::make(Slot& slot) {
  slot.memory = device::allocate_pinned(kPiece);
  slot.copied = device::create_event();
}

void Uploads::copy(void* dst, const void* src, std::size_t bytes) {
  device::refuse_in_capture(stream_, "copying to the GPU");  // waiting for an event, or pinning, would spoil it too
  auto* to = static_cast<char*>(dst);
  const auto* from = static_cast<const char*>(src);
  for (std::size_t done = 0; done < bytes; done += kPiece) {
    const std::size_t piece = std::min(kPiece, bytes - done);
    Slot& slot = slots_[next_++ % slots_.size()];
    if (slot.memory)
      device::wait(slot.copied);
    else
      make(slot);
    std::memcpy(slot.memory, from + done, piece);
    device::copy_to_device(to + done, slot.memory, piece, stream_);
    device::record(slot.copied, stream_);
  }
}

}  // namespace sumi
