#include "guest/image/resize.h"

#include <algorithm>
#include <cstring>

#include "guest/image/taps.h"

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

namespace wnn::image {
namespace {

constexpr int kChannels = 3;

#ifdef __wasm_simd128__

// Products of 8-bit pixels and the two parts of weights, summed apart: exactly the sums of the
// scalar code, whatever the order.
struct Sums {
  v128_t high;
  v128_t low;
};

// Adds two taps: `pixels` are 16-bit, those of the two taps side by side in each 32-bit lane.
inline void Add(v128_t pixels, v128_t high_weights, v128_t low_weights, Sums& sums) {
  sums.high = wasm_i32x4_add(sums.high, wasm_i32x4_dot_i16x8(pixels, high_weights));
  sums.low = wasm_i32x4_add(sums.low, wasm_i32x4_dot_i16x8(pixels, low_weights));
}

// Four pixel values, as 32-bit numbers that may be out of range.
inline v128_t Levels(const Sums& sums) {
  const v128_t sum = wasm_i32x4_add(wasm_i32x4_shl(sums.high, kLowBits), sums.low);
  return wasm_i32x4_shr(wasm_i32x4_add(sum, wasm_i32x4_splat(kHalf)), kWeightBits);
}

// Clamped to 0..255, in the order of the arguments.
inline v128_t ToPixels(v128_t a, v128_t b, v128_t c, v128_t d) {
  return wasm_u8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(a, b), wasm_i16x8_narrow_i32x4(c, d));
}

// Two pixels, of which the second may lie beyond the row's end, where nothing is read.
inline v128_t LoadTwoPixels(const std::uint8_t* pixel, const std::uint8_t* row_end) {
  if (row_end - pixel >= 8) return wasm_v128_load64_zero(pixel);
  std::uint8_t padded[8] = {};
  std::memcpy(padded, pixel,
              static_cast<std::size_t>(
                  std::min<std::ptrdiff_t>(row_end - pixel, std::ptrdiff_t{2} * kChannels)));
  return wasm_v128_load64_zero(padded);
}

inline void AddTwoPixels(v128_t bytes, const WeightPair& pair, Sums& sums) {
  const v128_t paired =
      wasm_i8x16_shuffle(bytes, bytes, 0, 3, 1, 4, 2, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0);
  Add(wasm_u16x8_extend_low_u8x16(paired), wasm_v128_load32_splat(&pair.high),
      wasm_v128_load32_splat(&pair.low), sums);
}

// The sums of one pixel, all of whose taps and 16 bytes more lie before the row's end.
Sums SumInside(const std::uint8_t* pixel, const WeightPair* pair, int n_taps) {
  Sums sums = {wasm_i32x4_const_splat(0), wasm_i32x4_const_splat(0)};
  for (; n_taps > 2; n_taps -= 4, pair += 2, pixel += 4 * kChannels) {
    const v128_t bytes = wasm_v128_load(pixel);
    // Red, red, green, green, blue, blue of the first two, and of the next.
    const v128_t paired =
        wasm_i8x16_shuffle(bytes, bytes, 0, 3, 1, 4, 2, 5, 12, 12, 6, 9, 7, 10, 8, 11, 12, 12);
    Add(wasm_u16x8_extend_low_u8x16(paired), wasm_v128_load32_splat(&pair[0].high),
        wasm_v128_load32_splat(&pair[0].low), sums);
    Add(wasm_u16x8_extend_high_u8x16(paired), wasm_v128_load32_splat(&pair[1].high),
        wasm_v128_load32_splat(&pair[1].low), sums);
  }
  if (n_taps > 0) AddTwoPixels(wasm_v128_load64_zero(pixel), *pair, sums);
  return sums;
}

// The same anywhere in the row.
Sums SumAtEnd(const std::uint8_t* pixel, const std::uint8_t* row_end, const WeightPair* pair,
              int n_taps) {
  Sums sums = {wasm_i32x4_const_splat(0), wasm_i32x4_const_splat(0)};
  for (; n_taps > 0; n_taps -= 2, ++pair, pixel += 2 * kChannels) {
    AddTwoPixels(LoadTwoPixels(pixel, row_end), *pair, sums);
  }
  return sums;
}

void ResizeRow(const std::uint8_t* source, const std::uint8_t* row_end, const Filter& columns,
               std::uint8_t* out) {
  constexpr std::ptrdiff_t kSlack = 16;
  for (const Taps& taps : columns.taps) {
    const std::uint8_t* pixel = source + std::ptrdiff_t{kChannels} * taps.first;
    const WeightPair* pair = columns.pairs.data() + taps.first_pair;
    const bool is_inside = row_end - pixel >= std::ptrdiff_t{kChannels} * taps.n + kSlack;
    const Sums sums =
        is_inside ? SumInside(pixel, pair, taps.n) : SumAtEnd(pixel, row_end, pair, taps.n);
    const v128_t level = Levels(sums);
    const std::uint32_t rgb = static_cast<std::uint32_t>(
        wasm_i32x4_extract_lane(ToPixels(level, level, level, level), 0));
    std::memcpy(out, &rgb, kChannels);
    out += kChannels;
  }
}

// Sixteen values of a row, from the rows above one another.
inline void ResizeColumns16(const std::uint8_t* rows, std::size_t stride, int n_taps,
                            const WeightPair* pair, std::uint8_t* out) {
  const v128_t zero = wasm_i32x4_const_splat(0);
  Sums sums[4] = {{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}};
  for (int t = 0; t < n_taps; t += 2, ++pair, rows += 2 * stride) {
    const v128_t first = wasm_v128_load(rows);
    const v128_t second = t + 1 < n_taps ? wasm_v128_load(rows + stride) : zero;
    const v128_t low =
        wasm_i8x16_shuffle(first, second, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const v128_t high = wasm_i8x16_shuffle(first, second, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13,
                                           29, 14, 30, 15, 31);
    const v128_t high_weights = wasm_v128_load32_splat(&pair->high);
    const v128_t low_weights = wasm_v128_load32_splat(&pair->low);
    Add(wasm_u16x8_extend_low_u8x16(low), high_weights, low_weights, sums[0]);
    Add(wasm_u16x8_extend_high_u8x16(low), high_weights, low_weights, sums[1]);
    Add(wasm_u16x8_extend_low_u8x16(high), high_weights, low_weights, sums[2]);
    Add(wasm_u16x8_extend_high_u8x16(high), high_weights, low_weights, sums[3]);
  }
  wasm_v128_store(out,
                  ToPixels(Levels(sums[0]), Levels(sums[1]), Levels(sums[2]), Levels(sums[3])));
}

constexpr std::size_t kBlock = 16;

// The same for one value, where a row's last ones do not fill a vector.
std::uint8_t ResizeColumn(const std::uint8_t* value, std::size_t stride, const int* weights,
                          int n_taps) {
  int sum = kHalf;
  for (int t = 0; t < n_taps; ++t) sum += value[stride * static_cast<std::size_t>(t)] * weights[t];
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

#else

std::uint8_t ToPixel(int sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

void ResizeRow(const std::uint8_t* source, const std::uint8_t* /*row_end*/, const Filter& columns,
               std::uint8_t* out) {
  for (const Taps& taps : columns.taps) {
    const std::uint8_t* pixel = source + std::ptrdiff_t{kChannels} * taps.first;
    const int* weights = columns.weights.data() + taps.first_weight;
    int red = kHalf, green = kHalf, blue = kHalf;
    for (int t = 0; t < taps.n; ++t) {
      red += pixel[0] * weights[t];
      green += pixel[1] * weights[t];
      blue += pixel[2] * weights[t];
      pixel += kChannels;
    }
    out[0] = ToPixel(red);
    out[1] = ToPixel(green);
    out[2] = ToPixel(blue);
    out += kChannels;
  }
}

#endif

// One row of the result from the rows of `narrow` that it is made of.
void ResizeColumns(const std::uint8_t* rows, std::size_t stride, const Filter& filter,
                   const Taps& taps, [[maybe_unused]] std::vector<int>& sums, std::uint8_t* out) {
  const int* weights = filter.weights.data() + taps.first_weight;
#ifdef __wasm_simd128__
  std::size_t i = 0;
  for (; i + kBlock <= stride; i += kBlock) {
    ResizeColumns16(rows + i, stride, taps.n, filter.pairs.data() + taps.first_pair, out + i);
  }
  for (; i < stride; ++i) out[i] = ResizeColumn(rows + i, stride, weights, taps.n);
#else
  // Whole rows at a time, so that the compiler vectorises over a row where it can.
  sums.assign(stride, kHalf);
  for (int t = 0; t < taps.n; ++t, rows += stride) {
    for (std::size_t i = 0; i < stride; ++i) sums[i] += rows[i] * weights[t];
  }
  for (std::size_t i = 0; i < stride; ++i) out[i] = ToPixel(sums[i]);
#endif
}

}  // namespace

Image Resize(const Image& source, int width, int height) {
  const std::size_t source_stride = std::size_t{kChannels} * source.width;
  const std::size_t stride = std::size_t{kChannels} * width;

  const Filter columns = TriangleFilter(source.width, width);
  std::vector<std::uint8_t> narrow(stride * source.height);
  for (int y = 0; y < source.height; ++y) {
    const std::uint8_t* row = source.rgb.data() + source_stride * y;
    ResizeRow(row, row + source_stride, columns, narrow.data() + stride * y);
  }

  const Filter rows = TriangleFilter(source.height, height);
  Image result{width, height, std::vector<std::uint8_t>(stride * height)};
  std::vector<int> sums;
  std::uint8_t* out = result.rgb.data();
  for (const Taps& taps : rows.taps) {
    ResizeColumns(narrow.data() + stride * taps.first, stride, rows, taps, sums, out);
    out += stride;
  }
  return result;
}

}  // namespace wnn::image
