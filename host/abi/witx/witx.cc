#include "host/abi/witx/witx.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/base/checked_math.h"
#include "host/abi/error_codes.h"
#include "host/abi/witx/guest_memory.h"
#include "host/abi/witx/types.h"

namespace wnn::abi {
namespace {

constexpr std::string_view kModule = "wasi_ephemeral_nn";

// Sizes and offsets of witx's records in guest memory.
constexpr uint32_t kBuilderBytes = 8;  // data_ptr, data_len
constexpr uint32_t kTensorBytes = 20;
constexpr uint32_t kTensorDimsPtr = 0;
constexpr uint32_t kTensorDimsLen = 4;
constexpr uint32_t kTensorType = 8;  // one byte; some bindings leave the three after it unset
constexpr uint32_t kTensorDataPtr = 12;
constexpr uint32_t kTensorDataLen = 16;

struct Call {
  nn::Session& session;
  GuestMemory memory;
};

uint32_t LoadU32(std::span<const std::byte> record, size_t offset) {
  uint32_t value;
  std::memcpy(&value, record.data() + offset, sizeof(value));
  return value;
}

void StoreU32(std::span<std::byte> out, uint32_t value) {
  std::memcpy(out.data(), &value, sizeof(value));
}

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto byte = [&](size_t k) { return static_cast<uint8_t>(text[k]); };
    uint8_t lead = byte(i);
    size_t n_more = lead < 0x80 ? 0 : lead < 0xc2 ? 4 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (lead > 0xf4 || n_more == 4 || n_more >= text.size() - i) return false;
    for (size_t k = 1; k <= n_more; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    }
    if (lead == 0xe0 && byte(i + 1) < 0xa0) return false;
    if (lead == 0xed && byte(i + 1) > 0x9f) return false;
    if (lead == 0xf0 && byte(i + 1) < 0x90) return false;
    if (lead == 0xf4 && byte(i + 1) > 0x8f) return false;
    i += n_more + 1;
  }
  return true;
}

// load(builders_ptr, builders_len, encoding, target, out_graph)
Status Load(Call& call, const uint32_t* args) {
  const uint32_t n_builders = args[1];
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[4], 4, "the graph's result"));
  WNN_ASSIGN_OR_RETURN(nn::Encoding encoding, EncodingFromWitx(args[2]));
  WNN_ASSIGN_OR_RETURN(runtimes::Target target, TargetFromWitx(args[3]));
  if (n_builders != 1) {
    return InvalidArgument("an ONNX model is one builder, but " + std::to_string(n_builders) +
                           " came");
  }
  WNN_ASSIGN_OR_RETURN(auto builder,
                       call.memory.Bytes(args[0], kBuilderBytes, "the builder array"));
  const uint32_t data = LoadU32(builder, 0);
  const uint32_t size = LoadU32(builder, 4);
  WNN_ASSIGN_OR_RETURN(std::span<const std::byte> model,
                       call.memory.Bytes(data, size, "the model"));
  AlignedBuffer copy;
  if (call.memory.is_shared()) {
    // What is checked must be what is loaded, whatever the guest's other threads write.
    WNN_ASSIGN_OR_RETURN(copy, AlignedBuffer::Allocate(size));
    if (size > 0) std::memcpy(copy.data(), model.data(), size);
    model = copy.bytes();
  }
  WNN_ASSIGN_OR_RETURN(nn::Handle graph, call.session.Load(model, encoding, target));
  StoreU32(out, graph);
  return OkStatus();
}

// load_by_name(name_ptr, name_len, out_graph)
Status LoadByName(Call& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[2], 4, "the graph's result"));
  WNN_ASSIGN_OR_RETURN(auto bytes, call.memory.Bytes(args[0], args[1], "the graph's name"));
  std::string name(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!IsUtf8(name)) return InvalidArgument("the graph's name is not UTF-8");
  WNN_ASSIGN_OR_RETURN(nn::Handle graph, call.session.LoadByName(name));
  StoreU32(out, graph);
  return OkStatus();
}

// init_execution_context(graph, out_context)
Status InitExecutionContext(Call& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[1], 4, "the context's result"));
  WNN_ASSIGN_OR_RETURN(nn::Handle context, call.session.InitExecutionContext(args[0]));
  StoreU32(out, context);
  return OkStatus();
}

// set_input(context, index, tensor)
Status SetInput(Call& call, const uint32_t* args) {
  const GuestMemory& memory = call.memory;
  WNN_ASSIGN_OR_RETURN(auto tensor, memory.Bytes(args[2], kTensorBytes, "the tensor"));
  const uint32_t n_dims = LoadU32(tensor, kTensorDimsLen);
  const uint32_t data_bytes = LoadU32(tensor, kTensorDataLen);
  WNN_ASSIGN_OR_RETURN(auto dims_bytes,
                       memory.Bytes(LoadU32(tensor, kTensorDimsPtr), uint64_t{n_dims} * 4,
                                    "the tensor's dimensions"));
  WNN_ASSIGN_OR_RETURN(
      auto data, memory.Bytes(LoadU32(tensor, kTensorDataPtr), data_bytes, "the tensor's data"));
  const uint64_t max_rank = call.session.environment().options().limits.max_rank;
  if (n_dims > max_rank) {
    return TooLarge("the tensor has " + std::to_string(n_dims) + " dimensions, the limit is " +
                    std::to_string(max_rank));
  }
  Shape dims(n_dims);
  for (uint32_t i = 0; i < n_dims; ++i) {
    dims[i] = LoadU32(dims_bytes, size_t{i} * 4);
  }
  const auto n_elements = ElementCount(dims);
  if (!n_elements) return InvalidArgument("the tensor's dimensions are too large to count");
  WNN_ASSIGN_OR_RETURN(DType dtype, DTypeFromTensorType(static_cast<uint8_t>(tensor[kTensorType]),
                                                        *n_elements, data_bytes));
  return call.session.SetInput(args[0], args[1], {dtype, dims, data});
}

