// The inner loops of convolutions of 8-bit integers whose maps have their channels last: products
// exact in 32 bits, made bytes again on the spot.
//
//   byte = round(clamp((sum + add) * scale)) + zero point, ties to even
//
// with one `add` and one `scale` for each channel of the output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace wnn::kernels {

// Channels of the output are worked on in vectors of kLastLanes; a tile has up to kMaxLastVectors.
inline constexpr int64_t kLastLanes = 16;
inline constexpr int64_t kMaxLastVectors = 3;
inline constexpr int64_t kMaxLastChannels = kLastLanes * kMaxLastVectors;
// Pixels of the output in a tile.
inline constexpr int64_t kLastPixels = 8;
// Channels that a depthwise tile takes at once, at most: what per-channel terms are padded to.
inline constexpr int64_t kDepthwiseChannels = 64;

// What makes bytes of sums. Terms are padded to whole vectors.
struct ByteEpilogue {
  const int32_t* add = nullptr;
  const float* scale = nullptr;
  int32_t zero_point = 0;
  bool is_signed = false;

  // What the real number is clamped to: the limits of the type, less the zero point.
  float low() const { return static_cast<float>((is_signed ? -128 : 0) - zero_point); }
  float high() const { return static_cast<float>((is_signed ? 127 : 255) - zero_point); }
};

// Bytes that lie together under a window, in fours: quads.
struct QuadRun {
  int64_t offset = 0;  // from the pixel's first byte
  int64_t n_quads = 0;
};

// Lifetime: borrows everything for the call. Any alignment.
struct ChannelsLastTileArgs {
  const uint8_t* pixels[kLastPixels] = {};  // all of them can be read
  const QuadRun* runs = nullptr;
  int64_t n_runs = 0;
  uint8_t flip = 0;                    // 0x80 makes signed bytes unsigned
  const std::byte* weights = nullptr;  // [quad][vector] as PackLastQuad() writes them
  ByteEpilogue epilogue;               // from the tile's first channel on
  int64_t n_channels = 0;              // at most the tile's
  int64_t n_pixels = 0;                // that are written
  std::byte* out = nullptr;
  int64_t out_stride = 0;  // bytes from pixel to pixel
};
using ChannelsLastTileFn = void (*)(const ChannelsLastTileArgs&);

// Consecutive pixels of a depthwise convolution.
struct DepthwiseArgs {
  // [n_taps rounded up to four] the pixels under the first window; those of the next ones are
  // in_step bytes on. All of them can be read.
  const uint8_t* const* taps = nullptr;
  int64_t n_taps = 0;
  int64_t n_pixels = 0;
  int64_t in_step = 0;
  uint8_t flip = 0;
  // [block][quad of taps][vector] as PackLastQuad() writes them; within a block channels are in the
  // order of depthwise_order(), as they are in the epilogue's terms.
  const std::byte* weights = nullptr;
  ByteEpilogue epilogue;
  int64_t n_channels = 0;
  std::byte* out = nullptr;
  int64_t out_stride = 0;  // bytes from pixel to pixel
};
using DepthwiseFn = void (*)(const DepthwiseArgs&);

// One instruction set's tiles.
struct ChannelsLastTiles {
  // 4: a quad is its four bytes. 8: it is words, the first and third apart from the others.
  int64_t quad_bytes = 4;
  ChannelsLastTileFn tile[kMaxLastVectors + 1] = {};  // [vectors]
  DepthwiseFn depthwise = nullptr;
  int64_t depthwise_block = kLastLanes;  // channels, at most kDepthwiseChannels
  // The channel, of a block, that comes at place `i`: as interleaving bytes leaves them.
  int64_t (*depthwise_order)(int64_t i) = nullptr;
};

// Writes the quad of lane `lane` of a vector at `to`, kLastLanes * quad_bytes bytes.
inline void PackLastQuad(const int8_t quad[4], int64_t quad_bytes, int64_t lane, std::byte* to) {
  for (int64_t j = 0; j < 4; ++j) {
    if (quad_bytes == 4) {
      to[4 * lane + j] = static_cast<std::byte>(quad[j]);
    } else {
      const auto word = int16_t{quad[j]};
      std::memcpy(to + j % 2 * 4 * kLastLanes + 4 * lane + j / 2 * 2, &word, sizeof(word));
    }
  }
}

// Those of the active instruction set. Lifetime: static.
const ChannelsLastTiles& ActiveChannelsLastTiles();
// The same without instructions for quads (AVX512-VNNI).
const ChannelsLastTiles& WordChannelsLastTiles();
// Null where the machine has no AVX512-VNNI.
const ChannelsLastTiles* VnniChannelsLastTiles();

// out[c] = the largest of pixels[i][c], for c < n; `out` may be one of the pixels. n_pixels > 0.
void MaxOfPixels(const uint8_t* const* pixels, int64_t n_pixels, int64_t n, bool is_signed,
                 uint8_t* out);

}  // namespace wnn::kernels
