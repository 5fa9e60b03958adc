#include "engine/ops/regex.h"

#include <algorithm>

#include "engine/ops/regex_compiler.h"

namespace wnn::ops {
namespace {

constexpr char32_t kNoCharacter = ~char32_t{0};  // before the text, and after it

bool IsWord(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

// A set of places in the program, in which a match may go on.
class Regex::Threads {
 public:
  explicit Threads(size_t program_size) : place_(program_size, 0) { list_.reserve(program_size); }

  // False if it is there.
  bool Insert(uint32_t at) {
    if (place_[at] < list_.size() && list_[place_[at]] == at) return false;
    place_[at] = static_cast<uint32_t>(list_.size());
    list_.push_back(at);
    return true;
  }
  void Clear() { list_.clear(); }
  const std::vector<uint32_t>& list() const { return list_; }
  std::vector<uint32_t>& pending() { return pending_; }

 private:
  std::vector<uint32_t> list_;
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

void Regex::AddThread(uint32_t start, char32_t before, char32_t after, Threads& threads) const {
  std::vector<uint32_t>& pending = threads.pending();
  pending.push_back(start);
  while (!pending.empty()) {
    const uint32_t at = pending.back();
    pending.pop_back();
    if (!threads.Insert(at)) continue;
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

Result<bool> Regex::FullMatch(std::string_view text, const StopCondition& stop) const {
  Threads now(program_.size()), next(program_.size());
  auto first_of = [](std::string_view rest) {
    return rest.empty() ? std::pair<char32_t, size_t>(kNoCharacter, 0) : DecodeUtf8(rest);
  };
  auto [character, size] = first_of(text);
  AddThread(0, kNoCharacter, character, now);
  while (size > 0 && !now.list().empty()) {
    WNN_RETURN_IF_ERROR(stop.Check());
    text.remove_prefix(size);
    const auto [after, after_size] = first_of(text);
    for (uint32_t at : now.list()) {
      const Instruction& instruction = program_[at];
      if (instruction.op != Op::kRanges) continue;
      const std::vector<Range>& ranges = classes_[instruction.x];
      const char32_t c = character;
      const bool matches = std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
        return c >= range.first && c <= range.second;
      });
      if (matches) AddThread(at + 1, character, after, next);
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

}  // namespace wnn::ops
