// Models that run node by node: shapes that depend on data.
#include <gtest/gtest.h>

#include <chrono>

#include "engine/engine.h"
#include "engine/testing/keeper.h"
#include "engine/testing/run_model.h"

namespace wnn::engine {
namespace {

using testing::Attr;
using testing::Inputs;
using testing::Iota;
using testing::Keeper;
using testing::MakeTensor;
using testing::ModelBuilder;
using testing::RunModel;
using testing::ValuesOf;

std::unique_ptr<Execution> NewExecution(const ModelBuilder& builder,
                                        const LoadOptions& options = {}) {
  auto model = Model::Load(builder.Build(), options);
  EXPECT_TRUE(model.has_value()) << model.error().message();
  if (!model) return nullptr;
  return std::move(*Execution::Create(*model, {}));
}

// The elements of x that are above 0, doubled: y of a shape that only the data tell.
ModelBuilder KeepPositive() {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {"N"});
  builder.Initializer<float>("zero", {}, {0});
  builder.Node("Greater", {"x", "zero"}, {"g"});
  builder.Node("Compress", {"x", "g"}, {"c"}, {Attr("axis", 0)});
  builder.Node("Add", {"c", "c"}, {"y"});
  builder.Output("y");
  return builder;
}

TEST(InterpreterTest, ShapesFollowTheData) {
  auto execution = NewExecution(KeepPositive());
  const std::vector<std::vector<float>> cases = {{1, -1, 2}, {-1, -2, -3}, {1, -1, 2}, {5}};
  for (const std::vector<float>& x : cases) {
    const int64_t n = static_cast<int64_t>(x.size());
    ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({n}, x).view()).ok());
    Status status = execution->Run({});
    ASSERT_TRUE(status.ok()) << status.message();
    std::vector<float> expected;
    for (float value : x) {
      if (value > 0) expected.push_back(2 * value);
    }
    EXPECT_EQ(ValuesOf<float>(*Tensor::CopyOf(*execution->Output(0))), expected);
  }
}

TEST(InterpreterTest, BorrowedInputsAreReadInEachRun) {
  auto execution = NewExecution(KeepPositive());
  std::vector<float> data = {1, 2};
  const int64_t dims[] = {2};
  ASSERT_TRUE(execution->BindInput(0, {DType::kFloat, dims, std::as_bytes(std::span(data))}).ok());
  for (float value : {3.0f, -3.0f}) {
    data[0] = value;
    ASSERT_TRUE(execution->Run({}).ok());
    EXPECT_EQ(execution->Output(0)->dims[0], value > 0 ? 2 : 1);
  }
}

TEST(InterpreterTest, WritingInPlaceSparesWhatIsStillRead) {
  // c is read by two nodes and, through a view, by an output.
  ModelBuilder builder = KeepPositive();
  builder.Initializer<int64_t>("column", {2}, {-1, 1});
  builder.Node("Reshape", {"c", "column"}, {"v"});
  builder.Node("Neg", {"c"}, {"n"});
  builder.Node("Relu", {"n"}, {"r"});
  builder.Node("Identity", {"c"}, {"i"});
  for (const char* name : {"v", "n", "r", "i", "c"}) builder.Output(name);
  for (bool optimize : {true, false}) {
    LoadOptions options;
    options.optimize = optimize;
    auto outputs = RunModel(builder.Build(), Inputs(MakeTensor<float>({3}, {1, -1, 2})), options);
    ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
    EXPECT_EQ(ValuesOf<float>((*outputs)[0]), (std::vector<float>{2, 4}));
    EXPECT_EQ((*outputs)[1].shape(), (Shape{2, 1}));
    EXPECT_EQ(ValuesOf<float>((*outputs)[1]), (std::vector<float>{1, 2}));
    EXPECT_EQ(ValuesOf<float>((*outputs)[2]), (std::vector<float>{-1, -2}));
    EXPECT_EQ(ValuesOf<float>((*outputs)[3]), (std::vector<float>{0, 0}));
    EXPECT_EQ(ValuesOf<float>((*outputs)[4]), (std::vector<float>{1, 2}));
    EXPECT_EQ(ValuesOf<float>((*outputs)[5]), (std::vector<float>{1, 2}));
  }
}

TEST(InterpreterTest, AShapeMayBeComputedFromLargeData) {
  // Whatever is above 0.5 says how many rows the output has.
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {"N"});
  builder.Initializer<int64_t>("zero", {}, {0});
  builder.Initializer<int64_t>("one", {}, {1});
  builder.Node("Cast", {"x"}, {"k"}, {Attr("to", 7)});
  builder.Node("ReduceSum", {"k"}, {"n"}, {Attr("keepdims", 0)});
  builder.Node("Range", {"zero", "n", "one"}, {"y"});
  builder.Output("y");
  auto execution = NewExecution(builder);
  for (int64_t ones : {3, 0, 2000}) {
    std::vector<float> x(4000, 0);
    std::fill(x.begin(), x.begin() + ones, 1.0f);
    ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({4000}, x).view()).ok());
    Status status = execution->Run({});
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(ValuesOf<int64_t>(*Tensor::CopyOf(*execution->Output(0))),
              Iota<int64_t>(static_cast<size_t>(ones)));
  }
}

