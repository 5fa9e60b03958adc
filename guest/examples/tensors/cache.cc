// A decoder's cache of keys and values, which grows on the host and never comes here:
//
//   cache MODEL      one step of attention: query, key and value of a new token, float[1,4] each,
//                    past keys and values, float[P,4]; out come the attention's result and the
//                    present keys and values, float[P+1,4]
//
// Needs the host's extension; a core module or a component.
#include <array>
#include <cstdio>

#include "guest/examples/tensors/take.h"
#include "guest/support/file.h"
#include "wasi_nn_introspection.hpp"

namespace {

constexpr std::size_t kWidth = 4;
using Row = std::array<float, kWidth>;
constexpr wasi_nn::Input<float, 1, kWidth> kQuery{"query"}, kKey{"key"}, kValue{"value"};
constexpr wasi_nn::Input<float, wasi_nn::kAny, kWidth> kPastKeys{"past_keys"},
    kPastValues{"past_values"};
constexpr wasi_nn::Output<float, 1, kWidth> kResult{"result"};

// What a decoder's layers would make of the token.
Row Token(std::size_t step) {
  Row row;
  for (std::size_t i = 0; i < kWidth; ++i)
    row[i] = static_cast<float>((step * 3 + i) % 5) / 2 - 0.75F;
  return row;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) Fail("usage: cache MODEL");
  const auto model = wnn::support::ReadFile(argv[1]);
  if (!model) Fail(model.error());
  const auto graph = Take(wasi_nn::Graph::Load(*model));
  Take(wasi_nn::Check(graph, kQuery, kKey, kValue, kPastKeys, kPastValues, kResult));
  const auto context = Take(graph.CreateContext());

  // It begins with no rows.
  Take(context.Set(kPastKeys, std::array<float, 0>{}));
  Take(context.Set(kPastValues, std::array<float, 0>{}));
  Take(context.BindOutput("keys", "past_keys"));
  Take(context.BindOutput("values", "past_values"));
  for (std::size_t step = 0; step < 5; ++step) {
    const Row token = Token(step);
    Take(context.Set(kQuery, token));
    Take(context.Set(kKey, token));
    Take(context.Set(kValue, token));
    Take(context.Compute());
    Row result;
    Take(context.GetInto(kResult, std::mdspan(result.data(), std::extents<int, 1, kWidth>())));
    std::printf("%u rows:", Take(context.OutputDims("keys"))[0]);
    for (const float value : result) std::printf(" %.3f", static_cast<double>(value));
    std::printf("\n");
  }
  return 0;
}
