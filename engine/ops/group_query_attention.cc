// ONNX Runtime's GroupQueryAttention, as large language models have it: groups of query heads share
// a head of keys; keys and values join those of a cache, which the outputs continue; rotary
// embedding.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "engine/ops/attention_mask.h"
#include "engine/ops/attention_parts.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/rotary.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kQ = 0, kK = 1, kV = 2, kPastK = 3, kPastV = 4, kLengths = 5, kTotal = 6, kCos = 7,
                 kSin = 8, kPositions = 9, kScoreBias = 10, kSinks = 11, kQueryLengths = 16;
constexpr size_t kKScale = 12, kVScale = 13;
// Those that ONNX Runtime has on GPUs.
constexpr std::array<std::pair<size_t, std::string_view>, 2> kUnsupportedInputs = {
    {{14, "q_norm_weight"}, {15, "k_norm_weight"}}};
constexpr size_t kPresentK = 1, kPresentV = 2, kScores = 3;

// How a cache holds numbers: as they are, or as integers of 8 bits, or of 4 bits with 8 added, the
// first of two in a byte's low half. Their scale is one, or one an element of each head.
struct CacheFormat {
  int64_t bits = 0;  // 0: as they are
  bool keys_by_channel = false, values_by_channel = false;

  DType dtype() const { return bits == 8 ? DType::kInt8 : DType::kUint8; }
  // Of n numbers.
  int64_t bytes(int64_t n) const { return n * bits / 8; }
  int limit() const { return bits == 8 ? 128 : 8; }

  int Load(const std::byte* from, int64_t i) const {
    if (bits == 8) return static_cast<int8_t>(std::to_integer<uint8_t>(from[i]));
    return (std::to_integer<int>(from[i / 2]) >> (i % 2 * 4) & 15) - 8;
  }
  // REQUIRES: of two in a byte, the first is stored first.
  void Store(int number, int64_t i, std::byte* to) const {
    if (bits == 8) {
      to[i] = static_cast<std::byte>(number);
    } else if (i % 2 == 0) {
      to[i / 2] = static_cast<std::byte>(number + 8);
    } else {
      to[i / 2] |= static_cast<std::byte>((number + 8) << 4);
    }
  }
};

struct GroupNode {
  CacheFormat cache;
  int64_t heads = 0, kv_heads = 0;
  float scale = 0, softcap = 0;
  int64_t window = -1;
  int64_t scores = 0;  // output 3: 1 for scores, 2 for probabilities
  bool rotary = false, interleaved = false, causal = true, smooth = false;
  bool windowed = false;  // the cache holds the window only
};

Result<CacheFormat> ReadCacheFormat(const OpContext& context) {
  CacheFormat format;
  const graph::Attributes& a = context.attributes();
  WNN_ASSIGN_OR_RETURN(std::string_view keys, a.String("k_quant_type", "NONE"));
  WNN_ASSIGN_OR_RETURN(std::string_view values, a.String("v_quant_type", "NONE"));
  if (keys == "NONE" && values == "NONE") return format;
  for (std::string_view type : {keys, values}) {
    if (type != "PER_TENSOR" && type != "PER_CHANNEL") {
      return Unsupported("attributes 'k_quant_type' and 'v_quant_type' are " + graph::Quoted(keys) +
                         " and " + graph::Quoted(values));
    }
  }
  format.keys_by_channel = keys == "PER_CHANNEL";
  format.values_by_channel = values == "PER_CHANNEL";
  WNN_ASSIGN_OR_RETURN(format.bits, a.Int("kv_cache_bit_width", 8));
  if (format.bits != 4 && format.bits != 8) {
    return InvalidArgument("attribute 'kv_cache_bit_width' is " + std::to_string(format.bits) +
                           ", not 4 or 8");
  }
  if (context.HasInput(kKScale) && context.HasInput(kVScale)) return format;
  return InvalidArgument("inputs 12 and 13, the scales of a quantised cache, are left out");
}

