#include "tests/simt/tensor_box.h"

#include "kernels/device/tensor_map_limits.h"
#include "tests/simt/simt/machine.h"
#include "tests/simt/simt/memory.h"

namespace simt {
namespace {

CUtensorMap encoded(const TensorMap& m) {
  std::int64_t extent = (std::int64_t{m.largest[0]} + 1) * m.element;
  for (int i = 1; i < m.rank + (m.im2col ? 2 : 0); i++) extent += m.largest[i] * m.stride[i - 1];
  check_block(m.data, static_cast<std::size_t>(extent));
  CUtensorMap out{};
  std::memcpy(static_cast<void*>(&out), &m, sizeof m);
  return out;
}

}  // namespace

TensorBox TensorBox::of(const CUtensorMap* map, std::initializer_list<int> at, bool im2col) {
  TensorBox b;
  std::memcpy(static_cast<void*>(&b.map), map, sizeof b.map);
  if (reinterpret_cast<std::uintptr_t>(map) % 64) fail("tensor copy: the map is not aligned to 64 bytes");
  if (b.map.magic != TensorMap::kMagic) fail("tensor copy: not a tensor map");
  if ((b.map.im2col != 0) != im2col || (!im2col && b.map.rank != at.size()))
    fail("tensor copy: the map is of another kind or rank");
  std::copy(at.begin(), at.end(), b.at);
  return b;
}

std::size_t TensorBox::swizzled(std::size_t offset) const {
  const auto span = static_cast<std::size_t>(span_of(map.swizzle));
  return span ? offset ^ ((offset >> 7 & (span / 16 - 1)) << 4) : offset;
}

/// Row number `row` of the box: dimension 0 from at[0] on, of the line of the tensor that starts at `start`.
void TensorBox::visit_row(std::size_t row, const char* start, bool there,
                          const std::function<void(const BoxChunk&)>& f) const {
  const std::int64_t size = map.element, end = (std::int64_t{map.largest[0]} + 1) * size;
  const std::size_t bytes = map.box[0] * static_cast<std::size_t>(map.element);
  for (std::size_t i = 0; i < bytes; i += 16) {
    const std::int64_t from = at[0] * size + static_cast<std::int64_t>(i);
    const auto clip = [&](std::int64_t v) { return static_cast<int>(std::clamp<std::int64_t>(v, 0, 16)); };
    const int begin = clip(-from), stop = there ? std::max(begin, clip(end - from)) : begin;
    f({row * bytes + i, start + from, begin, stop});
  }
}

void TensorBox::visit_tiled(const std::function<void(const BoxChunk&)>& f) const {
  std::size_t rows = 1;
  for (int i = 1; i < map.rank; i++) rows *= map.box[i];
  for (std::size_t row = 0; row < rows; row++) {
    std::int64_t offset_bytes = 0;
    bool there = true;
    std::size_t rest = row;
    for (int i = 1; i < map.rank; i++) {
      const std::int64_t index = at[i] + static_cast<std::int64_t>(rest % map.box[i]);
      rest /= map.box[i];
      there = there && index >= 0 && index <= map.largest[i];
      offset_bytes += index * map.stride[i - 1];
    }
    visit_row(row, map.data + offset_bytes, there, f);
  }
}

void TensorBox::visit_pixels(const std::function<void(const BoxChunk&)>& f) const {
  const std::int64_t end[] = {std::int64_t{map.largest[1]} + map.last[0], std::int64_t{map.largest[2]} + map.last[1]};
  std::int64_t w = at[1], h = at[2], n = at[3];
  if (w < map.first[0] || w > end[0] || h < map.first[1] || h > end[1])
    fail("tensor copy: the first pixel lies outside the window");
  for (std::size_t row = 0; row < map.box[1]; row++) {
    const std::int64_t x = w + offset[0], y = h + offset[1];
    const bool there = x >= 0 && x <= map.largest[1] && y >= 0 && y <= map.largest[2] && n >= 0 && n <= map.largest[3];
    visit_row(row, map.data + x * map.stride[0] + y * map.stride[1] + n * map.stride[2], there, f);
    if ((w += map.step[0]) <= end[0]) continue;
    w = map.first[0];
    if ((h += map.step[1]) <= end[1]) continue;
    h = map.first[1];
    n++;
  }
}

void TensorBox::visit(const std::function<void(const BoxChunk&)>& f) const {
  if (map.im2col)
    visit_pixels(f);
  else
    visit_tiled(f);
}

}  // namespace simt

namespace sumi {

CUtensorMap tensor_map(const TiledTensor& t) {
  check_limits(t);
  simt::TensorMap m;
  m.rank = static_cast<std::uint8_t>(t.rank), m.element = static_cast<std::uint8_t>(size_of(t.dtype));
  m.swizzle = t.swizzle, m.data = static_cast<const char*>(t.data);
  for (int i = 0; i < t.rank; i++) {
    m.largest[i] = static_cast<std::uint32_t>(t.size[i] - 1);
    m.box[i] = static_cast<std::uint16_t>(t.box[i]);
    if (i > 0) m.stride[i - 1] = t.stride[i];
  }
  return simt::encoded(m);
}

CUtensorMap tensor_map(const Im2colTensor& t) {
  check_limits(t);
  simt::TensorMap m;
  m.rank = 2, m.element = static_cast<std::uint8_t>(size_of(t.dtype)), m.im2col = 1;
  m.swizzle = t.swizzle, m.data = static_cast<const char*>(t.data);
  const std::int64_t size[] = {t.C, t.W, t.H, t.N};
  std::int64_t stride = m.element;
  for (int i = 0; i < 4; i++) {
    m.largest[i] = static_cast<std::uint32_t>(size[i] - 1);
    if (i > 0) m.stride[i - 1] = stride;
    stride *= size[i];
  }
  m.box[0] = static_cast<std::uint16_t>(t.channels), m.box[1] = static_cast<std::uint16_t>(t.pixels);
  m.first[0] = static_cast<std::int8_t>(t.first_w), m.first[1] = static_cast<std::int8_t>(t.first_h);
  m.last[0] = static_cast<std::int8_t>(t.last_w), m.last[1] = static_cast<std::int8_t>(t.last_h);
  m.step[0] = static_cast<std::uint8_t>(t.stride_w), m.step[1] = static_cast<std::uint8_t>(t.stride_h);
  return simt::encoded(m);
}

}  // namespace sumi
