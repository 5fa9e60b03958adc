#include "host/abi/witx/types.h"

#include <gtest/gtest.h>

namespace wnn::abi {
namespace {

constexpr WitxDialect kAuto = WitxDialect::kAuto;
constexpr WitxDialect kCurrent = WitxDialect::kCurrent;
constexpr WitxDialect kOld = WitxDialect::kOld;

// The type of a tensor of `n_elements` with `data_bytes`.
DType TypeOf(WitxDialect dialect, uint8_t tag, int64_t n_elements, uint64_t data_bytes,
             DType declared = DType::kUndefined) {
  return DTypeFromTensorType(dialect, {tag, n_elements, data_bytes}, declared)
      .value_or(DType::kString);
}

TEST(WitxTypes, TodaysTensorTypes) {
  for (WitxDialect dialect : {kAuto, kCurrent}) {
    EXPECT_EQ(TypeOf(dialect, 0, 3, 6), DType::kFloat16);
    EXPECT_EQ(TypeOf(dialect, 1, 3, 12), DType::kFloat);
    EXPECT_EQ(TypeOf(dialect, 2, 3, 24), DType::kDouble);
    EXPECT_EQ(TypeOf(dialect, 3, 3, 3), DType::kUint8);
    EXPECT_EQ(TypeOf(dialect, 4, 3, 12), DType::kInt32);
    EXPECT_EQ(TypeOf(dialect, 5, 3, 24), DType::kInt64);
  }
}

TEST(WitxTypes, OldTensorTypes) {
  EXPECT_EQ(TypeOf(kOld, 0, 3, 6), DType::kFloat16);
  EXPECT_EQ(TypeOf(kOld, 1, 3, 12), DType::kFloat);
  EXPECT_EQ(TypeOf(kOld, 2, 3, 24), DType::kUint8);  // whatever its length says
  EXPECT_EQ(TypeOf(kOld, 3, 3, 3), DType::kInt32);
}

TEST(WitxTypes, UnknownTensorTypes) {
  for (auto [dialect, tag] : {std::pair{kAuto, 6}, {kCurrent, 6}, {kOld, 4}, {kOld, 255}}) {
    auto dtype = DTypeFromTensorType(dialect, {static_cast<uint8_t>(tag), 1, 1}, DType::kFloat);
    EXPECT_EQ(dtype.error().code(), Code::kInvalidArgument) << tag;
  }
}

TEST(WitxTypes, AutoTellsTheNumberingsApartByTheDatasLength) {
  EXPECT_EQ(TypeOf(kAuto, 2, 3, 3), DType::kUint8);
  EXPECT_EQ(TypeOf(kAuto, 3, 3, 12), DType::kInt32);
  EXPECT_EQ(TypeOf(kCurrent, 2, 3, 3), DType::kDouble);
  EXPECT_EQ(TypeOf(kCurrent, 3, 3, 12), DType::kUint8);
}

TEST(WitxTypes, AutoReadsAsTodayWhereNeitherFits) {
  EXPECT_EQ(TypeOf(kAuto, 2, 3, 7), DType::kDouble);
  EXPECT_EQ(TypeOf(kAuto, 3, 3, 7), DType::kUint8);
}

TEST(WitxTypes, AutoGoesByTheModelWhereThereAreNoElements) {
  EXPECT_EQ(TypeOf(kAuto, 2, 0, 0, DType::kUint8), DType::kUint8);
  EXPECT_EQ(TypeOf(kAuto, 2, 0, 0, DType::kDouble), DType::kDouble);
  EXPECT_EQ(TypeOf(kAuto, 2, 0, 0, DType::kBool), DType::kBool);
  EXPECT_EQ(TypeOf(kAuto, 3, 0, 0, DType::kInt32), DType::kInt32);
  EXPECT_EQ(TypeOf(kAuto, 3, 0, 0, DType::kUint8), DType::kUint8);
  EXPECT_EQ(TypeOf(kAuto, 2, 0, 0), DType::kDouble);
  EXPECT_EQ(TypeOf(kAuto, 3, 0, 0), DType::kUint8);
}

TEST(WitxTypes, BytesStandForTypesWithoutANumber) {
  EXPECT_EQ(TypeOf(kCurrent, 3, 3, 3, DType::kBool), DType::kBool);
  EXPECT_EQ(TypeOf(kCurrent, 3, 3, 6, DType::kBfloat16), DType::kBfloat16);
  EXPECT_EQ(TypeOf(kCurrent, 3, 3, 24, DType::kUint64), DType::kUint64);
  EXPECT_EQ(TypeOf(kCurrent, 4, 3, 12, DType::kUint32), DType::kInt32);  // u8 alone does
  EXPECT_EQ(TypeOf(kOld, 2, 3, 24, DType::kInt64), DType::kInt64);
  EXPECT_EQ(TypeOf(kOld, 2, 3, 24, DType::kDouble), DType::kDouble);
  // Either numbering, where it is clear which.
  EXPECT_EQ(TypeOf(kAuto, 3, 3, 12, DType::kUint32), DType::kUint32);
  EXPECT_EQ(TypeOf(kAuto, 3, 3, 24, DType::kUint64), DType::kUint64);
  EXPECT_EQ(TypeOf(kAuto, 2, 3, 3, DType::kBool), DType::kBool);
  EXPECT_EQ(TypeOf(kAuto, 2, 3, 6, DType::kUint16), DType::kUint16);
  // Could be a double, and numbers are never taken for others.
  EXPECT_EQ(TypeOf(kAuto, 2, 3, 24, DType::kUint64), DType::kDouble);
  EXPECT_EQ(TypeOf(kAuto, 2, 3, 24, DType::kInt64), DType::kDouble);
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
  EXPECT_EQ(*TargetFromWitx(3), std::nullopt);
  EXPECT_EQ(TargetFromWitx(4).error().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace wnn::abi
