// The GPU through CUDA's runtime, statically linked: a machine without a driver starts the program all the same.
#include <cuda_runtime_api.h>

#include "kernels/core/available_memory.h"
#include "kernels/core/error.h"
#include "kernels/device/library.h"
#include "kernels/device/out_of_memory.h"
#include "kernels/device/runtime.h"

namespace sumi::device {
namespace {

void expect(cudaError_t e, const char* doing) {
  if (e == cudaSuccess) return;
  cudaGetLastError();  // or the next launch reports it again
  fail("cuda: ", doing, ": ", cudaGetErrorString(e));
}

std::string version_text(int v) { return concat(v / 1000, '.', v % 1000 / 10); }

/// Memory given back stays in the driver's pool instead of going to the system at every synchronisation.
void keep_pool(int gpu) {
  cudaMemPool_t pool;
  if (cudaDeviceGetDefaultMemPool(&pool, gpu) != cudaSuccess) return;
  std::uint64_t all = ~std::uint64_t{0};
  cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all);
}

int compute_capability(int gpu) {
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, gpu);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, gpu);
  return major * 10 + minor;
}

/// The driver translates a kernel for newer GPUs than it was compiled for, not for older ones; code for sm_90a alone is
/// for sm_90 alone.
Availability with_kernels(int count) {
  constexpr int kOldest = SUMI_OLDEST_ARCHITECTURE;
  const int here = compute_capability(0);
  const bool only_hopper = SUMI_SM90A_CODE && kOldest == 90;
  if (only_hopper && here > 90)
    return {0, concat("this build has kernels for sm_90 alone, and the NVIDIA GPU is sm_", here, " (configure with",
                      " -DCMAKE_CUDA_ARCHITECTURES=", here, ')')};
  if (here >= kOldest) return {count, ""};
  return {0, concat("the NVIDIA GPU is older than this build's kernels: sm_", here, ", they are for sm_", kOldest,
                    " and later (configure with -DCMAKE_CUDA_ARCHITECTURES=", here, ')')};
}

}  // namespace

Availability availability() {
  int count = 0;
  const cudaError_t e = cudaGetDeviceCount(&count);
  if (e == cudaSuccess && count > 0) return with_kernels(count);
  cudaGetLastError();  // not sticky
  if (e == cudaErrorInsufficientDriver) {
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (driver == 0) return {0, "no NVIDIA driver on this machine"};
    return {0, concat("the NVIDIA driver is too old: it supports CUDA ", version_text(driver), ", this build needs ",
                      version_text(runtime))};
  }
  if (e == cudaSuccess || e == cudaErrorNoDevice) return {0, "no NVIDIA GPU on this machine"};
  return {0, concat("the NVIDIA GPU cannot be used: ", cudaGetErrorString(e))};
}

namespace {
DeviceInfo read_info() {
  const Availability a = availability();
  if (a.count == 0) fail(a.why);
  cudaDeviceProp p{};
  expect(cudaGetDeviceProperties(&p, 0), "reading the GPU's properties");
  keep_pool(0);
  DeviceInfo d;
  d.kind = DeviceKind::cuda;
  d.name = p.name;
  int driver = 0;
  expect(cudaDriverGetVersion(&driver), "reading the driver's version");
  d.driver = version_text(driver);
  d.compute_capability = p.major * 10 + p.minor;
  d.warpgroup_products = SUMI_SM90A_CODE && d.compute_capability == 90;
  d.multiprocessors = p.multiProcessorCount;
  d.shared_per_block = p.sharedMemPerBlockOptin;
  return d;
}
}  // namespace

DeviceInfo info() {
  static const DeviceInfo only = read_info();  // a millisecond, which every context would pay
  return only;
}

Stream create_stream() {
  cudaStream_t s = nullptr;
  expect(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), "creating a stream");
  return s;
}
/// What fails where nobody can be told must not be what the next launch reports.
void ignore(cudaError_t e) noexcept {
  if (e != cudaSuccess) cudaGetLastError();
}
void destroy_stream(Stream s) noexcept { ignore(cudaStreamDestroy(s)); }
void synchronize(Stream s) {
  refuse_in_capture(s, "waiting for the GPU");
  expect(cudaStreamSynchronize(s), "waiting for the GPU");
}

Event create_event() {
  cudaEvent_t e = nullptr;
  expect(cudaEventCreateWithFlags(&e, cudaEventDisableTiming), "creating an event");
  return e;
}
void destroy_event(Event e) noexcept { ignore(cudaEventDestroy(e)); }
void record(Event e, Stream s) { expect(cudaEventRecord(e, s), "recording an event"); }
void wait(Stream s, Event e) { expect(cudaStreamWaitEvent(s, e, 0), "waiting for an event"); }
void wait(Event e) { expect(cudaEventSynchronize(e), "waiting for an event"); }

