#include "nn/lbfgs.h"

#include <algorithm>
#include <cmath>

#include "tensor/autograd.h"

namespace sumi {
namespace {

/// Where the cubic through two values and slopes is lowest, kept within [from, to]; their middle where it has no
/// minimum (Nocedal & Wright, eq. 3.59).
double cubic_minimum(double t1, double f1, double g1, double t2, double f2, double g2, double from, double to) {
  if (t1 > t2) return cubic_minimum(t2, f2, g2, t1, f1, g1, from, to);
  const double d1 = g1 + g2 - 3 * (f1 - f2) / (t1 - t2);
  const double square = d1 * d1 - g1 * g2;
  if (!(square >= 0)) return (from + to) / 2;
  const double d2 = std::sqrt(square);
  return std::clamp(t2 - (t2 - t1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2)), from, to);
}

constexpr double kArmijo = 1e-4, kCurvature = 0.9;
constexpr int kMaxProbes = 25;

}  // namespace

Lbfgs::Lbfgs(std::vector<Tensor*> parameters, const LbfgsOptions& options)
    : options(options), parameters_(std::move(parameters)) {
  check(!parameters_.empty(), "lbfgs: expected at least one parameter");
}

double Lbfgs::dot(const Vector& a, const Vector& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); i++) total += sum(a[i] * b[i]).item();
  return total;
}

Tensor Lbfgs::unread_dot(const Vector& a, const Vector& b) {
  Tensor total = sum(a[0] * b[0]);
  for (std::size_t i = 1; i < a.size(); i++) total = total + sum(a[i] * b[i]);
  return total;
}

double Lbfgs::largest(const Vector& a) {
  double most = 0;
  for (const Tensor& t : a) most = std::max(most, static_cast<double>(max(abs(t)).item()));
  return most;
}

Lbfgs::Vector Lbfgs::scaled(const Vector& a, double factor) {
  Vector r;
  for (const Tensor& t : a) r.push_back(t * factor);
  return r;
}

template <class Factor>
Lbfgs::Vector Lbfgs::sum_of(const Vector& a, const Vector& b, const Factor& factor) {
  Vector r;
  for (std::size_t i = 0; i < a.size(); i++) r.push_back(a[i] + b[i] * factor);
  return r;
}

Lbfgs::Vector Lbfgs::values() const {
  Vector v;
  for (const Tensor* p : parameters_) v.push_back(p->clone());
  return v;
}

/// A parameter that the loss does not reach has no gradient: zeros.
Lbfgs::Vector Lbfgs::gradient() const {
  Vector g;
  for (const Tensor* p : parameters_)
    g.push_back(p->grad() ? p->grad().clone() : Tensor::zeros(p->context(), p->shape(), p->dtype()));
  return g;
}

void Lbfgs::move_to(const Vector& origin, double t) const {
  for (std::size_t i = 0; i < parameters_.size(); i++) parameters_[i]->copy_from(origin[i] + direction_[i] * t);
}

void Lbfgs::remember(const Vector& g) {
  Vector y = sum_of(g, previous_gradient_, -1.0), s = scaled(direction_, t_);
  const double ys = dot(y, s);
  if (ys <= 1e-10) return;  // no positive curvature: the pair would break the approximation
  diagonal_ = ys / dot(y, y);
  if (pairs_.size() == static_cast<std::size_t>(options.history)) pairs_.pop_front();
  pairs_.push_back({std::move(y), std::move(s), 1 / ys});
}

/// The two-loop recursion: -H g. Its 200 products stay on the device: nothing waits for a GPU.
Lbfgs::Vector Lbfgs::direction_for(const Vector& g) const {
  Vector q = scaled(g, -1);
  std::vector<Tensor> minus_alpha(pairs_.size());
  for (std::size_t i = pairs_.size(); i-- > 0;) {
    minus_alpha[i] = unread_dot(pairs_[i].s, q) * -pairs_[i].rho;
    q = sum_of(q, pairs_[i].y, minus_alpha[i]);
  }
  q = scaled(q, diagonal_);
  for (std::size_t i = 0; i < pairs_.size(); i++) {
    const Tensor minus_beta = unread_dot(pairs_[i].y, q) * -pairs_[i].rho;
    q = sum_of(q, pairs_[i].s, minus_beta - minus_alpha[i]);
  }
  return q;
}

Lbfgs::Probe Lbfgs::probe(const Closure& loss, const Vector& origin, double t) {
  move_to(origin, t);
  const double f = loss();
  Vector g = gradient();
  const double slope = dot(g, direction_);
  return {t, f, std::move(g), slope};
}

