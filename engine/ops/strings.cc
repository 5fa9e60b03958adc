// Operators on strings: StringConcat, StringSplit, StringNormalizer, RegexFullMatch.
#include <algorithm>
#include <array>
#include <set>

#include "engine/base/checked_math.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/regex.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/text.h"
#include "engine/ops/value_families.h"

namespace wnn::ops {
namespace {

constexpr TypeSet kStringSet = {DType::kString};

Status InferStringConcat(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kStringSet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kStringSet));
  const Fact &a = context.Input(0), &b = context.Input(1);
  Fact out = Fact::Unranked(DType::kString);
  if (a.has_rank && b.has_rank) {
    WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, BroadcastDims(a.dims, b.dims));
    out = Fact::Ranked(DType::kString, std::move(dims));
  }
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

// Where element `i` of a tensor of shape `out` comes from in one that is broadcast to it.
size_t BroadcastPlace(int64_t i, std::span<const int64_t> out, std::span<const int64_t> from) {
  int64_t place = 0, stride = 1;
  for (size_t d = out.size(); d-- > 0;) {
    const int64_t index = i % out[d];
    i /= out[d];
    const size_t missing = out.size() - from.size();
    if (d < missing) break;
    const int64_t extent = from[d - missing];
    if (extent != 1) place += index * stride;
    stride *= extent;
  }
  return static_cast<size_t>(place);
}

Status EvaluateStringConcat(EvaluateContext& context) {
  const StringTensor& a = *context.InputValue(0).strings();
  const StringTensor& b = *context.InputValue(1).strings();
  const Shape shape = context.OutputFact(0).ConcreteShape();
  const int64_t n = ElementCount(shape).value_or(0);
  WNN_ASSIGN_OR_RETURN(TextBuilder out, TextBuilder::Make(context, n));
  for (int64_t i = 0; i < n; ++i) {
    const std::string& left = a.elements[BroadcastPlace(i, shape, a.shape)];
    WNN_RETURN_IF_ERROR(out.Add(left + b.elements[BroadcastPlace(i, shape, b.shape)]));
  }
  WNN_ASSIGN_OR_RETURN(Value made, std::move(out).Finish(shape));
  context.SetOutput(0, std::move(made));
  return OkStatus();
}

Status InferStringSplit(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kStringSet));
  const Fact& in = context.Input(0);
  Fact parts = Fact::Unranked(DType::kString), counts = Fact::Unranked(DType::kInt64);
  if (in.has_rank) {
    counts = Fact::Ranked(DType::kInt64, in.dims);
    std::vector<Dim> dims = in.dims;
    dims.push_back(graph::UnknownDim());
    parts = Fact::Ranked(DType::kString, std::move(dims));
  }
  context.SetOutput(0, std::move(parts));
  context.SetOutput(1, std::move(counts));
  return OkStatus();
}

// The parts of a text between white space, or between delimiters; no more than `max_splits` cuts.
std::vector<std::string_view> Split(std::string_view text, std::string_view delimiter,
                                    int64_t max_splits) {
  constexpr std::string_view kSpaces = " \t\n\r\v\f";
  std::vector<std::string_view> parts;
  if (delimiter.empty()) {
    while (true) {
      const size_t begin = text.find_first_not_of(kSpaces);
      if (begin == std::string_view::npos) return parts;
      text.remove_prefix(begin);
      const size_t end = text.find_first_of(kSpaces);
      const bool is_last = end == std::string_view::npos ||
                           static_cast<int64_t>(parts.size()) >= max_splits;
      parts.push_back(is_last ? text : text.substr(0, end));
      if (is_last) return parts;
      text.remove_prefix(end);
    }
  }
  while (static_cast<int64_t>(parts.size()) < max_splits) {
    const size_t end = text.find(delimiter);
    if (end == std::string_view::npos) break;
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + delimiter.size());
  }
  parts.push_back(text);
  return parts;
}

Status EvaluateStringSplit(EvaluateContext& context) {
  const StringTensor& in = *context.InputValue(0).strings();
  WNN_ASSIGN_OR_RETURN(std::string_view delimiter, context.attributes().String("delimiter", ""));
  WNN_ASSIGN_OR_RETURN(int64_t max_splits, context.attributes().Int("maxsplit", INT64_MAX));
  if (max_splits < 0) max_splits = INT64_MAX;
  WNN_ASSIGN_OR_RETURN(Tensor counts, context.Allocate(DType::kInt64, in.shape));
  int64_t* count = reinterpret_cast<int64_t*>(counts.bytes().data());
  int64_t most = 0;
  for (size_t i = 0; i < in.elements.size(); ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    count[i] = static_cast<int64_t>(Split(in.elements[i], delimiter, max_splits).size());
    most = std::max(most, count[i]);
  }
  const auto n_parts = CheckedMul(most, static_cast<int64_t>(in.elements.size()));
  if (!n_parts) return TooLarge("the texts have too many parts");
  WNN_ASSIGN_OR_RETURN(TextBuilder out, TextBuilder::Make(context, *n_parts));
  for (const std::string& text : in.elements) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const std::vector<std::string_view> parts = Split(text, delimiter, max_splits);
    for (std::string_view part : parts) WNN_RETURN_IF_ERROR(out.Add(std::string(part)));
    for (int64_t p = static_cast<int64_t>(parts.size()); p < most; ++p) {
      WNN_RETURN_IF_ERROR(out.Add({}));
    }
  }
  Shape shape = in.shape;
  shape.push_back(most);
  WNN_ASSIGN_OR_RETURN(Value made, std::move(out).Finish(std::move(shape)));
  context.SetOutput(0, std::move(made));
  context.SetOutput(1, std::move(counts));
  return OkStatus();
}

