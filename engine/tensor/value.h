// Everything that an ONNX value can be: a dense tensor, a tensor of strings, a sequence, an
// optional or a map.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/memory_budget.h"
#include "engine/base/status.h"
#include "engine/tensor/tensor.h"

namespace wnn {

struct ValueType;
using ValueTypePtr = std::shared_ptr<const ValueType>;

// What a model says of a value's type. Nested at most Limits::max_nesting deep.
struct ValueType {
  enum class Kind : uint8_t { kTensor, kSequence, kOptional, kMap };

  static ValueTypePtr OfTensor(DType dtype);
  static ValueTypePtr OfSequence(ValueTypePtr element);
  static ValueTypePtr OfOptional(ValueTypePtr element);
  static ValueTypePtr OfMap(DType key_type, ValueTypePtr element);

  Kind kind = Kind::kTensor;
  DType dtype = DType::kUndefined;     // kTensor: of its elements; kUndefined if not known
  bool has_shape = false;              // kTensor
  std::vector<Dim> dims;               // kTensor
  DType key_type = DType::kUndefined;  // kMap: int64, another integer or string
  // kSequence, kOptional, kMap: what it holds; null if not known.
  ValueTypePtr element;
};

// "float[N, 3]", "seq(float[...])", "optional(seq(int64[...]))", "map(string, float[...])".
std::string ValueTypeToString(const ValueType& type);

class Value;
struct StringTensor;
struct Sequence;
struct Optional;
struct Map;

// A value of any type, or none. Copies are cheap: they share what they hold, which never changes.
// Thread-compatible.
class Value {
 public:
  Value() = default;
  Value(Tensor tensor);         // NOLINT: implicit by design, as are those below
  Value(TensorPtr tensor);      // NOLINT
  Value(StringTensor strings);  // NOLINT
  Value(Sequence sequence);     // NOLINT
  Value(Optional optional);     // NOLINT
  Value(Map map);               // NOLINT

  bool empty() const { return held_.index() == 0; }

  // Null unless it is that. Lifetime: as long as some Value holds it.
  const Tensor* tensor() const { return Get<Tensor>(); }
  const StringTensor* strings() const { return Get<StringTensor>(); }
  const Sequence* sequence() const { return Get<Sequence>(); }
  const Optional* optional() const { return Get<Optional>(); }
  const Map* map() const { return Get<Map>(); }
  TensorPtr tensor_ptr() const;

  // Of a tensor or a tensor of strings; kUndefined, and no dimensions, for the rest.
  DType dtype() const;
  std::span<const int64_t> dims() const;

  // Bytes that it holds.
  uint64_t size_bytes() const;

  // Nobody else holds what this holds. Not recursive.
  bool IsUnique() const;

 private:
  template <typename T>
  const T* Get() const {
    const auto* held = std::get_if<std::shared_ptr<const T>>(&held_);
    return held != nullptr ? held->get() : nullptr;
  }

  std::variant<std::monostate, TensorPtr, std::shared_ptr<const StringTensor>,
               std::shared_ptr<const Sequence>, std::shared_ptr<const Optional>,
               std::shared_ptr<const Map>>
      held_;
};

// Strings are bytes: UTF-8 by ONNX's rules, but nothing relies on it. Row-major. Move-only.
//
// The end of many strings, or of a long sequence, is left to the budget's discarder, if it has one.
struct StringTensor {
  // Charged to `budget`. REQUIRES: as many elements as `shape` has.
  static Result<StringTensor> Make(Shape shape, std::vector<std::string> elements,
                                   std::shared_ptr<MemoryBudget> budget = nullptr);
  // Of `budget`, with nothing charged to it: for elements that come one by one.
  explicit StringTensor(std::shared_ptr<MemoryBudget> budget = nullptr)
      : charge(std::move(budget)) {}
  StringTensor(StringTensor&&) noexcept = default;
  StringTensor& operator=(StringTensor&&) noexcept = default;
  ~StringTensor();

  // Room for `n` elements, charged to the budget. kTooLarge if that has none.
  Status Reserve(size_t n);
  // To be called before an element of so many bytes is added: charges them, a megabyte at a time.
  Status ChargeText(size_t n_bytes);
  // Charges what it has become.
  Status Charge();

  Shape shape;
  std::vector<std::string> elements;
  MemoryCharge charge;
  uint64_t uncharged_bytes = 0;
};

// Move-only.
struct Sequence {
  // Charged to `budget`: the list, not what it shares.
  static Result<Sequence> Make(ValueTypePtr element, std::vector<Value> elements,
                               std::shared_ptr<MemoryBudget> budget = nullptr);
  // Of `budget`, with nothing charged to it: for elements that come one by one.
  explicit Sequence(std::shared_ptr<MemoryBudget> budget = nullptr) : charge(std::move(budget)) {}
  Sequence(Sequence&&) noexcept = default;
  Sequence& operator=(Sequence&&) noexcept = default;
  ~Sequence();

  // Room for `n` elements, charged to the budget. kTooLarge if that has none.
  Status Reserve(size_t n);
  // Charges the list that it has become.
  Status Charge();

  ValueTypePtr element;  // null if not known
  std::vector<Value> elements;
  MemoryCharge charge;
};

// Lets `values` go, as a Sequence does: what takes long is left to the discarder of `budget`, which
// may be null.
void Discard(std::shared_ptr<MemoryBudget> budget, std::vector<Value> values);

struct Optional {
  ValueTypePtr element;  // null if not known
  Value value;           // empty: none
};

// Keys and values at the same places of two tensors of rank 1.
struct Map {
  Value keys;    // int64 or strings
  Value values;  // numbers or strings
};

// The type of a value; its dimensions too where it is a tensor.
ValueTypePtr TypeOf(const Value& value);

// kInvalidArgument, naming the input, what it allows and what came, unless `value` is of the type
// that `declared` allows; of tensors also as CheckInput(), and of those within as CheckTensor().
Status CheckValue(const ValueInfo& declared, const Value& value);

}  // namespace wnn
