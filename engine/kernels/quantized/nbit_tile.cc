#include "engine/kernels/quantized/nbit_tile.h"

#include <algorithm>
#include <bit>
#include <cstring>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/quantized/nbit_tile.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/blocked/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

using DI = hn::RebindToSigned<D>;
using VI = hn::Vec<DI>;

template <int kBits>
inline constexpr int kInWord = 32 / kBits;

// A word a lane, of any alignment.
HWY_INLINE VI LoadWords(const std::byte* from) {
#if HWY_TARGET == HWY_SCALAR
  int32_t word;
  std::memcpy(&word, from, sizeof(word));
  return hn::Set(DI(), word);
#else
  const hn::Repartition<uint8_t, DI> bytes;
  return hn::BitCast(DI(), hn::LoadU(bytes, reinterpret_cast<const uint8_t*>(from)));
#endif
}

// Integer kAt of each word, times 1 / Factor(). Masked where they are, integers need no shift but
// are powers of two too large; only the last, at the sign, goes down.
template <int kBits, int kAt>
HWY_INLINE V Number(VI words) {
  if constexpr (kAt + 1 == kInWord<kBits>) {
    const auto bits = hn::BitCast(hn::RebindToUnsigned<DI>(), words);
    return hn::ConvertTo(D(), hn::BitCast(DI(), hn::ShiftRight<32 - kBits>(bits)));
  } else {
    constexpr int32_t kMask = ((1 << kBits) - 1) << (kBits * kAt);
    return hn::ConvertTo(D(), hn::And(words, hn::Set(DI(), kMask)));
  }
}

template <int kBits>
constexpr float Factor(int at) {
  return at + 1 == kInWord<kBits> ? 1 : 1.0f / static_cast<float>(1 << (kBits * at));
}

template <int kBits>
void OrderRow(const float* HWY_RESTRICT a, int64_t k, float* HWY_RESTRICT to) {
  constexpr int kPer = kInWord<kBits>, kChunk = kPer * kLanes;
  for (int64_t begin = 0; begin < k; begin += kChunk, to += kChunk + kLanes) {
    float padded[kChunk];
    const float* from = a + begin;
    if (k - begin < kChunk) {
      std::copy(from, a + k, padded);
      std::fill(padded + (k - begin), padded + kChunk, 0.0f);
      from = padded;
    }
    float sums[kLanes] = {};
    WNN_UNROLL for (int j = 0; j < kPer; ++j) {
      for (int lane = 0; lane < kLanes; ++lane) {
        const float x = from[lane * kPer + j];
        to[j * kLanes + lane] = x * Factor<kBits>(j);
        sums[lane] -= x;
      }
    }
    for (int lane = 0; lane < kLanes; ++lane) to[kChunk + lane] = sums[lane];
  }
}

// How the blocks of a column lie in its chunks.
struct Blocks {
  int words_log2 = 0;   // a block's words
  int values_log2 = 0;  // a chunk's blocks, if more than one
  int chunks_log2 = 0;  // a block's chunks, if more than one

  explicit Blocks(const NBitMatrix& b) {
    words_log2 = std::countr_zero(static_cast<uint64_t>(b.block * b.bits / 32));
    constexpr int kLanesLog2 = std::countr_zero(static_cast<uint64_t>(kLanes));
    values_log2 = std::max(kLanesLog2 - words_log2, 0);
    chunks_log2 = std::max(words_log2 - kLanesLog2, 0);
  }
  int64_t First(int64_t chunk) const { return chunk << values_log2 >> chunks_log2; }
};

