#include "fuzz/models.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "fuzz/model_text.h"
#include "fuzz/mutations.h"
#include "fuzz/operator_models.h"
#include "tests/support/model_bytes.h"

namespace wnn::fuzz {
namespace {

using testing::Bytes;
using testing::GraphInput;
using testing::GraphOutput;
using testing::Initializer;
using testing::Int64s;
using testing::IntAttribute;
using testing::IntsAttribute;
using testing::Model;
using testing::Node;
using testing::Number;

std::string Floats(const std::string& name, const std::vector<int64_t>& dims) {
  int64_t n = 1;
  for (int64_t dim : dims) n *= dim;
  std::vector<float> values;
  for (int64_t i = 0; i < n; ++i) values.push_back(static_cast<float>(i % 7) * 0.25f - 0.5f);
  return Initializer(name, DType::kFloat, dims, values);
}
// A float model with one input and one output.
std::string One(const std::string& nodes, const std::vector<int64_t>& x,
                const std::vector<int64_t>& y, DType out = DType::kFloat) {
  return Model(nodes + GraphInput("x", DType::kFloat, x) + GraphOutput("y", out, y));
}

// y = f(x) with a function of the model's own: f(a) = a + a.
std::string FunctionModel() {
  const std::string function =
      Bytes(25, Bytes(1, "twice") + Bytes(4, "a") + Bytes(5, "b") +
                    Bytes(7, Bytes(1, "a") + Bytes(1, "a") + Bytes(2, "b") + Bytes(4, "Add")) +
                    Bytes(9, Number(2, 17)) + Bytes(10, "own"));
  return One(Bytes(1, Bytes(1, "x") + Bytes(2, "y") + Bytes(4, "twice") + Bytes(7, "own")), {3},
             {3}) +
         function + Bytes(8, Bytes(1, "own") + Number(2, 1));
}

}  // namespace

std::vector<std::string> MoreSeedModels() {
  std::vector<std::string> all = SeedModels();
  all.push_back(FunctionModel());
  for (std::string_view text : OperatorTexts()) all.push_back(ModelFromText(text));
  return all;
}

std::vector<std::string> SeedModels() {
  const std::vector<int64_t> image = {1, 3, 8, 8};
  return {
      One(Node("Relu", {"x"}, {"a"}) + Node("Add", {"a", "x"}, {"y"}), {-1, 3}, {-1, 3}),
      One(Floats("w", {8, 3, 3, 3}) + Floats("b", {8}) +
              Node("Conv", {"x", "w", "b"}, {"a"}, IntsAttribute("pads", {1, 1, 1, 1})) +
              Node("Relu", {"a"}, {"r"}) + Node("GlobalAveragePool", {"r"}, {"y"}),
          image, {1, 8, 1, 1}),
      One(Floats("w", {3, 1, 3, 3}) + Node("Conv", {"x", "w"}, {"a"}, IntAttribute("group", 3)) +
              Node("MaxPool", {"a"}, {"y"},
                   IntsAttribute("kernel_shape", {2, 2}) + IntsAttribute("strides", {2, 2})),
          image, {1, 3, 3, 3}),
      One(Floats("w", {4, 5}) + Floats("c", {5}) + Node("Gemm", {"x", "w", "c"}, {"a"}) +
              Node("Softmax", {"a"}, {"y"}),
          {2, 4}, {2, 5}),
      One(Floats("w", {2, 4, 3}) + Node("MatMul", {"x", "w"}, {"y"}), {2, 3, 4}, {2, 3, 3}),
      One(Int64s("s", {2, -1}) + Node("Reshape", {"x", "s"}, {"a"}) +
              Node("Transpose", {"a"}, {"y"}, IntsAttribute("perm", {1, 0})),
          {4, 3}, {6, 2}),
      One(Int64s("i", {2, 0, -1}) + Node("Gather", {"x", "i"}, {"y"}, IntAttribute("axis", 0)),
          {4, 2}, {3, 2}),
      One(Int64s("b", {1}) + Int64s("e", {100}) + Int64s("a", {0}) +
              Node("Slice", {"x", "b", "e", "a"}, {"s"}) +
              Node("Concat", {"s", "x"}, {"y"}, IntAttribute("axis", 0)),
          {4, 2}, {7, 2}),
      One(Int64s("s", {3, 4}) + Node("Expand", {"x", "s"}, {"a"}) +
              Node("ReduceSum", {"a"}, {"y"}, IntAttribute("keepdims", 1)),
          {1, 4}, {1, 1}),
      One(Node("Shape", {"x"}, {"s"}) + Node("ConstantOfShape", {"s"}, {"z"}) +
              Node("Sub", {"x", "z"}, {"y"}),
          {-1, 3}, {-1, 3}),
      One(Int64s("p", {0, 1, 0, 1}) + Node("Pad", {"x", "p"}, {"a"}) + Node("Clip", {"a"}, {"y"}),
          {2, 3}, {2, 5}),
      One(Int64s("k", {2}) + Node("TopK", {"x", "k"}, {"y", "i"}, IntAttribute("axis", -1)), {3, 4},
          {3, 2}),
      One(Floats("s", {3}) + Floats("b", {3}) + Floats("m", {3}) +
              Initializer<float>("v", DType::kFloat, {3}, {1, 2, 3}) +
              Node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"}),
          image, image),
      One(Node("Cast", {"x"}, {"y"}, IntAttribute("to", 7)), {5}, {5}, DType::kInt64),
      One(Int64s("i", {1, 0}) + Int64s("r", {2}) + Node("Tile", {"x", "r"}, {"t"}) +
              Node("GatherElements", {"t", "i"}, {"y"}),
          {3}, {2}),
      One(Node("ArgMax", {"x"}, {"y"}, IntAttribute("axis", 1)), {2, 5}, {2, 1}, DType::kInt64),
      One(Int64s("t", {0}) + Node("CumSum", {"x", "t"}, {"y"}), {4, 2}, {4, 2}),
      One(Node("Split", {"x"}, {"a", "b"}, IntAttribute("axis", 1)) +
              Node("Mul", {"a", "b"}, {"y"}),
          {2, 4}, {2, 2}),
  };
}

std::string MutateModel(const std::string& model, std::mt19937& random) {
  static const std::vector<std::string> seeds = MoreSeedModels();
  if (random() % 4 == 0) return Splice(model, seeds[random() % seeds.size()], random);
  return MutateMessage(model, random);
}

Limits FuzzLimits() {
  Limits limits;
  limits.max_model_bytes = 1 << 20;
  limits.max_nodes = 200;
  limits.max_fields = 20'000;
  limits.max_tensor_bytes = 1 << 20;
  limits.max_memory_bytes = 16 << 20;
  return limits;
}

Result<std::vector<Tensor>> RunOnce(const runtimes::Runtime& runtime,
                                    std::span<const std::byte> model) {
  StopCondition stop;
  stop.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  runtimes::LoadOptions load;
  load.limits = FuzzLimits();
  load.stop = stop;
  WNN_ASSIGN_OR_RETURN(auto graph, runtime.Load(model, load));
  WNN_ASSIGN_OR_RETURN(auto context, graph->NewContext());
  for (size_t i = 0; i < graph->inputs().size(); ++i) {
    const ValueInfo& info = graph->inputs()[i];
    Shape shape;
    uint64_t n_elements = 1;
    for (const Dim& dim : info.dims) {
      shape.push_back(dim.value >= 0 ? dim.value : 2);
      if (shape.back() > 4096) return TooLarge("an input that is not worth a try");
      n_elements *= static_cast<uint64_t>(shape.back());
      if (n_elements > 1 << 16) return TooLarge("an input that is not worth a try");
    }
    WNN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(info.dtype, shape));
    for (size_t b = 0; b < tensor.bytes().size(); ++b) tensor.bytes()[b] = std::byte{0};
    if (info.dtype == DType::kFloat) {
      for (size_t e = 0; e < tensor.bytes().size() / 4; ++e) {
        const float value = static_cast<float>(e % 11) * 0.5f - 2;
        std::memcpy(tensor.bytes().data() + e * 4, &value, 4);
      }
    }
    WNN_RETURN_IF_ERROR(context->SetInput(i, tensor.view()));
  }
  WNN_RETURN_IF_ERROR(context->Compute(stop));
  std::vector<Tensor> outputs;
  for (size_t i = 0; i < graph->outputs().size(); ++i) {
    WNN_ASSIGN_OR_RETURN(const TensorView view, context->Output(i));
    WNN_ASSIGN_OR_RETURN(Tensor copy, Tensor::CopyOf(view));
    outputs.push_back(std::move(copy));
  }
  return outputs;
}

