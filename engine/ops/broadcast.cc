#include "engine/ops/broadcast.h"

namespace wnn::ops {

Result<std::vector<Dim>> DimsToBroadcast(const OpContext& context, size_t i) {
  constexpr int kFirstMultidirectional = 7;
  std::vector<Dim> dims = context.Input(i).dims;
  if (context.opset() >= kFirstMultidirectional || i != 1) return dims;
  if (context.op_type() == "PRelu") {
    // A vector of slopes has one for each channel.
    const size_t x_rank = context.Input(0).rank();
    if (dims.size() == 1 && x_rank > 2) dims.resize(x_rank - 1, graph::KnownDim(1));
    return dims;
  }
  WNN_ASSIGN_OR_RETURN(int64_t broadcast, context.attributes().Int("broadcast", 0));
  if (broadcast == 0 || !context.attributes().Has("axis")) return dims;
  const size_t rank = context.Input(0).rank();
  WNN_ASSIGN_OR_RETURN(int64_t axis, context.attributes().Int("axis", 0));
  WNN_ASSIGN_OR_RETURN(size_t first, NormalizeAxis(axis, rank));
  if (first + dims.size() > rank) {
    return InvalidArgument("input 1, " + context.Input(1).ToString() + ", does not fit input 0, " +
                           context.Input(0).ToString() + ", at axis " + std::to_string(axis));
  }
  dims.resize(rank - first, graph::KnownDim(1));
  return dims;
}

Status InferBroadcast(InferContext& context, DType dtype) {
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    if (context.Input(i).has_rank) continue;
    context.SetOutput(0, Fact::Unranked(dtype));
    return OkStatus();
  }
  std::vector<Dim> out;
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, DimsToBroadcast(context, i));
    WNN_ASSIGN_OR_RETURN(out, BroadcastDims(out, dims));
  }
  context.SetOutput(0, Fact::Ranked(dtype, std::move(out)));
  return OkStatus();
}

}  // namespace wnn::ops