// The values of a chunk's blocks, each in the lanes of its block, for columns that are `stride`
// values apart; reads no more of them. `first` are as many lanes as there are values, `lanes` the
// block of each lane. (All columns in one branch: what is computed of one must not move into it.)
template <int kCols, class M, class I>
HWY_INLINE void Spread(const float* values, int64_t stride, const Blocks& blocks,
                       [[maybe_unused]] const M& first, [[maybe_unused]] const I& lanes,
                       V (&to)[kCols]) {
  if (blocks.values_log2 == 0) {
    WNN_UNROLL for (int c = 0; c < kCols; ++c) to[c] = Broadcast(values[c * stride]);
    return;
  }
#if HWY_TARGET != HWY_SCALAR  // whose vectors of one lane hold no two blocks
  if constexpr (kLanes > 4) {
    // Lanes that are masked out are not read with these instruction sets.
    WNN_UNROLL for (int c = 0; c < kCols; ++c) {
      to[c] = hn::TableLookupLanes(hn::MaskedLoad(first, D(), values + c * stride), lanes);
    }
  } else if constexpr (kLanes == 4) {
    if (blocks.values_log2 == 1) {
      const hn::Half<D> pair;
      WNN_UNROLL for (int c = 0; c < kCols; ++c) {
        const auto two = hn::ZeroExtendVector(D(), hn::LoadU(pair, values + c * stride));
        to[c] = hn::TableLookupLanes(two, lanes);
      }
    } else {
      WNN_UNROLL for (int c = 0; c < kCols; ++c) to[c] = LoadUnaligned(values + c * stride);
    }
  }
#endif
}

// The same for zero points of kBits: those of a chunk begin at bit `at` of the column and are in
// one byte or fill one, two or four. `shifts` says how far from the first that of each lane is.
template <int kBits, int kCols>
HWY_INLINE void SpreadZeros(const std::byte* zeros, int64_t stride, int64_t at,
                            const Blocks& blocks, VI shifts, V (&to)[kCols]) {
  const hn::RebindToUnsigned<DI> du;
  const int bits = kBits << blocks.values_log2;
  uint32_t all[kCols];
  zeros += at / 8;
  if (bits == 32) {
    WNN_UNROLL for (int c = 0; c < kCols; ++c) std::memcpy(&all[c], zeros + c * stride, 4);
  } else if (bits == 16) {
    uint16_t half;
    WNN_UNROLL for (int c = 0; c < kCols; ++c) {
      std::memcpy(&half, zeros + c * stride, 2);
      all[c] = half;
    }
  } else {
    WNN_UNROLL for (int c = 0; c < kCols; ++c) {
      all[c] = std::to_integer<uint32_t>(zeros[c * stride]) >> (at % 8);
    }
  }
  const auto mask = hn::Set(du, (1u << kBits) - 1);
  if (blocks.values_log2 == 0) {
    WNN_UNROLL for (int c = 0; c < kCols; ++c) {
      to[c] = hn::ConvertTo(D(), hn::BitCast(DI(), hn::And(hn::Set(du, all[c]), mask)));
    }
    return;
  }
  WNN_UNROLL for (int c = 0; c < kCols; ++c) {
    const auto low = hn::And(hn::Shr(hn::Set(du, all[c]), hn::BitCast(du, shifts)), mask);
    to[c] = hn::ConvertTo(D(), hn::BitCast(DI(), low));
  }
}

template <int kBits, int kAt, int kRows, int kCols>
HWY_INLINE void AddProducts(const float* HWY_RESTRICT a, int64_t a_stride, const VI (&words)[kCols],
                            V (&acc)[kRows][kCols]) {
  V factor[kRows];
  WNN_UNROLL for (int r = 0; r < kRows; ++r) factor[r] = Load(a + r * a_stride + kAt * kLanes);
  WNN_UNROLL for (int c = 0; c < kCols; ++c) {
    const V number = Number<kBits, kAt>(words[c]);
    WNN_UNROLL for (int r = 0; r < kRows; ++r) acc[r][c] = Fma(factor[r], number, acc[r][c]);
  }
  if constexpr (kAt + 1 < kInWord<kBits>) {
    AddProducts<kBits, kAt + 1, kRows, kCols>(a, a_stride, words, acc);
  }
}

