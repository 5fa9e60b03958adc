#include "host/abi/witx/calls.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/aligned_buffer.h"
#include "engine/base/checked_math.h"
#include "host/abi/witx/arguments.h"
#include "host/abi/witx/types.h"

namespace wnn::abi {
namespace {

// Sizes and offsets of witx's records in guest memory.
constexpr uint32_t kBuilderBytes = 8;  // data_ptr, data_len
constexpr uint32_t kTensorBytes = 20;
constexpr uint32_t kTensorDimsPtr = 0;
constexpr uint32_t kTensorDimsLen = 4;
constexpr uint32_t kTensorType = 8;  // one byte; some bindings leave the three after it unset
constexpr uint32_t kTensorDataPtr = 12;
constexpr uint32_t kTensorDataLen = 16;

uint32_t LoadU32(std::span<const std::byte> record, size_t offset) {
  uint32_t value;
  std::memcpy(&value, record.data() + offset, sizeof(value));
  return value;
}

// Bytes that do not change between a check and their use, whatever the guest's other threads write:
// `bytes`, or, from a shared memory, a copy in `copy`.
Result<std::span<const std::byte>> Settled(const GuestMemory& memory,
                                           std::span<const std::byte> bytes, AlignedBuffer& copy) {
  if (!memory.is_shared()) return bytes;
  WNN_ASSIGN_OR_RETURN(copy, AlignedBuffer::Allocate(bytes.size()));
  if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
  return std::span<const std::byte>(copy.bytes());
}

// What hosts of the old dialect made of no bytes: a graph whose execution contexts fail.
class EmptyGraph final : public runtimes::Graph {
 public:
  std::span<const ValueInfo> inputs() const override { return {}; }
  std::span<const ValueInfo> outputs() const override { return {}; }
  Result<std::unique_ptr<runtimes::Context>> NewContext(
      std::shared_ptr<MemoryBudget> /*budget*/) const override {
    return InvalidEncoding("the graph was loaded from no bytes");
  }
};

Result<nn::Handle> LoadModel(WitxCall& call, std::span<const std::byte> model,
                             nn::Encoding encoding, std::optional<runtimes::Target> target) {
  const bool may_be_onnx = encoding == nn::Encoding::kOnnx || encoding == nn::Encoding::kAutodetect;
  if (call.dialect == WitxDialect::kOld && model.empty() && may_be_onnx) {
    return call.session.PublishGraph(std::make_shared<EmptyGraph>());
  }
  if (target) return call.session.Load(model, encoding, *target);
  // Auto, as for models that the host names: the GPU if there is one for the model, else the CPU.
  auto graph = call.session.Load(model, encoding, runtimes::Target::kGpu);
  if (graph || graph.error().code() != Code::kUnsupportedOperation) return graph;
  return call.session.Load(model, encoding, runtimes::Target::kCpu);
}

// load(builders_ptr, builders_len, encoding, target, out_graph)
Status Load(WitxCall& call, const uint32_t* args) {
  const uint32_t n_builders = args[1];
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[4], 4, "the graph's result"));
  WNN_ASSIGN_OR_RETURN(nn::Encoding encoding, EncodingFromWitx(args[2]));
  WNN_ASSIGN_OR_RETURN(std::optional<runtimes::Target> target, TargetFromWitx(args[3]));
  if (n_builders != 1) {
    return InvalidArgument("an ONNX model is one builder, but " + std::to_string(n_builders) +
                           " came");
  }
  WNN_ASSIGN_OR_RETURN(auto builder,
                       call.memory.Bytes(args[0], kBuilderBytes, "the builder array"));
  const uint32_t data = LoadU32(builder, 0);
  const uint32_t size = LoadU32(builder, 4);
  WNN_ASSIGN_OR_RETURN(auto bytes, call.memory.Bytes(data, size, "the model"));
  AlignedBuffer copy;
  WNN_ASSIGN_OR_RETURN(auto model, Settled(call.memory, bytes, copy));
  WNN_ASSIGN_OR_RETURN(nn::Handle graph, LoadModel(call, model, encoding, target));
  StoreU32(out, graph);
  return OkStatus();
}

// load_by_name(name_ptr, name_len, out_graph)
Status LoadByName(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[2], 4, "the graph's result"));
  WNN_ASSIGN_OR_RETURN(std::string name, ReadText(call, args[0], args[1], "the graph's name"));
  WNN_ASSIGN_OR_RETURN(nn::Handle graph, call.session.LoadByName(name));
  StoreU32(out, graph);
  return OkStatus();
}

// load_by_name_with_config(name_ptr, name_len, config_ptr, config_len, out_graph). Other hosts'
// configurations steer language models; none of their keys means anything to an ONNX model.
Status LoadByNameWithConfig(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[4], 4, "the graph's result"));
  WNN_ASSIGN_OR_RETURN(std::string name, ReadText(call, args[0], args[1], "the graph's name"));
  WNN_ASSIGN_OR_RETURN(std::string config,
                       ReadText(call, args[2], args[3], "the graph's configuration"));
  WNN_ASSIGN_OR_RETURN(nn::Handle graph, call.session.LoadByName(name));
  if (!config.empty()) {
    call.session.environment().log().Log(
        LogLevel::kInfo, "the configuration of graph '" + name + "' has no effect here");
  }
  StoreU32(out, graph);
  return OkStatus();
}

// init_execution_context(graph, out_context)
Status InitExecutionContext(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[1], 4, "the context's result"));
  WNN_ASSIGN_OR_RETURN(nn::Handle context, call.session.InitExecutionContext(args[0]));
  StoreU32(out, context);
  return OkStatus();
}

