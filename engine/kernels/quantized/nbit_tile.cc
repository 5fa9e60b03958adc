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

// Vectors of 16 lanes look 4-bit integers up in a table of floats, which ignores higher bits.
#if HWY_TARGET <= HWY_AVX3
template <int kBits>
inline constexpr bool kByTable = kBits <= 4;
#else
template <int kBits>
inline constexpr bool kByTable = false;
#endif

// Integer kAt of each word, times 1 / Factor(). Masked where they are, integers need no shift but
// are powers of two too large; only the last, at the sign, goes down.
template <int kBits, int kAt>
HWY_INLINE V Number(VI words, [[maybe_unused]] V table) {
  [[maybe_unused]] const hn::RebindToUnsigned<DI> du;
#if HWY_TARGET <= HWY_AVX3
  if constexpr (kByTable<kBits>) {
    const auto low = hn::ShiftRight<kBits * kAt>(hn::BitCast(du, words));
    return hn::TableLookupLanes(table, hn::Indices512<float>{low.raw});
  }
#endif
  if constexpr (kAt + 1 == kInWord<kBits>) {
    return hn::ConvertTo(D(),
                         hn::BitCast(DI(), hn::ShiftRight<32 - kBits>(hn::BitCast(du, words))));
  } else {
    constexpr int32_t kMask = ((1 << kBits) - 1) << (kBits * kAt);
    return hn::ConvertTo(D(), hn::And(words, hn::Set(DI(), kMask)));
  }
}

template <int kBits>
constexpr float Factor(int at) {
  if (kByTable<kBits> || at + 1 == kInWord<kBits>) return 1;
  return 1.0f / static_cast<float>(1 << (kBits * at));
}

