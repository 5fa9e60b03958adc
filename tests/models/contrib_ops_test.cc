// Operators of ai.onnx.ml and com.microsoft, one model each with random numbers: `builtin` against
// `onnxruntime`.
#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "engine/base/checked_math.h"
#include "engine/testing/model_builder.h"
#include "tests/models/drawing.h"
#include "tests/models/real_models.h"
#include "tests/support/runtimes.h"

namespace wnn::testing {
namespace {

using Ints = std::vector<int64_t>;
using FloatList = std::vector<float>;
using Attributes = std::vector<BuilderAttribute>;

// A model of one node (or more) and the tensors that it gets.
class Case {
 public:
  explicit Case(const char* domain) : domain_(domain) {
    model_.Import(domain, std::string_view(domain) == "ai.onnx.ml" ? 3 : 1);
  }

  // Numbers in [-scale, scale).
  Case& Random(Shape dims, float scale = 1) {
    FloatList values = Noise(ElementCount(dims).value_or(0), ++seed_);
    for (float& value : values) value = (2 * value - 1) * scale;
    return Add(DType::kFloat, std::move(dims), values);
  }
  template <typename T>
  Case& Add(DType dtype, Shape dims, const std::vector<T>& values) {
    const std::string name = "x" + std::to_string(names_.size());
    model_.Input(name, dtype, {dims.begin(), dims.end()});
    const auto bytes = std::as_bytes(std::span(values));
    inputs_.push_back({dtype, std::move(dims), {bytes.begin(), bytes.end()}});
    names_.push_back(name);
    return *this;
  }
  // A constant.
  template <typename T>
  Case& Constant(Shape dims, const std::vector<T>& values) {
    names_.push_back("w" + std::to_string(names_.size()));
    model_.Initializer<T>(names_.back(), dims, values);
    return *this;
  }
  Case& RandomConstant(Shape dims, float scale = 1) {
    FloatList values = Noise(ElementCount(dims).value_or(0), ++seed_);
    for (float& value : values) value = (2 * value - 1) * scale;
    return Constant(std::move(dims), values);
  }
  Case& LeftOut() {
    names_.emplace_back();
    return *this;
  }

  // The node, of all inputs so far. `outputs`: the types of those that are compared; kUndefined for
  // one that is left out.
  Case& Node(const char* op, const std::vector<DType>& outputs, const Attributes& attributes = {}) {
    std::vector<std::string> names;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const bool left_out = outputs[i] == DType::kUndefined;
      names.push_back(left_out ? "" : "y" + std::to_string(i));
      if (outputs[i] != DType::kString && !left_out) OutputOf(names.back(), outputs[i]);
      if (outputs[i] == DType::kString) {
        // Strings come out as numbers.
        const std::string coded = names.back() + "/coded";
        model_.Node("LabelEncoder", {names.back()}, {coded},
                    {Attr("keys_strings", std::vector<std::string>{"a", "b", "c"}),
                     Attr("values_int64s", Ints{10, 20, 30})},
                    "coder", "ai.onnx.ml");
        OutputOf(coded, DType::kInt64);
      }
    }
    model_.Node(op, names_, names, attributes, "node", domain_);
    return *this;
  }

  void ExpectEqual(double tolerance = 1e-5) const { ExpectEqualTo(*this, tolerance); }
  // The same, of what `builtin` makes of this case and `onnxruntime` of the other.
  void ExpectEqualTo(const Case& other, double tolerance = 1e-5) const {
    const auto builtin = RuntimeNamed("builtin"), onnxruntime = RuntimeNamed("onnxruntime");
    if (builtin == nullptr || onnxruntime == nullptr) GTEST_SKIP() << kNoRuntime;
    const auto expected = other.Compute(*onnxruntime);
    ASSERT_TRUE(expected.has_value()) << "onnxruntime: " << expected.error().message();
    const auto got = Compute(*builtin);
    ASSERT_TRUE(got.has_value()) << got.error().message();
    const auto difference = Difference(*got, *expected, tolerance);
    ASSERT_TRUE(difference.has_value()) << difference.error().message();
    EXPECT_LE(*difference, tolerance);
  }

