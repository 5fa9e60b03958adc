// Pictures as guests prepare them for image models, and how to decode them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

namespace wnn::image {

// 8-bit RGB, row by row from the top, without padding.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;  // width * height * 3
};

// Decodes a JPEG, PNG or binary PNM file's bytes. Grey pictures become RGB and an alpha channel is
// dropped; a camera's rotation mark (EXIF) is not applied. The error says what is wrong with the
// bytes. Pictures of more than kMaxPixels are refused before anything is allocated.
std::expected<Image, std::string> Decode(std::span<const std::byte> bytes);

inline constexpr std::int64_t kMaxPixels = std::int64_t{1} << 26;

}  // namespace wnn::image