enum class CaseChange : uint8_t { kNone, kLower, kUpper };

Result<CaseChange> ReadCaseChange(const Attributes& attributes) {
  WNN_ASSIGN_OR_RETURN(std::string_view action, attributes.String("case_change_action", "NONE"));
  if (action == "NONE") return CaseChange::kNone;
  if (action == "LOWER") return CaseChange::kLower;
  if (action == "UPPER") return CaseChange::kUpper;
  return InvalidArgument("attribute 'case_change_action' is " + graph::Quoted(action));
}

Status InferStringNormalizer(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kStringSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 1, 2));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] CaseChange change, ReadCaseChange(context.attributes()));
  const Fact& in = context.Input(0);
  Fact out = Fact::Unranked(DType::kString);
  if (in.has_rank) {
    if (in.rank() == 2 && IsKnown(in.dims[0]) && in.dims[0].value != 1) {
      return InvalidArgument("input 0 is " + in.ToString() + ", but has to be one row");
    }
    std::vector<Dim> dims = in.dims;
    dims.back() = graph::UnknownDim();
    out = Fact::Ranked(DType::kString, std::move(dims));
  }
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

Status EvaluateStringNormalizer(EvaluateContext& context) {
  const StringTensor& in = *context.InputValue(0).strings();
  WNN_ASSIGN_OR_RETURN(CaseChange change, ReadCaseChange(context.attributes()));
  WNN_ASSIGN_OR_RETURN(int64_t is_sensitive, context.attributes().Int("is_case_sensitive", 0));
  WNN_ASSIGN_OR_RETURN(std::span<const std::string> stop_words,
                       context.attributes().Strings("stopwords"));
  auto compared = [&](const std::string& word) { return is_sensitive != 0 ? word : ToLower(word); };
  std::set<std::string> stops;
  for (const std::string& word : stop_words) stops.insert(compared(word));
  WNN_ASSIGN_OR_RETURN(TextBuilder out,
                       TextBuilder::Make(context, static_cast<int64_t>(in.elements.size()) + 1));
  for (const std::string& word : in.elements) {
    if (!stops.empty() && stops.count(compared(word)) != 0) continue;
    WNN_RETURN_IF_ERROR(out.Add(change == CaseChange::kNone    ? word
                                : change == CaseChange::kLower ? ToLower(word)
                                                               : ToUpper(word)));
  }
  // One empty string where nothing is left, as ONNX says.
  if (out.size() == 0) WNN_RETURN_IF_ERROR(out.Add({}));
  Shape shape = in.shape;
  shape.back() = out.size();
  WNN_ASSIGN_OR_RETURN(Value made, std::move(out).Finish(std::move(shape)));
  context.SetOutput(0, std::move(made));
  return OkStatus();
}

Status InferRegex(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kStringSet));
  WNN_ASSIGN_OR_RETURN(std::string_view pattern, context.attributes().String("pattern", ""));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] Regex regex, Regex::Compile(pattern));
  Fact out = context.Input(0);
  out.object = Value();
  out.dtype = DType::kBool;
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

Status EvaluateRegex(EvaluateContext& context) {
  const StringTensor& in = *context.InputValue(0).strings();
  WNN_ASSIGN_OR_RETURN(std::string_view pattern, context.attributes().String("pattern", ""));
  WNN_ASSIGN_OR_RETURN(Regex regex, Regex::Compile(pattern));
  WNN_ASSIGN_OR_RETURN(Tensor out, context.Allocate(DType::kBool, in.shape));
  bool* matches = reinterpret_cast<bool*>(out.bytes().data());
  for (size_t i = 0; i < in.elements.size(); ++i) {
    WNN_ASSIGN_OR_RETURN(matches[i], regex.FullMatch(in.elements[i], context.stop()));
  }
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "StringConcat",
     .since_version = 20,
     .inputs = {2, 2},
     .infer = InferStringConcat,
     .evaluate = EvaluateStringConcat},
    {.name = "StringSplit",
     .since_version = 20,
     .outputs = {1, 2},
     .infer = InferStringSplit,
     .evaluate = EvaluateStringSplit},
    {.name = "StringNormalizer",
     .since_version = 10,
     .infer = InferStringNormalizer,
     .evaluate = EvaluateStringNormalizer},
    {.name = "RegexFullMatch",
     .since_version = 20,
     .infer = InferRegex,
     .evaluate = EvaluateRegex},
});

}  // namespace

std::span<const OpDef> StringOps() { return kOps; }

}  // namespace wnn::ops
