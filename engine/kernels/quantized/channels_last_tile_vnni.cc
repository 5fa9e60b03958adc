// Tiles for AVX512-VNNI: see quad_tile_vnni.cc.
#include "engine/kernels/quantized/channels_last_tile.h"
#include "engine/kernels/quantized/quad_tile.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#endif

namespace wnn::kernels {

#if defined(__x86_64__)
namespace {

#define WNN_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define WNN_VNNI_INLINE WNN_VNNI __attribute__((always_inline)) inline
#define WNN_UNROLL _Pragma("GCC unroll 64")

struct Limits {
  __m512 low, high;
  __m512i zero_point;
};

WNN_VNNI_INLINE Limits MakeLimits(const ByteEpilogue& e) {
  return {_mm512_set1_ps(e.low()), _mm512_set1_ps(e.high()), _mm512_set1_epi32(e.zero_point)};
}

// Sums of 16 channels to the values of bytes.
WNN_VNNI_INLINE __m512i Finish(__m512i sum, __m512i add, __m512 scale, const Limits& limits) {
  const __m512 real = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_add_epi32(sum, add)), scale);
  const __m512 clamped = _mm512_min_ps(_mm512_max_ps(real, limits.low), limits.high);
  return _mm512_add_epi32(_mm512_cvtps_epi32(clamped), limits.zero_point);
}

template <int kVectors, bool kFlip>
WNN_VNNI void Tile(const ChannelsLastTileArgs& args) {
  constexpr int kPixels = static_cast<int>(kLastPixels);
  __m512i acc[kPixels][kVectors];
  WNN_UNROLL for (int p = 0; p < kPixels; ++p) {
    WNN_UNROLL for (int v = 0; v < kVectors; ++v) acc[p][v] = _mm512_setzero_si512();
  }
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  const std::byte* weights = args.weights;
  for (int64_t r = 0; r < args.n_runs; ++r) {
    const uint8_t* x[kPixels];
    WNN_UNROLL for (int p = 0; p < kPixels; ++p) x[p] = args.pixels[p] + args.runs[r].offset;
    const int64_t n_bytes = 4 * args.runs[r].n_quads;
    for (int64_t i = 0; i < n_bytes; i += 4, weights += 64 * kVectors) {
      __m512i w[kVectors];
      WNN_UNROLL for (int v = 0; v < kVectors; ++v) w[v] = _mm512_loadu_si512(weights + 64 * v);
      WNN_UNROLL for (int p = 0; p < kPixels; ++p) {
        int32_t quad;
        std::memcpy(&quad, x[p] + i, sizeof(quad));
        __m512i in = _mm512_set1_epi32(quad);
        if constexpr (kFlip) in = _mm512_xor_si512(in, flip);
        WNN_UNROLL for (int v = 0; v < kVectors; ++v) {
          acc[p][v] = _mm512_dpbusd_epi32(acc[p][v], in, w[v]);
        }
      }
    }
  }
  const Limits limits = MakeLimits(args.epilogue);
  WNN_UNROLL for (int v = 0; v < kVectors; ++v) {
    const int64_t n = std::min(args.n_channels - 16 * v, kLastLanes);
    if (n <= 0) break;
    const auto mask = static_cast<__mmask16>((1U << n) - 1);
    const __m512i add = _mm512_loadu_si512(args.epilogue.add + 16 * v);
    const __m512 scale = _mm512_loadu_ps(args.epilogue.scale + 16 * v);
    WNN_UNROLL for (int p = 0; p < kPixels; ++p) {
      if (p >= args.n_pixels) break;
      const __m512i value = Finish(acc[p][v], add, scale, limits);
      _mm_mask_storeu_epi8(args.out + p * args.out_stride + 16 * v, mask,
                           _mm512_cvtepi32_epi8(value));
    }
  }
}

template <int kVectors>
void TileOf(const ChannelsLastTileArgs& args) {
  args.flip == 0 ? Tile<kVectors, false>(args) : Tile<kVectors, true>(args);
}

