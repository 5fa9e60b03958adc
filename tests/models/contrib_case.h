// A model of one operator of ai.onnx.ml or com.microsoft with random numbers: `builtin` against
// `onnxruntime`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/checked_math.h"
#include "engine/testing/model_builder.h"
#include "tests/models/drawing.h"
#include "tests/models/real_models.h"

namespace wnn::testing {

using Ints = std::vector<int64_t>;
using Int32s = std::vector<int32_t>;
using FloatList = std::vector<float>;
using Attributes = std::vector<BuilderAttribute>;

inline constexpr DType kF = DType::kFloat, kI = DType::kInt64, kS = DType::kString,
                       kByte = DType::kUint8, kInt = DType::kInt32, kNone = DType::kUndefined,
                       kUnseen = DType::kComplex128;

// Numbers in [-1, 1), and bytes.
FloatList RandomList(int64_t n, uint32_t seed);
std::vector<uint8_t> RandomBytes(int64_t n, uint32_t seed);

// A model of one node (or more) and the tensors that it gets.
class Case {
 public:
  explicit Case(const char* domain);

  // Numbers in [-scale, scale).
  Case& Random(Shape dims, float scale = 1);
  template <typename T>
  Case& Add(DType dtype, Shape dims, const std::vector<T>& values) {
    const std::string name = "x" + std::to_string(names_.size());
    model_.Input(name, dtype, {dims.begin(), dims.end()});
    const auto bytes = std::as_bytes(std::span(values));
    inputs_.push_back({dtype, std::move(dims), {bytes.begin(), bytes.end()}});
    names_.push_back(name);
    return *this;
  }
  // Strings, made from numbers in the model.
  Case& Strings(Shape dims, const std::vector<std::string>& strings);
  // A constant.
  template <typename T>
  Case& Constant(Shape dims, const std::vector<T>& values) {
    names_.push_back("w" + std::to_string(names_.size()));
    model_.Initializer<T>(names_.back(), dims, values);
    return *this;
  }
  Case& RandomConstant(Shape dims, float scale = 1);
  Case& LeftOut();

  // Strings of outputs are compared as numbers, all as one but these.
  Case& Vocabulary(std::vector<std::string> words);
  // The node, of all inputs so far. `outputs`: the types of those that are compared; kUndefined for
  // one that is left out, kUnseen for one that is made and not compared.
  Case& Node(const char* op, const std::vector<DType>& outputs, const Attributes& attributes = {});

  void ExpectEqual(double tolerance = 1e-5) const { ExpectEqualTo(*this, tolerance); }
  // The same, of what `builtin` makes of this case and `onnxruntime` of the other.
  void ExpectEqualTo(const Case& other, double tolerance = 1e-5) const;

 private:
  void OutputOf(const std::string& name, DType dtype);
  Result<std::vector<OutputNumbers>> Compute(const runtimes::Runtime& runtime) const;

  const char* const domain_;
  ModelBuilder model_{17};
  std::vector<std::string> names_;
  std::vector<ModelInput> inputs_;
  std::vector<std::string> vocabulary_ = {"a", "b", "c"};
  uint32_t seed_ = 0;
};

}  // namespace wnn::testing
