#include "engine/kernels/quantized/channels_last_tile.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "engine/kernels/isa.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/quantized/channels_last_tile.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/quantized/words-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

// Makes bytes of n sums, whole vectors of them.
HWY_INLINE void Finish(const ByteEpilogue& e, int64_t first, int64_t n, const int32_t* sums,
                       uint8_t* out) {
  const D df;
  const hn::Rebind<uint8_t, D32> d8;
  const V low = hn::Set(df, e.low()), high = hn::Set(df, e.high());
  const V32 zero_point = hn::Set(D32(), e.zero_point);
  for (int64_t i = 0; i < n; i += kLanes) {
    const V32 total = hn::Add(hn::LoadU(D32(), sums + i), hn::LoadU(D32(), e.add + first + i));
    const V real = hn::Mul(hn::ConvertTo(df, total), hn::LoadU(df, e.scale + first + i));
    const V clamped = hn::Min(hn::Max(real, low), high);
    const V32 value = hn::Add(hn::NearestInt(clamped), zero_point);
    hn::StoreU(hn::TruncateTo(d8, hn::BitCast(hn::RebindToUnsigned<D32>(), value)), d8, out + i);
  }
}

// Bytes of a vector of quads as words; its odd bytes are in the second half.
inline constexpr int64_t kVectorBytes = kLastLanes * 8;
inline constexpr int64_t kOddBytes = kLastLanes * 4;
// Quads of each pixel that are made words at a time: all of them stay in the first cache.
inline constexpr int64_t kQuadsAtOnce = 64;
inline constexpr int64_t kWordsAPixel = 4 * kQuadsAtOnce;

#if HWY_TARGET == HWY_SCALAR

inline constexpr int64_t kDepthwiseBlock = kLastLanes;

int64_t DepthwiseOrder(int64_t i) { return i; }

// Adds the products of lane i's quad.
HWY_INLINE void AddQuad(const uint16_t words[4], const std::byte* weights, int64_t i,
                        int32_t& sum) {
  const auto* even = reinterpret_cast<const int16_t*>(weights) + 2 * i;
  const auto* odd = reinterpret_cast<const int16_t*>(weights + kOddBytes) + 2 * i;
  sum += words[0] * even[0] + words[2] * even[1] + words[1] * odd[0] + words[3] * odd[1];
}

// The words of a pixel's quads, in their order.
void WidenQuads(const uint8_t* bytes, int64_t n_quads, uint8_t flip, uint16_t* words) {
  for (int64_t i = 0; i < 4 * n_quads; ++i) words[i] = bytes[i] ^ flip;
}

void AddQuads(const uint16_t* words, int64_t n_quads, const std::byte* weights, int64_t vectors,
              int32_t* sums) {
  for (int64_t p = 0; p < kLastPixels; ++p, words += kWordsAPixel, sums += kLastLanes) {
    for (int64_t q = 0; q < n_quads; ++q) {
      const std::byte* quads = weights + q * vectors * kVectorBytes;
      for (int64_t i = 0; i < kLastLanes; ++i) AddQuad(words + 4 * q, quads, i, sums[i]);
    }
  }
}

void DepthwiseSums(const DepthwiseArgs& args, int64_t offset, int64_t n, const std::byte* weights,
                   int32_t* sums) {
  for (int64_t q = 0; 4 * q < args.n_taps; ++q, weights += kVectorBytes) {
    for (int64_t i = 0; i < n; ++i) {
      uint16_t words[4];
      for (int64_t j = 0; j < 4; ++j) words[j] = args.taps[4 * q + j][offset + i] ^ args.flip;
      AddQuad(words, weights, i, sums[i]);
    }
  }
}

#else

