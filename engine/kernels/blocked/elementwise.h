// Elementwise operations and softmax on contiguous floats. Stateless and thread-safe; an output may
// be one of the inputs. Pointers have any alignment.
#pragma once

#include <cstdint>

#include "engine/base/parallel.h"
#include "engine/kernels/blocked/layout.h"

namespace wnn::kernels {

enum class BinaryOp { kAdd, kSub, kMul };

// out[i] = clamp(a[i] op b[i]).
void Binary(BinaryOp op, const float* a, const float* b, int64_t n, const Clamp& clamp, float* out,
            Parallel& parallel);

// Per channel of a blocked map: out = clamp(in * scale + shift). `scale` and `shift` hold a float
// for each lane of each block, [BlockCount(channels) * 16]; null for 1 and 0. With a
// scale_batch_stride other than 0 each image has its own scale (squeeze and excite). Batch
// normalisation where no convolution can absorb it.
struct ScaleShiftParams {
  int64_t batch = 1;
  int64_t channels = 0;
  int64_t n_pixels = 0;
  const float* scale = nullptr;
  int64_t scale_batch_stride = 0;
  const float* shift = nullptr;
  Clamp clamp = {};
};
void ScaleShift(const ScaleShiftParams& params, const BlockedIn& in, const BlockedOut& out,
                Parallel& parallel);

enum class UnaryOp {
  kClamp,
  kSigmoid,
  kSilu,
  kHardSigmoid,
  kHardSwish,
  kLeakyRelu,
  kTanh,
  kErf,
  kExp,
  kGelu,
  kGeluTanh,
  kSwish,
};

// out[i] = op(in[i]). HardSigmoid is clamp(alpha * x + beta, 0, 1), HardSwish x times that (ONNX:
// alpha 1/6, beta 1/2), LeakyRelu alpha * x below zero, Swish x * sigmoid(alpha * x), Gelu x times
// the normal distribution's cumulative function, by erf or approximately by tanh; kClamp uses
// `clamp`. The exponential behind sigmoid, SiLU and tanh errs by at most 4 ULP, erf by 1.2e-7.
struct UnaryParams {
  UnaryOp op = UnaryOp::kClamp;
  float alpha = 0;
  float beta = 0;
  Clamp clamp = {};
};
void Unary(const UnaryParams& params, const float* in, int64_t n, float* out, Parallel& parallel);

// Softmax of each of n_rows rows of n floats; with `log`, its logarithm.
void SoftmaxRows(const float* in, int64_t n_rows, int64_t n, bool log, float* out,
                 Parallel& parallel);

}  // namespace wnn::kernels
