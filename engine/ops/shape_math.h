// Arithmetic on shapes whose dimensions may be unknown.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/status.h"
#include "engine/ops/op_context.h"
#include "engine/tensor/tensor.h"

namespace wnn::ops {

// The axis in [0, rank) that `axis` in [-rank, rank) means. kInvalidArgument otherwise.
Result<size_t> NormalizeAxis(int64_t axis, size_t rank);

// Distinct axes, normalised and sorted. kInvalidArgument for a bad or repeated one.
Result<std::vector<size_t>> NormalizeAxes(std::span<const int64_t> axes, size_t rank);

// The shape that both broadcast to, as far as it is known. kInvalidArgument if they do not.
Result<std::vector<Dim>> BroadcastDims(std::span<const Dim> a, std::span<const Dim> b);

// The product of dimensions; unknown unless it is certain. kTooLarge on overflow.
Result<Dim> DimProduct(std::span<const Dim> dims);

// Sets output i to the type and shape of an input.
Status InferSame(InferContext& context);

// The product of a range of a concrete shape.
int64_t ShapeProduct(std::span<const int64_t> dims);

// A shape seen from one axis: `outer` x `extent` x `inner`.
struct AxisView {
  int64_t outer = 1;
  int64_t extent = 1;
  int64_t inner = 1;
};
AxisView ViewAxis(std::span<const int64_t> shape, size_t axis);

}  // namespace wnn::ops
