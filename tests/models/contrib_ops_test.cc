// Other operators of com.microsoft, `builtin` against `onnxruntime`.
#include <gtest/gtest.h>

#include "tests/models/contrib_case.h"

namespace wnn::testing {
namespace {

constexpr int64_t kBatch = 2, kLength = 5, kHidden = 12;

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

// Scales of weights and zero points, one for all or one for each.
FloatList Ramp(int64_t n, float first, float last) {
  FloatList values;
  for (int64_t i = 0; i < n; ++i) {
    values.push_back(first + (last - first) * static_cast<float>(i) / static_cast<float>(n));
  }
  return values;
}

// Weights and states are multiplied as integers in both, so that only functions' roundings differ.
// One sequence: ONNX Runtime's numbers of several depend on its number of threads.
TEST(MicrosoftOps, DynamicQuantizeLstm) {
  constexpr int64_t kSteps = 40, kInputs = 6, kState = 9, kGates = 4 * kState;
  for (const char* direction : {"forward", "bidirectional"}) {
    for (bool by_gate : {false, true}) {
      const int64_t n = direction[0] == 'b' ? 2 : 1, columns = by_gate ? kGates : 1;
      const Shape scales = by_gate ? Shape{n, kGates} : Shape{n};
      Case c("com.microsoft");
      c.Random({kSteps, 1, kInputs}, 3)
          .Constant<uint8_t>({n, kInputs, kGates}, RandomBytes(n * kInputs * kGates, 1))
          .Constant<uint8_t>({n, kState, kGates}, RandomBytes(n * kState * kGates, 2))
          .RandomConstant({n, 2 * kGates})
          .LeftOut()
          .Random({n, 1, kState})
          .Random({n, 1, kState})
          .LeftOut()
          .Constant<float>(scales, Ramp(n * columns, 0.008f, 0.012f))
          .Constant<uint8_t>(scales, std::vector<uint8_t>(static_cast<size_t>(n * columns), 128))
          .Constant<float>(scales, Ramp(n * columns, 0.006f, 0.003f))
          .Constant<uint8_t>(scales, std::vector<uint8_t>(static_cast<size_t>(n * columns), 125))
          .Node("DynamicQuantizeLSTM", {kF, kF, kF},
                {Attr("hidden_size", kState), Attr("direction", direction)});
      c.ExpectEqual(2e-6);
    }
  }
}

TEST(MicrosoftOps, MatricesOfBytes) {
  constexpr int64_t kRows = 7, kK = 50, kN = 21;
  for (bool by_column : {false, true}) {
    const int64_t columns = by_column ? kN : 1;
    const Shape shape = by_column ? Shape{kN} : Shape{};
    const auto weights = [&](Case& c) -> Case& {
      return c.Constant<uint8_t>({kK, kN}, RandomBytes(kK * kN, 1));
    };
    const FloatList scales = Ramp(columns, 0.01f, 0.02f);
    const std::vector<uint8_t> zeros(static_cast<size_t>(columns), 120);
    Case dynamic("com.microsoft");
    weights(dynamic.Random({kRows, kK}, 2))
        .Constant<float>(shape, scales)
        .Constant<uint8_t>(shape, zeros)
        .RandomConstant({kN})
        .Node("DynamicQuantizeMatMul", {kF})
        .ExpectEqual(1e-6);
    Case given("com.microsoft");
    weights(given.Add(kByte, {kRows, kK}, RandomBytes(kRows * kK, 2)))
        .Constant<float>({}, {0.03f})
        .Constant<float>(shape, scales)
        .Constant<uint8_t>({}, {99})
        .Constant<uint8_t>(shape, zeros)
        .RandomConstant({kN})
        .Node("MatMulIntegerToFloat", {kF})
        .ExpectEqual(1e-6);
  }
}

TEST(MicrosoftOps, NormalisationAfterAResidual) {
  const std::pair<Shape, Shape> cases[] = {{{kBatch, kLength, 40}, {kBatch, kLength, 40}},
                                           {{kBatch, kLength, 40}, {1, kLength, 40}},
                                           {{kBatch, kLength, 40}, {kLength, 40}},
                                           {{kLength, 40}, {kLength, 40}}};
  for (const char* op : {"SkipLayerNormalization", "SkipSimplifiedLayerNormalization"}) {
    for (const auto& [shape, skip] : cases) {
      for (bool bias : {false, true}) {
        SCOPED_TRACE(std::string(op) + ShapeToString(skip));
        Case c("com.microsoft");
        c.Random(shape).Random(skip).Random({40});
        if (op[4] == 'L') bias ? c.Random({40}) : c.LeftOut();
        if (bias) c.Random({40});
        c.Node(op, {kF, kNone, kNone, kF}, {Attr("epsilon", 1e-4f)}).ExpectEqual();
      }
    }
  }
}

TEST(MicrosoftOps, GatedNormalisation) {
  for (const char* gate : {"silu", "sigmoid"}) {
    Case("com.microsoft")
        .Random({2, 3, 40})
        .Random({20})
        .Random({2, 3, 40}, 3)
        .Node("GatedRMSNorm", {kF}, {Attr("activation", gate)})
        .ExpectEqual();
  }
}

TEST(MicrosoftOps, ActivationsWithABias) {
  Case("com.microsoft").Random({3, 40}, 4).Random({40}).Node("BiasGelu", {kF}).ExpectEqual();
  Case("com.microsoft").Random({3, 40}, 4).Random({40}).Node("FastGelu", {kF}).ExpectEqual();
  Case("com.microsoft").Random({3, 40}, 4).Node("QuickGelu", {kF}).ExpectEqual();
}

TEST(MicrosoftOps, FusedMatMul) {
  const struct {
    Shape a, b;
    bool constant_b;
    Attributes attributes;
  } cases[] = {
      {{2, 5, 4}, {2, 3, 4}, false, {Attr("transB", 1), Attr("alpha", 0.5f)}},
      {{2, 4, 5}, {4, 3}, true, {Attr("transA", 1)}},
      {{5, 6, 4}, {6, 4, 3}, false, {Attr("transBatchA", 1)}},
      {{4, 6, 5},
       {3, 6, 4},
       false,
       {Attr("transBatchA", 1), Attr("transA", 1), Attr("transBatchB", 1), Attr("transB", 1)}},
      {{5, 2, 6, 4}, {2, 6, 4, 3}, true, {Attr("transBatchA", 1), Attr("alpha", 2.0f)}},
      {{6, 5, 4}, {4, 1, 3}, true, {Attr("transBatchB", 1)}},
  };
  for (const auto& m : cases) {
    SCOPED_TRACE(ShapeToString(m.a) + ShapeToString(m.b));
    Case c("com.microsoft");
    c.Random(m.a);
    m.constant_b ? c.RandomConstant(m.b) : c.Random(m.b);
    c.Node("FusedMatMul", {kF}, m.attributes).ExpectEqual();
  }
}

// What language models of 2, 4 and 8 bits are made of. Scales in [0.02, 0.04).
FloatList Scales(int64_t n) {
  FloatList scales = RandomList(n, 77);
  for (float& scale : scales) scale = 0.03f + 0.01f * scale;
  return scales;
}

struct NBits {
  int64_t bits = 4, k = 80, block = 32;
  enum class Zeros { kNone, kIntegers, kFloats } zeros = Zeros::kNone;
  bool groups = false, bias = false, weights = true;
  Attributes more = {};
  double tolerance = 1e-5;
};

TEST(MicrosoftOps, MatMulNBits) {
  constexpr int64_t kN = 12;
  using Z = NBits::Zeros;
  const NBits cases[] = {
      {},
      {.bits = 2, .zeros = Z::kIntegers},
      {.zeros = Z::kIntegers, .bias = true},
      {.bits = 8, .k = 64, .block = 16, .zeros = Z::kIntegers},
      {.zeros = Z::kFloats},
      {.groups = true},
      {.block = 128},
      {.bits = 8, .weights = false},
      {.bias = true, .weights = false},
      // ONNX Runtime computes these in integers.
      {.zeros = Z::kIntegers, .more = {Attr("accuracy_level", 4)}, .tolerance = 0.03},
  };
  for (const NBits& b : cases) {
    SCOPED_TRACE("case " + std::to_string(&b - cases));
    const int64_t blocks = (b.k + b.block - 1) / b.block, bytes = b.block * b.bits / 8;
    const int64_t n = b.weights ? kN : 0;
    Case c("com.microsoft");
    c.Random({2, 3, b.k});
    c.Constant<uint8_t>({n, blocks, bytes}, RandomBytes(n * blocks * bytes, 1));
    c.Constant<float>({kN, blocks}, Scales(kN * blocks));
    const int64_t zero_bytes = (blocks * b.bits + 7) / 8;
    switch (b.zeros) {
      case Z::kNone: c.LeftOut(); break;
      case Z::kIntegers:
        c.Constant<uint8_t>({kN, zero_bytes}, RandomBytes(kN * zero_bytes, 2));
        break;
      case Z::kFloats: c.RandomConstant({kN, blocks}, 4); break;
    }
    Int32s groups;
    for (int64_t i = 0; i < b.k; ++i) groups.push_back(static_cast<int32_t>(i % blocks));
    b.groups ? c.Constant<int32_t>({b.k}, groups) : c.LeftOut();
    b.bias ? c.RandomConstant({kN}) : c.LeftOut();
    Attributes attributes = {Attr("K", b.k), Attr("N", kN), Attr("bits", b.bits),
                             Attr("block_size", b.block)};
    attributes.insert(attributes.end(), b.more.begin(), b.more.end());
    c.Node("MatMulNBits", {kF}, attributes).ExpectEqual(b.tolerance);
  }
}

TEST(MicrosoftOps, GatherBlockQuantized) {
  constexpr int64_t kRows = 10, kColumns = 64;
  const Ints rows = {3, 0, -1, 9, 12, -11};  // the last two are outside: zeros
  for (int64_t bits : {2, 4, 8}) {
    for (bool zeros : {false, true}) {
      SCOPED_TRACE("bits " + std::to_string(bits));
      const int64_t bytes = kColumns * bits / 8;
      Case c("com.microsoft");
      c.Constant<uint8_t>({kRows, bytes}, RandomBytes(kRows * bytes, 1))
          .Add(kI, {2, 3}, rows)
          .Constant<float>({kRows, 2}, Scales(kRows * 2));
      const int64_t zero_bytes = (2 * bits + 7) / 8;
      if (zeros) c.Constant<uint8_t>({kRows, zero_bytes}, RandomBytes(kRows * zero_bytes, 2));
      c.Node("GatherBlockQuantized", {kF},
             {Attr("bits", bits), Attr("block_size", 32), Attr("quantize_axis", 1)})
          .ExpectEqual();
    }
  }
}

struct Experts {
  const char* activation = "silu";
  int64_t k = 2, normalize = 1;
  int64_t bits = 0;  // 0: floats
  int64_t block = 0;
  bool zeros = false, router_weights = false, bias = true;
  double tolerance = 1e-5;
};

void ExpectExperts(const Experts& e) {
  constexpr int64_t kTokens = 7, kWidth = 64, kInner = 96, kExperts = 4;
  const bool gated = std::string_view(e.activation) == "swiglu";
  Case c("com.microsoft");
  c.Random({kTokens, kWidth}).Random({kTokens, kExperts}, 2);
  const auto layer = [&](int64_t n, int64_t k) {
    if (e.bits == 0) {
      c.RandomConstant({kExperts, n, k}, 0.2f);
    } else {
      const int64_t bytes = k * e.bits / 8, blocks = e.block > 0 ? k / e.block : 1;
      c.Constant<uint8_t>({kExperts, n, bytes}, RandomBytes(kExperts * n * bytes, 3));
      FloatList scales = Scales(kExperts * n * blocks);
      for (float& scale : scales) scale *= e.bits == 8 ? 0.06f : 1;
      c.Constant<float>(e.block > 0 ? Shape{kExperts, n, blocks} : Shape{kExperts, n}, scales);
    }
    e.bias ? c.RandomConstant({kExperts, n}) : c.LeftOut();
  };
  const auto zeros = [&](int64_t n, int64_t k) {
    const int64_t bytes = e.block > 0 ? (k / e.block * e.bits + 7) / 8 : (n * e.bits + 7) / 8;
    const Shape shape = e.block > 0 ? Shape{kExperts, n, bytes} : Shape{kExperts, bytes};
    if (!e.zeros) return (void)c.LeftOut();
    c.Constant<uint8_t>(shape, RandomBytes(ElementCount(shape).value_or(0), 4));
  };
  layer(gated ? 2 * kInner : kInner, kWidth);
  layer(kWidth, kInner);
  Attributes attributes = {Attr("activation_type", e.activation), Attr("k", e.k),
                           Attr("normalize_routing_weights", e.normalize)};
  if (gated) {
    for (const auto& [name, value] :
         {std::pair("activation_alpha", 1.702f), {"activation_beta", 1.0f}, {"swiglu_limit", 3}}) {
      attributes.push_back(Attr(name, value));
    }
    attributes.push_back(Attr("swiglu_fusion", 1));
  }
  if (e.bits > 0) {
    c.LeftOut().LeftOut().LeftOut();
    zeros(gated ? 2 * kInner : kInner, kWidth);
    zeros(kWidth, kInner);
    c.LeftOut();
    if (e.router_weights) c.Add(kF, {kTokens, kExperts}, Scales(kTokens * kExperts));
    attributes.push_back(Attr("expert_weight_bits", e.bits));
    if (e.block > 0) attributes.push_back(Attr("block_size", e.block));
  }
  c.Node(e.bits > 0 ? "QMoE" : "MoE", {kF}, attributes).ExpectEqual(e.tolerance);
}

TEST(MicrosoftOps, MixturesOfExperts) {
  const Experts cases[] = {
      {.activation = "relu", .k = 1, .normalize = 0},
      {.activation = "gelu", .normalize = 0, .bias = false},
      {},
      {.activation = "identity", .k = 4},
      {.activation = "swiglu"},
      {.bits = 4},
      {.activation = "swiglu", .bits = 4, .block = 32},
      {.activation = "swiglu", .bits = 4, .block = 16, .zeros = true, .bias = false},
      {.activation = "swiglu", .bits = 4, .zeros = true},
      {.bits = 2, .block = 32, .zeros = true},
      {.activation = "swiglu", .bits = 8, .zeros = true},
      {.bits = 4, .block = 32, .router_weights = true},
      {.normalize = 0, .bits = 4, .block = 32, .router_weights = true},
      // ONNX Runtime computes this in integers.
      {.activation = "swiglu", .bits = 8, .block = 32, .tolerance = 0.05},
  };
  for (const Experts& e : cases) {
    SCOPED_TRACE("case " + std::to_string(&e - cases));
    ExpectExperts(e);
  }
}

TEST(MicrosoftOps, MatMulBnb4) {
  constexpr int64_t kK = 40, kN = 6, kBlock = 16, kCodes = kK * kN;
  for (int type : {0, 1}) {
    Case("com.microsoft")
        .Random({2, 3, kK})
        .Constant<uint8_t>({kCodes / 2}, RandomBytes(kCodes / 2, 1))
        .Constant<float>({kCodes / kBlock}, Scales(kCodes / kBlock))
        .Node("MatMulBnb4", {kF},
              {Attr("K", kK), Attr("N", kN), Attr("block_size", kBlock), Attr("quant_type", type)})
        .ExpectEqual();
  }
}

// Those that exporters wrote before ONNX had them.
TEST(MicrosoftOps, OlderOperators) {
  FloatList matrices = RandomList(32, 1);
  for (size_t i = 0; i < 32; i += i == 15 ? 1 : 5) matrices[i] += 3;  // far from singular
  Case("com.microsoft").Add(kF, {2, 4, 4}, matrices).Node("Inverse", {kF}).ExpectEqual();
  Case("com.microsoft")
      .Random({2, 4, 5})
      .Constant<int64_t>({}, {1})
      .Node("Trilu", {kF}, {Attr("upper", 0)})
      .ExpectEqual();
  for (const char* mode : {"bilinear", "nearest", "bicubic"}) {
    SCOPED_TRACE(mode);
    Case("com.microsoft")
        .Random({1, 2, 4, 5})
        .Random({1, 3, 3, 2}, 1.2f)
        .Node("GridSample", {kF}, {Attr("mode", mode), Attr("padding_mode", "zeros")})
        .ExpectEqual();
  }
  Case("com.microsoft")
      .Random({2, 5, 4})
      .Random({2, 3, 4})
      .Node("TransposeMatMul", {kF}, {Attr("transB", 1)})
      .ExpectEqual();
}

TEST(MicrosoftOps, QLinearWhere) {
  const auto number = [](Case& c, float scale, uint8_t zero) {
    c.Constant<float>({}, {scale}).Constant<uint8_t>({}, {zero});
  };
  Case c("com.microsoft");
  c.Add(DType::kBool, {2, 1}, std::vector<uint8_t>{1, 0});
  c.Add(kByte, {2, 30}, RandomBytes(60, 1));
  number(c, 0.02f, 3);
  c.Add(kByte, {1, 30}, RandomBytes(30, 2));
  number(c, 0.05f, 100);
  number(c, 0.04f, 7);
  c.Node("QLinearWhere", {kByte}).ExpectEqual();
}

TEST(MicrosoftOps, QEmbedLayerNormalization) {
  for (bool segments : {true, false}) {
    Case c("com.microsoft");
    c.Add(kInt, {kBatch, kLength}, Int32s{1, 2, 3, 4, 5, 9, 8, 7, 6, 5});
    const auto with = [&](bool is_there, const auto& add) { is_there ? add() : (void)c.LeftOut(); };
    with(segments, [&] { c.Add(kInt, {kBatch, kLength}, Int32s{0, 0, 1, 1, 1, 0, 1, 1, 1, 1}); });
    for (int64_t rows : {10, 6, 2, 0, 0}) {  // words, positions, segments, gamma, beta
      const Shape shape = rows > 0 ? Shape{rows, kHidden} : Shape{kHidden};
      with(segments || rows != 2,
           [&] { c.Constant<uint8_t>(shape, RandomBytes(ElementCount(shape).value_or(0), 5)); });
    }
    c.Add(kInt, {kBatch, kLength}, Int32s{1, 1, 1, 0, 0, 1, 1, 1, 1, 1});
    for (float scale : {0.02f, 0.03f, 0.01f, 0.05f, 0.04f}) {
      with(segments || scale != 0.01f, [&] { c.Constant<float>({}, {scale}); });
    }
    for (uint8_t zero : {120, 3, 200, 7, 128}) {
      with(segments || zero != 200, [&] { c.Constant<uint8_t>({}, {zero}); });
    }
    c.Node("QEmbedLayerNormalization", {kF, kInt}, {Attr("epsilon", 1e-5f)}).ExpectEqual();
  }
}

}  // namespace
}  // namespace wnn::testing
