// The engine on real trained models: their published outputs, any batch, any number of threads,
// optimised or not.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>

#include "engine/testing/test_data.h"
#include "engine/testing/thread_parallel.h"

namespace wnn::engine {
namespace {

using testing::ReadFile;
using testing::ReadTensorFile;
using testing::SharedDir;

std::span<const float> Floats(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

std::vector<float> Logits(const std::shared_ptr<const Model>& model, const TensorView& input,
                          Parallel* parallel) {
  auto execution = Execution::Create(model, {parallel});
  EXPECT_TRUE(execution.has_value());
  Status status = (*execution)->SetInput(0, input);
  EXPECT_TRUE(status.ok()) << status.message();
  status = (*execution)->Run({});
  EXPECT_TRUE(status.ok()) << status.message();
  auto output = (*execution)->Output(0);
  if (!output) {
    ADD_FAILURE() << output.error().message();
    return {};
  }
  auto floats = Floats(output->data);
  return {floats.begin(), floats.end()};
}

class RealModelTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto models = SharedDir() / "models";
    bytes_ = ReadFile(models / (std::string(GetParam()) + ".onnx"));
    const auto data = models / "test_data" / GetParam() / "test_data_set_0";
    auto input = ReadTensorFile(data / "input_0.pb");
    auto expected = ReadTensorFile(data / "output_0.pb");
    if (!bytes_ || !input || !expected) {
      GTEST_SKIP() << "no " << GetParam() << ".onnx with test data in " << models;
    }
    input_ = std::move(*input);
    expected_ = std::move(*expected);
  }

  std::shared_ptr<const Model> Load(bool optimize, std::vector<std::string> disabled_passes = {}) {
    LoadOptions options;
    options.optimize = optimize;
    options.disabled_passes = std::move(disabled_passes);
    auto model = Model::Load(*bytes_, options);
    EXPECT_TRUE(model.has_value()) << model.error().message();
    return model ? *model : nullptr;
  }

  void ExpectPublished(std::span<const float> logits) {
    auto expected = Floats(expected_.bytes());
    ASSERT_EQ(logits.size(), expected.size());
    double worst = 0;
    for (size_t i = 0; i < logits.size(); ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(logits[i]) - expected[i]));
    }
    // fp32 engines agree within 2e-5 (the models' README); the product promises 2e-4.
    EXPECT_LE(worst, 5e-5);
  }

  std::optional<std::vector<std::byte>> bytes_;
  Tensor input_;
  Tensor expected_;
};

TEST_P(RealModelTest, GivesThePublishedLogits) {
  auto model = Load(true);
  ASSERT_NE(model, nullptr);
  ASSERT_EQ(model->inputs().size(), 1u);
  EXPECT_EQ(ValueInfoToString(model->inputs()[0]), "float[N, 3, 224, 224]");
  EXPECT_EQ(ValueInfoToString(model->outputs()[0]), "float[N, 1000]");
  ExpectPublished(Logits(model, input_.view(), nullptr));
}

TEST_P(RealModelTest, IsCorrectWithoutTheOptimizer) {
  auto model = Load(false);
  ASSERT_NE(model, nullptr);
  ExpectPublished(Logits(model, input_.view(), nullptr));
}

TEST_P(RealModelTest, IsCorrectWithoutAnyOnePass) {
  for (const std::string& pass : OptimizerPasses()) {
    SCOPED_TRACE("without " + pass);
    auto model = Load(true, {pass});
    ASSERT_NE(model, nullptr);
    ExpectPublished(Logits(model, input_.view(), nullptr));
  }
}

TEST_P(RealModelTest, IsCorrectOnEveryInstructionSet) {
  for (const std::string& set : InstructionSets()) {
    SCOPED_TRACE(set);
    ASSERT_TRUE(UseInstructionSet(set).ok());
    auto model = Load(true);
    EXPECT_EQ(ActiveInstructionSet(), set);
    ASSERT_NE(model, nullptr);
    ExpectPublished(Logits(model, input_.view(), nullptr));
  }
  ASSERT_TRUE(UseInstructionSet("").ok());
}

TEST_P(RealModelTest, ThreadsDoNotChangeABit) {
  auto model = Load(true);
  ASSERT_NE(model, nullptr);
  testing::ThreadParallel three(3);
  EXPECT_EQ(Logits(model, input_.view(), nullptr), Logits(model, input_.view(), &three));
}

TEST_P(RealModelTest, RowsOfABatchAreThoseOfSingleRuns) {
  auto model = Load(true);
  ASSERT_NE(model, nullptr);
  Shape shape = input_.shape();
  shape[0] = 3;
  auto batch = Tensor::Allocate(DType::kFloat, shape);
  ASSERT_TRUE(batch.has_value());
  const size_t row = input_.bytes().size();
  for (size_t i = 0; i < 3; ++i) {
    std::memcpy(batch->bytes().data() + i * row, input_.bytes().data(), row);
  }
  testing::ThreadParallel two(2);
  std::vector<float> logits = Logits(model, batch->view(), &two);
  ASSERT_EQ(logits.size(), 3000u);
  for (size_t i = 0; i < 3; ++i) ExpectPublished(std::span(logits).subspan(i * 1000, 1000));
}

INSTANTIATE_TEST_SUITE_P(Models, RealModelTest,
                         ::testing::Values("squeezenet1.1", "mobilenetv2", "efficientnet-lite0"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase_if(name, [](char c) { return !std::isalnum(c); });
                           return name;
                         });

TEST(IdentityModelTest, ReturnsItsInput) {
  auto bytes = ReadFile(SharedDir() / "models" / "identity_input_output.onnx");
  if (!bytes) GTEST_SKIP() << "no identity_input_output.onnx in " << SharedDir() / "models";
  for (bool optimize : {true, false}) {
    LoadOptions options;
    options.optimize = optimize;
    auto model = Model::Load(*bytes, options);
    ASSERT_TRUE(model.has_value()) << model.error().message();
    const float values[] = {1, 2, 3, 4};
    const int64_t dims[] = {1, 4};
    EXPECT_EQ(Logits(*model, {DType::kFloat, dims, std::as_bytes(std::span(values))}, nullptr),
              (std::vector<float>{1, 2, 3, 4}));
  }
}

}  // namespace
}  // namespace wnn::engine