Result<GroupNode> ReadNode(const OpContext& context) {
  GroupNode node;
  const graph::Attributes& a = context.attributes();
  WNN_ASSIGN_OR_RETURN(node.heads, a.RequiredInt("num_heads"));
  WNN_ASSIGN_OR_RETURN(node.kv_heads, a.RequiredInt("kv_num_heads"));
  WNN_ASSIGN_OR_RETURN(node.scale, a.Float("scale", 0));
  WNN_ASSIGN_OR_RETURN(node.softcap, a.Float("softcap", 0));
  WNN_ASSIGN_OR_RETURN(node.window, a.Int("local_window_size", -1));
  WNN_ASSIGN_OR_RETURN(int64_t rotary, a.Int("do_rotary", 0));
  WNN_ASSIGN_OR_RETURN(int64_t interleaved, a.Int("rotary_interleaved", 0));
  WNN_ASSIGN_OR_RETURN(int64_t smooth, a.Int("smooth_softmax", -1));
  WNN_ASSIGN_OR_RETURN(int64_t causal, a.Int("causal", 1));
  WNN_ASSIGN_OR_RETURN(int64_t windowed, a.Int("sliding_window_cache", 0));
  WNN_ASSIGN_OR_RETURN(node.scores, a.Int("qk_output", 0));
  node.rotary = rotary != 0;
  node.interleaved = interleaved != 0;
  node.smooth = smooth > 0;
  node.causal = causal != 0;
  node.windowed = windowed != 0;
  if (node.windowed && (node.window < 1 || !context.HasInput(kPastK) || !context.HasInput(kPastV) ||
                        context.HasInput(kScoreBias) || node.scores != 0)) {
    return Unsupported(
        "attribute 'sliding_window_cache' is 1 without past keys or 'local_window_size', or with a "
        "bias or 'qk_output'");
  }
  WNN_ASSIGN_OR_RETURN(node.cache, ReadCacheFormat(context));
  if (node.windowed && node.cache.bits > 0) {
    return Unsupported("attributes 'sliding_window_cache' and 'kv_cache_bit_width' together");
  }
  if (node.scores < 0 || node.scores > 2) {
    return InvalidArgument("attribute 'qk_output' is " + std::to_string(node.scores) +
                           ", not 0, 1 or 2");
  }
  if (!node.causal && node.window >= 0) {
    return InvalidArgument("attribute 'local_window_size' is " + std::to_string(node.window) +
                           " where 'causal' is 0");
  }
  for (const auto& [i, name] : kUnsupportedInputs) {
    if (context.HasInput(i)) {
      return Unsupported("input " + std::to_string(i) + ", '" + std::string(name) +
                         "', is not supported");
    }
  }
  if (node.heads < 1 || node.kv_heads < 1 || node.heads % node.kv_heads != 0) {
    return InvalidArgument(std::to_string(node.heads) + " heads of queries do not share " +
                           std::to_string(node.kv_heads) + " of keys");
  }
  return node;
}

