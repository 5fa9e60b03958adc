// From a picture's pixels to a model's input tensor.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "guest/image/image.h"

namespace wnn::image {

// value = (pixel * scale - mean[channel]) / std[channel]. The defaults are what models trained on
// ImageNet mostly take.
struct Normalization {
  float scale = 1.0F / 255;
  std::array<float, 3> mean = {0.485F, 0.456F, 0.406F};
  std::array<float, 3> std = {0.229F, 0.224F, 0.225F};
};

// The order of a tensor's dimensions: picture, channel, row, column.
enum class Layout { kNchw, kNhwc };

// Writes the normalised picture as one slot of a batch. With SIMD the same bits as without; with
// relaxed SIMD the formula is one multiplication and addition, within 2e-6 for the defaults.
// REQUIRES: out.size() == image.rgb.size()
void ToTensor(const Image& image, const Normalization& normalization, Layout layout,
              std::span<float> out);

}  // namespace wnn::image
