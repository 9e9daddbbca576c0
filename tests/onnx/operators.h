// ONNX operators expressed in the engine's public tensor ops.
#pragma once
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "tensor/tensor.h"
#include "tests/onnx/model.h"

namespace sumi::test::onnx {

/// An attribute, rank or element type that the engine does not have; the message names it.
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Inputs = std::vector<Value>;
using Outputs = std::vector<Value>;
using Operator = std::function<Outputs(const Node&, const Inputs&, const ContextPtr&)>;

/// By ONNX name.
using Operators = std::map<std::string, Operator>;
void add_elementwise(Operators& all);
void add_matrices(Operators& all);
void add_convolutions(Operators& all);
void add_norms(Operators& all);
void add_pictures(Operators& all);
void add_optimizers(Operators& all);
const Operators& operators();

// ---- between ONNX's tensors and the engine's
Tensor to_tensor(const Value& v, const ContextPtr& context);             // the same order of elements; float only
Value to_value(const Tensor& t, const std::vector<std::int64_t>& dims);  // dims with t's count
Value permuted(const Value& v, const std::vector<int>& order);           // dims[i] = v.dims[order[i]]
Tensor channels_last(const Value& v, const ContextPtr& context);         // [N,C,H,W] -> [N,H,W,C]
Value channels_first(const Tensor& t);                                   // [N,H,W,C] -> [N,C,H,W]
/// Throws Unsupported where `ok` is false.
void need(bool ok, const std::string& what);

}  // namespace sumi::test::onnx
