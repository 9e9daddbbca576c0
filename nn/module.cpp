#include "nn/module.h"

#include <algorithm>

#include "tensor/autograd.h"

namespace sumi {
namespace {

/// Where a file keeps the sides: K,C,R,S of our K,R,S,C.
Shape file_shape(const NamedParameter& p) {
  const Shape& s = p.tensor->shape();
  return p.kind == ParameterKind::filter ? Shape{s[0], s[3], s[1], s[2]} : s;
}

/// [K,A,B] -> [K,B,A] on every k: the transposition between K,C,RS and K,RS,C, either way.
std::vector<float> swap_last(const std::vector<float>& from, std::int64_t K, std::int64_t A, std::int64_t B) {
  std::vector<float> to(from.size());
  for (std::int64_t k = 0; k < K; k++)
    for (std::int64_t a = 0; a < A; a++)
      for (std::int64_t b = 0; b < B; b++)
        to[static_cast<std::size_t>((k * B + b) * A + a)] = from[static_cast<std::size_t>((k * A + a) * B + b)];
  return to;
}

void load_parameter(const NamedParameter& p, const Tensor& source) {
  if (p.kind != ParameterKind::filter) return p.tensor->copy_from(source);
  const Shape& s = p.tensor->shape();
  const auto values = swap_last(source.to_vector(), s[0], s[3], s[1] * s[2]);
  p.tensor->copy_from(Tensor::from(p.tensor->context(), s, values));
}

Tensor file_tensor(const NamedParameter& p, DType dtype) {
  const Shape& s = p.tensor->shape();
  auto values = p.tensor->to_vector();
  if (p.kind == ParameterKind::filter) values = swap_last(values, s[0], s[1] * s[2], s[3]);
  return Tensor::from(p.tensor->context(), file_shape(p), values, dtype);
}

/// Appends "3 missing: a, b, c"; a file of another network misses hundreds, so only the first ones are named.
void list(std::string& text, std::string_view what, const std::vector<std::string>& names) {
  constexpr std::size_t kNamed = 6;
  if (names.empty()) return;
  text += concat(text.empty() ? "" : "; ", names.size(), ' ', what, ": ");
  const std::size_t named = names.size() > kNamed + 1 ? kNamed : names.size();
  for (std::size_t i = 0; i < named; i++) text += (i ? ", " : "") + names[i];
  if (named < names.size()) text += concat(" and ", names.size() - named, " more");
}

}  // namespace

void Module::add(std::string name, Tensor& t, ParameterKind kind, bool buffer, bool optional) {
  own_.push_back({std::move(name), &t, kind, buffer, optional});
}

void Module::add(std::string name, Module& child) { children_.emplace_back(std::move(name), &child); }

std::vector<NamedParameter> Module::named_parameters() const {
  std::vector<NamedParameter> all = own_;
  for (const auto& [prefix, child] : children_)
    for (NamedParameter p : child->named_parameters()) {
      p.name = prefix + "." + p.name;
      all.push_back(std::move(p));
    }
  return all;
}

std::vector<Tensor*> Module::parameters() const {
  std::vector<Tensor*> trainable;
  for (const NamedParameter& p : named_parameters())
    if (!p.buffer) trainable.push_back(p.tensor);
  return trainable;
}

void Module::set_requires_grad(bool on) const {
  for (Tensor* t : parameters()) t->set_requires_grad(on);
}

void Module::set_training(bool on) {
  training_ = on;
  for (const auto& [name, child] : children_) child->set_training(on);
}

void Module::to(DType dtype) const {
  for (const NamedParameter& p : named_parameters()) {
    if (p.kind == ParameterKind::vector || p.tensor->dtype() == dtype) continue;
    const bool leaf = p.tensor->requires_grad();
    *p.tensor = cast(p.tensor->detach(), dtype);
    if (leaf) p.tensor->set_requires_grad();
  }
}

void Module::load_state_dict(const StateDict& state, bool strict) const {
  std::vector<std::string> missing, unexpected, misshaped;
  std::map<std::string, NamedParameter, std::less<>> mine;
  for (NamedParameter& p : named_parameters()) mine.emplace(p.name, p);
  for (const auto& [name, p] : mine) {
    const auto found = state.find(name);
    if (found == state.end()) {
      if (!p.optional) missing.push_back(name);
    } else if (const Shape& got = found->second.shape(), expected = file_shape(p); got != expected) {
      misshaped.push_back(concat(name, " (expected ", expected, ", got ", got, ")"));
    }
  }
  for (const auto& [name, tensor] : state)
    if (!mine.contains(name)) unexpected.push_back(name);
  if (!strict) missing.clear(), unexpected.clear();
  std::string problems;
  list(problems, "missing", missing);
  list(problems, "unexpected", unexpected);
  list(problems, "mis-shaped", misshaped);
  check(problems.empty(), "state_dict does not fit: ", problems);
  for (const auto& [name, p] : mine)
    if (const auto found = state.find(name); found != state.end()) load_parameter(p, found->second);
}

StateDict Module::state_dict(DType dtype) const {
  StateDict state;
  for (const NamedParameter& p : named_parameters()) state.emplace(p.name, file_tensor(p, dtype));
  return state;
}

}  // namespace sumi
