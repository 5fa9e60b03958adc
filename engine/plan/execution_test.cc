// The engine's public face on small models: inputs, shapes, plans, limits, stopping.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/engine.h"
#include "engine/testing/run_model.h"

namespace wnn::engine {
namespace {

using testing::Inputs;
using testing::Iota;
using testing::MakeTensor;
using testing::ModelBuilder;
using testing::RunModel;
using testing::ValuesOf;

std::shared_ptr<const Model> Load(const ModelBuilder& builder, const LoadOptions& options = {}) {
  auto model = Model::Load(builder.Build(), options);
  EXPECT_TRUE(model.has_value()) << model.error().message();
  return model ? *model : nullptr;
}

std::unique_ptr<Execution> NewExecution(std::shared_ptr<const Model> model) {
  auto execution = Execution::Create(std::move(model), {});
  EXPECT_TRUE(execution.has_value());
  return std::move(*execution);
}

// y = relu(x) + x, for any batch of rows of three.
ModelBuilder ReluPlus() {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", 3});
  model.Node("Relu", {"x"}, {"r"});
  model.Node("Add", {"r", "x"}, {"y"});
  model.Output("y", DType::kFloat, {"N", 3});
  return model;
}

std::vector<float> FloatsOf(const TensorView& view) {
  return ValuesOf<float>(*Tensor::CopyOf(view));
}

TEST(ExecutionTest, FollowsTheShapeOfItsInput) {
  auto execution = NewExecution(Load(ReluPlus()));
  for (int64_t rows : {1, 4, 2, 0, 1}) {
    Tensor x = MakeTensor<float>({rows, 3}, Iota<float>(static_cast<size_t>(rows * 3), -2));
    ASSERT_TRUE(execution->SetInput(0, x.view()).ok());
    ASSERT_TRUE(execution->Run({}).ok());
    auto y = execution->Output(0);
    ASSERT_TRUE(y.has_value());
    EXPECT_EQ(Shape(y->dims.begin(), y->dims.end()), (Shape{rows, 3}));
    std::vector<float> expected = ValuesOf<float>(x);
    for (float& value : expected) value += std::max(value, 0.0f);
    EXPECT_EQ(FloatsOf(*y), expected);
  }
}

TEST(ExecutionTest, KeepsItsInputBetweenRuns) {
  auto execution = NewExecution(Load(ReluPlus()));
  ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({1, 3}, {1, 2, 3}).view()).ok());
  for (int run = 0; run < 3; ++run) {
    ASSERT_TRUE(execution->Run({}).ok());
    EXPECT_EQ(FloatsOf(*execution->Output(0)), (std::vector<float>{2, 4, 6}));
  }
}

TEST(ExecutionTest, BoundInputsAreReadInEachRunAtAnyAlignment) {
  auto execution = NewExecution(Load(ReluPlus()));
  std::vector<std::byte> storage(64);
  const int64_t dims[] = {1, 3};
  for (size_t offset : {0, 1, 3, 8}) {
    std::span<std::byte> data = std::span(storage).subspan(offset, 12);
    ASSERT_TRUE(execution->BindInput(0, {DType::kFloat, dims, data}).ok());
    for (float value : {1.0f, 5.0f}) {
      for (size_t i = 0; i < 3; ++i) std::memcpy(data.data() + 4 * i, &value, 4);
      ASSERT_TRUE(execution->Run({}).ok());
      EXPECT_EQ(FloatsOf(*execution->Output(0)), std::vector<float>(3, 2 * value));
    }
  }
}

// An operator that takes a byte for a bool would count it, or branch by it.
TEST(ExecutionTest, RefusesBoolsThatAreNone) {
  ModelBuilder model;
  model.Input("x", DType::kBool, {3});
  model.Output("y");
  model.Node("Not", {"x"}, {"y"});
  auto execution = NewExecution(Load(model));
  const int64_t dims[] = {3};
  std::byte values[] = {std::byte{0}, std::byte{1}, std::byte{2}};
  const TensorView x = {DType::kBool, dims, values};
  const Status refused = execution->SetInput(0, x);
  EXPECT_EQ(refused.code(), Code::kInvalidArgument);
  EXPECT_EQ(refused.message(), "input 'x': bool[3] has bytes that are neither 0 nor 1");
  EXPECT_EQ(execution->BindInput(0, x).code(), Code::kInvalidArgument);
  auto bools = Tensor::Allocate(DType::kBool, {3});
  ASSERT_TRUE(bools.has_value());
  std::ranges::copy(values, bools->bytes().begin());
  EXPECT_EQ(execution->SetInput(0, Value(*std::move(bools))).code(), Code::kInvalidArgument);
  EXPECT_EQ(execution->Run({}).code(), Code::kInvalidArgument);
  values[2] = std::byte{1};
  ASSERT_TRUE(execution->BindInput(0, x).ok());
  EXPECT_TRUE(execution->Run({}).ok());
}

