// Readable, slow twins of the blocked kernels, on plain NCHW tensors: what the tests compare with.
//
// Sums are in double. Beside each result stands the sum of its terms' magnitudes, by which a test
// bounds the rounding error that a float computation may have.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/kernels/blocked/conv.h"
#include "engine/kernels/blocked/inverted_residual.h"
#include "engine/kernels/blocked/pool.h"

namespace wnn::kernels::reference {

struct Map {
  std::vector<double> values;
  std::vector<double> magnitudes;  // of the sum behind each value
};

// [batch][in_channels][in_h][in_w] -> [batch][out_channels][out_h][out_w], any groups; with
// spec.global_average or spec.pool the map behind them. `residual` is of the output's size or
// empty.
Map Conv(const ConvSpec& spec, const ConvShape& shape, std::span<const float> in,
         std::span<const float> weights, std::span<const float> bias,
         std::span<const float> residual);

Map InvertedResidual(const InvertedResidualSpec& spec, const InvertedResidualShape& shape,
                     const InvertedResidualWeights& weights, std::span<const float> in,
                     std::span<const float> residual);

// [batch][channels][in_h][in_w] -> [batch][channels][out_h][out_w].
Map Pool(const PoolParams& params, std::span<const float> in);

// C[m][n] = sum over k of A[m][k] * B[k][n], both row-major.
Map Gemm(int64_t m, int64_t n, int64_t k, std::span<const float> a, std::span<const float> b);

}  // namespace wnn::kernels::reference
