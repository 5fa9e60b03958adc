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

}  // namespace
}  // namespace wnn::testing
