#include "guest/image/crop.h"

#include <algorithm>

namespace wnn::image {

Image Crop(const Image& source, int x, int y, int width, int height) {
  constexpr std::size_t kChannels = 3;
  const std::size_t source_stride = kChannels * source.width;
  const std::size_t stride = kChannels * width;
  Image result{width, height, std::vector<std::uint8_t>(stride * height)};
  const std::uint8_t* from = source.rgb.data() + source_stride * y + kChannels * x;
  std::uint8_t* to = result.rgb.data();
  for (int row = 0; row < height; ++row, from += source_stride, to += stride) {
    std::copy_n(from, stride, to);
  }
  return result;
}

Image CropCenter(const Image& source, int width, int height) {
  return Crop(source, (source.width - width) / 2, (source.height - height) / 2, width, height);
}

Size ShorterSideTo(const Image& source, int shorter) {
  const auto scaled = [&](int side, int other) {
    return std::max(static_cast<int>(std::int64_t{side} * shorter / other), 1);
  };
  if (source.width <= source.height) return {shorter, scaled(source.height, source.width)};
  return {scaled(source.width, source.height), shorter};
}

}  // namespace wnn::image
