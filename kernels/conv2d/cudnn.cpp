#include "kernels/conv2d/cudnn.h"

#include <algorithm>
#include <mutex>

#include "kernels/conv2d/cudnn_plan.h"
#include "kernels/device/answers.h"
#include "kernels/device/fastest.h"
#include "kernels/reduce/reduce.h"

namespace sumi::cuda {
namespace {

using namespace cudnn;
using Plans = std::vector<Plan>;

constexpr std::size_t kTimed = 16;  // plans among which the autotuner chooses

/// What the process knows of the library. supports() has no context to keep it in, and the answers are the same for
/// all.
struct Session {
  const Api* api = cudnn::api();
  cudnnHandle_t handle = nullptr;
  std::mutex enqueuing;  // a handle has one stream at a time
  device::Answers<Plans> plans;

  Session() {
    if (api && api->create(&handle) != CUDNN_STATUS_SUCCESS) handle = nullptr;
  }
};

/// Never destroyed: the driver is gone before static objects are.
Session& session() {
  static Session& only = *new Session;
  return only;
}

/// The plans for `p`, `most` at most; null when the library has none or is not there.
std::shared_ptr<const Plans> plans_for(const Problem& p, std::size_t most) {
  Session& s = session();
  if (!s.handle) return nullptr;
  return s.plans.find(concat(p.key(), ' ', most), [&]() -> std::shared_ptr<const Plans> {
    try {
      auto plans = std::make_shared<Plans>(make_plans(*s.api, p, {.handle = s.handle}, most));
      return plans->empty() ? nullptr : plans;
    } catch (const Error&) {
      return nullptr;  // a graph that it refuses
    }
  });
}

struct Pointers {
  void *x, *w, *y, *bias;
};

void execute(const Plan& plan, const Problem& p, const Pointers& at, Context& ctx) {
  Session& s = session();
  const Scratch workspace = ctx.scratch(static_cast<std::size_t>(plan.workspace));
  std::vector<std::int64_t> uids{kX, kW, kY};
  std::vector<void*> data{at.x, at.w, at.y};
  if (p.bias) uids.push_back(kBias), data.push_back(at.bias);
  try {
    Descriptor pack(*s.api, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, uids)
        .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, data)
        .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace.as<void>())
        .finalize();
    const std::lock_guard lock(s.enqueuing);
    expect(*s.api, s.api->set_stream(s.handle, ctx.stream()), "choosing the stream");
    expect(*s.api, s.api->execute(s.handle, plan.descriptor.raw(), pack.raw()), "executing a plan");
  } catch (const Error& e) {
    fail("conv2d ", p.key(), ": ", e.what());
  }
}

void run_problem(const Problem& p, const Pointers& at, Context& ctx) {
  const std::size_t most = ctx.autotuner() ? kTimed : 1;
  const auto plans = plans_for(p, most);
  check(plans != nullptr, "conv2d ", p.key(), ": cuDNN has no plan");
  std::size_t chosen = 0;
  if (ctx.autotuner() && plans->size() > 1)
    chosen = *ctx.cache().plan<std::size_t>("cudnn", p.key(), [&] {
      return std::make_shared<std::size_t>(
          device::fastest(ctx, plans->size(), [&](std::size_t i) { execute((*plans)[i], p, at, ctx); }));
    });
  execute((*plans)[std::min(chosen, plans->size() - 1)], p, at, ctx);
}

/// What a row's name adds to the plain sum.
struct Freedom {
  bool tf32 = false, any_order = false;
};
constexpr Freedom kPlain{}, kTf32{.tf32 = true}, kAnyOrder{.any_order = true};

template <class Args>
Problem problem_in(const Args& a, Freedom f) {
  Problem p = problem_of(a);
  p.tf32 = f.tf32, p.any_order = f.any_order;
  return p;
}

template <class Args>
bool has_plan(const Args& a, Freedom f) {
  return expressible(a) && plans_for(problem_in(a, f), 1) != nullptr;
}

void run_plan(const Conv2dForward& a, Freedom f, Context& ctx) {
  run_problem(problem_in(a, f), {a.x.data, a.w.data, a.y.data, a.epilogue.bias.data}, ctx);
}
void run_plan(const Conv2dBackwardInput& a, Freedom f, Context& ctx) {
  run_problem(problem_in(a, f), {a.dx.data, a.w.data, a.dy.data, a.epilogue.bias.data}, ctx);
}
void run_plan(const Conv2dBackwardWeight& a, Freedom f, Context& ctx) {
  run_problem(problem_in(a, f), {a.x.data, a.dw.data, a.dy.data, nullptr}, ctx);
  if (!a.dbias) return;
  const Reduce sum{.dims = {1, a.d.N, a.d.P(), a.d.Q(), a.d.K}, .axes = 0b01110, .x = a.dy, .y = a.dbias};
  select(sum, ctx).run(sum, ctx);
}

}  // namespace

bool conv2d_cudnn_supports(const Conv2dForward& a, const DeviceInfo&) { return has_plan(a, kPlain); }
bool conv2d_cudnn_supports(const Conv2dBackwardInput& a, const DeviceInfo&) { return has_plan(a, kPlain); }
bool conv2d_cudnn_supports(const Conv2dBackwardWeight& a, const DeviceInfo&) { return has_plan(a, kPlain); }
bool conv2d_cudnn_tf32_supports(const Conv2dForward& a, const DeviceInfo&) { return has_plan(a, kTf32); }
bool conv2d_cudnn_tf32_supports(const Conv2dBackwardInput& a, const DeviceInfo&) { return has_plan(a, kTf32); }
bool conv2d_cudnn_tf32_supports(const Conv2dBackwardWeight& a, const DeviceInfo&) { return has_plan(a, kTf32); }
bool conv2d_cudnn_any_order_supports(const Conv2dBackwardInput& a, const DeviceInfo&) { return has_plan(a, kAnyOrder); }
bool conv2d_cudnn_any_order_supports(const Conv2dBackwardWeight& a, const DeviceInfo&) {
  return has_plan(a, kAnyOrder);
}

void conv2d_cudnn(const Conv2dForward& a, Context& ctx) { run_plan(a, kPlain, ctx); }
void conv2d_cudnn(const Conv2dBackwardInput& a, Context& ctx) { run_plan(a, kPlain, ctx); }
void conv2d_cudnn(const Conv2dBackwardWeight& a, Context& ctx) { run_plan(a, kPlain, ctx); }
void conv2d_cudnn_tf32(const Conv2dForward& a, Context& ctx) { run_plan(a, kTf32, ctx); }
void conv2d_cudnn_tf32(const Conv2dBackwardInput& a, Context& ctx) { run_plan(a, kTf32, ctx); }
void conv2d_cudnn_tf32(const Conv2dBackwardWeight& a, Context& ctx) { run_plan(a, kTf32, ctx); }
void conv2d_cudnn_any_order(const Conv2dBackwardInput& a, Context& ctx) { run_plan(a, kAnyOrder, ctx); }
void conv2d_cudnn_any_order(const Conv2dBackwardWeight& a, Context& ctx) { run_plan(a, kAnyOrder, ctx); }

}  // namespace sumi::cuda