void* allocate(std::size_t bytes, Stream s) {
  refuse_in_capture(s, "allocating memory of the GPU");
  void* p = nullptr;
  const cudaError_t e = cudaMallocAsync(&p, bytes ? bytes : 1, s);
  if (e == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw out_of_memory(bytes);
  }
  expect(e, "allocating memory");
  return p;
}
void release(void* p, Stream s) noexcept {
  if (p) ignore(cudaFreeAsync(p, s));
}

void* allocate_pinned(std::size_t bytes) {
  void* p = nullptr;
  const cudaError_t e = cudaMallocHost(&p, bytes);
  if (e == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw OutOfMemory(concat("out of pinned memory: ", size_text(bytes), " asked for, ", size_text(available_memory()),
                             " of the host's memory free"));
  }
  expect(e, "allocating pinned memory");
  return p;
}
void release_pinned(void* p) noexcept { ignore(cudaFreeHost(p)); }

void copy_to_device(void* dst, const void* src, std::size_t bytes, Stream s) {
  refuse_in_capture(s, "copying to the GPU");
  expect(cudaMemcpyAsync(dst, src, bytes, cudaMemcpyHostToDevice, s), "copying to the GPU");
}
void copy_to_host(void* dst, const void* src, std::size_t bytes, Stream s) {
  refuse_in_capture(s, "copying from the GPU");
  expect(cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDeviceToHost, s), "copying from the GPU");
  synchronize(s);
}
void copy(void* dst, const void* src, std::size_t bytes, Stream s) {
  expect(cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDeviceToDevice, s), "copying on the GPU");
}
void fill(void* dst, unsigned char value, std::size_t bytes, Stream s) {
  expect(cudaMemsetAsync(dst, value, bytes, s), "filling memory");
}

// Of this thread's calls alone: another context may allocate meanwhile.
void begin_capture(Stream s) {
  expect(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), "beginning to capture a graph");
}
ExecutableGraph end_capture(Stream s) {
  cudaGraph_t graph = nullptr;
  expect(cudaStreamEndCapture(s, &graph), "capturing a graph");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t e = cudaGraphInstantiateWithFlags(&executable, graph, 0);
  ignore(cudaGraphDestroy(graph));
  if (e == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    const MemoryState m = memory_state();
    throw OutOfMemory(concat("GPU out of memory: none left to make a captured graph executable, ", size_text(m.free),
                             " of ", size_text(m.total), " free"));
  }
  expect(e, "making a captured graph executable");
  return executable;
}
void abandon_capture(Stream s) noexcept {
  cudaGraph_t graph = nullptr;
  if (cudaStreamEndCapture(s, &graph) == cudaSuccess && graph) cudaGraphDestroy(graph);
  cudaGetLastError();  // not sticky
}
// CUDA would spoil the capture, and say so only at its end.
void refuse_in_capture(Stream s, const char* what) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  if (cudaStreamIsCapturing(s, &status) == cudaSuccess && status != cudaStreamCaptureStatusNone)
    throw NotCapturable(concat(what, " cannot be part of a captured graph"));
}
void launch_graph(ExecutableGraph g, Stream s) { expect(cudaGraphLaunch(g, s), "launching a captured graph"); }
void destroy_graph(ExecutableGraph g) noexcept { ignore(cudaGraphExecDestroy(g)); }

MemoryState memory_state() {
  MemoryState m;
  if (cudaMemGetInfo(&m.free, &m.total) != cudaSuccess) cudaGetLastError();
  cudaMemPool_t pool;
  if (cudaDeviceGetDefaultMemPool(&pool, 0) != cudaSuccess) return m;
  const auto of_pool = [&](cudaMemPoolAttr what) {
    std::uint64_t bytes = 0;
    ignore(cudaMemPoolGetAttribute(pool, what, &bytes));
    return bytes;
  };
  // What the pool keeps and nobody uses is free too.
  m.free += of_pool(cudaMemPoolAttrReservedMemCurrent) - of_pool(cudaMemPoolAttrUsedMemCurrent);
  m.peak = of_pool(cudaMemPoolAttrUsedMemHigh);
  return m;
}

std::string versions() {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  return concat("CUDA ", version_text(runtime), driver ? concat(", driver for CUDA ", version_text(driver)) : "", ", ",
                library_versions());
}

}  // namespace sumi::device
