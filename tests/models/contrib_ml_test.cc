// Operators of ai.onnx.ml, `builtin` against `onnxruntime`.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/models/contrib_case.h"

namespace wnn::testing {
namespace {

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

// One tree whose leaves score one of two classes, or nothing.
TEST(MlOps, TreesThatScoreOneOfTwoClasses) {
  const std::vector<std::string> modes = {"BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"};
  for (int64_t scored : {0, 1}) {
    for (float least : {0.3f, -0.3f}) {
      for (const char* transform : {"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"}) {
        for (bool base : {false, true}) {
          if (base && scored == 1) continue;  // ONNX Runtime drops it
          SCOPED_TRACE(::testing::Message() << scored << " " << least << transform << base);
          // Without a base value a leaf scores nothing.
          const Ints leaves = base ? Ints{1, 3, 4} : Ints{1, 3};
          const size_t n = leaves.size();
          Attributes attributes = {
              Attr("nodes_treeids", Ints(5, 0)),
              Attr("nodes_nodeids", Ints{0, 1, 2, 3, 4}),
              Attr("nodes_featureids", Ints(5, 0)),
              Attr("nodes_truenodeids", Ints{1, 0, 3, 0, 0}),
              Attr("nodes_falsenodeids", Ints{2, 0, 4, 0, 0}),
              Attr("nodes_values", FloatList{0, 0, 1, 0, 0}),
              Attr("nodes_modes", modes),
              Attr("class_treeids", Ints(n, 0)),
              Attr("class_nodeids", leaves),
              Attr("class_ids", Ints(n, scored)),
              Attr("class_weights", base ? FloatList{least, 0.7f, 0.1f} : FloatList{least, 0.7f}),
              Attr("classlabels_int64s", Ints{7, 3}),
              Attr("post_transform", transform)};
          // With the first leaf of the positive ones a half in single precision, in which sums of
          // double precision are more.
          if (base) attributes.push_back(Attr("base_values", FloatList{0.2f}));
          Case("ai.onnx.ml")
              .Add(kF, {3, 1}, FloatList{0, 1, 2})
              .Node("TreeEnsembleClassifier", {kI, kF}, attributes)
              .ExpectEqual();
        }
      }
    }
  }
}

// Words and numbers that scikit-learn's encoders have, known and not.
TEST(MlOps, Encoders) {
  const std::vector<std::string> words = {"b", "?", "a", "", "c", "a"};
  const Attributes categories = {Attr("cats_strings", std::vector<std::string>{"a", "b", "c"})};
  for (const Shape& shape : {Shape{6}, Shape{2, 3}, Shape{6, 1}}) {
    Case("ai.onnx.ml").Strings(shape, words).Node("OneHotEncoder", {kF}, categories).ExpectEqual();
  }
  const Attributes numbers = {Attr("cats_int64s", Ints{3, -1, 8})};
  Case("ai.onnx.ml")
      .Add(kI, {2, 2}, Ints{8, 3, 5, -1})
      .Node("OneHotEncoder", {kF}, numbers)
      .ExpectEqual();
  Case("ai.onnx.ml")
      .Add(kF, {3}, FloatList{8, 3, -2})
      .Node("OneHotEncoder", {kF}, numbers)
      .ExpectEqual();
  const Attributes both = {Attr("cats_strings", std::vector<std::string>{"a", "b", "c"}),
                           Attr("cats_int64s", Ints{4, 6, 9})};
  Case("ai.onnx.ml").Strings({2, 3}, words).Node("CategoryMapper", {kI}, both).ExpectEqual();
  Case("ai.onnx.ml")
      .Add(kI, {4}, Ints{9, 4, 5, 6})
      .Node("CategoryMapper", {kS}, both)
      .ExpectEqual();
  const Attributes to_numbers = {Attr("keys_strings", std::vector<std::string>{"a", "b"}),
                                 Attr("values_floats", FloatList{1.5f, -2}),
                                 Attr("default_float", 7.0f)};
  Case("ai.onnx.ml").Strings({6}, words).Node("LabelEncoder", {kF}, to_numbers).ExpectEqual();
  const Attributes to_words = {Attr("keys_floats", FloatList{1, 2}),
                               Attr("values_strings", std::vector<std::string>{"a", "b"}),
                               Attr("default_string", "c")};
  Case("ai.onnx.ml")
      .Add(kF, {4}, FloatList{2, 1, 3, 2})
      .Node("LabelEncoder", {kS}, to_words)
      .ExpectEqual();
  Case("ai.onnx.ml")
      .Strings({2, 3}, words)
      .Add(kI, {2}, Ints{2, 0})
      .Node("ArrayFeatureExtractor", {kS})
      .ExpectEqual();
}

// ---- com.microsoft's, of pipelines that scikit-learn's converter writes.

struct Tokens {
  std::vector<std::string> separators = {};
  const char* token = nullptr;
  int64_t min_characters = 1, mark = 0;
  Shape shape = {6};
};

TEST(MlOps, Tokenizer) {
  const std::vector<std::string> texts = {
      "Hello World", "I love  computer science !",    "",
      "a,b;c--d",    "un \u00e9t\u00e9 \u00e0 Paris", "abcd aab"};
  const std::vector<std::string> words = {
      "Hello", "World", "I",   "love", "computer", "science",       "!",      "a",
      "b",     "c",     "d",   "#",    "\x02",     "\x03",          "a,b;c",  "un",
      "Paris", "abcd",  "aab", "aa",   "ab",       "\u00e9t\u00e9", "\u00e0", "H",
      "e",     "l",     "o",   " ",    "\u00e9"};
  const Tokens cases[] = {
      {.separators = {" "}},
      {.separators = {" ", ",", ";"}, .mark = 1},
      {.separators = {"[,; -]+"}},
      {.separators = {"-", "--", " "}, .min_characters = 3},
      {.separators = {""}},
      {.separators = {""}, .mark = 1, .shape = {2, 3}},
      {.separators = {".*"}, .mark = 1},  // nothing is left
      {.token = "[a-zA-Z0-9_]+"},
      {.token = "\\b\\w\\w+\\b", .shape = {3, 2}},
      {.token = "a*"},
      {.token = "ab|abcd|aa"},  // the longest
      {.token = "[a-z\u00e0-\u00ff]+", .min_characters = 2, .mark = 1},
      {.token = "."},
  };
  for (const Tokens& t : cases) {
    SCOPED_TRACE("case " + std::to_string(&t - cases));
    Attributes attributes = {Attr("mark", t.mark), Attr("mincharnum", t.min_characters),
                             Attr("pad_value", "#")};
    if (t.token != nullptr) attributes.push_back(Attr("tokenexp", t.token));
    if (!t.separators.empty()) attributes.push_back(Attr("separators", t.separators));
    Case("com.microsoft")
        .Vocabulary(words)
        .Strings(t.shape, texts)
        .Node("Tokenizer", {kS}, attributes)
        .ExpectEqual();
  }
}

TEST(MlOps, MurmurHash3) {
  const std::pair<DType, Attributes> cases[] = {
      {DType::kUint32, {}}, {kInt, {Attr("positive", 0)}}, {DType::kUint32, {Attr("seed", 42)}}};
  for (const auto& [dtype, attributes] : cases) {
    Case("com.microsoft")
        .Strings({2, 3}, {"", "a", "abc", "abcd", "hello world", "\u00e9t\u00e9"})
        .Node("MurmurHash3", {dtype}, attributes)
        .ExpectEqual();
    Case("com.microsoft")
        .Add(kI, {4}, Ints{0, 1, -7, int64_t{1} << 40})
        .Node("MurmurHash3", {dtype}, attributes)
        .ExpectEqual();
    Case("com.microsoft")
        .Add(kInt, {3}, Int32s{0, 1, -7})
        .Node("MurmurHash3", {dtype}, attributes)
        .ExpectEqual();
    Case("com.microsoft").Random({7}).Node("MurmurHash3", {dtype}, attributes).ExpectEqual();
  }
}

TEST(MlOps, Distances) {
  for (const char* metric : {"euclidean", "sqeuclidean"}) {
    for (int64_t size : {3, 20}) {
      Case("com.microsoft")
          .Random({5, size})
          .RandomConstant({4, size})
          .Node("CDist", {kF}, {Attr("metric", metric)})
          .ExpectEqual();
    }
  }
}

}  // namespace
}  // namespace wnn::testing
