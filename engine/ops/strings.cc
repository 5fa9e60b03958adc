// Operators on strings: StringConcat, StringSplit, StringNormalizer, RegexFullMatch, LabelEncoder.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <set>

#include "engine/base/checked_math.h"
#include "engine/base/stop_check.h"
#include "engine/base/stoppable_sort.h"
#include "engine/kernels/reference/number_io.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/families.h"
#include "engine/ops/regex.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/text.h"

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
    const std::string& right = b.elements[BroadcastPlace(i, shape, b.shape)];
    if (left.size() + right.size() > context.limits().max_tensor_bytes) {
      return TooLarge("the strings are over the limit of " +
                      std::to_string(context.limits().max_tensor_bytes) + " bytes");
    }
    std::string both;
    both.reserve(left.size() + right.size());
    for (const std::string* part : {&left, &right}) {
      InSteps(context.parallel(), static_cast<int64_t>(part->size()),
              [&](int64_t begin, int64_t end) {
                both.append(*part, static_cast<size_t>(begin), static_cast<size_t>(end - begin));
              });
    }
    WNN_RETURN_IF_ERROR(out.Add(std::move(both)));
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

// Calls visit(part) for the parts of a text between white space, or between delimiters; makes no
// more than `max_splits` cuts. Ends early once `parallel` is stopped.
template <typename Visit>
void ForEachPart(std::string_view text, std::string_view delimiter, int64_t max_splits,
                 Parallel& parallel, Visit&& visit) {
  constexpr std::string_view kSpaces = " \t\n\r\v\f";
  // A search reads no more of the text at once.
  constexpr size_t kPiece = size_t{1} << 20;
  StopCheck check(parallel);
  const auto find = [&](auto&& search, size_t overlap) {
    for (size_t from = 0; from < text.size(); from += kPiece) {
      const std::string_view piece = text.substr(from, kPiece + overlap);
      const size_t at = search(piece);
      const size_t read = at == std::string_view::npos ? piece.size() : at;
      if (check.Stopped(10 + 4 * static_cast<int64_t>(read))) break;
      if (at != std::string_view::npos) return from + at;
    }
    return std::string_view::npos;
  };
  int64_t cuts = 0;
  if (delimiter.empty()) {
    while (true) {
      const size_t begin =
          find([&](std::string_view piece) { return piece.find_first_not_of(kSpaces); }, 0);
      if (begin == std::string_view::npos) return;
      text.remove_prefix(begin);
      const size_t end =
          find([&](std::string_view piece) { return piece.find_first_of(kSpaces); }, 0);
      if (end == std::string_view::npos || cuts >= max_splits) return visit(text);
      visit(text.substr(0, end));
      ++cuts;
      text.remove_prefix(end);
    }
  }
  for (; cuts < max_splits; ++cuts) {
    const size_t end =
        find([&](std::string_view piece) { return piece.find(delimiter); }, delimiter.size() - 1);
    if (end == std::string_view::npos) break;
    visit(text.substr(0, end));
    text.remove_prefix(end + delimiter.size());
  }
  visit(text);
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
    count[i] = 0;
    ForEachPart(in.elements[i], delimiter, max_splits, context.parallel(),
                [&](std::string_view) { ++count[i]; });
    most = std::max(most, count[i]);
  }
  WNN_RETURN_IF_ERROR(context.stop().Check());  // it may have ended early
  const auto n_parts = CheckedMul(most, static_cast<int64_t>(in.elements.size()));
  if (!n_parts) return TooLarge("the texts have too many parts");
  WNN_ASSIGN_OR_RETURN(TextBuilder out, TextBuilder::Make(context, *n_parts));
  for (const std::string& text : in.elements) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    Status status;
    int64_t n = 0;
    ForEachPart(text, delimiter, max_splits, context.parallel(), [&](std::string_view part) {
      if (status.ok()) status = out.Add(std::string(part));
      ++n;
    });
    WNN_RETURN_IF_ERROR(std::move(status));
    for (; n < most; ++n) {
      WNN_RETURN_IF_ERROR(out.Add({}));
    }
  }
  WNN_RETURN_IF_ERROR(context.stop().Check());
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
  auto compared = [&](const std::string& word) {
    return is_sensitive != 0 ? word : ToLower(word, context.parallel());
  };
  std::set<std::string> stops;
  for (const std::string& word : stop_words) stops.insert(compared(word));
  WNN_ASSIGN_OR_RETURN(TextBuilder out,
                       TextBuilder::Make(context, static_cast<int64_t>(in.elements.size()) + 1));
  for (const std::string& word : in.elements) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    if (!stops.empty() && stops.count(compared(word)) != 0) continue;
    WNN_RETURN_IF_ERROR(out.Add(change == CaseChange::kNone ? word
                                : change == CaseChange::kLower
                                    ? ToLower(word, context.parallel())
                                    : ToUpper(word, context.parallel())));
  }
  WNN_RETURN_IF_ERROR(context.stop().Check());
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