TEST(ExecutionTest, RefusesWrongInputsAndStaysUsable) {
  auto execution = NewExecution(Load(ReluPlus()));
  EXPECT_EQ(execution->Run({}).code(), Code::kInvalidArgument);
  Status missing = execution->SetInput(1, MakeTensor<float>({1, 3}, {1, 2, 3}).view());
  EXPECT_EQ(missing.code(), Code::kInvalidArgument);
  Status type = execution->SetInput(0, MakeTensor<int32_t>({1, 3}, {1, 2, 3}).view());
  EXPECT_EQ(type.code(), Code::kInvalidArgument);
  EXPECT_NE(type.message().find("'x'"), std::string_view::npos);
  EXPECT_EQ(execution->SetInput(0, MakeTensor<float>({1, 2}, {1, 2}).view()).code(),
            Code::kInvalidArgument);
  const int64_t dims[] = {1, 3};
  std::byte short_data[11] = {};
  EXPECT_EQ(execution->SetInput(0, {DType::kFloat, dims, short_data}).code(),
            Code::kInvalidArgument);
  const int64_t negative[] = {-1, 3};
  EXPECT_EQ(execution->SetInput(0, {DType::kFloat, negative, {}}).code(), Code::kInvalidArgument);
  ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({1, 3}, {1, 2, 3}).view()).ok());
  EXPECT_TRUE(execution->Run({}).ok());
}

TEST(ExecutionTest, OutputsAreThereOnlyAfterARun) {
  auto execution = NewExecution(Load(ReluPlus()));
  EXPECT_EQ(execution->Output(0).error().code(), Code::kRuntimeError);
  Tensor x = MakeTensor<float>({1, 3}, {1, 2, 3});
  ASSERT_TRUE(execution->SetInput(0, x.view()).ok());
  ASSERT_TRUE(execution->Run({}).ok());
  EXPECT_EQ(execution->Output(1).error().code(), Code::kInvalidArgument);
  EXPECT_TRUE(execution->Output(0).has_value());
  ASSERT_TRUE(execution->SetInput(0, x.view()).ok());
  EXPECT_EQ(execution->Output(0).error().code(), Code::kRuntimeError);
}

TEST(ExecutionTest, AnOutputMayBeHandedBackAsTheInput) {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {2});
  builder.Node("Identity", {"x"}, {"y"});
  builder.Output("y");
  auto execution = NewExecution(Load(builder));
  ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({2}, {1, 2}).view()).ok());
  ASSERT_TRUE(execution->Run({}).ok());
  auto y = execution->Output(0);
  ASSERT_TRUE(y.has_value());
  ASSERT_TRUE(execution->SetInput(0, *y).ok());
  ASSERT_TRUE(execution->Run({}).ok());
  EXPECT_EQ(FloatsOf(*execution->Output(0)), (std::vector<float>{1, 2}));
}

TEST(ExecutionTest, APartOfAnOutputMayBeHandedBackAsTheInput) {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {"N"});
  builder.Node("Identity", {"x"}, {"y"});
  builder.Output("y");
  auto execution = NewExecution(Load(builder));
  ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({4}, {1, 2, 3, 4}).view()).ok());
  ASSERT_TRUE(execution->Run({}).ok());
  const int64_t dims[] = {2};
  ASSERT_TRUE(
      execution->SetInput(0, {DType::kFloat, dims, execution->Output(0)->data.subspan(8)}).ok());
  ASSERT_TRUE(execution->Run({}).ok());
  EXPECT_EQ(FloatsOf(*execution->Output(0)), (std::vector<float>{3, 4}));
}

