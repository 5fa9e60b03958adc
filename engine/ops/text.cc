#include "engine/ops/text.h"

#include <array>

#include "engine/ops/regex_compiler.h"

namespace wnn::ops {
namespace {

// Letters whose lower case is `shift` further on, in steps of 1, or each second one of them, where
// upper and lower case take turns. From Unicode's UnicodeData.txt.
struct CaseRange {
  char32_t first, last;  // of the upper case
  char32_t shift;
  char32_t step;
};
constexpr std::array kCaseRanges = std::to_array<CaseRange>({
    {'A', 'Z', 32, 1},
    {0xC0, 0xD6, 32, 1},
    {0xD8, 0xDE, 32, 1},
    {0x100, 0x12E, 1, 2},
    {0x132, 0x136, 1, 2},
    {0x139, 0x147, 1, 2},
    {0x14A, 0x176, 1, 2},
    {0x179, 0x17D, 1, 2},
    {0x388, 0x38A, 37, 1},
    {0x391, 0x3A1, 32, 1},
    {0x3A3, 0x3AB, 32, 1},
    {0x400, 0x40F, 80, 1},
    {0x410, 0x42F, 32, 1},
    {0x460, 0x480, 1, 2},
    {0x48A, 0x4BE, 1, 2},
    {0x4D0, 0x52E, 1, 2},
    {0x1E00, 0x1E94, 1, 2},
    {0x1EA0, 0x1EFE, 1, 2},
});

void AppendUtf8(char32_t c, std::string* text) {
  auto add = [&](char32_t byte) { text->push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    add(c);
  } else if (c < 0x800) {
    add(0xC0 | c >> 6);
    add(0x80 | (c & 0x3F));
  } else {
    add(0xE0 | c >> 12);
    add(0x80 | (c >> 6 & 0x3F));
    add(0x80 | (c & 0x3F));
  }
}

std::string ChangeCase(std::string_view text, bool to_lower, Parallel& parallel) {
  StopCheck check(parallel);
  std::string changed;
  changed.reserve(text.size());
  while (!text.empty() && !check.Stopped(20)) {
    const auto [c, size] = DecodeUtf8(text);
    char32_t other = c;
    for (const CaseRange& range : kCaseRanges) {
      const char32_t from = to_lower ? c : c - range.shift;
      if (from < range.first || from > range.last || (from - range.first) % range.step != 0) {
        continue;
      }
      other = to_lower ? c + range.shift : from;
      break;
    }
    if (other == c) {
      changed.append(text.substr(0, size));  // as it is, even if it is not UTF-8
    } else {
      AppendUtf8(other, &changed);
    }
    text.remove_prefix(size);
  }
  return changed;
}

}  // namespace

Result<TextBuilder> TextBuilder::Make(const EvaluateContext& context, int64_t n) {
  if (static_cast<uint64_t>(n) > context.limits().max_tensor_bytes / sizeof(std::string)) {
    return TooLarge(std::to_string(n) + " strings are over the limit of " +
                    std::to_string(context.limits().max_tensor_bytes) + " bytes");
  }
  TextBuilder builder(context);
  WNN_RETURN_IF_ERROR(builder.strings_.Reserve(static_cast<size_t>(n)));
  return builder;
}

Status TextBuilder::Add(std::string text) {
  n_bytes_ += text.size();
  if (n_bytes_ > context_->limits().max_tensor_bytes) {
    return TooLarge("the strings are over the limit of " +
                    std::to_string(context_->limits().max_tensor_bytes) + " bytes");
  }
  if (check_.Stopped(100 + static_cast<int64_t>(text.size()))) return context_->stop().Check();
  WNN_RETURN_IF_ERROR(strings_.ChargeText(text.size()));
  strings_.elements.push_back(std::move(text));
  return OkStatus();
}

Result<Value> TextBuilder::Finish(Shape shape) && {
  strings_.shape = std::move(shape);
  return context_->Finish(std::move(strings_));
}

std::string ToLower(std::string_view text, Parallel& parallel) {
  return ChangeCase(text, true, parallel);
}
std::string ToUpper(std::string_view text, Parallel& parallel) {
  return ChangeCase(text, false, parallel);
}

}  // namespace wnn::ops
