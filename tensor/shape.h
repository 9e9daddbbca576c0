// A shape: up to five sides, outermost first.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>

#include "kernels/binary/binary.h"
#include "kernels/core/error.h"

namespace sumi {

/// Rank 0 to 5; a scalar has rank 0 and one element. Throws Error for a sixth side or a negative one.
class Shape {
 public:
  static constexpr int kMaxRank = 5;
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sides) {
    check(sides.size() <= kMaxRank, "shape: at most ", kMaxRank, " sides, got ", sides.size());
    for (const std::int64_t s : sides) push_back(s);
  }
  void push_back(std::int64_t side) {
    check(rank_ < kMaxRank, "shape: at most ", kMaxRank, " sides");
    check(side >= 0, "shape: a side must not be negative, got ", side);
    sides_[static_cast<std::size_t>(rank_++)] = side;
  }

  int rank() const { return rank_; }
  /// Side i; negative i counts from the end.
  std::int64_t operator[](int i) const {
    const int at = i < 0 ? i + rank_ : i;
    return sides_[static_cast<std::size_t>(at)];
  }
  std::int64_t numel() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank_; i++) n *= (*this)[i];
    return n;
  }
  /// With leading ones up to rank 5.
  Dims5 dims5() const {
    Dims5 d{1, 1, 1, 1, 1};
    for (int i = 0; i < rank_; i++) d[static_cast<std::size_t>(kMaxRank - rank_ + i)] = (*this)[i];
    return d;
  }
  const std::int64_t* begin() const { return sides_.data(); }
  const std::int64_t* end() const { return sides_.data() + rank_; }
  friend bool operator==(const Shape&, const Shape&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Shape& s) {
    out << '[';
    for (int i = 0; i < s.rank_; i++) out << (i ? "," : "") << s[i];
    return out << ']';
  }

 private:
  std::array<std::int64_t, kMaxRank> sides_{};
  int rank_ = 0;
};

}  // namespace sumi
