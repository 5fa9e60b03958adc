// com.microsoft's attention, `builtin` against `onnxruntime`.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/models/contrib_case.h"

namespace wnn::testing {
namespace {

constexpr int64_t kBatch = 2, kLength = 5, kHidden = 12, kHeads = 3, kSize = kHidden / kHeads,
                  kPast = 4;

// Ones and zeros; the first of every `row` is a one.
Int32s RandomMask(int64_t n, int64_t row, uint32_t seed) {
  Int32s mask;
  for (float x : Noise(n, seed)) {
    mask.push_back(static_cast<int64_t>(mask.size()) % row == 0 || x < 0.6f ? 1 : 0);
  }
  return mask;
}

// A mask of that shape: the lengths of two sequences, or ones and zeros.
Case& AddMask(Case& c, const Shape& shape, const Int32s& lengths) {
  if (shape.empty()) return c.LeftOut();
  if (shape.size() == 1) return c.Add(kInt, shape, lengths);
  return c.Add(kInt, shape, RandomMask(ElementCount(shape).value_or(0), shape.back(), 6));
}

struct SelfAttention {
  int64_t past = 0;
  Shape mask = {};
  Int32s lengths = {};
  Shape bias = {};
  Attributes more = {};
  double tolerance = 1e-5;
};

TEST(MicrosoftOps, Attention) {
  constexpr int64_t kB = kBatch, kN = kLength, kT = kLength + kPast;
  const Attributes causal = {Attr("unidirectional", 1)};
  const Attributes soft = {Attr("mask_filter_value", -1.0f)};
  const Attributes soft_causal = {Attr("unidirectional", 1), Attr("mask_filter_value", -1.0f)};
  const SelfAttention cases[] = {
      {},
      {.more = causal},
      {.more = {Attr("past_present_share_buffer", 1)}},
      {.mask = {kB}, .lengths = {5, 3}},
      {.mask = {kB}, .lengths = {5, 0}, .tolerance = 1e-3},  // one sees padding only
      {.mask = {2 * kB}, .lengths = {5, 4, 1, 0}},
      {.mask = {3 * kB + 2}, .lengths = {5, 3, 0, 5, 8, 0, 5, 8}},
      {.mask = {kB, kN}},
      {.mask = {kB, kN}, .more = soft},
      {.mask = {kB, kN}, .more = soft_causal},
      {.mask = {kB, kN}, .bias = {1, kHeads, kN, kN}},
      {.mask = {kB, kN, kN}, .bias = {kB, 1, kN, kN}, .more = soft},
      {.mask = {kB, 1}},
      {.mask = {1, 1}, .more = causal},
      {.past = kPast, .more = causal},
      {.past = kPast, .mask = {kB}, .lengths = {9, 6}},
      {.past = kPast, .mask = {kB, kT}, .more = soft_causal},
      {.past = kPast, .mask = {kB, kN, kT}},
      {.past = kPast, .mask = {2 * kB}, .lengths = {9, 8, 2, 1}, .more = soft},
  };
  for (const SelfAttention& a : cases) {
    SCOPED_TRACE("case " + std::to_string(&a - cases));
    Case c("com.microsoft");
    c.Random({kB, kN, kHidden}).RandomConstant({kHidden, 3 * kHidden}, 0.5f).Random({3 * kHidden});
    AddMask(c, a.mask, a.lengths);
    a.past > 0 ? c.Random({2, kB, kHeads, a.past, kSize}) : c.LeftOut();
    a.bias.empty() ? c.LeftOut() : c.Random(a.bias);
    Attributes attributes = {Attr("num_heads", kHeads)};
    attributes.insert(attributes.end(), a.more.begin(), a.more.end());
    c.Node("Attention", a.past > 0 ? std::vector{kF, kF} : std::vector{kF}, attributes)
        .ExpectEqual(a.tolerance);
  }
}

TEST(MicrosoftOps, AttentionWithOtherSizes) {
  Case c("com.microsoft");
  c.Random({kBatch, kLength, kHidden}).Random({kHidden, 2 * kHidden + 6}).Random({2 * kHidden + 6});
  c.Node("Attention", {kF},
         {Attr("num_heads", kHeads), Attr("qkv_hidden_sizes", Ints{kHidden, kHidden, 6}),
          Attr("scale", 0.3f)})
      .ExpectEqual();
}

// The projection is one of integers in both.
TEST(MicrosoftOps, QAttention) {
  for (bool by_column : {false, true}) {
    Case c("com.microsoft");
    c.Add(kByte, {kBatch, kLength, kHidden}, RandomBytes(kBatch * kLength * kHidden, 1))
        .Constant<uint8_t>({kHidden, 3 * kHidden}, RandomBytes(kHidden * 3 * kHidden, 2))
        .RandomConstant({3 * kHidden})
        .Constant<float>({}, {0.02f});
    const int64_t columns = by_column ? 3 * kHidden : 1;
    FloatList scales;
    for (int64_t i = 0; i < columns; ++i) {
      scales.push_back(0.004f + 0.0001f * static_cast<float>(i));
    }
    c.Constant<float>(by_column ? Shape{columns} : Shape{}, scales);
    c.Add(kInt, {kBatch}, Int32s{5, 3}).Constant<uint8_t>({}, {120});
    c.Constant<uint8_t>(by_column ? Shape{columns} : Shape{},
                        std::vector<uint8_t>(static_cast<size_t>(columns), 130));
    c.Random({2, kBatch, kHeads, kPast, kSize})
        .Node("QAttention", {kF, kF}, {Attr("num_heads", kHeads), Attr("unidirectional", 1)});
    c.ExpectEqual(1e-6);
  }
}

struct MultiHead {
  int64_t queries = kLength, keys = kLength;
  int64_t value_size = kSize;
  bool heads = false;  // keys and values as [batch, heads, keys, size]
  bool bias = false;   // of the projections
  Shape mask = {};
  Int32s lengths = {};
  Shape score_bias = {};
  int64_t past = 0;          // extent of the past keys and values
  int32_t past_length = -1;  // what of it counts, where past and present share buffers
  size_t outputs = 1;
  Attributes more = {};
};

void ExpectMultiHead(const MultiHead& m) {
  Case c("com.microsoft");
  c.Random({kBatch, m.queries, kHidden});
  for (int64_t size : {kSize, m.value_size}) {
    c.Random(m.heads ? Shape{kBatch, kHeads, m.keys, size} : Shape{kBatch, m.keys, kHeads * size});
  }
  m.bias ? c.Random({2 * kHidden + kHeads * m.value_size}) : c.LeftOut();
  AddMask(c, m.mask, m.lengths);
  m.score_bias.empty() ? c.LeftOut() : c.Random(m.score_bias);
  for (int64_t size : {kSize, m.value_size}) {
    m.past > 0 ? c.Random({kBatch, kHeads, m.past, size}) : c.LeftOut();
  }
  if (m.past_length >= 0) c.Add(kInt, {1}, Int32s{m.past_length});
  Attributes attributes = {Attr("num_heads", kHeads)};
  attributes.insert(attributes.end(), m.more.begin(), m.more.end());
  c.Node("MultiHeadAttention", std::vector(m.outputs, kF), attributes).ExpectEqual();
}

TEST(MicrosoftOps, MultiHeadAttention) {
  constexpr int64_t kB = kBatch, kN = kLength, kK = 7, kT = kLength + kPast;
  const Attributes causal = {Attr("unidirectional", 1)};
  const MultiHead cases[] = {
      {.more = {Attr("scale", 0.3f)}},
      {.keys = kK, .bias = true},
      {.keys = kK, .value_size = 2, .bias = true},
      {.keys = kK, .heads = true},  // of another sequence
      {.keys = kK, .heads = true, .bias = true},
      {.keys = kK, .mask = {kB, kK}, .score_bias = {kB, kHeads, kN, kK}},
      {.keys = kK, .mask = {kB}, .lengths = {7, 4}},
      {.keys = kK, .mask = {3 * kB + 2}, .lengths = {7, 4, 0, 5, 10, 0, 7, 14}},
      {.keys = kK, .mask = {kB, kN, kK}, .score_bias = {1, 1, kN, kK}},
      {.keys = kK, .mask = {kB, kK}, .more = {Attr("mask_filter_value", -1.0f)}},
      {.keys = kK, .mask = {kB, kK}, .outputs = 4, .more = {Attr("mask_filter_value", -2.0f)}},
      {.past = kPast, .outputs = 3, .more = causal},
      {.bias = true, .mask = {kB, kT}, .past = kPast, .outputs = 3},
      {.mask = {kB, kN, kT}, .score_bias = {1, kHeads, kN, kT}, .past = kPast, .outputs = 3},
      {.past = 16, .past_length = kPast, .outputs = 3},
      {.bias = true, .past = 16, .past_length = kPast, .outputs = 3, .more = causal},
      {.queries = 1, .keys = 1, .past = 16, .past_length = 0, .outputs = 3},
      {.mask = {kB, kT}, .score_bias = {1, 1, kN, kT}, .past = 9, .past_length = 4, .outputs = 4},
  };
  for (const MultiHead& m : cases) {
    SCOPED_TRACE("case " + std::to_string(&m - cases));
    ExpectMultiHead(m);
  }
}

// ONNX Runtime has packed inputs on GPUs only: its numbers are those of the same inputs apart.
TEST(MicrosoftOps, MultiHeadAttentionOfPackedInputs) {
  const Shape apart = {kBatch, kLength, kHidden};
  const int64_t n_rows = kBatch * kLength, n = n_rows * kHidden;
  const std::vector<FloatList> qkv = {RandomList(n, 1), RandomList(n, 2), RandomList(n, 3)};
  // Rows [heads][parts][size] of the tensors from `first` on.
  const auto packed = [&](size_t first) {
    FloatList together;
    for (int64_t i = 0; i < n; i += kSize) {
      for (size_t part = first; part < 3; ++part) {
        together.insert(together.end(), qkv[part].begin() + i, qkv[part].begin() + i + kSize);
      }
    }
    return together;
  };
  for (int causal : {0, 1}) {
    const Attributes attributes = {Attr("num_heads", kHeads), Attr("unidirectional", causal)};
    Case expected("com.microsoft"), all("com.microsoft"), keys("com.microsoft");
    for (const FloatList& part : qkv) expected.Add(kF, apart, part);
    expected.Node("MultiHeadAttention", {kF, kF, kF}, attributes);
    all.Add(kF, {kBatch, kLength, kHeads, 3, kSize}, packed(0))
        .Node("MultiHeadAttention", {kF, kF, kF}, attributes)
        .ExpectEqualTo(expected);
    keys.Add(kF, apart, qkv[0])
        .Add(kF, {kBatch, kLength, kHeads, 2, kSize}, packed(1))
        .Node("MultiHeadAttention", {kF, kF, kF}, attributes)
        .ExpectEqualTo(expected);
  }
}

TEST(MicrosoftOps, RotaryEmbedding) {
  for (int interleaved : {0, 1}) {
    Case("com.microsoft")
        .Random({kBatch, kLength, kHidden})
        .Add(kI, {1}, Ints{2})
        .Random({16, 2})
        .Random({16, 2})
        .Node("RotaryEmbedding", {kF}, {Attr("interleaved", interleaved)})
        .ExpectEqual();
    Case("com.microsoft")
        .Random({kBatch, kHeads, kLength, 8})
        .Add(kI, {kBatch, kLength}, Ints{0, 1, 2, 3, 4, 7, 8, 9, 10, 11})
        .Random({16, 2})
        .Random({16, 2})
        .Node("RotaryEmbedding", {kF},
              {Attr("interleaved", interleaved), Attr("rotary_embedding_dim", 4),
               Attr("num_heads", kHeads)})
        .ExpectEqual();
  }
}

TEST(MicrosoftOps, RotaryEmbeddingOfThreePositions) {
  // Of two sequences of three tokens: in time, in height and in width.
  const Ints positions = {0, 1, 2, 3, 4, 5, 7, 7, 8, 1, 2, 0, 9, 3, 4, 4, 0, 6};
  for (int layout : {0, 1}) {
    for (const Ints& sections : {Ints{4, 2, 2}, Ints{2, 3, 3}}) {
      for (const Shape& shape : {Shape{2, 3, 48}, Shape{2, 3, 3, 16}}) {
        Case("com.microsoft")
            .Random(shape)
            .Add(kI, {3, 2, 3}, positions)
            .Random({16, 8})
            .Random({16, 8})
            .Node("MRotaryEmbedding", {kF},
                  {Attr("mrope_section", sections), Attr("mrope_layout", layout),
                   Attr("num_heads", 3)})
            .ExpectEqual();
      }
    }
  }
}

struct GroupQuery {
  bool packed = false;  // queries, keys and values in one tensor
  int64_t length = 1;   // of the queries
  int64_t room = 0;     // of the cache; 0: there is none
  Int32s totals;        // keys of each sequence
  Attributes more = {};
  bool rotary = false, bias = false, sinks = false, scores = false;
  Int32s query_lengths = {};
  bool compares_presents = true;
  int64_t bits = 0;  // of a quantised cache
  bool by_channel = false;
};

void ExpectGroupQuery(const GroupQuery& g) {
  constexpr int64_t kQueries = 4, kKeys = 2, kHead = 16;
  const auto batch = static_cast<int64_t>(g.totals.size());
  Case c("com.microsoft");
  if (g.packed) {
    c.Random({batch, g.length, (kQueries + 2 * kKeys) * kHead}).LeftOut().LeftOut();
  } else {
    c.Random({batch, g.length, kQueries * kHead})
        .Random({batch, g.length, kKeys * kHead})
        .Random({batch, g.length, kKeys * kHead});
  }
  const int64_t bytes = kHead * g.bits / 8, n_bytes = batch * kKeys * g.room * bytes;
  const DType cache = g.bits == 0 ? kF : g.bits == 8 ? DType::kInt8 : kByte;
  if (g.bits > 0) {
    for (uint32_t seed : {1, 2}) {
      c.Add(cache, {batch, kKeys, g.room, bytes}, RandomBytes(n_bytes, seed));
    }
  } else if (g.room > 0) {
    c.Random({batch, kKeys, g.room, kHead}).Random({batch, kKeys, g.room, kHead});
  } else {
    c.LeftOut().LeftOut();
  }
  Int32s lengths = g.totals;
  for (int32_t& total : lengths) --total;
  const int32_t longest = *std::ranges::max_element(g.totals);
  c.Add(kInt, {batch}, lengths);
  c.Add(kInt, {1}, Int32s{longest});
  Attributes attributes = {Attr("num_heads", kQueries), Attr("kv_num_heads", kKeys)};
  if (g.rotary) {
    c.Random({32, kHead / 2}).Random({32, kHead / 2}).LeftOut();
    attributes.push_back(Attr("do_rotary", 1));
  } else {
    c.LeftOut().LeftOut().LeftOut();
  }
  g.bias ? c.Random({1, kQueries, g.length, longest}) : c.LeftOut();
  g.sinks ? c.Random({kQueries}, 3) : c.LeftOut();
  if (g.bits > 0) {
    FloatList scales = RandomList(g.by_channel ? kKeys * kHead : 1, 9);
    for (float& scale : scales) scale = (2 + scale) / static_cast<float>(1 << g.bits);
    for (int i = 0; i < 2; ++i) c.Add(kF, {static_cast<int64_t>(scales.size())}, scales);
    attributes.push_back(Attr("kv_cache_bit_width", g.bits));
    for (const char* name : {"k_quant_type", "v_quant_type"}) {
      attributes.push_back(Attr(name, g.by_channel ? "PER_CHANNEL" : "PER_TENSOR"));
    }
  }
  if (!g.query_lengths.empty()) {
    c.LeftOut().LeftOut().LeftOut().LeftOut().Add(kInt, {batch}, g.query_lengths);
  }
  attributes.insert(attributes.end(), g.more.begin(), g.more.end());
  const DType present = g.compares_presents ? cache : kUnseen;
  std::vector<DType> outputs = {kF, present, present};
  if (g.scores) outputs.push_back(kF);
  c.Node("GroupQueryAttention", outputs, attributes).ExpectEqual();
}

TEST(MicrosoftOps, GroupQueryAttention) {
  const Attributes window = {Attr("local_window_size", 3)}, smooth = {Attr("smooth_softmax", 1)};
  const GroupQuery cases[] = {
      {.length = 5, .totals = {5}},  // a prompt
      {.packed = true, .length = 5, .totals = {5}, .more = {Attr("scale", 0.5f)}, .rotary = true},
      {.room = 6, .totals = {7, 7}, .rotary = true},  // the next token
      {.packed = true, .room = 6, .totals = {7, 7}, .more = window, .rotary = true},
      {.room = 6,
       .totals = {7, 7},
       .more = {Attr("softcap", 2.0f), Attr("rotary_interleaved", 1)},
       .rotary = true},
      {.room = 6, .totals = {7, 4, 2}, .rotary = true},           // of other lengths
      {.length = 5, .room = 6, .totals = {11}, .rotary = true},   // more of a prompt
      {.length = 5, .room = 16, .totals = {11}, .more = window},  // a cache with room
      {.length = 5, .totals = {5}, .more = smooth},
      {.room = 6, .totals = {7, 7}, .more = smooth, .sinks = true},  // the sinks win
      {.length = 5, .totals = {5}, .more = window, .sinks = true},
      {.length = 5, .totals = {5}, .more = {Attr("softcap", 2.0f)}, .bias = true, .sinks = true},
      {.length = 5, .totals = {5}, .more = {Attr("causal", 0)}},
      {.length = 5, .totals = {5}, .more = {Attr("qk_output", 1)}, .bias = true, .scores = true},
      {.length = 5, .room = 6, .totals = {11}, .more = {Attr("qk_output", 2)}, .scores = true},
      {.room = 6, .totals = {7, 7}, .rotary = true, .bits = 8},
      {.room = 6, .totals = {7}, .bits = 8, .by_channel = true},
      {.length = 5, .totals = {5}, .rotary = true, .bits = 4},
      {.length = 3, .room = 6, .totals = {9}, .sinks = true, .bits = 4, .by_channel = true},
      {.length = 4, .room = 20, .totals = {10, 7, 4}, .rotary = true, .query_lengths = {4, 4, 4}},
  };
  // Caches that hold a window of 6 and two keys more. What is behind what they hold is unspecified,
  // so they are compared where they are full.
  for (int32_t total : {3, 7, 8, 9, 10, 11, 12, 20}) {
    for (int64_t length : {1, 3}) {
      SCOPED_TRACE("window, " + std::to_string(total));
      ExpectGroupQuery({.length = length,
                        .room = 8,
                        .totals = {total},
                        .more = {Attr("sliding_window_cache", 1), Attr("local_window_size", 6)},
                        .rotary = true,
                        .compares_presents = total == 8 || total == 11 || total == 20});
    }
  }
  for (const GroupQuery& g : cases) {
    SCOPED_TRACE("case " + std::to_string(&g - cases));
    ExpectGroupQuery(g);
  }
}

struct LinearHeads {
  const char* rule = "gated_delta";
  int64_t queries = 2, keys = 2, values = 2;
  int64_t decay = 1;  // numbers of a head
  bool past = true;
};

TEST(MicrosoftOps, LinearAttention) {
  constexpr int64_t kKey = 4, kValue = 5;
  const LinearHeads cases[] = {
      {.rule = "linear"},
      {.rule = "gated"},
      {.rule = "delta"},
      {},
      {.decay = kKey},
      {.queries = 4, .past = false},
      {.queries = 1},             // two states read one head of queries
      {.queries = 1, .keys = 1},  // and are written by one of keys
  };
  for (const LinearHeads& l : cases) {
    SCOPED_TRACE("case " + std::to_string(&l - cases));
    const std::string_view rule = l.rule;
    Case c("com.microsoft");
    c.Random({kBatch, kLength, l.queries * kKey})
        .Random({kBatch, kLength, l.keys * kKey}, 0.5f)
        .Random({kBatch, kLength, l.values * kValue});
    l.past ? c.Random({kBatch, l.values, kKey, kValue}) : c.LeftOut();
    rule.starts_with("gated") ? c.Random({kBatch, kLength, l.values * l.decay}) : c.LeftOut();
    if (rule.ends_with("delta")) c.Random({kBatch, kLength, l.decay == 1 ? l.values : 1});
    c.Node("LinearAttention", {kF, kF},
           {Attr("q_num_heads", l.queries), Attr("kv_num_heads", l.values),
            Attr("update_rule", l.rule)})
        .ExpectEqual();
  }
}

TEST(MicrosoftOps, CausalConvWithState) {
  constexpr int64_t kChannels = 6, kKernel = 4;
  for (int dilation : {1, 2}) {
    for (bool last : {false, true}) {
      for (int64_t length : {kLength, int64_t{1}}) {
        SCOPED_TRACE(dilation * 10 + last);
        const int64_t states = (kKernel - 1) * dilation;
        const auto shape = [&](int64_t n) {
          return last ? Shape{kBatch, n, kChannels} : Shape{kBatch, kChannels, n};
        };
        Case c("com.microsoft");
        c.Random(shape(length)).RandomConstant({kChannels, 1, kKernel}).Random({kChannels});
        dilation == 1 && length > 1 ? c.LeftOut() : c.Random(shape(states));
        c.Node("CausalConvWithState", {kF, kF},
               {Attr("activation", length > 1 ? "silu" : "none"), Attr("dilation", dilation),
                Attr("channels_last", last ? 1 : 0)})
            .ExpectEqual();
      }
    }
  }
}

}  // namespace
}  // namespace wnn::testing
