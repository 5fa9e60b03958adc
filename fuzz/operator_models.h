// A model for each operator, so that fuzzing reaches every one; operator_models_test.cc sees to it.
#pragma once

#include <span>
#include <string_view>

namespace wnn::fuzz {

// In the words of model_text.h; each loads and runs under `builtin`.
std::span<const std::string_view> OperatorTexts();

}  // namespace wnn::fuzz
