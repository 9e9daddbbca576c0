// Access to a tensor's node, for the engine. Other code uses record() and recording() instead.
#pragma once
#include <memory>
#include <utility>

#include "tensor/tensor.h"

namespace sumi {

/// What only the engine may do with a tensor's node and storage.
struct TensorHistory {
  static const std::shared_ptr<Node>& node(const Tensor& t) { return t.node_; }
  static void attach(Tensor& t, std::shared_ptr<Node> node) { t.node_ = std::move(node); }
  /// Whether another handle holds the same values.
  static bool is_shared(const Tensor& t) { return t.storage_.use_count() > 1; }
  static std::shared_ptr<Node> take(Tensor& t) { return std::move(t.node_); }
  /// The tensor without its values.
  static Tensor edge(Tensor t) {
    t.storage_.reset();
    return t;
  }
};

}  // namespace sumi
