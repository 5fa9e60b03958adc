// Products with a matrix of integers below single precision that stays as it is: see nbit_tile.h.
// Few rows, as in the decoding of a language model, take integers to floats in registers; more, as
// in its prompt, unpack a panel at a time for the register tile of blocked/tile.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/aligned_buffer.h"
#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/kernels/quantized/nbit_tile.h"

namespace wnn::kernels {

// C[m][n] = A[m][k] B[k][n] + bias. Lifetime: borrowed for the call. Any alignment.
struct NBitGemmArgs {
  int64_t m = 0;
  const float* a = nullptr;
  int64_t lda = 0;                 // floats between rows
  const int32_t* order = nullptr;  // [b.k]: where in a row of A factor i is, or -1: it is 0.
                                   // Null: they are in order.
  NBitMatrix b;
  const float* bias = nullptr;  // [n]; null if there is none
  float* c = nullptr;
  int64_t ldc = 0;
};

// Bytes of scratch memory for NBitGemm with at most n_threads threads, whatever the instruction
// set. kTooLarge for sizes too large to address.
Result<size_t> NBitGemmScratchBytes(const NBitGemmArgs& args, int n_threads);

// Sums in single precision. An infinite value in A may give NaN. Results do not depend on the
// number of threads. REQUIRES: `scratch` is 64-byte aligned and as large as NBitGemmScratchBytes
// said for parallel.n_threads().
void NBitGemm(const NBitGemmArgs& args, std::byte* scratch, Parallel& parallel);

// A matrix whose values have the scale and zero point of any block, rewritten with those of a block
// side by side. Move-only; immutable and thread-safe.
class RegroupedNBits {
 public:
  // groups[i], in [0, b.blocks()), says whose scale and zero point row i of b has. kTooLarge
  // without memory. Ends early, with a matrix of no use, once `stop` is stopped.
  static Result<RegroupedNBits> Create(const NBitMatrix& b, const int32_t* groups, Parallel& stop);

  // Lifetime: borrowed from this.
  NBitMatrix matrix() const;
  const int32_t* order() const;  // for NBitGemmArgs

  size_t size_bytes() const;

 private:
  NBitMatrix matrix_;  // without pointers
  bool has_zeros_ = false, has_zero_numbers_ = false;
  AlignedBuffer data_, scales_, zeros_, order_;
};

}  // namespace wnn::kernels