TEST(ExecutionTest, OutputsMayBeInputsConstantsAndEachOther) {
  for (bool optimize : {true, false}) {
    ModelBuilder builder;
    builder.Input("x", DType::kFloat, {2});
    builder.Initializer<int64_t>("c", {3}, {7, 8, 9});
    builder.Node("Neg", {"x"}, {"n"});
    builder.Node("Reshape", {"n", "shape"}, {"r"});
    builder.Initializer<int64_t>("shape", {2}, {2, 1});
    for (const char* name : {"x", "c", "n", "r", "n"}) builder.Output(name);
    LoadOptions options;
    options.optimize = optimize;
    auto outputs = RunModel(builder.Build(), Inputs(MakeTensor<float>({2}, {1, -2})), options);
    ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
    EXPECT_EQ(ValuesOf<float>((*outputs)[0]), (std::vector<float>{1, -2}));
    EXPECT_EQ(ValuesOf<int64_t>((*outputs)[1]), (std::vector<int64_t>{7, 8, 9}));
    EXPECT_EQ(ValuesOf<float>((*outputs)[2]), (std::vector<float>{-1, 2}));
    EXPECT_EQ((*outputs)[3].shape(), (Shape{2, 1}));
    EXPECT_EQ(ValuesOf<float>((*outputs)[4]), (std::vector<float>{-1, 2}));
  }
}

TEST(ExecutionTest, WritingInPlaceSparesWhatIsStillRead) {
  // r is read by the next node and, through a view, by the last one.
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {4});
  builder.Initializer<int64_t>("shape", {2}, {2, 2});
  builder.Initializer<int64_t>("flat", {1}, {4});
  builder.Node("Relu", {"x"}, {"r"});
  builder.Node("Reshape", {"r", "shape"}, {"v"});
  builder.Node("Neg", {"r"}, {"a"});
  builder.Node("Exp", {"a"}, {"b"});
  builder.Node("Reshape", {"v", "flat"}, {"w"});
  builder.Node("Add", {"w", "a"}, {"y"});
  builder.Output("y");
  builder.Output("b");
  auto outputs = RunModel(builder.Build(), Inputs(MakeTensor<float>({4}, {-1, 0, 1, 2})));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<float>((*outputs)[0]), std::vector<float>(4, 0));
}

TEST(ExecutionTest, ShapesMayDependOnTheValueOfAnInput) {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {"N"});
  builder.Input("shape", DType::kInt64, {2});
  builder.Node("Reshape", {"x", "shape"}, {"r"});
  builder.Node("Shape", {"r"}, {"s"});
  builder.Output("r");
  builder.Output("s");
  auto execution = NewExecution(Load(builder));
  ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({6}, Iota<float>(6)).view()).ok());
  for (const Shape& shape : {Shape{2, 3}, Shape{3, 2}, Shape{2, 3}}) {
    ASSERT_TRUE(execution->SetInput(1, MakeTensor<int64_t>({2}, shape).view()).ok());
    Status status = execution->Run({});
    ASSERT_TRUE(status.ok()) << status.message();
    auto r = execution->Output(0);
    EXPECT_EQ(Shape(r->dims.begin(), r->dims.end()), shape);
    EXPECT_EQ(ValuesOf<int64_t>(*Tensor::CopyOf(*execution->Output(1))), shape);
  }
  ASSERT_TRUE(execution->SetInput(1, MakeTensor<int64_t>({2}, {4, 4}).view()).ok());
  EXPECT_EQ(execution->Run({}).code(), Code::kInvalidArgument);
}

TEST(ExecutionTest, ShapesMayBeComputedFromShapes) {
  // Reshape(x, Concat(Shape(x)[0:1], [-1])), as exporters write a flatten.
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {"N", 2, 2});
  builder.Initializer<int64_t>("zero", {1}, {0});
  builder.Initializer<int64_t>("rest", {1}, {-1});
  builder.Node("Shape", {"x"}, {"s"});
  builder.Node("Gather", {"s", "zero"}, {"n"});
  builder.Node("Concat", {"n", "rest"}, {"t"}, {testing::Attr("axis", 0)});
  builder.Node("Reshape", {"x", "t"}, {"y"});
  builder.Output("y");
  auto outputs = RunModel(builder.Build(), Inputs(MakeTensor<float>({3, 2, 2}, Iota<float>(12))));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ((*outputs)[0].shape(), (Shape{3, 4}));
}

