// What ONNX Runtime's API does not tell of a model's inputs.
#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>

namespace wnn::runtimes {

// The names of the graph's inputs that are declared as scalars, which the API shows as it shows
// tensors of any rank. `model` is what ONNX Runtime has accepted as a model.
std::set<std::string> ScalarInputs(std::span<const std::byte> model);

}  // namespace wnn::runtimes