TEST(InterpreterTest, ConstantDataNeedNoInterpreter) {
  // NonZero(ConstantOfShape(Shape(x))): a plan serves, because the shape alone decides.
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {"N"});
  builder.Node("Shape", {"x"}, {"s"});
  builder.Node("ConstantOfShape", {"s"}, {"ones"}, {testing::TensorAttr<float>("value", {1}, {1})});
  builder.Node("NonZero", {"ones"}, {"y"});
  builder.Output("y");
  auto execution = NewExecution(builder);
  for (int64_t n : {3, 1, 3}) {
    Tensor x = MakeTensor<float>({n}, std::vector<float>(static_cast<size_t>(n)));
    ASSERT_TRUE(execution->SetInput(0, x.view()).ok());
    Status status = execution->Run({});
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(ValuesOf<int64_t>(*Tensor::CopyOf(*execution->Output(0))),
              Iota<int64_t>(static_cast<size_t>(n)));
  }
}

TEST(InterpreterTest, KeepsWithinItsMemory) {
  LoadOptions options;
  options.limits.max_memory_bytes = 3500;
  auto execution = NewExecution(KeepPositive(), options);
  ASSERT_TRUE(
      execution->SetInput(0, MakeTensor<float>({300}, std::vector<float>(300, -1)).view()).ok());
  EXPECT_TRUE(execution->Run({}).ok());
  ASSERT_TRUE(
      execution->SetInput(0, MakeTensor<float>({300}, std::vector<float>(300, 1)).view()).ok());
  EXPECT_EQ(execution->Run({}).code(), Code::kTooLarge);
  ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({1}, {1}).view()).ok());
  EXPECT_TRUE(execution->Run({}).ok());
}

TEST(InterpreterTest, StopsWhenAsked) {
  auto execution = NewExecution(KeepPositive());
  ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({1}, {1}).view()).ok());
  RunOptions late;
  late.stop.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(execution->Run(late).code(), Code::kTimeout);
  EXPECT_EQ(execution->Output(0).error().code(), Code::kRuntimeError);
  EXPECT_TRUE(execution->Run({}).ok());
}

TEST(InterpreterTest, ARunWaitsForWhatTheOneBeforeLeft) {
  constexpr int64_t kParts = 40'000;
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {"N"});
  builder.Node("SplitToSequence", {"x"}, {"s"});
  builder.Node("SequenceLength", {"s"}, {"y"});
  builder.Output("y");
  auto model = Model::Load(builder.Build(), {});
  ASSERT_TRUE(model.has_value()) << model.error().message();
  auto keeper = std::make_shared<Keeper>();
  // Room for the parts of one run.
  auto budget = std::make_shared<MemoryBudget>(kParts * 300, keeper);
  auto execution = std::move(*Execution::Create(*model, {.budget = budget}));
  const Tensor x = MakeTensor<float>({kParts}, std::vector<float>(kParts, 1));
  ASSERT_TRUE(execution->SetInput(0, x.view()).ok());
  ASSERT_TRUE(execution->Run({}).ok());
  EXPECT_EQ(keeper->n_waits, 0);
  EXPECT_GT(budget->used_bytes(), uint64_t{kParts * 200});
  RunOptions late;
  late.stop.deadline = std::chrono::steady_clock::now();
  EXPECT_EQ(execution->Run(late).code(), Code::kTimeout);
  const Status status = execution->Run({});
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(keeper->n_waits, 1);
  EXPECT_EQ(ValuesOf<int64_t>(*Tensor::CopyOf(*execution->Output(0))),
            std::vector<int64_t>{kParts});
  // What is kept holds its budget, and that the keeper.
  EXPECT_TRUE(budget->AwaitDiscarded({}).ok());
}

TEST(InterpreterTest, CopiesOfALongTextAreWithinItsMemory) {
  ModelBuilder builder(20);
  builder.Input("x", DType::kString, {1});
  builder.Input("i", DType::kInt64, {"N"});
  builder.Node("Gather", {"x", "i"}, {"y"});
  builder.Output("y");
  LoadOptions options;
  options.limits.max_memory_bytes = uint64_t{20} << 20;
  const Value text = testing::Strings({1}, {std::string(size_t{1} << 20, 'a')});
  const auto run = [&](size_t n) {
    const Tensor at = MakeTensor<int64_t>({static_cast<int64_t>(n)}, std::vector<int64_t>(n, 0));
    return testing::RunValues(builder.Build(), {text, Value(at.WithShape(at.shape()))}, options);
  };
  EXPECT_TRUE(run(5).has_value());
  EXPECT_EQ(run(100).error().code(), Code::kTooLarge);
}

}  // namespace
}  // namespace wnn::engine
