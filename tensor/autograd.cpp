#include "tensor/autograd.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "tensor/history.h"
#include "tensor/ops.h"

namespace sumi {
namespace {

Node* node_of(const Tensor& t) { return TensorHistory::node(t).get(); }

/// a + b in the wider dtype of the two; in a's memory where nobody else holds it.
Tensor sum_of(const Tensor& a, const Tensor& b) {
  if (a.dtype() == b.dtype() && a.shape() == b.shape() && !TensorHistory::is_shared(a) && !recording({&a, &b})) {
    const Dims5 dims = a.shape().dims5();
    run(Binary{.f = BinaryOp::add, .a_dims = dims, .b_dims = dims, .a = a.ref(), .b = b.ref(), .y = a.ref()}, a.ctx());
    a.touch();
    return a;
  }
  if (a.dtype() == b.dtype()) return add(a, b);
  return add(cast(a, param_dtype(a.dtype())), cast(b, param_dtype(b.dtype())));
}

/// Sets a context's recording for a scope.
class Recording {
 public:
  Recording(Context& c, bool on) : context_(c), before_(c.grad_enabled) { c.grad_enabled = on; }
  ~Recording() { context_.grad_enabled = before_; }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  Context& context_;
  bool before_;
};

/// Every node that `root` depends on, inputs before users: a depth-first walk on an explicit stack.
std::vector<Node*> topological_order(Node* root) {
  std::vector<Node*> order;
  std::unordered_set<Node*> seen{root};
  std::vector<std::pair<Node*, std::size_t>> stack{{root, 0}};
  while (!stack.empty()) {
    auto& [node, next] = stack.back();
    if (next == node->inputs.size()) {
      order.push_back(node);
      stack.pop_back();
    } else if (Node* input = node_of(node->inputs[next++]); input && seen.insert(input).second) {
      stack.emplace_back(input, 0);
    }
  }
  return order;
}

/// The same nodes by their distance from the leaves. Walked from the end, this runs each node as late as it may: a loss
/// on an early layer makes that layer's gradient when the walk gets there, not beside all the layers above.
std::vector<Node*> by_distance(const std::vector<Node*>& order) {
  std::unordered_map<Node*, std::int64_t> distance;
  for (Node* node : order) {
    std::int64_t longest = 0;
    for (const Tensor& input : node->inputs)
      if (Node* from = node_of(input)) longest = std::max(longest, distance[from] + 1);
    distance[node] = longest;
  }
  std::vector<Node*> sorted = order;
  std::ranges::stable_sort(sorted, {}, [&](Node* node) { return distance[node]; });
  return sorted;
}

Gradients released(const Tensor&, const Wanted&) { fail("backward: an earlier pass released this history"); }

/// One walk from y back to the targets. `finish(node, gradient)` is called once per target with the whole sum.
class BackwardPass {
 public:
  BackwardPass(const Tensor& y, std::unordered_set<Node*> targets, History history)
      : order_(by_distance(topological_order(node_of(y)))),
        needed_(std::move(targets)),
        targets_(needed_),
        history_(history) {
    for (Node* node : order_)
      for (const Tensor& input : node->inputs)
        if (needed_.contains(node_of(input))) needed_.insert(node);
  }

  template <class Finish>
  void run(const Tensor& y, const Tensor& dy, Finish&& finish) {
    if (needed_.contains(node_of(y))) gradients_[node_of(y)] = dy;
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
      const auto found = gradients_.find(*it);
      if (found == gradients_.end()) continue;
      Tensor gradient = std::move(found->second);
      gradients_.erase(found);
      if (targets_.contains(*it)) finish(*it, gradient);
      if ((*it)->backward) propagate(**it, std::move(gradient));
    }
  }

 private:
  void propagate(Node& node, Tensor dy) {
    Wanted wanted(node.inputs.size());
    bool any = false;
    for (std::size_t i = 0; i < wanted.size(); i++) any |= wanted[i] = needed_.contains(node_of(node.inputs[i]));
    if (!any) return;
    Gradients gradients = node.backward(dy, wanted);
    dy = {};
    if (history_ == History::release) node.backward = released;
    check(gradients.size() == wanted.size(), node.op, ": expected ", wanted.size(), " gradients, got ",
          gradients.size());
    for (std::size_t i = 0; i < wanted.size(); i++)
      if (wanted[i] && gradients[i]) accumulate(node, node.inputs[i], std::move(gradients[i]));
  }