Status InferGroup(InferContext& context) {
  for (size_t i : {kQ, kK, kV, kCos, kSin, kScoreBias, kSinks}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kAttentionTypes));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kQ, i));
  }
  WNN_RETURN_IF_ERROR(context.RequireType(kLengths, {DType::kInt32}));
  WNN_RETURN_IF_ERROR(context.RequireType(kTotal, {DType::kInt32}));
  WNN_RETURN_IF_ERROR(context.RequireType(kPositions, {DType::kInt64}));
  WNN_RETURN_IF_ERROR(context.RequireType(kQueryLengths, {DType::kInt32}));
  for (size_t i : {kQ, kK, kV}) WNN_RETURN_IF_ERROR(context.RequireRank(i, 3, 3));
  for (size_t i : {kPastK, kPastV}) WNN_RETURN_IF_ERROR(context.RequireRank(i, 4, 4));
  WNN_ASSIGN_OR_RETURN(GroupNode node, ReadNode(context));
  const bool quantised = node.cache.bits > 0;
  for (size_t i : {kPastK, kPastV}) {
    if (quantised) {
      WNN_RETURN_IF_ERROR(context.RequireType(i, {node.cache.dtype()}));
    } else {
      WNN_RETURN_IF_ERROR(context.RequireSameType(kQ, i));
    }
  }
  for (size_t i : {kKScale, kVScale}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, {DType::kFloat}));
  }
  if (!context.HasInput(kLengths) || !context.HasInput(kTotal)) {
    return InvalidArgument("the numbers of keys are left out");
  }
  if (context.HasInput(kK) != context.HasInput(kV)) {
    return InvalidArgument("keys and values come together");
  }
  if (context.HasInput(kPastK) != context.HasInput(kPastV)) {
    return InvalidArgument("past keys and past values come together");
  }
  if (node.rotary && (!context.HasInput(kCos) || !context.HasInput(kSin))) {
    return InvalidArgument("rotary embedding needs cosines and sines");
  }
  if (context.HasInput(kQueryLengths) && (!context.HasInput(kPastK) || !node.causal)) {
    return InvalidArgument("input 16, 'query_seqlens', needs past keys and 'causal' 1");
  }
  if (context.HasOutput(kScores) && node.scores == 0) {
    return InvalidArgument("output 3 is asked for where attribute 'qk_output' is 0");
  }
  WNN_RETURN_IF_ERROR(CheckExtents(context, kSinks, {node.heads}));
  WNN_ASSIGN_OR_RETURN(const auto total, context.InputInts(kTotal));
  const Fact& q = context.Input(kQ);
  const Dim batch = q.has_rank ? q.dims[0] : Dim(), length = q.has_rank ? q.dims[1] : Dim();
  const int64_t sharers = context.HasInput(kK) ? node.heads : node.heads + 2 * node.kv_heads;
  Dim size;
  if (q.has_rank && IsKnown(q.dims[2])) {
    if (q.dims[2].value % sharers != 0) {
      return InvalidArgument("queries " + q.ToString() + " do not divide into " +
                             std::to_string(sharers) + " heads");
    }
    size = graph::KnownDim(q.dims[2].value / sharers);
  }
  context.SetOutput(
      0, Fact::Ranked(q.dtype, {batch, length,
                                IsKnown(size) ? graph::KnownDim(size.value * node.heads) : Dim()}));
  // The cache has room for what it had room for, and for all keys.
  Dim room;
  const Fact* past = context.HasInput(kPastK) ? &context.Input(kPastK) : nullptr;
  if (node.windowed) {
    if (past->has_rank) room = past->dims[2];
  } else if (total && total->size() == 1 && total->front() >= 0) {
    if (past == nullptr) room = graph::KnownDim(total->front());
    if (past != nullptr && past->has_rank && IsKnown(past->dims[2])) {
      room = graph::KnownDim(std::max(total->front(), past->dims[2].value));
    }
  }
  const Dim stored =
      quantised && IsKnown(size) ? graph::KnownDim(node.cache.bytes(size.value)) : size;
  for (size_t i : {kPresentK, kPresentV}) {
    context.SetOutput(i, Fact::Ranked(quantised ? node.cache.dtype() : q.dtype,
                                      {batch, graph::KnownDim(node.kv_heads), room, stored}));
  }
  const bool known = total && total->size() == 1 && total->front() >= 0;
  context.SetOutput(kScores,
                    Fact::Ranked(q.dtype, {batch, graph::KnownDim(node.heads), length,
                                           known ? graph::KnownDim(total->front()) : Dim()}));
  return OkStatus();
}

class GroupQueryOp final : public CompiledOp {
 public:
  struct Parameters {
    kernels::AttentionArgs args;  // kv_len is the cache's room, and that of this call if windowed
    bool packed = false;          // queries, keys and values in one
    bool rotary = false, interleaved = false, smooth = false;
    bool padded = false;  // there is an input of query lengths
    CacheFormat cache;
    int64_t window = 0;  // of a cache that holds the window only; 0: it holds all
    int64_t past_room = 0;
    int64_t total = 0;       // keys of the longest sequence
    int64_t turned = 0;      // elements of a head that turn
    int64_t cache_rows = 0;  // of cosines and sines
  };
  explicit GroupQueryOp(const Parameters& p) : p_(p) {}

  uint64_t ScratchBytes(int n_threads) const override {
    const kernels::AttentionShape& s = p_.args.shape;
    using Pieces = ScratchPieces;
    return 3 * Pieces::Bytes<int64_t>(s.batch) + Pieces::Bytes<float>(s.q_heads) +
           Pieces::Bytes<float>(QFloats()) + 2 * Pieces::Bytes<float>(CacheFloats()) +
           kernels::AttentionScratchBytes(s, n_threads);
  }

