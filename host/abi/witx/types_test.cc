#include "host/abi/witx/types.h"

#include <gtest/gtest.h>

namespace wnn::abi {
namespace {

TEST(WitxTypes, TodaysTensorTypes) {
  EXPECT_EQ(*DTypeFromTensorType(0, 3, 6), DType::kFloat16);
  EXPECT_EQ(*DTypeFromTensorType(1, 3, 12), DType::kFloat);
  EXPECT_EQ(*DTypeFromTensorType(2, 3, 24), DType::kDouble);
  EXPECT_EQ(*DTypeFromTensorType(3, 3, 3), DType::kUint8);
  EXPECT_EQ(*DTypeFromTensorType(4, 3, 12), DType::kInt32);
  EXPECT_EQ(*DTypeFromTensorType(5, 3, 24), DType::kInt64);
  EXPECT_EQ(DTypeFromTensorType(6, 3, 24).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(DTypeFromTensorType(255, 3, 24).error().code(), Code::kInvalidArgument);
}

TEST(WitxTypes, OldTensorTypesAreToldByTheirSize) {
  EXPECT_EQ(*DTypeFromTensorType(2, 3, 3), DType::kUint8);
  EXPECT_EQ(*DTypeFromTensorType(3, 3, 12), DType::kInt32);
}

TEST(WitxTypes, TodaysReadingWinsWhenNeitherFits) {
  EXPECT_EQ(*DTypeFromTensorType(2, 3, 7), DType::kDouble);
  EXPECT_EQ(*DTypeFromTensorType(3, 3, 7), DType::kUint8);
  EXPECT_EQ(*DTypeFromTensorType(2, 0, 0), DType::kDouble);
  EXPECT_EQ(*DTypeFromTensorType(3, 0, 0), DType::kUint8);
}

TEST(WitxTypes, Encodings) {
  EXPECT_EQ(*EncodingFromWitx(1), nn::Encoding::kOnnx);
  EXPECT_EQ(*EncodingFromWitx(5), nn::Encoding::kAutodetect);
  EXPECT_EQ(*EncodingFromWitx(6), nn::Encoding::kAutodetect);
  EXPECT_EQ(*EncodingFromWitx(0), nn::Encoding::kOpenvino);
  EXPECT_EQ(EncodingFromWitx(7).error().code(), Code::kInvalidEncoding);
}

TEST(WitxTypes, Targets) {
  EXPECT_EQ(*TargetFromWitx(0), runtimes::Target::kCpu);
  EXPECT_EQ(*TargetFromWitx(1), runtimes::Target::kGpu);
  EXPECT_EQ(*TargetFromWitx(2), runtimes::Target::kTpu);
  EXPECT_EQ(TargetFromWitx(3).error().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace wnn::abi
