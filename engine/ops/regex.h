// Regular expressions in RE2's syntax, matched in time linear in the text.
//
// Literals, ".", classes with ranges, negation, \d \w \s and [:alpha:] and the like, groups with
// and without names, "|", "*", "+", "?", "{n,m}" (lazy ones mean the same in a match of the whole),
// ^, $,
// \b, \B, \A, \z, and the flags i, s, m. Letters are told apart from others, and folded by the flag
// i, in ASCII only. Text and pattern are UTF-8. No back references, no lookaround, no \p.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/stop.h"

namespace wnn::ops {

// Immutable and thread-safe.
class Regex {
 public:
  // kInvalidArgument, saying where, for what is not a pattern; kUnsupportedOperation for what RE2
  // lacks too; kTooLarge for a pattern that repeats more than kMaxInstructions can say.
  static Result<Regex> Compile(std::string_view pattern);

  // Whether the whole text matches. kTimeout when `stop` says so.
  Result<bool> FullMatch(std::string_view text, const StopCondition& stop) const;
  // Of the matches in the text that begin at `from` or behind it, the longest of those that begin
  // first: where it begins and ends. Nothing if there is none. kTimeout when `stop` says so.
  Result<std::optional<std::pair<size_t, size_t>>> FindLongest(std::string_view text, size_t from,
                                                               const StopCondition& stop) const;

  static constexpr size_t kMaxInstructions = 20'000;

 private:
  friend class RegexCompiler;
  using Range = std::pair<char32_t, char32_t>;  // both included
  enum class Op : uint8_t {
    kRanges,  // one character in classes_[x]
    kSplit,   // go on at x and at y
    kJump,    // go on at x
    kBegin,
    kEnd,
    kLineBegin,
    kLineEnd,
    kWordEdge,
    kNoWordEdge,
    kMatch,
  };
  struct Instruction {
    Op op = Op::kMatch;
    uint32_t x = 0;
    uint32_t y = 0;
  };
  class Threads;

  // A thread there, of a match that began at `begin`.
  void AddThread(uint32_t at, size_t begin, char32_t before, char32_t after,
                 Threads& threads) const;
  bool Accepts(const Instruction& instruction, char32_t c) const;
  bool Holds(Op op, char32_t before, char32_t after) const;

  std::vector<Instruction> program_;
  std::vector<std::vector<Range>> classes_;
};

}  // namespace wnn::ops
