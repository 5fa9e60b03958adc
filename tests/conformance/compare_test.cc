// The runner itself: what the suite's files say, and when two values are the same.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/testing/model_builder.h"
#include "engine/testing/run_model.h"
#include "tests/conformance/case_value.h"

namespace wnn::conformance {
namespace {

using testing::MakeTensor;
using testing::WireWriter;

CaseValue Floats(const std::vector<float>& values) {
  CaseValue value;
  value.tensor = MakeTensor<float>({static_cast<int64_t>(values.size())}, values);
  return value;
}

std::span<const std::byte> BytesOf(const WireWriter& message) {
  return std::as_bytes(std::span(message.bytes()));
}

TEST(CompareTest, FloatsWithinTheTolerance) {
  EXPECT_TRUE(Compare(Floats({1.01f, 0.1f}), Floats({1, 0}), 0.02, 0.1001).ok());
  EXPECT_FALSE(Compare(Floats({1.03f}), Floats({1}), 0.02, 0).ok());
  EXPECT_FALSE(Compare(Floats({0.2f}), Floats({0}), 0.02, 0.1).ok());
  constexpr float kInf = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(Compare(Floats({NAN, kInf, -kInf}), Floats({NAN, kInf, -kInf}), 0, 0).ok());
  for (float wrong : {0.0f, -kInf, NAN}) {
    EXPECT_FALSE(Compare(Floats({wrong}), Floats({kInf}), 1, 1).ok());
  }
  EXPECT_FALSE(Compare(Floats({NAN}), Floats({0}), 1, 1).ok());
  EXPECT_FALSE(Compare(Floats({0}), Floats({NAN}), 1, 1).ok());
}

TEST(CompareTest, TypesShapesAndIntegersExactly) {
  CaseValue ints, more;
  ints.tensor = MakeTensor<int64_t>({2}, {1, 1000});
  more.tensor = MakeTensor<int64_t>({2}, {1, 1001});
  EXPECT_TRUE(Compare(ints, ints, 0, 0).ok());
  EXPECT_FALSE(Compare(more, ints, 1, 1).ok());
  EXPECT_FALSE(Compare(Floats({1, 1000}), ints, 1, 1).ok());
  CaseValue column;
  column.tensor = MakeTensor<int64_t>({2, 1}, {1, 1000});
  EXPECT_FALSE(Compare(column, ints, 1, 1).ok());
}

TEST(CompareTest, SmallFloatsExactlyButEveryNaNIsOne) {
  auto value = [](uint8_t bits) {
    const Shape shape = {1};
    CaseValue v;
    v.tensor = *Tensor::CopyOf({DType::kFloat8E5M2, shape, std::as_bytes(std::span(&bits, 1))});
    return v;
  };
  EXPECT_TRUE(Compare(value(0x7e), value(0x7f), 0, 0).ok());
  EXPECT_FALSE(Compare(value(0x7c), value(0x7f), 1, 1).ok());
  EXPECT_FALSE(Compare(value(0x00), value(0x80), 1, 1).ok());
  EXPECT_FALSE(Compare(value(0x3c), value(0x3d), 1, 1).ok());
}

TEST(CompareTest, SequencesElementByElement) {
  CaseValue a, b;
  a.kind = b.kind = Kind::kSequence;
  a.items.push_back(Floats({1}));
  EXPECT_FALSE(Compare(a, b, 0, 0).ok());
  b.items.push_back(Floats({2}));
  EXPECT_FALSE(Compare(a, b, 0, 0).ok());
  EXPECT_TRUE(Compare(a, b, 1, 0).ok());
  b.kind = Kind::kOptional;
  EXPECT_FALSE(Compare(a, b, 1, 0).ok());
}

TEST(ReadValueTest, TensorsSequencesOptionalsAndMaps) {
  const int64_t dims[] = {2};
  const WireWriter tensor = testing::TensorMessage<float>("x", dims, {1, 2});
  WireWriter sequence, optional, map, strings;
  sequence.Message(3, tensor).Message(3, tensor);
  optional.Message(3, tensor);
  map.Bytes(4, "a").Bytes(4, "b").Message(5, sequence);
  strings.Varint(1, 2).Varint(2, 8).Bytes(6, "a").Bytes(6, "");

  auto values = ReadValue(Kind::kSequence, BytesOf(sequence));
  ASSERT_TRUE(values.has_value());
  ASSERT_EQ(values->items.size(), 2u);
  EXPECT_TRUE(Compare(values->items[1], Floats({1, 2}), 0, 0).ok());
  EXPECT_EQ(ReadValue(Kind::kOptional, BytesOf(optional))->items.size(), 1u);
  EXPECT_EQ(ReadValue(Kind::kOptional, BytesOf(WireWriter()))->items.size(), 0u);
  auto read_map = ReadValue(Kind::kMap, BytesOf(map));
  ASSERT_TRUE(read_map.has_value());
  EXPECT_EQ(read_map->items[0].strings, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read_map->items[1].items.size(), 2u);
  EXPECT_EQ(ReadValue(Kind::kTensor, BytesOf(strings))->strings,
            (std::vector<std::string>{"a", ""}));
}

TEST(ReadValueTest, Uint16IsTheBitsOfADeclaredBfloat16) {
  const int64_t dims[] = {1};
  const WireWriter tensor = testing::TensorMessage<uint16_t>("x", dims, {0x3f80});
  auto value = ReadValue(Declared{Kind::kTensor, true}, BytesOf(tensor));
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->tensor.dtype(), DType::kBfloat16);
  EXPECT_EQ(value->tensor.shape(), Shape{1});
  EXPECT_EQ(ReadValue(Declared{}, BytesOf(tensor))->tensor.dtype(), DType::kUint16);
}

TEST(ReadSignatureTest, LeavesInitializersOut) {
  testing::ModelBuilder model;
  model.Input("x", DType::kBfloat16, {1});
  model.Input("w", DType::kFloat, {1});
  model.Initializer<float>("w", {1}, {1});
  model.Output("y");
  auto signature = ReadSignature(model.Build());
  ASSERT_TRUE(signature.has_value());
  ASSERT_EQ(signature->inputs.size(), 1u);
  EXPECT_TRUE(signature->inputs[0].is_bfloat16);
  EXPECT_EQ(signature->outputs.size(), 1u);
}

}  // namespace
}  // namespace wnn::conformance