Lbfgs::Probe Lbfgs::search(const Closure& loss, const Vector& origin, const Probe& start, double t) {
  Probe before = start, now = probe(loss, origin, t);
  for (int i = 1; i < kMaxProbes; i++) {
    if (now.f > start.f + kArmijo * now.t * start.slope || (i > 1 && now.f >= before.f))
      return zoom(loss, origin, start, before, now, kMaxProbes - i);
    if (std::abs(now.slope) <= -kCurvature * start.slope) return now;
    if (now.slope >= 0) return zoom(loss, origin, start, now, before, kMaxProbes - i);
    const double least = now.t + 0.01 * (now.t - before.t), most = now.t * 10;
    const double next = cubic_minimum(before.t, before.f, before.slope, now.t, now.f, now.slope, least, most);
    before = std::exchange(now, probe(loss, origin, next));
  }
  return now;
}

/// Narrows an interval that holds a point satisfying both Wolfe conditions; `low` is its better end.
Lbfgs::Probe Lbfgs::zoom(const Closure& loss, const Vector& origin, const Probe& start, Probe low, Probe high,
                         int budget) {
  if (low.f > high.f) std::swap(low, high);
  bool slow = false;
  while (budget-- > 0) {
    const double from = std::min(low.t, high.t), to = std::max(low.t, high.t), width = to - from;
    if (width * largest(direction_) < options.tolerance_change) break;
    double t = cubic_minimum(low.t, low.f, low.slope, high.t, high.f, high.slope, from, to);
    // Too near an end a second time, or at the end itself: a tenth inwards, so that the interval shrinks.
    const bool near = std::min(to - t, t - from) < 0.1 * width;
    const bool push = near && (slow || t >= to || t <= from);
    if (push) t = std::abs(t - to) < std::abs(t - from) ? to - 0.1 * width : from + 0.1 * width;
    slow = near && !push;
    Probe middle = probe(loss, origin, t);
    if (middle.f > start.f + kArmijo * t * start.slope || middle.f >= low.f) {
      high = std::move(middle);
      if (low.f > high.f) std::swap(low, high);
      continue;
    }
    const bool done = std::abs(middle.slope) <= -kCurvature * start.slope;
    if (!done && middle.slope * (high.t - low.t) >= 0) high = low;
    low = std::move(middle);
    if (done) break;
  }
  return low;
}

/// Chooses direction and step length; false when the direction does not descend.
bool Lbfgs::aim(const Vector& g, double& slope) {
  if (iterations_ > 0) remember(g);
  direction_ = direction_for(g);
  previous_gradient_ = g;
  t_ = options.lr;
  if (iterations_++ == 0) {
    double magnitude = 0;
    for (const Tensor& part : g) magnitude += sum(abs(part)).item();
    t_ *= std::min(1.0, 1 / magnitude);
  }
  slope = dot(g, direction_);
  return slope <= -options.tolerance_change;
}

double Lbfgs::step(const Closure& loss) {
  const std::int64_t first_evaluation = evaluations_++;
  const double before = loss();
  double now = before;
  // Only the closure records; everything else here is arithmetic on detached values.
  Context& ctx = parameters_.front()->ctx();
  const NoGrad none(ctx);
  const Closure recorded = [&] {
    ctx.grad_enabled = true;
    const double f = loss();
    ctx.grad_enabled = false;
    evaluations_++;
    return f;
  };
  Vector g = gradient();
  for (int i = 1; i <= options.max_iterations; i++) {
    double slope = 0;
    if (!std::isfinite(now) || largest(g) <= options.tolerance_grad || !aim(g, slope)) break;
    const double previous = now;
    const Vector origin = values();
    const bool last = i == options.max_iterations;
    if (options.line_search == LineSearch::strong_wolfe) {
      Probe found = search(recorded, origin, {0, now, g, slope}, t_);
      t_ = found.t, now = found.f, g = std::move(found.g);
      move_to(origin, t_);
    } else {
      move_to(origin, t_);
      if (last) break;  // the next step() evaluates there
      now = recorded();
      g = gradient();
    }
    if (evaluations_ - first_evaluation >= options.max_evaluations) break;
    if (largest(direction_) * std::abs(t_) <= options.tolerance_change) break;
    if (std::abs(now - previous) < options.tolerance_change) break;
  }
  return before;
}

}  // namespace sumi
