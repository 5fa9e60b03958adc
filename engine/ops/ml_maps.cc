// ai.onnx.ml's operators on maps: ZipMap, CastMap, DictVectorizer; and CategoryMapper.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <numeric>
#include <vector>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/number_io.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/families.h"
#include "engine/ops/ml_scores.h"
#include "engine/ops/places.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/text.h"

namespace wnn::ops {
namespace {

template <typename T>
std::span<const T> ElementsOf(const Tensor& tensor) {
  return {reinterpret_cast<const T*>(tensor.bytes().data()), tensor.bytes().size() / sizeof(T)};
}

Result<Value> Integers(std::span<const int64_t> numbers) {
  WNN_ASSIGN_OR_RETURN(Tensor tensor,
                       Tensor::Allocate(DType::kInt64, {static_cast<int64_t>(numbers.size())}));
  std::ranges::copy(numbers, reinterpret_cast<int64_t*>(tensor.bytes().data()));
  return Value(std::move(tensor));
}

// kInvalidArgument unless input 0 is a map, as far as it is known.
Status RequireMap(const OpContext& context) {
  const Fact& input = context.Input(0);
  const bool is_unknown = input.container == nullptr && input.dtype == DType::kUndefined;
  if (is_unknown ||
      (input.container != nullptr && input.container->kind == ValueType::Kind::kMap)) {
    return OkStatus();
  }
  return InvalidArgument("input 0 is " + input.ToString() + ", not a map");
}

// ---- ZipMap: each row of scores becomes a map from the labels.

// The labels as a value of one dimension.
Result<Value> ReadLabels(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(auto strings, context.attributes().Strings("classlabels_strings"));
  WNN_ASSIGN_OR_RETURN(auto integers, context.attributes().Ints("classlabels_int64s"));
  if (strings.empty() == integers.empty()) {
    return InvalidArgument("it has not one of 'classlabels_strings' and 'classlabels_int64s'");
  }
  if (strings.empty()) return Integers(integers);
  WNN_ASSIGN_OR_RETURN(
      StringTensor texts,
      StringTensor::Make({static_cast<int64_t>(strings.size())}, {strings.begin(), strings.end()}));
  return Value(std::move(texts));
}

Status InferZipMap(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, {DType::kFloat}));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 1, 2));
  WNN_ASSIGN_OR_RETURN(Value labels, ReadLabels(context));
  const Fact& x = context.Input(0);
  if (x.has_rank && IsKnown(x.dims.back()) && x.dims.back().value != labels.dims()[0]) {
    return InvalidArgument("there are " + std::to_string(labels.dims()[0]) + " labels for " +
                           x.ToString());
  }
  context.SetOutput(0, Fact::OfType(*ValueType::OfSequence(
                           ValueType::OfMap(labels.dtype(), ValueType::OfTensor(DType::kFloat)))));
  return OkStatus();
}

Status EvaluateZipMap(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(Value labels, ReadLabels(context));
  const Tensor& x = context.InputTensor(0);
  const int64_t width = x.shape().back(), n_rows = x.shape().size() == 2 ? x.shape()[0] : 1;
  Sequence maps =
      context.NewSequence(ValueType::OfMap(labels.dtype(), ValueType::OfTensor(DType::kFloat)));
  WNN_RETURN_IF_ERROR(maps.Reserve(static_cast<size_t>(n_rows)));
  for (int64_t row = 0; row < n_rows; ++row) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    WNN_ASSIGN_OR_RETURN(Tensor scores, context.Allocate(DType::kFloat, {width}));
    std::memcpy(scores.bytes().data(),
                x.bytes().data() + static_cast<size_t>(row) * scores.bytes().size(),
                scores.bytes().size());
    maps.elements.emplace_back(Map{labels, Value(std::move(scores))});
  }
  WNN_ASSIGN_OR_RETURN(Value made, context.Finish(std::move(maps)));
  context.SetOutput(0, std::move(made));
  return OkStatus();
}

// ---- CastMap: the values of a map from integers as [1, n], in the order of the keys, or with
// `map_form` SPARSE each at the place that its key says.

Result<DType> ReadCastType(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view name, context.attributes().String("cast_to", "TO_FLOAT"));
  if (name == "TO_FLOAT") return DType::kFloat;
  if (name == "TO_INT64") return DType::kInt64;
  if (name == "TO_STRING") return DType::kString;
  return InvalidArgument("attribute 'cast_to' is " + graph::Quoted(name));
}

