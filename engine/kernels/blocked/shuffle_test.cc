#include "engine/kernels/blocked/shuffle.h"

#include <gtest/gtest.h>

#include "engine/kernels/blocked/test_util.h"

namespace wnn::kernels {
namespace {

TEST(ShuffleChannels, TransposesGroups) {
  const struct {
    int64_t channels, groups, n_pixels;
  } cases[] = {{112, 4, 49}, {136, 4, 1}, {6, 2, 3}, {48, 3, 7}, {15, 15, 600}, {17, 1, 5}};
  for (const auto& c : cases) {
    SCOPED_TRACE(std::to_string(c.channels) + " channels, " + std::to_string(c.groups) + " groups");
    const int64_t batch = 2;
    const std::vector<float> in = RandomFloats(batch * c.channels * c.n_pixels, 1);
    // ONNX: reshape to [N, groups, channels / groups, pixels], transpose, reshape back.
    std::vector<float> want;
    for (int64_t n = 0; n < batch; ++n) {
      for (int64_t i = 0; i < c.channels / c.groups; ++i) {
        for (int64_t g = 0; g < c.groups; ++g) {
          const int64_t channel = g * (c.channels / c.groups) + i;
          const auto at = static_cast<size_t>((n * c.channels + channel) * c.n_pixels);
          want.insert(want.end(), in.data() + at, in.data() + at + c.n_pixels);
        }
      }
    }
    const int64_t image = BlockedSize(c.channels, 1, c.n_pixels);
    OnEveryIsa([&] {
      TestPool pool(3);
      GuardedFloats blocked(batch * image), out(batch * image);
      Block(in, batch, c.channels, c.n_pixels, 0, blocked.data());
      ShuffleChannels(
          {.batch = batch, .channels = c.channels, .n_pixels = c.n_pixels, .groups = c.groups},
          {blocked.data(), image}, {out.data(), image}, pool);
      EXPECT_EQ(Unblock(out.data(), batch, c.channels, c.n_pixels), want);
    });
  }
}

}  // namespace
}  // namespace wnn::kernels
