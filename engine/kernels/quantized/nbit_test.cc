// Products with matrices of few bits, on every instruction set, against plain sums.
#include <algorithm>
#include <cmath>

#include "engine/base/stop_check.h"
#include "engine/kernels/blocked/test_util.h"
#include "engine/kernels/quantized/nbit_gemm.h"

namespace wnn::kernels {
namespace {

enum class Zeros { kNone, kIntegers, kNumbers };

// A matrix in memory of exactly its size, so that a sanitizer sees what reads beyond it.
struct Weights {
  std::vector<uint8_t> data, zeros;
  std::vector<float> scales, zero_numbers;
  NBitMatrix matrix;

  Weights(int64_t k, int64_t n, int64_t bits, int64_t block, Zeros kind) {
    matrix.k = k;
    matrix.n = n;
    matrix.bits = bits;
    matrix.block = block;
    const int64_t blocks = matrix.blocks();
    data = RandomBytes(n * matrix.column_bytes(), 1);
    scales = RandomFloats(n * blocks, 2);
    matrix.data = reinterpret_cast<const std::byte*>(data.data());
    matrix.scales = scales.data();
    if (kind == Zeros::kIntegers) {
      zeros = RandomBytes(n * matrix.zero_bytes(), 3);
      matrix.zeros = reinterpret_cast<const std::byte*>(zeros.data());
    } else if (kind == Zeros::kNumbers) {
      zero_numbers = RandomFloats(n * blocks, 4);
      matrix.zero_numbers = zero_numbers.data();
    }
  }

  static int IntegerAt(const std::vector<uint8_t>& bytes, int64_t first_byte, int64_t i,
                       int64_t bits) {
    return bytes[static_cast<size_t>(first_byte + i * bits / 8)] >> (i * bits % 8) &
           ((1 << bits) - 1);
  }
  // With the scale and zero point of block `block`.
  double At(int64_t k, int64_t n, int64_t block) const {
    const NBitMatrix& b = matrix;
    double zero = 1 << (b.bits - 1);
    const auto at = static_cast<size_t>(n * b.blocks() + block);
    if (!zeros.empty()) zero = IntegerAt(zeros, n * b.zero_bytes(), block, b.bits);
    if (!zero_numbers.empty()) zero = double{zero_numbers[at]};
    return (IntegerAt(data, n * b.column_bytes(), k, b.bits) - zero) * double{scales[at]};
  }
};

// Multiplies and compares. `groups` may be empty.
void Check(const Weights& weights, int64_t m, const std::vector<int32_t>& groups, bool has_bias,
           Parallel& parallel) {
  const NBitMatrix& b = weights.matrix;
  const std::vector<float> a = RandomFloats(m * b.k, 5), bias = RandomFloats(b.n, 6);
  NBitGemmArgs args;
  args.m = m;
  args.a = a.data();
  args.lda = b.k;
  args.b = b;
  args.bias = has_bias ? bias.data() : nullptr;
  std::optional<RegroupedNBits> regrouped;
  if (!groups.empty()) {
    auto made = RegroupedNBits::Create(b, groups.data(), NeverStopped());
    ASSERT_TRUE(made.has_value());
    regrouped.emplace(std::move(*made));
    args.b = regrouped->matrix();
    args.order = regrouped->order();
  }
  GuardedFloats c(m * b.n);
  args.c = c.data();
  args.ldc = b.n;
  const auto bytes = NBitGemmScratchBytes(args, parallel.n_threads());
  ASSERT_TRUE(bytes.has_value());
  // Whatever scratch memory holds must not matter.
  GuardedFloats scratch(static_cast<int64_t>(*bytes / sizeof(float)));
  NBitGemm(args, scratch.bytes().data(), parallel);

  reference::Map want;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < b.n; ++j) {
      double sum = has_bias ? double{bias[static_cast<size_t>(j)]} : 0, magnitude = std::abs(sum);
      for (int64_t k = 0; k < b.k; ++k) {
        const int64_t block = groups.empty() ? k / b.block : groups[static_cast<size_t>(k)];
        const double x = double{a[static_cast<size_t>(i * b.k + k)]};
        sum += x * weights.At(k, j, block);
        // Sums of integers and of zero points come together only at the end.
        magnitude +=
            std::abs(x * double{weights.scales[static_cast<size_t>(j * b.blocks() + block)]}) *
            static_cast<double>(1 << b.bits);
      }
      want.values.push_back(sum);
      want.magnitudes.push_back(magnitude);
    }
  }
  ExpectClose(c.values(), want, 4);
}

