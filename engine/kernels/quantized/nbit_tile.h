// Matrices of integers of 2, 4 or 8 bits, each block of a column of which has its scale and zero
// point: the weights of language models, as ONNX Runtime's MatMulNBits stores them. The kernels
// read that form as it is, so that the model's own bytes are all the memory they take.
//
// A word is 32 bits of a column: 16, 8 or 4 integers. Vectors hold one word a lane and take the
// integers out of all lanes at once, the first of each, then the second, and so on. The other
// factor is put into that order first, and its sums are kept beside it: as
//   sum of a * (integer - zero) = sum of a * integer - zero * sum of a
// zero points cost nothing for each integer.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wnn::kernels {

// k x n, stored column by column. Value i of column j is (integer - zero) * scale, both of block
// i / block of that column. Lifetime: borrowed.
struct NBitMatrix {
  int64_t k = 0, n = 0;
  int64_t bits = 4;                 // 2, 4 or 8
  int64_t block = 32;               // a power of two from 16 on
  const std::byte* data = nullptr;  // n columns of column_bytes(), integers from the low bits on
  const float* scales = nullptr;    // [n][blocks()]
  // The zero points, if any: integers of the same bits, columns of zero_bytes(); or numbers,
  // [n][blocks()]. Without either they are in the middle of the range.
  const std::byte* zeros = nullptr;
  const float* zero_numbers = nullptr;

  int64_t blocks() const { return (k + block - 1) / block; }
  int64_t column_bytes() const { return blocks() * (block * bits / 8); }  // whole blocks
  int64_t zero_bytes() const { return (blocks() * bits + 7) / 8; }
  int64_t numbers_per_word() const { return 32 / bits; }
  int64_t words() const { return (k * bits + 31) / 32; }  // of a column, as far as they count
};

inline constexpr int kMaxNBitRows = 4;
inline constexpr int kNBitColumns = 4;
inline constexpr int64_t kMaxNBitLanes = 16;

// sums[r][c] = sum over the chunks' k of a[r][k] * b[k][column + c]. A chunk is a word for each
// lane. Lifetime: borrowed for the call.
struct NBitRowsArgs {
  const NBitMatrix* b = nullptr;
  int64_t column = 0;
  int64_t n_columns = 0;  // up to kNBitColumns
  int64_t chunk_begin = 0, chunk_end = 0;
  const float* a = nullptr;  // rows as NBitKernels::order_row writes them, 64-byte aligned
  int64_t a_stride = 0;      // floats between them
  float* sums = nullptr;     // [row][kNBitColumns]
};

// to[i][j] = b[begin + i][column + j] for i < end - begin, rounded up to whole words.
struct NBitPanelArgs {
  const NBitMatrix* b = nullptr;
  int64_t begin = 0, end = 0;  // begin: a multiple of 16
  int64_t column = 0;
  int64_t n_columns = 0;
  int64_t width = 0;    // n_columns up to a multiple of 16: columns of zeros fill it
  float* to = nullptr;  // [k][width], 64-byte aligned
};

// One instruction set's kernels. Arrays are indexed by NBitIndex(bits).
struct NBitKernels {
  int64_t lanes = 0;
  // A row of k floats in the order of the kernels: for each chunk, a vector of the first integers'
  // factors, one of the second's and so on, and one of minus their sums; zeros past k.
  void (*order_row[3])(const float* a, int64_t k, float* to) = {};
  void (*rows[3][kMaxNBitRows + 1])(const NBitRowsArgs&) = {};
  void (*panel[3])(const NBitPanelArgs&) = {};
};

constexpr int NBitIndex(int64_t bits) { return bits == 2 ? 0 : bits == 4 ? 1 : 2; }

// Those of the active instruction set. Lifetime: static.
const NBitKernels& ActiveNBitKernels();

}  // namespace wnn::kernels
