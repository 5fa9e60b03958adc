// Models in 16-bit floats: computed in single precision, for which the fast kernels are, with
// constants converted once. Values get a twin in float (twins.h); where one is wanted in 16 bits,
// as an output or by an operator that is not listed here, it is rounded.
#include <algorithm>
#include <array>

#include "engine/kernels/reference/convert.h"
#include "engine/ops/op_context.h"
#include "engine/ops/registry.h"
#include "engine/optimizer/rewrite.h"
#include "engine/optimizer/twins.h"

namespace wnn::optimizer {
namespace {

using graph::Fact;
using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

bool IsHalf(DType dtype) { return dtype == DType::kFloat16 || dtype == DType::kBfloat16; }

// Where most of the work is: a model without them stays as it is.
constexpr auto kHeavy =
    std::to_array<std::string_view>({"Conv", "ConvTranspose", "Gemm", "MatMul"});

// Operators that mean the same in float. Sorted.
constexpr auto kListed = std::to_array<std::string_view>({"Add",
                                                          "AveragePool",
                                                          "BatchNormalization",
                                                          "Clip",
                                                          "Concat",
                                                          "Conv",
                                                          "ConvTranspose",
                                                          "Div",
                                                          "Dropout",
                                                          "Elu",
                                                          "Erf",
                                                          "Exp",
                                                          "Expand",
                                                          "Flatten",
                                                          "Gather",
                                                          "Gelu",
                                                          "Gemm",
                                                          "GlobalAveragePool",
                                                          "GlobalMaxPool",
                                                          "HardSigmoid",
                                                          "HardSwish",
                                                          "Identity",
                                                          "InstanceNormalization",
                                                          "LRN",
                                                          "LayerNormalization",
                                                          "LeakyRelu",
                                                          "LogSoftmax",
                                                          "MatMul",
                                                          "MaxPool",
                                                          "Mish",
                                                          "Mul",
                                                          "Neg",
                                                          "PRelu",
                                                          "Pad",
                                                          "Pow",
                                                          "Reciprocal",
                                                          "ReduceMean",
                                                          "ReduceSum",
                                                          "Relu",
                                                          "Reshape",
                                                          "Resize",
                                                          "Selu",
                                                          "Sigmoid",
                                                          "Slice",
                                                          "Softmax",
                                                          "Softplus",
                                                          "Split",
                                                          "Sqrt",
                                                          "Squeeze",
                                                          "Sub",
                                                          "Sum",
                                                          "Tanh",
                                                          "Transpose",
                                                          "Unsqueeze",
                                                          "Where"});

NewNode Cast(DType dtype) {
  constexpr int kOpset = 13;
  graph::Attributes attributes;
  attributes.Set("to", static_cast<int64_t>(dtype));
  return {ops::FindOp("", "Cast", kOpset), kOpset, {}, {}, std::move(attributes)};
}

constexpr Twins::Form kFloat = {
    .name = "float",
    .to = [](const Fact&) { return Cast(DType::kFloat); },
    .from = [](const Fact& value) { return Cast(value.dtype); },
};

class WidenHalfPass {
 public:
  explicit WidenHalfPass(PassContext& context)
      : context_(context), graph_(context.graph()), twins_(context, kFloat) {}

  Status Run();

 private:
  bool IsConvertible(const Node& node) const;
  Status Convert(NodeId id);
  Result<ValueId> TwinOf(ValueId id);
  Result<Tensor> WidenConstant(const Fact& fact) const;

  PassContext& context_;
  graph::Graph& graph_;
  Twins twins_;
};

bool WidenHalfPass::IsConvertible(const Node& node) const {
  if (node.removed || !node.op->domain.empty()) return false;
  if (!std::binary_search(kListed.begin(), kListed.end(), node.op->name)) return false;
  for (const ValueId id : node.outputs) {
    // Float outputs are all 16-bit; a mask or indices may go with them.
    if (id != kNoValue && graph_.fact(id).dtype == DType::kUndefined) return false;
  }
  return std::any_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId id) { return id != kNoValue && IsHalf(graph_.fact(id).dtype); });
}

Result<Tensor> WidenHalfPass::WidenConstant(const Fact& fact) const {
  WNN_ASSIGN_OR_RETURN(Tensor wide, Tensor::Allocate(DType::kFloat, fact.ConcreteShape()));
  auto* to = reinterpret_cast<float*>(wide.bytes().data());
  const size_t n = wide.bytes().size() / sizeof(float);
  const auto convert = [&]<typename T>(const T* from) {
    for (size_t i = 0; i < n; ++i) to[i] = kernels::Widen(from[i]);
  };
  const std::byte* bytes = fact.constant->bytes().data();
  if (fact.dtype == DType::kFloat16) {
    convert(reinterpret_cast<const kernels::Float16*>(bytes));
  } else {
    convert(reinterpret_cast<const kernels::Bfloat16*>(bytes));
  }
  return wide;
}

Result<ValueId> WidenHalfPass::TwinOf(ValueId id) {
  const Fact& fact = graph_.fact(id);
  if (fact.constant && twins_.Find(id) == kNoValue) {
    WNN_ASSIGN_OR_RETURN(Tensor wide, WidenConstant(fact));
    twins_.Set(id, AddConstant(graph_, graph_.value(id).name + "/float", std::move(wide)));
  }
  return twins_.Get(id);
}

Status WidenHalfPass::Convert(NodeId id) {
  std::vector<ValueId> inputs = graph_.node(id).inputs;
  for (ValueId& input : inputs) {
    if (input == kNoValue || !IsHalf(graph_.fact(input).dtype)) continue;
    WNN_ASSIGN_OR_RETURN(input, TwinOf(input));
  }
  Node made = graph_.node(id);
  context_.Rewrote(made, "in single precision");
  graph_.RemoveNode(id);
  made.inputs = std::move(inputs);
  for (ValueId& output : made.outputs) {
    if (output == kNoValue || !IsHalf(graph_.fact(output).dtype)) continue;
    output = twins_.AddInside(output);
  }
  const NodeId added = graph_.AddNode(std::move(made));
  return ops::InferNode(graph_, graph_.node(added), graph_.facts());
}

Status WidenHalfPass::Run() {
  const size_t n_nodes = graph_.n_nodes();
  bool any_heavy = false;
  for (const Node& node : graph_.nodes()) {
    any_heavy = any_heavy || (IsConvertible(node) && std::ranges::count(kHeavy, node.op->name) > 0);
  }
  if (!any_heavy) return OkStatus();
  for (size_t i = 0; i < n_nodes; ++i) {
    WNN_RETURN_IF_ERROR(context_.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    if (IsConvertible(graph_.node(id))) WNN_RETURN_IF_ERROR(Convert(id));
  }
  return twins_.ConvertBack();
}

}  // namespace

Status WidenHalf(PassContext& context) { return WidenHalfPass(context).Run(); }

}  // namespace wnn::optimizer
