// Any bytes as a picture, as guests decode it.
#include <span>

#include "fuzz/mutations.h"
#include "fuzz/target.h"
#include "guest/image/image.h"
#include "guest/image/resize.h"

namespace wnn::fuzz {

std::vector<std::string> Seeds() {
  std::string pixels;
  for (int i = 0; i < 4 * 3 * 3; ++i) pixels += static_cast<char>(i * 5);
  const auto bytes = [](std::initializer_list<int> values) {
    std::string out;
    for (int value : values) out += static_cast<char>(value);
    return out;
  };
  return {
      "P6\n4 3\n255\n" + pixels,
      "P5\n4 3\n255\n" + pixels.substr(0, 12),
      // The heads of a PNG and a JPEG: the mutations go on from there.
      bytes({0x89, 'P', 'N', 'G', 13,  10,  26,  10,   0,   0,   0, 13, 'I',  'H',  'D', 'R', 0,
             0,    0,   2,   0,   0,   0,   2,   8,    2,   0,   0, 0,  0,    0,    0,   0,   0,
             0,    0,   8,   'I', 'D', 'A', 'T', 0x78, 1,   1,   0, 0,  0xff, 0xff, 0,   0,   0,
             0,    0,   0,   0,   0,   0,   'I', 'E',  'N', 'D', 0, 0,  0,    0}),
      bytes({0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 8, 0,    8, 1, 1,    0x11,
             0,    0xff, 0xda, 0,    8, 1,  1, 0, 0, 0x3f, 0, 0, 0xff, 0xd9}),
  };
}
std::string Mutate(const std::string& input, std::mt19937& random) {
  return MutateBytes(input, random);
}

}  // namespace wnn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto picture = wnn::image::Decode(std::as_bytes(std::span(data, size)));
  if (!picture) return 0;
  const auto pixels = static_cast<int64_t>(picture->width) * picture->height;
  if (pixels <= 0 || pixels > wnn::image::kMaxPixels ||
      picture->rgb.size() != static_cast<size_t>(pixels) * 3) {
    wnn::fuzz::Fail("a picture whose pixels are not those of its size");
  }
  if (pixels <= 1 << 16) wnn::image::Resize(*picture, 7, 5);
  return 0;
}
