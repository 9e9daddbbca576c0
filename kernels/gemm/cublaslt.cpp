#include "kernels/gemm/cublaslt.h"

#include <cublasLt.h>

#include <mutex>
#include <vector>

#include "kernels/device/answers.h"
#include "kernels/device/fastest.h"
#include "kernels/device/library.h"
#include "kernels/gemm/column_major.h"

namespace sumi::cuda {
namespace {

constexpr std::uint64_t kMostWorkspace = std::uint64_t{32} << 20;
constexpr int kTimed = 8;  // algorithms among which the autotuner chooses

struct Api {
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtGetStatusString) status_string = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&cublasLtMatmulDescCreate) create_desc = nullptr;
  decltype(&cublasLtMatmulDescDestroy) destroy_desc = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) set_desc = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) create_layout = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) destroy_layout = nullptr;
  decltype(&cublasLtMatrixLayoutSetAttribute) set_layout = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) create_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) destroy_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference = nullptr;
};

/// False where one is missing.
template <class F>
bool find(const device::Library& library, const char* name, F*& function) {
  function = library.function<F>(name);
  return function != nullptr;
}

bool load(Api& a) {
  const device::Library l = device::open_cublaslt();
  return l.found() && find(l, "cublasLtCreate", a.create) && find(l, "cublasLtGetStatusString", a.status_string) &&
         find(l, "cublasLtMatmul", a.matmul) && find(l, "cublasLtMatmulAlgoGetHeuristic", a.heuristic) &&
         find(l, "cublasLtMatmulDescCreate", a.create_desc) && find(l, "cublasLtMatmulDescDestroy", a.destroy_desc) &&
         find(l, "cublasLtMatmulDescSetAttribute", a.set_desc) &&
         find(l, "cublasLtMatrixLayoutCreate", a.create_layout) &&
         find(l, "cublasLtMatrixLayoutDestroy", a.destroy_layout) &&
         find(l, "cublasLtMatrixLayoutSetAttribute", a.set_layout) &&
         find(l, "cublasLtMatmulPreferenceCreate", a.create_preference) &&
         find(l, "cublasLtMatmulPreferenceDestroy", a.destroy_preference) &&
         find(l, "cublasLtMatmulPreferenceSetAttribute", a.set_preference);
}

void expect(const Api& api, cublasStatus_t status, const char* doing) {
  if (status != CUBLAS_STATUS_SUCCESS) fail("cuBLASLt, ", doing, ": ", api.status_string(status));
}

template <class T>
using Owned = std::shared_ptr<std::remove_pointer_t<T>>;

template <class T, class Destroy>
Owned<T> owned(T handle, Destroy destroy) {
  return {handle, [destroy](T h) { destroy(h); }};
}

/// A product's descriptors and the algorithms for it, the library's first choice first.
struct Plan {
  Owned<cublasLtMatmulDesc_t> product;
  Owned<cublasLtMatrixLayout_t> left, right, y;
  std::vector<cublasLtMatmulHeuristicResult_t> algorithms;
};

/// What the process knows of the library. supports() has no context to keep it in, and the answers are the same for
/// all.
struct Session {
  Api api;
  cublasLtHandle_t handle = nullptr;
  std::mutex enqueuing;  // a plan's descriptor holds one call's bias
  device::Answers<Plan> plans;

  Session() {
    if (load(api) && api.create(&handle) != CUBLAS_STATUS_SUCCESS) handle = nullptr;
  }
};

/// Never destroyed: the driver is gone before static objects are.
Session& session() {
  static Session& only = *new Session;
  return only;
}

cudaDataType_t type_of(DType t) {
  if (t == DType::f32) return CUDA_R_32F;
  if (t == DType::f16) return CUDA_R_16F;
  check(t == DType::bf16, "cuBLASLt: expected f32, f16 or bf16, got ", name_of(t));
  return CUDA_R_16BF;
}

/// The largest power of two, up to 256, that divides the address.
std::uint32_t alignment_of(const TensorRef& t) {
  const std::uintptr_t bits = reinterpret_cast<std::uintptr_t>(t.data) | 256;
  return static_cast<std::uint32_t>(bits & (~bits + 1));
}

Owned<cublasLtMatrixLayout_t> make_layout(const Api& api, const ColumnMajor& m, DType t, std::int64_t batch) {
  cublasLtMatrixLayout_t raw = nullptr;
  expect(api,
         api.create_layout(&raw, type_of(t), static_cast<std::uint64_t>(m.rows), static_cast<std::uint64_t>(m.columns),
                           m.ld),
         "describing a matrix");
  auto layout = owned(raw, api.destroy_layout);
  const auto count = static_cast<std::int32_t>(batch);
  expect(api, api.set_layout(raw, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count), "describing a batch");
  expect(api, api.set_layout(raw, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &m.batch_stride, sizeof m.batch_stride),
         "describing a batch");
  return layout;
}

void set_bias(const Api& api, cublasLtMatmulDesc_t product, const void* bias) {
  expect(api, api.set_desc(product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias), "giving the bias");
}

Owned<cublasLtMatmulDesc_t> make_product(const Api& api, const Gemm& g, const ColumnMajorProduct& c, bool tf32) {
  cublasLtMatmulDesc_t raw = nullptr;
  const cublasComputeType_t compute = tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  expect(api, api.create_desc(&raw, compute, CUDA_R_32F), "describing a product");
  auto product = owned(raw, api.destroy_desc);
  const cublasOperation_t left = c.left.transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                          right = c.right.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  expect(api, api.set_desc(raw, CUBLASLT_MATMUL_DESC_TRANSA, &left, sizeof left), "describing a product");
  expect(api, api.set_desc(raw, CUBLASLT_MATMUL_DESC_TRANSB, &right, sizeof right), "describing a product");
  if (!g.bias) return product;
  const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
  expect(api, api.set_desc(raw, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue), "describing a product");
  set_bias(api, raw, g.bias.data);
  return product;
}

