#include "host/runtimes/onnxruntime/graph.h"

#include <onnxruntime_session_options_config_keys.h>

#include <algorithm>
#include <utility>

#include "engine/base/aligned_buffer.h"
#include "host/runtimes/onnxruntime/context.h"
#include "host/runtimes/onnxruntime/cuda.h"
#include "host/runtimes/onnxruntime/scalar_inputs.h"

namespace wnn::runtimes {
namespace {

Result<OrtSessionOptionsHandle> MakeSessionOptions(const OnnxRuntimeLibrary& library,
                                                   const LoadOptions& options) {
  const OrtApi* api = library.api;
  WNN_ASSIGN_OR_RETURN(auto session_options, OrtMake<OrtSessionOptionsHandle>(api, [&](auto** out) {
                         return api->CreateSessionOptions(out);
                       }));
  OrtSessionOptions* raw = session_options.get();
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, api->SetIntraOpNumThreads(raw, options.n_threads)));
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, api->SetInterOpNumThreads(raw, 1)));
  WNN_RETURN_IF_ERROR(
      FromOrtStatus(api, api->SetSessionGraphOptimizationLevel(raw, ORT_ENABLE_ALL)));
  // All sessions allocate from the environment's arena, which has a limit.
  WNN_RETURN_IF_ERROR(FromOrtStatus(
      api, api->AddSessionConfigEntry(raw, kOrtSessionOptionsConfigUseEnvAllocators, "1")));
  // A load cannot be stopped: what it would compute ahead is left to computes, which can.
  const bool has_deadline = options.stop.deadline || options.stop.cancel != nullptr;
  if (has_deadline && options.external == nullptr) {
    WNN_RETURN_IF_ERROR(FromOrtStatus(
        api, api->AddSessionConfigEntry(raw, kOrtSessionOptionsDisableSpecifiedOptimizers,
                                        "ConstantFolding")));
  }
  // Its own format would get past whoever checked the bytes as ONNX.
  WNN_RETURN_IF_ERROR(FromOrtStatus(
      api, api->AddSessionConfigEntry(raw, kOrtSessionOptionsConfigLoadModelFormat, "ONNX")));
  if (options.target == Target::kGpu) {
    WNN_RETURN_IF_ERROR(AddCuda(library, options.limits.max_memory_bytes, raw));
  }
  return session_options;
}

// A model's external files, whole and in memory: ONNX Runtime opens none itself.
struct ExternalFiles {
  std::vector<AlignedBuffer> bytes;
  std::vector<const char*> names;  // borrowed from the options
  std::vector<char*> data;
  std::vector<size_t> sizes;
};

Result<ExternalFiles> ReadExternalFiles(const LoadOptions& options) {
  ExternalFiles files;
  for (const std::string& name : options.external_files) {
    WNN_ASSIGN_OR_RETURN(const uint64_t size, options.external->SizeOf(name));
    WNN_ASSIGN_OR_RETURN(AlignedBuffer bytes, AlignedBuffer::Allocate(static_cast<size_t>(size)));
    WNN_RETURN_IF_ERROR(options.external->Read(name, 0, bytes.bytes()));
    files.names.push_back(name.c_str());
    files.data.push_back(reinterpret_cast<char*>(bytes.data()));
    files.sizes.push_back(bytes.size());
    files.bytes.push_back(std::move(bytes));
  }
  return files;
}

// A name that ONNX Runtime allocates, as a string of ours.
template <typename GetName>
Result<std::string> TakeName(const OrtApi* api, GetName get_name) {
  OrtAllocator* allocator = nullptr;
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, api->GetAllocatorWithDefaultOptions(&allocator)));
  char* name = nullptr;
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, get_name(allocator, &name)));
  std::string copy(name);
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, api->AllocatorFree(allocator, name)));
  return copy;
}

// `must_be_tensor`: else what is none has no type.
Result<ValueInfo> DescribeTensor(const OrtApi* api, std::string name, const OrtTypeInfo* type,
                                 bool must_be_tensor) {
  ValueInfo info;
  info.name = std::move(name);
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;  // borrowed from `type`
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, api->CastTypeInfoToTensorInfo(type, &tensor)));
  if (tensor == nullptr) {
    info.has_shape = false;
    if (!must_be_tensor) return info;
    return Unsupported("'" + info.name + "' is no tensor, and WASI-NN passes only tensors");
  }
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, api->GetTensorElementType(tensor, &element)));
  // ONNX Runtime numbers element types as TensorProto does.
  info.dtype = DTypeFromOrt(element);
  size_t rank = 0;
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, api->GetDimensionsCount(tensor, &rank)));
  // Its API shows a scalar and a tensor of any rank alike: Load tells the inputs apart.
  info.has_shape = rank > 0;
  std::vector<int64_t> values(rank);
  std::vector<const char*> symbols(rank);
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, api->GetDimensions(tensor, values.data(), rank)));
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, api->GetSymbolicDimensions(tensor, symbols.data(), rank)));
  for (size_t i = 0; i < rank; ++i) {
    info.dims.push_back({std::max<int64_t>(values[i], -1), symbols[i]});
  }
  return info;
}