// Whole chunks of kCols columns. Adds to the sums.
template <int kBits, int kRows, int kCols>
HWY_NOINLINE void RowsStrip(const NBitRowsArgs& args) {
  constexpr int kPer = kInWord<kBits>;
  const NBitMatrix& b = *args.b;
  const Blocks blocks(b);
  alignas(64) int32_t block_of[kLanes], shift_of[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    block_of[i] = i >> blocks.words_log2;
    shift_of[i] = block_of[i] * kBits;
  }
  const auto lanes = hn::SetTableIndices(D(), block_of);
  const auto values = hn::FirstN(D(), size_t{1} << blocks.values_log2);
  const VI shifts = hn::Load(DI(), shift_of);
  const int64_t n_blocks = b.blocks(), column_bytes = b.column_bytes(), zero_bytes = b.zero_bytes();
  const float* scales = b.scales + args.column * n_blocks;
  const bool has_numbers = b.zero_numbers != nullptr, has_zeros = b.zeros != nullptr;
  const float* numbers = has_numbers ? b.zero_numbers + args.column * n_blocks : nullptr;
  const std::byte* zeros = has_zeros ? b.zeros + args.column * zero_bytes : nullptr;
  const std::byte* data = b.data + args.column * column_bytes;
  const V middle = Broadcast(static_cast<float>(1 << (kBits - 1)));

  V total[kRows][kCols];
  WNN_UNROLL for (int r = 0; r < kRows; ++r) {
    WNN_UNROLL for (int c = 0; c < kCols; ++c) total[r][c] = hn::Zero(D());
  }
  const float* HWY_RESTRICT a = args.a + args.chunk_begin * (kPer + 1) * kLanes;
  for (int64_t i = args.chunk_begin; i < args.chunk_end; ++i, a += (kPer + 1) * kLanes) {
    const int64_t first = blocks.First(i);
    VI words[kCols];
    V scale[kCols], zero[kCols], acc[kRows][kCols];
    Spread(scales + first, n_blocks, blocks, values, lanes, scale);
    if (has_zeros) {
      SpreadZeros<kBits>(zeros, zero_bytes, first * kBits, blocks, shifts, zero);
    } else if (has_numbers) {
      Spread(numbers + first, n_blocks, blocks, values, lanes, zero);
    } else {
      WNN_UNROLL for (int c = 0; c < kCols; ++c) zero[c] = middle;
    }
    WNN_UNROLL for (int r = 0; r < kRows; ++r) {
      const V minus_sum = Load(a + r * args.a_stride + kPer * kLanes);
      WNN_UNROLL for (int c = 0; c < kCols; ++c) acc[r][c] = hn::Mul(zero[c], minus_sum);
    }
    // The columns after these: what is read of one is too short for the machine to see a pattern.
    WNN_UNROLL for (int c = 0; c < kCols; ++c) {
      hwy::Prefetch(data + (c + kNBitColumns) * column_bytes + 4 * kLanes * i);
      hwy::Prefetch(scales + (c + kNBitColumns) * n_blocks + first);
    }
    WNN_UNROLL for (int c = 0; c < kCols; ++c) {
      words[c] = LoadWords(data + c * column_bytes + 4 * kLanes * i);
    }
    AddProducts<kBits, 0, kRows, kCols>(a, args.a_stride, words, acc);
    WNN_UNROLL for (int r = 0; r < kRows; ++r) {
      WNN_UNROLL for (int c = 0; c < kCols; ++c) {
        total[r][c] = Fma(scale[c], acc[r][c], total[r][c]);
      }
    }
  }
  WNN_UNROLL for (int r = 0; r < kRows; ++r) {
    WNN_UNROLL for (int c = 0; c < kCols; ++c) {
      args.sums[r * kNBitColumns + c] += hn::GetLane(hn::SumOfLanes(D(), total[r][c]));
    }
  }
}

// Zero point `block` of a column that begins at `zeros`.
int ZeroAt(const NBitMatrix& b, const std::byte* zeros, int64_t block) {
  const int64_t bit = block * b.bits;
  return std::to_integer<int>(zeros[bit / 8]) >> (bit % 8) & ((1 << b.bits) - 1);
}

// Columns whose last chunk is not whole, with that chunk made whole: a matrix of one chunk.
template <int kBits>
struct LastChunk {
  static constexpr int64_t kNumbers = kInWord<kBits> * kLanes;

