// The smallest useful ONNX model, for tests where no model file is at hand.
#pragma once

#include <cstddef>
#include <vector>

namespace wnn::tests {

// The bytes of a model with one Identity node: input "0" and output "1", float32 of [1, 4].
std::vector<std::byte> MakeIdentityModel();

}  // namespace wnn::tests
