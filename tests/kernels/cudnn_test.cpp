// cuDNN makes plans for a GPU that is only described to it, so the graphs that the rows build can be checked without
// one: that the library takes them, and has plain f32 sums for them. What needs the driver's compiler (fused graphs in
// 16 bits) is left to a real GPU.
#include "kernels/conv2d/cases.h"
#include "kernels/conv2d/cudnn_plan.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

using namespace cudnn;

/// An H100, in the library's own words.
constexpr const char* kH100 = R"({
  "deviceName": "NVIDIA H100 80GB HBM3", "deviceVer": 900, "driverVer": 13000, "cudaDeviceId": 0, "pciDeviceId": 0,
  "multiProcessorCount": 132, "warpSize": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "maxCtasPerSM": 32,
  "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "regsPerBlock": 65536,
  "maxRegistersPerSM": 65536, "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,
  "reservedSharedMemoryPerBlock": 1024, "l2CacheSize": 52428800, "totalGlobalMem": 85017493504,
  "smClockRateKHz": 1980000, "memClockRateKHz": 2619000, "isTccDriver": 0, "supportCoopLaunch": 1})";

struct CudnnPlans : testing::Test {
  void SetUp() override {
    if (!cudnn::api()) GTEST_SKIP() << "cuDNN 9.8 or later is not installed";
    auto d = std::make_shared<Descriptor>(*cudnn::api(), CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    d->set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, std::string(kH100)).finalize();
    target.device = d;
  }
  std::vector<Plan> plans(const Problem& p, std::size_t most = 1, std::string* why = nullptr) {
    return make_plans(*cudnn::api(), p, target, most, why);
  }
  /// Every case that the row would take, in three dtypes; how many there were.
  template <class Args>
  int check_all(const std::vector<Case<Args>>& cases) {
    int checked = 0;
    for (const Case<Args>& c : cases)
      for (const DType t : {DType::f32, DType::f16, DType::bf16}) {
        Args a = c.args;
        for (const Operand& o : a.operands()) {
          const bool absent = c.leaves_out(o);
          *o.ref = absent ? TensorRef{} : TensorRef{this, o.param ? DType::f32 : t};
          if (!absent) o.ref->data = reinterpret_cast<void*>(std::uintptr_t{4096});  // never read: aligned
        }
        if (!expressible(a) || (problem_of(a).fused() && t != DType::f32)) continue;
        std::string why;
        EXPECT_FALSE(plans(problem_of(a), 1, &why).empty()) << problem_of(a).key() << ": " << why;
        checked++;
      }
    return checked;
  }
  Target target;
};

TEST_F(CudnnPlans, ExistForRealisticCases) {
  EXPECT_GT(check_all(Cases<Conv2dForward>::realistic()), 50);
  EXPECT_GT(check_all(Cases<Conv2dBackwardInput>::realistic()), 90);
  EXPECT_GT(check_all(Cases<Conv2dBackwardWeight>::realistic()), 90);
}

TEST_F(CudnnPlans, ExistForAwkwardCases) {
  EXPECT_GT(check_all(Cases<Conv2dForward>::awkward()), 60);
  EXPECT_GT(check_all(Cases<Conv2dBackwardInput>::awkward()), 90);
  EXPECT_GT(check_all(Cases<Conv2dBackwardWeight>::awkward()), 100);
}

/// Leaky ReLU needs the compiled kernels, which round f32 data to TF32.
TEST_F(CudnnPlans, TakeActivationsInOneKernel) {
  Problem p{.d = {.N = 1, .H = 32, .W = 32, .C = 64, .K = 64, .R = 3, .S = 3, .pad = Pad4::all(1)}, .bias = true};
  for (const Map act : {Map::identity, Map::relu, Map::tanh, Map::sigmoid}) {
    p.act = act;
    std::string why;
    EXPECT_FALSE(plans(p, 1, &why).empty()) << p.key() << ": " << why;
  }
}

/// Most engines multiply f32 on tensor cores, which round it.
TEST_F(CudnnPlans, RoundToTf32OnlyWhereAllowed) {
  Problem p{.d = {.N = 1, .H = 32, .W = 32, .C = 64, .K = 64, .R = 3, .S = 3, .pad = Pad4::all(1)}};
  const std::string key = p.key();
  const std::size_t plain = plans(p, 24).size();
  p.tf32 = true;
  EXPECT_NE(p.key(), key);
  EXPECT_GT(plans(p, 24).size(), plain);
}

/// Filters' gradients have plans that add up atomically.
TEST_F(CudnnPlans, SumInAnyOrderOnlyWhereAllowed) {
  Problem p{.pass = Pass::backward_weight,
            .d = {.N = 4, .H = 64, .W = 64, .C = 64, .K = 64, .R = 3, .S = 3, .pad = Pad4::all(1)}};
  const std::string key = p.key();
  const std::size_t in_order = plans(p, 64).size();
  p.any_order = true;
  EXPECT_NE(p.key(), key);
  EXPECT_GT(plans(p, 64).size(), in_order);
}

TEST_F(CudnnPlans, KeepWithinTheirWorkspaceAndNumber) {
  const Problem p{.d = {.N = 16, .H = 64, .W = 64, .C = 64, .K = 128, .R = 3, .S = 3, .pad = Pad4::all(1)},
                  .in = DType::bf16,
                  .out = DType::bf16};
  const auto several = plans(p, 6);
  EXPECT_GT(several.size(), 1u);
  EXPECT_LE(several.size(), 6u);
  for (const Plan& plan : several) EXPECT_LE(plan.workspace, kMostWorkspace);
}

TEST_F(CudnnPlans, AreRefusedWithTheLibrarysWords) {
  Problem p{.d = {.N = 1, .H = 8, .W = 8, .C = 6, .K = 4, .R = 3, .S = 3}};
  p.d.groups = 4;  // 6 channels in 4 groups
  try {
    EXPECT_TRUE(plans(p).empty()) << "a plan for something that is no convolution";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("CUDNN_STATUS"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace sumi::test