  void accumulate(const Node& node, const Tensor& input, Tensor gradient) {
    check(gradient.shape() == input.shape(), node.op, ": expected a gradient of ", input.shape(), ", got ",
          gradient.shape());
    // Filters' gradients are f32 whatever the filter: leaves and casts to the master weights want them so.
    const Node& to = *node_of(input);
    if (to.backward && !to.wide) gradient = cast(gradient, input.dtype());
    Tensor& sum = gradients_[node_of(input)];
    sum = sum ? sum_of(sum, gradient) : std::move(gradient);
  }

  std::vector<Node*> order_;
  std::unordered_set<Node*> needed_, targets_;
  History history_;
  std::unordered_map<Node*, Tensor> gradients_;
};

/// The gradient to start from.
Tensor seed_of(const Tensor& y, const Tensor& dy, std::string_view what) {
  check(y && y.requires_grad(), what, ": y has no history");
  if (!dy) {
    check(y.numel() == 1, what, ": expected a one-element y or a dy, got y ", y.shape());
    return Tensor::full(y.context(), y.shape(), 1, y.dtype());
  }
  check(dy.shape() == y.shape(), what, ": expected dy of ", y.shape(), ", got ", dy.shape());
  return dy;
}

/// A gradient for a leaf to keep: its own storage, because clipping and the like may write to it.
Tensor owned(const Tensor& g) { return TensorHistory::is_shared(g) ? g.clone() : g.detach(); }

}  // namespace

Node::~Node() {
  std::vector<std::shared_ptr<Node>> chain;
  const auto take_inputs = [&chain](Node& node) {
    for (Tensor& t : node.inputs)
      if (auto input = TensorHistory::take(t)) chain.push_back(std::move(input));
  };
  take_inputs(*this);
  backward = nullptr;  // what it captures is still held by `chain`
  while (!chain.empty()) {
    const std::shared_ptr<Node> node = std::move(chain.back());
    chain.pop_back();
    if (node.use_count() > 1) continue;
    take_inputs(*node);
    node->backward = nullptr;
  }
}

Tensor record(Tensor y, std::string_view op, std::vector<Tensor> inputs, BackwardFunction backward) {
  const bool any = std::ranges::any_of(inputs, [](const Tensor& t) { return t.requires_grad(); });
  if (!any || !y.ctx().grad_enabled) return y;
  auto node = std::make_shared<Node>();
  node->op = op;
  node->backward = std::move(backward);
  for (Tensor& t : inputs) node->inputs.push_back(TensorHistory::edge(std::move(t)));
  TensorHistory::attach(y, std::move(node));
  return y;
}

bool recording(std::initializer_list<const Tensor*> inputs) {
  return std::ranges::any_of(inputs, [](const Tensor* t) { return *t && t->requires_grad() && t->ctx().grad_enabled; });
}

void backward(const Tensor& y, const Tensor& dy, History history) {
  const Tensor seed = seed_of(y, dy, "backward");
  const Recording off(y.ctx(), false);
  std::unordered_set<Node*> leaves;
  for (Node* node : topological_order(node_of(y)))
    if (!node->backward) leaves.insert(node);
  BackwardPass(y, std::move(leaves), history).run(y, seed, [](Node* leaf, const Tensor& g) {
    leaf->grad = leaf->grad ? sum_of(leaf->grad, g) : owned(g);
  });
}

Gradients grad(const Tensor& y, std::span<const Tensor> inputs, bool create_graph, const Tensor& dy) {
  const Tensor seed = seed_of(y, dy, "grad");
  const Recording scope(y.ctx(), create_graph);
  std::unordered_map<Node*, Tensor> found;
  std::unordered_set<Node*> targets;
  for (const Tensor& t : inputs) {
    check(t.requires_grad(), "grad: an input of shape ", t.shape(), " does not require a gradient");
    targets.insert(node_of(t));
  }
  BackwardPass(y, std::move(targets), History::keep).run(y, seed, [&](Node* node, const Tensor& g) {
    found[node] = g;
  });
  Gradients gradients;
  for (const Tensor& t : inputs) gradients.push_back(found[node_of(t)]);
  return gradients;
}

}  // namespace sumi
