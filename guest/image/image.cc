#include "guest/image/image.h"

#include <cstdlib>
#include <limits>
#include <memory>

#include "guest/image/jpeg_tables.h"
#include "stb_image.h"

namespace wnn::image {
namespace {

// Whether the numbers in the head of a PNM file, three of them, fit an int, which stb_image does
// not check. True for what is no PNM file.
bool PnmNumbersFit(std::span<const std::byte> file) {
  constexpr int kNumbers = 3, kMaxDigits = 9;
  const auto at = [&](std::size_t i) { return static_cast<char>(file[i]); };
  if (file.size() < 2 || at(0) != 'P' || (at(1) != '5' && at(1) != '6')) return true;
  std::size_t i = 2;
  for (int n = 0; n < kNumbers; ++n) {
    while (i < file.size() && (at(i) == '#' || at(i) == ' ' || (at(i) >= '\t' && at(i) <= '\r'))) {
      const bool is_comment = at(i) == '#';
      while (is_comment && i < file.size() && at(i) != '\n' && at(i) != '\r') ++i;
      if (i < file.size()) ++i;
    }
    const std::size_t first = i;
    while (i < file.size() && at(i) >= '0' && at(i) <= '9') ++i;
    if (i - first > kMaxDigits) return false;
  }
  return true;
}

}  // namespace

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
  if (!PnmNumbersFit(bytes)) {
    return std::unexpected("the picture is damaged (a number of more than nine digits)");
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
