// What the operators of the attention family have in common.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/kernels/attention.h"
#include "engine/ops/op_context.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {

inline constexpr TypeSet kAttentionTypes = {DType::kFloat, DType::kFloat16, DType::kBfloat16};

// An extent of -1 is not known.
inline Dim MakeDim(int64_t extent) {
  return extent < 0 ? graph::UnknownDim() : graph::KnownDim(extent);
}

// [batch, heads, rows, size], or with `is_3d` [batch, rows, heads * size].
template <typename T>
kernels::HeadsOf<T> HeadsIn(T* data, bool is_3d, int64_t heads, int64_t rows, int64_t size) {
  if (is_3d) return {data, rows * heads * size, size, heads * size};
  return {data, heads * rows * size, rows * size, size};
}

// Every extent of every input must be what the shape says.
inline Status CheckExtents(const OpContext& context, size_t i, const std::vector<int64_t>& wanted) {
  if (!context.HasInput(i) || !context.Input(i).has_rank) return OkStatus();
  const Fact& fact = context.Input(i);
  bool fits = fact.rank() == wanted.size();
  for (size_t d = 0; fits && d < wanted.size(); ++d) {
    fits = wanted[d] < 0 || !IsKnown(fact.dims[d]) || fact.dims[d].value == wanted[d];
  }
  if (fits) return OkStatus();
  return InvalidArgument("input " + std::to_string(i) + " is " + fact.ToString() + ", not " +
                         ShapeToString(wanted));
}

// Working memory that is handed out in pieces of whole cache lines.
class ScratchPieces {
 public:
  explicit ScratchPieces(std::byte* memory) : memory_(memory) {}
  template <typename T>
  T* Take(int64_t n) {
    auto* piece = reinterpret_cast<T*>(memory_);
    memory_ += Bytes<T>(n);
    return piece;
  }
  template <typename T>
  static uint64_t Bytes(int64_t n) {
    return (static_cast<uint64_t>(n) * sizeof(T) + 63) / 64 * 64;
  }
  std::byte* rest() const { return memory_; }

 private:
  std::byte* memory_;
};

}  // namespace wnn::ops
