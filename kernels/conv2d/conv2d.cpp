#include "kernels/conv2d/conv2d.h"

namespace sumi {
namespace {

std::string describe(const Prologue& p) { return p ? concat("+pro_", name_of(p.act)) : ""; }

std::string describe(const Epilogue& e) {
  return concat(e.bias ? "+bias" : "", e.residual ? "+res" : "", e.act == Map::identity ? "" : "+",
                e.act == Map::identity ? "" : name_of(e.act), e.mean ? "+stats" : "");
}

double bytes_of(std::int64_t elements, DType t) {
  return static_cast<double>(elements) * static_cast<double>(size_of(t));
}

void append(Operands& list, Prologue& p, std::int64_t images, std::int64_t channels) {
  list.push_back({"scale", &p.scale, images * channels, Role::input, true, Fill::gaussian, true});
  list.push_back({"shift", &p.shift, images * channels, Role::input, true, Fill::gaussian, true});
}

void append(Operands& list, Epilogue& e, std::int64_t images, std::int64_t channels, std::int64_t count) {
  list.push_back({"bias", &e.bias, channels, Role::input, true, Fill::gaussian, true});
  list.push_back({"residual", &e.residual, count, Role::input, false, Fill::gaussian, true});
  list.push_back({"mean", &e.mean, images * channels, Role::output, true, Fill::gaussian, true});
  list.push_back({"var", &e.var, images * channels, Role::output, true, Fill::gaussian, true});
}

}  // namespace

bool is_complete(const Prologue& p, const Epilogue& e) {
  return static_cast<bool>(p.scale) == static_cast<bool>(p.shift) &&
         static_cast<bool>(e.mean) == static_cast<bool>(e.var);
}

bool is_fusible(const Prologue& p, const Epilogue& e) {
  return is_complete(p, e) && (!p || is_activation(p.act)) && is_activation(e.act);
}

std::string Conv2dDims::key() const {
  std::string s = concat('N', N, 'H', H, 'W', W, 'C', C, 'K', K, 'R', R, 'S', S);
  if (!unit_stride()) s += concat("s", stride_h, 'x', stride_w);
  if (!unit_dilation()) s += concat("d", dilation_h, 'x', dilation_w);
  if (groups != 1) s += concat("g", groups);
  if (pad != Pad4{}) s += concat("p", pad.top, '_', pad.bottom, '_', pad.left, '_', pad.right, name_of(pad_mode));
  return s;
}

void Conv2dDims::validate(std::string_view what) const {
  check(N > 0 && H > 0 && W > 0 && C > 0 && K > 0 && R > 0 && S > 0, what, ": every dim must be positive, got ", key());
  check(stride_h > 0 && stride_w > 0 && dilation_h > 0 && dilation_w > 0, what,
        ": stride and dilation must be positive");
  check(groups > 0 && C % groups == 0 && K % groups == 0, what, ": groups ", groups, " must divide C ", C, " and K ",
        K);
  check(pad.top >= 0 && pad.bottom >= 0 && pad.left >= 0 && pad.right >= 0, what, ": padding must not be negative");
  check(pad_mode != PadMode::reflect || (std::max(pad.top, pad.bottom) < H && std::max(pad.left, pad.right) < W), what,
        ": reflection needs padding smaller than the image, got ", key());
  check(H + pad.top + pad.bottom >= dilation_h * (R - 1) + 1 && W + pad.left + pad.right >= dilation_w * (S - 1) + 1,
        what, ": the filter is larger than the padded image, got ", key());
}

std::string Conv2dForward::key() const { return d.key() + describe(prologue) + describe(epilogue); }
std::string Conv2dBackwardInput::key() const { return d.key() + describe(prologue) + describe(epilogue); }

Operands Conv2dForward::operands() {
  Operands list{{"x", &x, d.x_count(), Role::input}, {"w", &w, d.w_count(), Role::input}};
  append(list, prologue, d.N, d.C);
  append(list, epilogue, d.N, d.K, d.y_count());
  list.push_back({"y", &y, d.y_count(), Role::output});
  return list;
}

Operands Conv2dBackwardInput::operands() {
  Operands list{{"dy", &dy, d.y_count(), Role::input}, {"w", &w, d.w_count(), Role::input}};
  append(list, prologue, d.N, d.K);
  append(list, epilogue, d.N, d.C, d.x_count());
  list.push_back({"dx", &dx, d.x_count(), Role::output});
  return list;
}

Operands Conv2dBackwardWeight::operands() {
  return {{"x", &x, d.x_count(), Role::input},
          {"dy", &dy, d.y_count(), Role::input},
          {"dw", &dw, d.w_count(), Role::output},
          {"dbias", &dbias, d.K, Role::output, true, Fill::gaussian, true}};
}

double Conv2dForward::bytes() const { return bytes_of(d.x_count() + d.w_count() + d.y_count(), dtype()); }
double Conv2dBackwardInput::bytes() const { return bytes_of(d.x_count() + d.w_count() + d.y_count(), dtype()); }
double Conv2dBackwardWeight::bytes() const { return bytes_of(d.x_count() + d.w_count() + d.y_count(), dtype()); }

}  // namespace sumi
