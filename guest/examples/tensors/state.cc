// State that stays on the host, and what a model says of itself, in C++:
//
//   state MODEL      the model of typed.cc: h1 is the next step's h0
//
// Needs the host's extension; a core module or a component.
#include <array>
#include <cstdio>

#include "guest/examples/tensors/take.h"
#include "guest/support/file.h"
#include "wasi_nn_introspection.hpp"

namespace {

constexpr wasi_nn::Input<float, wasi_nn::kAny, 2> kX{"x"};
constexpr wasi_nn::Input<float, wasi_nn::kAny, 2> kState{"h0"};
constexpr wasi_nn::Output<float, wasi_nn::kAny, 2> kY{"y"};
constexpr wasi_nn::Output<double, wasi_nn::kAny, 2> kWrong{"y"};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) Fail("usage: state MODEL");
  const auto model = wnn::support::ReadFile(argv[1]);
  if (!model) Fail(model.error());
  const auto graph = Take(wasi_nn::Graph::Load(*model));
  for (const auto& input : Take(wasi_nn::Inputs(graph))) {
    std::printf("input %s\n", input.ToString().c_str());
  }
  for (const auto& output : Take(wasi_nn::Outputs(graph))) {
    std::printf("output %s\n", output.ToString().c_str());
  }
  std::printf("made by %s\n", Take(wasi_nn::GetMetadata(graph)).producer_name.c_str());
  Take(wasi_nn::Check(graph, kX, kState, kY));
  std::printf("%s\n", wasi_nn::Check(graph, kWrong).error().message.c_str());

  const auto context = Take(graph.CreateContext());
  Take(context.Set(kState, std::array<float, 2>{}));  // how it begins
  Take(context.BindOutput("h1", "h0"));               // of each compute, for the next
  for (float step = 1; step <= 4; ++step) {
    Take(context.Set(kX, std::array{step, -step}));
    Take(context.Compute());
    const auto y = Take(context.Get(kY));
    std::printf("%g %g\n", static_cast<double>(y.data[0]), static_cast<double>(y.data[1]));
  }
  std::printf("%s\n", context.BindOutput("h2", "h0").error().message.c_str());
  std::printf("%s\n", context.GetOutput<std::int32_t>("y").error().message.c_str());
  return 0;
}
