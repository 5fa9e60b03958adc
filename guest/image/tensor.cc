#include "guest/image/tensor.h"

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

namespace wnn::image {
namespace {

constexpr std::size_t kChannels = 3;

// What becomes of one channel's pixels.
struct Line {
  float scale;
  float mean;
  float std;

  float operator()(std::uint8_t pixel) const {
    return (static_cast<float>(pixel) * scale - mean) / std;
  }
};

Line LineOf(const Normalization& normalization, std::size_t channel) {
  return {normalization.scale, normalization.mean[channel], normalization.std[channel]};
}

#ifdef __wasm_simd128__

// Line, for four pixels that may be of different channels.
class VectorLine {
 public:
  VectorLine(const Line& a, const Line& b, const Line& c, const Line& d)
#ifdef __wasm_relaxed_simd__
      : factor_(
            wasm_f32x4_make(a.scale / a.std, b.scale / b.std, c.scale / c.std, d.scale / d.std)),
        offset_(
            wasm_f32x4_make(-a.mean / a.std, -b.mean / b.std, -c.mean / c.std, -d.mean / d.std)) {
  }
  v128_t operator()(v128_t pixels) const {
    return wasm_f32x4_relaxed_madd(wasm_f32x4_convert_u32x4(pixels), factor_, offset_);
  }

 private:
  v128_t factor_;
  v128_t offset_;
#else
      : scale_(wasm_f32x4_splat(a.scale)),
        mean_(wasm_f32x4_make(a.mean, b.mean, c.mean, d.mean)),
        std_(wasm_f32x4_make(a.std, b.std, c.std, d.std)) {
  }
  // The scalar code's operations in its order: the same bits.
  v128_t operator()(v128_t pixels) const {
    const v128_t scaled = wasm_f32x4_mul(wasm_f32x4_convert_u32x4(pixels), scale_);
    return wasm_f32x4_div(wasm_f32x4_sub(scaled, mean_), std_);
  }

 private:
  v128_t scale_;
  v128_t mean_;
  v128_t std_;
#endif
};

// Sixteen pixels' bytes as four vectors of 32-bit numbers, each through its line.
inline void Store16(v128_t bytes, const VectorLine& a, const VectorLine& b, const VectorLine& c,
                    const VectorLine& d, float* out) {
  const v128_t low = wasm_u16x8_extend_low_u8x16(bytes);
  const v128_t high = wasm_u16x8_extend_high_u8x16(bytes);
  wasm_v128_store(out, a(wasm_u32x4_extend_low_u16x8(low)));
  wasm_v128_store(out + 4, b(wasm_u32x4_extend_high_u16x8(low)));
  wasm_v128_store(out + 8, c(wasm_u32x4_extend_low_u16x8(high)));
  wasm_v128_store(out + 12, d(wasm_u32x4_extend_high_u16x8(high)));
}

constexpr std::size_t kBlock = 16;  // pixels, in three vectors of bytes

// The first pixels, whole blocks, channel by channel; how many.
std::size_t ToPlanes(const std::uint8_t* rgb, std::size_t n_pixels, const Line (&lines)[kChannels],
                     float* out) {
  const VectorLine red(lines[0], lines[0], lines[0], lines[0]);
  const VectorLine green(lines[1], lines[1], lines[1], lines[1]);
  const VectorLine blue(lines[2], lines[2], lines[2], lines[2]);
  std::size_t i = 0;
  for (; i + kBlock <= n_pixels; i += kBlock, rgb += kBlock * kChannels) {
    const v128_t a = wasm_v128_load(rgb);
    const v128_t b = wasm_v128_load(rgb + 16);
    const v128_t c = wasm_v128_load(rgb + 32);
    const v128_t red_ab =
        wasm_i8x16_shuffle(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
    const v128_t green_ab =
        wasm_i8x16_shuffle(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
    const v128_t blue_ab =
        wasm_i8x16_shuffle(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
    Store16(wasm_i8x16_shuffle(red_ab, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29),
            red, red, red, red, out + i);
    Store16(wasm_i8x16_shuffle(green_ab, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30),
            green, green, green, green, out + n_pixels + i);
    Store16(wasm_i8x16_shuffle(blue_ab, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31),
            blue, blue, blue, blue, out + 2 * n_pixels + i);
  }
  return i;
}

// The same, pixel by pixel.
std::size_t ToPixels(const std::uint8_t* rgb, std::size_t n_pixels, const Line (&lines)[kChannels],
                     float* out) {
  const auto& [red, green, blue] = lines;
  // Vectors begin with red, green and blue in turn.
  const VectorLine first(red, green, blue, red);
  const VectorLine second(green, blue, red, green);
  const VectorLine third(blue, red, green, blue);
  std::size_t i = 0;
  for (; i + kBlock <= n_pixels;
       i += kBlock, rgb += kBlock * kChannels, out += kBlock * kChannels) {
    Store16(wasm_v128_load(rgb), first, second, third, first, out);
    Store16(wasm_v128_load(rgb + 16), second, third, first, second, out + 16);
    Store16(wasm_v128_load(rgb + 32), third, first, second, third, out + 32);
  }
  return i;
}

#endif

}  // namespace

void ToTensor(const Image& image, const Normalization& normalization, Layout layout,
              std::span<float> out) {
  const std::size_t n_pixels = image.rgb.size() / kChannels;
  const std::size_t pixel_step = layout == Layout::kNchw ? 1 : kChannels;
  const std::size_t channel_step = layout == Layout::kNchw ? n_pixels : 1;
  const Line lines[kChannels] = {LineOf(normalization, 0), LineOf(normalization, 1),
                                 LineOf(normalization, 2)};
  std::size_t first = 0;
#ifdef __wasm_simd128__
  first = layout == Layout::kNchw ? ToPlanes(image.rgb.data(), n_pixels, lines, out.data())
                                  : ToPixels(image.rgb.data(), n_pixels, lines, out.data());
#endif
  for (std::size_t c = 0; c < kChannels; ++c) {
    const std::uint8_t* pixel = image.rgb.data() + c;
    float* value = out.data() + c * channel_step;
    for (std::size_t i = first; i < n_pixels; ++i) {
      value[i * pixel_step] = lines[c](pixel[i * kChannels]);
    }
  }
}

}  // namespace wnn::image
