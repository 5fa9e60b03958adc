#include "host/wasm/number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace wnn::wasm {
namespace {

TEST(NumberTest, ReadsIntegersOfEveryWidth) {
  EXPECT_EQ(*ParseInteger<int8_t>("s8", "-128"), -128);
  EXPECT_EQ(*ParseInteger<uint8_t>("u8", "255"), 255);
  EXPECT_EQ(*ParseInteger<int8_t>("s8", "0xff"), -1);
  EXPECT_EQ(*ParseInteger<uint16_t>("u16", "+7"), 7);
  EXPECT_EQ(*ParseInteger<uint64_t>("u64", "18446744073709551615"),
            std::numeric_limits<uint64_t>::max());
}

TEST(NumberTest, SaysWhichTypeATextIsNot) {
  EXPECT_EQ(ParseInteger<uint8_t>("u8", "256").error().message(),
            "'256' is not a number of type u8: it is out of range");
  EXPECT_EQ(ParseInteger<uint32_t>("u32", "-1").error().message(),
            "'-1' is not a number of type u32");
  for (std::string_view text : {"", "1x", " 1", "0x", "++1", "+-1", "1.0"}) {
    EXPECT_FALSE(ParseInteger<int32_t>("s32", text).has_value()) << text;
  }
}

TEST(NumberTest, FloatsReadBackToTheSameBits) {
  for (float value : {0.1f, -0.0f, 1e-45f, 3.4e38f}) {
    EXPECT_EQ(*ParseFloat<float>("f32", FormatFloat(value)), value);
  }
  EXPECT_EQ(FormatFloat(0.5), "0.5");
  EXPECT_EQ(FormatFloat(1e21), "1000000000000000000000");
  EXPECT_TRUE(std::isnan(*ParseFloat<double>("f64", "nan")));
  EXPECT_EQ(FormatFloat(-std::numeric_limits<double>::infinity()), "-inf");
}

}  // namespace
}  // namespace wnn::wasm