  Status Run(const RunArgs& run) const override {
    const kernels::AttentionShape& s = p_.args.shape;
    ScratchPieces memory(run.scratch);
    auto* lengths = memory.Take<int64_t>(s.batch);
    auto* positions = memory.Take<int64_t>(s.batch);
    auto* counts = memory.Take<int64_t>(s.batch);
    auto* zeros = memory.Take<float>(s.q_heads);
    auto* turned_q = memory.Take<float>(QFloats());
    auto* own_k = memory.Take<float>(CacheFloats());
    auto* own_v = memory.Take<float>(CacheFloats());
    float *present_k = run.out<float>(kPresentK), *present_v = run.out<float>(kPresentV);
    const bool in_place = p_.window == 0 && p_.cache.bits == 0;
    float* k = present_k != nullptr && in_place ? present_k : own_k;
    float* v = present_v != nullptr && in_place ? present_v : own_v;
    WNN_RETURN_IF_ERROR(ReadLengths(run, lengths, positions, counts));
    const int64_t longest = *std::max_element(lengths, lengths + s.batch);
    kernels::AttentionArgs args = p_.args;
    args.q = Input(run, kQ, 0, s.q_heads);
    WNN_RETURN_IF_ERROR(
        Fill(run, Input(run, kK, s.q_heads, s.kv_heads), kPastK, lengths, positions, k));
    WNN_RETURN_IF_ERROR(
        Fill(run, Input(run, kV, s.q_heads + s.kv_heads, s.kv_heads), kPastV, lengths, nullptr, v));
    if (p_.cache.bits > 0) {
      Quantise(run, kPastK, kKScale, p_.cache.keys_by_channel, lengths, k, kPresentK);
      Quantise(run, kPastV, kVScale, p_.cache.values_by_channel, lengths, v, kPresentV);
    }
    if (p_.rotary) {
      const auto to = HeadsIn(turned_q, true, s.q_heads, s.q_len, s.head_size);
      for (int64_t b = 0; b < s.batch; ++b) {
        for (int64_t i = 0; i < s.q_len; ++i) {
          for (int64_t h = 0; h < s.q_heads; ++h) {
            WNN_RETURN_IF_ERROR(Turn(run, b, i, positions[b], args.q.at(b, h, i), to.at(b, h, i)));
          }
        }
      }
      args.q = HeadsIn<const float>(turned_q, true, s.q_heads, s.q_len, s.head_size);
    }
    args.k = HeadsIn<const float>(k, false, s.kv_heads, s.kv_len, s.head_size);
    args.v = HeadsIn<const float>(v, false, s.kv_heads, s.kv_len, s.v_head_size);
    args.shape.kv_len = std::max(longest, IsPrompt() ? s.q_len : 0);
    args.lengths = lengths;
    args.align_to_lengths = !IsPrompt();
    args.y = HeadsIn(run.out<float>(0), true, s.q_heads, s.q_len, s.head_size);
    args.sinks = run.in<float>(kSinks);
    if (p_.smooth && args.sinks == nullptr) {
      std::fill_n(zeros, s.q_heads, 0.0f);
      args.sinks = zeros;
    }
    if (float* scores = run.out<float>(kScores)) {
      args.shape.kv_len = p_.total;
      args.scores = HeadsIn(scores, false, s.q_heads, s.q_len, p_.total);
    }
    if (const float* bias = run.in<float>(kScoreBias)) {
      args.bias.data = bias;
      args.mask_len = p_.total;
    }
    kernels::Attention(args, memory.rest(), *run.parallel);
    if (args.scores.exists() && args.scores_output == kernels::ScoresOutput::kBiased) {
      float* scores = args.scores.data;  // of keys that take no part: 0, as in ONNX Runtime
      for (float& x : std::span(scores, static_cast<size_t>(s.batch * args.scores.batch_stride))) {
        if (x == -std::numeric_limits<float>::infinity()) x = 0;
      }
    }
    if (p_.window > 0) {
      for (int64_t b = 0; b < s.batch; ++b) {
        const int64_t n = Past(lengths[b]) + counts[b], kept = Kept(positions[b] + counts[b]);
        KeepLast(b, n, kept, k, present_k);
        KeepLast(b, n, kept, v, present_v);
      }
    }
    return OkStatus();
  }

