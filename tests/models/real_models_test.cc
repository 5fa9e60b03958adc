// Trained models of other packages: `builtin` against `onnxruntime`, on the same input.
#include "tests/models/real_models.h"

#include <gtest/gtest.h>

#include "tests/support/runtimes.h"

namespace wnn::testing {

namespace {

class RealModelTest : public ::testing::TestWithParam<RealModel> {};

// The outputs of a second compute: contexts are reused.
Result<std::vector<OutputNumbers>> ComputeTwice(const RealModel& model,
                                                const std::filesystem::path& file,
                                                const runtimes::Runtime& runtime, int n_threads) {
  WNN_ASSIGN_OR_RETURN(PreparedModel prepared, Prepare(model, file, runtime, n_threads));
  for (int run = 0; run < 2; ++run) WNN_RETURN_IF_ERROR(prepared.context->Compute({}));
  return Outputs(prepared);
}

TEST_P(RealModelTest, BuiltinAgreesWithOnnxruntime) {
  const RealModel& model = GetParam();
  const auto file = FileOf(model);
  if (!file) GTEST_SKIP() << model.file << " is not there: see tools/deps.py models";
  const auto builtin = RuntimeNamed("builtin"), onnxruntime = RuntimeNamed("onnxruntime");
  if (builtin == nullptr || onnxruntime == nullptr) GTEST_SKIP() << kNoRuntime;
  const auto expected = ComputeTwice(model, *file, *onnxruntime, 1);
  ASSERT_TRUE(expected.has_value()) << "onnxruntime: " << expected.error().message();
  for (int n_threads : {1, 2}) {
    const auto got = ComputeTwice(model, *file, *builtin, n_threads);
    ASSERT_TRUE(got.has_value()) << got.error().message();
    const auto difference = Difference(*got, *expected, model.tolerance);
    ASSERT_TRUE(difference.has_value()) << difference.error().message();
    EXPECT_LE(*difference, model.tolerance) << n_threads << " threads";
    if (n_threads == 1) RecordProperty("difference", std::to_string(*difference));
  }
}

INSTANTIATE_TEST_SUITE_P(RealModels, RealModelTest,
                         ::testing::ValuesIn(RealModels().begin(), RealModels().end()),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace wnn::testing
