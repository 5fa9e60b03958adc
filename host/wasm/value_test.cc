#include "host/wasm/value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace wnn::wasm {
namespace {

std::string RoundTrip(wasmtime_valtype_kind_t type, std::string_view text) {
  auto value = ParseValue(type, text);
  return value ? FormatValue(*value) : "error";
}

TEST(ValueTest, Integers) {
  constexpr auto kI32 = WASMTIME_VALTYPE_KIND_I32;
  EXPECT_EQ(RoundTrip(kI32, "7"), "7");
  EXPECT_EQ(RoundTrip(kI32, "+7"), "7");
  EXPECT_EQ(RoundTrip(kI32, "-2147483648"), "-2147483648");
  EXPECT_EQ(RoundTrip(kI32, "0x10"), "16");
  EXPECT_EQ(RoundTrip(kI32, "0xffffffff"), "-1");
  EXPECT_EQ(RoundTrip(WASMTIME_VALTYPE_KIND_I64, "9223372036854775807"), "9223372036854775807");
  for (const char* bad :
       {"", "x", "1x", " 1", "1.5", "2147483648", "0x", "0x1ffffffff", "--1", "+-1"}) {
    EXPECT_EQ(RoundTrip(kI32, bad), "error") << bad;
  }
}

TEST(ValueTest, Floats) {
  constexpr auto kF32 = WASMTIME_VALTYPE_KIND_F32;
  constexpr auto kF64 = WASMTIME_VALTYPE_KIND_F64;
  EXPECT_EQ(RoundTrip(kF32, "0.1"), "0.1");
  EXPECT_EQ(RoundTrip(kF32, "1"), "1");
  EXPECT_EQ(RoundTrip(kF64, "-1e3"), "-1000");
  EXPECT_EQ(RoundTrip(kF64, "inf"), "inf");
  EXPECT_EQ(RoundTrip(kF64, "-inf"), "-inf");
  EXPECT_EQ(RoundTrip(kF64, "nan"), "NaN");
  EXPECT_EQ(RoundTrip(kF64, "1e308").size(), 309u);
  EXPECT_TRUE(RoundTrip(kF64, "5e-324").starts_with("0.000"));
  EXPECT_EQ(RoundTrip(kF32, "1,5"), "error");
}

TEST(ValueTest, OnlyNumbersCanBeGivenAsText) {
  EXPECT_EQ(ParseValue(WASMTIME_VALTYPE_KIND_V128, "1").error().code(),
            Code::kUnsupportedOperation);
  EXPECT_EQ(ParseValue(WASMTIME_VALTYPE_KIND_REF, "1").error().code(), Code::kUnsupportedOperation);
}

TEST(ValueTest, FormatsV128AsOneUnsignedNumber) {
  wasmtime_val_t value{};
  value.kind = WASMTIME_V128;
  EXPECT_EQ(FormatValue(value), "0");
  value.of.v128[8] = 1;
  EXPECT_EQ(FormatValue(value), "18446744073709551616");
  for (uint8_t& byte : value.of.v128) byte = 0xff;
  EXPECT_EQ(FormatValue(value), "340282366920938463463374607431768211455");
}

TEST(ValueTest, FormatsNullReferences) {
  wasmtime_val_t value{};
  value.kind = WASMTIME_FUNCREF;
  wasmtime_funcref_set_null(&value.of.funcref);
  EXPECT_EQ(FormatValue(value), "<null funcref>");
  value.kind = WASMTIME_EXTERNREF;
  wasmtime_externref_set_null(&value.of.externref);
  EXPECT_EQ(FormatValue(value), "<null externref>");
}

}  // namespace
}  // namespace wnn::wasm
