#include "kernels/core/onednn.h"

namespace sumi::onednn {

dnnl::engine engine(Context& ctx) {
  return *ctx.cache().plan<dnnl::engine>("onednn", "engine",
                                         [] { return std::make_shared<dnnl::engine>(dnnl::engine::kind::cpu, 0); });
}

dnnl::memory::data_type type_of(DType t) {
  if (t == DType::f32) return dnnl::memory::data_type::f32;
  check(t == DType::bf16, "onednn: expected f32 or bf16, got ", name_of(t));
  return dnnl::memory::data_type::bf16;
}

bool supports(DType t, const DeviceInfo& device) { return t == DType::f32 || (t == DType::bf16 && device.avx512); }

std::shared_ptr<Packed> packed(Context& ctx, std::string_view row, const std::string& key, const TensorRef& source,
                               const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted) {
  const dnnl::engine e = engine(ctx);
  return ctx.cache().get<Packed>(row, key, source, [&] {
    const ThreadScope threads(ctx.threads());
    dnnl::memory from(plain, e, source.data);
    auto to = std::make_shared<Packed>(Packed{dnnl::memory(wanted, e)});
    dnnl::stream stream(e);
    dnnl::reorder(from, to->memory).execute(stream, from, to->memory);
    stream.wait();
    return to;
  });
}

}  // namespace sumi::onednn
