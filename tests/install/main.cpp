// Differentiates one convolution with the installed library.
#include <cstdio>
#include <memory>

#include "tensor/autograd.h"
#include "tensor/ops.h"

int main() {
  using namespace sumi;
  const auto context = std::make_shared<Context>();
  Tensor x = Tensor::full(context, {1, 4, 4, 1}, 1);
  Tensor w = Tensor::full(context, {1, 3, 3, 1}, 1).set_requires_grad();
  backward(sum(conv2d(x, w, {}, {.pad = Pad4::all(1)})));
  const float corner = w.grad().values()[0], centre = w.grad().values()[4];
  std::printf("%g %g\n", static_cast<double>(corner), static_cast<double>(centre));
  return corner == 9 && centre == 16 ? 0 : 1;  // a corner tap sees 3 x 3 of the pixels, the centre tap all 16
}