bool IsRandom(std::string_view model) {
  constexpr std::string_view kWords[] = {"Random", "Bernoulli", "Multinomial", "Dropout"};
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return model.find(word) != std::string_view::npos; });
}

bool ComparesRuns() {
  const char* word = std::getenv("WNN_FUZZ_COMPARE");
  return word == nullptr || std::string_view(word) != "no";
}

std::string Difference(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  if (a.size() != b.size()) return "the number of outputs";
  for (size_t i = 0; i < a.size(); ++i) {
    const std::string type = TensorTypeToString(a[i].dtype(), a[i].shape());
    const std::string other = TensorTypeToString(b[i].dtype(), b[i].shape());
    if (type != other) return type + " and " + other;
    // Whole numbers may come of rounding that differs: only their type and shape are compared.
    if (a[i].dtype() != DType::kFloat) continue;
    for (size_t e = 0; e < a[i].bytes().size() / sizeof(float); ++e) {
      float x = 0;
      float y = 0;
      std::memcpy(&x, a[i].bytes().data() + e * sizeof(float), sizeof(float));
      std::memcpy(&y, b[i].bytes().data() + e * sizeof(float), sizeof(float));
      if (!std::isfinite(x) || !std::isfinite(y)) continue;
      if (std::abs(x - y) > 1e-2f + 1e-2f * std::abs(y)) {
        return type + " at " + std::to_string(e) + ": " + std::to_string(x) + " and " +
               std::to_string(y);
      }
    }
  }
  return "";
}

}  // namespace wnn::fuzz
