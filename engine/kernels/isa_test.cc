#include "engine/kernels/isa.h"

#include <gtest/gtest.h>

#include <cctype>

namespace wnn::kernels {
namespace {

TEST(Isa, TheBestOneIsActive) {
  const std::vector<std::string> isas = SupportedIsas();
  ASSERT_FALSE(isas.empty());
  EXPECT_EQ(ActiveIsa(), isas.front());
}

TEST(Isa, IsHeldToAName) {
  const std::vector<std::string> isas = SupportedIsas();
  for (const std::string& isa : isas) {
    ASSERT_TRUE(RestrictIsa(isa).ok());
    EXPECT_EQ(ActiveIsa(), isa);
    EXPECT_EQ(SupportedIsas(), isas) << "a restriction does not change what the machine can do";
  }
  ASSERT_TRUE(RestrictIsa("").ok());
  EXPECT_EQ(ActiveIsa(), isas.front());
}

TEST(Isa, NamesHaveAnyCase) {
  std::string name = SupportedIsas().back();
  for (char& c : name) c = static_cast<char>(std::tolower(c));
  ASSERT_TRUE(RestrictIsa(name).ok());
  EXPECT_EQ(ActiveIsa(), SupportedIsas().back());
  ASSERT_TRUE(RestrictIsa("").ok());
}

TEST(Isa, AnUnknownNameIsRefusedAndChangesNothing) {
  const std::string active(ActiveIsa());
  const Status status = RestrictIsa("MMX");
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find(SupportedIsas().front()), std::string_view::npos);
  EXPECT_EQ(ActiveIsa(), active);
}

}  // namespace
}  // namespace wnn::kernels
