// What is known of a value before it is computed: its type, its shape, perhaps the value itself.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor/tensor.h"
#include "engine/tensor/value.h"

namespace wnn::graph {

using wnn::TensorPtr;

// Knowledge grows as: nothing -> type -> rank -> dimensions -> constant. Invariant: with a
// constant, type and dimensions are the constant's.
struct Fact {
  DType dtype = DType::kUndefined;
  bool has_rank = false;
  std::vector<Dim> dims;
  TensorPtr constant;
  // Of a sequence, an optional or a map, whose dtype and dimensions stay unknown; null for a tensor
  // and for what may be anything.
  ValueTypePtr container;
  Value object;  // the constant where it is not a dense tensor: strings, a container

  static Fact Unranked(DType dtype);
  static Fact Ranked(DType dtype, std::vector<Dim> dims);
  static Fact Concrete(DType dtype, std::span<const int64_t> shape);
  static Fact Constant(TensorPtr tensor);
  static Fact Constant(Value value);
  // What the type says.
  static Fact OfType(const ValueType& type);
  // Type and dimensions of a value, not the value.
  static Fact OfValue(const Value& value);

  bool IsConstant() const { return constant != nullptr || !object.empty(); }
  // The constant; empty if it is not known.
  Value ConstantValue() const { return constant != nullptr ? Value(constant) : object; }
  // What the fact says of the type, as an element of a container.
  ValueTypePtr ElementType() const;

  size_t rank() const { return dims.size(); }  // REQUIRES: has_rank
  // A tensor (of strings, perhaps) whose type and every dimension are known.
  bool IsConcrete() const;
  // REQUIRES: IsConcrete()
  Shape ConcreteShape() const;
  // "float[N, 3, 224, 224]", "seq(float[...])".
  std::string ToString() const;
};

inline Dim KnownDim(int64_t value) { return {value, {}}; }
inline Dim UnknownDim() { return {}; }
inline bool IsKnown(const Dim& dim) { return dim.value >= 0; }
// Certainly the same extent: equal numbers or equal symbols.
bool SameDim(const Dim& a, const Dim& b);

// Bounds that keep shape arithmetic from overflowing, far above what any tensor can have.
inline constexpr size_t kMaxRank = 64;
inline constexpr int64_t kMaxExtent = int64_t{1} << 40;

// kTooLarge, saying what, when rank, an extent or the size in bytes is out of bounds.
Status CheckSize(const Fact& fact);

// The integers of a constant int64 or int32 tensor of rank 0 or 1; nothing if it is not constant.
// kInvalidArgument for another type or a higher rank.
Result<std::optional<std::vector<int64_t>>> ConstantInts(const Fact& fact);

// An int64 tensor of rank 1.
Result<TensorPtr> MakeInt64Tensor(std::span<const int64_t> values);

}  // namespace wnn::graph
