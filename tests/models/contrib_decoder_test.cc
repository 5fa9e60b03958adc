// A language model as ONNX Runtime's builder writes one for CPUs: 4-bit weights, packed queries,
// keys and values, rotary embedding, a mixture of experts; a prompt and tokens behind it, under
// `builtin` and under `onnxruntime`, each with the past that it made.
#include <gtest/gtest.h>

#include "tests/models/contrib_case.h"
#include "tests/support/runtimes.h"

namespace wnn::testing {
namespace {

constexpr int64_t kVocabulary = 48, kHidden = 64, kHeads = 4, kKeyHeads = 2, kSize = 16,
                  kInner = 96, kPositions = 32, kBlock = 32, kExperts = 3;
constexpr int kLayers = 2;
constexpr const char* kMicrosoft = "com.microsoft";

class Decoder {
 public:
  std::vector<std::byte> Build() {
    model_.Import(kMicrosoft, 1);
    model_.Input("input_ids", DType::kInt64, {"batch", "length"});
    model_.Input("attention_mask", DType::kInt64, {"batch", "total"});
    model_.Output("logits", DType::kFloat, {"batch", "length", kVocabulary});
    CountKeys();
    model_.Initializer<float>("cos", {kPositions, kSize / 2}, Random(kPositions * kSize / 2, 1));
    model_.Initializer<float>("sin", {kPositions, kSize / 2}, Random(kPositions * kSize / 2, 1));
    Integers("embeddings", {kVocabulary, kHidden / 2}, {kVocabulary, kHidden / kBlock});
    model_.Node("GatherBlockQuantized", {"embeddings", "input_ids", "embeddings/scales"}, {"x0"},
                {Attr("bits", 4), Attr("block_size", kBlock), Attr("quantize_axis", 1)}, "embed",
                kMicrosoft);
    Weights("norm", kHidden);
    model_.Node("SimplifiedLayerNormalization", {"x0", "norm"}, {"normal0"}, {Attr("axis", -1)},
                "norm");
    for (int layer = 0; layer < kLayers; ++layer) Layer(layer);
    Product("normal" + std::to_string(kLayers), "logits", kVocabulary, kHidden);
    return model_.Build();
  }

 private:
  std::vector<float> Random(int64_t n, float scale) {
    FloatList values = RandomList(n, ++seed_);
    for (float& value : values) value *= scale;
    return values;
  }

  void Weights(const std::string& name, int64_t n) {
    FloatList values = Random(n, 0.2f);
    for (float& value : values) value += 1;
    model_.Initializer<float>(name, {n}, values);
  }

  void Integers(const std::string& name, const Shape& integers, const Shape& scales) {
    model_.Initializer<uint8_t>(name, integers,
                                RandomBytes(ElementCount(integers).value_or(0), ++seed_));
    FloatList values = Random(ElementCount(scales).value_or(0), 0.01f);
    for (float& value : values) value += 0.03f;
    model_.Initializer<float>(name + "/scales", scales, values);
  }

  void Product(const std::string& from, const std::string& to, int64_t n, int64_t k) {
    Integers(to + "/weights", {n, k / kBlock, kBlock / 2}, {n, k / kBlock});
    model_.Node("MatMulNBits", {from, to + "/weights", to + "/weights/scales"}, {to},
                {Attr("K", k), Attr("N", n), Attr("bits", 4), Attr("block_size", kBlock)}, to,
                kMicrosoft);
  }

  // From the mask: one less than the keys of each sequence, and those of the longest.
  void CountKeys() {
    model_.Initializer<int64_t>("one", {1}, {1});
    model_.Initializer<int64_t>("at one", {}, {1});
    model_.Node("ReduceSum", {"attention_mask", "one"}, {"sums"}, {Attr("keepdims", 0)}, "sums");
    model_.Node("Sub", {"sums", "one"}, {"lengths"}, {}, "lengths");
    model_.Node("Cast", {"lengths"}, {"seqlens_k"}, {Attr("to", 6)}, "seqlens_k");
    model_.Node("Shape", {"attention_mask"}, {"shape"}, {}, "shape");
    model_.Node("Gather", {"shape", "at one"}, {"total"}, {}, "total");
    model_.Node("Cast", {"total"}, {"total_length"}, {Attr("to", 6)}, "total_length");
  }

  void Layer(int layer) {
    const std::string n = std::to_string(layer), next = std::to_string(layer + 1);
    const auto name = [&](const char* of) { return std::string(of) + n; };
    Product("normal" + n, name("qkv"), (kHeads + 2 * kKeyHeads) * kSize, kHidden);
    for (const char* of : {"past_key", "past_value"}) {
      model_.Input(name(of), DType::kFloat, {"batch", kKeyHeads, "past", kSize});
    }
    for (const char* of : {"present_key", "present_value"}) {
      model_.Output(name(of), DType::kFloat, {"batch", kKeyHeads, "total", kSize});
    }
    model_.Initializer<float>(name("sinks"), {kHeads}, Random(kHeads, 1));
    model_.Node("GroupQueryAttention",
                {name("qkv"), "", "", name("past_key"), name("past_value"), "seqlens_k",
                 "total_length", "cos", "sin", "", "", layer == 0 ? "" : name("sinks")},
                {name("attended"), name("present_key"), name("present_value")},
                {Attr("num_heads", kHeads), Attr("kv_num_heads", kKeyHeads), Attr("do_rotary", 1),
                 Attr("local_window_size", layer == 0 ? -1 : 4), Attr("scale", 0.25f)},
                name("attend"), kMicrosoft);
    Product(name("attended"), name("projected"), kHidden, kHeads * kSize);
    AddAndNormalise("x" + n, name("projected"), name("middle"), name("residual"));
    layer == 0 ? Dense(n) : Mixture(n);
    AddAndNormalise(name("residual"), name("out"), "normal" + next, "x" + next);
  }

