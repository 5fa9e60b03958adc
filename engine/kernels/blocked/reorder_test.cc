#include "engine/kernels/blocked/reorder.h"

#include <gtest/gtest.h>

#include "engine/kernels/blocked/test_util.h"

namespace wnn::kernels {
namespace {

TEST(Reorder, ThereAndBack) {
  for (int64_t channels : {1, 3, 15, 16, 17, 32, 40}) {
    for (int64_t n_pixels : {1, 3, 4, 7, 49, 600}) {
      SCOPED_TRACE(std::to_string(channels) + " channels, " + std::to_string(n_pixels) + " pixels");
      const int64_t batch = 2;
      const std::vector<float> values = RandomFloats(batch * channels * n_pixels, 1);
      const int64_t image = BlockedSize(channels, 1, n_pixels);
      std::vector<float> want(static_cast<size_t>(batch * image));
      Block(values, batch, channels, n_pixels, 0, want.data());
      OnEveryIsa([&] {
        TestPool pool(3);
        GuardedFloats blocked(batch * image);
        ToBlocked(values.data(), batch, channels, n_pixels, {blocked.data(), image}, pool);
        EXPECT_EQ(blocked.values(), want);
        GuardedFloats back(batch * channels * n_pixels);
        FromBlocked({blocked.data(), image}, batch, channels, n_pixels, back.data(), pool);
        EXPECT_EQ(back.values(), values);
      });
    }
  }
}

}  // namespace
}  // namespace wnn::kernels