// ---- LabelEncoder of ai.onnx.ml: each element becomes the value whose key it equals.

constexpr TypeSet kLabelSet = {DType::kString, DType::kInt64, DType::kFloat,
                               DType::kInt32,  DType::kInt16, DType::kDouble};

// One of the two lists that the attributes give.
struct LabelList {
  std::string attribute;  // empty: the numbers 0 to size - 1
  DType dtype = DType::kUndefined;
  int64_t size = 0;
};
struct LabelLists {
  LabelList keys, values;
};

Result<LabelList> ReadLabelList(const Attributes& attributes, const std::string& name) {
  WNN_ASSIGN_OR_RETURN(Value tensor, attributes.AnyTensor(name + "_tensor"));
  WNN_ASSIGN_OR_RETURN(std::span<const std::string> texts, attributes.Strings(name + "_strings"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> ints, attributes.Ints(name + "_int64s"));
  WNN_ASSIGN_OR_RETURN(std::span<const float> floats, attributes.Floats(name + "_floats"));
  std::vector<LabelList> given;
  const auto add = [&](const char* suffix, DType dtype, size_t size) {
    if (!attributes.Has(name + suffix)) return;
    given.push_back({name + suffix, dtype, static_cast<int64_t>(size)});
  };
  if (!tensor.empty() && (!kLabelSet.Has(tensor.dtype()) || tensor.dims().size() != 1)) {
    return InvalidArgument("attribute " + graph::Quoted(name + "_tensor") + " is " +
                           ValueTypeToString(*TypeOf(tensor)) + ", not a list of labels");
  }
  add("_tensor", tensor.dtype(), tensor.empty() ? 0 : static_cast<size_t>(tensor.dims()[0]));
  add("_strings", DType::kString, texts.size());
  add("_int64s", DType::kInt64, ints.size());
  add("_floats", DType::kFloat, floats.size());
  if (given.size() == 1) return given[0];
  return InvalidArgument("of the attributes " + graph::Quoted(name + "_strings") +
                         ", '..._int64s', '..._floats' and '..._tensor' it has " +
                         std::to_string(given.size()) + ", not one");
}

// Version 1 has one list of strings, which stand for their places or places for them.
Result<LabelLists> ReadLabelLists(const OpContext& context) {
  const Attributes& attributes = context.attributes();
  if (context.opset() < 2) {
    WNN_ASSIGN_OR_RETURN(std::span<const std::string> texts, attributes.Strings("classes_strings"));
    const auto n = static_cast<int64_t>(texts.size());
    const LabelList classes{"classes_strings", DType::kString, n}, places{"", DType::kInt64, n};
    return context.Input(0).dtype == DType::kInt64 ? LabelLists{places, classes}
                                                   : LabelLists{classes, places};
  }
  LabelLists lists;
  WNN_ASSIGN_OR_RETURN(lists.keys, ReadLabelList(attributes, "keys"));
  WNN_ASSIGN_OR_RETURN(lists.values, ReadLabelList(attributes, "values"));
  if (lists.keys.size == lists.values.size) return lists;
  return InvalidArgument("it has " + std::to_string(lists.keys.size) + " keys, but " +
                         std::to_string(lists.values.size) + " values");
}

Status InferLabelEncoder(InferContext& context) {
  WNN_ASSIGN_OR_RETURN(LabelLists lists, ReadLabelLists(context));
  WNN_RETURN_IF_ERROR(context.RequireType(0, {lists.keys.dtype}));
  const Fact& in = context.Input(0);
  const bool is_either = context.opset() < 2 && in.dtype == DType::kUndefined;
  const DType dtype = is_either ? DType::kUndefined : lists.values.dtype;
  context.SetOutput(0, in.has_rank ? Fact::Ranked(dtype, in.dims) : Fact::Unranked(dtype));
  return OkStatus();
}

// The list as a value of its own.
Result<Value> LoadLabels(const Attributes& attributes, const LabelList& list) {
  if (list.attribute.ends_with("_tensor")) return attributes.AnyTensor(list.attribute);
  if (list.dtype == DType::kString) {
    WNN_ASSIGN_OR_RETURN(auto texts, attributes.Strings(list.attribute));
    WNN_ASSIGN_OR_RETURN(StringTensor made,
                         StringTensor::Make({list.size}, {texts.begin(), texts.end()}));
    return Value(std::move(made));
  }
  WNN_ASSIGN_OR_RETURN(Tensor made, Tensor::Allocate(list.dtype, {list.size}));
  if (list.attribute.empty()) {
    auto* places = reinterpret_cast<int64_t*>(made.bytes().data());
    for (int64_t i = 0; i < list.size; ++i) places[i] = i;
  } else if (list.dtype == DType::kInt64) {
    WNN_ASSIGN_OR_RETURN(auto ints, attributes.Ints(list.attribute));
    std::ranges::copy(ints, reinterpret_cast<int64_t*>(made.bytes().data()));
  } else {
    WNN_ASSIGN_OR_RETURN(auto floats, attributes.Floats(list.attribute));
    std::ranges::copy(floats, reinterpret_cast<float*>(made.bytes().data()));
  }
  return Value(std::move(made));
}

// One element: what stands for an element that equals no key.
Result<Value> LoadDefaultLabel(const Attributes& attributes, DType dtype) {
  WNN_ASSIGN_OR_RETURN(Value given, attributes.AnyTensor("default_tensor"));
  if (!given.empty()) {
    if (given.dtype() == dtype && ElementCount(given.dims()) == 1) return given;
    return InvalidArgument("attribute 'default_tensor' is " + ValueTypeToString(*TypeOf(given)) +
                           ", not one value of type " + std::string(DTypeName(dtype)));
  }
  WNN_ASSIGN_OR_RETURN(std::string_view text, attributes.String("default_string", "_Unused"));
  WNN_ASSIGN_OR_RETURN(int64_t integer, attributes.Int("default_int64", -1));
  WNN_ASSIGN_OR_RETURN(float real, attributes.Float("default_float", -0.0f));
  if (dtype == DType::kString) {
    WNN_ASSIGN_OR_RETURN(StringTensor made, StringTensor::Make({1}, {std::string(text)}));
    return Value(std::move(made));
  }
  WNN_ASSIGN_OR_RETURN(Tensor made, Tensor::Allocate(dtype, {1}));
  const double number = real;
  if (kernels::IsInteger(dtype)) {
    kernels::WriteIntegers(dtype, &integer, 0, 1, made.bytes().data());
  } else {
    kernels::WriteNumbers(dtype, &number, 0, 1, {}, made.bytes().data());
  }
  return Value(std::move(made));
}

// Elements [first, first + n) as integers that are equal where the numbers are; all NaNs are.
void ReadNumberKeys(const Tensor& from, int64_t first, int64_t n, int64_t* keys) {
  if (kernels::IsInteger(from.dtype())) {
    kernels::ReadIntegers(from.dtype(), from.bytes().data(), first, n, keys);
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    double x;
    kernels::ReadNumbers(from.dtype(), from.bytes().data(), first + i, 1, &x);
    if (x == 0) x = 0;  // without sign
    if (x != x) x = std::numeric_limits<double>::quiet_NaN();
    keys[i] = std::bit_cast<int64_t>(x);
  }
}

// Each key with its place, sorted; by text or by number. Where keys are equal the last one counts.
template <typename Key>
using SortedKeys = std::vector<std::pair<Key, size_t>>;

template <typename Key>
std::optional<size_t> PlaceOf(const SortedKeys<Key>& sorted, const Key& key) {
  auto after = std::ranges::upper_bound(sorted, std::pair(key, SIZE_MAX));
  if (after == sorted.begin() || (--after)->first != key) return std::nullopt;
  return after->second;
}

struct LabelTable {
  Value keys, values, otherwise;
  SortedKeys<std::string_view> texts;
  SortedKeys<int64_t> numbers;
};

Result<std::shared_ptr<const LabelTable>> MakeLabelTable(const EvaluateContext& context) {
  auto table = std::make_shared<LabelTable>();
  WNN_ASSIGN_OR_RETURN(LabelLists lists, ReadLabelLists(context));
  WNN_ASSIGN_OR_RETURN(table->keys, LoadLabels(context.attributes(), lists.keys));
  WNN_ASSIGN_OR_RETURN(table->values, LoadLabels(context.attributes(), lists.values));
  WNN_ASSIGN_OR_RETURN(table->otherwise,
                       LoadDefaultLabel(context.attributes(), lists.values.dtype));
  if (const StringTensor* texts = table->keys.strings()) {
    for (size_t i = 0; i < texts->elements.size(); ++i) {
      table->texts.emplace_back(texts->elements[i], i);
    }
  } else {
    for (int64_t i = 0; i < lists.keys.size; ++i) {
      int64_t key;
      ReadNumberKeys(*table->keys.tensor(), i, 1, &key);
      table->numbers.emplace_back(key, static_cast<size_t>(i));
    }
  }
  StoppableSort(table->texts.data(), static_cast<int64_t>(table->texts.size()), 20,
                context.parallel(), std::less<>());
  StoppableSort(table->numbers.data(), static_cast<int64_t>(table->numbers.size()), 5,
                context.parallel(), std::less<>());
  WNN_RETURN_IF_ERROR(context.stop().Check());
  return std::shared_ptr<const LabelTable>(std::move(table));
}

// Calls set(i, place) for each element, with nothing for a place where no key is equal.
template <typename Set>
Status ForLabels(const EvaluateContext& context, const LabelTable& table, Set&& set) {
  const Value& in = context.InputValue(0);
  if (const StringTensor* texts = in.strings()) {
    for (size_t i = 0; i < texts->elements.size(); ++i) {
      if (i % 1024 == 0) WNN_RETURN_IF_ERROR(context.stop().Check());
      WNN_RETURN_IF_ERROR(set(i, PlaceOf<std::string_view>(table.texts, texts->elements[i])));
    }
    return OkStatus();
  }
  const int64_t n = ElementCount(in.dims()).value_or(0);
  constexpr int64_t kPiece = 1024;
  int64_t keys[kPiece];
  for (int64_t first = 0; first < n; first += kPiece) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const int64_t count = std::min(kPiece, n - first);
    ReadNumberKeys(*in.tensor(), first, count, keys);
    for (int64_t i = 0; i < count; ++i) {
      WNN_RETURN_IF_ERROR(set(static_cast<size_t>(first + i), PlaceOf(table.numbers, keys[i])));
    }
  }
  return OkStatus();
}