// Vectors in kLastLanes lanes, and pixels whose sums fit the registers beside them.
inline constexpr int kLaneVectors = static_cast<int>(kLastLanes) / kLanes;
inline constexpr int kPixelsAtOnce = kLaneVectors == 1 ? 8 : kLaneVectors == 2 ? 4 : 2;
// Channels whose words are interleaved at once.
inline constexpr int64_t kWords = 2 * kLanes;
inline constexpr int64_t kDepthwiseBlock = kWords > kLastLanes ? kWords : kLastLanes;

// Within every kWords channels: interleaving takes the lower, then the upper half of each eight.
int64_t DepthwiseOrder(int64_t i) {
  const int64_t half = i % kWords / kLanes, lane = i % kLanes;
  return i / kWords * kWords + lane / 4 * 8 + half * 4 + lane % 4;
}

// Words of the lanes from `lane` on, of consecutive vectors of quads.
HWY_INLINE V16 LoadWords(const std::byte* vectors, int64_t lane) {
  const std::byte* at = vectors + lane / kLastLanes * kVectorBytes + lane % kLastLanes * 4;
  return hn::BitCast(D16(), hn::LoadU(D8(), reinterpret_cast<const uint8_t*>(at)));
}

// The words of a pixel's quads, as the weights have them: first and third, second and fourth.
void WidenQuads(const uint8_t* bytes, int64_t n_quads, uint8_t flip, uint16_t* words) {
  const uint32_t flips = flip * 0x01010101U;
  for (int64_t q = 0; q < n_quads; ++q) {
    uint32_t quad;
    std::memcpy(&quad, bytes + 4 * q, sizeof(quad));
    quad ^= flips;
    const uint32_t even = quad & 0x00ff00ff, odd = quad >> 8 & 0x00ff00ff;
    std::memcpy(words + 4 * q, &even, sizeof(even));
    std::memcpy(words + 4 * q + 2, &odd, sizeof(odd));
  }
}

// Adds to the sums [kLastPixels][kLastLanes] of one of the tile's vectors.
void AddQuads(const uint16_t* words, int64_t n_quads, const std::byte* weights, int64_t vectors,
              int32_t* sums) {
  for (int64_t first = 0; first < kLastPixels; first += kPixelsAtOnce) {
    V32 acc[kPixelsAtOnce][kLaneVectors];
    int32_t* at = sums + first * kLastLanes;
    WNN_UNROLL for (int p = 0; p < kPixelsAtOnce; ++p) {
      WNN_UNROLL for (int v = 0; v < kLaneVectors; ++v) {
        acc[p][v] = hn::LoadU(D32(), at + p * kLastLanes + v * kLanes);
      }
    }
    const uint16_t* pixels = words + first * kWordsAPixel;
    const std::byte* quads = weights;
    for (int64_t q = 0; q < n_quads; ++q, pixels += 4, quads += vectors * kVectorBytes) {
      V16 even[kLaneVectors], odd[kLaneVectors];
      WNN_UNROLL for (int v = 0; v < kLaneVectors; ++v) {
        even[v] = LoadWords(quads, v * kLanes);
        odd[v] = LoadWords(quads + kOddBytes, v * kLanes);
      }
      WNN_UNROLL for (int p = 0; p < kPixelsAtOnce; ++p) {
        int32_t pairs[2];
        std::memcpy(pairs, pixels + p * kWordsAPixel, sizeof(pairs));
        const V16 x_even = hn::BitCast(D16(), hn::Set(D32(), pairs[0]));
        const V16 x_odd = hn::BitCast(D16(), hn::Set(D32(), pairs[1]));
        WNN_UNROLL for (int v = 0; v < kLaneVectors; ++v) {
          acc[p][v] = AddWordPairs(x_even, even[v], acc[p][v]);
          acc[p][v] = AddWordPairs(x_odd, odd[v], acc[p][v]);
        }
      }
    }
    WNN_UNROLL for (int p = 0; p < kPixelsAtOnce; ++p) {
      WNN_UNROLL for (int v = 0; v < kLaneVectors; ++v) {
        hn::StoreU(acc[p][v], D32(), at + p * kLastLanes + v * kLanes);
      }
    }
  }
}