// The tensor's type as the model's input `index` takes it.
Result<DType> TypeOfInput(const WitxCall& call, nn::Handle context, uint32_t index,
                          const GivenTensor& tensor) {
  WNN_ASSIGN_OR_RETURN(auto graph, call.session.GraphOf(context));
  // An input that does not exist is the runtime's to refuse.
  static const ValueInfo kUndeclared;
  const ValueInfo& declared = index < graph->inputs().size() ? graph->inputs()[index] : kUndeclared;
  WNN_ASSIGN_OR_RETURN(DType dtype, DTypeFromTensorType(call.dialect, tensor, declared.dtype));
  const auto types = TensorTypes(call.dialect);
  const bool has_number = declared.dtype == DType::kUndefined ||
                          std::ranges::find(types, declared.dtype) != types.end();
  if (dtype != declared.dtype && !has_number) {
    return InvalidArgument("input '" + declared.name + "' is " + ValueInfoToString(declared) +
                           ", a type without a number in witx: give its elements' bytes as u8");
  }
  return dtype;
}

}  // namespace

// set_input(context, index, tensor)
Status SetInput(WitxCall& call, const uint32_t* args) {
  const GuestMemory& memory = call.memory;
  WNN_ASSIGN_OR_RETURN(auto tensor, memory.Bytes(args[2], kTensorBytes, "the tensor"));
  const uint32_t n_dims = LoadU32(tensor, kTensorDimsLen);
  const uint32_t data_bytes = LoadU32(tensor, kTensorDataLen);
  const auto tag = static_cast<uint8_t>(tensor[kTensorType]);
  WNN_ASSIGN_OR_RETURN(auto dims_bytes,
                       memory.Bytes(LoadU32(tensor, kTensorDimsPtr), uint64_t{n_dims} * 4,
                                    "the tensor's dimensions"));
  WNN_ASSIGN_OR_RETURN(
      auto bytes, memory.Bytes(LoadU32(tensor, kTensorDataPtr), data_bytes, "the tensor's data"));
  const uint64_t max_rank = call.session.environment().options().limits.max_rank;
  if (n_dims > max_rank) {
    return TooLarge("the tensor has " + std::to_string(n_dims) + " dimensions, the limit is " +
                    std::to_string(max_rank));
  }
  // On the stack, but for ranks that only a raised limit allows: an inference allocates nothing.
  std::array<int64_t, Limits().max_rank> usual_dims;
  Shape more_dims(n_dims > usual_dims.size() ? n_dims : 0);
  const std::span<int64_t> dims =
      more_dims.empty() ? std::span(usual_dims).first(n_dims) : std::span(more_dims);
  for (uint32_t i = 0; i < n_dims; ++i) dims[i] = LoadU32(dims_bytes, size_t{i} * 4);
  const auto n_elements = ElementCount(dims);
  if (!n_elements) return InvalidArgument("the tensor's dimensions are too large to count");
  WNN_ASSIGN_OR_RETURN(DType dtype,
                       TypeOfInput(call, args[0], args[1], {tag, *n_elements, data_bytes}));
  AlignedBuffer copy;
  std::span<const std::byte> data = bytes;
  if (dtype == DType::kBool) {  // whose values are checked
    WNN_ASSIGN_OR_RETURN(data, Settled(memory, bytes, copy));
  }
  return call.session.SetInput(args[0], args[1], {dtype, dims, data});
}

namespace {

// compute(context)
Status Compute(WitxCall& call, const uint32_t* args) { return call.session.Compute(args[0]); }

}  // namespace

// get_output(context, index, buffer, buffer_bytes, out_bytes_written)
Status GetOutput(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[4], 4, "the written size's result"));
  WNN_ASSIGN_OR_RETURN(auto buffer, call.memory.Bytes(args[2], args[3], "the output's buffer"));
  size_t needed = 0;
  auto written = call.session.GetOutput(args[0], args[1], buffer, &needed);
  // A buffer that is too small learns the size that it must have.
  if (written || written.error().code() == Code::kTooLarge) {
    constexpr size_t kMaxU32 = std::numeric_limits<uint32_t>::max();
    StoreU32(out, static_cast<uint32_t>(std::min(needed, kMaxU32)));
  }
  return written ? OkStatus() : std::move(written.error());
}

namespace {

// unload(graph)
Status Unload(WitxCall& call, const uint32_t* args) { return call.session.Unload(args[0]); }

// finalize_execution_context(context)
Status FinalizeExecutionContext(WitxCall& call, const uint32_t* args) {
  return call.session.FinalizeExecutionContext(args[0]);
}

// compute_single(context), get_output_single(context, index, buffer, buffer_bytes,
// out_bytes_written), fini_single(context)
Status RefuseStreaming(WitxCall& /*call*/, const uint32_t* /*args*/) {
  return Unsupported(
      "token by token is for language models of other hosts; ONNX models compute "
      "with compute and get_output");
}

constexpr WitxFunction kFunctions[] = {
    {"load", 5, Load},
    {"load_by_name", 3, LoadByName},
    {"init_execution_context", 2, InitExecutionContext},
    {"set_input", 3, SetInput},
    {"compute", 1, Compute},
    {"get_output", 5, GetOutput, kTellsSize},
    // Of WasmEdge and WAMR.
    {"load_by_name_with_config", 5, LoadByNameWithConfig},
    {"unload", 1, Unload},
    {"finalize_execution_context", 1, FinalizeExecutionContext},
    {"compute_single", 1, RefuseStreaming},
    {"get_output_single", 5, RefuseStreaming},
    {"fini_single", 1, RefuseStreaming},
};

}  // namespace

std::span<const WitxFunction> WitxFunctions() { return kFunctions; }

}  // namespace wnn::abi
