#include "host/nn/carried_type.h"

#include <gtest/gtest.h>

#include <array>

namespace wnn::nn {
namespace {

constexpr std::array kNameable = {DType::kFloat, DType::kUint8, DType::kInt32};

TEST(CarriedType, BytesStandForWhatHasNoName) {
  for (DType declared : {DType::kBool, DType::kInt8, DType::kUint16, DType::kBfloat16,
                         DType::kUint32, DType::kUint64, DType::kComplex64, DType::kInt4}) {
    EXPECT_EQ(CarriedType(DType::kUint8, declared, kNameable), declared) << DTypeName(declared);
  }
}

TEST(CarriedType, NothingElseDoes) {
  EXPECT_EQ(CarriedType(DType::kInt32, DType::kUint32, kNameable), DType::kInt32);
  EXPECT_EQ(CarriedType(DType::kFloat, DType::kBool, kNameable), DType::kFloat);
}

TEST(CarriedType, WhatHasANameGoesByIt) {
  EXPECT_EQ(CarriedType(DType::kUint8, DType::kFloat, kNameable), DType::kUint8);
  EXPECT_EQ(CarriedType(DType::kUint8, DType::kUint8, kNameable), DType::kUint8);
}

TEST(CarriedType, ModelsThatDeclareNoTypeTakeBytesAsBytes) {
  EXPECT_EQ(CarriedType(DType::kUint8, DType::kUndefined, kNameable), DType::kUint8);
}

}  // namespace
}  // namespace wnn::nn