// n <= kWords channels of a tap, as words; zeros follow.
HWY_INLINE V16 LoadTap(const uint8_t* tap, int64_t n, V16 flip) {
  const hn::Rebind<uint8_t, D16> d8;
  uint8_t some[kWords] = {};
  if (n < kWords) {
    std::memcpy(some, tap, static_cast<size_t>(n));
    tap = some;
  }
  return hn::Xor(hn::PromoteTo(D16(), hn::LoadU(d8, tap)), flip);
}

// n channels of a block.
void DepthwiseSums(const DepthwiseArgs& args, int64_t offset, int64_t n, const std::byte* weights,
                   int32_t* sums) {
  const V16 flip = hn::Set(D16(), args.flip);
  for (int64_t i = 0; i < n; i += kWords) {
    const int64_t some = std::min(n - i, kWords), at = offset + i;
    V32 low = hn::Zero(D32()), high = hn::Zero(D32());
    const std::byte* quads = weights;
    for (int64_t t = 0; t < args.n_taps; t += 4, quads += kDepthwiseBlock * 8) {
      const V16 a = LoadTap(args.taps[t] + at, some, flip);
      const V16 c = LoadTap(args.taps[t + 2] + at, some, flip);
      low = AddWordPairs(hn::InterleaveLower(D16(), a, c), LoadWords(quads, i), low);
      high = AddWordPairs(hn::InterleaveUpper(D16(), a, c), LoadWords(quads, i + kLanes), high);
      if (t + 1 == args.n_taps) break;  // the others have no weight
      const std::byte* odd = quads + kOddBytes;
      const V16 b = LoadTap(args.taps[t + 1] + at, some, flip);
      const V16 d = LoadTap(args.taps[t + 3] + at, some, flip);
      low = AddWordPairs(hn::InterleaveLower(D16(), b, d), LoadWords(odd, i), low);
      high = AddWordPairs(hn::InterleaveUpper(D16(), b, d), LoadWords(odd, i + kLanes), high);
    }
    hn::StoreU(low, D32(), sums + i);
    hn::StoreU(high, D32(), sums + i + kLanes);
  }
}

#endif  // HWY_TARGET == HWY_SCALAR

// Collects quads of the runs as words, some at a time, and multiplies them.
template <int kVectors>
HWY_NOINLINE void Tile(const ChannelsLastTileArgs& args) {
  alignas(64) int32_t sums[kVectors][kLastPixels * kLastLanes] = {};
  uint16_t words[kLastPixels * kWordsAPixel];
  const std::byte* weights = args.weights;
  int64_t n = 0;  // quads in `words`
  const auto multiply = [&] {
    for (int64_t v = 0; v < kVectors; ++v) {
      AddQuads(words, n, weights + v * kVectorBytes, kVectors, sums[v]);
    }
    weights += n * kVectors * kVectorBytes;
    n = 0;
  };
  for (int64_t r = 0; r < args.n_runs; ++r) {
    const QuadRun& run = args.runs[r];
    for (int64_t q = 0; q < run.n_quads;) {
      const int64_t some = std::min(run.n_quads - q, kQuadsAtOnce - n);
      for (int64_t p = 0; p < kLastPixels; ++p) {
        WidenQuads(args.pixels[p] + run.offset + 4 * q, some, args.flip,
                   words + p * kWordsAPixel + 4 * n);
      }
      q += some;
      n += some;
      if (n == kQuadsAtOnce) multiply();
    }
  }
  multiply();
  for (int64_t v = 0; v * kLastLanes < args.n_channels; ++v) {
    const int64_t n_lanes = std::min(args.n_channels - v * kLastLanes, kLastLanes);
    for (int64_t p = 0; p < args.n_pixels; ++p) {
      uint8_t bytes[kLastLanes];
      Finish(args.epilogue, v * kLastLanes, kLastLanes, sums[v] + p * kLastLanes, bytes);
      std::byte* out = args.out + p * args.out_stride + v * kLastLanes;
      if (n_lanes == kLastLanes) {
        std::memcpy(out, bytes, kLastLanes);
      } else {
        std::memcpy(out, bytes, static_cast<size_t>(n_lanes));
      }
    }
  }
}