// The size of the sparse form; -1 for the dense one.
Result<int64_t> ReadSparseSize(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view form, context.attributes().String("map_form", "DENSE"));
  if (form == "DENSE") return int64_t{-1};
  if (form != "SPARSE") return InvalidArgument("attribute 'map_form' is " + graph::Quoted(form));
  WNN_ASSIGN_OR_RETURN(int64_t size, context.attributes().Int("max_map", 1));
  if (size < 1) return InvalidArgument("attribute 'max_map' is " + std::to_string(size));
  return size;
}

Status InferCastMap(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireMap(context));
  WNN_ASSIGN_OR_RETURN(DType dtype, ReadCastType(context));
  WNN_ASSIGN_OR_RETURN(int64_t size, ReadSparseSize(context));
  const Dim width = size < 0 ? graph::UnknownDim() : graph::KnownDim(size);
  context.SetOutput(0, Fact::Ranked(dtype, {graph::KnownDim(1), width}));
  return OkStatus();
}

// The places of the values in the output; -1 for none.
Result<std::vector<int64_t>> PlacesOf(std::span<const int64_t> keys, int64_t sparse_size) {
  std::vector<int64_t> from(sparse_size < 0 ? keys.size() : static_cast<size_t>(sparse_size), -1);
  if (sparse_size < 0) {
    std::iota(from.begin(), from.end(), 0);
    std::ranges::sort(from, {}, [&](int64_t i) { return keys[static_cast<size_t>(i)]; });
    return from;
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] < 0) return InvalidArgument("key " + std::to_string(keys[i]) + " is negative");
    if (keys[i] >= sparse_size) continue;  // beyond the output, as in ONNX Runtime
    from[static_cast<size_t>(keys[i])] = static_cast<int64_t>(i);
  }
  return from;
}

Status EvaluateCastMap(EvaluateContext& context) {
  const Map* map = context.InputValue(0).map();
  if (map == nullptr || map->keys.dtype() != DType::kInt64) {
    return InvalidArgument("the map's keys are not integers");
  }
  WNN_ASSIGN_OR_RETURN(DType dtype, ReadCastType(context));
  WNN_ASSIGN_OR_RETURN(int64_t sparse_size, ReadSparseSize(context));
  if (sparse_size > static_cast<int64_t>(context.limits().max_tensor_bytes)) {
    return TooLarge("attribute 'max_map' is over the limit of a tensor");
  }
  // The places, in the budget as long as they are there.
  const int64_t n_places = sparse_size < 0 ? map->keys.tensor()->n_elements() : sparse_size;
  WNN_ASSIGN_OR_RETURN(
      const MemoryCharge charge,
      MemoryCharge::Take(context.budget(), static_cast<uint64_t>(n_places) * sizeof(int64_t)));
  WNN_ASSIGN_OR_RETURN(std::vector<int64_t> from,
                       PlacesOf(ElementsOf<int64_t>(*map->keys.tensor()), sparse_size));
  StopCheck check(context.parallel());
  const Shape shape = {1, static_cast<int64_t>(from.size())};
  const StringTensor* texts = map->values.strings();
  const auto number = [&](int64_t i) {
    double x = 0;
    if (texts != nullptr) {
      x = std::strtod(texts->elements[static_cast<size_t>(i)].c_str(), nullptr);
    } else {
      const Tensor& values = *map->values.tensor();
      kernels::ReadNumbers(values.dtype(), values.bytes().data(), i, 1, &x);
    }
    return x;
  };
  if (dtype != DType::kString) {
    WNN_ASSIGN_OR_RETURN(Tensor out, context.Allocate(dtype, shape));
    for (size_t i = 0; i < from.size(); ++i) {
      if (check.Stopped(20)) return context.stop().Check();
      const double x = from[i] < 0 ? 0 : number(from[i]);
      kernels::WriteNumbers(dtype, &x, static_cast<int64_t>(i), 1, {}, out.bytes().data());
    }
    context.SetOutput(0, std::move(out));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(TextBuilder out, TextBuilder::Make(context, shape[1]));
  for (const int64_t i : from) {
    std::string text = "0.f";  // ONNX Runtime's, where a sparse map has no key
    if (i >= 0 && texts != nullptr) text = texts->elements[static_cast<size_t>(i)];
    if (i >= 0 && texts == nullptr) {
      char buffer[64];
      std::snprintf(buffer, sizeof(buffer), "%f", number(i));
      text = buffer;
    }
    WNN_RETURN_IF_ERROR(out.Add(std::move(text)));
  }
  WNN_ASSIGN_OR_RETURN(Value made, std::move(out).Finish(shape));
  context.SetOutput(0, std::move(made));
  return OkStatus();
}

// ---- DictVectorizer: the values of a map's keys in the order of a vocabulary, [1, n]; 0 for keys
// that the map lacks.

Result<int64_t> VocabularySize(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(auto strings, context.attributes().Strings("string_vocabulary"));
  WNN_ASSIGN_OR_RETURN(auto integers, context.attributes().Ints("int64_vocabulary"));
  if (strings.empty() == integers.empty()) {
    return InvalidArgument("it has not one of 'string_vocabulary' and 'int64_vocabulary'");
  }
  return static_cast<int64_t>(std::max(strings.size(), integers.size()));
}

Status InferDictVectorizer(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireMap(context));
  WNN_ASSIGN_OR_RETURN(int64_t n, VocabularySize(context));
  const Fact& input = context.Input(0);
  const DType dtype = input.container != nullptr && input.container->element != nullptr
                          ? input.container->element->dtype
                          : DType::kUndefined;
  context.SetOutput(0, Fact::Ranked(dtype, {graph::KnownDim(1), graph::KnownDim(n)}));
  return OkStatus();
}