/// Partial sums that are added up in the result's type, 16 bits, are not what is asked for.
Owned<cublasLtMatmulPreference_t> make_preference(const Api& api, const Gemm& g) {
  cublasLtMatmulPreference_t raw = nullptr;
  expect(api, api.create_preference(&raw), "stating preferences");
  auto preference = owned(raw, api.destroy_preference);
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t name, const auto& value) {
    expect(api, api.set_preference(raw, name, &value, sizeof value), "stating preferences");
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kMostWorkspace);
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(g.b));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(g.a));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(g.y));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(g.y));
  return preference;
}

/// Null where the library has no algorithm.
std::shared_ptr<const Plan> make_plan(Session& s, const Gemm& g, bool tf32) {
  const ColumnMajorProduct c = column_major(g);
  auto plan = std::make_shared<Plan>();
  plan->product = make_product(s.api, g, c, tf32);
  plan->left = make_layout(s.api, c.left, g.b.dtype, g.batch);
  plan->right = make_layout(s.api, c.right, g.a.dtype, g.batch);
  plan->y = make_layout(s.api, c.y, g.y.dtype, g.batch);
  const auto preference = make_preference(s.api, g);
  plan->algorithms.resize(kTimed);
  int count = 0;
  const cublasStatus_t status =
      s.api.heuristic(s.handle, plan->product.get(), plan->left.get(), plan->right.get(), plan->y.get(), plan->y.get(),
                      preference.get(), kTimed, plan->algorithms.data(), &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) return nullptr;
  expect(s.api, status, "asking for algorithms");
  plan->algorithms.resize(static_cast<std::size_t>(count));
  std::erase_if(plan->algorithms, [](const auto& r) { return r.state != CUBLAS_STATUS_SUCCESS; });
  return plan->algorithms.empty() ? nullptr : plan;
}

std::string key_of(const Gemm& g, bool tf32) {
  return concat(g.key(), ' ', tf32 ? "tf32" : name_of(g.a.dtype), ' ', name_of(g.y.dtype), " align ", alignment_of(g.a),
                ' ', alignment_of(g.b), ' ', alignment_of(g.y), ' ', alignment_of(g.bias));
}

std::shared_ptr<const Plan> plan_for(const Gemm& g, bool tf32) {
  Session& s = session();
  if (!s.handle) return nullptr;
  return s.plans.find(key_of(g, tf32), [&]() -> std::shared_ptr<const Plan> {
    try {
      return make_plan(s, g, tf32);
    } catch (const Error& e) {
      fail("gemm ", key_of(g, tf32), ": ", e.what());
    }
  });
}

void execute(const Gemm& g, const Plan& plan, std::size_t chosen, Context& ctx) {
  Session& s = session();
  const auto alpha = static_cast<float>(g.alpha), beta = 0.f;
  const cublasLtMatmulHeuristicResult_t& how = plan.algorithms[chosen];
  const Scratch workspace = ctx.scratch(how.workspaceSize);
  const std::lock_guard lock(s.enqueuing);
  if (g.bias) set_bias(s.api, plan.product.get(), g.bias.data);
  expect(s.api,
         s.api.matmul(s.handle, plan.product.get(), &alpha, g.b.data, plan.left.get(), g.a.data, plan.right.get(),
                      &beta, g.y.data, plan.y.get(), g.y.data, plan.y.get(), &how.algo, workspace.as<void>(),
                      how.workspaceSize, ctx.stream()),
         "multiplying");
}

bool supports(const Gemm& g, bool tf32) {
  const bool types = g.b.dtype == g.a.dtype && (g.y.dtype == g.a.dtype || g.y.dtype == DType::f32) &&
                     (!g.bias || (g.bias.dtype == DType::f32 && g.y.dtype == DType::f32));
  return types && g.M > 0 && g.N > 0 && g.K > 0 && g.batch > 0 && plan_for(g, tf32) != nullptr;
}

void run_plan(const Gemm& g, bool tf32, Context& ctx) {
  const auto plan = plan_for(g, tf32);
  check(plan != nullptr, "gemm ", key_of(g, tf32), ": cuBLASLt has no algorithm");
  try {
    std::size_t chosen = 0;
    if (ctx.autotuner() && plan->algorithms.size() > 1)
      chosen = *ctx.cache().plan<std::size_t>("cublaslt", key_of(g, tf32), [&] {
        return std::make_shared<std::size_t>(
            device::fastest(ctx, plan->algorithms.size(), [&](std::size_t i) { execute(g, *plan, i, ctx); }));
      });
    execute(g, *plan, chosen, ctx);
  } catch (const OpError&) {  // named where the op is known
    throw;
  } catch (const Error& e) {
    fail("gemm ", key_of(g, tf32), ": ", e.what());
  }
}

}  // namespace

bool gemm_cublaslt_supports(const Gemm& g, const DeviceInfo&) { return supports(g, false); }
bool gemm_cublaslt_tf32_supports(const Gemm& g, const DeviceInfo&) { return supports(g, true); }

void gemm_cublaslt(const Gemm& g, Context& ctx) { run_plan(g, false, ctx); }
void gemm_cublaslt_tf32(const Gemm& g, Context& ctx) { run_plan(g, true, ctx); }

}  // namespace sumi::cuda