  NBitMatrix matrix;
  std::byte words[kNBitColumns][4 * kLanes] = {};
  float scales[kNBitColumns * kLanes] = {}, zero_numbers[kNBitColumns * kLanes] = {};

  LastChunk(const NBitMatrix& b, int64_t column, int64_t n_columns) {
    const int64_t chunk = b.words() / kLanes, first = Blocks(b).First(chunk);
    const auto bytes = static_cast<size_t>(4 * (b.words() - chunk * kLanes));
    matrix = b;
    matrix.k = kNumbers;
    matrix.n = n_columns;
    matrix.block = std::min(b.block, kNumbers);
    matrix.data = words[0];
    matrix.scales = scales;
    matrix.zeros = nullptr;
    matrix.zero_numbers = zero_numbers;
    const int64_t live = std::min(matrix.blocks(), b.blocks() - first);
    for (int64_t c = 0; c < n_columns; ++c) {
      const int64_t at = (column + c) * b.blocks() + first;
      std::memcpy(words[c], b.data + (column + c) * b.column_bytes() + 4 * kLanes * chunk, bytes);
      for (int64_t i = 0; i < live; ++i) {
        const int64_t to = c * matrix.blocks() + i;
        scales[to] = b.scales[at + i];
        zero_numbers[to] =
            b.zero_numbers != nullptr ? b.zero_numbers[at + i]
            : b.zeros != nullptr
                ? static_cast<float>(ZeroAt(b, b.zeros + (column + c) * b.zero_bytes(), first + i))
                : static_cast<float>(1 << (kBits - 1));
      }
    }
  }
};

// Columns whose sums and accumulators fit the registers.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
template <int kRows>
inline constexpr int kStripColumns = kRows <= 2 ? 4 : 2;
#else
template <int kRows>
inline constexpr int kStripColumns = kRows == 1   ? 4
                                     : kRows == 2 ? 2
                                                  : 1;
#endif

template <int kBits, int kRows>
HWY_INLINE void Strips(NBitRowsArgs args, int64_t n_columns) {
  constexpr int kCols = kStripColumns<kRows>;
  for (; n_columns >= kCols; n_columns -= kCols, args.column += kCols, args.sums += kCols) {
    RowsStrip<kBits, kRows, kCols>(args);
  }
  for (; n_columns > 0; --n_columns, ++args.column, ++args.sums) RowsStrip<kBits, kRows, 1>(args);
}

template <int kBits, int kRows>
HWY_NOINLINE void Rows(const NBitRowsArgs& args) {
  std::fill_n(args.sums, kRows * kNBitColumns, 0.0f);
  NBitRowsArgs whole = args;
  whole.chunk_end = std::min(args.chunk_end, args.b->words() / kLanes);
  Strips<kBits, kRows>(whole, args.n_columns);
  if (whole.chunk_end == args.chunk_end) return;
  const LastChunk<kBits> last(*args.b, args.column, args.n_columns);
  NBitRowsArgs rest = args;
  rest.b = &last.matrix;
  rest.column = 0;
  rest.a += whole.chunk_end * (kInWord<kBits> + 1) * kLanes;
  rest.chunk_begin = 0;
  rest.chunk_end = 1;
  Strips<kBits, kRows>(rest, args.n_columns);
}

// Of 16 columns, the words [begin, end) a row each; zeros for columns that there are not.
inline constexpr int64_t kPanelWords = 32;
void TransposeWords(const NBitMatrix& b, int64_t column, int64_t n_columns, int64_t begin,
                    int64_t end, uint32_t (&to)[kPanelWords][kBlock]) {
  for (int64_t c = 0; c < kBlock; ++c) {
    if (c >= n_columns) {
      for (int64_t w = begin; w < end; ++w) to[w - begin][c] = 0;
      continue;
    }
    const std::byte* from = b.data + (column + c) * b.column_bytes() + 4 * begin;
    for (int64_t w = begin; w < end; ++w, from += 4) std::memcpy(&to[w - begin][c], from, 4);
  }
}

