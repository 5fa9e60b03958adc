#include "engine/ops/shape_math.h"

#include <algorithm>

#include "engine/base/checked_math.h"

namespace wnn::ops {
namespace {

std::string DimsToString(std::span<const Dim> dims) {
  ValueInfo info;
  info.has_shape = true;
  info.dims.assign(dims.begin(), dims.end());
  std::string text = ValueInfoToString(info);
  return text.substr(text.find('['));
}

}  // namespace

Result<size_t> NormalizeAxis(int64_t axis, size_t rank) {
  const int64_t n = static_cast<int64_t>(rank);
  if (axis < -n || axis >= n) {
    return InvalidArgument("axis " + std::to_string(axis) + " is outside a tensor of rank " +
                           std::to_string(rank));
  }
  return static_cast<size_t>(axis < 0 ? axis + n : axis);
}

Result<std::vector<size_t>> NormalizeAxes(std::span<const int64_t> axes, size_t rank) {
  std::vector<size_t> normalized;
  for (int64_t axis : axes) {
    WNN_ASSIGN_OR_RETURN(size_t index, NormalizeAxis(axis, rank));
    normalized.push_back(index);
  }
  std::sort(normalized.begin(), normalized.end());
  if (std::adjacent_find(normalized.begin(), normalized.end()) != normalized.end()) {
    return InvalidArgument("an axis is there twice");
  }
  return normalized;
}

Result<std::vector<Dim>> BroadcastDims(std::span<const Dim> a, std::span<const Dim> b) {
  std::vector<Dim> out(std::max(a.size(), b.size()));
  for (size_t i = 0; i < out.size(); ++i) {  // from the last dimension on
    Dim x = i < a.size() ? a[a.size() - 1 - i] : graph::KnownDim(1);
    Dim y = i < b.size() ? b[b.size() - 1 - i] : graph::KnownDim(1);
    Dim& result = out[out.size() - 1 - i];
    if (x.value == 1 || graph::SameDim(x, y)) {
      result = y;
    } else if (y.value == 1) {
      result = x;
    } else if (IsKnown(x) && IsKnown(y)) {
      return InvalidArgument("shapes " + DimsToString(a) + " and " + DimsToString(b) +
                             " do not broadcast");
    } else if (IsKnown(x) || IsKnown(y)) {
      result = IsKnown(x) ? x : y;  // the other one is 1 or the same
    }
  }
  return out;
}

Result<Dim> DimProduct(std::span<const Dim> dims) {
  int64_t known = 1;
  const Dim* unknown = nullptr;
  size_t n_unknown = 0;
  for (const Dim& dim : dims) {
    if (dim.value == 0) return graph::KnownDim(0);
    if (!IsKnown(dim)) {
      unknown = &dim;
      ++n_unknown;
      continue;
    }
    auto product = CheckedMul(known, dim.value);
    if (!product) return TooLarge("the product of " + DimsToString(dims) + " overflows");
    known = *product;
  }
  if (n_unknown == 0) return graph::KnownDim(known);
  return n_unknown == 1 && known == 1 ? *unknown : graph::UnknownDim();
}

Status InferSame(InferContext& context) {
  Fact fact = context.Input(0);
  fact.constant = nullptr;
  fact.object = Value();
  context.SetOutput(0, std::move(fact));
  return OkStatus();
}

int64_t ShapeProduct(std::span<const int64_t> dims) { return ElementCount(dims).value_or(0); }

AxisView ViewAxis(std::span<const int64_t> shape, size_t axis) {
  return {ShapeProduct(shape.first(axis)), shape[axis], ShapeProduct(shape.subspan(axis + 1))};
}

}  // namespace wnn::ops
