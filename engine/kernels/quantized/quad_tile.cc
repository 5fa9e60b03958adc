#include "engine/kernels/quantized/quad_tile.h"

#include <cmath>
#include <cstring>
#include <string_view>

#include "engine/kernels/isa.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/quantized/quad_tile.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/quantized/words-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

// Vectors of one lane hold no quads.
template <int kVectors, int kRows>
void WordTile(const QuadTileArgs& args) {
  constexpr int kPlaces[4] = {0, 2, 1, 3};  // of a quad's bytes among its words
  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t lane = 0; lane < kVectors * kQuadLanes; ++lane) {
      uint32_t sum = 0;
      for (int64_t s = 0; s < args.n_steps; ++s) {
        int16_t words[4];
        std::memcpy(words, args.weights + (s * kRows + r) * 8, sizeof(words));
        const uint8_t* quad = args.in + args.step_offsets[s] + 4 * lane;
        for (int j = 0; j < 4; ++j) sum += static_cast<uint32_t>(quad[j] * words[kPlaces[j]]);
      }
      args.out[r * kMaxStrip + lane] = static_cast<int32_t>(sum);
    }
  }
}

#else

// Vectors in kQuadLanes lanes, and rows whose sums fit the registers beside them.
inline constexpr int kLaneVectors = static_cast<int>(kQuadLanes) / kLanes;
inline constexpr int kRowsAtOnce = kLaneVectors == 1 ? 8 : kLaneVectors == 2 ? 4 : 2;

// Rows [first, first + kRows) of kQuadLanes lanes from lane `lane` on.
template <int kRows>
HWY_INLINE void WordTilePart(const QuadTileArgs& args, int64_t n_rows, int64_t first,
                             int64_t lane) {
  V32 acc[kRows][kLaneVectors];
  WNN_UNROLL for (int r = 0; r < kRows; ++r) {
    WNN_UNROLL for (int v = 0; v < kLaneVectors; ++v) acc[r][v] = hn::Zero(D32());
  }
  const auto* weights = reinterpret_cast<const int32_t*>(args.weights);
  if (args.n_steps > 0) weights += 2 * first;  // there may be none
  const V16 low_byte = hn::Set(D16(), 0xff);
  for (int64_t s = 0; s < args.n_steps; ++s, weights += 2 * n_rows) {
    const uint8_t* in = args.in + args.step_offsets[s] + 4 * lane;
    V16 even[kLaneVectors], odd[kLaneVectors];
    WNN_UNROLL for (int v = 0; v < kLaneVectors; ++v) {
      const V16 quads = hn::BitCast(D16(), hn::LoadU(D8(), in + 4 * kLanes * v));
      even[v] = hn::And(quads, low_byte);
      odd[v] =
          hn::BitCast(D16(), hn::ShiftRight<8>(hn::BitCast(hn::RebindToUnsigned<D16>(), quads)));
    }
    WNN_UNROLL for (int r = 0; r < kRows; ++r) {
      const V16 w_even = hn::BitCast(D16(), hn::Set(D32(), weights[2 * r]));
      const V16 w_odd = hn::BitCast(D16(), hn::Set(D32(), weights[2 * r + 1]));
      WNN_UNROLL for (int v = 0; v < kLaneVectors; ++v) {
        acc[r][v] = AddWordPairs(even[v], w_even, acc[r][v]);
        acc[r][v] = AddWordPairs(odd[v], w_odd, acc[r][v]);
      }
    }
  }
  WNN_UNROLL for (int r = 0; r < kRows; ++r) {
    WNN_UNROLL for (int v = 0; v < kLaneVectors; ++v) {
      hn::StoreU(acc[r][v], D32(), args.out + (first + r) * kMaxStrip + lane + v * kLanes);
    }
  }
}

template <int kVectors, int kRows>
HWY_NOINLINE void WordTile(const QuadTileArgs& args) {
  constexpr int kStep = kRows < kRowsAtOnce ? kRows : kRowsAtOnce;
  for (int64_t lane = 0; lane < kVectors * kQuadLanes; lane += kQuadLanes) {
    for (int64_t r = 0; r < kRows; r += kStep) WordTilePart<kStep>(args, kRows, r, lane);
  }
}

