// Models of one operator each that take long on large inputs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/tensor/tensor.h"
#include "tests/support/model_bytes.h"

namespace wnn::testing {

struct Input {
  DType dtype = DType::kFloat;
  Shape big;    // takes long
  Shape small;  // takes no time
};

// A model whose inputs are x0, x1 and so on, and whose output is y.
struct Work {
  std::string name;
  std::string model;
  std::vector<Input> inputs;
};

inline std::string NameOf(size_t i) { return "x" + std::to_string(i); }

// `nodes` compute y of type `out`, or of whatever type it is of; every input's dimensions are
// symbols.
inline Work Of(std::string name, const std::string& nodes, std::vector<Input> inputs,
               DType out = DType::kFloat, uint64_t opset = 20) {
  std::string graph =
      nodes +
      Bytes(12, Bytes(1, "y") + (out == DType::kUndefined
                                     ? std::string()
                                     : Bytes(2, Bytes(1, Number(1, static_cast<uint64_t>(out))))));
  int64_t symbol = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::vector<int64_t> dims;
    // Dimensions that are never larger belong to the model.
    for (size_t d = 0; d < inputs[i].big.size(); ++d) {
      const bool same = inputs[i].big[d] == inputs[i].small[d];
      dims.push_back(same ? inputs[i].big[d] : --symbol);
    }
    graph += GraphInput(NameOf(i), inputs[i].dtype, dims);
  }
  const std::string domains = Bytes(8, Bytes(1, "ai.onnx.ml") + Number(2, 5)) +
                              Bytes(8, Bytes(1, "com.microsoft") + Number(2, 1));
  return {std::move(name), Model(graph, opset) + domains, std::move(inputs)};
}

// y = op(x0, x1, ...).
inline Work Op(const std::string& op, std::vector<Input> inputs, const std::string& attributes = "",
               DType out = DType::kFloat, uint64_t opset = 20, const std::string& label = "") {
  std::vector<std::string> names;
  for (size_t i = 0; i < inputs.size(); ++i) names.push_back(NameOf(i));
  return Of(label.empty() ? op : op + ", " + label, Node(op, names, {"y"}, attributes),
            std::move(inputs), out, opset);
}
// The same with inputs from `more`, initialisers, after x0.
inline Work OpWith(const std::string& op, const Input& input, const std::vector<std::string>& names,
                   const std::string& more, const std::string& attributes = "",
                   DType out = DType::kFloat, uint64_t opset = 20, const std::string& label = "") {
  std::vector<std::string> all = {"x0"};
  all.insert(all.end(), names.begin(), names.end());
  return Of(label.empty() ? op : op + ", " + label, more + Node(op, all, {"y"}, attributes),
            {input}, out, opset);
}

inline Input Floats(Shape big, Shape small) {
  return {DType::kFloat, std::move(big), std::move(small)};
}
inline Input Int64Input(Shape big, Shape small) {
  return {DType::kInt64, std::move(big), std::move(small)};
}
inline Input ByteInput(Shape big, Shape small) {
  return {DType::kUint8, std::move(big), std::move(small)};
}

inline constexpr int64_t kFloats = 500'000'000;  // of a tensor that is as large as may be
inline constexpr int64_t kHalf = kFloats / 2;

// Of domains other than ai.onnx: works_of_domains.cc.
std::vector<Work> MlWorks();
std::vector<Work> MicrosoftWorks();
std::vector<Work> TextWorks();
std::vector<Work> SequenceWorks();

}  // namespace wnn::testing
