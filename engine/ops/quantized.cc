#include "engine/ops/quantized.h"

#include "engine/ops/shape_math.h"

namespace wnn::ops {

Status RequireCount(const OpContext& context, size_t i, const Dim& many) {
  if (!context.HasInput(i) || !context.Input(i).IsConcrete()) return OkStatus();
  const Fact& fact = context.Input(i);
  const int64_t count = ShapeProduct(fact.ConcreteShape());
  if (count == 1 || (IsKnown(many) ? count == many.value : count > 0)) return OkStatus();
  return InvalidArgument("input " + std::to_string(i) + ", " + fact.ToString() + ", has neither " +
                         (IsKnown(many) && many.value != 1
                              ? "one element nor " + std::to_string(many.value)
                              : "one element nor one a channel"));
}

}  // namespace wnn::ops
