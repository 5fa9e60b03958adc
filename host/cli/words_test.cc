#include "host/cli/words.h"

#include <gtest/gtest.h>

namespace wnn::cli {
namespace {

using Words = std::vector<std::string>;

constexpr auto kTestArity = [](std::string_view name) {
  if (name == "--help" || name == "-h") return Arity::kFlag;
  if (name == "--timings") return Arity::kOptionalValue;
  if (name == "--dir" || name == "-e") return Arity::kValue;
  return Arity::kUnknown;
};

CommandWords Split(const Words& words) {
  auto result = SplitWords(words, kTestArity);
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message());
  return result ? *result : CommandWords();
}

std::string ErrorOf(const Words& words) {
  auto result = SplitWords(words, kTestArity);
  EXPECT_FALSE(result.has_value());
  return result ? "" : std::string(result.error().message());
}

TEST(WordsTest, NothingIsNoModule) {
  EXPECT_EQ(Split({}).module, "");
  EXPECT_EQ(Split({"run"}).module, "");
  EXPECT_EQ(Split({"--help"}).options, Words{"--help"});
}

TEST(WordsTest, CompileIsAWordBeforeTheModule) {
  const CommandWords words = Split({"compile", "--dir", "d", "m.wasm", "--help"});
  EXPECT_TRUE(words.is_compile);
  EXPECT_EQ(words.module, "m.wasm");
  EXPECT_EQ(words.options, (Words{"--dir", "d", "--help"}));
  EXPECT_FALSE(Split({"run", "compile"}).is_compile);
  EXPECT_EQ(Split({"run", "compile"}).module, "compile");
  EXPECT_EQ(Split({"compile", "run"}).module, "run");
  EXPECT_EQ(Split({"--", "compile"}).module, "compile");
}

TEST(WordsTest, AfterRunAndModuleAllIsTheGuests) {
  const CommandWords words =
      Split({"run", "--dir", "d", "m.wasm", "--dir", "x", "--", "-q", "--unknown"});
  EXPECT_EQ(words.options, (Words{"--dir", "d"}));
  EXPECT_EQ(words.module, "m.wasm");
  EXPECT_EQ(words.guest, (Words{"--dir", "x", "--", "-q", "--unknown"}));
}

TEST(WordsTest, WithoutRunOptionsMayFollowTheModule) {
  const CommandWords words = Split({"m.wasm", "a", "--dir", "d", "b", "--timings", "c"});
  EXPECT_EQ(words.options, (Words{"--dir", "d", "--timings"}));
  EXPECT_EQ(words.guest, (Words{"a", "b", "c"}));
}

TEST(WordsTest, TwoHyphensEndOurOptions) {
  const CommandWords words = Split({"m.wasm", "--", "--dir", "d", "--", "-h"});
  EXPECT_EQ(words.options, Words{});
  EXPECT_EQ(words.guest, (Words{"--dir", "d", "--", "-h"}));
  EXPECT_EQ(Split({"--", "--dir"}).module, "--dir");
}

TEST(WordsTest, ValuesMayBeAttached) {
  EXPECT_EQ(Split({"--dir=d=e", "m"}).options, (Words{"--dir", "d=e"}));
  EXPECT_EQ(Split({"-eA=1", "m"}).options, (Words{"-e", "A=1"}));
  EXPECT_EQ(Split({"-e=A=1", "m"}).options, (Words{"-e", "A=1"}));
  EXPECT_EQ(Split({"--dir=", "m"}).options, (Words{"--dir", ""}));
  EXPECT_EQ(Split({"--timings=json", "m"}).options, (Words{"--timings=json"}));
}

TEST(WordsTest, AValueIsTakenWhateverItLooksLike) {
  const CommandWords words = Split({"--dir", "--help", "-e", "run", "m"});
  EXPECT_EQ(words.options, (Words{"--dir", "--help", "-e", "run"}));
  EXPECT_EQ(words.module, "m");
}

TEST(WordsTest, RunMayFollowOptions) {
  const CommandWords words = Split({"--timings", "run", "m", "-h"});
  EXPECT_EQ(words.module, "m");
  EXPECT_EQ(words.guest, Words{"-h"});
  EXPECT_EQ(Split({"run", "run"}).module, "run");
}

TEST(WordsTest, NumbersAndAHyphenAreTheGuests) {
  EXPECT_EQ(Split({"m", "-5", "-.5", "-", "+1"}).guest, (Words{"-5", "-.5", "-", "+1"}));
}

TEST(WordsTest, SaysWhichWordIsWrong) {
  EXPECT_EQ(ErrorOf({"--dri", "m"}), "there is no option '--dri'");
  EXPECT_NE(ErrorOf({"m", "--dri"}).find("after '--'"), std::string::npos);
  EXPECT_EQ(ErrorOf({"m", "--dir"}), "option '--dir' needs a value");
  EXPECT_EQ(ErrorOf({"--help=yes"}), "option '--help' takes no value");
  EXPECT_EQ(ErrorOf({"-hx"}), "option '-h' takes no value");
  EXPECT_EQ(ErrorOf({""}), "MODULE is an empty word");
}

}  // namespace
}  // namespace wnn::cli