// Channels under four taps, bytes of one channel together.
WNN_VNNI_INLINE void LoadQuads(const uint8_t* const* taps, int64_t offset, __mmask64 mask,
                               __m512i flip, __m512i quads[4]) {
  __m512i x[4];
  WNN_UNROLL for (int j = 0; j < 4; ++j) {
    x[j] = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, taps[j] + offset), flip);
  }
  const __m512i low01 = _mm512_unpacklo_epi8(x[0], x[1]);
  const __m512i high01 = _mm512_unpackhi_epi8(x[0], x[1]);
  const __m512i low23 = _mm512_unpacklo_epi8(x[2], x[3]);
  const __m512i high23 = _mm512_unpackhi_epi8(x[2], x[3]);
  quads[0] = _mm512_unpacklo_epi16(low01, low23);
  quads[1] = _mm512_unpackhi_epi16(low01, low23);
  quads[2] = _mm512_unpacklo_epi16(high01, high23);
  quads[3] = _mm512_unpackhi_epi16(high01, high23);
}

WNN_VNNI void Depthwise(const DepthwiseArgs& args) {
  const Limits limits = MakeLimits(args.epilogue);
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(args.flip));
  const int64_t n_quads = (args.n_taps + 3) / 4;
  for (int64_t first = 0; first < args.n_channels; first += kDepthwiseChannels) {
    const int64_t n = std::min(args.n_channels - first, kDepthwiseChannels);
    const auto mask = static_cast<__mmask64>(~uint64_t{0} >> (64 - n));
    const std::byte* weights = args.weights + first * n_quads * 4;
    __m512i add[4];
    __m512 scale[4];
    WNN_UNROLL for (int v = 0; v < 4; ++v) {
      add[v] = _mm512_loadu_si512(args.epilogue.add + first + 16 * v);
      scale[v] = _mm512_loadu_ps(args.epilogue.scale + first + 16 * v);
    }
    for (int64_t p = 0; p < args.n_pixels; ++p) {
      __m512i acc[4];
      WNN_UNROLL for (int v = 0; v < 4; ++v) acc[v] = _mm512_setzero_si512();
      for (int64_t q = 0; q < n_quads; ++q) {
        __m512i quads[4];
        LoadQuads(args.taps + 4 * q, first + p * args.in_step, mask, flip, quads);
        WNN_UNROLL for (int v = 0; v < 4; ++v) {
          const __m512i w = _mm512_loadu_si512(weights + 256 * q + 64 * v);
          acc[v] = _mm512_dpbusd_epi32(acc[v], quads[v], w);
        }
      }
      WNN_UNROLL for (int v = 0; v < 4; ++v) acc[v] = Finish(acc[v], add[v], scale[v], limits);
      // Packing undoes the order that unpacking made.
      const __m512i low = _mm512_packs_epi32(acc[0], acc[1]);
      const __m512i high = _mm512_packs_epi32(acc[2], acc[3]);
      const __m512i bytes =
          args.epilogue.is_signed ? _mm512_packs_epi16(low, high) : _mm512_packus_epi16(low, high);
      _mm512_mask_storeu_epi8(args.out + p * args.out_stride + first, mask, bytes);
    }
  }
}

// Each of the four vectors has four of every sixteen channels.
int64_t Order(int64_t i) { return i % 16 / 4 * 16 + i / 16 * 4 + i % 4; }

constexpr ChannelsLastTiles kTiles = {.quad_bytes = 4,
                                      .tile = {nullptr, &TileOf<1>, &TileOf<2>, &TileOf<3>},
                                      .depthwise = &Depthwise,
                                      .depthwise_block = kDepthwiseChannels,
                                      .depthwise_order = &Order};

}  // namespace

const ChannelsLastTiles* VnniChannelsLastTiles() {
  return VnniQuadTiles() != nullptr ? &kTiles : nullptr;
}

#else

const ChannelsLastTiles* VnniChannelsLastTiles() { return nullptr; }

#endif

}  // namespace wnn::kernels
