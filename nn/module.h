// Module: named parameters and children, with PyTorch's state_dict names.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/ops.h"

namespace sumi {

/// Tensors by name, as read from a file.
using StateDict = std::map<std::string, Tensor, std::less<>>;

/// How a file's tensor is laid out, so that loading can transpose: PyTorch's filters are K,C,R,S; ours K,R,S,C.
/// A transposed convolution's filter [in,out,R,S] takes the same transposition: ours is that of the convolution it
/// transposes.
enum class ParameterKind : std::uint8_t { vector, filter, matrix };

/// A module's tensor and its name in files.
struct NamedParameter {
  std::string name;
  Tensor* tensor;
  ParameterKind kind;
  bool buffer = false;    // running statistics: saved, not trained
  bool optional = false;  // may be missing from a file
};

/// A layer or network: owns tensors as plain members and lists them once in its constructor with add(). Neither copied
/// nor moved, since the list points at the members.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  /// All parameters and buffers, depth first, names joined with dots.
  std::vector<NamedParameter> named_parameters() const;
  /// The trainable tensors.
  std::vector<Tensor*> parameters() const;
  void set_requires_grad(bool on) const;
  /// Training mode of this module and its children: what batch norm looks at. Off at first.
  void set_training(bool on);
  bool training() const { return training_; }
  /// Converts every parameter of 2 or more dimensions (filters, matrices) to dtype; vectors stay f32.
  void to(DType dtype) const;
  /// Copies weights from `state` (PyTorch layout), converting dtype and layout. With strict, throws one Error that
  /// counts the missing, unexpected and mis-shaped tensors and names the first of each; otherwise only mis-shaped ones
  /// are errors.
  void load_state_dict(const StateDict& state, bool strict = true) const;
  /// PyTorch's layout and names, f32 or the given dtype.
  StateDict state_dict(DType dtype = DType::f32) const;

 protected:
  void add(std::string name, Tensor& t, ParameterKind kind = ParameterKind::vector, bool buffer = false,
           bool optional = false);
  void add(std::string name, Module& child);

 private:
  bool training_ = false;
  std::vector<NamedParameter> own_;
  std::vector<std::pair<std::string, Module*>> children_;
};

}  // namespace sumi