TEST(ExecutionTest, ShapeErrorsNameTheNode) {
  ModelBuilder builder;
  builder.Input("a", DType::kFloat, {"N"});
  builder.Input("b", DType::kFloat, {"M"});
  builder.Node("Add", {"a", "b"}, {"y"}, {}, "sum");
  builder.Output("y");
  auto execution = NewExecution(Load(builder));
  ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({2}, {1, 2}).view()).ok());
  ASSERT_TRUE(execution->SetInput(1, MakeTensor<float>({3}, {1, 2, 3}).view()).ok());
  Status status = execution->Run({});
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("node 'sum'"), std::string_view::npos) << status.message();
}

TEST(ExecutionTest, InvalidGraphsAreRefusedAtLoad) {
  ModelBuilder shapes;
  shapes.Input("x", DType::kFloat, {2});
  shapes.Initializer<float>("w", {3}, {1, 2, 3});
  shapes.Node("Add", {"x", "w"}, {"y"}, {}, "sum");
  shapes.Output("y");
  auto model = Model::Load(shapes.Build(), {});
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code(), Code::kInvalidArgument);
  EXPECT_NE(model.error().message().find("node 'sum'"), std::string_view::npos);

  ModelBuilder type;
  type.Input("x", DType::kFloat, {2});
  type.Node("Relu", {"x"}, {"y"});
  type.Output("y", DType::kInt32, {2});
  EXPECT_EQ(Model::Load(type.Build(), {}).error().code(), Code::kInvalidArgument);
}

TEST(ExecutionTest, MemoryIsLimited) {
  LoadOptions options;
  options.limits.max_memory_bytes = 1000;
  auto execution = NewExecution(Load(ReluPlus(), options));
  Tensor fits = MakeTensor<float>({10, 3}, std::vector<float>(30));
  ASSERT_TRUE(execution->SetInput(0, fits.view()).ok());
  EXPECT_TRUE(execution->Run({}).ok());
  Tensor too_large = MakeTensor<float>({50, 3}, std::vector<float>(150));
  ASSERT_TRUE(execution->SetInput(0, too_large.view()).ok());
  EXPECT_EQ(execution->Run({}).code(), Code::kTooLarge);
  Tensor larger = MakeTensor<float>({100, 3}, std::vector<float>(300));
  EXPECT_EQ(execution->SetInput(0, larger.view()).code(), Code::kTooLarge);
  ASSERT_TRUE(execution->SetInput(0, fits.view()).ok());
  EXPECT_TRUE(execution->Run({}).ok());
}

TEST(ExecutionTest, HugeIntermediateTensorsAreRefusedBeforeTheyAreAllocated) {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {1});
  builder.Initializer<int64_t>("shape", {4}, {1 << 20, 1 << 20, 1 << 10, 1});
  builder.Node("Expand", {"x", "shape"}, {"big"}, {}, "expand");
  builder.Node("Relu", {"big"}, {"y"});
  builder.Output("y");
  auto execution = NewExecution(Load(builder));
  ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({1}, {1}).view()).ok());
  Status status = execution->Run({});
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_NE(status.message().find("node 'expand'"), std::string_view::npos) << status.message();
}

TEST(ExecutionTest, StopsWhenAskedAndRunsAgain) {
  auto execution = NewExecution(Load(ReluPlus()));
  ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({1, 3}, {1, 2, 3}).view()).ok());
  CancellationToken token;
  token.Cancel();
  RunOptions cancelled;
  cancelled.stop.cancel = &token;
  EXPECT_EQ(execution->Run(cancelled).code(), Code::kTimeout);
  RunOptions late;
  late.stop.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(execution->Run(late).code(), Code::kTimeout);
  EXPECT_EQ(execution->Output(0).error().code(), Code::kRuntimeError);
  EXPECT_TRUE(execution->Run({}).ok());
}

// y = x * ones, of [n, n] each.
ModelBuilder Product(int64_t n) {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {n, n});
  model.Initializer<int64_t>("shape", {2}, {n, n});
  model.Node("ConstantOfShape", {"shape"}, {"ones"},
             {testing::TensorAttr<float>("value", {1}, {1})});
  model.Node("MatMul", {"x", "ones"}, {"y"});
  model.Output("y", DType::kFloat, {n, n});
  return model;
}

