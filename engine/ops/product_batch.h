// A batch of matrix products C[i] = A[i] B[i] of one size: on the packed kernels in single
// precision, where it is worth their preparations, by plain loops otherwise.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "engine/kernels/blocked/gemm.h"
#include "engine/kernels/reference/matmul.h"

namespace wnn::ops {

struct ProductSize {
  int64_t m = 0, k = 0, n = 0;
  int64_t count = 1;
  bool a_transposed = false;  // A is stored k x m
};

// The A[i], B[i] and C[i] lie one after the other. Immutable and thread-safe.
template <typename T>
class ProductBatch {
 public:
  ProductBatch() = default;
  explicit ProductBatch(const ProductSize& size) : size_(size) {
    constexpr int64_t kMinPacked = 4096;  // multiplications of one product
    is_packed_ = std::is_same_v<T, float> && size.m > 0 && size.n > 0 && size.k > 0 &&
                 size.m * size.n * size.k >= kMinPacked;
    for (int64_t i = 0; is_packed_ && i < size.count; ++i) {
      a_offsets_.push_back(i * size.m * size.k);
      b_offsets_.push_back(i * size.k * size.n);
    }
  }

  const ProductSize& size() const { return size_; }

  uint64_t ScratchBytes(int n_threads) const {
    if (!is_packed_) return 0;
    const auto bytes = kernels::MatMulScratchBytes(size_.m, size_.n, size_.k, n_threads);
    return bytes ? *bytes : UINT64_MAX;
  }

  // `scratch` has ScratchBytes(), aligned to a cache line.
  void Run(const T* a, const T* b, T* c, std::byte* scratch, Parallel& parallel) const {
    if constexpr (std::is_same_v<T, float>) {
      if (is_packed_) {
        kernels::MatMulArgs matmul;
        matmul.m = size_.m;
        matmul.n = size_.n;
        matmul.k = size_.k;
        matmul.a = a;
        matmul.b = b;
        matmul.a_offsets = a_offsets_;
        matmul.b_offsets = b_offsets_;
        matmul.a_transposed = size_.a_transposed;
        matmul.c = c;
        const size_t bytes = static_cast<size_t>(ScratchBytes(parallel.n_threads()));
        kernels::MatMul(matmul, {scratch, bytes}, parallel);
        return;
      }
    }
    kernels::MatrixProduct product{size_.m, size_.k, size_.n};
    product.a_row_stride = size_.a_transposed ? 1 : size_.k;
    product.a_k_stride = size_.a_transposed ? size_.m : 1;
    product.b_k_stride = size_.n;
    // Many small products share the threads, few large ones share them within each.
    const int64_t cost = std::max<int64_t>(size_.m * size_.k * size_.n, 1);
    auto one = [&](int64_t i, Parallel& within) {
      kernels::MultiplyReference(product, a + i * size_.m * size_.k, b + i * size_.k * size_.n,
                                 c + i * size_.m * size_.n, within);
    };
    if (cost >= kernels::kElementsPerTask) {
      for (int64_t i = 0; i < size_.count; ++i) one(i, parallel);
      return;
    }
    kernels::ForRanges(parallel, size_.count, kernels::kElementsPerTask / cost,
                       [&](int64_t begin, int64_t end) {
                         SerialParallel serial;
                         for (int64_t i = begin; i < end; ++i) one(i, serial);
                       });
  }

 private:
  ProductSize size_;
  bool is_packed_ = false;
  std::vector<int64_t> a_offsets_, b_offsets_;
};

}  // namespace wnn::ops
