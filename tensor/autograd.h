// Reverse-mode differentiation over the history that ops record.
#pragma once
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace sumi {

/// One per input of an op.
using Gradients = std::vector<Tensor>;
/// Which inputs' gradients are asked for.
using Wanted = std::vector<bool>;
/// Node::backward.
using BackwardFunction = std::function<Gradients(const Tensor& dy, const Wanted& wanted)>;

/// One recorded op. `backward(dy, wanted)` returns one gradient per input, an empty handle where wanted[i] is false or
/// the gradient is zero. It is written with public ops, so that second derivatives work, and captures inputs and
/// detached outputs only: a closure that owned its own output would leak.
struct Node {
  std::string_view op;
  std::vector<Tensor> inputs;  // shape, dtype and history without the values: those live as long as a closure wants
  BackwardFunction backward;
  Tensor grad;        // leaves only
  bool wide = false;  // backward takes f32 gradients of a 16-bit result as they come (casts)

  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  /// Frees a chain of any length without recursion.
  ~Node();
};

/// Attaches a node to y when gradients are enabled and any input requires one. Returns y. Inputs may be empty handles.
Tensor record(Tensor y, std::string_view op, std::vector<Tensor> inputs, BackwardFunction backward);

/// True when an op on these inputs would be recorded: fused, unrecordable passes are allowed only when false.
bool recording(std::initializer_list<const Tensor*> inputs);

/// What a backward pass leaves of the history that it walked. `release` frees what each op kept as soon as it has run,
/// so that gradients come into the place of activations; a second pass over it is an error.
enum class History : std::uint8_t { keep, release };

/// Accumulates d y / d leaf into each leaf's grad(), whose storage no other tensor shares. `y` has one element unless
/// `dy` is given.
void backward(const Tensor& y, const Tensor& dy = {}, History history = History::keep);

/// Gradients of y with respect to `inputs`, touching no leaf; an empty handle where y does not depend on an input.
/// Where they are equal they may share storage, also with dy. With create_graph they can be differentiated again.
Gradients grad(const Tensor& y, std::span<const Tensor> inputs, bool create_graph = false, const Tensor& dy = {});

/// Switches recording off in a context for a scope.
class NoGrad {
 public:
  explicit NoGrad(Context& c) : context_(c), before_(c.grad_enabled) { c.grad_enabled = false; }
  ~NoGrad() { context_.grad_enabled = before_; }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  Context& context_;
  bool before_;
};

}  // namespace sumi
