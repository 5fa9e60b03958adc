#include "fuzz/model_text.h"

#include <cctype>
#include <charconv>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "engine/testing/model_builder.h"
#include "fuzz/target.h"

namespace wnn::fuzz {
namespace {

using testing::WireWriter;

struct Type {
  DType dtype = DType::kFloat;
  std::vector<int64_t> dims;
};

constexpr std::pair<std::string_view, DType> kTypes[] = {
    {"f", DType::kFloat},    {"d", DType::kDouble},    {"h", DType::kFloat16},
    {"b", DType::kBool},     {"bf", DType::kBfloat16}, {"s", DType::kString},
    {"i8", DType::kInt8},    {"u8", DType::kUint8},    {"i16", DType::kInt16},
    {"u16", DType::kUint16}, {"i32", DType::kInt32},   {"u32", DType::kUint32},
    {"i64", DType::kInt64},  {"u64", DType::kUint64},
};

struct Domain {
  std::string_view name;
  uint64_t version = 1;
};
const std::map<std::string, Domain, std::less<>> kDomains = {
    {"ml", {"ai.onnx.ml", 3}},
    {"ml5", {"ai.onnx.ml", 5}},
    {"ms", {"com.microsoft"}},
    {"preview", {"ai.onnx.preview"}},
    {"train", {"ai.onnx.preview.training"}},
};

template <typename T>
void AppendRaw(double value, std::string& raw) {
  const T typed = static_cast<T>(value);
  raw.append(reinterpret_cast<const char*>(&typed), sizeof(T));
}

void AppendRaw(DType dtype, double value, std::string& raw) {
  switch (dtype) {
    case DType::kFloat: return AppendRaw<float>(value, raw);
    case DType::kDouble: return AppendRaw<double>(value, raw);
    case DType::kInt8: return AppendRaw<int8_t>(value, raw);
    case DType::kBool:
    case DType::kUint8: return AppendRaw<uint8_t>(value, raw);
    case DType::kInt32: return AppendRaw<int32_t>(value, raw);
    case DType::kInt64: return AppendRaw<int64_t>(value, raw);
    default: Fail("no constants of type " + std::string(DTypeName(dtype)));
  }
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text), rest_(text) {}

  std::string Model() {
    uint64_t opset = 20;
    if (Take('@')) opset = static_cast<uint64_t>(Number());
    WireWriter graph;
    Graph(graph);
    if (Peek() != '\0') Expected("the end");
    WireWriter model;
    model.Varint(1, 10).Message(7, graph);
    model.Message(8, WireWriter().Bytes(1, "").Varint(2, opset));
    for (const auto& [name, version] : imports_) {
      model.Message(8, WireWriter().Bytes(1, name).Varint(2, version));
    }
    return model.bytes();
  }

 private:
  [[noreturn]] void Expected(const char* what) const {
    Fail(std::string(what) + " expected at '" + std::string(rest_) + "' of " + std::string(text_));
  }

