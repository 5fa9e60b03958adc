// The seeds of fuzzing: each runs, ONNX Runtime computes the same, and no operator is without one.
#include "fuzz/operator_models.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "engine/ops/registry.h"
#include "fuzz/model_text.h"
#include "fuzz/models.h"
#include "host/nn/model_scan.h"
#include "tests/support/model_bytes.h"
#include "tests/support/runtimes.h"

namespace wnn::fuzz {
namespace {

// "Conv" or "ml.Scaler", as model_text.h writes them.
std::set<std::string> OperatorsOf(std::string_view text) {
  static const std::regex call(R"((?:([a-z]+)\d*\.)?([A-Z]\w*)\()");
  std::set<std::string> operators;
  const std::string all(text);
  for (std::sregex_iterator at(all.begin(), all.end(), call), end; at != end; ++at) {
    operators.insert((*at)[1].matched ? (*at)[1].str() + "." + (*at)[2].str() : (*at)[2].str());
  }
  return operators;
}

TEST(OperatorModels, AreOfEveryOperator) {
  const std::map<std::string, std::string> short_names = {{"ai.onnx", ""},
                                                          {"ai.onnx.ml", "ml."},
                                                          {"com.microsoft", "ms."},
                                                          {"ai.onnx.preview", "preview."},
                                                          {"ai.onnx.preview.training", "train."}};
  std::set<std::string> seen = {"ImageDecoder"};  // hosts refuse it to the models of guests
  for (std::string_view text : OperatorTexts()) seen.merge(OperatorsOf(text));
  std::istringstream lines(ops::ListOps());
  size_t n = 0;
  for (std::string name, domain, versions; lines >> name >> domain; std::getline(lines, versions)) {
    ASSERT_TRUE(short_names.contains(domain)) << domain << ": give model_text.h a name for it";
    EXPECT_TRUE(seen.contains(short_names.at(domain) + name))
        << name << " of " << domain << " has no model in operator_models.cc";
    ++n;
  }
  EXPECT_GT(n, 200u);
}

TEST(OperatorModels, RunAsUnderOnnxRuntime) {
  const auto builtin = testing::RuntimeNamed("builtin");
  const auto onnxruntime = testing::RuntimeNamed("onnxruntime");
  ASSERT_NE(builtin, nullptr);
  size_t n_compared = 0;
  for (std::string_view text : OperatorTexts()) {
    SCOPED_TRACE(text);
    const std::string model = ModelFromText(text);
    const auto scanned = nn::ScanModel(testing::AsBytes(model), FuzzLimits(), nullptr);
    EXPECT_TRUE(scanned.has_value()) << scanned.error().message();
    const auto ours = RunOnce(*builtin, testing::AsBytes(model));
    EXPECT_TRUE(ours.has_value()) << ours.error().message();
    if (!ours || onnxruntime == nullptr || IsRandom(model)) continue;
    const auto theirs = RunOnce(*onnxruntime, testing::AsBytes(model));
    if (!theirs) continue;  // it has other operators and types
    EXPECT_EQ(Difference(*ours, *theirs), "");
    ++n_compared;
  }
  if (onnxruntime != nullptr) EXPECT_GT(n_compared, 150u);
}

}  // namespace
}  // namespace wnn::fuzz
