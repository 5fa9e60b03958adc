#include "guest/image/tensor.h"

namespace wnn::image {

void ToTensor(const Image& image, const Normalization& normalization, Layout layout,
              std::span<float> out) {
  constexpr std::size_t kChannels = 3;
  const std::size_t n_pixels = image.rgb.size() / kChannels;
  const std::size_t pixel_step = layout == Layout::kNchw ? 1 : kChannels;
  const std::size_t channel_step = layout == Layout::kNchw ? n_pixels : 1;
  for (std::size_t c = 0; c < kChannels; ++c) {
    const float scale = normalization.scale;
    const float mean = normalization.mean[c];
    const float std = normalization.std[c];
    const std::uint8_t* pixel = image.rgb.data() + c;
    float* value = out.data() + c * channel_step;
    for (std::size_t i = 0; i < n_pixels; ++i) {
      value[i * pixel_step] = (static_cast<float>(pixel[i * kChannels]) * scale - mean) / std;
    }
  }
}

}  // namespace wnn::image
