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

  void ExpectEqual(double tolerance = 1e-5) const {
    const auto builtin = RuntimeNamed("builtin"), onnxruntime = RuntimeNamed("onnxruntime");
    if (builtin == nullptr || onnxruntime == nullptr) GTEST_SKIP() << kNoRuntime;
    const auto expected = Compute(*onnxruntime);
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

}  // namespace
}  // namespace wnn::testing
