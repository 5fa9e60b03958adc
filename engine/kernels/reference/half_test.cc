#include "engine/kernels/reference/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace wnn::kernels {
namespace {

TEST(HalfTest, EveryFloat16SurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = ToFloat(Float16{static_cast<uint16_t>(bits)});
    if (value != value) {
      EXPECT_NE(ToFloat(ToFloat16(value)), ToFloat(ToFloat16(value)));
    } else {
      EXPECT_EQ(ToFloat16(value).bits, bits);
    }
  }
}

TEST(HalfTest, EveryBfloat16SurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = ToFloat(Bfloat16{static_cast<uint16_t>(bits)});
    if (value == value) EXPECT_EQ(ToBfloat16(value).bits, bits);
  }
  EXPECT_NE(ToFloat(ToBfloat16(NAN)), ToFloat(ToBfloat16(NAN)));
}

TEST(HalfTest, Float16RoundsToTheNearestEven) {
  EXPECT_EQ(ToFloat(ToFloat16(1.0f + 0x1p-11f)), 1.0f);                // half way, to even
  EXPECT_EQ(ToFloat(ToFloat16(1.0f + 3 * 0x1p-11f)), 1.0f + 0x1p-9f);  // half way, to even
  EXPECT_EQ(ToFloat(ToFloat16(1.0f + 0x1.002p-11f)), 1.0f + 0x1p-10f);
  EXPECT_EQ(ToFloat(ToFloat16(65504.0f)), 65504.0f);
  EXPECT_EQ(ToFloat(ToFloat16(65519.0f)), 65504.0f);
  EXPECT_EQ(ToFloat(ToFloat16(65520.0f)), std::numeric_limits<float>::infinity());
  EXPECT_EQ(ToFloat(ToFloat16(0x1p-25f)), 0.0f);  // half of the smallest one, to even
  EXPECT_EQ(ToFloat(ToFloat16(0x1.002p-25f)), 0x1p-24f);
  EXPECT_TRUE(std::signbit(ToFloat(ToFloat16(-0.0f))));
}

TEST(HalfTest, Bfloat16RoundsToTheNearestEven) {
  EXPECT_EQ(ToFloat(ToBfloat16(1.0f + 0x1p-8f)), 1.0f);
  EXPECT_EQ(ToFloat(ToBfloat16(1.0f + 3 * 0x1p-8f)), 1.0f + 0x1p-6f);
  EXPECT_EQ(ToFloat(ToBfloat16(-std::numeric_limits<float>::infinity())),
            -std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace wnn::kernels
