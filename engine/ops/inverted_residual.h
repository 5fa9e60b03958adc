// The form of wnn.InvertedResidual's node: see inverted_residual.cc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wnn::ops {

enum class InvertedResidualStage { kExpand, kDepthwise, kProject };

// x, three times weights and bias, the residual; what is missing is left out by kNoValue.
inline constexpr int kInvertedResidualInputs = 8;

// The input that holds the stage's weights; its bias follows.
constexpr size_t InvertedResidualWeights(InvertedResidualStage stage) {
  return 1 + 2 * static_cast<size_t>(stage);
}

// The name of the stage's attribute `name`.
inline std::string InvertedResidualAttribute(InvertedResidualStage stage, std::string_view name) {
  constexpr std::string_view kPrefixes[] = {"expand.", "depthwise.", "project."};
  return std::string(kPrefixes[static_cast<size_t>(stage)]) + std::string(name);
}

}  // namespace wnn::ops
