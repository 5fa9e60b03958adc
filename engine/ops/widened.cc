#include "engine/ops/widened.h"

#include <algorithm>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/number_io.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

bool IsHalf(DType dtype) { return dtype == DType::kFloat16 || dtype == DType::kBfloat16; }

bool IsPacked(DType dtype) {
  const size_t bits = DTypeBits(dtype);
  return bits > 0 && bits < 8;
}

// The type by way of which `dtype` goes.
DType WideType(DType dtype) { return IsPacked(dtype) ? DType::kUint8 : DType::kFloat; }
size_t WideBytes(DType dtype) { return IsPacked(dtype) ? 1 : sizeof(float); }

// Elements [begin, end) of a tensor to the wide type and back.
void Widen(DType dtype, const std::byte* from, int64_t begin, int64_t end, std::byte* to) {
  if (IsPacked(dtype)) {
    kernels::UnpackBits(DTypeBits(dtype), from, begin, end - begin,
                        reinterpret_cast<uint8_t*>(to) + begin);
    return;
  }
  kernels::Visit(dtype, kernels::Types<kernels::Float16, kernels::Bfloat16>(), [&]<typename T>() {
    const T* values = reinterpret_cast<const T*>(from);
    auto* floats = reinterpret_cast<float*>(to);
    for (int64_t i = begin; i < end; ++i) floats[i] = kernels::Widen(values[i]);
    return 0;
  });
}

void Narrow(DType dtype, const std::byte* from, int64_t begin, int64_t end, std::byte* to) {
  if (IsPacked(dtype)) {
    kernels::PackBits(DTypeBits(dtype), reinterpret_cast<const uint8_t*>(from) + begin, begin,
                      end - begin, to);
    return;
  }
  kernels::Visit(dtype, kernels::Types<kernels::Float16, kernels::Bfloat16>(), [&]<typename T>() {
    const auto* floats = reinterpret_cast<const float*>(from);
    T* values = reinterpret_cast<T*>(to);
    for (int64_t i = begin; i < end; ++i) values[i] = kernels::Narrow<T>(floats[i]);
    return 0;
  });
}

constexpr uint64_t Aligned(uint64_t bytes) {
  return (bytes + kCacheLineBytes - 1) / kCacheLineBytes * kCacheLineBytes;
}

class WidenedOp final : public CompiledOp {
 public:
  // An input or output that is converted.
  struct Port {
    size_t index = 0;
    DType dtype = DType::kUndefined;
    int64_t n = 0;
    TensorPtr constant;  // widened
    uint64_t bytes() const { return Aligned(static_cast<uint64_t>(n) * WideBytes(dtype)); }
  };
  static constexpr size_t kMaxPorts = 32;

  WidenedOp(std::unique_ptr<const CompiledOp> op, std::vector<Port> inputs,
            std::vector<Port> outputs)
      : op_(std::move(op)), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}

  uint64_t ScratchBytes(int n_threads) const override {
    uint64_t bytes = Aligned(op_->ScratchBytes(n_threads));
    for (const Port& port : inputs_) bytes += port.constant ? 0 : port.bytes();
    for (const Port& port : outputs_) bytes += port.bytes();
    return bytes;
  }

  Status Run(const RunArgs& args) const override {
    std::array<const std::byte*, kMaxPorts> inputs;
    std::array<std::byte*, kMaxPorts> outputs;
    std::copy(args.inputs.begin(), args.inputs.end(), inputs.begin());
    std::copy(args.outputs.begin(), args.outputs.end(), outputs.begin());
    std::byte* memory = args.scratch;
    const auto take = [&](uint64_t bytes) {
      std::byte* taken = memory;
      memory += bytes;
      return taken;
    };
    RunArgs inner{std::span(inputs).first(args.inputs.size()),
                  std::span(outputs).first(args.outputs.size()),
                  take(Aligned(op_->ScratchBytes(args.parallel->n_threads()))), args.parallel};
    for (const Port& port : inputs_) {
      if (port.constant) {
        inputs[port.index] = port.constant->bytes().data();
        continue;
      }
      std::byte* wide = take(port.bytes());
      inputs[port.index] = wide;
      ForPieces(port, args, [&](int64_t begin, int64_t end) {
        Widen(port.dtype, args.inputs[port.index], begin, end, wide);
      });
    }
    for (const Port& port : outputs_) {
      if (outputs[port.index] != nullptr) outputs[port.index] = take(port.bytes());
    }
    WNN_RETURN_IF_ERROR(op_->Run(inner));
    for (const Port& port : outputs_) {
      if (outputs[port.index] == nullptr) continue;
      ForPieces(port, args, [&](int64_t begin, int64_t end) {
        Narrow(port.dtype, outputs[port.index], begin, end, args.outputs[port.index]);
      });
    }
    return OkStatus();
  }

 private:
  template <typename Body>
  static void ForPieces(const Port& port, const RunArgs& args, Body&& body) {
    kernels::ForRanges(*args.parallel, port.n, kernels::kElementsPerTask, body);
  }

  const std::unique_ptr<const CompiledOp> op_;
  const std::vector<Port> inputs_;
  const std::vector<Port> outputs_;
};

}  // namespace

