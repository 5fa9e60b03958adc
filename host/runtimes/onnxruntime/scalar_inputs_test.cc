#include "host/runtimes/onnxruntime/scalar_inputs.h"

#include <gtest/gtest.h>

#include "tests/support/model_bytes.h"

namespace wnn::runtimes {
namespace {

using testing::AsBytes;

TEST(ScalarInputs, AreThoseWithAShapeOfNoDimensions) {
  // TypeProto of a tensor without a shape.
  const std::string any_rank =
      testing::Bytes(1, testing::Number(1, static_cast<uint64_t>(DType::kFloat)));
  const std::string model =
      testing::Model(testing::GraphInput("scalar", DType::kFloat, {}) +
                     testing::GraphInput("list", DType::kFloat, {1}) +
                     testing::GraphInput("batch", DType::kFloat, {-1}) +
                     testing::Bytes(11, testing::Bytes(1, "any") + testing::Bytes(2, any_rank)));
  EXPECT_EQ(ScalarInputs(AsBytes(model)), std::set<std::string>{"scalar"});
}

TEST(ScalarInputs, BytesThatAreNoModelHaveNone) {
  EXPECT_TRUE(ScalarInputs({}).empty());
  EXPECT_TRUE(ScalarInputs(AsBytes("no model")).empty());
}

}  // namespace
}  // namespace wnn::runtimes
