// A value of ONNX's backend suite, as its .pb files store it: a tensor, or what is made of tensors.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/tensor/tensor.h"

namespace wnn::conformance {

enum class Kind { kTensor, kStrings, kSequence, kOptional, kMap };

struct CaseValue {
  Kind kind = Kind::kTensor;
  Tensor tensor;                     // kTensor
  Shape shape;                       // kStrings
  std::vector<std::string> strings;  // kStrings: as many as `shape` says
  // kSequence: its elements. kOptional: one, or none if it is empty. kMap: its keys, a tensor of
  // rank 1, and a sequence of its values.
  std::vector<CaseValue> items;
};

// What a model declares an input or output to be.
struct Declared {
  Kind kind = Kind::kTensor;
  bool is_bfloat16 = false;
};

// The inputs that a caller gives (those without an initialiser) and the outputs of a model.
struct Signature {
  std::vector<Declared> inputs;
  std::vector<Declared> outputs;
};

// kInvalidEncoding if `model` is not an ONNX model.
Result<Signature> ReadSignature(std::span<const std::byte> model);

// The value of that kind in a .pb file: TensorProto, SequenceProto, OptionalProto or MapProto.
Result<CaseValue> ReadValue(Kind kind, std::span<const std::byte> bytes);
// The same; but where bfloat16 is declared, a tensor of uint16 is the bits: onnx before 1.17, whose
// numpy had no such type, wrote it so.
Result<CaseValue> ReadValue(const Declared& declared, std::span<const std::byte> bytes);

// Fails, saying where and by how much, unless `actual` is `expected`: floating-point numbers when
// |actual - expected| <= atol + rtol |expected|, everything else exactly; NaN equals NaN.
Status Compare(const CaseValue& actual, const CaseValue& expected, double rtol, double atol);

}  // namespace wnn::conformance
