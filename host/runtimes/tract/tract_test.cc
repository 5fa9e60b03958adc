#include "host/runtimes/tract/tract.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/model_bytes.h"

namespace wnn::runtimes {
namespace {

using testing::AsBytes;
using testing::Bytes;
using testing::GraphInput;
using testing::GraphOutput;
using testing::Model;
using testing::Node;
using testing::Number;

Result<std::shared_ptr<const Graph>> Load(const std::string& model, LoadOptions options = {}) {
  return MakeTractRuntime()->Load(AsBytes(model), options);
}

TensorView Floats(const std::vector<float>& values, const Shape& dims) {
  return {DType::kFloat, dims, std::as_bytes(std::span(values))};
}

std::vector<float> ReadFloats(const TensorView& view) {
  std::vector<float> values(view.data.size() / sizeof(float));
  std::memcpy(values.data(), view.data.data(), view.data.size());
  return values;
}

std::string Initializer(const std::string& name, const std::vector<int64_t>& dims,
                        const std::string& rest) {
  std::string tensor;
  for (int64_t dim : dims) tensor += Number(1, static_cast<uint64_t>(dim));
  return Bytes(5, tensor + Number(2, 1) + Bytes(8, name) + rest);
}

// y = x + x, where x is of any length.
std::string Doubles() {
  return Model(Node("Add", {"x", "x"}, {"y"}) + GraphInput("x", DType::kFloat, {-1}) +
               GraphOutput("y", DType::kFloat, {-1}));
}

std::unique_ptr<Context> ContextOn(const std::string& model) {
  auto graph = Load(model);
  if (!graph) {
    ADD_FAILURE() << graph.error().message();
    return nullptr;
  }
  return std::move(*(*graph)->NewContext());
}

TEST(Tract, ComputesAgainAndAgainInAnyLength) {
  EXPECT_TRUE(MakeTractRuntime()->description().starts_with("Tract 0."));
  const auto context = ContextOn(Doubles());
  ASSERT_NE(context, nullptr);
  EXPECT_EQ(context->Compute({}).code(), Code::kInvalidArgument);  // x is not set
  EXPECT_EQ(context->Output(0).error().code(), Code::kRuntimeError);
  for (const std::vector<float>& x :
       {std::vector<float>{1, 2}, {3, 4}, {5, 6, 7}, {}, {8, 9, 10}}) {
    const Shape dims = {static_cast<int64_t>(x.size())};
    ASSERT_TRUE(context->SetInput(0, Floats(x, dims)).ok());
    const Status status = context->Compute({});
    ASSERT_TRUE(status.ok()) << status.message();
    const auto y = context->Output(0);
    ASSERT_TRUE(y.has_value());
    EXPECT_EQ(Shape(y->dims.begin(), y->dims.end()), dims);
    std::vector<float> expected = x;
    for (float& value : expected) value *= 2;
    EXPECT_EQ(ReadFloats(*y), expected);
  }
  EXPECT_EQ(context->Output(1).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(context->SetInput(1, Floats({1}, {1})).code(), Code::kInvalidArgument);
  EXPECT_EQ(context->SetInput(0, Floats({1}, {1, 1})).code(), Code::kInvalidArgument);
}

TEST(Tract, AnOutputFedBackIsAnInputWithoutACopy) {
  const auto context = ContextOn(Doubles());
  ASSERT_NE(context, nullptr);
  ASSERT_TRUE(context->SetInput(0, Floats({1, 10}, {2})).ok());
  ASSERT_TRUE(context->Compute({}).ok());
  for (float factor : {4.0f, 8.0f}) {
    const OutputToInput pair = {.output = 0, .input = 0};
    EXPECT_TRUE(context->FeedBack({&pair, 1}).value_or(false));
    ASSERT_TRUE(context->Compute({}).ok());
    EXPECT_EQ(ReadFloats(*context->Output(0)), (std::vector<float>{factor, 10 * factor}));
  }
}

TEST(Tract, DescribesWhatTheModelDeclares) {
  auto graph = Load(Model(Node("Add", {"x", "w"}, {"y"}) + GraphInput("x", DType::kFloat, {-1, 3}) +
                          GraphInput("w", DType::kFloat, {3}) +
                          Initializer("w", {3}, Bytes(9, std::string(12, '\0'))) +
                          GraphOutput("y", DType::kFloat, {-1, 3})));
  ASSERT_TRUE(graph.has_value()) << graph.error().message();
  ASSERT_EQ((*graph)->inputs().size(), 1u);  // w is a weight
  const ValueInfo& x = (*graph)->inputs()[0];
  EXPECT_EQ(x.name, "x");
  EXPECT_EQ(x.dtype, DType::kFloat);
  ASSERT_TRUE(x.has_shape);
  ASSERT_EQ(x.dims.size(), 2u);
  EXPECT_EQ(x.dims[0].value, -1);
  EXPECT_EQ(x.dims[1].value, 3);
  EXPECT_EQ((*graph)->outputs()[0].name, "y");
  EXPECT_GE((*graph)->memory_bytes(), 12u);
}

TEST(Tract, RefusesWithTheReason) {
  const auto expect = [](const std::string& model, Code code, std::string_view words,
                         LoadOptions options = {}) {
    auto graph = Load(model, options);
    ASSERT_FALSE(graph.has_value()) << words;
    EXPECT_EQ(graph.error().code(), code) << graph.error().message();
    EXPECT_NE(graph.error().message().find(words), std::string_view::npos)
        << graph.error().message();
  };
  const std::string ends =
      GraphInput("x", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {1});
  expect("no model", Code::kInvalidEncoding, "Tract: ");
  expect(Model(Node("GreatInvention", {"x"}, {"y"}) + ends), Code::kUnsupportedOperation,
         "GreatInvention");
  expect(
      Model(Bytes(1, Bytes(1, "x") + Bytes(2, "y") + Bytes(4, "Relu") + Bytes(7, "my.own")) + ends),
      Code::kUnsupportedOperation, "my.own.Relu");
  expect(Model(Node("Identity", {"x"}, {"y"}) + GraphInput("x", DType::kBfloat16, {1}) +
               GraphOutput("y", DType::kBfloat16, {1})),
         Code::kUnsupportedOperation, "BFLOAT16");
  expect(Model(Node("Add", {"x", "z"}, {"y"}) + ends), Code::kInvalidArgument, "'z'");
  LoadOptions on_gpu;
  on_gpu.target = Target::kGpu;
  expect(Doubles(), Code::kUnsupportedOperation, "CPU only", on_gpu);
  expect(
      Model(Node("Add", {"x", "w"}, {"y"}) + ends +
            Initializer("w", {1},
                        Number(14, 1) + Bytes(13, Bytes(1, "location") + Bytes(2, "/etc/passwd")))),
      Code::kInvalidArgument, "may have none");
}

// y = x x ... x, of squares that take a while.
std::string Multiplies(int n_nodes) {
  constexpr int64_t kSize = 512;
  std::string nodes, last = "x";
  for (int i = 0; i < n_nodes; ++i) {
    const std::string next = i + 1 < n_nodes ? "v" + std::to_string(i) : "y";
    nodes += Node("MatMul", {last, "x"}, {next});
    last = next;
  }
  return Model(nodes + GraphInput("x", DType::kFloat, {kSize, kSize}) +
               GraphOutput("y", DType::kFloat, {kSize, kSize}));
}

TEST(Tract, StopsBetweenOperators) {
  const auto context = ContextOn(Multiplies(100));
  ASSERT_NE(context, nullptr);
  const std::vector<float> x(512 * 512);
  ASSERT_TRUE(context->SetInput(0, Floats(x, {512, 512})).ok());
  const StopCondition soon = {.deadline =
                                  std::chrono::steady_clock::now() + std::chrono::milliseconds(5)};
  EXPECT_EQ(context->Compute(soon).code(), Code::kTimeout);
  EXPECT_FALSE(context->Output(0).has_value());
}

TEST(Tract, TakesNoMoreMemoryThanThereIs) {
  auto graph = Load(Multiplies(2));
  ASSERT_TRUE(graph.has_value()) << graph.error().message();
  const auto budget = std::make_shared<MemoryBudget>(uint64_t{1536} << 10);
  {
    const auto context = std::move(*(*graph)->NewContext(budget));
    const std::vector<float> x(512 * 512);  // a MiB
    ASSERT_TRUE(context->SetInput(0, Floats(x, {512, 512})).ok());
    EXPECT_GE(budget->used_bytes(), uint64_t{1} << 20);
    const Status status = context->Compute({});
    EXPECT_EQ(status.code(), Code::kTooLarge) << status.message();
  }
  EXPECT_EQ(budget->used_bytes(), 0u);
}

}  // namespace
}  // namespace wnn::runtimes
