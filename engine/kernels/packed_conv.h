// Convolution of one to three spatial dimensions in NCW, NCHW or NCDHW with constant weights, as
// matrix products on the packed kernels: for maps that are not in the blocked layout.
//
// Of maps of some size each panel of output positions is gathered and multiplied by all weights
// (weights x patches). Of smaller ones the positions of all images are the rows of one product
// (patches x weights), whose result is transposed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/kernels/blocked/gemm.h"
#include "engine/kernels/reference/conv.h"

namespace wnn::kernels {

// The weights, packed for maps that are small or not. Immutable and thread-safe.
class PackedConv {
 public:
  // Whether the output's maps are small ones.
  static bool IsSmall(const ConvGeometry& shape) { return shape.window.out_size() < 16; }

  // `weights` as ONNX has them; of `shape` only the channels, groups, kernel and IsSmall() count.
  // Errors, and `stop`, as PackedMatrix::Create. REQUIRES: the weights have the size that the shape
  // says.
  static Result<std::unique_ptr<const PackedConv>> Create(std::span<const float> weights,
                                                          const ConvGeometry& shape,
                                                          Parallel& stop = NeverStopped());

  size_t packed_bytes() const;

  // kTooLarge if no machine has so much.
  Result<size_t> ScratchBytes(const ConvGeometry& shape, int n_threads) const;

  // As ConvReference, but for the order of additions, which depends on IsSmall(). REQUIRES: the
  // shape fits the one for which the weights were packed; `scratch` is 64-byte aligned and as large
  // as ScratchBytes() said for `parallel`.
  void Run(const ConvGeometry& shape, const float* x, const float* bias, float* y,
           std::span<std::byte> scratch, Parallel& parallel) const;

 private:
  void RunPanels(const ConvGeometry& shape, const float* x, const float* bias, float* y,
                 float* scratch, Parallel& parallel) const;
  void RunSmall(const ConvGeometry& shape, const float* x, const float* bias, float* y,
                float* scratch, size_t scratch_bytes, Parallel& parallel) const;

  // One a group; one of the two is empty.
  std::vector<PackedRows> rows_;
  std::vector<PackedMatrix> matrices_;
};

}  // namespace wnn::kernels