// The floats that NBitKernels looks integers up in.
template <int kBits>
HWY_INLINE V Table() {
#if HWY_TARGET <= HWY_AVX3
  return hn::ConvertTo(D(), hn::And(hn::Iota(DI(), 0), hn::Set(DI(), (1 << kBits) - 1)));
#else
  return hn::Zero(D());
#endif
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

// The values of a chunk's blocks, each in the lanes of its block; reads no more of them. `first`
// are as many lanes as there are values, `lanes` the block of each lane.
template <class M, class I>
HWY_INLINE V Spread(const float* values, const Blocks& blocks, [[maybe_unused]] const M& first,
                    [[maybe_unused]] const I& lanes) {
  if constexpr (kLanes > 4) {
    // Lanes that are masked out are not read with these instruction sets.
    if (blocks.values_log2 != 0) {
      return hn::TableLookupLanes(hn::MaskedLoad(first, D(), values), lanes);
    }
  } else if constexpr (kLanes == 4) {
    if (blocks.values_log2 == 1) {
      const hn::Half<D> pair;
      return hn::TableLookupLanes(hn::ZeroExtendVector(D(), hn::LoadU(pair, values)), lanes);
    }
    if (blocks.values_log2 == 2) return LoadUnaligned(values);
  }
  return Broadcast(*values);
}

// The same for zero points of kBits: those of a chunk begin at bit `at` and are in one byte or fill
// one, two or four. `shifts` says how far from the first that of each lane is.
template <int kBits>
HWY_INLINE V SpreadZeros(const std::byte* zeros, int64_t at, const Blocks& blocks, VI shifts) {
  const hn::RebindToUnsigned<DI> du;
  const int bits = kBits << blocks.values_log2;
  uint32_t all = 0;
  if (bits == 32) {
    std::memcpy(&all, zeros + at / 8, 4);
  } else if (bits == 16) {
    uint16_t half;
    std::memcpy(&half, zeros + at / 8, 2);
    all = half;
  } else {
    all = std::to_integer<uint32_t>(zeros[at / 8]) >> (at % 8);
  }
  auto each = hn::Set(du, all);
  if (blocks.values_log2 != 0) each = hn::Shr(each, hn::BitCast(du, shifts));
  return hn::ConvertTo(D(), hn::BitCast(DI(), hn::And(each, hn::Set(du, (1u << kBits) - 1))));
}

template <int kBits, int kAt, int kRows, int kCols>
HWY_INLINE void AddProducts(const float* HWY_RESTRICT a, int64_t a_stride, const VI (&words)[kCols],
                            V table, V (&acc)[kRows][kCols]) {
  V factor[kRows];
  WNN_UNROLL for (int r = 0; r < kRows; ++r) factor[r] = Load(a + r * a_stride + kAt * kLanes);
  WNN_UNROLL for (int c = 0; c < kCols; ++c) {
    const V number = Number<kBits, kAt>(words[c], table);
    WNN_UNROLL for (int r = 0; r < kRows; ++r) acc[r][c] = Fma(factor[r], number, acc[r][c]);
  }
  if constexpr (kAt + 1 < kInWord<kBits>) {
    AddProducts<kBits, kAt + 1, kRows, kCols>(a, a_stride, words, table, acc);
  }
}

// Whole chunks of kCols columns. Adds to the sums.
template <int kBits, int kRows, int kCols>
HWY_NOINLINE void RowsStrip(const NBitRowsArgs& args) {
  constexpr int kPer = kInWord<kBits>;
  const NBitMatrix& b = *args.b;
  const Blocks blocks(b);
  const V table = Table<kBits>();
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
  const auto* data = reinterpret_cast<const uint8_t*>(b.data + args.column * column_bytes);
  const V middle = Broadcast(static_cast<float>(1 << (kBits - 1)));

  V total[kRows][kCols];
  WNN_UNROLL for (int r = 0; r < kRows; ++r) {
    WNN_UNROLL for (int c = 0; c < kCols; ++c) total[r][c] = hn::Zero(D());
  }
  const float* HWY_RESTRICT a = args.a + args.chunk_begin * (kPer + 1) * kLanes;
  for (int64_t i = args.chunk_begin; i < args.chunk_end; ++i, a += (kPer + 1) * kLanes) {
    const int64_t first = blocks.First(i);
    VI words[kCols];
    V acc[kRows][kCols];
    WNN_UNROLL for (int c = 0; c < kCols; ++c) {
      words[c] = hn::BitCast(DI(), hn::LoadU(hn::Repartition<uint8_t, DI>(),
                                             data + c * column_bytes + 4 * kLanes * i));
      V zero = middle;
      if (has_zeros) {
        zero = SpreadZeros<kBits>(zeros + c * zero_bytes, first * kBits, blocks, shifts);
      } else if (has_numbers) {
        zero = Spread(numbers + c * n_blocks + first, blocks, values, lanes);
      }
      WNN_UNROLL for (int r = 0; r < kRows; ++r) {
        acc[r][c] = hn::Mul(zero, Load(a + r * args.a_stride + kPer * kLanes));
      }
    }
    AddProducts<kBits, 0, kRows, kCols>(a, args.a_stride, words, table, acc);
    WNN_UNROLL for (int c = 0; c < kCols; ++c) {
      const V scale = Spread(scales + c * n_blocks + first, blocks, values, lanes);
      WNN_UNROLL for (int r = 0; r < kRows; ++r) {
        total[r][c] = Fma(scale, acc[r][c], total[r][c]);
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
HWY_INLINE void StoreNumbers(VI words, V scale, V zero, V table, int64_t width,
                             float* HWY_RESTRICT to) {
  V number = Number<kBits, kAt>(words, table);
  if constexpr (Factor<kBits>(kAt) != 1) number = hn::Mul(number, Broadcast(Factor<kBits>(kAt)));
  Store(hn::Mul(hn::Sub(number, zero), scale), to + kAt * width);
  if constexpr (kAt + 1 < kInWord<kBits>) {
    StoreNumbers<kBits, kAt + 1>(words, scale, zero, table, width, to);
  }
}

template <int kBits>
HWY_NOINLINE void Panel(const NBitPanelArgs& args) {
  constexpr int64_t kPer = kInWord<kBits>;
  const NBitMatrix& b = *args.b;
  const V table = Table<kBits>();
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
          StoreNumbers<kBits, 0>(row, Load(scales + v * kLanes), Load(zeros + v * kLanes), table,
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
