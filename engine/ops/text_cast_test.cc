// Cast and CastLike between numbers and strings.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/testing/run_model.h"

namespace wnn::ops {
namespace {

using testing::Attr;
using testing::MakeTensor;
using testing::ModelBuilder;
using testing::NodeUnderTest;
using testing::Strings;
using testing::ValuesOf;

using Texts = std::vector<std::string>;

// What ONNX's TensorProto.DataType calls them.
constexpr int kFloat = 1, kUint8 = 2, kInt64 = 7, kString = 8, kBool = 9, kDouble = 11,
              kUint64 = 13;

Result<Value> CastTo(int to, Value value) {
  WNN_ASSIGN_OR_RETURN(std::vector<Value> outputs,
                       NodeUnderTest({"Cast", 13, {Attr("to", to)}}).RunAny({std::move(value)}));
  return std::move(outputs[0]);
}

Texts TextsOf(Value value) {
  auto texts = CastTo(kString, std::move(value));
  EXPECT_TRUE(texts) << texts.error().message();
  return texts ? texts->strings()->elements : Texts();
}

template <typename T>
std::vector<T> NumbersOf(int to, const Texts& texts) {
  auto numbers = CastTo(to, Strings({static_cast<int64_t>(texts.size())}, texts));
  EXPECT_TRUE(numbers) << numbers.error().message();
  return numbers ? ValuesOf<T>(*numbers->tensor()) : std::vector<T>();
}

TEST(TextCastTest, NumbersBecomeTheFewestDigitsThatGiveThemBack) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(TextsOf(MakeTensor<float>({8}, {0.1f, -0.0f, 1000, 1e-7f, 3e38f, inf, -inf, NAN})),
            (Texts{"0.1", "-0", "1000", "1e-07", "3e+38", "INF", "-INF", "NaN"}));
  EXPECT_EQ(TextsOf(MakeTensor<double>({2}, {0.1, 314159265358979})),
            (Texts{"0.1", "314159265358979"}));
  EXPECT_EQ(TextsOf(MakeTensor<kernels::Float16>({1}, {kernels::Narrow<kernels::Float16>(0.5f)})),
            (Texts{"0.5"}));
  EXPECT_EQ(TextsOf(MakeTensor<uint64_t>({1}, {UINT64_MAX})), (Texts{"18446744073709551615"}));
  EXPECT_EQ(TextsOf(MakeTensor<int8_t>({2}, {-128, 7})), (Texts{"-128", "7"}));
  EXPECT_EQ(TextsOf(MakeTensor<bool>({2}, {true, false})), (Texts{"1", "0"}));
}

TEST(TextCastTest, TextsBecomeNumbers) {
  EXPECT_EQ(NumbersOf<float>(kFloat, {"3.14", "-1e-5", " +1E8\n", ".5", "1e99", "-1e-99"}),
            (std::vector<float>{3.14f, -1e-5f, 1e8f, 0.5f, INFINITY, -0.0f}));
  const auto words = NumbersOf<double>(kDouble, {"+INF", "inf", "-Inf", "nan", "NaN"});
  EXPECT_EQ(words[0] + words[1], INFINITY);
  EXPECT_EQ(words[2], -INFINITY);
  EXPECT_TRUE(std::isnan(words[3]) && std::isnan(words[4]));
  EXPECT_EQ(NumbersOf<int64_t>(kInt64, {"9223372036854775807", "-12", "+3", "100.5", "1e3"}),
            (std::vector<int64_t>{INT64_MAX, -12, 3, 100, 1000}));
  EXPECT_EQ(NumbersOf<uint64_t>(kUint64, {"18446744073709551615"}),
            (std::vector<uint64_t>{UINT64_MAX}));
  EXPECT_EQ(NumbersOf<bool>(kBool, {"0", "1", "0.0"}), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(NumbersOf<float>(kFloat, {}), std::vector<float>());
}

TEST(TextCastTest, WhatIsNoNumberOfTheTypeIsRefused) {
  for (const char* text : {"", "Hello", "1,5", "0x10", "1 2", "--1", "+-1", "1e"}) {
    auto number = CastTo(kFloat, Strings({1}, {text}));
    ASSERT_FALSE(number) << text;
    EXPECT_EQ(number.error().code(), Code::kInvalidArgument);
  }
  for (const char* text : {"256", "-1", "1e30", "nan", "99999999999999999999"}) {
    EXPECT_FALSE(CastTo(kUint8, Strings({1}, {text}))) << text;
  }
  EXPECT_FALSE(CastTo(kInt64, Strings({1}, {"9223372036854775808"})));
  EXPECT_FALSE(CastTo(kUint64, Strings({1}, {"18446744073709551616"})));
  auto message = CastTo(kFloat, Strings({1}, {"ten"})).error();
  EXPECT_NE(message.message().find("'ten' is no number of type float"), std::string::npos)
      << message.message();
}

TEST(TextCastTest, CastLikeAndStringsToStrings) {
  NodeUnderTest like{"CastLike", 15};
  auto texts = like.RunAny({Value(MakeTensor<int64_t>({1}, {5})), Strings({0}, {})});
  ASSERT_TRUE(texts) << texts.error().message();
  EXPECT_EQ(texts->at(0).strings()->elements, (Texts{"5"}));
  auto numbers = like.RunAny({Strings({1}, {"5"}), Value(MakeTensor<int64_t>({1}, {1}))});
  ASSERT_TRUE(numbers) << numbers.error().message();
  EXPECT_EQ(ValuesOf<int64_t>(*numbers->at(0).tensor()), std::vector<int64_t>{5});
  EXPECT_EQ(TextsOf(Strings({2}, {"a", ""})), (Texts{"a", ""}));
}

// A model in which one Cast works on strings and another on numbers, beside a constant of strings.
TEST(TextCastTest, BesideNumbersAndConstants) {
  ModelBuilder model(13);
  model.Input("x", DType::kFloat, {"N"});
  model.Node("Cast", {"x"}, {"whole"}, {Attr("to", kInt64)});
  model.Node("Cast", {"whole"}, {"text"}, {Attr("to", kString)});
  model.Node("Cast", {"text"}, {"y"}, {Attr("to", kDouble)});
  model.Output("y");
  std::vector<Tensor> inputs;
  inputs.push_back(MakeTensor<float>({2}, {1.5f, -2.5f}));
  for (bool optimize : {true, false}) {
    engine::LoadOptions options;
    options.optimize = optimize;
    auto outputs = testing::RunModel(model.Build(), inputs, options);
    ASSERT_TRUE(outputs) << outputs.error().message();
    EXPECT_EQ(ValuesOf<double>(outputs->at(0)), (std::vector<double>{1, -2}));
  }
}

}  // namespace
}  // namespace wnn::ops
