#include <gtest/gtest.h>

#include <array>
#include <utility>

#include "engine/testing/model_builder.h"
#include "guest/examples/classify/classifier.h"

namespace wnn::classify {
namespace {

// y = x + x, for floats of [N, 2].
std::vector<std::byte> DoublingModel() {
  testing::ModelBuilder model(14);
  model.Input("x", DType::kFloat, {"N", 2});
  model.Node("Add", {"x", "x"}, {"y"});
  model.Output("y");
  return model.Build();
}

TEST(EngineClassifier, ComputesBatchesOfAnySize) {
  const auto classifier = LoadModel(DoublingModel(), Target::kCpu);
  ASSERT_TRUE(classifier.has_value()) << classifier.error();
  const std::array pixels = {1.0F, 2.0F, 3.0F, 4.0F};
  for (const std::uint32_t batch : {2U, 1U, 2U}) {
    const std::span in = std::span(pixels).first(batch * 2);
    ASSERT_TRUE((*classifier)->SetInput(std::array{batch, 2U}, in).has_value());
    ASSERT_TRUE((*classifier)->Compute().has_value());
    const auto scores = (*classifier)->Scores();
    ASSERT_TRUE(scores.has_value()) << scores.error();
    ASSERT_EQ(scores->size(), in.size());
    for (std::size_t i = 0; i < in.size(); ++i) EXPECT_EQ((*scores)[i], in[i] * 2);
  }
}

TEST(EngineClassifier, SaysWhatTheModelDoesNotAllow) {
  const auto classifier = LoadModel(DoublingModel(), Target::kCpu);
  ASSERT_TRUE(classifier.has_value()) << classifier.error();
  const auto set = (*classifier)->SetInput(std::array{1U, 3U}, std::array{1.0F, 2.0F, 3.0F});
  ASSERT_FALSE(set.has_value());
  EXPECT_NE(set.error().find("invalid_argument: "), std::string::npos) << set.error();
  EXPECT_NE(set.error().find("'x'"), std::string::npos) << set.error();
}

TEST(EngineClassifier, NeedsAnInputBeforeComputing) {
  const auto classifier = LoadModel(DoublingModel(), Target::kCpu);
  ASSERT_TRUE(classifier.has_value()) << classifier.error();
  EXPECT_FALSE((*classifier)->Compute().has_value());
  EXPECT_FALSE((*classifier)->Scores().has_value());
}

TEST(EngineClassifier, RefusesScoresThatAreNoFloats) {
  testing::ModelBuilder model(14);
  model.Input("x", DType::kFloat, {1});
  model.Node("Shape", {"x"}, {"y"});
  model.Output("y");
  const auto classifier = LoadModel(model.Build(), Target::kCpu);
  ASSERT_TRUE(classifier.has_value()) << classifier.error();
  ASSERT_TRUE((*classifier)->SetInput(std::array{1U}, std::array{1.0F}).has_value());
  ASSERT_TRUE((*classifier)->Compute().has_value());
  const auto scores = (*classifier)->Scores();
  ASSERT_FALSE(scores.has_value());
  EXPECT_NE(scores.error().find("int64[1], not floats"), std::string::npos) << scores.error();
}

TEST(EngineClassifier, RefusesWhatIsNoModelAndWhatOnlyAHostHas) {
  const auto no_model = LoadModel(std::array{std::byte{1}}, Target::kCpu);
  ASSERT_FALSE(no_model.has_value());
  EXPECT_NE(no_model.error().find("invalid_encoding: "), std::string::npos) << no_model.error();

  const auto on_gpu = LoadModel(DoublingModel(), Target::kGpu);
  ASSERT_FALSE(on_gpu.has_value());
  EXPECT_NE(on_gpu.error().find("--target gpu"), std::string::npos) << on_gpu.error();

  const auto graph = LoadGraph("mobilenet");
  ASSERT_FALSE(graph.has_value());
  EXPECT_NE(graph.error().find("--graph mobilenet"), std::string::npos) << graph.error();
}

}  // namespace
}  // namespace wnn::classify
