#include "host/cli/passes.h"

#include <gtest/gtest.h>

#include "engine/engine.h"

namespace wnn::cli {
namespace {

using Names = std::vector<std::string>;

Names Off(std::string_view text, Names disabled = {}) {
  const Status status = ApplyPasses(text, disabled);
  EXPECT_TRUE(status.ok()) << status.message();
  return disabled;
}

TEST(PassesTest, AreSwitchedInTheirOrder) {
  EXPECT_EQ(Off("fuse-residual=n"), (Names{"fuse-residual"}));
  EXPECT_EQ(Off("fuse-residual=n,fold-pad=n,fuse-residual=n"),
            (Names{"fold-pad", "fuse-residual"}));
  EXPECT_EQ(Off("fuse-residual=n,fuse-residual"), Names());
  EXPECT_EQ(Off("all=n"), engine::OptimizerPasses());
  EXPECT_EQ(Off("all", {"fold-pad"}), Names());
  Names but_one = engine::OptimizerPasses();
  std::erase(but_one, "fold-constants");
  EXPECT_EQ(Off("all=n,fold-constants=y"), but_one);
}

TEST(PassesTest, UnknownNamesAndValuesAreRefused) {
  for (const char* text : {"", "fuse", "all=n,", "fuse-residual=maybe", "-fuse-residual"}) {
    Names disabled;
    const Status status = ApplyPasses(text, disabled);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << text;
  }
  Names disabled;
  const Status status = ApplyPasses("fuse", disabled);
  EXPECT_NE(status.message().find("fuse-residual"), std::string_view::npos) << status.message();
}

TEST(PassesTest, HelpListsThem) {
  for (const std::string& pass : engine::OptimizerPasses()) {
    EXPECT_NE(DescribePasses().find("  " + pass + "\n"), std::string::npos);
  }
}

}  // namespace
}  // namespace wnn::cli
