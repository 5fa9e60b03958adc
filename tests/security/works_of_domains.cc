// What takes long of ai.onnx.ml and com.microsoft, of strings and of sequences.
#include "tests/security/works.h"

namespace wnn::testing {
namespace {

// A node of another domain than ai.onnx.
std::string NodeOf(const std::string& domain, const std::string& op,
                   const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                   const std::string& attributes = "") {
  return Node(op, inputs, outputs, attributes + Bytes(7, domain));
}
std::string Ml(const std::string& op, const std::vector<std::string>& inputs,
               const std::vector<std::string>& outputs, const std::string& attributes = "") {
  return NodeOf("ai.onnx.ml", op, inputs, outputs, attributes);
}
std::string Microsoft(const std::string& op, const std::vector<std::string>& inputs,
                      const std::string& attributes = "",
                      const std::vector<std::string>& outputs = {"y"}) {
  return NodeOf("com.microsoft", op, inputs, outputs, attributes);
}

std::string FloatsAttribute(const std::string& name, const std::vector<float>& values) {
  std::string packed(values.size() * 4, '\0');
  if (!values.empty()) std::memcpy(packed.data(), values.data(), packed.size());
  return Bytes(5, Bytes(1, name) + Bytes(7, packed) + Number(20, 6));
}
std::string StringsAttribute(const std::string& name, const std::vector<std::string>& values) {
  std::string strings;
  for (const std::string& value : values) strings += Bytes(9, value);
  return Bytes(5, Bytes(1, name) + strings + Number(20, 8));
}

// `n` trees of one decision each on feature 0.
std::string Trees(int64_t n) {
  std::vector<int64_t> trees, nodes, features, yes, no, targets_tree, targets_node, targets;
  std::vector<float> values, weights;
  std::vector<std::string> modes;
  for (int64_t t = 0; t < n; ++t) {
    for (int64_t i = 0; i < 3; ++i) {
      trees.push_back(t);
      nodes.push_back(i);
      features.push_back(0);
      yes.push_back(i == 0 ? 1 : 0);
      no.push_back(i == 0 ? 2 : 0);
      values.push_back(0.5f);
      modes.push_back(i == 0 ? "BRANCH_LEQ" : "LEAF");
      if (i == 0) continue;
      targets_tree.push_back(t);
      targets_node.push_back(i);
      targets.push_back(0);
      weights.push_back(1);
    }
  }
  return IntsAttribute("nodes_treeids", trees) + IntsAttribute("nodes_nodeids", nodes) +
         IntsAttribute("nodes_featureids", features) + IntsAttribute("nodes_truenodeids", yes) +
         IntsAttribute("nodes_falsenodeids", no) + FloatsAttribute("nodes_values", values) +
         StringsAttribute("nodes_modes", modes) + IntsAttribute("target_treeids", targets_tree) +
         IntsAttribute("target_nodeids", targets_node) + IntsAttribute("target_ids", targets) +
         FloatsAttribute("target_weights", weights) + IntAttribute("n_targets", 1);
}

std::string Zeros(const std::string& name, const std::vector<int64_t>& shape) {
  return Int64s(name + "_shape", shape) + Node("ConstantOfShape", {name + "_shape"}, {name});
}
std::string ZeroBytes(const std::string& name, const std::vector<int64_t>& shape) {
  size_t n = 1;
  for (int64_t dim : shape) n *= static_cast<size_t>(dim);
  return Initializer<uint8_t>(name, DType::kUint8, shape, std::vector<uint8_t>(n));
}
std::string Strings(const std::string& name, const std::vector<std::string>& values) {
  std::string strings;
  for (const std::string& value : values) strings += Bytes(6, value);
  return Bytes(5, Number(1, values.size()) + Number(2, 8) + strings + Bytes(8, name));
}
std::string ScaleAndZero() {
  return Initializer<float>("s", DType::kFloat, {}, {0.5f}) +
         Initializer<uint8_t>("z", DType::kUint8, {}, {1});
}

}  // namespace

std::vector<Work> MlWorks() {
  const Input row = Floats({1, kHalf / 2}, {1, 8});
  const Input rows = Floats({kHalf / 4, 4}, {2, 4});
  const std::vector<float> four = {1, 2, 3, 4};
  const auto rows_of = [&](const std::string& op, const std::string& attributes) {
    return Of(op, Ml(op, {"x0"}, {"y"}, attributes), {rows});
  };
  constexpr int64_t kVectors = 10'000;
  const std::string svm =
      StringAttribute("kernel_type", "RBF") + FloatsAttribute("kernel_params", {0.1f, 0, 0}) +
      FloatsAttribute("support_vectors", std::vector<float>(kVectors * 4, 0.5f)) +
      FloatsAttribute("coefficients", std::vector<float>(kVectors, 0.5f)) +
      FloatsAttribute("rho", {0.5f}) + IntAttribute("n_supports", kVectors);
  constexpr int64_t kClasses = 1000;
  std::vector<int64_t> labels(kClasses);
  for (int64_t i = 0; i < kClasses; ++i) labels[static_cast<size_t>(i)] = i;
  constexpr size_t kPairs = kClasses * (kClasses - 1) / 2;
  return {
      Of("TreeEnsembleRegressor, many rows", Ml("TreeEnsembleRegressor", {"x0"}, {"y"}, Trees(10)),
         {rows}),
      Of("TreeEnsembleRegressor, many trees",
         Ml("TreeEnsembleRegressor", {"x0"}, {"y"}, Trees(50'000)),
         {Floats({1'000'000, 4}, {2, 4})}),
      rows_of("SVMRegressor", svm),
      Of("SVMClassifier, probabilities",
         Ml("SVMClassifier", {"x0"}, {"l", "y"},
            StringAttribute("kernel_type", "LINEAR") + IntsAttribute("classlabels_ints", labels) +
                IntsAttribute("vectors_per_class", std::vector<int64_t>(kClasses, 1)) +
                FloatsAttribute("support_vectors", std::vector<float>(kClasses, 0.5f)) +
                FloatsAttribute("coefficients",
                                std::vector<float>(kClasses * (kClasses - 1), 0.5f)) +
                FloatsAttribute("rho", std::vector<float>(kPairs, 0.5f)) +
                FloatsAttribute("prob_a", std::vector<float>(kPairs, 0.5f)) +
                FloatsAttribute("prob_b", std::vector<float>(kPairs, 0.5f))),
         {Floats({1000, 1}, {1, 1})}),
      rows_of("LinearRegressor", FloatsAttribute("coefficients", four)),
      Of("LinearClassifier",
         Ml("LinearClassifier", {"x0"}, {"l", "y"},
            FloatsAttribute("coefficients", {1, 2, 3, 4, 5, 6, 7, 8}) +
                FloatsAttribute("intercepts", {1, 2}) + IntsAttribute("classlabels_ints", {0, 1})),
         {rows}),
      Of("Scaler, one row",
         Ml("Scaler", {"x0"}, {"y"},
            FloatsAttribute("offset", {1}) + FloatsAttribute("scale", {2})),
         {row}),
      Of("Normalizer, one row", Ml("Normalizer", {"x0"}, {"y"}, StringAttribute("norm", "L2")),
         {row}),
      Of("Binarizer, one row", Ml("Binarizer", {"x0"}, {"y"}), {row}),
      Of("Imputer, one row",
         Ml("Imputer", {"x0"}, {"y"}, FloatsAttribute("imputed_value_floats", {1})), {row}),
      Of("OneHotEncoder",
         Ml("OneHotEncoder", {"x0"}, {"y"}, IntsAttribute("cats_int64s", {0, 1, 2, 3})),
         {Floats({kHalf / 4}, {8})}),
      Of("FeatureVectorizer", Ml("FeatureVectorizer", {"x0", "x1"}, {"y"}), {rows, rows}),
      Of("ArrayFeatureExtractor",
         Ml("ArrayFeatureExtractor", {"x0", "i"}, {"y"}) + Int64s("i", {1, 2}), {rows}),
      Of("LabelEncoder",
         Ml("LabelEncoder", {"x0"}, {"y"},
            IntsAttribute("keys_int64s", {0, 1, 2}) + FloatsAttribute("values_floats", {1, 2, 3})),
         {Int64Input({100'000'000}, {8})}),
      Of("LabelEncoder, many labels",
         Ml("LabelEncoder", {"x0"}, {"y"},
            IntsAttribute("keys_int64s", std::vector<int64_t>(1'500'000, 1)) +
                FloatsAttribute("values_floats", std::vector<float>(1'500'000, 1))),
         {Int64Input({100'000'000}, {8})}),
      Of("CategoryMapper",
         Ml("CategoryMapper", {"x0"}, {"t"},
            IntsAttribute("cats_int64s", {0, 1}) + StringsAttribute("cats_strings", {"a", "b"})) +
             Node("Shape", {"t"}, {"y"}),
         {Int64Input({30'000'000}, {8})}, DType::kInt64),
      Of("ZipMap", Ml("ZipMap", {"x0"}, {"y"}, IntsAttribute("classlabels_int64s", {0, 1, 2, 3})),
         {Floats({1'000'000, 4}, {2, 4})}, DType::kUndefined),
  };
}

std::vector<Work> MicrosoftWorks() {
  constexpr int64_t kWide = 4096, kHeads = 16;
  const Input words = Floats({1, 4096, kWide}, {1, 2, kWide});
  const std::string heads = IntAttribute("num_heads", kHeads);
  const Input q = Floats({1, 16'384, 512}, {1, 2, 512});
  const Input byte_rows = ByteInput({kHalf}, {8});
  const Input planes = ByteInput({1, 16, 5000, 5000}, {1, 16, 2, 2});
  const Input half = Floats({kHalf}, {8});
  const Input table = Floats({kHalf / 1024, 1024}, {2, 1024});
  const std::string gamma = Zeros("g", {1024});
  std::vector<Work> works = {
      Of("com.microsoft Attention",
         Zeros("w", {512, 1536}) + Zeros("b", {1536}) +
             Microsoft("Attention", {"x0", "w", "b"}, heads),
         {q}),
      Of("QAttention",
         ScaleAndZero() + ZeroBytes("w", {512, 1536}) + Zeros("b", {1536}) +
             Microsoft("QAttention", {"x0", "w", "b", "s", "s", "", "z", "z"}, heads),
         {ByteInput({1, 16'384, 512}, {1, 2, 512})}),
      Of("MultiHeadAttention", Microsoft("MultiHeadAttention", {"x0", "x1", "x2"}, heads),
         {q, q, q}),
      Of("MatMulNBits",
         ZeroBytes("w", {4096, 128, 16}) + Zeros("f", {4096 * 128}) +
             Microsoft("MatMulNBits", {"x0", "w", "f"},
                       IntAttribute("K", 4096) + IntAttribute("N", 4096) + IntAttribute("bits", 4) +
                           IntAttribute("block_size", 32)),
         {words}),
      Of("SkipLayerNormalization",
         gamma + Microsoft("SkipLayerNormalization", {"x0", "x1", "g", "g"}),
         {Floats({1, kHalf / 1024, 1024}, {1, 2, 1024}),
          Floats({1, kHalf / 1024, 1024}, {1, 2, 1024})}),
      Of("SkipSimplifiedLayerNormalization",
         gamma + Microsoft("SkipSimplifiedLayerNormalization", {"x0", "x1", "g"}),
         {Floats({1, kHalf / 1024, 1024}, {1, 2, 1024}),
          Floats({1, kHalf / 1024, 1024}, {1, 2, 1024})}),
      Of("EmbedLayerNormalization",
         Zeros("t", {64, 1024}) + gamma +
             Microsoft("EmbedLayerNormalization", {"x0", "", "t", "p", "", "g", "g"}, "",
                       {"y", "m"}) +
             Zeros("p", {100'000, 1024}),
         {{DType::kInt32, {4, 100'000}, {1, 2}}}),
      Of("BiasGelu", gamma + Microsoft("BiasGelu", {"x0", "g"}), {table}),
      Of("FastGelu", Microsoft("FastGelu", {"x0"}), {half}),
      Of("QuickGelu", Microsoft("QuickGelu", {"x0"}), {half}),
      Of("FusedMatMul", Microsoft("FusedMatMul", {"x0", "x1"}, IntAttribute("transB", 1)),
         {Floats({8192, 8192}, {4, 4}), Floats({8192, 8192}, {4, 4})}),
      Of("FusedGemm", Microsoft("FusedGemm", {"x0", "x1"}, StringAttribute("activation", "Relu")),
         {Floats({8192, 8192}, {4, 4}), Floats({8192, 8192}, {4, 4})}),
      Of("FusedConv",
         Zeros("w", {512, 512, 3, 3}) +
             Microsoft("FusedConv", {"x0", "w"}, StringAttribute("activation", "Relu")),
         {Floats({1, 512, 256, 256}, {1, 512, 4, 4})}),
      Of("DynamicQuantizeMatMul",
         ScaleAndZero() + ZeroBytes("w", {4096, 4096}) +
             Microsoft("DynamicQuantizeMatMul", {"x0", "w", "s", "z"}),
         {Floats({16'384, 4096}, {2, 4096})}),
      Of("MatMulIntegerToFloat",
         ScaleAndZero() + ZeroBytes("w", {4096, 4096}) +
             Microsoft("MatMulIntegerToFloat", {"x0", "w", "s", "s", "z", "z"}),
         {ByteInput({16'384, 4096}, {2, 4096})}),
      Of("QGemm",
         ScaleAndZero() + ZeroBytes("w", {4096, 4096}) +
             Microsoft("QGemm", {"x0", "s", "z", "w", "s", "z"}),
         {ByteInput({16'384, 4096}, {2, 4096})}),
      Of("QLinearAdd",
         ScaleAndZero() + Microsoft("QLinearAdd", {"x0", "s", "z", "x1", "s", "z", "s", "z"}),
         {byte_rows, byte_rows}, DType::kUint8),
      Of("QLinearMul",
         ScaleAndZero() + Microsoft("QLinearMul", {"x0", "s", "z", "x1", "s", "z", "s", "z"}),
         {byte_rows, byte_rows}, DType::kUint8),
      Of("QLinearSigmoid", ScaleAndZero() + Microsoft("QLinearSigmoid", {"x0", "s", "z", "s", "z"}),
         {byte_rows}, DType::kUint8),
      Of("QLinearLeakyRelu",
         ScaleAndZero() + Microsoft("QLinearLeakyRelu", {"x0", "s", "z", "s", "z"}), {byte_rows},
         DType::kUint8),
      Of("QLinearSoftmax, one row",
         ScaleAndZero() +
             Microsoft("QLinearSoftmax", {"x0", "s", "z", "s", "z"}, IntAttribute("opset", 13)),
         {ByteInput({1, kHalf}, {1, 8})}, DType::kUint8),
      Of("QLinearAveragePool",
         ScaleAndZero() + Microsoft("QLinearAveragePool", {"x0", "s", "z", "s", "z"},
                                    IntsAttribute("kernel_shape", {255, 255})),
         {ByteInput({1, 16, 2000, 2000}, {1, 16, 256, 256})}, DType::kUint8),
      Of("QLinearGlobalAveragePool",
         ScaleAndZero() + Microsoft("QLinearGlobalAveragePool", {"x0", "s", "z", "s", "z"}),
         {planes}, DType::kUint8),
      Of("QLinearConcat",
         ScaleAndZero() + Microsoft("QLinearConcat", {"s", "z", "x0", "s", "z", "x1", "s", "z"},
                                    IntAttribute("axis", 0)),
         {byte_rows, byte_rows}, DType::kUint8),
  };
  const std::string length =
      Int64Scalar("one", 1) + Node("Shape", {"x0"}, {"n"}) + Node("Gather", {"n", "one"}, {"l"}) +
      Node("Cast", {"l"}, {"total"}, IntAttribute("to", 6)) + Node("Sub", {"l", "one"}, {"last"}) +
      Node("Reshape", {"last", "many"}, {"lasts"}) + Int64s("many", {1}) +
      Node("Cast", {"lasts"}, {"ends"}, IntAttribute("to", 6));
  const std::vector<Work> more = {
      Of("GroupQueryAttention",
         length + Zeros("p", {1, 4, 0, 32}) +
             Microsoft("GroupQueryAttention", {"x0", "x1", "x1", "p", "p", "ends", "total"},
                       heads + IntAttribute("kv_num_heads", 4), {"y", "k", "v"}),
         {q, Floats({1, 16'384, 128}, {1, 2, 128})}),
      Of("CDist", Microsoft("CDist", {"x0", "x1"}, StringAttribute("metric", "euclidean")),
         {Floats({20'000, 1000}, {2, 1000}), Floats({20'000, 1000}, {2, 1000})}),
      Of("Inverse", Microsoft("Inverse", {"x0"}), {Floats({2, 4096, 4096}, {2, 4, 4})}),
      Of("GatherBlockQuantized",
         ZeroBytes("w", {1000, 512}) + Zeros("f", {1000, 8}) +
             Microsoft("GatherBlockQuantized", {"w", "x0", "f"},
                       IntAttribute("bits", 4) + IntAttribute("block_size", 128)),
         {Int64Input({400'000}, {8})}),
      Of("QLinearWhere",
         ScaleAndZero() +
             Microsoft("QLinearWhere", {"x0", "x1", "s", "z", "x1", "s", "z", "s", "z"}),
         {{DType::kBool, {kHalf}, {8}}, byte_rows}, DType::kUint8),
      Of("MurmurHash3", Microsoft("MurmurHash3", {"x0"}), {{DType::kInt32, {kHalf}, {8}}},
         DType::kUint32),
      Of("Tokenizer",
         Node("Cast", {"x0"}, {"t"}, IntAttribute("to", 8)) +
             Microsoft("Tokenizer", {"t"},
                       IntAttribute("mark", 0) + IntAttribute("mincharnum", 1) +
                           StringAttribute("pad_value", "#") +
                           StringAttribute("tokenexp", "[0-9]+"),
                       {"u"}) +
             Node("Shape", {"u"}, {"y"}),
         {Int64Input({20'000'000}, {8})}, DType::kInt64),
  };
  works.insert(works.end(), more.begin(), more.end());
  return works;
}

std::vector<Work> TextWorks() {
  const Input numbers = Int64Input({20'000'000}, {8});
  const std::string cast = Node("Cast", {"x0"}, {"t"}, IntAttribute("to", 8));
  const auto of_texts = [&](const std::string& op, const std::string& nodes) {
    return Of(op, cast + nodes + Node("Shape", {"u"}, {"y"}), {numbers}, DType::kInt64);
  };
  const std::string pool = IntsAttribute("ngram_counts", {0, 2}) +
                           IntsAttribute("ngram_indexes", {0, 1, 2}) +
                           IntsAttribute("pool_int64s", {0, 1, 0, 0}) +
                           StringAttribute("mode", "TF") + IntAttribute("min_gram_length", 1) +
                           IntAttribute("max_gram_length", 2) + IntAttribute("max_skip_count", 5);
  // One text of many bytes, which the number of elements of x0 repeats.
  const std::string repeat = Node("Shape", {"x0"}, {"n"}) + Node("Expand", {"long", "n"}, {"t"});
  const auto of_long = [&](const std::string& op, const std::string& text,
                           const std::string& nodes) {
    return Of(op + ", long texts",
              Strings("long", {text}) + repeat + nodes + Node("Shape", {"u"}, {"y"}),
              {ByteInput({40}, {0})}, DType::kInt64);
  };
  const std::string letters(20'000'000, 'a');
  std::string words;
  for (int i = 0; i < 10'000'000; ++i) words += "a ";
  return {
      of_texts("Cast to strings", Node("Identity", {"t"}, {"u"})),
      Of("Cast from strings", cast + Node("Cast", {"t"}, {"y"}, IntAttribute("to", 1)), {numbers}),
      of_texts("StringConcat", Node("StringConcat", {"t", "t"}, {"u"})),
      of_texts("StringSplit", Node("StringSplit", {"t"}, {"u", "k"})),
      of_texts("StringNormalizer", Node("StringNormalizer", {"t"}, {"u"},
                                        StringAttribute("case_change_action", "UPPER") +
                                            StringsAttribute("stopwords", {"1"}))),
      of_texts("RegexFullMatch",
               Node("RegexFullMatch", {"t"}, {"u"}, StringAttribute("pattern", "(0|00)*1"))),
      of_texts("LabelEncoder, strings", Ml("LabelEncoder", {"t"}, {"u"},
                                           StringsAttribute("keys_strings", {"0", "1"}) +
                                               IntsAttribute("values_int64s", {1, 2}))),
      of_texts("CategoryMapper, strings", Ml("CategoryMapper", {"t"}, {"u"},
                                             IntsAttribute("cats_int64s", {0, 1}) +
                                                 StringsAttribute("cats_strings", {"0", "1"}))),
      of_texts("Equal, strings", Node("Equal", {"t", "t"}, {"u"})),
      of_texts("Unique, strings", Node("Unique", {"t"}, {"u"})),
      of_texts("Concat, strings", Node("Concat", {"t", "t"}, {"u"}, IntAttribute("axis", 0))),
      of_texts("Gather, strings", Node("Gather", {"t", "x0"}, {"u"})),
      Of("TfIdfVectorizer", Node("TfIdfVectorizer", {"x0"}, {"y"}, pool),
         {Int64Input({100'000'000}, {8})}),
      of_long("RegexFullMatch", letters,
              Node("RegexFullMatch", {"t"}, {"u"},
                   StringAttribute("pattern", "((a|aa)*(a|b)?){500}c"))),
      of_long("StringSplit", words, Node("StringSplit", {"t"}, {"u", "k"})),
      of_long("StringSplit, by a delimiter", letters,
              Node("StringSplit", {"t"}, {"u", "k"}, StringAttribute("delimiter", "aaab"))),
      of_long(
          "StringNormalizer", letters,
          Node("StringNormalizer", {"t"}, {"u"}, StringAttribute("case_change_action", "UPPER"))),
      of_long("StringConcat", letters, Node("StringConcat", {"t", "t"}, {"u"})),
  };
}

std::vector<Work> SequenceWorks() {
  const Input x = Floats({5'000'000}, {8});
  const std::string value = Bytes(2, TensorType(DType::kFloat, {-1}));
  const std::string body = Node("Relu", {"v"}, {"v2"}) + Bytes(11, Bytes(1, "v") + value) +
                           Bytes(12, Bytes(1, "v2") + value);
  const std::string split = Node("SplitToSequence", {"x0"}, {"q"}, IntAttribute("axis", 0));
  return {
      Of("SplitToSequence", split + Node("SequenceLength", {"q"}, {"y"}), {x}, DType::kInt64),
      Of("ConcatFromSequence",
         split + Node("ConcatFromSequence", {"q"}, {"y"}, IntAttribute("axis", 0)), {x}),
      Of("SequenceMap",
         split + Node("SequenceMap", {"q"}, {"r"}, GraphAttribute("body", body)) +
             Node("SequenceLength", {"r"}, {"y"}),
         {x}, DType::kInt64),
      Of("SequenceInsert",
         split + Node("SequenceInsert", {"q", "x0"}, {"r"}) + Node("SequenceErase", {"r"}, {"s"}) +
             Node("SequenceLength", {"s"}, {"y"}),
         {x}, DType::kInt64),
  };
}

}  // namespace wnn::testing
