// Convolution of 8-bit integers on the tiles of quad_tile.h, for one to three spatial dimensions,
// any stride, dilation and number of groups.
//
// The input becomes quads once: padded, four channels together and, for strides, the positions of
// each remainder apart, so that every tap of the window reads consecutive lanes. Where a group has
// one channel, a quad holds four taps of a row instead.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/kernels/quantized/quad_tile.h"
#include "engine/kernels/reference/conv.h"

namespace wnn::kernels {

// Immutable and thread-safe.
class QuadConv {
 public:
  struct Weights {
    const void* data = nullptr;  // [out_channels][in_channels / groups][kernel...] bytes
    bool is_signed = true;
  };

  // Packs weights for this geometry. kTooLarge if sizes cannot be addressed. Ends early, with
  // weights of no use, once `stop` is stopped.
  static Result<std::unique_ptr<const QuadConv>> Create(const ConvGeometry& shape,
                                                        const Weights& weights,
                                                        Parallel& stop = NeverStopped());

  // Sums of an output channel's weights, as signed bytes (w - 128 if they are unsigned).
  std::span<const int32_t> weight_sums() const { return weight_sums_; }
  size_t packed_bytes() const { return weights_.size(); }

  struct Input {
    const void* data = nullptr;  // [batch][in_channels][in...] bytes
    bool is_signed = false;
    uint8_t zero = 0;  // of the input as unsigned bytes (+ 128 if it is signed): the padding
  };
  // Row terms of `epilogue` are indexed by output channel; row_zero holds the zero points of the
  // weights as signed bytes, or is null if all are 0; lane terms are not for the caller.
  // The output is [batch][out_channels][out...] of the epilogue's type.
  void Run(const Input& input, const QuadEpilogue& epilogue, void* output, std::byte* scratch,
           Parallel& parallel) const;
  uint64_t ScratchBytes(int n_threads) const;

 private:
  using Extents = std::array<int64_t, kMaxSpatialRank>;

  explicit QuadConv(const ConvGeometry& shape);
  Status Plan();
  Status PackWeights(const Weights& weights, Parallel& parallel);
  void PackPlane(const Input& input, int64_t image, int64_t group, int64_t plane, uint8_t* to,
                 uint8_t* padded, Parallel& parallel) const;
  void RunStrips(const Input& input, const QuadEpilogue& epilogue, int64_t image, int64_t group,
                 const uint8_t* packed, int64_t first_strip, int64_t end_strip, int64_t first_row,
                 int64_t end_row, std::byte* output, Parallel& parallel) const;
  // A run of lanes that are consecutive pixels of the output.
  struct Segment {
    int64_t lane, pixel, n;
  };
  size_t FindSegments(int64_t strip, Segment* found) const;
  std::span<const Segment> SegmentsOf(int64_t strip, Segment* room) const;
  void PackSliding(const Input& input, const uint8_t* source, uint8_t* to, uint8_t* padded,
                   Parallel& parallel) const;
  int64_t PaddedBytes() const;

  const ConvGeometry shape_;
  const QuadTiles* tiles_;
  bool sliding_ = false;  // a quad is four taps of one channel
  Extents extent_{};      // of a plane's part for one remainder
  std::array<std::vector<int64_t>, kMaxSpatialRank> remainders_;  // that taps use
  int64_t n_planes_ = 0;                                          // of quads, a group
  int64_t plane_quads_ = 0;
  int64_t n_lanes_ = 0;  // from the first pixel of the output to the last
  std::vector<int64_t> step_offsets_;
  std::vector<Segment> segments_;     // of all strips, unless there are too many to keep
  std::vector<size_t> strip_begins_;  // where those of a strip begin; one more than strips
  AlignedBuffer weights_;             // [group] rows, as PackQuadRows
  AlignedBuffer ones_;  // [group of any] a row of ones: sums of the input under a window
  int64_t group_weight_bytes_ = 0;
  std::vector<int32_t> weight_sums_;
};

}  // namespace wnn::kernels