// The three functions that describe a session's inputs, or its outputs. A guest can leave an output
// alone that is no tensor, but an input it must set.
struct Describe {
  decltype(OrtApi::SessionGetInputCount) count;
  decltype(OrtApi::SessionGetInputName) name;
  decltype(OrtApi::SessionGetInputTypeInfo) type;
  bool must_be_tensors;
};

Result<std::vector<ValueInfo>> DescribeAll(const OrtApi* api, const OrtSession* session,
                                           const Describe& describe) {
  size_t count = 0;
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, describe.count(session, &count)));
  std::vector<ValueInfo> infos;
  for (size_t i = 0; i < count; ++i) {
    WNN_ASSIGN_OR_RETURN(std::string name, TakeName(api, [&](auto* allocator, char** out) {
                           return describe.name(session, i, allocator, out);
                         }));
    WNN_ASSIGN_OR_RETURN(auto type, OrtMake<OrtTypeInfoHandle>(api, [&](auto** out) {
                           return describe.type(session, i, out);
                         }));
    WNN_ASSIGN_OR_RETURN(
        ValueInfo info, DescribeTensor(api, std::move(name), type.get(), describe.must_be_tensors));
    infos.push_back(std::move(info));
  }
  return infos;
}

bool HasSymbol(std::span<const ValueInfo> infos, const std::string& symbol) {
  return std::ranges::any_of(infos, [&](const ValueInfo& info) {
    return std::ranges::any_of(info.dims, [&](const Dim& dim) { return dim.symbol == symbol; });
  });
}

bool OutputShapesFollowInputs(std::span<const ValueInfo> inputs,
                              std::span<const ValueInfo> outputs) {
  return std::ranges::all_of(outputs, [&](const ValueInfo& output) {
    return output.has_shape && std::ranges::all_of(output.dims, [&](const Dim& dim) {
             return dim.value >= 0 || (!dim.symbol.empty() && HasSymbol(inputs, dim.symbol));
           });
  });
}

}  // namespace

Result<std::shared_ptr<const Graph>> OnnxRuntimeGraph::Load(const OnnxRuntimeLibrary& library,
                                                            std::shared_ptr<const OrtEnvHandle> env,
                                                            std::span<const std::byte> bytes,
                                                            const LoadOptions& options) {
  const OrtApi* api = library.api;
  std::shared_ptr<OnnxRuntimeGraph> graph(new OnnxRuntimeGraph(api, std::move(env)));
  WNN_ASSIGN_OR_RETURN(auto session_options, MakeSessionOptions(library, options));
  // Until the session has its copy of them.
  ExternalFiles files;
  if (!options.external_files.empty()) {
    WNN_ASSIGN_OR_RETURN(files, ReadExternalFiles(options));
    WNN_RETURN_IF_ERROR(
        FromOrtStatus(api, api->AddExternalInitializersFromFilesInMemory(
                               session_options.get(), files.names.data(), files.data.data(),
                               files.sizes.data(), files.names.size())));
  }
  OrtSession* session = nullptr;
  // Its word for most graphs that it finds invalid is ORT_FAIL.
  Status created =
      FromOrtStatus(api,
                    api->CreateSessionFromArray(graph->env_->get(), bytes.data(), bytes.size(),
                                                session_options.get(), &session),
                    Code::kInvalidArgument);
  if (options.target == Target::kGpu) created = FromCudaSession(std::move(created));
  WNN_RETURN_IF_ERROR(std::move(created));
  graph->session_ = OrtSessionHandle(session, {api});
  graph->max_memory_bytes_ = options.limits.max_memory_bytes;
  graph->metadata_ = options.metadata;

  WNN_ASSIGN_OR_RETURN(graph->inputs_,
                       DescribeAll(api, graph->session_.get(),
                                   {api->SessionGetInputCount, api->SessionGetInputName,
                                    api->SessionGetInputTypeInfo, /*must_be_tensors=*/true}));
  const std::set<std::string> scalars = ScalarInputs(bytes);
  for (ValueInfo& input : graph->inputs_) {
    if (scalars.contains(input.name)) input.has_shape = true;
  }
  WNN_ASSIGN_OR_RETURN(graph->outputs_,
                       DescribeAll(api, graph->session_.get(),
                                   {api->SessionGetOutputCount, api->SessionGetOutputName,
                                    api->SessionGetOutputTypeInfo, /*must_be_tensors=*/false}));
  graph->output_shapes_follow_inputs_ = OutputShapesFollowInputs(graph->inputs_, graph->outputs_);
  return std::shared_ptr<const Graph>(std::move(graph));
}

Result<std::unique_ptr<Context>> OnnxRuntimeGraph::NewContext(
    std::shared_ptr<MemoryBudget> budget) const {
  return OnnxRuntimeContext::Create(shared_from_this(), std::move(budget));
}

}  // namespace wnn::runtimes
