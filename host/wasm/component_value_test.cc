#include "host/wasm/component_value.h"

#include <gtest/gtest.h>

namespace wnn::wasm {
namespace {

using wasmtime::component::List;
using wasmtime::component::Val;
using wasmtime::component::ValType;
using Words = std::vector<std::string>;

std::string ReadAndWrite(const ValType& type, std::string_view text) {
  const auto value = ParseComponentValue(type, text);
  return value ? FormatComponentValue(*value) : std::string(value.error().message());
}

TEST(ComponentValueTest, ReadsNumbersBooleansCharactersAndStrings) {
  EXPECT_EQ(ReadAndWrite(ValType::new_bool(), "true"), "true");
  EXPECT_EQ(ReadAndWrite(ValType::new_s8(), "-128"), "-128");
  EXPECT_EQ(ReadAndWrite(ValType::new_u8(), "255"), "255");
  EXPECT_EQ(ReadAndWrite(ValType::new_s16(), "-32768"), "-32768");
  EXPECT_EQ(ReadAndWrite(ValType::new_u16(), "65535"), "65535");
  EXPECT_EQ(ReadAndWrite(ValType::new_s32(), "0x10"), "16");
  EXPECT_EQ(ReadAndWrite(ValType::new_u32(), "4294967295"), "4294967295");
  EXPECT_EQ(ReadAndWrite(ValType::new_s64(), "-1"), "-1");
  EXPECT_EQ(ReadAndWrite(ValType::new_u64(), "18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(ReadAndWrite(ValType::new_f32(), "0.1"), "0.1");
  EXPECT_EQ(ReadAndWrite(ValType::new_f64(), "nan"), "nan");
  EXPECT_EQ(ReadAndWrite(ValType::new_char(), "ä"), "'ä'");
  EXPECT_EQ(ReadAndWrite(ValType::new_char(), "\U0001f600"), "'\U0001f600'");
  EXPECT_EQ(ReadAndWrite(ValType::new_string(), "a \"b\"\n\\"), R"("a \"b\"\n\\")");
}

TEST(ComponentValueTest, SaysWhatATextIsNot) {
  EXPECT_EQ(ReadAndWrite(ValType::new_bool(), "yes"), "'yes' is not true or false");
  EXPECT_EQ(ReadAndWrite(ValType::new_u8(), "256"),
            "'256' is not a number of type u8: it is out of range");
  for (std::string_view text : {"", "ab", "\xff", "\xc3", "\xed\xa0\x80"}) {
    EXPECT_FALSE(ParseComponentValue(ValType::new_char(), text).has_value()) << text;
  }
}

TEST(ComponentValueTest, WritesListsInBrackets) {
  EXPECT_EQ(FormatComponentValue(Val(List({Val(uint8_t{1}), Val(uint8_t{2})}))), "[1, 2]");
}

TEST(CallExpressionTest, IsANameOrANameWithArguments) {
  EXPECT_FALSE(ParseCallExpression("add")->arguments.has_value());
  const auto call = ParseCallExpression(R"(add(1, -2.5,"a, \"b\")\n" , 'c' ))");
  ASSERT_TRUE(call.has_value()) << call.error().message();
  EXPECT_EQ(call->name, "add");
  EXPECT_EQ(*call->arguments, (Words{"1", "-2.5", "a, \"b\")\n", "c"}));
  EXPECT_EQ(ParseCallExpression("f()")->arguments->size(), 0u);
  EXPECT_EQ(*ParseCallExpression(R"(f(""))")->arguments, Words{""});
}

TEST(CallExpressionTest, RefusesWhatHasNoEnd) {
  for (std::string_view text : {"f(", "f(1", "f(\"a)", "f(\"a\" b)", "f(1) x"}) {
    EXPECT_FALSE(ParseCallExpression(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace wnn::wasm