// A key that Places can have: a string is as long as the list that it is in.
template <typename T>
using KeyOf = std::conditional_t<std::is_same_v<T, std::string>, std::string_view, T>;

// kTimeout once the run is to stop.
template <typename T>
Result<Places<KeyOf<T>>> PlacesAmong(const EvaluateContext& context, std::span<const T> keys) {
  const auto key_at = [&](size_t i) { return KeyOf<T>(keys[i]); };
  WNN_ASSIGN_OR_RETURN(auto places, Places<KeyOf<T>>::Of(keys.size(), key_at, 20,
                                                         context.parallel(), context.budget()));
  WNN_RETURN_IF_ERROR(context.stop().Check());
  return places;
}

// The place of each word; -1 for nowhere.
template <typename T>
Result<std::vector<int64_t>> Find(const EvaluateContext& context, std::span<const T> vocabulary,
                                  std::span<const T> keys) {
  WNN_ASSIGN_OR_RETURN(const auto places, PlacesAmong<T>(context, keys));
  StopCheck check(context.parallel());
  std::vector<int64_t> found;
  for (const T& word : vocabulary) {
    if (check.Stopped(200)) return context.stop().Check();
    found.push_back(places.Find(word));
  }
  return found;
}

Status EvaluateDictVectorizer(EvaluateContext& context) {
  const Map* map = context.InputValue(0).map();
  if (map == nullptr) return InvalidArgument("input 0 is not a map");
  WNN_ASSIGN_OR_RETURN(auto strings, context.attributes().Strings("string_vocabulary"));
  WNN_ASSIGN_OR_RETURN(auto integers, context.attributes().Ints("int64_vocabulary"));
  const StringTensor* text_keys = map->keys.strings();
  if ((text_keys != nullptr) != integers.empty() ||
      (text_keys == nullptr && map->keys.dtype() != DType::kInt64)) {
    return InvalidArgument("the map's keys are not of the vocabulary's type");
  }
  WNN_ASSIGN_OR_RETURN(
      const std::vector<int64_t> from,
      text_keys != nullptr
          ? Find<std::string>(context, strings, text_keys->elements)
          : Find<int64_t>(context, integers, ElementsOf<int64_t>(*map->keys.tensor())));
  const Shape shape = {1, static_cast<int64_t>(from.size())};
  if (const StringTensor* texts = map->values.strings()) {
    WNN_ASSIGN_OR_RETURN(TextBuilder out, TextBuilder::Make(context, shape[1]));
    for (const int64_t i : from) {
      WNN_RETURN_IF_ERROR(out.Add(i < 0 ? "" : texts->elements[static_cast<size_t>(i)]));
    }
    WNN_ASSIGN_OR_RETURN(Value made, std::move(out).Finish(shape));
    context.SetOutput(0, std::move(made));
    return OkStatus();
  }
  const Tensor& values = *map->values.tensor();
  if (DTypeBits(values.dtype()) % 8 != 0) return Unsupported("values of less than a byte");
  const size_t size = DTypeBits(values.dtype()) / 8;
  WNN_ASSIGN_OR_RETURN(Tensor out, context.Allocate(values.dtype(), shape));
  std::memset(out.bytes().data(), 0, out.bytes().size());
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] < 0) continue;
    std::memcpy(out.bytes().data() + i * size,
                values.bytes().data() + static_cast<size_t>(from[i]) * size, size);
  }
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