 private:
  void OutputOf(const std::string& name, DType dtype) {
    model_.graph().Message(
        12, WireWriter().Bytes(1, name).Message(
                2, WireWriter().Message(1, WireWriter().Varint(1, static_cast<uint64_t>(dtype)))));
    ++n_outputs_;
  }

  Result<std::vector<OutputNumbers>> Compute(const runtimes::Runtime& runtime) const {
    PreparedModel prepared;
    const std::vector<std::byte> bytes = model_.Build();
    WNN_ASSIGN_OR_RETURN(prepared.graph, runtime.Load(bytes, {}));
    WNN_ASSIGN_OR_RETURN(prepared.context, prepared.graph->NewContext());
    for (size_t i = 0; i < inputs_.size(); ++i) {
      WNN_RETURN_IF_ERROR(prepared.context->SetInput(i, inputs_[i].view()));
    }
    WNN_RETURN_IF_ERROR(prepared.context->Compute({}));
    return Outputs(prepared);
  }

  const char* const domain_;
  ModelBuilder model_{17};
  std::vector<std::string> names_;
  std::vector<ModelInput> inputs_;
  size_t n_outputs_ = 0;
  uint32_t seed_ = 0;
};

constexpr DType kF = DType::kFloat, kI = DType::kInt64, kS = DType::kString;

FloatList RandomList(int64_t n, uint32_t seed) {
  FloatList values = Noise(n, seed);
  for (float& value : values) value = 2 * value - 1;
  return values;
}

// ---- ai.onnx.ml

Attributes Svm(const Ints& per_class, const char* kernel, const char* transform, bool probabilities,
               bool strings) {
  const int64_t n_vectors = std::accumulate(per_class.begin(), per_class.end(), int64_t{0});
  const auto n = static_cast<int64_t>(per_class.size()), n_pairs = n * (n - 1) / 2;
  Attributes attributes = {Attr("kernel_type", kernel),
                           Attr("kernel_params", FloatList{0.4f, 0.1f, 2}),
                           Attr("post_transform", transform),
                           Attr("vectors_per_class", per_class),
                           Attr("support_vectors", RandomList(n_vectors * 4, 21)),
                           Attr("coefficients", RandomList((n - 1) * n_vectors, 22)),
                           Attr("rho", RandomList(n_pairs, 23))};
  if (probabilities) {
    attributes.push_back(Attr("prob_a", RandomList(n_pairs, 24)));
    attributes.push_back(Attr("prob_b", RandomList(n_pairs, 25)));
  }
  if (strings) {
    std::vector<std::string> names = {"c", "a", "b"};
    names.resize(static_cast<size_t>(n));
    attributes.push_back(Attr("classlabels_strings", names));
  } else {
    Ints labels = {7, 3, 5};
    labels.resize(static_cast<size_t>(n));
    attributes.push_back(Attr("classlabels_ints", labels));
  }
  return attributes;
}

TEST(MlOps, SvmClassifier) {
  for (const Ints& per_class : {Ints{3, 2}, Ints{3, 2, 4}}) {
    for (const char* kernel : {"LINEAR", "POLY", "RBF", "SIGMOID"}) {
      for (const char* transform : {"NONE", "LOGISTIC", "SOFTMAX"}) {
        for (bool probabilities : {false, true}) {
          SCOPED_TRACE(::testing::Message()
                       << per_class.size() << kernel << transform << probabilities);
          const bool strings = transform[0] == 'S';
          Case("ai.onnx.ml")
              .Random({12, 4})
              .Node("SVMClassifier", {strings ? kS : kI, kF},
                    Svm(per_class, kernel, transform, probabilities, strings))
              .ExpectEqual();
        }
      }
    }
  }
}

TEST(MlOps, SvmClassifierWithoutVectors) {
  for (const Ints& labels : {Ints{4, 9}, Ints{4, 9, 1}}) {
    const auto n = static_cast<int64_t>(labels.size());
    Case("ai.onnx.ml")
        .Random({12, 4})
        .Node("SVMClassifier", {kI, kF},
              {Attr("kernel_type", "LINEAR"), Attr("kernel_params", FloatList{0, 0, 3}),
               Attr("coefficients", RandomList(n * 4, 1)), Attr("rho", FloatList{0.25f}),
               Attr("classlabels_ints", labels)})
        .ExpectEqual();
  }
}

TEST(MlOps, StringLabels) {
  const std::vector<std::string> labels = {"b", "c", "a"};
  Case("ai.onnx.ml")
      .Random({12, 4})
      .Node("LinearClassifier", {kS, kF},
            {Attr("coefficients", RandomList(12, 1)), Attr("intercepts", RandomList(3, 2)),
             Attr("classlabels_strings", labels), Attr("post_transform", "SOFTMAX")})
      .ExpectEqual();
  // x0 <= 0 ? b 1 : (x1 <= 0.25 ? c 2 : a 3)
  Case("ai.onnx.ml")
      .Random({12, 2})
      .Node("TreeEnsembleClassifier", {kS, kF},
            {Attr("nodes_treeids", Ints(5, 0)), Attr("nodes_nodeids", Ints{0, 1, 2, 3, 4}),
             Attr("nodes_featureids", Ints{0, 0, 1, 0, 0}),
             Attr("nodes_truenodeids", Ints{1, 0, 3, 0, 0}),
             Attr("nodes_falsenodeids", Ints{2, 0, 4, 0, 0}),
             Attr("nodes_values", FloatList{0, 0, 0.25f, 0, 0}),
             Attr("nodes_modes",
                  std::vector<std::string>{"BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"}),
             Attr("class_treeids", Ints{0, 0, 0}), Attr("class_nodeids", Ints{1, 3, 4}),
             Attr("class_ids", Ints{0, 1, 2}), Attr("class_weights", FloatList{1, 2, 3}),
             Attr("classlabels_strings", labels)})
      .ExpectEqual();
}

// ---- com.microsoft

constexpr int64_t kBatch = 2, kLength = 5, kHidden = 12, kHeads = 3, kSize = kHidden / kHeads,
                  kPast = 4;
constexpr DType kByte = DType::kUint8, kInt = DType::kInt32, kNone = DType::kUndefined;
using Int32s = std::vector<int32_t>;

std::vector<uint8_t> RandomBytes(int64_t n, uint32_t seed) {
  std::vector<uint8_t> bytes;
  for (float x : Noise(n, seed)) bytes.push_back(static_cast<uint8_t>(x * 256));
  return bytes;
}

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

TEST(MicrosoftOps, QAttention) {
  for (bool by_column : {false, true}) {
    Case c("com.microsoft");
    c.Add(kByte, {kBatch, kLength, kHidden}, RandomBytes(kBatch * kLength * kHidden, 1))
        .Constant<uint8_t>({kHidden, 3 * kHidden}, RandomBytes(kHidden * 3 * kHidden, 2))
        .RandomConstant({3 * kHidden})
        .Constant<float>({}, {0.02f});
    const int64_t columns = by_column ? 3 * kHidden : 1;
    c.Constant<float>(by_column ? Shape{columns} : Shape{},
                      FloatList(static_cast<size_t>(columns), 0.01f));
    c.Add(kInt, {kBatch}, Int32s{5, 3}).Constant<uint8_t>({}, {120});
    c.Constant<uint8_t>(by_column ? Shape{columns} : Shape{},
                        std::vector<uint8_t>(static_cast<size_t>(columns), 130));
    c.Random({2, kBatch, kHeads, kPast, kSize})
        .Node("QAttention", {kF, kF}, {Attr("num_heads", kHeads), Attr("unidirectional", 1)});
    c.ExpectEqual(1e-4);
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

TEST(MicrosoftOps, EmbedLayerNormalization) {
  Case words("com.microsoft");  // without segments
  words.Add(kInt, {kBatch, kLength}, Int32s{1, 2, 3, 4, 5, 9, 8, 7, 6, 5})
      .LeftOut()
      .Random({10, kHidden})
      .Random({6, kHidden})
      .LeftOut()
      .Random({kHidden})
      .Random({kHidden})
      .Node("EmbedLayerNormalization", {kF, kInt}, {Attr("epsilon", 1e-5f)})
      .ExpectEqual();
  Case c("com.microsoft");
  c.Add(kInt, {kBatch, kLength}, Int32s{1, 2, 3, 4, 5, 9, 8, 7, 6, 5})
      .Add(kInt, {kBatch, kLength}, Int32s{0, 0, 1, 1, 1, 0, 1, 1, 1, 1})
      .Random({10, kHidden})
      .Random({6, kHidden})
      .Random({2, kHidden})
      .Random({kHidden})
      .Random({kHidden})
      .Add(kInt, {kBatch, kLength}, Int32s{1, 1, 1, 0, 0, 1, 1, 1, 1, 1})
      .Node("EmbedLayerNormalization", {kF, kInt, kF}, {Attr("epsilon", 1e-5f)})
      .ExpectEqual();
}

struct GroupQuery {
  bool packed = false;  // queries, keys and values in one tensor
  int64_t length = 1;   // of the queries
  int64_t room = 0;     // of the cache; 0: there is none
  Int32s totals;        // keys of each sequence
  Attributes more = {};
  bool rotary = false, bias = false, sinks = false, scores = false;
  Int32s query_lengths = {};
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
  if (g.room > 0) {
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
  if (!g.query_lengths.empty()) {
    c.LeftOut().LeftOut().LeftOut().LeftOut().Add(kInt, {batch}, g.query_lengths);
  }
  attributes.insert(attributes.end(), g.more.begin(), g.more.end());
  std::vector<DType> outputs = {kF, kF, kF};
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
      {.length = 4, .room = 20, .totals = {10, 7, 4}, .rotary = true, .query_lengths = {4, 4, 4}},
  };
  for (const GroupQuery& g : cases) {
    SCOPED_TRACE("case " + std::to_string(&g - cases));
    ExpectGroupQuery(g);
  }
}

TEST(MicrosoftOps, DynamicQuantizeLstm) {
  constexpr int64_t kSteps = 4, kInputs = 6, kState = 8;
  for (const char* direction : {"forward", "bidirectional"}) {
    const int64_t n = direction[0] == 'b' ? 2 : 1;
    Case c("com.microsoft");
    c.Random({kSteps, 1, kInputs})
        .Constant<uint8_t>({n, kInputs, 4 * kState}, RandomBytes(n * kInputs * 4 * kState, 1))
        .Constant<uint8_t>({n, kState, 4 * kState}, RandomBytes(n * kState * 4 * kState, 2))
        .RandomConstant({n, 8 * kState})
        .LeftOut()
        .Random({n, 1, kState})
        .Random({n, 1, kState})
        .LeftOut()
        .Constant<float>({n}, FloatList(static_cast<size_t>(n), 0.008f))
        .Constant<uint8_t>({n}, std::vector<uint8_t>(static_cast<size_t>(n), 128))
        .Constant<float>({n}, FloatList(static_cast<size_t>(n), 0.006f))
        .Constant<uint8_t>({n}, std::vector<uint8_t>(static_cast<size_t>(n), 125))
        .Node("DynamicQuantizeLSTM", {kF, kF, kF},
              {Attr("hidden_size", kState), Attr("direction", direction)});
    c.ExpectEqual(1e-4);
  }
}

TEST(MicrosoftOps, NormalisationAfterAResidual) {
  for (const char* op : {"SkipLayerNormalization", "SkipSimplifiedLayerNormalization"}) {
    Case c("com.microsoft");
    c.Random({kBatch, kLength, 40}).Random({kBatch, kLength, 40}).Random({40}).Random({40});
    if (op[4] == 'L') c.Random({40});
    c.Node(op, {kF, kNone, kNone, kF}, {Attr("epsilon", 1e-4f)}).ExpectEqual();
  }
}

TEST(MicrosoftOps, ActivationsWithABias) {
  Case("com.microsoft").Random({3, 40}, 4).Random({40}).Node("BiasGelu", {kF}).ExpectEqual();
  Case("com.microsoft").Random({3, 40}, 4).Random({40}).Node("FastGelu", {kF}).ExpectEqual();
  Case("com.microsoft").Random({3, 40}, 4).Node("QuickGelu", {kF}).ExpectEqual();
}

TEST(MicrosoftOps, FusedMatMul) {
  Case("com.microsoft")
      .Random({2, 5, 4})
      .Random({2, 3, 4})
      .Node("FusedMatMul", {kF}, {Attr("transB", 1), Attr("alpha", 0.5f)})
      .ExpectEqual();
  Case("com.microsoft")
      .Random({2, 4, 5})
      .RandomConstant({4, 3})
      .Node("FusedMatMul", {kF}, {Attr("transA", 1)})
      .ExpectEqual();
}

}  // namespace
}  // namespace wnn::testing
