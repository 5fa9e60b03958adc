#include "engine/kernels/reference/number_io.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace wnn::kernels {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

double Decoded(DType dtype, uint8_t bits) {
  const auto byte = static_cast<std::byte>(bits);
  double value = 0;
  ReadNumbers(dtype, &byte, 0, 1, &value);
  return value;
}

int Encoded(DType dtype, double value, const NumberRounding& rounding = {}) {
  std::byte byte{0xff};
  WriteNumbers(dtype, &value, 0, 1, rounding, &byte);
  return std::to_integer<int>(byte);
}

TEST(NumberIo, EverySmallFloatComesBack) {
  for (DType dtype : {DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2,
                      DType::kFloat8E5M2FNUZ, DType::kFloat8E8M0, DType::kFloat4E2M1}) {
    for (int bits = 0; bits < 1 << DTypeBits(dtype); ++bits) {
      const double value = Decoded(dtype, static_cast<uint8_t>(bits));
      if (value != value) continue;
      EXPECT_EQ(Encoded(dtype, value, {.saturate = false}), bits) << DTypeName(dtype) << value;
    }
  }
}

TEST(NumberIo, LimitsAndTies) {
  EXPECT_EQ(Decoded(DType::kFloat8E4M3FN, 0x7e), 448);
  EXPECT_EQ(Decoded(DType::kFloat8E4M3FNUZ, 0x7f), 240);
  EXPECT_EQ(Decoded(DType::kFloat8E5M2, 0x7b), 57344);
  EXPECT_EQ(Decoded(DType::kFloat8E5M2, 0x7c), kInf);
  EXPECT_EQ(Decoded(DType::kFloat8E5M2FNUZ, 0x01), std::ldexp(1.0, -17));
  EXPECT_EQ(Encoded(DType::kFloat8E4M3FN, 17), Encoded(DType::kFloat8E4M3FN, 16));  // to even
  EXPECT_EQ(Encoded(DType::kFloat8E4M3FN, 19), Encoded(DType::kFloat8E4M3FN, 20));
  EXPECT_EQ(Encoded(DType::kFloat8E4M3FN, 1e9), 0x7e);
  EXPECT_EQ(Encoded(DType::kFloat8E4M3FN, 1e9, {.saturate = false}), 0x7f);
  EXPECT_EQ(Encoded(DType::kFloat8E5M2, -kInf, {.saturate = false}), 0xfc);
  EXPECT_EQ(Encoded(DType::kFloat8E5M2FNUZ, -kInf, {.saturate = false}), 0x80);
  EXPECT_EQ(Encoded(DType::kFloat8E4M3FNUZ, -0.0), 0);
  EXPECT_EQ(Encoded(DType::kFloat4E2M1, 5) & 0xf, 0x6);  // 4, the even one
  using Mode = NumberRounding::Mode;
  EXPECT_EQ(Encoded(DType::kFloat8E8M0, 3, {.e8m0 = Mode::kUp}), 129);
  EXPECT_EQ(Encoded(DType::kFloat8E8M0, 3, {.e8m0 = Mode::kDown}), 128);
  EXPECT_EQ(Encoded(DType::kFloat8E8M0, 3, {.e8m0 = Mode::kNearest}), 129);
  EXPECT_EQ(Encoded(DType::kFloat8E8M0, 2.9, {.e8m0 = Mode::kNearest}), 128);
}

TEST(NumberIo, ElementsBelowAByte) {
  const std::vector<int64_t> values = {-9, 7, 8, -1, 3};
  std::vector<std::byte> bytes(3, std::byte{0xff});
  WriteIntegers(DType::kInt4, values.data(), 0, 5, bytes.data());
  std::vector<int64_t> back(5);
  ReadIntegers(DType::kInt4, bytes.data(), 0, 5, back.data());
  EXPECT_EQ(back, (std::vector<int64_t>{7, 7, -8, -1, 3}));
  EXPECT_EQ(bytes[2], std::byte{0x03});  // what fills up the last byte is 0
  ReadIntegers(DType::kUint2, bytes.data(), 1, 3, back.data());
  EXPECT_EQ(back[0], 1);
  std::vector<uint8_t> unpacked(5);
  UnpackBits(4, bytes.data(), 1, 3, unpacked.data());
  EXPECT_EQ(unpacked[0], 7);
  EXPECT_EQ(unpacked[2], 15);
}

}  // namespace
}  // namespace wnn::kernels
