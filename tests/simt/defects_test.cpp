// The test of the checks: every seeded defect is seen by the builds that it names, and without it none says anything.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/simt/defects.h"
#include "tests/simt/simt/machine.h"

namespace sumi::test {
namespace {

Flavour this_flavour() {
#if defined(__SANITIZE_ADDRESS__)
  return sanitized;
#else
  return simt::observer() ? race : plain;
#endif
}

constexpr int kSchedules = 7;

void choose_schedule(int i) {
  simt::options().order = i == 0 ? simt::Order::forward : i == 1 ? simt::Order::reverse : simt::Order::random;
  simt::options().seed = static_cast<std::uint64_t>(i);
}

/// In a process of its own: AddressSanitizer ends the one it finds something in.
bool is_seen(const Defect& d) {
  const pid_t child = fork();
  if (child == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDERR_FILENO);
    bool right = true;
    try {
      for (int i = 0; i < kSchedules && right; i++) {
        choose_schedule(i);
        right = d.run(true);
      }
    } catch (const std::exception&) {
      right = false;
    }
    _exit(right ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

std::vector<Defect> all_defects() {
  std::vector<Defect> all;
  for (const auto& list :
       {barrier_defects(), memory_defects(), warp_defects(), async_defects(), cluster_defects(), host_defects()})
    all.insert(all.end(), list.begin(), list.end());
  return all;
}

TEST(Defects, AreSeen) {
  for (const Defect& d : all_defects()) {
    EXPECT_NE(d.seen_by, 0u) << d.name;
    EXPECT_TRUE(is_seen(d) || !(d.seen_by & this_flavour())) << d.name;
  }
  EXPECT_GE(all_defects().size(), 30u);
}

TEST(Defects, NothingIsSeenWithoutThem) {
  for (const Defect& d : all_defects())
    for (int i = 0; i < kSchedules; i++) {
      choose_schedule(i);
      EXPECT_NO_THROW(EXPECT_TRUE(d.run(false)) << d.name << ", schedule " << i) << d.name << ", schedule " << i;
    }
}

std::string finding_of(std::string_view name) {
  for (const Defect& d : all_defects()) {
    if (d.name != name) continue;
    choose_schedule(0);
    try {
      d.run(true);
    } catch (const std::exception& e) {
      return e.what();
    }
  }
  return "";
}

/// The variable, both source lines, both threads, and the block.
TEST(Defects, FindingsNameWhatIsNeeded) {
  if (this_flavour() != race) GTEST_SKIP() << "the race checker's text";
  const std::string shared = finding_of("ring: one slot where two steps overlap");
  for (const char* part : {"ring<", "thread 32,0,0 writes 4 bytes at tests/simt/defects_barrier.cu:",
                           "read before by thread 31,0,0 at tests/simt/defects_barrier.cu:",
                           "slots + 128 of 768 bytes (shared)", "block 0,0,0"})
    EXPECT_NE(shared.find(part), std::string::npos) << part << " is not in: " << shared;
  const std::string global = finding_of("blur: writes one past the end");
  EXPECT_NE(global.find("byte 400 of an allocation of 400 bytes"), std::string::npos) << global;
}

}  // namespace
}  // namespace sumi::test