TEST(NBitGemm, EveryWidthBlockAndZeroPoint) {
  OnEveryIsa([] {
    TestPool pool(3);
    for (int64_t bits : {2, 4, 8}) {
      for (int64_t block : {16, 32, 64, 128, 256, 1024}) {
        for (Zeros zeros : {Zeros::kNone, Zeros::kIntegers, Zeros::kNumbers}) {
          SCOPED_TRACE(testing::Message() << bits << " bits, block " << block << ", zeros "
                                          << static_cast<int>(zeros));
          // A whole number of chunks and blocks, and what ends within either.
          for (int64_t k : {512, 333}) {
            const Weights weights(k, 9, bits, block, zeros);
            Check(weights, 1, {}, true, pool);
            Check(weights, 17, {}, false, pool);
          }
        }
      }
    }
  });
}

TEST(NBitGemm, OddSizes) {
  OnEveryIsa([] {
    TestPool pool(3);
    for (int64_t bits : {2, 4, 8}) {
      for (int64_t k : {1, 7, 16, 31, 100, 257}) {
        for (int64_t n : {1, 3, 5, 64, 67}) {
          for (int64_t m : {1, 2, 3, 4, 7, 16, 29}) {
            SCOPED_TRACE(testing::Message() << bits << " bits, " << m << "x" << k << "x" << n);
            Check(Weights(k, n, bits, 16, Zeros::kIntegers), m, {}, m % 2 == 1, pool);
          }
        }
      }
    }
  });
}

// More than one piece of k, one pass of rows and one task.
TEST(NBitGemm, Large) {
  OnEveryIsa([] {
    TestPool pool(3);
    Check(Weights(40'000, 6, 4, 32, Zeros::kIntegers), 2, {}, true, pool);
    Check(Weights(40'000, 2, 8, 128, Zeros::kNone), 18, {}, true, pool);
    Check(Weights(300, 70, 4, 64, Zeros::kIntegers), 300, {}, true, pool);
    Check(Weights(900, 700, 4, 32, Zeros::kNone), 5, {}, false, pool);
  });
}

TEST(NBitGemm, BlocksOfAnyRows) {
  OnEveryIsa([] {
    TestPool pool(3);
    for (int64_t bits : {2, 4, 8}) {
      for (Zeros zeros : {Zeros::kNone, Zeros::kIntegers, Zeros::kNumbers}) {
        const Weights weights(100, 5, bits, 16, zeros);
        std::vector<int32_t> in_turn, uneven;
        for (int32_t i = 0; i < 100; ++i) {
          in_turn.push_back(i % 7);
          uneven.push_back(i % 3 == 0 ? 6 : i % 5 == 0 ? 2 : 4);  // some blocks have no row
        }
        for (int64_t m : {1, 20}) {
          Check(weights, m, in_turn, false, pool);
          Check(weights, m, uneven, true, pool);
        }
      }
    }
  });
}

// The same bits whatever the threads.
TEST(NBitGemm, ThreadsDoNotMatter) {
  const Weights weights(640, 200, 4, 32, Zeros::kIntegers);
  for (int64_t m : {1, 6, 40}) {
    const std::vector<float> a = RandomFloats(m * 640, 5);
    std::vector<std::vector<float>> results;
    for (int n_threads : {1, 2, 5}) {
      TestPool pool(n_threads);
      std::vector<float> c(static_cast<size_t>(m * 200));
      NBitGemmArgs args{m, a.data(), 640, nullptr, weights.matrix, nullptr, c.data(), 200};
      GuardedFloats scratch(
          static_cast<int64_t>(*NBitGemmScratchBytes(args, n_threads) / sizeof(float)));
      NBitGemm(args, scratch.bytes().data(), pool);
      results.push_back(std::move(c));
    }
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
  }
}

TEST(NBitGemm, RefusesWhatCannotBeAddressed) {
  NBitGemmArgs args;
  args.m = int64_t{1} << 40;
  args.b.k = args.b.n = int64_t{1} << 30;
  EXPECT_FALSE(NBitGemmScratchBytes(args, 1).has_value());
}

}  // namespace
}  // namespace wnn::kernels
