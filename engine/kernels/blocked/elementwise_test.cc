#include "engine/kernels/blocked/elementwise.h"

#include <gtest/gtest.h>

#include <functional>

#include "engine/kernels/blocked/test_util.h"

namespace wnn::kernels {
namespace {

const int64_t kLengths[] = {0, 1, 3, 4, 7, 8, 15, 16, 17, 115, 100000};

std::vector<double> Map2(const std::vector<float>& a, const std::vector<float>& b,
                         const std::function<double(double, double)>& f) {
  std::vector<double> out;
  for (size_t i = 0; i < a.size(); ++i) out.push_back(f(a[i], b[i]));
  return out;
}

TEST(Binary, EveryLengthAndAlignment) {
  const Clamp clamp{-0.5f, 0.75f};
  for (int64_t n : kLengths) {
    const std::vector<float> a = RandomFloats(n, 1), b = RandomFloats(n, 2);
    const auto clamped = [&](double x) {
      return std::min<double>(std::max<double>(static_cast<float>(x), clamp.min), clamp.max);
    };
    OnEveryIsa([&] {
      TestPool pool(3);
      for (int64_t shift : {0, 1}) {
        GuardedFloats out(n + shift);
        const auto check = [&](BinaryOp op, const std::function<double(double, double)>& f) {
          Binary(op, a.data(), b.data(), n, clamp, out.data() + shift, pool);
          const std::vector<double> want = Map2(a, b, f);
          for (int64_t i = 0; i < n; ++i) {
            ASSERT_EQ(out.data()[shift + i], clamped(want[static_cast<size_t>(i)])) << i;
          }
        };
        check(BinaryOp::kAdd, [](double x, double y) { return x + y; });
        check(BinaryOp::kSub, [](double x, double y) { return x - y; });
        check(BinaryOp::kMul, [](double x, double y) { return x * y; });
      }
    });
  }
}

TEST(Unary, EveryOperation) {
  struct Row {
    UnaryParams params;
    std::function<double(double)> want;
    double eps;
  };
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const auto hard = [](double x) { return std::min(std::max(x / 6 + 0.5, 0.0), 1.0); };
  const std::vector<Row> rows = {
      {{.op = UnaryOp::kClamp, .clamp = {0.0f, 6.0f}},
       [](double x) { return std::min(std::max(x, 0.0), 6.0); },
       0},
      {{.op = UnaryOp::kSigmoid}, sigmoid, 8},
      {{.op = UnaryOp::kSilu}, [&](double x) { return x * sigmoid(x); }, 8},
      {{.op = UnaryOp::kHardSigmoid, .alpha = 1 / 6.0f, .beta = 0.5f}, hard, 4},
      {{.op = UnaryOp::kHardSwish, .alpha = 1 / 6.0f, .beta = 0.5f},
       [&](double x) { return x * hard(x); },
       4},
      {{.op = UnaryOp::kLeakyRelu, .alpha = 0.125f},
       [](double x) { return x < 0 ? 0.125 * x : x; },
       0},
      {{.op = UnaryOp::kTanh}, [](double x) { return std::tanh(x); }, 8},
      {{.op = UnaryOp::kErf}, [](double x) { return std::erf(x); }, 2},
      {{.op = UnaryOp::kExp}, [](double x) { return std::exp(x); }, 4},
      {{.op = UnaryOp::kGelu},
       [](double x) { return x * (1 + std::erf(x * std::sqrt(0.5))) / 2; },
       16},
      {{.op = UnaryOp::kGeluTanh},
       [](double x) {
         return x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))) / 2;
       },
       16},
      {{.op = UnaryOp::kSwish, .alpha = 1.5f}, [&](double x) { return x * sigmoid(1.5 * x); }, 16},
  };
  for (int64_t n : kLengths) {
    std::vector<float> in = RandomFloats(n, 1);
    for (float& x : in) x *= 20;
    for (const Row& row : rows) {
      SCOPED_TRACE(static_cast<int>(row.params.op));
      reference::Map want;
      for (float x : in) {
        want.values.push_back(row.want(x));
        // Absolute error relative to the larger of the input and one, where the formulas subtract.
        want.magnitudes.push_back(std::max(1.0, std::abs(row.want(x))));
      }
      OnEveryIsa([&] {
        TestPool pool(2);
        GuardedFloats out(n);
        Unary(row.params, in.data(), n, out.data(), pool);
        ExpectClose(out.values(), want, row.eps);
      });
    }
  }
}

