#include "engine/kernels/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/kernels/blocked/elementwise.h"
#include "engine/kernels/blocked/gemm.h"
#include "engine/kernels/reference/half.h"

namespace wnn::kernels {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Rows of scores that are worked on at once: about a megabyte of them.
int64_t RowsAtOnce(const AttentionShape& s) {
  const int64_t rows = s.q_heads / std::max<int64_t>(s.kv_heads, 1) * s.q_len;
  return std::clamp<int64_t>((int64_t{1} << 18) / std::max<int64_t>(s.total_len(), 1), 16,
                             std::clamp<int64_t>(rows, 16, 256));
}

uint64_t Aligned(uint64_t bytes) { return (bytes + 63) / 64 * 64; }
uint64_t FloatsBytes(int64_t a, int64_t b) {
  return Aligned(static_cast<uint64_t>(a) * static_cast<uint64_t>(b) * sizeof(float));
}

struct Sizes {
  uint64_t q, k, v, scores, y, matmul;
  explicit Sizes(const AttentionShape& s) {
    const int64_t rows = RowsAtOnce(s), keys = s.total_len();
    q = FloatsBytes(rows, s.head_size);
    k = FloatsBytes(keys, s.head_size);
    v = FloatsBytes(keys, s.v_head_size);
    scores = FloatsBytes(rows, keys);
    y = FloatsBytes(rows, s.v_head_size);
    const auto first = MatMulScratchBytes(rows, keys, s.head_size, 1);
    const auto second = MatMulScratchBytes(rows, s.v_head_size, keys, 1);
    matmul = first && second ? Aligned(std::max(*first, *second)) : UINT64_MAX / 4096;
  }
  uint64_t total() const { return q + k + v + scores + y + matmul; }
};

void CopyRows(const HeadsOf<const float>& from, int64_t batch, int64_t head, int64_t n,
              int64_t size, float* to) {
  if (n == 0) return;
  if (from.row_stride == size) {
    std::memcpy(to, from.at(batch, head, 0), static_cast<size_t>(n * size) * sizeof(float));
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(to + i * size, from.at(batch, head, i), static_cast<size_t>(size) * sizeof(float));
  }
}

float Rounded(float x) { return ToFloat(ToBfloat16(x)); }

// x[i] = factor * x[i], rounded.
void ScaleRounded(float factor, int64_t n, float* x) {
  for (int64_t i = 0; i < n; ++i) x[i] = Rounded(factor * x[i]);
}

// Pairwise: eight at a time in bfloat16, which a longer sum would outgrow (256 + 1 is 256), and
// those sums in single precision.
float SumInBfloat16(const float* x, int64_t n) {
  float sum = 0;
  for (int64_t begin = 0; begin < n; begin += 8) {
    float part = 0;
    for (int64_t i = begin; i < std::min(begin + 8, n); ++i) part = Rounded(part + x[i]);
    sum += part;
  }
  return Rounded(sum);
}

void SoftmaxInBfloat16(float* row, int64_t n) {
  const float largest = *std::max_element(row, row + n);
  for (int64_t i = 0; i < n; ++i) row[i] = Rounded(row[i] - largest);
  SerialParallel serial;
  Unary({.op = UnaryOp::kExp}, row, n, row, serial);
  ScaleRounded(1, n, row);
  const float sum = SumInBfloat16(row, n);
  for (int64_t i = 0; i < n; ++i) row[i] = Rounded(row[i] / sum);
}

// The softmax of the row's numbers and `sink`, without the last. REQUIRES: n > 0
void SoftmaxBesideSink(float* row, int64_t n, float sink) {
  float* const largest = std::max_element(row, row + n);
  const float apart = sink - *largest;
  SerialParallel serial;
  SoftmaxRows(row, 1, n, false, row, serial);
  // The largest is now 1 / sum.
  const float share = 1 / (1 + std::exp(apart) * *largest);
  for (int64_t j = 0; j < n; ++j) row[j] *= share;
}

// One block of rows of one head of keys.
class Block {
 public:
  Block(const AttentionArgs& args, std::byte* memory) : args_(args), sizes_(args.shape) {
    const auto take = [&](uint64_t bytes) {
      auto* taken = reinterpret_cast<float*>(memory);
      memory += bytes;
      return taken;
    };
    q_ = take(sizes_.q);
    k_ = take(sizes_.k);
    v_ = take(sizes_.v);
    scores_ = take(sizes_.scores);
    y_ = take(sizes_.y);
    matmul_ = memory;
  }

