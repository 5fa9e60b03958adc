// What com.microsoft's operators refuse, and 16-bit floats in them; what they compute is set
// against ONNX Runtime by tests/models/contrib_*_test.cc.
#include <gtest/gtest.h>

#include "engine/base/checked_math.h"
#include "engine/kernels/reference/convert.h"
#include "engine/testing/run_model.h"

namespace wnn::testing {
namespace {

constexpr DType kF = DType::kFloat, kInt = DType::kInt32, kLong = DType::kInt64,
                kByte = DType::kUint8, kText = DType::kString, kBool = DType::kBool;

// An input of the graph; without a type it is left out.
struct Port {
  DType dtype = DType::kUndefined;
  Shape shape = {};
};

struct Refusal {
  const char* op;
  std::vector<Port> inputs;
  std::vector<BuilderAttribute> attributes;
  const char* word;  // in the message
  size_t n_outputs = 1;
};

std::vector<std::byte> ModelOf(const Refusal& refusal) {
  ModelBuilder model(17);
  model.Import("com.microsoft", 1);
  std::vector<std::string> inputs, outputs;
  for (size_t i = 0; i < refusal.inputs.size(); ++i) {
    const auto& [dtype, shape] = refusal.inputs[i];
    inputs.push_back(dtype == DType::kUndefined ? "" : "x" + std::to_string(i));
    if (!inputs.back().empty()) model.Input(inputs.back(), dtype, {shape.begin(), shape.end()});
  }
  for (size_t i = 0; i < refusal.n_outputs; ++i) {
    outputs.push_back("y" + std::to_string(i));
    model.Output(outputs.back());
  }
  model.Node(refusal.op, inputs, outputs, refusal.attributes, "node", "com.microsoft");
  return model.Build();
}

TEST(Microsoft, RefusedAtLoad) {
  const BuilderAttribute heads = Attr("num_heads", 2), kv_heads = Attr("kv_num_heads", 1);
  const Port none, x = {kF, {1, 3, 8}}, keys = {kF, {1, 3, 4}}, one = {kInt, {1}},
                   past = {kF, {1, 2, 5, 4}};
  const std::vector<BuilderAttribute> group = {heads, kv_heads};
  const auto with = [](std::vector<BuilderAttribute> attributes, const BuilderAttribute& more) {
    attributes.push_back(more);
    return attributes;
  };
  const Port table = {kByte, {10, 16}}, index = {kLong, {3}}, scales = {kF, {10, 2}};
  const std::vector<BuilderAttribute> n_bits = {Attr("K", 32), Attr("N", 4)};
  const std::vector<Port> moe = {
      {kF, {5, 8}}, {kF, {5, 3}}, {kF, {3, 6, 8}}, none, {kF, {3, 8, 6}}};
  const std::vector<Port> qmoe = {{kF, {5, 8}}, {kF, {5, 3}}, {kByte, {3, 6, 4}},
                                  {kF, {3, 6}}, none,         {kByte, {3, 8, 3}},
                                  {kF, {3, 8}}};
  const std::vector<BuilderAttribute> tokens = {Attr("mark", 0), Attr("mincharnum", 1),
                                                Attr("pad_value", "#")};
  const Refusal cases[] = {
      {"Attention", {x, {kF, {8, 24}}}, {heads, Attr("do_rotary", 1)}, "'do_rotary'"},
      {"Attention",
       {x, {kF, {8, 24}}, none, none, {kF, {2, 1, 2, 5, 4}}},
       {heads, Attr("past_present_share_buffer", 1)},
       "'past_present_share_buffer'"},
      {"MultiHeadAttention",
       {x, x, x, none, none, none, past, past, one, {kInt, {1, 1, 5}}},
       {heads},
       "'cache_indirection'"},
      {"MultiHeadAttention",
       {x, x, x, none, none, none, none, none, one},
       {heads},
       "'past_sequence_length'"},
      {"GroupQueryAttention",
       {x, keys, keys, none, none, one, one},
       with(group, Attr("sliding_window_cache", 1)),
       "'sliding_window_cache'"},
      {"GroupQueryAttention",
       {x, keys, keys, none, none, one, one},
       with(group, Attr("k_quant_type", "PER_TENSOR")),
       "'v_quant_type'"},
      {"GroupQueryAttention",
       {x, keys, keys, none, none, one, one},
       {heads, kv_heads, Attr("k_quant_type", "PER_TENSOR"), Attr("v_quant_type", "PER_CHANNEL")},
       "scales"},
      {"GroupQueryAttention",
       {x, keys, keys, none, none, one, one},
       with(group, Attr("qk_output", 3)),
       "'qk_output'"},
      {"GroupQueryAttention", {x, keys, keys, none, none, one, one}, group, "output 3", 4},
      {"GroupQueryAttention",
       {x, keys, keys, none, none, one, one},
       {heads, kv_heads, Attr("causal", 0), Attr("local_window_size", 2)},
       "'local_window_size'"},
      {"GroupQueryAttention",
       {x, keys, keys, none, none, one, one, none, none, none, none, {kF, {3}}},
       group,
       "input 11"},
      {"GroupQueryAttention",
       {x, keys, keys, none, none, one, one, none, none, none, none, none, none, none, {kF, {4}}},
       group,
       "'q_norm_weight'"},
      {"GroupQueryAttention",
       {x, keys, keys, none, none, one, one, none, none, none, none, none, none, none, none, none,
        one},
       group,
       "'query_seqlens'"},
      {"GatherBlockQuantized", {table, index, scales}, {Attr("block_size", 20)}, "'block_size'"},
      {"GatherBlockQuantized", {table, index, scales}, {Attr("bits", 3)}, "'bits'"},
      {"GatherBlockQuantized", {table, index, scales}, {Attr("gather_axis", 1)}, "'gather_axis'"},
      {"MatMulNBits", {x, {kByte, {4, 1, 16}}, {kF, {4, 1}}}, {Attr("K", 32)}, "'N'"},
      {"MatMulNBits",
       {{kF, {2, 32}}, {kByte, {4, 1, 16}}, {kF, {4, 1}}},
       {Attr("K", 32), Attr("N", 4), Attr("block_size", 32), Attr("weight_prepacked", 1)},
       "'weight_prepacked'"},
      {"MatMulNBits",
       {{kF, {2, 32}}, {kByte, {4, 1, 16}}, {kF, {4, 1}}, {kF, {3}}},
       {Attr("K", 32), Attr("N", 4), Attr("block_size", 32)},
       "input 3"},
      {"MatMulBnb4",
       {{kF, {2, 32}}, {kByte, {64}}, {kF, {8}}},
       {Attr("K", 32), Attr("N", 4), Attr("block_size", 16), Attr("quant_type", 2)},
       "'quant_type'"},
      {"MoE", moe, {Attr("activation_type", "relu2")}, "'activation_type'"},
      {"MoE", moe, {Attr("activation_type", "swiglu")}, "'swiglu_fusion'"},
      {"MoE", {moe[0], moe[1], moe[2]}, {}, "input 4"},
      {"MoE", moe, {Attr("use_sparse_mixer", 1)}, "'use_sparse_mixer'"},
      {"MRotaryEmbedding",
       {x, {kLong, {3, 1, 3}}, {kF, {9, 2}}, {kF, {9, 2}}},
       {Attr("mrope_section", std::vector<int64_t>{1, 1})},
       "'mrope_section'"},
      {"GatedRMSNorm", {x, {kF, {3}}, x}, {}, "the scale"},
      {"GatedRMSNorm", {x, {kF, {4}}, x}, {Attr("activation", "relu")}, "'activation'"},
      {"LinearAttention",
       {x, x, x},
       {Attr("q_num_heads", 2), Attr("kv_num_heads", 2), Attr("state_window", 1)},
       "'state_window'"},
      {"CausalConvWithState", {x, {kF, {3, 1, 4}}}, {Attr("ndim", 2)}, "'ndim'"},
      {"MoE",
       {moe[0], moe[1], moe[2], none, moe[4], none, {kF, {3, 6, 8}}},
       {Attr("activation_type", "silu")},
       "input 6"},
      {"QMoE", qmoe, {Attr("quant_type", "fp8")}, "'quant_type'"},
      {"QMoE", qmoe, {Attr("expert_weight_bits", 3)}, "'expert_weight_bits'"},
      {"Tokenizer", {{kText, {2}}}, tokens, "'tokenexp'"},
      {"Tokenizer", {{kText, {2}}}, with(tokens, Attr("tokenexp", "(a")), "a"},
      {"Tokenizer", {{kText, {2, 1, 1}}}, with(tokens, Attr("tokenexp", "a")), "rank"},
      {"Tokenizer", {{kText, {2}}}, {Attr("mark", 0)}, "'mincharnum'"},
      {"CDist", {{kF, {2, 3}}, {kF, {4, 3}}}, {Attr("metric", "cosine")}, "'metric'"},
      {"CDist", {{kF, {2, 3}}, {kF, {4, 5}}}, {}, "lengths"},
      {"Inverse", {{kF, {2, 3}}}, {}, "square"},
      {"QLinearWhere",
       {{kBool, {1}},
        table,
        {kF, {}},
        {kByte, {}},
        table,
        {kF, {2}},
        {kByte, {}},
        {kF, {}},
        {kByte, {}}},
       {},
       "input 5"},
  };
  for (const Refusal& refusal : cases) {
    SCOPED_TRACE(std::string(refusal.op) + " " + refusal.word);
    const auto model = engine::Model::Load(ModelOf(refusal), {});
    ASSERT_FALSE(model.has_value());
    const std::string_view message = model.error().message();
    EXPECT_NE(message.find(refusal.word), std::string_view::npos) << message;
    EXPECT_NE(message.find("'node'"), std::string_view::npos) << message;
  }
}

// One that hears of what is wrong from its inputs' values.
TEST(Microsoft, RefusedAtRun) {
  const Refusal group = {"GroupQueryAttention",
                         {{kF, {1, 1, 8}},
                          {kF, {1, 1, 4}},
                          {kF, {1, 1, 4}},
                          {kF, {1, 1, 5, 4}},
                          {kF, {1, 1, 5, 4}},
                          {kInt, {1}},
                          {kInt, {1}}},
                         {Attr("num_heads", 2), Attr("kv_num_heads", 1)},
                         ""};
  const auto run = [&](int32_t length, int32_t total) {
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < 5; ++i) {
      const Shape& shape = group.inputs[i].shape;
      inputs.push_back(MakeTensor<float>(shape, Noise(ElementCount(shape).value_or(0))));
    }
    inputs.push_back(MakeTensor<int32_t>({1}, {length}));
    inputs.push_back(MakeTensor<int32_t>({1}, {total}));
    return RunModel(ModelOf(group), inputs);
  };
  EXPECT_TRUE(run(5, 6).has_value());
  for (int32_t length : {-2, 6, INT32_MAX}) {
    const auto wrong = run(length, 6);
    ASSERT_FALSE(wrong.has_value()) << length;
    EXPECT_NE(wrong.error().message().find("'seqlens_k'"), std::string_view::npos)
        << wrong.error().message();
  }
  EXPECT_FALSE(run(5, -1).has_value());
}

// Rows of signed integers of 4 bits, whose scales are halves.
TEST(Microsoft, GatherOfPackedIntegers) {
  using kernels::Float16;
  ModelBuilder model(21);
  model.Import("com.microsoft", 1);
  model.Input("at", DType::kInt64, {4});
  model.Output("y");
  std::string bytes;
  for (int i = 0; i < 16; ++i) bytes.push_back(static_cast<char>(i * 17));  // each number twice
  model.InitializerMessage(WireWriter()
                               .Varint(1, 2)
                               .Varint(1, 16)
                               .Varint(2, static_cast<uint64_t>(DType::kInt4))
                               .Bytes(8, "table")
                               .Bytes(9, bytes));
  model.Initializer<Float16>("scales", {2, 1},
                             {kernels::Convert<Float16>(1.0f), kernels::Convert<Float16>(0.5f)});
  model.Node("GatherBlockQuantized", {"table", "at", "scales"}, {"y"}, {Attr("block_size", 16)},
             "node", "com.microsoft");
  std::vector<Tensor> inputs;
  inputs.push_back(MakeTensor<int64_t>({4}, {-1, 0, 7, INT64_MIN}));
  const auto outputs = RunModel(model.Build(), inputs);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  std::vector<float> expected;
  for (int i = 0; i < 16; ++i) expected.push_back(0.5f * static_cast<float>(i / 2 - 8));
  for (int i = 0; i < 16; ++i) expected.push_back(static_cast<float>(i / 2));
  expected.resize(64);  // there is no row 7, nor one that far from the end
  std::vector<float> got;
  for (Float16 x : ValuesOf<Float16>(outputs->at(0))) got.push_back(kernels::ToFloat(x));
  EXPECT_EQ(got, expected);
}

TEST(Microsoft, ExpertsOfHalves) {
  using kernels::Float16;
  const auto halves = [](int64_t n, uint32_t seed) {
    std::vector<Float16> values;
    for (float x : Noise(n, seed)) values.push_back(kernels::Convert<Float16>(x - 0.5f));
    return values;
  };
  std::vector<std::vector<float>> results;
  for (DType dtype : {DType::kFloat, DType::kFloat16}) {
    ModelBuilder model(17);
    model.Import("com.microsoft", 1);
    model.Input("x", dtype, {4, 8});
    model.Input("router", dtype, {4, 3});
    model.Output("y");
    const auto constant = [&](const char* name, const Shape& shape, uint32_t seed) {
      const auto values = halves(ElementCount(shape).value_or(0), seed);
      if (dtype == DType::kFloat16) return model.Initializer<Float16>(name, shape, values);
      std::vector<float> floats;
      for (Float16 x : values) floats.push_back(kernels::ToFloat(x));
      model.Initializer<float>(name, shape, floats);
    };
    model.Initializer<uint8_t>("w1", {3, 6, 4}, std::vector<uint8_t>(72, 0x5b));
    constant("s1", {3, 6}, 1);
    constant("b1", {3, 6}, 2);
    model.Initializer<uint8_t>("w2", {3, 8, 3}, std::vector<uint8_t>(72, 0xa3));
    constant("s2", {3, 8}, 3);
    constant("b2", {3, 8}, 4);
    model.Initializer<uint8_t>("z1", {3, 3}, std::vector<uint8_t>(9, 0x42));
    model.Node("QMoE", {"x", "router", "w1", "s1", "b1", "w2", "s2", "b2", "", "", "", "z1"}, {"y"},
               {Attr("activation_type", "silu"), Attr("k", 2)}, "node", "com.microsoft");
    const auto x = halves(32, 5), router = halves(12, 6);
    std::vector<Tensor> inputs;
    for (const auto& [shape, values] :
         {std::pair(Shape{4, 8}, x), std::pair(Shape{4, 3}, router)}) {
      std::vector<float> floats;
      for (Float16 v : values) floats.push_back(kernels::ToFloat(v));
      inputs.push_back(dtype == DType::kFloat16 ? MakeTensor<Float16>(shape, values)
                                                : MakeTensor<float>(shape, floats));
    }
    const auto outputs = RunModel(model.Build(), inputs);
    ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
    results.emplace_back();
    if (dtype == DType::kFloat) {
      results.back() = ValuesOf<float>(outputs->at(0));
    } else {
      for (Float16 v : ValuesOf<Float16>(outputs->at(0))) {
        results.back().push_back(kernels::ToFloat(v));
      }
    }
  }
  for (size_t i = 0; i < results[0].size(); ++i) {
    EXPECT_NEAR(results[0][i], results[1][i], 2e-3f * (1 + std::fabs(results[0][i])));
  }
}

}  // namespace
}  // namespace wnn::testing
