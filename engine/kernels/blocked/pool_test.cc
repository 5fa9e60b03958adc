#include "engine/kernels/blocked/pool.h"

#include <gtest/gtest.h>

#include "engine/kernels/blocked/test_util.h"

namespace wnn::kernels {
namespace {

// Sums of one window: a handful of additions.
constexpr double kEps = 4;

void Check(const PoolParams& p) {
  ASSERT_TRUE(CheckPool(p).ok());
  const std::vector<float> values = RandomFloats(p.batch * p.channels * p.in_h * p.in_w, 1);
  const reference::Map want = reference::Pool(p, values);
  const int64_t in_image = BlockedSize(p.channels, p.in_h, p.in_w);
  const int64_t out_image = BlockedSize(p.channels, p.out_h, p.out_w);
  GuardedFloats in(p.batch * in_image);
  Block(values, p.batch, p.channels, p.in_h * p.in_w, 0, in.data());
  OnEveryIsa([&] {
    GuardedFloats out(p.batch * out_image);
    SerialParallel serial;
    Pool(p, {in.data(), in_image}, {out.data(), out_image}, serial);
    const std::vector<float> got = out.values();
    ExpectClose(Unblock(got.data(), p.batch, p.channels, p.out_h * p.out_w), want,
                p.kind == PoolKind::kMax ? 0 : kEps);
    TestPool pool(3);
    Pool(p, {in.data(), in_image}, {out.data(), out_image}, pool);
    EXPECT_EQ(out.values(), got);
  });
}

TEST(Pool, Windows) {
  for (PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
    for (int64_t kernel : {1, 2, 3, 5}) {
      for (int64_t stride : {1, 2, 3}) {
        for (int64_t pad : {int64_t{0}, kernel / 2}) {
          for (bool count : {false, true}) {
            const int64_t h = 15, w = 14;
            Check({.kind = kind,
                   .batch = 2,
                   .channels = 20,
                   .in_h = h,
                   .in_w = w,
                   .out_h = (h + 2 * pad - kernel) / stride + 1,
                   .out_w = (w + 2 * pad - kernel) / stride + 1,
                   .kernel_h = kernel,
                   .kernel_w = kernel,
                   .stride_h = stride,
                   .stride_w = stride,
                   .pad_top = pad,
                   .pad_left = pad,
                   .count_padding = count,
                   .pad_bottom = pad,
                   .pad_right = pad});
          }
        }
      }
    }
  }
}

TEST(Pool, LastWindowReachesBeyondThePadding) {
  // Ceil mode: 1 + ceil((14 - 3) / 2) windows.
  for (PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
    for (bool count : {false, true}) {
      Check({.kind = kind,
             .channels = 16,
             .in_h = 14,
             .in_w = 12,
             .out_h = 7,
             .out_w = 6,
             .kernel_h = 3,
             .kernel_w = 3,
             .stride_h = 2,
             .stride_w = 2,
             .count_padding = count});
      Check({.kind = kind,
             .channels = 16,
             .in_h = 14,
             .in_w = 12,
             .out_h = 8,
             .out_w = 7,
             .kernel_h = 3,
             .kernel_w = 3,
             .stride_h = 2,
             .stride_w = 2,
             .pad_top = 1,
             .pad_left = 1,
             .count_padding = count,
             .pad_bottom = 1,
             .pad_right = 1});
    }
  }
}

TEST(Pool, DilationsAndOneRow) {
  for (PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
    Check({.kind = kind,
           .channels = 33,
           .in_h = 13,
           .in_w = 17,
           .out_h = 9,
           .out_w = 8,
           .kernel_h = 3,
           .kernel_w = 4,
           .stride_w = 2,
           .dilation_h = 2,
           .dilation_w = 2,
           .pad_left = 3,
           .count_padding = true,
           .pad_right = 2});
    Check({.kind = kind,
           .channels = 5,
           .in_h = 1,
           .in_w = 100,
           .out_h = 1,
           .out_w = 50,
           .kernel_w = 2,
           .stride_w = 2});
  }
}

TEST(Pool, RefusesImpossibleSizes) {
  const PoolParams good{.channels = 16,
                        .in_h = 4,
                        .in_w = 4,
                        .out_h = 2,
                        .out_w = 2,
                        .kernel_h = 2,
                        .kernel_w = 2,
                        .stride_h = 2,
                        .stride_w = 2};
  EXPECT_TRUE(CheckPool(good).ok());
  PoolParams bad = good;
  bad.out_h = 0;
  EXPECT_EQ(CheckPool(bad).code(), Code::kInvalidArgument);
  bad = good;
  bad.pad_left = -1;
  EXPECT_EQ(CheckPool(bad).code(), Code::kInvalidArgument);
  bad = good;
  bad.kernel_h = kMaxPoolRows + 1;
  EXPECT_EQ(CheckPool(bad).code(), Code::kUnsupportedOperation);
}

TEST(GlobalAveragePool, MatchesReference) {
  for (int64_t size : {1, 2, 7, 15}) {
    const PoolParams p{.kind = PoolKind::kAverage,
                       .batch = 3,
                       .channels = 40,
                       .in_h = size,
                       .in_w = size,
                       .out_h = 1,
                       .out_w = 1,
                       .kernel_h = size,
                       .kernel_w = size};
    const std::vector<float> values = RandomFloats(p.batch * p.channels * size * size, 1);
    GuardedFloats in(p.batch * BlockedSize(p.channels, size, size));
    Block(values, p.batch, p.channels, size * size, 0, in.data());
    OnEveryIsa([&] {
      TestPool pool(2);
      GuardedFloats out(p.batch * BlockedSize(p.channels, 1, 1));
      GlobalAveragePool(p.batch, p.channels, size * size,
                        {in.data(), BlockedSize(p.channels, size, size)},
                        {out.data(), BlockedSize(p.channels, 1, 1)}, pool);
      ExpectClose(Unblock(out.data(), p.batch, p.channels, 1), reference::Pool(p, values), kEps);
    });
  }
}

}  // namespace
}  // namespace wnn::kernels