void Depthwise(const DepthwiseArgs& args) {
  const int64_t n_quads = (args.n_taps + 3) / 4;
  for (int64_t first = 0; first < args.n_channels; first += kDepthwiseBlock) {
    const int64_t n = std::min(args.n_channels - first, kDepthwiseBlock);
    for (int64_t p = 0; p < args.n_pixels; ++p) {
      alignas(64) int32_t sums[kDepthwiseBlock] = {};
      DepthwiseSums(args, first + p * args.in_step, n, args.weights + first * n_quads * 8, sums);
      uint8_t places[kDepthwiseBlock], bytes[kDepthwiseBlock];
      Finish(args.epilogue, first, kDepthwiseBlock, sums, places);
      WNN_UNROLL for (int64_t i = 0; i < kDepthwiseBlock; i += 4) {
        std::memcpy(bytes + DepthwiseOrder(i), places + i, 4);
      }
      std::byte* out = args.out + p * args.out_stride + first;
      if (n == kDepthwiseBlock) {
        std::memcpy(out, bytes, kDepthwiseBlock);
      } else {
        std::memcpy(out, bytes, static_cast<size_t>(n));
      }
    }
  }
}

template <typename T>
void MaxOf(const T* const* pixels, int64_t n_pixels, int64_t n, T* out) {
  const hn::CappedTag<T, 64> d;
  constexpr auto kStep = static_cast<int64_t>(hn::MaxLanes(d));
  int64_t c = 0;
  for (; c + kStep <= n; c += kStep) {
    auto most = hn::LoadU(d, pixels[0] + c);
    for (int64_t i = 1; i < n_pixels; ++i) most = hn::Max(most, hn::LoadU(d, pixels[i] + c));
    hn::StoreU(most, d, out + c);
  }
  for (; c < n; ++c) {
    T most = pixels[0][c];
    for (int64_t i = 1; i < n_pixels; ++i) most = std::max(most, pixels[i][c]);
    out[c] = most;
  }
}

void MaxOfPixels(const uint8_t* const* pixels, int64_t n_pixels, int64_t n, bool is_signed,
                 uint8_t* out) {
  if (is_signed) {
    MaxOf(reinterpret_cast<const int8_t* const*>(pixels), n_pixels, n,
          reinterpret_cast<int8_t*>(out));
  } else {
    MaxOf(pixels, n_pixels, n, out);
  }
}

const ChannelsLastTiles* GetTiles() {
  static constexpr ChannelsLastTiles kTiles = {.quad_bytes = 8,
                                               .tile = {nullptr, &Tile<1>, &Tile<2>, &Tile<3>},
                                               .depthwise = &Depthwise,
                                               .depthwise_block = kDepthwiseBlock,
                                               .depthwise_order = &DepthwiseOrder};
  return &kTiles;
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(GetTiles);
HWY_EXPORT(MaxOfPixels);

}  // namespace

const ChannelsLastTiles& WordChannelsLastTiles() { return *HWY_DYNAMIC_DISPATCH(GetTiles)(); }

const ChannelsLastTiles& ActiveChannelsLastTiles() {
  const ChannelsLastTiles* vnni = VnniChannelsLastTiles();
  return vnni != nullptr && ActiveIsa() == "AVX512" ? *vnni : WordChannelsLastTiles();
}

void MaxOfPixels(const uint8_t* const* pixels, int64_t n_pixels, int64_t n, bool is_signed,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(MaxOfPixels)(pixels, n_pixels, n, is_signed, out);
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
