// Scaled dot-product attention: softmax(Q K' * scale + bias) V, for groups of query heads that
// share a head of keys and values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/parallel.h"

namespace wnn::kernels {

// A tensor seen as [batch][head][row][size], by the distances between them in elements.
template <typename T>
struct HeadsOf {
  T* data = nullptr;
  int64_t batch_stride = 0, head_stride = 0, row_stride = 0;

  T* at(int64_t batch, int64_t head, int64_t row) const {
    return data + batch * batch_stride + head * head_stride + row * row_stride;
  }
  bool exists() const { return data != nullptr; }
};

struct AttentionShape {
  int64_t batch = 0;
  int64_t q_heads = 0, kv_heads = 0;  // q_heads is a multiple of kv_heads
  int64_t q_len = 0;
  int64_t past_len = 0;  // keys and values that come before those of this call
  int64_t kv_len = 0;    // of this call
  int64_t head_size = 0, v_head_size = 0;

  int64_t total_len() const { return past_len + kv_len; }
};

// What of the computation is rounded to bfloat16, for inputs that are bfloat16 numbers.
enum class Rounding {
  kNone,
  kAllButSoftmax,  // scores and probabilities, and the softmax is in single precision
  kAll,            // what ONNX's definition of Attention as a function does, step by step
};

enum class ScoresOutput { kRaw, kCapped, kBiased, kProbabilities };

// Lifetime: borrowed for the call. Rows are dense.
struct AttentionArgs {
  AttentionShape shape;
  HeadsOf<const float> q, k, v;
  HeadsOf<const float> past_k, past_v;  // without data if past_len is 0
  float scale = 1;
  float softcap = 0;  // 0: none; else scores become softcap * tanh(score / softcap)
  Rounding rounding = Rounding::kNone;

  // Added to scores, and those that take part, per [batch][head][row][key]; strides are 0 where one
  // serves all. With either, keys from mask_len on take no part.
  HeadsOf<const float> bias;
  HeadsOf<const uint8_t> mask;
  int64_t mask_key_stride = 1;  // 0: one number a row
  int64_t mask_len = 0;

  // Query i, at position p = offset + i, attends keys up to p if causal, from p - left and up to
  // p + right where those are not negative. The offset is past_len, or with `lengths` (of the keys
  // that are no padding, one a batch) and align_to_lengths lengths[b] - q_len.
  bool causal = false;
  int64_t left = -1, right = -1;
  const int64_t* lengths = nullptr;  // null: every key counts
  bool align_to_lengths = true;

  // Of each query head, a score beside those of the keys that has no value: it takes its share of
  // the softmax and adds nothing. Null: there is none.
  const float* sinks = nullptr;

  HeadsOf<float> y;
  HeadsOf<float> scores;  // optional: what ScoresOutput says, rows of total_len
  ScoresOutput scores_output = ScoresOutput::kRaw;
};

uint64_t AttentionScratchBytes(const AttentionShape& shape, int n_threads);

// A query that attends no key gives zeros. Results do not depend on the number of threads.
// REQUIRES: `scratch` is 64-byte aligned and as large as AttentionScratchBytes() said.
void Attention(const AttentionArgs& args, std::byte* scratch, Parallel& parallel);

// The past keys (or values) followed by those of this call, as [batch][kv_heads][total_len][size].
void JoinHeads(const AttentionShape& shape, const HeadsOf<const float>& past,
               const HeadsOf<const float>& now, int64_t size, float* to);

}  // namespace wnn::kernels