bool HasHalfInput(const CompileContext& context) {
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    if (context.HasInput(i) && IsHalf(context.InputType(i))) return true;
  }
  return false;
}

bool HasPackedElements(const CompileContext& context) {
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    if (context.HasInput(i) && IsPacked(context.InputType(i))) return true;
  }
  return false;
}

bool ReadsPackedElements(const OpDef& op) {
  constexpr std::string_view kReaders[] = {"Cast", "CastLike", "DequantizeLinear",
                                           "GatherBlockQuantized", "QuantizeLinear"};
  return op.is_view || op.shape_only || std::ranges::count(kReaders, op.name) > 0;
}

Result<std::unique_ptr<const CompiledOp>> CompileWidened(const CompileContext& context,
                                                         CompileFn compile) {
  if (context.n_inputs() > WidenedOp::kMaxPorts || context.n_outputs() > WidenedOp::kMaxPorts) {
    return Unsupported("it has too many inputs or outputs for elements of this type");
  }
  // The node among values of its own.
  graph::Node node = context.node();
  std::vector<Fact> facts;
  std::vector<WidenedOp::Port> inputs, outputs;
  const auto add = [&](graph::ValueId& id, size_t index,
                       std::vector<WidenedOp::Port>& ports) -> Status {
    if (id == graph::kNoValue) return OkStatus();
    Fact fact = context.facts()[static_cast<size_t>(id)];
    id = static_cast<graph::ValueId>(facts.size());
    if (IsHalf(fact.dtype) || IsPacked(fact.dtype)) {
      const DType wide_type = WideType(fact.dtype);
      WidenedOp::Port port{index, fact.dtype, ShapeProduct(fact.ConcreteShape()), nullptr};
      if (fact.constant) {
        WNN_ASSIGN_OR_RETURN(Tensor wide, Tensor::Allocate(wide_type, fact.ConcreteShape()));
        InSteps(context.stop(), port.n, [&](int64_t begin, int64_t end) {
          Widen(port.dtype, fact.constant->bytes().data(), begin, end, wide.bytes().data());
        });
        port.constant = std::make_shared<const Tensor>(std::move(wide));
        fact.constant = port.constant;
      }
      fact.dtype = wide_type;
      ports.push_back(std::move(port));
    }
    facts.push_back(std::move(fact));
    return OkStatus();
  };
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    WNN_RETURN_IF_ERROR(add(node.inputs[i], i, inputs));
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    WNN_RETURN_IF_ERROR(add(node.outputs[i], i, outputs));
  }
  WNN_ASSIGN_OR_RETURN(std::unique_ptr<const CompiledOp> op,
                       compile(CompileContext(node, facts, nullptr, context.stop())));
  if (op == nullptr) return op;
  return std::unique_ptr<const CompiledOp>(
      std::make_unique<WidenedOp>(std::move(op), std::move(inputs), std::move(outputs)));
}

}  // namespace wnn::ops
