#include "engine/kernels/reference/strided_copy.h"

#include <cstring>

namespace wnn::kernels {
namespace {

template <size_t kBytes>
void CopyRow(std::byte* destination, int64_t destination_stride, const std::byte* source,
             int64_t source_stride, int64_t n) {
  constexpr int64_t kStep = static_cast<int64_t>(kBytes);
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(destination + i * destination_stride * kStep, source + i * source_stride * kStep,
                kBytes);
  }
}

using RowFn = void (*)(std::byte*, int64_t, const std::byte*, int64_t, int64_t);

RowFn RowFnOf(size_t element_bytes) {
  switch (element_bytes) {
    case 2: return CopyRow<2>;
    case 4: return CopyRow<4>;
    case 8: return CopyRow<8>;
    case 16: return CopyRow<16>;
    default: return CopyRow<1>;
  }
}

}  // namespace

void StridedCopy::Run(std::byte* destination, const std::byte* source, Parallel& parallel) const {
  const auto [destination_stride, source_stride] = nest_.inner_strides();
  const int64_t step = static_cast<int64_t>(element_bytes_);
  const bool dense = (destination_stride == 1 && source_stride == 1) || nest_.inner_extent() == 1;
  const RowFn copy_row = RowFnOf(element_bytes_);
  const int64_t d_stride = destination_stride, s_stride = source_stride;
  nest_.Run(parallel, [&](const LoopNest<2>::Offsets& offsets, int64_t n) {
    std::byte* to = destination + offsets[0] * step;
    const std::byte* from = source + offsets[1] * step;
    if (dense) {
      std::memcpy(to, from, static_cast<size_t>(n * step));
    } else {
      copy_row(to, d_stride, from, s_stride, n);
    }
  });
}

void CopyBytes(std::byte* destination, const std::byte* source, int64_t n, Parallel& parallel) {
  constexpr int64_t kBytesPerTask = int64_t{1} << 20;
  ForRanges(parallel, n, kBytesPerTask, [&](int64_t begin, int64_t end) {
    std::memcpy(destination + begin, source + begin, static_cast<size_t>(end - begin));
  });
}

void FillElements(std::byte* destination, const std::byte* element, size_t element_bytes, int64_t n,
                  Parallel& parallel) {
  const int64_t step = static_cast<int64_t>(element_bytes);
  const RowFn copy_row = RowFnOf(element_bytes);
  ForRanges(parallel, n, kElementsPerTask, [&](int64_t begin, int64_t end) {
    copy_row(destination + begin * step, 1, element, 0, end - begin);
  });
}

}  // namespace wnn::kernels