TEST(ExecutionTest, StopsInTheMiddleOfAnOperator) {
  constexpr int64_t n = 4096;  // which takes seconds
  auto execution = NewExecution(Load(Product(n)));
  Tensor x = *Tensor::Allocate(DType::kFloat, {n, n});
  std::fill(x.bytes().begin(), x.bytes().end(), std::byte{0});
  ASSERT_TRUE(execution->BindInput(0, x.view()).ok());
  RunOptions soon;
  soon.stop.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  EXPECT_EQ(execution->Run(soon).code(), Code::kTimeout);
  EXPECT_EQ(execution->Output(0).error().code(), Code::kRuntimeError);
}

TEST(ExecutionTest, LoadingStopsWhenAsked) {
  ModelBuilder model = ReluPlus();
  CancellationToken token;
  token.Cancel();
  LoadOptions options;
  options.stop.cancel = &token;
  EXPECT_EQ(Model::Load(model.Build(), options).error().code(), Code::kTimeout);
}

TEST(ExecutionTest, TakesItsMemoryFromABudget) {
  auto budget = std::make_shared<MemoryBudget>(uint64_t{1} << 20);
  auto model = Load(ReluPlus());
  auto execution = Execution::Create(model, {.budget = budget});
  ASSERT_TRUE(execution.has_value());
  Tensor x = MakeTensor<float>({1000, 3}, Iota<float>(3000, 0));
  ASSERT_TRUE((*execution)->SetInput(0, x.view()).ok());
  EXPECT_EQ(budget->used_bytes(), 12000u);
  ASSERT_TRUE((*execution)->Run({}).ok());
  EXPECT_GT(budget->used_bytes(), 24000u);
  Tensor large = MakeTensor<float>({60000, 3}, Iota<float>(180000, 0));
  ASSERT_TRUE((*execution)->SetInput(0, large.view()).ok());
  EXPECT_EQ((*execution)->Run({}).code(), Code::kTooLarge);
  ASSERT_TRUE((*execution)->SetInput(0, x.view()).ok());
  EXPECT_TRUE((*execution)->Run({}).ok());
  execution->reset();
  EXPECT_EQ(budget->used_bytes(), 0u);
}

TEST(ExecutionTest, ManyExecutionsShareAModel) {
  auto model = Load(ReluPlus());
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      auto execution = NewExecution(model);
      for (int64_t i = 0; i < 20; ++i) {
        const int64_t rows = (t + i) % 11 + 1;  // more shapes than plans are kept
        Tensor x =
            MakeTensor<float>({rows, 3}, std::vector<float>(static_cast<size_t>(rows * 3), 1));
        ASSERT_TRUE(execution->SetInput(0, x.view()).ok());
        ASSERT_TRUE(execution->Run({}).ok());
        EXPECT_EQ(FloatsOf(*execution->Output(0)),
                  std::vector<float>(static_cast<size_t>(rows * 3), 2));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ExecutionTest, AnExecutionKeepsItsModelAlive) {
  std::unique_ptr<Execution> execution = NewExecution(Load(ReluPlus()));
  ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({1, 3}, {1, 2, 3}).view()).ok());
  EXPECT_TRUE(execution->Run({}).ok());
}

TEST(ModelTest, SaysWhatItHolds) {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {1, 3});
  builder.Initializer<float>("w", {3, 2}, Iota<float>(6));
  builder.Node("MatMul", {"x", "w"}, {"y"});
  builder.Output("y");
  auto model = Load(builder);
  EXPECT_GE(model->memory_bytes(), 24u);
  EXPECT_EQ(ValueInfoToString(model->outputs()[0]), "float[1, 2]");
}

TEST(ModelTest, PassesAreSwitchedOffByName) {
  LoadOptions options;
  options.disabled_passes = OptimizerPasses();
  EXPECT_FALSE(options.disabled_passes.empty());
  EXPECT_TRUE(Model::Load(ReluPlus().Build(), options).has_value());
  options.disabled_passes = {"no-such-pass"};
  auto model = Model::Load(ReluPlus().Build(), options);
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code(), Code::kInvalidArgument);
}

TEST(EngineTest, ListsItsOperators) {
  const std::string list = OperatorList();
  EXPECT_NE(list.find("Conv ai.onnx 1-"), std::string::npos);
  EXPECT_LT(list.find("\nAdd "), list.find("\nConv "));
  EXPECT_FALSE(ActiveInstructionSet().empty());
}

}  // namespace
}  // namespace wnn::engine