  void AddAndNormalise(const std::string& x, const std::string& y, const std::string& normal,
                       const std::string& sum) {
    Weights(normal + "/gamma", kHidden);
    model_.Node("SkipSimplifiedLayerNormalization", {x, y, normal + "/gamma"},
                {normal, "", "", sum}, {Attr("epsilon", 1e-5f)}, normal, kMicrosoft);
  }

  void Dense(const std::string& n) {
    Product("middle" + n, "gate" + n, kInner, kHidden);
    Product("middle" + n, "up" + n, kInner, kHidden);
    model_.Node("Sigmoid", {"gate" + n}, {"sigmoid" + n}, {}, "sigmoid" + n);
    model_.Node("Mul", {"gate" + n, "sigmoid" + n}, {"silu" + n}, {}, "silu" + n);
    model_.Node("Mul", {"silu" + n, "up" + n}, {"gated" + n}, {}, "gated" + n);
    Product("gated" + n, "out" + n, kHidden, kInner);
  }

  void Mixture(const std::string& n) {
    Product("middle" + n, "scores" + n, kExperts, kHidden);
    model_.Initializer<int64_t>("rows", {2}, {-1, kExperts});
    model_.Node("Reshape", {"scores" + n, "rows"}, {"router" + n}, {}, "router" + n);
    Integers("w1", {kExperts, 2 * kInner, kHidden / 2}, {kExperts, 2 * kInner, kHidden / kBlock});
    Integers("w2", {kExperts, kHidden, kInner / 2}, {kExperts, kHidden, kInner / kBlock});
    model_.Initializer<float>("b1", {kExperts, 2 * kInner}, Random(kExperts * 2 * kInner, 1));
    model_.Node("QMoE", {"middle" + n, "router" + n, "w1", "w1/scales", "b1", "w2", "w2/scales"},
                {"out" + n},
                {Attr("activation_type", "swiglu"), Attr("swiglu_fusion", 1), Attr("k", 2),
                 Attr("expert_weight_bits", 4), Attr("block_size", kBlock),
                 Attr("normalize_routing_weights", 1), Attr("activation_alpha", 1.702f),
                 Attr("activation_beta", 1.0f), Attr("swiglu_limit", 7.0f)},
                "mixture", kMicrosoft);
  }

  ModelBuilder model_{17};
  uint32_t seed_ = 0;
};

template <typename T>
ModelInput InputOf(DType dtype, Shape dims, const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {dtype, std::move(dims), {bytes.begin(), bytes.end()}};
}

// The outputs of each step of one prompt.
Result<std::vector<std::vector<OutputNumbers>>> Decode(const runtimes::Runtime& runtime,
                                                       std::span<const std::byte> bytes) {
  PreparedModel model;
  WNN_ASSIGN_OR_RETURN(model.graph, runtime.Load(bytes, {}));
  WNN_ASSIGN_OR_RETURN(model.context, model.graph->NewContext());
  std::vector<ModelInput> past(2 * kLayers);
  for (ModelInput& state : past) {
    state = InputOf(DType::kFloat, {1, kKeyHeads, 0, kSize}, FloatList());
  }
  std::vector<std::vector<OutputNumbers>> steps;
  int64_t total = 0;
  for (const Ints& tokens : {Ints{3, 14, 15, 9, 26}, Ints{5}, Ints{35}, Ints{8, 9, 7}}) {
    const auto length = static_cast<int64_t>(tokens.size());
    total += length;
    std::vector<ModelInput> inputs = {
        InputOf(DType::kInt64, {1, length}, tokens),
        InputOf(DType::kInt64, {1, total}, Ints(static_cast<size_t>(total), 1))};
    inputs.insert(inputs.end(), past.begin(), past.end());
    for (size_t i = 0; i < inputs.size(); ++i) {
      WNN_RETURN_IF_ERROR(model.context->SetInput(i, inputs[i].view()));
    }
    WNN_RETURN_IF_ERROR(model.context->Compute({}));
    WNN_ASSIGN_OR_RETURN(steps.emplace_back(), Outputs(model));
    for (size_t i = 0; i < past.size(); ++i) {
      WNN_ASSIGN_OR_RETURN(const TensorView present, model.context->Output(1 + i));
      past[i] = {present.dtype,
                 Shape(present.dims.begin(), present.dims.end()),
                 {present.data.begin(), present.data.end()}};
    }
  }
  return steps;
}

TEST(MicrosoftOps, LanguageModel) {
  const auto builtin = RuntimeNamed("builtin"), onnxruntime = RuntimeNamed("onnxruntime");
  if (builtin == nullptr || onnxruntime == nullptr) GTEST_SKIP() << kNoRuntime;
  const std::vector<std::byte> bytes = Decoder().Build();
  const auto expected = Decode(*onnxruntime, bytes);
  ASSERT_TRUE(expected.has_value()) << "onnxruntime: " << expected.error().message();
  const auto got = Decode(*builtin, bytes);
  ASSERT_TRUE(got.has_value()) << got.error().message();
  for (size_t step = 0; step < expected->size(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    const auto difference = Difference((*got)[step], (*expected)[step], 1e-4);
    ASSERT_TRUE(difference.has_value()) << difference.error().message();
    EXPECT_LE(*difference, 1e-4);
  }
}

}  // namespace
}  // namespace wnn::testing
