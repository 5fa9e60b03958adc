#include "engine/ops/regex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace wnn::ops {
namespace {

bool Matches(std::string_view pattern, std::string_view text) {
  auto regex = Regex::Compile(pattern);
  EXPECT_TRUE(regex.has_value()) << pattern << ": " << regex.error().message();
  if (!regex) return false;
  auto match = regex->FullMatch(text, {});
  return match.has_value() && *match;
}

TEST(RegexTest, MatchesTheWholeText) {
  struct {
    const char* pattern;
    const char* matches;
    const char* does_not;
  } const kCases[] = {
      {"", "", "a"},
      {"abc", "abc", "abcd"},
      {"a.c",
       "a\xC3\xBC"
       "c",
       "a\nc"},
      {"(?s)a.c", "a\nc", "ac"},
      {"a*", "aaaa", "aab"},
      {"a+b?", "aab", "b"},
      {"(ab|cd)*e", "abcdabe", "abce"},
      {"(?:a|b|)c", "c", "abc"},
      {"a{2,3}", "aaa", "aaaa"},
      {"a{2}", "aa", "a"},
      {"a{2,}", "aaaaa", "a"},
      {"a{x", "a{x", "ax"},
      {"[a-c]+", "abcab", "abd"},
      {"[^a-c]+", "xyz", "xay"},
      {"[]a-]+", "]-a", "b"},
      {R"(\d{3}-\w+\s\S)", "123-ab_ x", "12a-b x"},
      {R"([\d\-x]+)", "1-x", "y"},
      {"[[:alpha:]][[:^digit:]]", "a_", "a1"},
      {R"(\x41\x{fc}\.\t)", "A\xC3\xBC.\t", "A"},
      {"(?i)straSSe", "STRasse", "strase"},
      {"a(?i:b)c", "aBc", "aBC"},
      {"(?i)[^a]", "b", "A"},
      {"^a$", "a", "b"},
      {R"(\ba\b.\B.)", "a  ", "ab."},
      {"a*?b+?", "aabb", "aa"},
      {R"((\W|^)[\w.\-]{0,25}@(yahoo|hotmail|gmail)\.com(\W|$))", "account@gmail.com",
       "account@hotmail.org"},
      {"(?P<year>\\d{4})", "2026", "226"},
  };
  for (const auto& row : kCases) {
    EXPECT_TRUE(Matches(row.pattern, row.matches)) << row.pattern << " " << row.matches;
    EXPECT_FALSE(Matches(row.pattern, row.does_not)) << row.pattern << " " << row.does_not;
  }
}

TEST(RegexTest, FindsTheFirstAndLongest) {
  struct {
    const char* pattern;
    const char* text;
    size_t from;
    std::pair<size_t, size_t> match;  // of equal ends where there is none
  } const kCases[] = {
      {"b", "abc", 0, {1, 2}},
      {"b", "abcb", 2, {3, 4}},
      {"ab|abcd", "xabcd", 0, {1, 5}},
      {"c|abcx|b", "abcd", 0, {1, 2}},  // the one that began first dies
      {"a+?", "aaa", 0, {0, 3}},
      {"^a", "aa", 1, {0, 0}},
      {R"(\bb)", "ab b", 1, {3, 4}},
      {R"(\w+)", "\xC3\xBC ab", 0, {3, 5}},
      {"x", "abc", 0, {0, 0}},
  };
  for (const auto& row : kCases) {
    auto regex = Regex::Compile(row.pattern);
    ASSERT_TRUE(regex.has_value()) << row.pattern;
    const auto found = regex->FindLongest(row.text, row.from, {});
    ASSERT_TRUE(found.has_value()) << row.pattern;
    EXPECT_EQ(found->has_value(), row.match.first != row.match.second) << row.pattern;
    if (*found) EXPECT_EQ(**found, row.match) << row.pattern;
  }
  const auto empty = Regex::Compile("b*")->FindLongest("ab", 0, {});
  EXPECT_EQ(*empty, (std::optional<std::pair<size_t, size_t>>({0, 0})));
}

TEST(RegexTest, RefusesWhatIsNoPattern) {
  for (const char* pattern : {"(", ")", "a)", "[", "[b-a]", "*", "a**", "\\", "a{3,2}", "a{1001}",
                              "(?P<x", "[[:nope:]]", "\\x{110000}", "(?"}) {
    auto regex = Regex::Compile(pattern);
    ASSERT_FALSE(regex.has_value()) << pattern;
    EXPECT_EQ(regex.error().code(), Code::kInvalidArgument) << pattern;
  }
  for (const char* pattern : {"\\1", "(?=a)", "(?<=a)", "(?<!a)", "\\pL"}) {
    auto regex = Regex::Compile(pattern);
    ASSERT_FALSE(regex.has_value()) << pattern;
    EXPECT_EQ(regex.error().code(), Code::kUnsupportedOperation) << pattern;
  }
}

TEST(RegexTest, CostIsBounded) {
  // Backtracking would take 2^40 steps.
  std::string pattern, text(40, 'a');
  for (int i = 0; i < 40; ++i) pattern += "a?";
  pattern += text;
  EXPECT_TRUE(Matches(pattern, text));
  EXPECT_FALSE(Matches("(a*)*(a|aa)*b", std::string(5000, 'a')));
  std::string nested = "a";
  std::string empty;
  for (int i = 0; i < 50; ++i) {
    nested = "(" + nested + "){1000}";
    empty = "(" + empty + "){1000}";
  }
  EXPECT_EQ(Regex::Compile(nested).error().code(), Code::kTooLarge);
  EXPECT_EQ(Regex::Compile(empty).error().code(), Code::kTooLarge);
  EXPECT_FALSE(Regex::Compile(std::string(5000, '(')).has_value());
}

TEST(RegexTest, StopsWhenAsked) {
  StopCondition late;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  auto match = Regex::Compile("a*")->FullMatch("aaa", late);
  ASSERT_FALSE(match.has_value());
  EXPECT_EQ(match.error().code(), Code::kTimeout);
}

}  // namespace
}  // namespace wnn::ops
