#include "engine/ops/constant_values.h"

#include <cstring>
#include <string>

#include "engine/kernels/reference/element.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {

Result<std::optional<std::vector<double>>> ConstantNumbers(const OpContext& context, size_t i) {
  using Numbers = std::vector<double>;
  if (!context.HasInput(i)) return std::optional(Numbers());
  const TensorPtr& constant = context.Input(i).constant;
  if (!constant) return std::optional<Numbers>();
  if (!kNumericSet.Has(constant->dtype())) {
    return InvalidArgument("input " + std::to_string(i) + ", " + context.Input(i).ToString() +
                           ", does not hold numbers");
  }
  return kernels::Visit(
      constant->dtype(), kernels::NumericTypes(), [&]<typename T>() -> std::optional<Numbers> {
        Numbers numbers(static_cast<size_t>(constant->n_elements()));
        for (size_t k = 0; k < numbers.size(); ++k) {
          T value;
          std::memcpy(&value, constant->bytes().data() + k * sizeof(T), sizeof(T));
          numbers[k] = static_cast<double>(kernels::Widen(value));
        }
        return numbers;
      });
}

Result<std::optional<double>> ConstantNumber(const OpContext& context, size_t i, double otherwise) {
  if (!context.HasInput(i)) return std::optional(otherwise);
  WNN_ASSIGN_OR_RETURN(auto numbers, ConstantNumbers(context, i));
  if (!numbers) return std::optional<double>();
  if (numbers->size() != 1) {
    return InvalidArgument("input " + std::to_string(i) + " is not one number");
  }
  return std::optional(numbers->front());
}

Result<std::optional<int64_t>> ConstantInt(const OpContext& context, size_t i, int64_t otherwise) {
  if (!context.HasInput(i)) return std::optional(otherwise);
  WNN_ASSIGN_OR_RETURN(auto values, context.InputInts(i));
  if (!values) return std::optional<int64_t>();
  if (values->size() != 1) {
    return InvalidArgument("input " + std::to_string(i) + " is not one integer");
  }
  return std::optional(values->front());
}

}  // namespace wnn::ops