 private:
  // Nothing is in the cache yet; shorter sequences are padded at their end.
  bool IsPrompt() const { return p_.args.shape.q_len == p_.total && !p_.padded && p_.window == 0; }

  // How many of `total` keys a cache of the window holds: all while they fit; then those that are
  // left when as many at once as it has room beside the window were dropped as often as needed.
  int64_t Kept(int64_t total) const {
    if (total <= p_.past_room) return total;
    const int64_t at_once = p_.past_room - p_.window + 1;
    return total - at_once * ((total - p_.past_room + at_once - 1) / at_once);
  }

  // The last of sequence b's n keys or values.
  void KeepLast(int64_t b, int64_t n, int64_t kept, const float* all, float* present) const {
    if (present == nullptr) return;
    const kernels::AttentionShape& s = p_.args.shape;
    for (int64_t head = b * s.kv_heads; head < (b + 1) * s.kv_heads; ++head) {
      float* to = present + head * p_.past_room * s.head_size;
      std::copy_n(all + (head * s.kv_len + n - kept) * s.head_size, kept * s.head_size, to);
      std::fill_n(to + kept * s.head_size, (p_.past_room - kept) * s.head_size, 0.0f);
    }
  }

  // The keys of each sequence that there will be, the position of its first query and how many of
  // its keys are new. Among the keys is padding where there are lengths of queries: no query that
  // counts attends that.
  Status ReadLengths(const RunArgs& run, int64_t* lengths, int64_t* positions,
                     int64_t* counts) const {
    const kernels::AttentionShape& s = p_.args.shape;
    const auto* own = run.in<int32_t>(kQueryLengths);
    for (int64_t b = 0; b < s.batch; ++b) {
      // One number less than the keys.
      lengths[b] = int64_t{run.in<int32_t>(kLengths)[b]} + 1;
      const int64_t keys = lengths[b];
      if (keys < 1) return Misfit(keys);
      if (own != nullptr || p_.window > 0) {
        const int64_t n = own != nullptr ? own[b] : std::min(s.q_len, keys);
        if (n < 0 || n > std::min(s.q_len, keys)) {
          return InvalidArgument("input 16, 'query_seqlens', has " + std::to_string(n) + " for " +
                                 std::to_string(s.q_len) + " queries and " + std::to_string(keys) +
                                 " keys");
        }
        counts[b] = n;
        positions[b] = keys - n;
        lengths[b] = (p_.window > 0 ? Kept(positions[b]) : positions[b]) + s.q_len;
      } else {
        positions[b] = Past(lengths[b]);
      }
      if (lengths[b] > s.kv_len || Past(lengths[b]) > p_.past_room ||
          Past(lengths[b]) + s.q_len > s.kv_len) {
        return Misfit(keys);
      }
    }
    return OkStatus();
  }
  Status Misfit(int64_t n_keys) const {
    return InvalidArgument("input 5, 'seqlens_k': a sequence of " + std::to_string(n_keys) +
                           " keys does not fit the cache of " +
                           std::to_string(p_.args.shape.kv_len));
  }
  int64_t Past(int64_t length) const {
    return IsPrompt() ? 0 : std::max<int64_t>(length - p_.args.shape.q_len, 0);
  }
  int64_t QFloats() const {
    const kernels::AttentionShape& s = p_.args.shape;
    return p_.rotary ? s.batch * s.q_len * s.q_heads * s.head_size : 0;
  }
  int64_t CacheFloats() const {
    const kernels::AttentionShape& s = p_.args.shape;
    return s.batch * s.kv_heads * s.kv_len * s.head_size;
  }

  // Heads [first, first + heads) of what may be packed.
  kernels::HeadsOf<const float> Input(const RunArgs& run, size_t i, int64_t first,
                                      int64_t heads) const {
    const kernels::AttentionShape& s = p_.args.shape;
    if (!p_.packed) return HeadsIn(run.in<float>(i), true, heads, s.q_len, s.head_size);
    const int64_t row = (s.q_heads + 2 * s.kv_heads) * s.head_size;
    return {run.in<float>(kQ) + first * s.head_size, s.q_len * row, s.head_size, row};
  }