#endif  // HWY_TARGET == HWY_SCALAR

const QuadTiles* GetWordTiles() {
  static constexpr QuadTiles kTiles = {
      8,
      {{},
       {&WordTile<1, 1>, &WordTile<1, 2>, &WordTile<1, 4>, &WordTile<1, 8>},
       {&WordTile<2, 1>, &WordTile<2, 2>, &WordTile<2, 4>, &WordTile<2, 8>},
       {&WordTile<3, 1>, &WordTile<3, 2>, &WordTile<3, 4>, &WordTile<3, 8>}}};
  return &kTiles;
}

// Sums to totals, in 32 bits.
HWY_INLINE V32 Total(const QuadEpilogue& e, int64_t row, int64_t i, V32 total) {
  if (e.row_add != nullptr) total = hn::Add(total, hn::Set(D32(), e.row_add[row]));
  if (e.lane_add != nullptr) total = hn::Add(total, hn::LoadU(D32(), e.lane_add + i));
  if (e.row_zero != nullptr) {
    total =
        hn::Sub(total, hn::Mul(hn::Set(D32(), e.row_zero[row]), hn::LoadU(D32(), e.lane_sum + i)));
  }
  if (e.lane_zero != nullptr) {
    total =
        hn::Sub(total, hn::Mul(hn::Set(D32(), e.row_sum[row]), hn::LoadU(D32(), e.lane_zero + i)));
  }
  return total;
}

// A real number to a byte.
HWY_INLINE void StoreByte(V real, V32 zero_point, bool is_signed, std::byte* out) {
  const D df;
  // Far beyond what saturates, and what NearestInt can do.
  real = hn::Min(hn::Max(real, hn::Set(df, -1024.0f)), hn::Set(df, 1024.0f));
  const V32 rounded = hn::Add(hn::NearestInt(real), zero_point);
  if (is_signed) {
    const hn::Rebind<int8_t, D32> d8;
    hn::StoreU(hn::DemoteTo(d8, rounded), d8, reinterpret_cast<int8_t*>(out));
  } else {
    const hn::Rebind<uint8_t, D32> d8;
    hn::StoreU(hn::DemoteTo(d8, rounded), d8, reinterpret_cast<uint8_t*>(out));
  }
}

void FinishRow(const QuadEpilogue& e, int64_t row, int64_t n, const int32_t* sums, std::byte* out) {
  using Output = QuadEpilogue::Output;
  const D df;
  for (int64_t i = 0; i < n; i += kLanes) {
    const V32 total = Total(e, row, i, hn::LoadU(D32(), sums + i));
    if (e.output == Output::kInt32) {
      hn::StoreU(total, D32(), reinterpret_cast<int32_t*>(out) + i);
      continue;
    }
    V real = hn::ConvertTo(df, total);
    if (e.row_scale != nullptr) real = hn::Mul(real, hn::Set(df, e.row_scale[row]));
    if (e.lane_scale != nullptr) real = hn::Mul(real, hn::LoadU(df, e.lane_scale + i));
    if (e.lane_bias != nullptr) real = hn::Add(real, hn::LoadU(df, e.lane_bias + i));
    if (e.output == Output::kFloat) {
      hn::StoreU(real, df, reinterpret_cast<float*>(out) + i);
    } else {
      StoreByte(real, hn::Set(D32(), e.zero_point), e.output == Output::kInt8, out + i);
    }
  }
}

// What quantised convolutions mostly need: no terms of lanes.
template <bool kSigned>
HWY_INLINE void FinishByteRows(const QuadEpilogue& e, int64_t first_row, int64_t n_rows, int64_t n,
                               const int32_t* HWY_RESTRICT sums, std::byte* HWY_RESTRICT out,
                               int64_t out_stride) {
  const D df;
  const V32 zero_point = hn::Set(D32(), e.zero_point);
  for (int64_t r = 0; r < n_rows; ++r, sums += kMaxStrip, out += out_stride) {
    const V32 add = hn::Set(D32(), e.row_add[first_row + r]);
    const V scale = hn::Set(df, e.row_scale[first_row + r]);
    for (int64_t i = 0; i < n; i += kLanes) {
      const V32 total = hn::Add(hn::LoadU(D32(), sums + i), add);
      StoreByte(hn::Mul(hn::ConvertTo(df, total), scale), zero_point, kSigned, out + i);
    }
  }
}

