#include "guest/image/image.h"

#include <cstdlib>
#include <limits>
#include <memory>

#include "guest/image/jpeg_tables.h"
#include "stb_image.h"

namespace wnn::image {

std::expected<Image, std::string> Decode(std::span<const std::byte> bytes) {
  if (bytes.empty()) return std::unexpected("the file is empty");
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return std::unexpected("the file has more than 2 GiB");
  }
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());

  if (!HuffmanTablesFit(bytes)) {
    return std::unexpected("the picture is damaged (a Huffman table of more than 256 codes)");
  }
  Image image;
  int channels = 0;
  if (stbi_info_from_memory(data, size, &image.width, &image.height, &channels) == 0) {
    return std::unexpected("not a JPEG, PNG or PNM picture, or a damaged one (" +
                           std::string(stbi_failure_reason()) + ")");
  }
  if (image.width <= 0 || image.height <= 0) return std::unexpected("the picture has no pixels");
  if (std::int64_t{image.width} * image.height > kMaxPixels) {
    return std::unexpected("the picture has " + std::to_string(image.width) + "x" +
                           std::to_string(image.height) + " pixels; at most " +
                           std::to_string(kMaxPixels) + " are supported");
  }
  // stb_image reads past the end of such pictures when it changes their number of channels.
  if (bytes.front() == std::byte{'P'} && stbi_is_16_bit_from_memory(data, size) != 0) {
    return std::unexpected("PNM pictures of more than 8 bits a channel are not supported");
  }
  const std::unique_ptr<stbi_uc, decltype(&std::free)> pixels(
      stbi_load_from_memory(data, size, &image.width, &image.height, &channels, /*wanted=*/3),
      &std::free);
  if (pixels == nullptr) {
    return std::unexpected("the picture is damaged (" + std::string(stbi_failure_reason()) + ")");
  }
  image.rgb.assign(pixels.get(), pixels.get() + std::size_t{3} * image.width * image.height);
  return image;
}

}  // namespace wnn::image
