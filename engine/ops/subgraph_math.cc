#include "engine/ops/subgraph_math.h"

#include <cstring>

namespace wnn::ops {

Fact MergeFacts(const Fact& a, const Fact& b) {
  Fact merged;
  if (a.container != nullptr && b.container != nullptr) {
    if (a.container->kind == b.container->kind) merged.container = a.container;
    return merged;
  }
  if (a.container != nullptr || b.container != nullptr) return merged;
  if (a.dtype == b.dtype) merged.dtype = a.dtype;
  if (!a.has_rank || !b.has_rank || a.rank() != b.rank()) return merged;
  merged.has_rank = true;
  for (size_t d = 0; d < a.rank(); ++d) {
    merged.dims.push_back(graph::SameDim(a.dims[d], b.dims[d]) ? a.dims[d] : graph::UnknownDim());
  }
  return merged;
}

Fact AnyShapeOf(const Fact& fact) {
  Fact any;
  any.dtype = fact.dtype;
  any.container = fact.container;
  return any;
}

Fact WithLeadingDim(const Fact& fact) {
  if (!fact.has_rank) return AnyShapeOf(fact);
  std::vector<Dim> dims = {graph::UnknownDim()};
  dims.insert(dims.end(), fact.dims.begin(), fact.dims.end());
  return Fact::Ranked(fact.dtype, std::move(dims));
}

namespace {

Result<const Tensor*> Scalar(const Value& value, DType dtype, std::string_view what) {
  const Tensor* tensor = value.tensor();
  if (tensor != nullptr && tensor->dtype() == dtype && tensor->n_elements() == 1) return tensor;
  return InvalidArgument(std::string(what) + " is " +
                         (value.empty() ? "missing" : ValueTypeToString(*TypeOf(value))) +
                         ", not one element of type " + std::string(DTypeName(dtype)));
}

}  // namespace

Result<bool> ScalarBool(const Value& value, std::string_view what) {
  WNN_ASSIGN_OR_RETURN(const Tensor* tensor, Scalar(value, DType::kBool, what));
  return tensor->bytes()[0] != std::byte{0};
}

Result<int64_t> ScalarInt64(const Value& value, std::string_view what) {
  WNN_ASSIGN_OR_RETURN(const Tensor* tensor, Scalar(value, DType::kInt64, what));
  int64_t number;
  std::memcpy(&number, tensor->bytes().data(), sizeof(number));
  return number;
}

Result<Value> MakeScalar(const EvaluateContext& context, DType dtype, int64_t number) {
  WNN_ASSIGN_OR_RETURN(Tensor tensor, context.Allocate(dtype, {}));
  std::memcpy(tensor.bytes().data(), &number, tensor.bytes().size());
  return Value(std::move(tensor));
}

Result<Value> NoTurns(const EvaluateContext& context, const Fact& fact) {
  Shape shape = {0};
  if (fact.has_rank && fact.rank() > 0) {
    shape.clear();
    for (const Dim& dim : fact.dims) shape.push_back(graph::IsKnown(dim) ? dim.value : 0);
    shape[0] = 0;
  }
  if (fact.dtype == DType::kString) return context.Finish(context.NewStrings(std::move(shape)));
  if (fact.dtype == DType::kUndefined) {
    return Unsupported("the type of a result of no turns is not known");
  }
  WNN_ASSIGN_OR_RETURN(Tensor none, context.Allocate(fact.dtype, std::move(shape)));
  return Value(std::move(none));
}

}  // namespace wnn::ops