  // Query or key i of sequence b, whose first one is at `first`.
  Status Turn(const RunArgs& run, int64_t b, int64_t i, int64_t first, const float* x,
              float* y) const {
    const kernels::AttentionShape& s = p_.args.shape;
    const int64_t* positions = run.in<int64_t>(kPositions);
    const int64_t position = positions != nullptr ? positions[b * s.q_len + i] : first + i;
    if (position < 0 || position >= p_.cache_rows) {
      return InvalidArgument("position " + std::to_string(position) + " is outside the " +
                             std::to_string(p_.cache_rows) + " of the rotary embedding");
    }
    const int64_t at = position * (p_.turned / 2);
    TurnHead(x, run.in<float>(kCos) + at, run.in<float>(kSin) + at, p_.turned, s.head_size,
             p_.interleaved, y);
    return OkStatus();
  }

  // Quantises the new rows of a cache, into the output too, and puts past ones before them; what it
  // then holds is what is attended.
  void Quantise(const RunArgs& run, size_t past, size_t scale, bool by_channel,
                const int64_t* lengths, float* cache, size_t present) const {
    const kernels::AttentionShape& s = p_.args.shape;
    const int64_t size = s.head_size, row_bytes = p_.cache.bytes(size);
    const auto limit = static_cast<float>(p_.cache.limit());
    const std::byte* const before = run.in<std::byte>(past);
    std::byte* const out = run.out<std::byte>(present);
    if (out != nullptr) std::fill_n(out, s.batch * s.kv_heads * s.kv_len * row_bytes, std::byte{0});
    for (int64_t head = 0; head < s.batch * s.kv_heads; ++head) {
      const int64_t n_past = Past(lengths[head / s.kv_heads]);
      const float* scales =
          run.in<float>(scale) + (by_channel ? head % s.kv_heads * size : int64_t{0});
      for (int64_t row = 0; row < n_past + s.q_len; ++row) {
        float* numbers = cache + (head * s.kv_len + row) * size;
        for (int64_t i = 0; i < size; ++i) {
          const float step = scales[by_channel ? i : 0];
          int number = 0;
          if (row < n_past) {
            number = p_.cache.Load(before + (head * p_.past_room + row) * row_bytes, i);
          } else {
            const float q = std::nearbyint(numbers[i] / step);
            number = static_cast<int>(!(q >= -limit) ? -limit : std::min(q, limit - 1));
          }
          numbers[i] = static_cast<float>(number) * step;
          if (out != nullptr) {
            p_.cache.Store(number, i, out + (head * s.kv_len + row) * row_bytes);
          }
        }
      }
    }
  }

  // The cache with this call's keys or values behind what each sequence has in it; with positions
  // they are turned.
  Status Fill(const RunArgs& run, const kernels::HeadsOf<const float>& now, size_t past,
              const int64_t* lengths, const int64_t* positions, float* to) const {
    const kernels::AttentionShape& s = p_.args.shape;
    const int64_t size = s.head_size;
    const float* before = run.in<float>(past);
    for (int64_t b = 0; b < s.batch; ++b) {
      const int64_t n_past = Past(lengths[b]);
      for (int64_t h = 0; h < s.kv_heads; ++h, to += s.kv_len * size) {
        const int64_t head = b * s.kv_heads + h;
        std::fill_n(to, s.kv_len * size, 0.0f);
        if (before != nullptr && p_.cache.bits == 0) {
          std::copy_n(before + head * p_.past_room * size, n_past * size, to);
        }
        for (int64_t i = 0; i < s.q_len; ++i) {
          float* row = to + (n_past + i) * size;
          if (positions != nullptr && p_.rotary) {
            WNN_RETURN_IF_ERROR(Turn(run, b, i, positions[b], now.at(b, h, i), row));
          } else {
            std::copy_n(now.at(b, h, i), size, row);
          }
        }
      }
    }
    return OkStatus();
  }

  const Parameters p_;
};