  void Run(int64_t batch, int64_t kv_head, int64_t first_row, int64_t n_rows);

 private:
  int64_t HeadOf(int64_t row) const { return first_head_ + row / args_.shape.q_len; }
  const float* Gather(const HeadsOf<const float>& past, const HeadsOf<const float>& now,
                      int64_t size, float* to) const;
  void Multiply(const float* a, const float* b, bool transposed, int64_t m, int64_t n, int64_t k,
                float alpha, float* c) const;
  void Softcap(float* row) const;
  // Adds the bias to a row and drops the keys that take no part.
  void Mask(int64_t head, int64_t i, float* row) const;
  void Softmax(int64_t head, float* row) const;
  void Output(ScoresOutput what, int64_t head, int64_t i, const float* row) const;
  void RoundIfAsked(float* row) const {
    if (args_.rounding != Rounding::kNone) ScaleRounded(1, args_.shape.total_len(), row);
  }

  const AttentionArgs& args_;
  const Sizes sizes_;
  float *q_, *k_, *v_, *scores_, *y_;
  std::byte* matmul_;
  int64_t batch_ = 0, kv_head_ = 0, first_head_ = 0;
};

const float* Block::Gather(const HeadsOf<const float>& past, const HeadsOf<const float>& now,
                           int64_t size, float* to) const {
  const AttentionShape& s = args_.shape;
  if (s.past_len == 0 && now.row_stride == size) return now.at(batch_, kv_head_, 0);
  CopyRows(past, batch_, kv_head_, s.past_len, size, to);
  CopyRows(now, batch_, kv_head_, s.kv_len, size, to + s.past_len * size);
  return to;
}

void Block::Multiply(const float* a, const float* b, bool transposed, int64_t m, int64_t n,
                     int64_t k, float alpha, float* c) const {
  constexpr std::array<int64_t, 1> kOne = {0};
  MatMulArgs product;
  product.m = m;
  product.n = n;
  product.k = k;
  product.a = a;
  product.b = b;
  product.a_offsets = kOne;
  product.b_offsets = kOne;
  product.b_transposed = transposed;
  product.alpha = alpha;
  product.c = c;
  SerialParallel serial;
  MatMul(product, {matmul_, static_cast<size_t>(sizes_.matmul)}, serial);
}

void Block::Mask(int64_t head, int64_t i, float* row) const {
  const AttentionShape& s = args_.shape;
  const int64_t n = s.total_len();
  const int64_t length = args_.lengths == nullptr ? n : args_.lengths[batch_];
  const int64_t offset = args_.lengths != nullptr && args_.align_to_lengths && s.past_len == 0
                             ? length - s.q_len
                             : s.past_len;
  const int64_t position = offset + i;
  int64_t begin = 0, end = std::min(n, length);
  if (args_.causal) end = std::min(end, position + 1);
  if (args_.right >= 0) end = std::min(end, position + args_.right + 1);
  if (args_.left >= 0) begin = std::max(begin, position - args_.left);
  if (args_.bias.exists() || args_.mask.exists()) end = std::min(end, args_.mask_len);
  end = std::max<int64_t>(end, 0);
  begin = std::min(begin, end);
  std::fill(row, row + begin, kMinusInfinity);
  std::fill(row + end, row + n, kMinusInfinity);
  if (args_.bias.exists()) {
    const float* bias = args_.bias.at(batch_, head, i);
    for (int64_t j = begin; j < end; ++j) {
      const float b = bias[j * args_.mask_key_stride];
      row[j] = b == kMinusInfinity ? kMinusInfinity : row[j] + b;
    }
  }
  if (args_.mask.exists()) {
    const uint8_t* mask = args_.mask.at(batch_, head, i);
    for (int64_t j = begin; j < end; ++j) {
      if (mask[j * args_.mask_key_stride] == 0) row[j] = kMinusInfinity;
    }
  }
}

void Block::Softcap(float* row) const {
  const int64_t keys = args_.shape.total_len();
  for (int64_t j = 0; j < keys; ++j) row[j] = args_.softcap * std::tanh(row[j] / args_.softcap);
  RoundIfAsked(row);
}

void Block::Softmax(int64_t head, float* row) const {
  const int64_t keys = args_.shape.total_len();
  if (std::all_of(row, row + keys, [](float x) { return x == kMinusInfinity; })) {
    std::fill(row, row + keys, 0.0f);  // no key takes part
    return;
  }
  if (args_.sinks != nullptr) return SoftmaxBesideSink(row, keys, args_.sinks[head]);
  if (args_.rounding == Rounding::kAll) return SoftmaxInBfloat16(row, keys);
  SerialParallel serial;
  SoftmaxRows(row, 1, keys, false, row, serial);
  RoundIfAsked(row);
}

void Block::Output(ScoresOutput what, int64_t head, int64_t i, const float* row) const {
  if (!args_.scores.exists() || args_.scores_output != what) return;
  std::memcpy(args_.scores.at(batch_, head, i), row,
              static_cast<size_t>(args_.shape.total_len()) * sizeof(float));
}

void Block::Run(int64_t batch, int64_t kv_head, int64_t first_row, int64_t n_rows) {
  const AttentionShape& s = args_.shape;
  const int64_t keys = s.total_len();
  batch_ = batch;
  kv_head_ = kv_head;
  first_head_ = kv_head * (s.q_heads / s.kv_heads);
  const float* k = Gather(args_.past_k, args_.k, s.head_size, k_);
  const float* v = Gather(args_.past_v, args_.v, s.v_head_size, v_);
  for (int64_t r = 0; r < n_rows; ++r) {
    const int64_t row = first_row + r;
    std::memcpy(q_ + r * s.head_size, args_.q.at(batch, HeadOf(row), row % s.q_len),
                static_cast<size_t>(s.head_size) * sizeof(float));
  }
  float scale = args_.scale;
  if (args_.rounding != Rounding::kNone) {  // half of the scale to each factor, rounded
    const float root = Rounded(std::sqrt(scale));
    ScaleRounded(root, n_rows * s.head_size, q_);
    if (k != k_) std::memcpy(k_, k, static_cast<size_t>(keys * s.head_size) * sizeof(float));
    ScaleRounded(root, keys * s.head_size, k_);
    k = k_;
    scale = 1;
  }
  if (keys > 0) Multiply(q_, k, true, n_rows, keys, s.head_size, scale, scores_);
  for (int64_t r = 0; r < n_rows; ++r) {
    const int64_t head = HeadOf(first_row + r), i = (first_row + r) % s.q_len;
    float* row = scores_ + r * keys;
    RoundIfAsked(row);
    Output(ScoresOutput::kRaw, head, i, row);
    if (args_.softcap > 0) Softcap(row);
    Output(ScoresOutput::kCapped, head, i, row);
    Mask(head, i, row);
    RoundIfAsked(row);
    Output(ScoresOutput::kBiased, head, i, row);
    Softmax(head, row);
    Output(ScoresOutput::kProbabilities, head, i, row);
  }
  Multiply(scores_, v, false, n_rows, s.v_head_size, keys, 1, y_);
  for (int64_t r = 0; r < n_rows; ++r) {
    const int64_t row = first_row + r;
    std::memcpy(args_.y.at(batch, HeadOf(row), row % s.q_len), y_ + r * s.v_head_size,
                static_cast<size_t>(s.v_head_size) * sizeof(float));
  }
}

}  // namespace