// compute(context)
Status Compute(Call& call, const uint32_t* args) { return call.session.Compute(args[0]); }

// get_output(context, index, buffer, buffer_bytes, out_bytes_written)
Status GetOutput(Call& call, const uint32_t* args) {
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

struct Function {
  std::string_view name;
  size_t n_params;  // all i32, as the one result is
  Status (*run)(Call& call, const uint32_t* args);
};

constexpr size_t kMaxParams = 5;
constexpr std::array kFunctions = {
    Function{"load", 5, Load},
    Function{"load_by_name", 3, LoadByName},
    Function{"init_execution_context", 2, InitExecutionContext},
    Function{"set_input", 3, SetInput},
    Function{"compute", 1, Compute},
    Function{"get_output", 5, GetOutput},
};

// What one definition in a linker owns.
struct Import {
  const Function* function;
  std::shared_ptr<const SessionOf> session_of;
};

void LogRefusal(Logger& log, const Function& function, const Status& status) {
  if (status.ok()) return;
  // Guests ask for an output's size by way of a buffer that is too small: nothing to warn of.
  const bool asks_for_size = function.run == GetOutput && status.code() == Code::kTooLarge;
  const LogLevel level = asks_for_size ? LogLevel::kDebug : LogLevel::kWarn;
  if (!log.Enabled(level)) return;
  log.Log(level, "wasi-nn " + std::string(function.name) + ": " +
                     std::string(CodeName(status.code())) + ": " + std::string(status.message()));
}

Status RunImport(const Import& import, wasmtime_caller_t* caller, const uint32_t* args) {
  nn::Session& session = (*import.session_of)(wasmtime_caller_context(caller));
  Status status;
  try {
    auto memory = GuestMemory::Of(caller);
    if (memory) {
      Call call{session, std::move(*memory)};
      status = import.function->run(call, args);
    } else {
      status = std::move(memory.error());
    }
  } catch (const std::bad_alloc&) {
    status = TooLarge("the host is out of memory");
  } catch (const std::exception& e) {
    status = Internal(e.what());
  }
  LogRefusal(session.environment().log(), *import.function, status);
  return status;
}

wasm_trap_t* CallImport(void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values,
                        size_t /*n_values*/) {
  const Import& import = *static_cast<const Import*>(env);
  std::array<uint32_t, kMaxParams> args{};
  for (size_t i = 0; i < import.function->n_params; ++i) {
    args[i] = static_cast<uint32_t>(values[i].i32);
  }
  values[0].i32 = static_cast<int32_t>(ErrnoOf(RunImport(import, caller, args.data())));
  return nullptr;
}

void DeleteImport(void* env) { delete static_cast<Import*>(env); }

struct DeleteFuncType {
  void operator()(wasm_functype_t* type) const { wasm_functype_delete(type); }
};

std::unique_ptr<wasm_functype_t, DeleteFuncType> MakeType(size_t n_params) {
  std::array<wasm_valtype_t*, kMaxParams> param_types{};
  for (size_t i = 0; i < n_params; ++i) param_types[i] = wasm_valtype_new_i32();
  wasm_valtype_t* result_type = wasm_valtype_new_i32();
  wasm_valtype_vec_t params;
  wasm_valtype_vec_t results;
  wasm_valtype_vec_new(&params, n_params, param_types.data());
  wasm_valtype_vec_new(&results, 1, &result_type);
  return std::unique_ptr<wasm_functype_t, DeleteFuncType>(wasm_functype_new(&params, &results));
}

}  // namespace

Status AddWitxToLinker(wasmtime_linker_t* linker, SessionOf session_of) {
  auto shared_session_of = std::make_shared<const SessionOf>(std::move(session_of));
  for (const Function& function : kFunctions) {
    auto type = MakeType(function.n_params);
    // The linker owns the import from here on, and deletes it also when it refuses the name.
    auto* import = new Import{&function, shared_session_of};
    wasmtime_error_t* error = wasmtime_linker_define_func_unchecked(
        linker, kModule.data(), kModule.size(), function.name.data(), function.name.size(),
        type.get(), CallImport, import, DeleteImport);
    if (error != nullptr) {
      wasm_name_t message;
      wasmtime_error_message(error, &message);
      Status status = InvalidArgument(std::string(message.data, message.size));
      wasm_name_delete(&message);
      wasmtime_error_delete(error);
      return std::move(status).WithContext("adding " + std::string(kModule) + " to the linker");
    }
  }
  return OkStatus();
}

}  // namespace wnn::abi
