#include "kernels/device/divide.h"

#include <gtest/gtest.h>

#include <random>

namespace sumi::test {
namespace {

TEST(Divider, GivesTheQuotient) {
  std::mt19937_64 rng(3);
  std::vector<std::int64_t> divisors{1, 2, 3, 7, 64, 1000, (1 << 30) - 1, 1 << 30, (std::int64_t{1} << 31) - 1};
  for (const int bits : {31, 32, 40}) divisors.push_back(std::int64_t{1} << bits);
  for (int i = 0; i < 2000; i++) divisors.push_back(1 + static_cast<std::int64_t>(rng() >> (33 + i % 30)));
  for (const std::int64_t d : divisors) {
    const Divider divider(d);
    std::vector<std::int64_t> numbers{0, 1, d - 1, d, d + 1, 2 * d - 1, (std::int64_t{1} << 31) - 1};
    for (const int bits : {31, 32, 50}) numbers.push_back(std::int64_t{1} << bits);
    for (int i = 0; i < 20; i++) numbers.push_back(static_cast<std::int64_t>(rng() >> (20 + 2 * i)));
    for (const std::int64_t n : numbers) ASSERT_EQ(divider.quotient(n), n / d) << n << " / " << d;
  }
}

}  // namespace
}  // namespace sumi::test
