#include "engine/ops/regex_compiler.h"

#include <algorithm>
#include <array>

namespace wnn::ops {
namespace {

using Ranges = std::vector<std::pair<char32_t, char32_t>>;

constexpr char32_t kLast = 0x10FFFF;
constexpr int kMaxDepth = 100;
constexpr int kMaxRepeat = 1000;  // as RE2

const Ranges& Digits() {
  static const Ranges ranges = {{'0', '9'}};
  return ranges;
}
const Ranges& Words() {
  static const Ranges ranges = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  return ranges;
}
const Ranges& Spaces() {
  static const Ranges ranges = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
  return ranges;
}

struct NamedClass {
  std::string_view name;
  Ranges ranges;
};

const std::vector<NamedClass>& NamedClasses() {
  static const std::vector<NamedClass> classes = {
      {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
      {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
      {"ascii", {{0, 0x7F}}},
      {"blank", {{'\t', '\t'}, {' ', ' '}}},
      {"cntrl", {{0, 0x1F}, {0x7F, 0x7F}}},
      {"digit", {{'0', '9'}}},
      {"graph", {{'!', '~'}}},
      {"lower", {{'a', 'z'}}},
      {"print", {{' ', '~'}}},
      {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
      {"space", {{'\t', '\r'}, {' ', ' '}}},
      {"upper", {{'A', 'Z'}}},
      {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
      {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
  };
  return classes;
}

Ranges Complement(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end());
  Ranges rest;
  char32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) rest.emplace_back(next, first - 1);
    next = std::max<char32_t>(next, last + 1);
  }
  if (next <= kLast) rest.emplace_back(next, kLast);
  return rest;
}

// Both cases of every ASCII letter in the ranges.
Ranges FoldCase(Ranges ranges) {
  const size_t n = ranges.size();
  for (size_t i = 0; i < n; ++i) {
    const auto [first, last] = ranges[i];
    auto add = [&](char32_t from, char32_t to, int shift) {
      const char32_t low = std::max(first, from), high = std::min(last, to);
      if (low > high) return;
      ranges.emplace_back(low + static_cast<char32_t>(shift), high + static_cast<char32_t>(shift));
    };
    add('a', 'z', 'A' - 'a');
    add('A', 'Z', 'a' - 'A');
  }
  return ranges;
}

// The ranges of \d, \W and the like; null for another letter.
std::optional<Ranges> ClassOfLetter(char32_t c) {
  switch (c) {
    case 'd': return Digits();
    case 'D': return Complement(Digits());
    case 'w': return Words();
    case 'W': return Complement(Words());
    case 's': return Spaces();
    case 'S': return Complement(Spaces());
    default: return std::nullopt;
  }
}

}  // namespace

std::pair<char32_t, size_t> DecodeUtf8(std::string_view text) {
  constexpr char32_t kReplacement = 0xFFFD;
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (size == 0 || first > 0xF4 || text.size() < size) return {kReplacement, 1};
  char32_t c = first & (0x7Fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {kReplacement, 1};
    c = c << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = c >= 0xD800 && c <= 0xDFFF;
  if (c < kSmallest[size] || c > kLast || is_surrogate) return {kReplacement, 1};
  return {c, size};
}

Status RegexCompiler::Error(std::string_view what) const {
  return InvalidArgument("the pattern is wrong at byte " + std::to_string(size_ - rest_.size()) +
                         ": " + std::string(what));
}

bool RegexCompiler::Take(std::string_view text) {
  if (!rest_.starts_with(text)) return false;
  rest_.remove_prefix(text.size());
  return true;
}

char32_t RegexCompiler::TakeCharacter() {
  const auto [c, size] = DecodeUtf8(rest_);
  rest_.remove_prefix(size);
  return c;
}

RegexCompiler::NodePtr RegexCompiler::Class(std::vector<Range> ranges) const {
  auto node = std::make_unique<Node>();
  node->kind = Node::Kind::kClass;
  node->ranges = flags_.fold_case ? FoldCase(std::move(ranges)) : std::move(ranges);
  return node;
}

RegexCompiler::NodePtr RegexCompiler::Assert(Op op) const {
  auto node = std::make_unique<Node>();
  node->kind = Node::Kind::kAssert;
  node->assertion = op;
  return node;
}

Result<Regex> RegexCompiler::Compile() {
  WNN_ASSIGN_OR_RETURN(NodePtr root, ParseChoice());
  if (!AtEnd()) return Error("a ')' without a '('");
  Regex regex;
  WNN_RETURN_IF_ERROR(Emit(*root, regex));
  WNN_RETURN_IF_ERROR(Add({Op::kMatch, 0, 0}, regex));
  return regex;
}

Result<RegexCompiler::NodePtr> RegexCompiler::ParseChoice() {
  if (++depth_ > kMaxDepth) return Error("groups are nested too deep");
  auto choice = std::make_unique<Node>();
  choice->kind = Node::Kind::kChoice;
  do {
    WNN_ASSIGN_OR_RETURN(NodePtr sequence, ParseSequence());
    choice->children.push_back(std::move(sequence));
  } while (Take("|"));
  --depth_;
  return choice;
}

Result<RegexCompiler::NodePtr> RegexCompiler::ParseSequence() {
  auto sequence = std::make_unique<Node>();
  sequence->kind = Node::Kind::kSequence;
  while (!AtEnd() && rest_[0] != '|' && rest_[0] != ')') {
    WNN_ASSIGN_OR_RETURN(NodePtr atom, ParseAtom());
    WNN_ASSIGN_OR_RETURN(NodePtr repeated, ParseRepeats(std::move(atom)));
    sequence->children.push_back(std::move(repeated));
  }
  return sequence;
}

Result<RegexCompiler::NodePtr> RegexCompiler::ParseAtom() {
  if (Take("(")) return ParseGroup();
  if (Take("[")) return ParseClass();
  if (Take("\\")) return ParseEscape();
  if (Take("^")) return Assert(flags_.lines ? Op::kLineBegin : Op::kBegin);
  if (Take("$")) return Assert(flags_.lines ? Op::kLineEnd : Op::kEnd);
  if (Take(".")) {
    if (flags_.dot_is_all) return Class({{0, kLast}});
    return Class({{0, '\n' - 1}, {'\n' + 1, kLast}});
  }
  if (rest_[0] == '*' || rest_[0] == '+' || rest_[0] == '?') {
    return Error("there is nothing to repeat");
  }
  const char32_t c = TakeCharacter();
  return Class({{c, c}});
}

Status RegexCompiler::ParseFlags(bool* opens_group) {
  bool value = true;
  while (!AtEnd()) {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    switch (c) {
      case 'i': flags_.fold_case = value; break;
      case 's': flags_.dot_is_all = value; break;
      case 'm': flags_.lines = value; break;
      case 'U': break;  // which of several matches is taken does not matter
      case '-': value = false; break;
      case ':': *opens_group = true; return OkStatus();
      case ')': *opens_group = false; return OkStatus();
      default:
        return Unsupported("the pattern has (?" + std::string(1, c) + ", which is not supported");
    }
  }
  return Error("a '(' without a ')'");
}

Result<RegexCompiler::NodePtr> RegexCompiler::ParseGroup() {
  const Flags outside = flags_;
  if (Take("?P<") || (rest_.starts_with("?<") && !rest_.starts_with("?<=") &&
                      !rest_.starts_with("?<!") && Take("?<"))) {
    const size_t end = rest_.find('>');
    if (end == std::string_view::npos) return Error("a name without a '>'");
    rest_.remove_prefix(end + 1);
  } else if (Take("?")) {
    bool opens_group = false;
    WNN_RETURN_IF_ERROR(ParseFlags(&opens_group));
    if (!opens_group) return std::make_unique<Node>();  // to the end of the group around
  }
  WNN_ASSIGN_OR_RETURN(NodePtr inside, ParseChoice());
  if (!Take(")")) return Error("a '(' without a ')'");
  flags_ = outside;
  return inside;
}

Result<char32_t> RegexCompiler::ParseHex() {
  const bool braced = Take("{");
  char32_t c = 0;
  size_t n_digits = 0;
  while (!AtEnd() && (braced || n_digits < 2)) {
    const char digit = rest_[0];
    const int value = digit >= '0' && digit <= '9'   ? digit - '0'
                      : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                      : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                     : -1;
    if (value < 0) break;
    c = c * 16 + static_cast<char32_t>(value);
    if (c > kLast) return Error("a character that does not exist");
    rest_.remove_prefix(1);
    ++n_digits;
  }
  if (n_digits == 0 || (!braced && n_digits != 2) || (braced && !Take("}"))) {
    return Error("\\x wants hexadecimal digits");
  }
  return c;
}

// The character that a backslash and `c` mean.
Result<char32_t> RegexCompiler::ParseEscapedCharacter(char32_t c) {
  switch (c) {
    case 'a': return char32_t{'\a'};
    case 'f': return char32_t{'\f'};
    case 'n': return char32_t{'\n'};
    case 'r': return char32_t{'\r'};
    case 't': return char32_t{'\t'};
    case 'v': return char32_t{'\v'};
    case 'x': return ParseHex();
    default: break;
  }
  const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  if (is_plain) {
    return Unsupported("the pattern has \\" + std::string(1, static_cast<char>(c)) +
                       ", which is not supported");
  }
  return c;
}

Result<RegexCompiler::NodePtr> RegexCompiler::ParseEscape() {
  if (AtEnd()) return Error("a '\\' at the end");
  const char32_t c = TakeCharacter();
  if (auto ranges = ClassOfLetter(c)) return Class(std::move(*ranges));
  switch (c) {
    case 'b': return Assert(Op::kWordEdge);
    case 'B': return Assert(Op::kNoWordEdge);
    case 'A': return Assert(Op::kBegin);
    case 'z': return Assert(Op::kEnd);
    default: break;
  }
  WNN_ASSIGN_OR_RETURN(char32_t meant, ParseEscapedCharacter(c));
  return Class({{meant, meant}});
}

// One character of a class, or nothing after a whole class in it, which goes to `ranges`.
Result<std::optional<char32_t>> RegexCompiler::ParseClassItem(std::vector<Range>& ranges) {
  if (Take("[:")) {
    const bool negated = Take("^");
    for (const NamedClass& named : NamedClasses()) {
      if (!rest_.starts_with(std::string(named.name) + ":]")) continue;
      rest_.remove_prefix(named.name.size() + 2);
      const Ranges add = negated ? Complement(named.ranges) : named.ranges;
      ranges.insert(ranges.end(), add.begin(), add.end());
      return std::optional<char32_t>();
    }
    return Error("a class [:...:] that does not exist");
  }
  if (!Take("\\")) return std::optional(TakeCharacter());
  if (AtEnd()) return Error("a '\\' at the end");
  const char32_t c = TakeCharacter();
  if (auto add = ClassOfLetter(c)) {
    ranges.insert(ranges.end(), add->begin(), add->end());
    return std::optional<char32_t>();
  }
  WNN_ASSIGN_OR_RETURN(char32_t meant, ParseEscapedCharacter(c));
  return std::optional(meant);
}

Result<RegexCompiler::NodePtr> RegexCompiler::ParseClass() {
  const bool negated = Take("^");
  std::vector<Range> ranges;
  for (bool is_first = true; is_first || !Take("]"); is_first = false) {
    if (AtEnd()) return Error("a '[' without a ']'");
    WNN_ASSIGN_OR_RETURN(std::optional<char32_t> first, ParseClassItem(ranges));
    if (!first) continue;
    char32_t last = *first;
    if (rest_.size() >= 2 && rest_[0] == '-' && rest_[1] != ']') {
      rest_.remove_prefix(1);
      WNN_ASSIGN_OR_RETURN(std::optional<char32_t> end, ParseClassItem(ranges));
      if (!end || *end < *first) return Error("a range that ends before it begins");
      last = *end;
    }
    ranges.emplace_back(*first, last);
  }
  // Folded before it is turned around: [^a] with the flag i means neither a nor A.
  if (flags_.fold_case) ranges = FoldCase(std::move(ranges));
  if (negated) ranges = Complement(std::move(ranges));
  auto node = std::make_unique<Node>();
  node->kind = Node::Kind::kClass;
  node->ranges = std::move(ranges);
  return node;
}

// "{n}", "{n,}" or "{n,m}"; nothing if it is not one: then the brace is a character.
Result<std::optional<std::pair<int, int>>> RegexCompiler::ParseBraces() {
  std::string_view text = rest_.substr(1);
  auto number = [&]() -> int {
    int value = -1;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      value = std::min(std::max(value, 0) * 10 + (text[0] - '0'), kMaxRepeat + 1);
      text.remove_prefix(1);
    }
    return value;
  };
  const std::optional<std::pair<int, int>> none;
  const int min = number();
  int max = min;
  if (min < 0) return none;
  if (text.starts_with(",")) {
    text.remove_prefix(1);
    max = number();
  }
  if (!text.starts_with("}")) return none;
  rest_ = text.substr(1);
  if (min > kMaxRepeat || max > kMaxRepeat) return Error("more than 1000 repetitions");
  if (max >= 0 && max < min) return Error("a repetition whose most is less than its least");
  return std::optional(std::pair(min, max));
}

Result<RegexCompiler::NodePtr> RegexCompiler::ParseRepeats(NodePtr atom) {
  for (int n_repeats = 0; !AtEnd(); ++n_repeats) {
    std::pair<int, int> times;
    if (Take("*")) {
      times = {0, -1};
    } else if (Take("+")) {
      times = {1, -1};
    } else if (Take("?")) {
      times = {0, 1};
    } else if (rest_[0] == '{') {
      WNN_ASSIGN_OR_RETURN(auto braces, ParseBraces());
      if (!braces) break;
      times = *braces;
    } else {
      break;
    }
    if (n_repeats > 0) return Error("a repetition of a repetition");
    static_cast<void>(Take("?"));  // lazy: the same, as the whole text must match
    auto repeat = std::make_unique<Node>();
    repeat->kind = Node::Kind::kRepeat;
    repeat->min = times.first;
    repeat->max = times.second;
    repeat->children.push_back(std::move(atom));
    atom = std::move(repeat);
  }
  return atom;
}

Status RegexCompiler::Add(Regex::Instruction instruction, Regex& regex) {
  if (regex.program_.size() >= Regex::kMaxInstructions) {
    return TooLarge("the pattern takes more than " + std::to_string(Regex::kMaxInstructions) +
                    " instructions");
  }
  regex.program_.push_back(instruction);
  return OkStatus();
}

Status RegexCompiler::Emit(const Node& node, Regex& regex) {
  // Counted too: the empty pattern, repeated, gives no instructions.
  if (++n_emitted_ > 10 * Regex::kMaxInstructions) return TooLarge("the pattern repeats too much");
  auto here = [&] { return static_cast<uint32_t>(regex.program_.size()); };
  switch (node.kind) {
    case Node::Kind::kEmpty: return OkStatus();
    case Node::Kind::kAssert: return Add({node.assertion, 0, 0}, regex);
    case Node::Kind::kClass: {
      const auto [it, is_new] =
          classes_.emplace(&node, static_cast<uint32_t>(regex.classes_.size()));
      if (is_new) regex.classes_.push_back(node.ranges);
      return Add({Op::kRanges, it->second, 0}, regex);
    }
    case Node::Kind::kSequence:
      for (const NodePtr& child : node.children) WNN_RETURN_IF_ERROR(Emit(*child, regex));
      return OkStatus();
    case Node::Kind::kChoice: {
      std::vector<uint32_t> jumps;
      for (size_t i = 0; i < node.children.size(); ++i) {
        const uint32_t split = here();
        const bool is_last = i + 1 == node.children.size();
        if (!is_last) WNN_RETURN_IF_ERROR(Add({Op::kSplit, split + 1, 0}, regex));
        WNN_RETURN_IF_ERROR(Emit(*node.children[i], regex));
        if (is_last) break;
        jumps.push_back(here());
        WNN_RETURN_IF_ERROR(Add({Op::kJump, 0, 0}, regex));
        regex.program_[split].y = here();
      }
      for (uint32_t jump : jumps) regex.program_[jump].x = here();
      return OkStatus();
    }
    case Node::Kind::kRepeat: break;
  }
  for (int i = 0; i < node.min; ++i) WNN_RETURN_IF_ERROR(Emit(*node.children[0], regex));
  if (node.max < 0) {
    const uint32_t split = here();
    WNN_RETURN_IF_ERROR(Add({Op::kSplit, split + 1, 0}, regex));
    WNN_RETURN_IF_ERROR(Emit(*node.children[0], regex));
    WNN_RETURN_IF_ERROR(Add({Op::kJump, split, 0}, regex));
    regex.program_[split].y = here();
    return OkStatus();
  }
  std::vector<uint32_t> splits;
  for (int i = node.min; i < node.max; ++i) {
    splits.push_back(here());
    WNN_RETURN_IF_ERROR(Add({Op::kSplit, here() + 1, 0}, regex));
    WNN_RETURN_IF_ERROR(Emit(*node.children[0], regex));
  }
  for (uint32_t split : splits) regex.program_[split].y = here();
  return OkStatus();
}

}  // namespace wnn::ops