TEST(Unary, ErfAndExpAtTheirEnds) {
  const std::vector<float> in = {-INFINITY, -5, 0, 5, INFINITY, NAN, 89, -120};
  OnEveryIsa([&] {
    SerialParallel serial;
    GuardedFloats out(8);
    Unary({.op = UnaryOp::kErf}, in.data(), 8, out.data(), serial);
    for (int64_t i : {0, 1}) EXPECT_EQ(out.data()[i], -1.0f);
    EXPECT_EQ(out.data()[2], 0.0f);
    for (int64_t i : {3, 4}) EXPECT_EQ(out.data()[i], 1.0f);
    EXPECT_TRUE(std::isnan(out.data()[5]));
    Unary({.op = UnaryOp::kExp}, in.data(), 8, out.data(), serial);
    for (int64_t i : {0, 7}) EXPECT_EQ(out.data()[i], 0.0f);
    EXPECT_EQ(out.data()[2], 1.0f);
    for (int64_t i : {4, 6}) EXPECT_EQ(out.data()[i], INFINITY);
    EXPECT_TRUE(std::isnan(out.data()[5]));
  });
}

TEST(Unary, LargeInputsSaturate) {
  const std::vector<float> in = {-1000, -200, 200, 1000, -INFINITY, INFINITY};
  OnEveryIsa([&] {
    SerialParallel serial;
    GuardedFloats out(6);
    Unary({.op = UnaryOp::kSigmoid}, in.data(), 6, out.data(), serial);
    for (int64_t i : {0, 1, 4}) EXPECT_NEAR(out.data()[i], 0.0f, 1e-37f);
    for (int64_t i : {2, 3, 5}) EXPECT_EQ(out.data()[i], 1.0f);
  });
}

TEST(Unary, NanStaysNan) {
  // Alone in a vector, and in the part of one at the end.
  std::vector<float> in(19, 0.5f);
  in[3] = in[18] = std::nanf("");
  for (int op = 0; op <= static_cast<int>(UnaryOp::kTanh); ++op) {
    SCOPED_TRACE(op);
    OnEveryIsa([&] {
      SerialParallel serial;
      GuardedFloats out(19);
      const UnaryParams params{
          .op = static_cast<UnaryOp>(op), .alpha = 0.5f, .beta = 0.5f, .clamp = {0.0f, 6.0f}};
      Unary(params, in.data(), 19, out.data(), serial);
      for (int64_t i = 0; i < 19; ++i) {
        EXPECT_EQ(std::isnan(out.data()[i]), i == 3 || i == 18) << i;
      }
    });
  }
}

