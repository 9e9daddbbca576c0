// Limited-memory BFGS (Liu & Nocedal 1989) with PyTorch's rules for steps and stopping.
#pragma once
#include <deque>
#include <functional>
#include <vector>

#include "nn/module.h"

namespace sumi {

/// How far to go along a direction: lr, or until the strong Wolfe conditions hold.
enum class LineSearch : std::uint8_t { none, strong_wolfe };

/// As PyTorch names them, with its defaults.
struct LbfgsOptions {
  double lr = 1;
  int max_iterations = 20;   // of one step()
  int max_evaluations = 25;  // of one step()
  double tolerance_grad = 1e-7, tolerance_change = 1e-9;
  int history = 100;
  LineSearch line_search = LineSearch::none;
};

/// Minimises over all given tensors together. Without a line search every iteration goes the whole way lr * direction,
/// the first one at most 1 in the gradient's 1-norm.
class Lbfgs {
 public:
  /// The loss at the parameters' present values, having left their gradients in grad().
  using Closure = std::function<double()>;

  Lbfgs(std::vector<Tensor*> parameters, const LbfgsOptions& options);
  /// Up to max_iterations iterations; returns the loss before the first. Stops early at the tolerances, and when the
  /// loss or the direction is not finite.
  double step(const Closure& loss);
  std::int64_t iterations() const { return iterations_; }
  std::int64_t evaluations() const { return evaluations_; }

  LbfgsOptions options;

 private:
  using Vector = std::vector<Tensor>;  // one tensor per parameter
  struct Pair {
    Vector y, s;  // change of gradient, change of parameters
    double rho;   // 1 / (y . s)
  };
  /// Loss, gradient and slope along the direction at one step length.
  struct Probe {
    double t, f;
    Vector g;
    double slope;
  };

  static double dot(const Vector& a, const Vector& b);
  static Tensor unread_dot(const Vector& a, const Vector& b);  // a scalar that the host does not wait for
  static double largest(const Vector& a);
  static Vector scaled(const Vector& a, double factor);
  template <class Factor>                                                        // a number or a scalar tensor
  static Vector sum_of(const Vector& a, const Vector& b, const Factor& factor);  // a + factor b
  Vector values() const;
  Vector gradient() const;
  void move_to(const Vector& origin, double t) const;
  void remember(const Vector& g);
  Vector direction_for(const Vector& g) const;
  bool aim(const Vector& g, double& slope);
  Probe probe(const Closure& loss, const Vector& origin, double t);
  /// Nocedal & Wright, algorithms 3.5 and 3.6, with c1 = 1e-4 and c2 = 0.9.
  Probe search(const Closure& loss, const Vector& origin, const Probe& start, double t);
  Probe zoom(const Closure& loss, const Vector& origin, const Probe& start, Probe low, Probe high, int budget);

  std::vector<Tensor*> parameters_;
  std::deque<Pair> pairs_;
  double diagonal_ = 1, t_ = 0;
  Vector direction_, previous_gradient_;
  std::int64_t iterations_ = 0, evaluations_ = 0;
};

}  // namespace sumi
