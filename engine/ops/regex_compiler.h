// Pattern -> program of a Regex.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/ops/regex.h"

namespace wnn::ops {

class RegexCompiler {
 public:
  explicit RegexCompiler(std::string_view pattern) : rest_(pattern), size_(pattern.size()) {}
  Result<Regex> Compile();

 private:
  using Range = Regex::Range;
  using Op = Regex::Op;

  struct Node {
    enum class Kind : uint8_t { kEmpty, kClass, kAssert, kSequence, kChoice, kRepeat };
    Kind kind = Kind::kEmpty;
    Op assertion = Op::kMatch;  // kAssert
    std::vector<Range> ranges;  // kClass
    std::vector<std::unique_ptr<Node>> children;
    int min = 0, max = 0;  // kRepeat; max < 0: without end
  };
  using NodePtr = std::unique_ptr<Node>;
  struct Flags {
    bool fold_case = false, dot_is_all = false, lines = false;
  };

  Result<NodePtr> ParseChoice();
  Result<NodePtr> ParseSequence();
  Result<NodePtr> ParseAtom();
  Result<NodePtr> ParseGroup();
  Result<NodePtr> ParseEscape();
  Result<NodePtr> ParseClass();
  Result<std::optional<char32_t>> ParseClassItem(std::vector<Range>& ranges);
  Result<NodePtr> ParseRepeats(NodePtr atom);
  Result<std::optional<std::pair<int, int>>> ParseBraces();
  Status ParseFlags(bool* opens_group);
  Result<char32_t> ParseHex();
  Result<char32_t> ParseEscapedCharacter(char32_t c);
  NodePtr Class(std::vector<Range> ranges) const;
  NodePtr Assert(Op op) const;

  Status Emit(const Node& node, Regex& regex);
  Status Add(Regex::Instruction instruction, Regex& regex);

  bool AtEnd() const { return rest_.empty(); }
  bool Take(std::string_view text);
  char32_t TakeCharacter();
  Status Error(std::string_view what) const;

  std::string_view rest_;
  const size_t size_;
  Flags flags_;
  int depth_ = 0;
  size_t n_emitted_ = 0;                     // nodes, each as often as it is repeated
  std::map<const Node*, uint32_t> classes_;  // places in Regex::classes_
};

// The first character of UTF-8 text and how many bytes it takes; what is not UTF-8 is U+FFFD.
std::pair<char32_t, size_t> DecodeUtf8(std::string_view text);

}  // namespace wnn::ops