Status EvaluateLabelEncoder(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(const std::shared_ptr<const LabelTable> table,
                       context.Prepare<LabelTable>([&] { return MakeLabelTable(context); }));
  const auto dims = context.InputValue(0).dims();
  Shape shape(dims.begin(), dims.end());
  if (const StringTensor* texts = table->values.strings()) {
    WNN_ASSIGN_OR_RETURN(TextBuilder out,
                         TextBuilder::Make(context, ElementCount(shape).value_or(0)));
    WNN_RETURN_IF_ERROR(ForLabels(context, *table, [&](size_t, std::optional<size_t> place) {
      return out.Add(place ? texts->elements[*place] : table->otherwise.strings()->elements[0]);
    }));
    WNN_ASSIGN_OR_RETURN(Value made, std::move(out).Finish(std::move(shape)));
    context.SetOutput(0, std::move(made));
    return OkStatus();
  }
  const Tensor& values = *table->values.tensor();
  const size_t size = DTypeBits(values.dtype()) / 8;
  WNN_ASSIGN_OR_RETURN(Tensor out, context.Allocate(values.dtype(), std::move(shape)));
  WNN_RETURN_IF_ERROR(ForLabels(context, *table, [&](size_t i, std::optional<size_t> place) {
    const std::byte* from =
        place ? values.bytes().data() + *place * size : table->otherwise.tensor()->bytes().data();
    std::memcpy(out.bytes().data() + i * size, from, size);
    return OkStatus();
  }));
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
    {.name = "RegexFullMatch", .since_version = 20, .infer = InferRegex, .evaluate = EvaluateRegex},
    {.domain = "ai.onnx.ml",
     .name = "LabelEncoder",
     .infer = InferLabelEncoder,
     .evaluate = EvaluateLabelEncoder},
});

}  // namespace

std::span<const OpDef> StringOps() { return kOps; }

}  // namespace wnn::ops
