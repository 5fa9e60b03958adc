// Tensors in C++, declared once and checked when the program is compiled:
//
//   typed MODEL      a model with inputs x and h0 and outputs y and h1, float[N,2] each
//
// As a core module it runs on every host of WASI-NN, as a component on every host of wasi:nn.
#include <array>
#include <cstdio>

#include "guest/examples/tensors/take.h"
#include "guest/support/file.h"
#include "wasi_nn.hpp"

namespace {

constexpr wasi_nn::Input<float, wasi_nn::kAny, 2> kX{0};
constexpr wasi_nn::Input<float, wasi_nn::kAny, 2> kState{1};
constexpr wasi_nn::Output<float, wasi_nn::kAny, 2> kY{0};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) Fail("usage: typed MODEL");
  const auto model = wnn::support::ReadFile(argv[1]);
  if (!model) Fail(model.error());
  const auto graph = Take(wasi_nn::Graph::Load(*model));
  const auto context = Take(graph.CreateContext());

  // An mdspan brings its dimensions along; three of them would not compile.
  const std::array<float, 6> x = {1, 2, 3, 4, 5, 6};
  Take(context.Set(kX, std::mdspan(x.data(), 3, 2)));
  // A range leaves the open dimension to be found: six elements are [3, 2].
  const std::vector<float> state = {0, 0, 10, 10, 20, 20};
  Take(context.Set(kState, state));
  Take(context.Compute());

  const auto y = Take(context.Get(kY));
  const auto view = y.view();  // std::mdspan
  for (std::uint32_t row = 0; row < view.extent(0); ++row) {
    std::printf("%g %g\n", static_cast<double>(view[row, 0]), static_cast<double>(view[row, 1]));
  }

  // What cannot be seen before is told when it happens.
  const auto odd = context.Set(kX, std::vector<float>(5));
  std::printf("%s\n", odd ? "accepted" : odd.error().message.c_str());
  return 0;
}
