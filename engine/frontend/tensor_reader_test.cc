#include "engine/frontend/tensor_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/testing/model_builder.h"
#include "engine/testing/run_model.h"

namespace wnn::frontend {
namespace {

using testing::ModelBuilder;
using testing::ValuesOf;
using testing::WireWriter;

// Field numbers of TensorProto.
constexpr uint32_t kDims = 1, kDataType = 2, kFloatData = 4, kInt32Data = 5, kInt64Data = 7,
                   kRawData = 9, kDoubleData = 10, kUint64Data = 11, kExternalData = 13,
                   kDataLocation = 14;

Result<Tensor> Read(const WireWriter& message, const Limits& limits = {}) {
  auto bytes = ModelBuilder::ToBytes(message.bytes());
  auto proto = ParseTensor(bytes);
  if (!proto) return InvalidEncoding("malformed");
  return ReadTensor(*proto, limits);
}

WireWriter Head(DType dtype, std::initializer_list<int64_t> dims) {
  WireWriter tensor;
  for (int64_t dim : dims) tensor.Varint(kDims, static_cast<uint64_t>(dim));
  tensor.Varint(kDataType, static_cast<uint64_t>(dtype));
  return tensor;
}

template <typename T>
std::vector<T> Values(const WireWriter& message) {
  auto tensor = Read(message);
  if (!tensor) {
    ADD_FAILURE() << tensor.error().message();
    return {};
  }
  return ValuesOf<T>(*tensor);
}

TEST(TensorReaderTest, ReadsRawData) {
  EXPECT_EQ(Values<int32_t>(testing::TensorMessage<int32_t>("t", std::vector<int64_t>{2}, {7, -8})),
            (std::vector<int32_t>{7, -8}));
}

TEST(TensorReaderTest, ReadsTypedFields) {
  EXPECT_EQ(Values<float>(Head(DType::kFloat, {2}).Float(kFloatData, 1).Float(kFloatData, -2)),
            (std::vector<float>{1, -2}));
  EXPECT_EQ(Values<int64_t>(Head(DType::kInt64, {2})
                                .Varint(kInt64Data, 5)
                                .Varint(kInt64Data, static_cast<uint64_t>(-6))),
            (std::vector<int64_t>{5, -6}));
  const double d = 0.25;
  EXPECT_EQ(Values<double>(Head(DType::kDouble, {1})
                               .Bytes(kDoubleData, {reinterpret_cast<const char*>(&d), sizeof(d)})),
            (std::vector<double>{0.25}));
  EXPECT_EQ(Values<uint32_t>(Head(DType::kUint32, {1}).Varint(kUint64Data, 4000000000)),
            (std::vector<uint32_t>{4000000000}));
  EXPECT_EQ(Values<int8_t>(Head(DType::kInt8, {2})
                               .Varint(kInt32Data, static_cast<uint64_t>(-1))
                               .Varint(kInt32Data, 127)),
            (std::vector<int8_t>{-1, 127}));
  EXPECT_EQ(Values<bool>(Head(DType::kBool, {1}).Varint(kInt32Data, 1)), std::vector<bool>{true});
}

TEST(TensorReaderTest, ReadsHalvesFromInt32Data) {
  auto tensor = Read(Head(DType::kFloat16, {1}).Varint(kInt32Data, 0x3c00));
  ASSERT_TRUE(tensor.has_value());
  EXPECT_EQ(kernels::ToFloat(ValuesOf<kernels::Float16>(*tensor)[0]), 1.0f);
}

TEST(TensorReaderTest, RankZeroAndEmptyTensors) {
  EXPECT_EQ(Values<float>(Head(DType::kFloat, {}).Float(kFloatData, 3)), std::vector<float>{3});
  EXPECT_EQ(Values<float>(Head(DType::kFloat, {0, 5})), std::vector<float>{});
}

TEST(TensorReaderTest, RefusesAWrongNumberOfElements) {
  for (const WireWriter& message : {
           Head(DType::kFloat, {2}).Float(kFloatData, 1),
           Head(DType::kFloat, {1}).Float(kFloatData, 1).Float(kFloatData, 2),
           Head(DType::kFloat, {2}).Bytes(kRawData, "1234567"),
           Head(DType::kInt64, {int64_t{1} << 27}).Varint(kInt64Data, 1),
           Head(DType::kFloat, {-1}),
           Head(DType::kFloat, {int64_t{1} << 40, int64_t{1} << 40}),
       }) {
    auto tensor = Read(message);
    ASSERT_FALSE(tensor.has_value());
    EXPECT_EQ(tensor.error().code(), Code::kInvalidArgument) << tensor.error().message();
  }
}

TEST(TensorReaderTest, BoolsAreZeroOrOne) {
  const auto read = [](std::string_view raw) {
    return Read(Head(DType::kBool, {3}).Bytes(kRawData, raw)).has_value();
  };
  EXPECT_TRUE(read(std::string_view("\0\1\0", 3)));
  EXPECT_FALSE(read(std::string_view("\1\2\1", 3)));
  EXPECT_FALSE(Read(Head(DType::kBool, {1}).Varint(kInt32Data, 255)).has_value());
}

TEST(TensorReaderTest, RefusesUnknownTypesAndStrings) {
  WireWriter unknown;
  unknown.Varint(kDataType, 99);
  EXPECT_EQ(Read(unknown).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(Read(Head(DType::kString, {1})).error().code(), Code::kUnsupportedOperation);
}

TEST(TensorReaderTest, ExternalDataIsASecurityError) {
  WireWriter entry;
  entry.Bytes(1, "location").Bytes(2, "/etc/passwd");
  EXPECT_EQ(Read(Head(DType::kFloat, {1}).Message(kExternalData, entry)).error().code(),
            Code::kSecurity);
  EXPECT_EQ(Read(Head(DType::kFloat, {1}).Varint(kDataLocation, 1)).error().code(),
            Code::kSecurity);
}

TEST(TensorReaderTest, HoldsTheLimits) {
  Limits limits;
  limits.max_rank = 2;
  limits.max_tensor_bytes = 8;
  EXPECT_EQ(Read(Head(DType::kFloat, {1, 1, 1}), limits).error().code(), Code::kTooLarge);
  EXPECT_EQ(Read(Head(DType::kFloat, {3}).Bytes(kRawData, "123456789012"), limits).error().code(),
            Code::kTooLarge);
}

}  // namespace
}  // namespace wnn::frontend
