#include "host/abi/wit/types.h"

#include <gtest/gtest.h>

namespace wnn::abi {
namespace {

TEST(WitTypes, TensorTypesAreNumberedInTheWitsOrder) {
  const DType expected[] = {DType::kFloat16, DType::kFloat, DType::kDouble, DType::kBfloat16,
                            DType::kUint8,   DType::kInt32, DType::kInt64};
  for (uint8_t number = 0; number < 7; ++number) {
    EXPECT_EQ(DTypeFromWit(number), expected[number]);
    EXPECT_EQ(WitFromDType(expected[number]), number);
    EXPECT_EQ(WitTensorTypes()[number], expected[number]);
  }
}

TEST(WitTypes, WhatHasNoNameCrossesAsBytes) {
  for (DType dtype : {DType::kBool, DType::kInt8, DType::kUint16, DType::kInt16, DType::kUint32,
                      DType::kUint64, DType::kComplex64, DType::kInt4}) {
    EXPECT_EQ(WitFromDType(dtype), 4) << DTypeName(dtype);
  }
}

TEST(WitTypes, EncodingsAndTargets) {
  EXPECT_EQ(EncodingFromWit(1), nn::Encoding::kOnnx);
  EXPECT_EQ(EncodingFromWit(5), nn::Encoding::kGgml);
  EXPECT_EQ(EncodingFromWit(6), nn::Encoding::kAutodetect);
  EXPECT_EQ(TargetFromWit(0), runtimes::Target::kCpu);
  EXPECT_EQ(TargetFromWit(2), runtimes::Target::kTpu);
}

}  // namespace
}  // namespace wnn::abi