void JoinHeads(const AttentionShape& s, const HeadsOf<const float>& past,
               const HeadsOf<const float>& now, int64_t size, float* to) {
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t h = 0; h < s.kv_heads; ++h, to += s.total_len() * size) {
      CopyRows(past, b, h, s.past_len, size, to);
      CopyRows(now, b, h, s.kv_len, size, to + s.past_len * size);
    }
  }
}

uint64_t AttentionScratchBytes(const AttentionShape& shape, int n_threads) {
  return Sizes(shape).total() * static_cast<uint64_t>(n_threads);
}

void Attention(const AttentionArgs& args, std::byte* scratch, Parallel& parallel) {
  const AttentionShape& s = args.shape;
  if (s.batch == 0 || s.q_heads == 0 || s.q_len == 0) return;
  const uint64_t bytes = Sizes(s).total();
  const int64_t rows = s.q_heads / s.kv_heads * s.q_len, at_once = RowsAtOnce(s);
  const int64_t n_blocks = (rows + at_once - 1) / at_once;
  parallel.ForEach(
      static_cast<size_t>(s.batch * s.kv_heads * n_blocks), [&](size_t task, int thread) {
        const auto t = static_cast<int64_t>(task);
        const int64_t block = t % n_blocks, head = t / n_blocks % s.kv_heads;
        const int64_t batch = t / n_blocks / s.kv_heads;
        Block work(args, scratch + bytes * static_cast<uint64_t>(thread));
        work.Run(batch, head, block * at_once, std::min(at_once, rows - block * at_once));
      });
}

}  // namespace wnn::kernels