Result<CompiledPtr> CompileGroup(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileGroup);
  WNN_ASSIGN_OR_RETURN(GroupNode node, ReadNode(context));
  WNN_ASSIGN_OR_RETURN(const auto total, context.InputInts(kTotal));
  if (!total || total->size() != 1) return Unsupported("a number of keys that is not known");
  GroupQueryOp::Parameters p;
  const Shape q = context.InputShape(kQ);
  kernels::AttentionShape& s = p.args.shape;
  p.packed = !context.HasInput(kK);
  p.total = total->front();
  s.batch = q[0];
  s.q_heads = node.heads;
  s.kv_heads = node.kv_heads;
  s.q_len = q[1];
  s.head_size = s.v_head_size = q[2] / (p.packed ? node.heads + 2 * node.kv_heads : node.heads);
  p.padded = context.HasInput(kQueryLengths);
  bool fits = p.total >= 0 && ShapeProduct(context.InputShape(kLengths)) == s.batch &&
              (!p.padded || ShapeProduct(context.InputShape(kQueryLengths)) == s.batch);
  for (size_t i : {kK, kV}) {
    fits = fits &&
           (p.packed || context.InputShape(i) == Shape{s.batch, s.q_len, s.kv_heads * s.head_size});
  }
  if (context.HasInput(kPastK)) {
    p.past_room = context.InputShape(kPastK)[2];
    const int64_t stored = node.cache.bits > 0 ? node.cache.bytes(s.head_size) : s.head_size;
    for (size_t i : {kPastK, kPastV}) {
      fits = fits && context.InputShape(i) == Shape{s.batch, s.kv_heads, p.past_room, stored};
    }
  }
  if (node.windowed) {
    if (p.past_room < node.window) {
      return InvalidArgument("attribute 'local_window_size' is " + std::to_string(node.window) +
                             " for a cache of " + std::to_string(p.past_room));
    }
    p.window = node.window;
  }
  p.cache = node.cache;
  if (node.cache.bits > 0) {
    const auto scales = [&](size_t i, bool by_channel) {
      return ShapeProduct(context.InputShape(i)) == (by_channel ? s.kv_heads * s.head_size : 1);
    };
    fits = fits && s.head_size * node.cache.bits % 8 == 0 &&
           scales(kKScale, node.cache.keys_by_channel) &&
           scales(kVScale, node.cache.values_by_channel);
  }
  s.kv_len = node.windowed ? p.past_room + s.q_len : std::max(p.total, p.past_room);
  if (node.rotary) {
    const Shape cos = context.InputShape(kCos);
    fits = fits && cos.size() == 2 && cos == context.InputShape(kSin) &&
           2 * cos[1] <= s.head_size &&
           (!context.HasInput(kPositions) ||
            ShapeProduct(context.InputShape(kPositions)) == s.batch * s.q_len);
    if (fits) {
      p.cache_rows = cos[0];
      p.turned = 2 * cos[1];
    }
  }
  if (!fits) {
    return InvalidArgument("queries " + context.Input(kQ).ToString() +
                           ", keys, values, their past, lengths or rotary embedding do not fit "
                           "each other");
  }
  if (ShapeProduct(q) == 0 || s.kv_len == 0) return Unsupported("there are no queries or no keys");
  p.rotary = node.rotary;
  p.interleaved = node.interleaved;
  p.args.scale = node.scale != 0 ? node.scale : 1 / std::sqrt(static_cast<float>(s.head_size));
  p.args.softcap = node.softcap;
  p.args.causal = node.causal;
  p.smooth = node.smooth;
  p.args.scores_output =
      node.scores == 1 ? kernels::ScoresOutput::kBiased : kernels::ScoresOutput::kProbabilities;
  p.args.left = node.window > 0 ? node.window - 1 : -1;
  if (context.HasInput(kScoreBias)) {
    kernels::AttentionShape keys = s;
    keys.kv_len = p.total;
    WNN_ASSIGN_OR_RETURN(p.args.bias, ReadScoreBias(context, kScoreBias, keys));
  }
  return CompiledPtr(std::make_unique<GroupQueryOp>(p));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "GroupQueryAttention",
     .inputs = {1, 17},
     .outputs = {1, 4},
     .infer = InferGroup,
     .compile = CompileGroup,
     .value_inputs = uint32_t{1} << kTotal},
});

}  // namespace

std::span<const OpDef> GroupQueryAttentionOps() { return kOps; }

}  // namespace wnn::ops
