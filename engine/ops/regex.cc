#include "engine/ops/regex.h"

#include <algorithm>

#include "engine/ops/regex_compiler.h"

namespace wnn::ops {
namespace {

constexpr char32_t kNoCharacter = ~char32_t{0};  // before the text, and after it

bool IsWord(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// The first character and its bytes.
std::pair<char32_t, size_t> FirstOf(std::string_view text) {
  return text.empty() ? std::pair<char32_t, size_t>(kNoCharacter, 0) : DecodeUtf8(text);
}

}  // namespace

// A set of places in the program, in which a match may go on. Of two matches in one place the first
// to come stays.
class Regex::Threads {
 public:
  explicit Threads(size_t program_size) : place_(program_size, 0) {
    list_.reserve(program_size);
    begins_.reserve(program_size);
  }

  // False if it is there.
  bool Insert(uint32_t at, size_t begin) {
    if (place_[at] < list_.size() && list_[place_[at]] == at) return false;
    place_[at] = static_cast<uint32_t>(list_.size());
    list_.push_back(at);
    begins_.push_back(begin);
    return true;
  }
  void Clear() {
    list_.clear();
    begins_.clear();
  }
  const std::vector<uint32_t>& list() const { return list_; }
  size_t begin_of(size_t i) const { return begins_[i]; }  // of element i of list()
  std::vector<uint32_t>& pending() { return pending_; }

 private:
  std::vector<uint32_t> list_;
  std::vector<size_t> begins_;
  std::vector<uint32_t> place_;  // where in list_; meaningful if it is there
  std::vector<uint32_t> pending_;
};

bool Regex::Holds(Op op, char32_t before, char32_t after) const {
  switch (op) {
    case Op::kBegin: return before == kNoCharacter;
    case Op::kEnd: return after == kNoCharacter;
    case Op::kLineBegin: return before == kNoCharacter || before == '\n';
    case Op::kLineEnd: return after == kNoCharacter || after == '\n';
    case Op::kWordEdge: return IsWord(before) != IsWord(after);
    case Op::kNoWordEdge: return IsWord(before) == IsWord(after);
    case Op::kRanges:
    case Op::kSplit:
    case Op::kJump:
    case Op::kMatch: break;
  }
  return false;
}

void Regex::AddThread(uint32_t start, size_t begin, char32_t before, char32_t after,
                      Threads& threads) const {
  std::vector<uint32_t>& pending = threads.pending();
  pending.push_back(start);
  while (!pending.empty()) {
    const uint32_t at = pending.back();
    pending.pop_back();
    if (!threads.Insert(at, begin)) continue;
    const Instruction& instruction = program_[at];
    switch (instruction.op) {
      case Op::kRanges:
      case Op::kMatch: break;
      case Op::kSplit:
        pending.push_back(instruction.y);
        pending.push_back(instruction.x);
        break;
      case Op::kJump: pending.push_back(instruction.x); break;
      case Op::kBegin:
      case Op::kEnd:
      case Op::kLineBegin:
      case Op::kLineEnd:
      case Op::kWordEdge:
      case Op::kNoWordEdge:
        if (Holds(instruction.op, before, after)) pending.push_back(at + 1);
        break;
    }
  }
}

Result<Regex> Regex::Compile(std::string_view pattern) { return RegexCompiler(pattern).Compile(); }

bool Regex::Accepts(const Instruction& instruction, char32_t c) const {
  if (instruction.op != Op::kRanges) return false;
  const std::vector<Range>& ranges = classes_[instruction.x];
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return c >= range.first && c <= range.second; });
}

Result<bool> Regex::FullMatch(std::string_view text, const StopCondition& stop) const {
  Threads now(program_.size()), next(program_.size());
  constexpr int64_t kStepsPerCheck = 100'000;
  int64_t left = 0;
  auto [character, size] = FirstOf(text);
  AddThread(0, 0, kNoCharacter, character, now);
  while (size > 0 && !now.list().empty()) {
    text.remove_prefix(size);
    const auto [after, after_size] = FirstOf(text);
    for (uint32_t at : now.list()) {
      const Instruction& instruction = program_[at];
      left -= 1;
      if (instruction.op == Op::kRanges) {
        left -= static_cast<int64_t>(classes_[instruction.x].size());
      }
      if (left < 0) {
        WNN_RETURN_IF_ERROR(stop.Check());
        left = kStepsPerCheck;
      }
      if (Accepts(instruction, character)) AddThread(at + 1, 0, character, after, next);
    }
    std::swap(now, next);
    next.Clear();
    character = after;
    size = after_size;
  }
  if (size > 0) return false;
  return std::any_of(now.list().begin(), now.list().end(),
                     [&](uint32_t at) { return program_[at].op == Op::kMatch; });
}

Result<std::optional<std::pair<size_t, size_t>>> Regex::FindLongest(
    std::string_view text, size_t from, const StopCondition& stop) const {
  Threads now(program_.size()), next(program_.size());
  std::optional<std::pair<size_t, size_t>> best;
  size_t at = from;
  // Only letters, digits and ends of lines are told apart: those are bytes.
  char32_t before = from > 0 ? static_cast<unsigned char>(text[from - 1]) : kNoCharacter;
  auto [character, size] = FirstOf(text.substr(at));
  while (true) {
    WNN_RETURN_IF_ERROR(stop.Check());
    // Threads lie in the order in which their matches began.
    if (!best) AddThread(0, at, before, character, now);
    for (size_t i = 0; i < now.list().size(); ++i) {
      if (best && now.begin_of(i) > best->first) break;
      if (program_[now.list()[i]].op == Op::kMatch) best = {now.begin_of(i), at};
    }
    if (size == 0) return best;
    const auto [after, after_size] = FirstOf(text.substr(at + size));
    for (size_t i = 0; i < now.list().size(); ++i) {
      if (best && now.begin_of(i) > best->first) break;
      const uint32_t place = now.list()[i];
      if (Accepts(program_[place], character)) {
        AddThread(place + 1, now.begin_of(i), character, after, next);
      }
    }
    std::swap(now, next);
    next.Clear();
    if (best && now.list().empty()) return best;
    at += size;
    before = character;
    character = after;
    size = after_size;
  }
}

}  // namespace wnn::ops
