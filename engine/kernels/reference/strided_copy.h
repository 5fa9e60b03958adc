// Copies between strided views of elements of any size: the kernel of Transpose, Slice, Concat,
// Pad, Expand, Tile and their like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/parallel.h"
#include "engine/kernels/reference/loop_nest.h"

namespace wnn::kernels {

// Immutable and thread-safe.
class StridedCopy {
 public:
  StridedCopy() = default;
  // Strides are in elements and may be 0 (source only) or negative. REQUIRES: element_bytes is 1,
  // 2, 4, 8 or 16; dims.size() <= kMaxLoopRank.
  StridedCopy(std::span<const int64_t> dims, std::vector<int64_t> destination_strides,
              std::vector<int64_t> source_strides, size_t element_bytes)
      : nest_(dims, {std::move(destination_strides), std::move(source_strides)}),
        element_bytes_(element_bytes) {}

  // `destination` and `source` point to the element of index 0 in every dimension.
  void Run(std::byte* destination, const std::byte* source, Parallel& parallel) const;

 private:
  LoopNest<2> nest_;
  size_t element_bytes_ = 1;
};

// Copies `n` bytes. REQUIRES: source and destination do not overlap.
void CopyBytes(std::byte* destination, const std::byte* source, int64_t n, Parallel& parallel);

// Repeats one element of `element_bytes` (1, 2, 4, 8 or 16) `n` times.
void FillElements(std::byte* destination, const std::byte* element, size_t element_bytes, int64_t n,
                  Parallel& parallel);

}  // namespace wnn::kernels
