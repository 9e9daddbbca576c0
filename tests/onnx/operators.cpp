#include "tests/onnx/operators.h"

namespace sumi::test::onnx {

void need(bool ok, const std::string& what) {
  if (!ok) throw Unsupported(what);
}

const Operators& operators() {
  static const Operators all = [] {
    Operators o;
    add_elementwise(o);
    add_matrices(o);
    add_convolutions(o);
    add_norms(o);
    add_pictures(o);
    add_optimizers(o);
    return o;
  }();
  return all;
}

Tensor to_tensor(const Value& v, const ContextPtr& context) {
  need(v.type == kFloat, concat("element type ", v.type));
  need(v.dims.size() <= Shape::kMaxRank, concat("rank ", v.dims.size()));
  need(v.count() > 0 && v.count() == static_cast<std::int64_t>(v.data.size()), "a value that is no tensor");
  Shape shape;
  for (const std::int64_t d : v.dims) shape.push_back(d);
  return Tensor::from(context, shape, std::vector<float>(v.data.begin(), v.data.end()));
}

Value to_value(const Tensor& t, const std::vector<std::int64_t>& dims) {
  const std::vector<float> data = t.to_vector();
  Value v{kFloat, dims, {data.begin(), data.end()}};
  check(v.count() == t.numel(), "onnx: result has ", t.numel(), " elements, expected ", v.count());
  return v;
}

Value permuted(const Value& v, const std::vector<int>& order) {
  const auto rank = v.dims.size();
  check(order.size() == rank, "onnx: a permutation of ", order.size(), " axes for rank ", rank);
  std::vector<std::int64_t> strides(rank, 1);
  for (std::size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * v.dims[i];
  Value out{v.type, {}, {}};
  for (const int axis : order) out.dims.push_back(v.dims[static_cast<std::size_t>(axis)]);
  for (std::int64_t i = 0; i < v.count(); i++) {
    std::int64_t rest = i, at = 0;
    for (std::size_t k = rank; k-- > 0;) {
      at += rest % out.dims[k] * strides[static_cast<std::size_t>(order[k])];
      rest /= out.dims[k];
    }
    out.data.push_back(v.data[static_cast<std::size_t>(at)]);
  }
  return out;
}

Tensor channels_last(const Value& v, const ContextPtr& context) {
  need(v.type == kFloat, concat("element type ", v.type));
  need(v.dims.size() == 4, concat("rank ", v.dims.size()));
  return to_tensor(permuted(v, {0, 2, 3, 1}), context);
}

Value channels_first(const Tensor& t) {
  return permuted(to_value(t, {t.dim(0), t.dim(1), t.dim(2), t.dim(3)}), {0, 3, 1, 2});
}

}  // namespace sumi::test::onnx
