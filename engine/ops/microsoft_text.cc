// ONNX Runtime's operators on text, as pipelines of scikit-learn have them: Tokenizer and
// MurmurHash3.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "engine/base/checked_math.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/regex.h"
#include "engine/ops/regex_compiler.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/text.h"

namespace wnn::ops {
namespace {

// ---- Tokenizer: the tokens of each text, along a new last axis.

using Tokens = std::vector<std::string_view>;

struct Tokenizer {
  bool by_character = false;
  std::vector<Regex> separators;  // each cuts what those before it have left
  std::vector<Regex> token;       // one, or none
  bool mark = false;
  int64_t min_characters = 1;
  std::string_view pad;
};

Result<Tokenizer> ReadTokenizer(const OpContext& context) {
  const graph::Attributes& a = context.attributes();
  Tokenizer tokenizer;
  WNN_ASSIGN_OR_RETURN(int64_t mark, a.RequiredInt("mark"));
  WNN_ASSIGN_OR_RETURN(tokenizer.min_characters, a.RequiredInt("mincharnum"));
  WNN_ASSIGN_OR_RETURN(tokenizer.pad, a.String("pad_value", ""));
  WNN_ASSIGN_OR_RETURN(std::span<const std::string> separators, a.Strings("separators"));
  WNN_ASSIGN_OR_RETURN(std::string_view token, a.String("tokenexp", ""));
  if (!a.Has("pad_value")) return InvalidArgument("attribute 'pad_value' is missing");
  tokenizer.mark = mark != 0;
  if (tokenizer.min_characters < 1) {
    return InvalidArgument("attribute 'mincharnum' is " + std::to_string(tokenizer.min_characters));
  }
  if (separators.empty() && token.empty()) {
    return InvalidArgument("neither of the attributes 'separators' and 'tokenexp' is given");
  }
  tokenizer.by_character =
      separators.empty() ? token == "." : separators.size() == 1 && separators[0].empty();
  if (tokenizer.by_character) {
    if (tokenizer.min_characters == 1) return tokenizer;
    return InvalidArgument("attribute 'mincharnum' is " + std::to_string(tokenizer.min_characters) +
                           " where each token is one character");
  }
  for (const std::string& separator : separators) {
    if (separator.empty()) return InvalidArgument("attribute 'separators' has an empty one");
    WNN_ASSIGN_OR_RETURN(Regex regex, Regex::Compile(separator));
    tokenizer.separators.push_back(std::move(regex));
  }
  if (separators.empty()) {
    WNN_ASSIGN_OR_RETURN(Regex regex, Regex::Compile(token));
    tokenizer.token.push_back(std::move(regex));
  }
  return tokenizer;
}

size_t CharacterBytes(std::string_view text) { return DecodeUtf8(text).second; }

int64_t CountCharacters(std::string_view text) {
  int64_t n = 0;
  for (; !text.empty(); ++n) text.remove_prefix(CharacterBytes(text));
  return n;
}

// Calls `found(begin, end)` for each match that is not empty, from the left.
template <typename Found>
Status ForMatches(const Regex& regex, std::string_view text, const StopCondition& stop,
                  Found&& found) {
  size_t at = 0;
  while (at < text.size()) {
    WNN_ASSIGN_OR_RETURN(const auto match, regex.FindLongest(text, at, stop));
    if (!match) return OkStatus();
    const auto [begin, end] = *match;
    if (end > begin) found(begin, end);
    at = end > begin ? end : end + (end < text.size() ? CharacterBytes(text.substr(end)) : 1);
  }
  return OkStatus();
}

Result<Tokens> Tokenize(const Tokenizer& tokenizer, std::string_view text,
                        const StopCondition& stop) {
  Tokens tokens;
  if (tokenizer.by_character) {
    while (!text.empty()) {
      const size_t n = CharacterBytes(text);
      tokens.push_back(text.substr(0, n));
      text.remove_prefix(n);
    }
    return tokens;
  }
  if (!tokenizer.token.empty()) {
    WNN_RETURN_IF_ERROR(ForMatches(tokenizer.token[0], text, stop, [&](size_t begin, size_t end) {
      tokens.push_back(text.substr(begin, end - begin));
    }));
  } else {
    tokens.push_back(text);
  }
  for (const Regex& separator : tokenizer.separators) {
    Tokens pieces;
    for (std::string_view whole : tokens) {
      size_t last = 0;
      WNN_RETURN_IF_ERROR(ForMatches(separator, whole, stop, [&](size_t begin, size_t end) {
        if (begin > last) pieces.push_back(whole.substr(last, begin - last));
        last = end;
      }));
      if (last < whole.size()) pieces.push_back(whole.substr(last));
    }
    tokens = std::move(pieces);
  }
  std::erase_if(tokens, [&](std::string_view token) {
    return CountCharacters(token) < tokenizer.min_characters;
  });
  return tokens;
}

Status InferTokenizer(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, {DType::kString}));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 1, 2));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] Tokenizer tokenizer, ReadTokenizer(context));
  // Without texts there is no new axis.
  const Fact& in = context.Input(0);
  Fact out = Fact::Unranked(DType::kString);
  if (in.IsConcrete()) {
    std::vector<Dim> dims = in.dims;
    if (ShapeProduct(in.ConcreteShape()) > 0) dims.push_back(graph::UnknownDim());
    out = Fact::Ranked(DType::kString, std::move(dims));
  }
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