TEST(ScaleShift, PerChannelAndPerImage) {
  const int64_t batch = 2, channels = 20, n_pixels = 9;
  const int64_t lanes = BlockCount(channels) * kBlock;
  const std::vector<float> in = RandomFloats(batch * lanes * n_pixels, 1);
  const std::vector<float> scale = RandomFloats(batch * lanes, 2), shift = RandomFloats(lanes, 3);
  const int64_t image = lanes * n_pixels;
  OnEveryIsa([&] {
    TestPool pool(2);
    for (int64_t scale_stride : {int64_t{0}, lanes}) {
      for (bool has_scale : {false, true}) {
        for (bool has_shift : {false, true}) {
          GuardedFloats out(batch * image);
          ScaleShift({.batch = batch,
                      .channels = channels,
                      .n_pixels = n_pixels,
                      .scale = has_scale ? scale.data() : nullptr,
                      .scale_batch_stride = scale_stride,
                      .shift = has_shift ? shift.data() : nullptr,
                      .clamp = {0.0f, 1.0f}},
                     {in.data(), image}, {out.data(), image}, pool);
          for (int64_t i = 0; i < batch * image; ++i) {
            const int64_t n = i / image;
            const int64_t lane = i % image / (n_pixels * kBlock) * kBlock + i % kBlock;
            double want = in[static_cast<size_t>(i)];
            if (has_scale) want *= scale[static_cast<size_t>(n * scale_stride + lane)];
            if (has_shift) want += shift[static_cast<size_t>(lane)];
            ASSERT_NEAR(out.data()[i], std::min(std::max(want, 0.0), 1.0), 3e-7);
          }
        }
      }
    }
  });
}

TEST(SoftmaxRows, NanSpoilsItsRowOnly) {
  for (int64_t nan_at : {0, 5, 16, 18}) {
    std::vector<float> in(2 * 19, 1.0f);
    in[static_cast<size_t>(nan_at)] = std::nanf("");
    for (bool log : {false, true}) {
      OnEveryIsa([&] {
        SerialParallel serial;
        GuardedFloats out(2 * 19);
        SoftmaxRows(in.data(), 2, 19, log, out.data(), serial);
        for (int64_t i = 0; i < 2 * 19; ++i) {
          EXPECT_EQ(std::isnan(out.data()[i]), i < 19) << nan_at << " " << i;
        }
      });
    }
  }
}

TEST(SoftmaxRows, HugeAndMaskedNumbers) {
  std::vector<float> in(2 * 19, 1e20f);
  for (size_t i = 19; i < in.size(); ++i) in[i] = i % 2 == 0 ? -INFINITY : -1e30f;
  OnEveryIsa([&] {
    SerialParallel serial;
    GuardedFloats out(2 * 19);
    SoftmaxRows(in.data(), 2, 19, false, out.data(), serial);
    for (int64_t i = 0; i < 19; ++i) EXPECT_NEAR(out.data()[i], 1.0f / 19, 1e-8f) << i;
    for (int64_t i = 19; i < 2 * 19; ++i) {
      EXPECT_NEAR(out.data()[i], i % 2 == 0 ? 0.0f : 0.1f, 1e-8f) << i;
    }
  });
}

TEST(SoftmaxRows, MatchesDefinition) {
  for (int64_t n : {1, 3, 16, 17, 1000}) {
    const int64_t rows = 3;
    std::vector<float> in = RandomFloats(rows * n, 1);
    for (float& x : in) x *= 50;
    for (bool log : {false, true}) {
      std::vector<double> want;
      for (int64_t r = 0; r < rows; ++r) {
        double max = -INFINITY, sum = 0;
        for (int64_t i = 0; i < n; ++i)
          max = std::max<double>(max, in[static_cast<size_t>(r * n + i)]);
        for (int64_t i = 0; i < n; ++i) sum += std::exp(in[static_cast<size_t>(r * n + i)] - max);
        for (int64_t i = 0; i < n; ++i) {
          const double shifted = in[static_cast<size_t>(r * n + i)] - max;
          want.push_back(log ? shifted - std::log(sum) : std::exp(shifted) / sum);
        }
      }
      OnEveryIsa([&] {
        TestPool pool(2);
        GuardedFloats out(rows * n);
        SoftmaxRows(in.data(), rows, n, log, out.data(), pool);
        for (size_t i = 0; i < want.size(); ++i) {
          ASSERT_NEAR(out.data()[i], want[i], 2e-6 * std::max(1e-3, std::abs(want[i]))) << i;
        }
      });
    }
  }
}

}  // namespace
}  // namespace wnn::kernels