// ---- CategoryMapper: strings to integers or back, by two lists of as many.

Status InferCategoryMapper(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, {DType::kString, DType::kInt64}));
  WNN_ASSIGN_OR_RETURN(auto strings, context.attributes().Strings("cats_strings"));
  WNN_ASSIGN_OR_RETURN(auto integers, context.attributes().Ints("cats_int64s"));
  if (strings.size() != integers.size()) {
    return InvalidArgument("it has " + std::to_string(strings.size()) + " strings for " +
                           std::to_string(integers.size()) + " integers");
  }
  const Fact& x = context.Input(0);
  const DType dtype = x.dtype == DType::kString  ? DType::kInt64
                      : x.dtype == DType::kInt64 ? DType::kString
                                                 : DType::kUndefined;
  context.SetOutput(0, x.has_rank ? Fact::Ranked(dtype, x.dims) : Fact::Unranked(dtype));
  return OkStatus();
}

Status EvaluateCategoryMapper(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(auto strings, context.attributes().Strings("cats_strings"));
  WNN_ASSIGN_OR_RETURN(auto integers, context.attributes().Ints("cats_int64s"));
  WNN_ASSIGN_OR_RETURN(int64_t other, context.attributes().Int("default_int64", -1));
  WNN_ASSIGN_OR_RETURN(std::string_view unused,
                       context.attributes().String("default_string", "_Unused"));
  const auto dims = context.InputValue(0).dims();
  Shape shape(dims.begin(), dims.end());
  if (const StringTensor* texts = context.InputValue(0).strings()) {
    WNN_ASSIGN_OR_RETURN(Tensor out, context.Allocate(DType::kInt64, std::move(shape)));
    auto* to = reinterpret_cast<int64_t*>(out.bytes().data());
    WNN_ASSIGN_OR_RETURN(const auto places, PlacesAmong<std::string>(context, strings));
    StopCheck check(context.parallel());
    for (const std::string& text : texts->elements) {
      if (check.Stopped(200)) return context.stop().Check();
      const int64_t place = places.Find(text);
      *to++ = place < 0 ? other : integers[static_cast<size_t>(place)];
    }
    context.SetOutput(0, std::move(out));
    return OkStatus();
  }
  const auto numbers = context.InputElements<int64_t>(0);
  WNN_ASSIGN_OR_RETURN(TextBuilder out,
                       TextBuilder::Make(context, static_cast<int64_t>(numbers.size())));
  WNN_ASSIGN_OR_RETURN(const auto places, PlacesAmong<int64_t>(context, integers));
  for (const int64_t number : numbers) {
    const int64_t place = places.Find(number);
    WNN_RETURN_IF_ERROR(
        out.Add(place < 0 ? std::string(unused) : strings[static_cast<size_t>(place)]));
  }
  WNN_ASSIGN_OR_RETURN(Value made, std::move(out).Finish(std::move(shape)));
  context.SetOutput(0, std::move(made));
  return OkStatus();
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMlDomain,
     .name = "CastMap",
     .infer = InferCastMap,
     .evaluate = EvaluateCastMap,
     .container_inputs = 0b1},
    {.domain = kMlDomain,
     .name = "CategoryMapper",
     .infer = InferCategoryMapper,
     .evaluate = EvaluateCategoryMapper},
    {.domain = kMlDomain,
     .name = "DictVectorizer",
     .infer = InferDictVectorizer,
     .evaluate = EvaluateDictVectorizer,
     .container_inputs = 0b1},
    {.domain = kMlDomain, .name = "ZipMap", .infer = InferZipMap, .evaluate = EvaluateZipMap},
});

}  // namespace

std::span<const OpDef> MlMapOps() { return kOps; }

}  // namespace wnn::ops