Status EvaluateTokenizer(EvaluateContext& context) {
  const StringTensor& in = *context.InputValue(0).strings();
  WNN_ASSIGN_OR_RETURN(const Tokenizer tokenizer, ReadTokenizer(context));
  // Twice, so that only what leaves is ever held.
  int64_t most = 0;
  for (const std::string& text : in.elements) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    WNN_ASSIGN_OR_RETURN(const Tokens tokens, Tokenize(tokenizer, text, context.stop()));
    most = std::max(most, static_cast<int64_t>(tokens.size()));
  }
  if (tokenizer.mark && most > 0) most += 2;
  const auto n = CheckedMul(most, static_cast<int64_t>(in.elements.size()));
  if (!n) return TooLarge("the texts have too many tokens");
  WNN_ASSIGN_OR_RETURN(TextBuilder out, TextBuilder::Make(context, *n));
  for (const std::string& text : in.elements) {
    if (most == 0) break;
    WNN_RETURN_IF_ERROR(context.stop().Check());
    WNN_ASSIGN_OR_RETURN(const Tokens tokens, Tokenize(tokenizer, text, context.stop()));
    int64_t left = most;
    const auto add = [&](std::string_view token) {
      --left;
      return out.Add(std::string(token));
    };
    if (tokenizer.mark) WNN_RETURN_IF_ERROR(add("\x02"));
    for (std::string_view token : tokens) WNN_RETURN_IF_ERROR(add(token));
    if (tokenizer.mark) WNN_RETURN_IF_ERROR(add("\x03"));
    while (left > 0) WNN_RETURN_IF_ERROR(add(tokenizer.pad));
  }
  Shape shape = in.shape;
  if (!in.elements.empty()) shape.push_back(most);
  WNN_ASSIGN_OR_RETURN(Value made, std::move(out).Finish(std::move(shape)));
  context.SetOutput(0, std::move(made));
  return OkStatus();
}

// ---- MurmurHash3, of 32 bits (Appleby's MurmurHash3_x86_32, from its published description).

uint32_t Mixed(uint32_t word) { return std::rotl(word * 0xcc9e2d51U, 15) * 0x1b873593U; }

uint32_t Murmur(std::string_view bytes, uint32_t seed) {
  uint32_t hash = seed;
  size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    uint32_t word;  // little-endian, as all machines are that the engine runs on
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    hash = std::rotl(hash ^ Mixed(word), 13) * 5 + 0xe6546b64U;
  }
  uint32_t rest = 0;
  for (size_t i = bytes.size(); i-- > at;) {
    rest = rest << 8 | static_cast<unsigned char>(bytes[i]);
  }
  hash ^= Mixed(rest);
  hash ^= static_cast<uint32_t>(bytes.size());
  hash = (hash ^ hash >> 16) * 0x85ebca6bU;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35U;
  return hash ^ hash >> 16;
}

constexpr TypeSet kHashedTypes = {DType::kUint32, DType::kInt32,  DType::kUint64, DType::kInt64,
                                  DType::kFloat,  DType::kDouble, DType::kString};

Status InferMurmur(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kHashedTypes));
  WNN_ASSIGN_OR_RETURN(int64_t positive, context.attributes().Int("positive", 1));
  const DType dtype = positive != 0 ? DType::kUint32 : DType::kInt32;
  const Fact& in = context.Input(0);
  context.SetOutput(0, in.has_rank ? Fact::Ranked(dtype, in.dims) : Fact::Unranked(dtype));
  return OkStatus();
}

Status EvaluateMurmur(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t seed, context.attributes().Int("seed", 0));
  const auto start = static_cast<uint32_t>(seed);
  const StringTensor* texts = context.InputValue(0).strings();
  const Shape shape = context.OutputFact(0).ConcreteShape();
  WNN_ASSIGN_OR_RETURN(Tensor out, context.Allocate(context.OutputFact(0).dtype, shape));
  auto* hashes = reinterpret_cast<uint32_t*>(out.bytes().data());
  const int64_t n = out.n_elements();
  for (int64_t i = 0; i < n; ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    if (texts != nullptr) {
      hashes[i] = Murmur(texts->elements[static_cast<size_t>(i)], start);
      continue;
    }
    const Tensor& numbers = context.InputTensor(0);
    const size_t size = DTypeBits(numbers.dtype()) / 8;
    const auto* bytes = reinterpret_cast<const char*>(numbers.bytes().data());
    hashes[i] = Murmur({bytes + static_cast<size_t>(i) * size, size}, start);
  }
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "MurmurHash3",
     .infer = InferMurmur,
     .evaluate = EvaluateMurmur},
    {.domain = kMicrosoftDomain,
     .name = "Tokenizer",
     .infer = InferTokenizer,
     .evaluate = EvaluateTokenizer},
});

}  // namespace

std::span<const OpDef> MicrosoftTextOps() { return kOps; }

}  // namespace wnn::ops