void FinishRows(const QuadEpilogue& e, int64_t first_row, int64_t n_rows, int64_t n,
                const int32_t* sums, std::byte* out, int64_t out_stride) {
  using Output = QuadEpilogue::Output;
  const bool plain = e.row_add != nullptr && e.row_scale != nullptr && e.lane_add == nullptr &&
                     e.row_zero == nullptr && e.lane_zero == nullptr && e.lane_scale == nullptr &&
                     e.lane_bias == nullptr;
  if (plain && e.output == Output::kUint8) {
    FinishByteRows<false>(e, first_row, n_rows, n, sums, out, out_stride);
  } else if (plain && e.output == Output::kInt8) {
    FinishByteRows<true>(e, first_row, n_rows, n, sums, out, out_stride);
  } else {
    for (int64_t r = 0; r < n_rows; ++r) {
      FinishRow(e, first_row + r, n, sums + r * kMaxStrip, out + r * out_stride);
    }
  }
}

void Interleave(const uint8_t* const in[4], int64_t n, uint8_t flip, uint8_t fill, uint8_t* out) {
  const hn::CappedTag<uint8_t, 16> d8;
  constexpr int64_t kStep = static_cast<int64_t>(hn::MaxLanes(d8));
  const auto flips = hn::Set(d8, flip);
  const auto fills = hn::Set(d8, fill);
  int64_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    const auto row = [&](int j) HWY_ATTR {
      return in[j] == nullptr ? fills : hn::Xor(hn::LoadU(d8, in[j] + i), flips);
    };
    hn::StoreInterleaved4(row(0), row(1), row(2), row(3), d8, out + 4 * i);
  }
  for (; i < n; ++i) {
    for (int j = 0; j < 4; ++j) {
      out[4 * i + j] = in[j] == nullptr ? fill : static_cast<uint8_t>(in[j][i] ^ flip);
    }
  }
}

void Sliding(const uint8_t* in, int64_t n, int64_t stride, uint8_t* out) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<uint8_t, 16> d8;
  alignas(16) static constexpr uint8_t kWindows[2][16] = {
      {0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6},
      {0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9}};
  if (stride <= 2) {
    const auto windows = hn::Load(d8, kWindows[stride - 1]);
    for (; i + 4 <= n; i += 4) {
      const auto bytes = hn::LoadU(d8, in + stride * i);
      hn::StoreU(hn::TableLookupBytes(bytes, windows), d8, out + 4 * i);
    }
  }
#endif
  for (; i < n; ++i) std::memcpy(out + 4 * i, in + stride * i, 4);
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(GetWordTiles);
HWY_EXPORT(FinishRows);
HWY_EXPORT(Interleave);
HWY_EXPORT(Sliding);

}  // namespace

const QuadTiles& WordQuadTiles() { return *HWY_DYNAMIC_DISPATCH(GetWordTiles)(); }

const QuadTiles& ActiveQuadTiles() {
  const QuadTiles* vnni = VnniQuadTiles();
  return vnni != nullptr && ActiveIsa() == "AVX512" ? *vnni : WordQuadTiles();
}

void FinishQuadRows(const QuadEpilogue& epilogue, int64_t first_row, int64_t n_rows, int64_t n,
                    const int32_t* sums, std::byte* out, int64_t out_stride) {
  HWY_DYNAMIC_DISPATCH(FinishRows)(epilogue, first_row, n_rows, n, sums, out, out_stride);
}

void InterleaveQuads(const uint8_t* const in[4], int64_t n, uint8_t flip, uint8_t fill,
                     uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(Interleave)(in, n, flip, fill, out);
}

void SlidingQuads(const uint8_t* in, int64_t n, int64_t stride, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(Sliding)(in, n, stride, out);
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
