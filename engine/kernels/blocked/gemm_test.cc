#include "engine/kernels/blocked/gemm.h"

#include <gtest/gtest.h>

#include "engine/kernels/blocked/test_util.h"

namespace wnn::kernels {
namespace {

constexpr double kEps = 4;

std::vector<float> Transpose(const std::vector<float>& in, int64_t rows, int64_t columns) {
  std::vector<float> out;
  for (int64_t j = 0; j < columns; ++j) {
    for (int64_t i = 0; i < rows; ++i) out.push_back(in[static_cast<size_t>(i * columns + j)]);
  }
  return out;
}

struct Sizes {
  int64_t m, n, k;
};

void CheckGemm(const Sizes& s, bool a_transposed, bool b_transposed, Parallel& parallel) {
  const std::vector<float> a = RandomFloats(s.m * s.k, 1);
  const std::vector<float> b = RandomFloats(s.k * s.n, 2);
  const std::vector<float> bias = RandomFloats(s.n, 3);
  reference::Map want = reference::Gemm(s.m, s.n, s.k, a, b);
  for (size_t i = 0; i < want.values.size(); ++i) {
    const double sum = 0.5 * want.values[i] + bias[i % static_cast<size_t>(s.n)];
    want.values[i] = std::min(std::max(sum, -1.0), 3.0);
    want.magnitudes[i] += std::abs(sum);
  }
  auto packed =
      PackedMatrix::Create(b_transposed ? Transpose(b, s.k, s.n) : b, s.k, s.n, b_transposed, 0.5f);
  ASSERT_TRUE(packed.has_value());
  const auto bytes = GemmScratchBytes(s.m, s.n, s.k, parallel.n_threads());
  ASSERT_TRUE(bytes.has_value());
  GuardedFloats scratch(static_cast<int64_t>(*bytes / sizeof(float)));
  const std::vector<float> stored_a = a_transposed ? Transpose(a, s.m, s.k) : a;
  const int64_t ldc = s.n + 3;
  GuardedFloats c(s.m * ldc);
  Gemm({.m = s.m,
        .a = stored_a.data(),
        .lda = a_transposed ? s.m : s.k,
        .a_transposed = a_transposed,
        .bias = bias.data(),
        .clamp = {-1.0f, 3.0f},
        .c = c.data(),
        .ldc = ldc},
       *packed, scratch.bytes(), parallel);
  std::vector<float> got;
  for (int64_t i = 0; i < s.m; ++i) {
    got.insert(got.end(), c.data() + i * ldc, c.data() + i * ldc + s.n);
    for (int64_t j = s.n; j < ldc; ++j) EXPECT_TRUE(std::isnan(c.data()[i * ldc + j]));
  }
  ExpectClose(got, want, kEps);
}

TEST(Gemm, MatchesReference) {
  for (int64_t m : {1, 2, 3, 4, 5, 7, 14, 15, 33}) {
    for (int64_t n : {1, 15, 16, 31, 48, 64, 65, 200}) {
      for (int64_t k : {1, 16, 17, 129, 300}) {
        SCOPED_TRACE(std::to_string(m) + " x " + std::to_string(n) + " x " + std::to_string(k));
        OnEveryIsa([&] {
          SerialParallel serial;
          CheckGemm({m, n, k}, false, false, serial);
          CheckGemm({m, n, k}, true, true, serial);
        });
      }
    }
  }
}

TEST(Gemm, ManyTasksGiveTheSameBits) {
  const Sizes s{250, 300, 400};
  const std::vector<float> a = RandomFloats(s.m * s.k, 1);
  auto packed = PackedMatrix::Create(RandomFloats(s.k * s.n, 2), s.k, s.n, false, 1);
  ASSERT_TRUE(packed.has_value());
  for (int64_t m : {s.m, int64_t{1}, int64_t{4}}) {
    std::vector<float> serial_result;
    for (int n_threads : {1, 2, 5}) {
      TestPool pool(n_threads);
      GuardedFloats scratch(
          static_cast<int64_t>(*GemmScratchBytes(m, s.n, s.k, n_threads) / sizeof(float)));
      GuardedFloats c(m * s.n);
      Gemm({.m = m, .a = a.data(), .lda = s.k, .c = c.data(), .ldc = s.n}, *packed, scratch.bytes(),
           pool);
      if (n_threads == 1) serial_result = c.values();
      EXPECT_EQ(c.values(), serial_result) << n_threads << " threads";
    }
  }
}

TEST(Gemm, BiasPerRow) {
  const std::vector<float> a = {1, 2, 3, 4, 5, 6};
  auto packed = PackedMatrix::Create(std::vector<float>{1, 0, 0, 1}, 2, 2, false, 1);
  ASSERT_TRUE(packed.has_value());
  const std::vector<float> bias = {10, 20, 30};
  GuardedFloats scratch(static_cast<int64_t>(*GemmScratchBytes(3, 2, 2, 1) / sizeof(float)));
  GuardedFloats c(6);
  SerialParallel serial;
  Gemm({.m = 3,
        .a = a.data(),
        .lda = 2,
        .bias = bias.data(),
        .bias_row_stride = 1,
        .bias_column_stride = 0,
        .c = c.data(),
        .ldc = 2},
       *packed, scratch.bytes(), serial);
  EXPECT_EQ(c.values(), (std::vector<float>{11, 12, 23, 24, 35, 36}));
}

TEST(Gemm, EmptySums) {
  auto packed = PackedMatrix::Create({}, 0, 20, false, 1);
  ASSERT_TRUE(packed.has_value());
  SerialParallel serial;
  for (int64_t m : {2, 9}) {
    GuardedFloats scratch(static_cast<int64_t>(*GemmScratchBytes(m, 20, 0, 1) / sizeof(float)));
    GuardedFloats c(m * 20);
    const float nothing = 0;
    Gemm({.m = m, .a = &nothing, .lda = 0, .c = c.data(), .ldc = 20}, *packed, scratch.bytes(),
         serial);
    EXPECT_EQ(c.values(), std::vector<float>(static_cast<size_t>(m * 20), 0));
  }
}

TEST(Gemm, RefusesImpossibleSizes) {
  EXPECT_EQ(GemmScratchBytes(-1, 2, 2, 1).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(GemmScratchBytes(int64_t{1} << 39, int64_t{1} << 39, 2, 1).error().code(),
            Code::kTooLarge);
  EXPECT_EQ(PackedMatrix::Create(std::vector<float>(5), 2, 2, false, 1).error().code(),
            Code::kInvalidArgument);
}

void CheckMatMul(const Sizes& s, bool a_transposed, bool b_transposed, int64_t items,
                 bool shared_b) {
  const std::vector<float> a = RandomFloats(items * s.m * s.k, 1);
  const std::vector<float> b = RandomFloats(items * s.k * s.n, 2);
  std::vector<float> stored_a, stored_b;
  std::vector<int64_t> a_offsets, b_offsets;
  reference::Map want;
  for (int64_t i = 0; i < items; ++i) {
    const int64_t bi = shared_b ? 0 : i;
    a_offsets.push_back(i * s.m * s.k);
    b_offsets.push_back(bi * s.k * s.n);
    const std::vector<float> one_a(a.begin() + i * s.m * s.k, a.begin() + (i + 1) * s.m * s.k);
    const std::vector<float> one_b(b.begin() + bi * s.k * s.n, b.begin() + (bi + 1) * s.k * s.n);
    const reference::Map one = reference::Gemm(s.m, s.n, s.k, one_a, one_b);
    want.values.insert(want.values.end(), one.values.begin(), one.values.end());
    want.magnitudes.insert(want.magnitudes.end(), one.magnitudes.begin(), one.magnitudes.end());
    const auto keep = [](std::vector<float>& to, const std::vector<float>& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    keep(stored_a, a_transposed ? Transpose(one_a, s.m, s.k) : one_a);
    keep(stored_b, b_transposed ? Transpose(one_b, s.k, s.n) : one_b);
  }
  OnEveryIsa([&] {
    std::vector<float> serial_result;
    for (int n_threads : {1, 3}) {
      TestPool pool(n_threads);
      const auto bytes = MatMulScratchBytes(s.m, s.n, s.k, n_threads);
      ASSERT_TRUE(bytes.has_value());
      GuardedFloats scratch(static_cast<int64_t>(*bytes / sizeof(float)));
      GuardedFloats c(items * s.m * s.n);
      MatMul({.m = s.m,
              .n = s.n,
              .k = s.k,
              .a = stored_a.data(),
              .b = stored_b.data(),
              .a_offsets = a_offsets,
              .b_offsets = b_offsets,
              .a_transposed = a_transposed,
              .b_transposed = b_transposed,
              .c = c.data()},
             scratch.bytes(), pool);
      if (n_threads == 1) serial_result = c.values();
      EXPECT_EQ(c.values(), serial_result);
    }
    ExpectClose(serial_result, want, kEps);
  });
}

TEST(MatMul, MatchesReference) {
  for (bool transposed : {false, true}) {
    CheckMatMul({12, 70, 33}, transposed, transposed, 1, false);
    CheckMatMul({3, 20, 64}, false, transposed, 7, false);
    CheckMatMul({17, 64, 40}, transposed, false, 9, true);
    CheckMatMul({5, 100, 700}, transposed, transposed, 2, true);
    CheckMatMul({6, 700, 400}, false, transposed, 5, true);
  }
}

}  // namespace
}  // namespace wnn::kernels
