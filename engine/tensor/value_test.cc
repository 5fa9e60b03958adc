#include "engine/tensor/value.h"

#include <gtest/gtest.h>

#include "engine/base/checked_math.h"
#include "engine/testing/keeper.h"

namespace wnn {
namespace {

Value Ints(const Shape& shape, std::shared_ptr<MemoryBudget> budget = nullptr) {
  auto tensor = Tensor::Allocate(DType::kInt64, shape, std::move(budget));
  EXPECT_TRUE(tensor.has_value());
  return Value(std::move(*tensor));
}

TEST(ValueTest, SaysWhatItIs) {
  EXPECT_TRUE(Value().empty());
  EXPECT_EQ(ValueTypeToString(*TypeOf(Ints({2, 3}))), "int64[2, 3]");
  Value strings(std::move(*StringTensor::Make({2}, {"a", "b"})));
  EXPECT_EQ(ValueTypeToString(*TypeOf(strings)), "string[2]");
  Value list(std::move(*Sequence::Make(nullptr, {Ints({1}), Ints({2})})));
  EXPECT_EQ(ValueTypeToString(*TypeOf(list)), "seq(int64[...])");
  Optional optional;
  optional.value = list;
  EXPECT_EQ(ValueTypeToString(*TypeOf(Value(optional))), "optional(seq(int64[...]))");
  Map map{strings, Ints({2})};
  EXPECT_EQ(ValueTypeToString(*TypeOf(Value(map))), "map(string, int64[...])");
}

TEST(ValueTest, ChecksBoolsWithin) {
  auto tensor = Tensor::Allocate(DType::kBool, {2});
  ASSERT_TRUE(tensor.has_value());
  std::byte* bytes = tensor->bytes().data();
  bytes[0] = std::byte{1};
  bytes[1] = std::byte{0x80};
  const Value bools(std::move(*tensor));
  const Value list(std::move(*Sequence::Make(nullptr, {bools})));
  ValueInfo info;
  info.name = "x";
  info.container = TypeOf(list);
  const Status status = CheckValue(info, list);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(status.message(), "input 'x': bool[2] has bytes that are neither 0 nor 1");
  Optional optional;
  optional.value = bools;
  info.container = TypeOf(Value(optional));
  EXPECT_FALSE(CheckValue(info, Value(optional)).ok());
  bytes[1] = std::byte{0};
  EXPECT_TRUE(CheckValue(info, Value(optional)).ok());
}

TEST(ValueTest, ChecksAgainstADeclaration) {
  ValueInfo info;
  info.name = "x";
  info.container = ValueType::OfSequence(ValueType::OfTensor(DType::kFloat));
  Value list(std::move(*Sequence::Make(nullptr, {Ints({1})})));
  Status status = CheckValue(info, list);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(status.message(), "input 'x' is seq(float[...]), but the value is seq(int64[...])");
  EXPECT_FALSE(CheckValue(info, Ints({1})).ok());
  EXPECT_FALSE(CheckValue(info, Value()).ok());
  info.container = ValueType::OfSequence(ValueType::OfTensor(DType::kInt64));
  EXPECT_TRUE(CheckValue(info, list).ok());

  ValueInfo text;
  text.name = "t";
  text.dtype = DType::kString;
  text.has_shape = true;
  text.dims = {{2, ""}};
  EXPECT_TRUE(CheckValue(text, Value(std::move(*StringTensor::Make({2}, {"a", "b"})))).ok());
  EXPECT_FALSE(CheckValue(text, Value(std::move(*StringTensor::Make({1}, {"a"})))).ok());
  // A shape that promises more than there is.
  EXPECT_FALSE(CheckValue(text, Value(std::move(*StringTensor::Make({2}, {"a"})))).ok());
}

TEST(MemoryBudgetTest, CountsWhatLives) {
  auto budget = std::make_shared<MemoryBudget>(1000);
  Value one = Ints({50}, budget);
  const uint64_t used = budget->used_bytes();
  EXPECT_GE(used, 400u);
  Value view = Value(one.tensor()->WithShape({50, 1}));
  EXPECT_FALSE(view.IsUnique());
  one = Value();
  EXPECT_EQ(budget->used_bytes(), used);
  EXPECT_TRUE(view.IsUnique());
  EXPECT_EQ(Tensor::Allocate(DType::kInt64, {100}, budget).error().code(), Code::kTooLarge);
  view = Value();
  EXPECT_EQ(budget->used_bytes(), 0u);
  EXPECT_TRUE(Tensor::Allocate(DType::kInt64, {100}, budget).has_value());
  EXPECT_EQ(budget->used_bytes(), 0u);
}

TEST(ElementCountTest, NoProductOfDimensionsLeavesInt64) {
  constexpr int64_t kBig = int64_t{1} << 31;
  EXPECT_EQ(ElementCount(Shape{}), 1);
  EXPECT_EQ(ElementCount(Shape{2, 3, 0}), 0);
  EXPECT_EQ(ElementCount(Shape{kBig, 1 << 27}), int64_t{1} << 58);
  for (const Shape& dims :
       {Shape{-1}, {kBig, kBig}, {0, kBig, kBig}, {kBig, 0, kBig}, {kBig, kBig, 0}}) {
    EXPECT_EQ(ElementCount(dims), std::nullopt) << ShapeToString(dims);
  }
}

TEST(DiscardTest, WhatTakesLongToFreeIsLeftToTheBudgetsDiscarder) {
  constexpr size_t kMany = 40'000;
  auto keeper = std::make_shared<testing::Keeper>();
  auto budget = std::make_shared<MemoryBudget>(uint64_t{1} << 30, keeper);
  {
    auto few = StringTensor::Make({2}, {"a", "b"}, budget);
  }
  EXPECT_EQ(keeper->size(), 0u);
  {
    auto many = StringTensor::Make({kMany}, std::vector<std::string>(kMany), budget);
  }
  EXPECT_EQ(keeper->size(), 1u);
  {
    auto list = Sequence::Make(nullptr, std::vector<Value>(kMany, Ints({1})), budget);
  }
  EXPECT_EQ(keeper->size(), 2u);
  // What is long is what all of it holds together.
  const auto half = [&] {
    return Value(
        std::move(*StringTensor::Make({kMany / 2}, std::vector<std::string>(kMany / 2), budget)));
  };
  {
    auto nested = Sequence::Make(nullptr, {half(), Value(Map{Ints({1}), half()})}, budget);
  }
  EXPECT_EQ(keeper->size(), 3u);
  Discard(budget, {half()});
  EXPECT_EQ(keeper->size(), 3u);
  std::vector<Value> two;
  for (int i = 0; i < 2; ++i) two.push_back(half());
  Discard(budget, std::move(two));
  EXPECT_EQ(keeper->size(), 4u);
  // It is in the budget until it has ended.
  EXPECT_GT(budget->used_bytes(), kMany * sizeof(std::string));
  EXPECT_TRUE(budget->AwaitDiscarded({}).ok());
  EXPECT_EQ(budget->used_bytes(), 0u);
}

TEST(DiscardTest, TensorsTogetherTakeLongWhereTheyEndWithWhatIsLetGo) {
  auto keeper = std::make_shared<testing::Keeper>();
  auto budget = std::make_shared<MemoryBudget>(uint64_t{1} << 30, keeper);
  const auto half = [&] { return Ints({kLongEndBytes / sizeof(int64_t) / 2}, budget); };
  {
    const Value large = Ints({kLongEndBytes / sizeof(int64_t)}, budget);
  }
  EXPECT_EQ(keeper->size(), 1u);
  Discard(budget, {half()});
  EXPECT_EQ(keeper->size(), 1u);
  const Value held = half();
  std::vector<Value> one_held, two;
  for (int i = 0; i < 2; ++i) {
    one_held.push_back(i == 0 ? held : half());
    two.push_back(half());
  }
  Discard(budget, std::move(one_held));
  EXPECT_EQ(keeper->size(), 1u);
  Discard(budget, std::move(two));
  EXPECT_EQ(keeper->size(), 2u);
  EXPECT_TRUE(budget->AwaitDiscarded({}).ok());
}

TEST(DiscardTest, WithoutADiscarderItEndsAtOnce) {
  auto budget = std::make_shared<MemoryBudget>(uint64_t{1} << 30);
  {
    auto list = Sequence::Make(nullptr, std::vector<Value>(40'000, Ints({1})), budget);
  }
  EXPECT_FALSE(budget->has_discarded());
  EXPECT_EQ(budget->used_bytes(), 0u);
}

TEST(StringTensorTest, TextsAreChargedBeforeTheyAreThere) {
  auto budget = std::make_shared<MemoryBudget>(uint64_t{10} << 20);
  StringTensor strings(budget);
  ASSERT_TRUE(strings.Reserve(1000).ok());
  const std::string text(size_t{1} << 20, 'a');
  Status status;
  while (status.ok() && strings.elements.size() < 1000) {
    status = strings.ChargeText(text.size());
    if (status.ok()) strings.elements.push_back(text);
  }
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(strings.elements.size(), 9u);
  EXPECT_TRUE(strings.Charge().ok());
}

}  // namespace
}  // namespace wnn
