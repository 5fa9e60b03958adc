// A tensor of each element type that C++ has, in and out:
//
//   types MODEL      for each type in the order of kTensors an input and an output of it, with the
//                    same value, and further outputs with that value in double; all [N,2]
//
// A core module or a component. Types that the ABI has no number for cross as bytes, which the
// binding does: the program says what they are.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <tuple>

#include "guest/examples/tensors/take.h"
#include "guest/support/file.h"
#include "wasi_nn.hpp"

namespace {

using wasi_nn::BFloat16;
using wasi_nn::Float16;

template <typename T>
using Four = std::array<T, 4>;

template <typename T>
constexpr Four<T> Limits() {
  return {std::numeric_limits<T>::min(), 1, 2, std::numeric_limits<T>::max()};
}

constexpr std::tuple kTensors = {
    Four<bool>{false, true, true, false},
    Limits<std::int8_t>(),
    Limits<std::uint8_t>(),
    Limits<std::int16_t>(),
    Limits<std::uint16_t>(),
    Limits<std::int32_t>(),
    Limits<std::uint32_t>(),
    Limits<std::int64_t>(),
    Limits<std::uint64_t>(),
    Four<Float16>{Float16{0x3c00}, Float16{0xc000}, Float16{0x3555}, Float16{0x7bff}},
    Four<BFloat16>{BFloat16{0x3f80}, BFloat16{0xc000}, BFloat16{0x3eab}, BFloat16{0x4780}},
    Four<float>{1, -2, 0.5F, 1e9F},
    Four<double>{1, -2, 0.1, 1e18},
};
constexpr std::uint32_t kTypes = std::tuple_size_v<decltype(kTensors)>;

template <typename T>
void Set(const wasi_nn::Context& context, std::uint32_t index, const Four<T>& values) {
  Take(context.Set(wasi_nn::Input<T, wasi_nn::kAny, 2>{index}, std::mdspan(values.data(), 2, 2)));
}

template <typename T>
void Print(const wasi_nn::Context& context, std::uint32_t index, const Four<T>& values) {
  const auto same = Take(context.Get(wasi_nn::Output<T, wasi_nn::kAny, 2>{index}));
  Four<double> wide;
  Take(context.GetInto(wasi_nn::Output<double, wasi_nn::kAny, 2>{kTypes + index},
                       std::mdspan(wide.data(), 2, 2)));
  const bool is_same = same.data.size() == values.size() &&
                       std::memcmp(same.data.data(), values.data(), sizeof(values)) == 0;
  std::printf("%s %g %g %g %g%s\n", wasi_nn::kElementType<T>.name.data(), wide[0], wide[1], wide[2],
              wide[3], is_same ? "" : ", but came back otherwise");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) Fail("usage: types MODEL");
  const auto model = wnn::support::ReadFile(argv[1]);
  if (!model) Fail(model.error());
  const auto graph = Take(wasi_nn::Graph::Load(*model));
  const auto context = Take(graph.CreateContext());
  std::apply(
      [&](const auto&... tensors) {
        std::uint32_t index = 0;
        (Set(context, index++, tensors), ...);
        Take(context.Compute());
        index = 0;
        (Print(context, index++, tensors), ...);
      },
      kTensors);

  // Where the host's bytes are no bools, they are none here, either.
  const auto bools = context.GetOutput<bool>(2);
  std::printf("%s\n", bools ? "accepted" : bools.error().message.c_str());
  return 0;
}