// The scales and zero points of a block of 16 columns.
void LoadBlock(const NBitMatrix& b, int64_t column, int64_t n_columns, int64_t block, float* scales,
               float* zeros) {
  const int64_t n_blocks = b.blocks();
  std::fill_n(scales, kBlock, 0.0f);
  std::fill_n(zeros, kBlock, static_cast<float>(1 << (b.bits - 1)));
  for (int64_t c = 0; c < n_columns; ++c) {
    const int64_t at = (column + c) * n_blocks + block;
    scales[c] = b.scales[at];
    if (b.zero_numbers != nullptr) zeros[c] = b.zero_numbers[at];
    if (b.zeros != nullptr) {
      zeros[c] = static_cast<float>(ZeroAt(b, b.zeros + (column + c) * b.zero_bytes(), block));
    }
  }
}

template <int kBits, int kAt>
HWY_INLINE void StoreNumbers(VI words, V scale, V zero, int64_t width, float* HWY_RESTRICT to) {
  V number = Number<kBits, kAt>(words);
  if constexpr (Factor<kBits>(kAt) != 1) number = hn::Mul(number, Broadcast(Factor<kBits>(kAt)));
  Store(hn::Mul(hn::Sub(number, zero), scale), to + kAt * width);
  if constexpr (kAt + 1 < kInWord<kBits>) {
    StoreNumbers<kBits, kAt + 1>(words, scale, zero, width, to);
  }
}

template <int kBits>
HWY_NOINLINE void Panel(const NBitPanelArgs& args) {
  constexpr int64_t kPer = kInWord<kBits>;
  const NBitMatrix& b = *args.b;
  const int64_t block_words = b.block / kPer;  // a power of two
  const int64_t begin = args.begin / kPer, end = (args.end + kPer - 1) / kPer;
  alignas(64) uint32_t words[kPanelWords][kBlock];
  alignas(64) float scales[kBlock], zeros[kBlock];
  for (int64_t column = 0; column < args.width; column += kBlock) {
    const int64_t first = args.column + column;
    const int64_t live = std::clamp<int64_t>(args.n_columns - column, 0, kBlock);
    for (int64_t piece = begin; piece < end; piece += kPanelWords) {
      const int64_t piece_end = std::min(end, piece + kPanelWords);
      TransposeWords(b, first, live, piece, piece_end, words);
      for (int64_t w = piece; w < piece_end; ++w) {
        if (w == piece || (w & (block_words - 1)) == 0) {
          LoadBlock(b, first, live, w / block_words, scales, zeros);
        }
        float* to = args.to + (w - begin) * kPer * args.width + column;
        WNN_UNROLL for (int v = 0; v < kVecs; ++v) {
          const VI row =
              hn::Load(DI(), reinterpret_cast<const int32_t*>(words[w - piece]) + v * kLanes);
          StoreNumbers<kBits, 0>(row, Load(scales + v * kLanes), Load(zeros + v * kLanes),
                                 args.width, to + v * kLanes);
        }
      }
    }
  }
}

const NBitKernels* GetNBitKernels() {
  static constexpr NBitKernels kKernels = {
      kLanes,
      {&OrderRow<2>, &OrderRow<4>, &OrderRow<8>},
      {{nullptr, &Rows<2, 1>, &Rows<2, 2>, &Rows<2, 3>, &Rows<2, 4>},
       {nullptr, &Rows<4, 1>, &Rows<4, 2>, &Rows<4, 3>, &Rows<4, 4>},
       {nullptr, &Rows<8, 1>, &Rows<8, 2>, &Rows<8, 3>, &Rows<8, 4>}},
      {&Panel<2>, &Panel<4>, &Panel<8>}};
  return &kKernels;
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(GetNBitKernels);

}  // namespace

const NBitKernels& ActiveNBitKernels() { return *HWY_DYNAMIC_DISPATCH(GetNBitKernels)(); }

}  // namespace wnn::kernels
#endif  // HWY_ONCE