  char Peek() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool Take(char c) {
    if (Peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void Need(char c) {
    const char text[] = {'\'', c, '\'', '\0'};
    if (!Take(c)) Expected(text);
  }
  std::string Word() {
    Peek();
    size_t n = 0;
    while (n < rest_.size() && (std::isalnum(rest_[n]) != 0 || rest_[n] == '_')) ++n;
    if (n == 0) Expected("a word");
    const std::string word(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return word;
  }
  double Number() {
    Peek();
    double value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) Expected("a number");
    last_number_ = rest_.substr(0, static_cast<size_t>(end - rest_.data()));
    rest_.remove_prefix(last_number_.size());
    return value;
  }
  bool LastWasFloat() const { return last_number_.find_first_of(".en") != std::string_view::npos; }
  std::string Text() {
    Need('\'');
    const size_t n = rest_.find('\'');
    if (n == std::string_view::npos) Expected("the text's end");
    const std::string text(rest_.substr(0, n));
    rest_.remove_prefix(n + 1);
    return text;
  }
  // Elements between commas up to `end`, which is taken, too.
  template <typename Element>
  void List(char end, Element element) {
    if (Take(end)) return;
    do element();
    while (Take(','));
    Need(end);
  }

  Type ReadType() {
    Type type;
    const std::string name = Word();
    bool found = false;
    for (const auto& [known, dtype] : kTypes) {
      if (known == name) type.dtype = dtype, found = true;
    }
    if (!found) Expected("a type before what is");
    if (Take('[')) List(']', [&] { type.dims.push_back(static_cast<int64_t>(Number())); });
    return type;
  }
  // After the opening brace: TensorProto.
  WireWriter Tensor(const Type& type, const std::string& name) {
    int64_t n = 1;
    for (int64_t dim : type.dims) n *= dim;
    std::vector<std::string> texts;
    std::string raw;
    int64_t n_given = 0;
    List('}', [&] {
      if (type.dtype == DType::kString) {
        texts.push_back(Text());
      } else {
        AppendRaw(type.dtype, Number(), raw);
      }
      ++n_given;
    });
    if (n_given == 0 && type.dtype != DType::kString) {
      const bool whole = type.dtype != DType::kFloat && type.dtype != DType::kDouble;
      for (int64_t i = 0; i < n; ++i) {
        const double value = static_cast<double>(i % (type.dtype == DType::kBool ? 2 : 7));
        AppendRaw(type.dtype, whole ? value : value * 0.25 - 0.5, raw);
      }
    } else if (n_given != n) {
      Expected("as many values as the dimensions say before what is");
    }
    if (type.dtype == DType::kString) return testing::StringsMessage(name, type.dims, texts);
    WireWriter tensor;
    for (int64_t dim : type.dims) tensor.Varint(1, static_cast<uint64_t>(dim));
    tensor.Varint(2, static_cast<uint64_t>(type.dtype));
    if (!name.empty()) tensor.Bytes(8, name);
    return tensor.Bytes(9, raw);
  }
  static WireWriter ValueInfo(const std::string& name, const Type& type) {
    WireWriter shape;
    for (int64_t dim : type.dims) {
      // A negative dimension is a symbol.
      shape.Message(1, dim >= 0 ? WireWriter().Varint(1, static_cast<uint64_t>(dim))
                                : WireWriter().Bytes(2, "N" + std::to_string(-dim)));
    }
    const WireWriter tensor =
        WireWriter().Varint(1, static_cast<uint64_t>(type.dtype)).Message(2, shape);
    return WireWriter().Bytes(1, name).Message(2, WireWriter().Message(1, tensor));
  }

  void Graph(WireWriter& graph) {
    std::vector<std::string> results;
    do results = Statement(graph);
    while (Take(';'));
    if (Take('-')) {
      Need('>');
      results.clear();
      do results.push_back(Word());
      while (Take(','));
    }
    for (const std::string& result : results) {
      if (!result.empty()) graph.Message(12, WireWriter().Bytes(1, result));
    }
  }

  std::vector<std::string> Statement(WireWriter& graph) {
    std::vector<std::string> words;
    do words.push_back(Take('_') ? "" : Word());
    while (Take(','));
    std::vector<std::string> results = {"Y"};
    if (Take('=')) {
      results = std::exchange(words, {});
      words.push_back(Word());
    }
    std::string op = words.back(), domain;
    if (Take('.')) {
      const auto found = kDomains.find(op);
      if (found == kDomains.end()) Expected("a known domain before what is");
      domain = found->second.name;
      imports_[domain] = found->second.version;
      op = Word();
    }
    Need('(');
    std::vector<std::string> inputs;
    while (Peek() != ')' && Peek() != '|') {
      inputs.push_back(Input(graph));
      if (!Take(',')) break;
    }
    std::string attributes;
    if (Take('|')) {
      while (Peek() != ')') attributes += WireWriter().Bytes(5, Attribute()).bytes();
    }
    Need(')');
    WireWriter node = testing::NodeMessage(op, inputs, results, {}, op, domain);
    graph.Bytes(1, node.bytes() + attributes);
    return results;
  }

  // The name of a node's input; adds to the graph what is written there.
  std::string Input(WireWriter& graph) {
    if (Take('_')) return "";
    if (std::isupper(Peek()) != 0) return Word();
    const Type type = ReadType();
    const std::string name = "x" + std::to_string(n_made_++);
    if (Take('{')) {
      graph.Message(5, Tensor(type, name));
    } else {
      graph.Message(11, ValueInfo(name, type));
    }
    return name;
  }

  // The fields of an AttributeProto.
  std::string Attribute() {
    const std::string name = Word();
    Need('=');
    WireWriter fields;
    fields.Bytes(1, name);
    if (Take('[')) return fields.bytes() + Elements();
    const char first = Peek();
    if (first == '\'') {
      fields.Bytes(4, Text()).Varint(20, 3);
    } else if (Take('{')) {
      WireWriter graph;
      if (Take('(')) {
        List(')', [&] {
          const std::string input = Word();
          graph.Message(11, ValueInfo(input, ReadType()));
        });
      }
      Graph(graph);
      Need('}');
      fields.Message(6, graph).Varint(20, 5);
    } else if (std::isalpha(first) != 0) {
      const Type type = ReadType();
      Need('{');
      fields.Message(5, Tensor(type, "")).Varint(20, 4);
    } else {
      const double value = Number();
      if (LastWasFloat()) {
        fields.Float(2, static_cast<float>(value)).Varint(20, 1);
      } else {
        fields.Varint(3, static_cast<uint64_t>(static_cast<int64_t>(value))).Varint(20, 2);
      }
    }
    return fields.bytes();
  }
  // Those of a list, of one type.
  std::string Elements() {
    WireWriter fields;
    uint64_t type = 7;
    List(']', [&] {
      if (Peek() == '\'') {
        fields.Bytes(9, Text());
        type = 8;
        return;
      }
      const double value = Number();
      if (LastWasFloat()) {
        fields.Float(7, static_cast<float>(value));
        type = 6;
      } else {
        fields.Varint(8, static_cast<uint64_t>(static_cast<int64_t>(value)));
      }
    });
    return fields.Varint(20, type).bytes();
  }

  const std::string_view text_;
  std::string_view rest_;
  std::string_view last_number_;
  std::map<std::string, uint64_t> imports_;
  int n_made_ = 0;
};

}  // namespace

std::string ModelFromText(std::string_view text) { return Reader(text).Model(); }

}  // namespace wnn::fuzz
