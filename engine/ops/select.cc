// Operators whose outputs' shapes depend on the inputs' values: NonZero, Compress.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/element.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

Status InferNonZero(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kAllSet));
  const Fact& in = context.Input(0);
  Dim rank = graph::UnknownDim();
  if (in.has_rank) rank = graph::KnownDim(static_cast<int64_t>(in.rank()));
  context.SetOutput(0, Fact::Ranked(DType::kInt64, {rank, graph::UnknownDim()}));
  return OkStatus();
}

// Whether an element is not zero: its bits are not all zero, or, in a float, only the sign is set.
// Calls visit(i) for each such element, in order.
template <typename Visit>
void ForEachNonZero(const Tensor& tensor, Parallel& parallel, Visit visit) {
  StopCheck check(parallel);
  const size_t element_bytes = DTypeBits(tensor.dtype()) / 8;
  const bool is_float = tensor.dtype() == DType::kFloat || tensor.dtype() == DType::kDouble ||
                        tensor.dtype() == DType::kFloat16 || tensor.dtype() == DType::kBfloat16;
  const uint64_t sign = is_float ? uint64_t{1} << (8 * element_bytes - 1) : 0;
  const std::byte* data = tensor.bytes().data();
  for (int64_t i = 0, n = tensor.n_elements(); i < n; ++i) {
    if (check.Stopped(2)) return;
    uint64_t bits = 0;
    std::memcpy(&bits, data + static_cast<size_t>(i) * element_bytes, element_bytes);
    if ((bits & ~sign) != 0) visit(i);
  }
}

Status EvaluateNonZero(EvaluateContext& context) {
  const Tensor& in = context.InputTensor(0);
  int64_t count = 0;
  ForEachNonZero(in, context.parallel(), [&](int64_t) { ++count; });
  WNN_RETURN_IF_ERROR(context.stop().Check());  // it may have ended early
  const size_t rank = in.shape().size();
  WNN_ASSIGN_OR_RETURN(Tensor out,
                       context.Allocate(DType::kInt64, {static_cast<int64_t>(rank), count}));
  int64_t* to = reinterpret_cast<int64_t*>(out.bytes().data());
  int64_t at = 0;
  ForEachNonZero(in, context.parallel(), [&](int64_t i) {
    for (size_t d = rank; d-- > 0;) {
      to[static_cast<int64_t>(d) * count + at] = i % in.shape()[d];
      i /= in.shape()[d];
    }
    ++at;
  });
  WNN_RETURN_IF_ERROR(context.stop().Check());
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

Status InferCompress(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kBoolSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(1, 1, 1));
  const Fact& in = context.Input(0);
  if (!context.attributes().Has("axis")) {
    context.SetOutput(0, Fact::Ranked(in.dtype, {graph::UnknownDim()}));
    return OkStatus();
  }
  Fact out = Fact::Unranked(in.dtype);
  if (in.has_rank) {
    WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().RequiredInt("axis"));
    WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, in.rank()));
    std::vector<Dim> dims = in.dims;
    dims[axis] = graph::UnknownDim();
    out = Fact::Ranked(in.dtype, std::move(dims));
  }
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

Status EvaluateCompress(EvaluateContext& context) {
  const Tensor& in = context.InputTensor(0);
  const std::span<const bool> condition = context.InputElements<bool>(1);
  // Without an axis the input counts as a vector.
  Shape shape = {in.n_elements()};
  size_t axis = 0;
  if (context.attributes().Has("axis")) {
    shape = in.shape();
    WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().RequiredInt("axis"));
    WNN_ASSIGN_OR_RETURN(axis, NormalizeAxis(wanted, shape.size()));
  }
  const AxisView view = ViewAxis(shape, axis);
  if (static_cast<int64_t>(condition.size()) > view.extent) {
    return InvalidArgument("the condition has " + std::to_string(condition.size()) +
                           " elements, but the axis " + std::to_string(view.extent));
  }
  shape[axis] = std::count(condition.begin(), condition.end(), true);
  WNN_ASSIGN_OR_RETURN(Tensor out, context.Allocate(in.dtype(), std::move(shape)));
  const size_t run_bytes = static_cast<size_t>(view.inner) * DTypeBits(in.dtype()) / 8;
  std::byte* to = out.bytes().data();
  StopCheck check(context.parallel());
  for (int64_t outer = 0; outer < view.outer && run_bytes > 0; ++outer) {
    for (size_t i = 0; i < condition.size(); ++i) {
      if (check.Stopped(static_cast<int64_t>(run_bytes / 8) + 2)) return context.stop().Check();
      if (!condition[i]) continue;
      const size_t run = static_cast<size_t>(outer * view.extent) + i;
      std::memcpy(to, in.bytes().data() + run * run_bytes, run_bytes);
      to += run_bytes;
    }
  }
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "NonZero", .since_version = 9, .infer = InferNonZero, .evaluate = EvaluateNonZero},
    {.name = "Compress",
     .since_version = 9,
     .inputs = {2, 2},
     .infer = InferCompress,
     .evaluate = EvaluateCompress,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
});

}  // namespace

std::span<const OpDef> SelectOps() { return kOps; }

}  // namespace wnn::ops
