#include "host/abi/wit/wit.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/abi/error_codes.h"
#include "host/abi/wit/calls.h"
#include "host/abi/wit/types.h"
#include "rust/component_bridge.h"
#include "rust/wit_bridge.h"

namespace wnn::abi {
namespace {

constexpr wnn_wit_version_t kVersions[] = {
    {.name = "0.2.0-rc-2024-10-28", .has_set_input = false, .has_error_constructor = false},
    {.name = "0.2.0-rc-2024-08-19", .has_set_input = true, .has_error_constructor = false},
    {.name = "0.2.0-rc-2024-06-25", .has_set_input = true, .has_error_constructor = true},
};

std::span<const NamedTensor> FromNamed(wnn_wit_nameds_t named, WitGuest& guest) {
  std::vector<NamedTensor>& tensors = guest.EmptyInputs();
  tensors.reserve(named.len);
  for (const wnn_wit_named_t& item : std::span(named.data, named.len)) {
    tensors.push_back({AsText(item.name), item.tensor});
  }
  return tensors;
}

// The guest's list for what computes give.
wnn_wit_outputs_t* EmptyOutputs(WitGuest& guest) {
  std::shared_ptr<void>& list = guest.bridge_memory();
  if (list == nullptr) list = {wnn_wit_outputs_new(), wnn_wit_outputs_delete};
  auto* outputs = static_cast<wnn_wit_outputs_t*>(list.get());
  wnn_wit_outputs_clear(outputs);
  return outputs;
}

void SetTensorFunctions(wnn_wit_functions_t& f) {
  f.tensor_new = [](void* env, wasmtime_context_t* store, wnn_wit_u32s_t dims, uint8_t type,
                    wnn_wit_bytes_t data, uint32_t* out) {
    return Giving(env, store, out, [&](WitGuest& guest) {
      return guest.NewTensor({dims.data, dims.len}, DTypeFromWit(type), AsBytes(data));
    });
  };
  f.tensor_dimensions = [](void* env, wasmtime_context_t* store, uint32_t tensor,
                           wnn_wit_u32s_t* out) {
    return Giving(env, store, out, [&](WitGuest& guest) -> Result<wnn_wit_u32s_t> {
      WNN_ASSIGN_OR_RETURN(const auto dims, guest.TensorDimensions(tensor));
      return wnn_wit_u32s_t{dims.data(), dims.size()};
    });
  };
  f.tensor_type = [](void* env, wasmtime_context_t* store, uint32_t tensor, uint8_t* out) {
    return Giving(env, store, out, [&](WitGuest& guest) -> Result<uint8_t> {
      WNN_ASSIGN_OR_RETURN(const DType dtype, guest.TensorType(tensor));
      return WitFromDType(dtype);
    });
  };
  f.tensor_data = [](void* env, wasmtime_context_t* store, uint32_t tensor, wnn_wit_bytes_t* out) {
    return Giving(env, store, out, [&](WitGuest& guest) -> Result<wnn_wit_bytes_t> {
      WNN_ASSIGN_OR_RETURN(const auto data, guest.TensorData(tensor));
      return FromBytes(data);
    });
  };
  f.tensor_drop = [](void* env, wasmtime_context_t* store, uint32_t tensor) {
    return Trapping(env, store, [&](WitGuest& guest) { return guest.DropTensor(tensor); });
  };
}

void SetGraphFunctions(wnn_wit_functions_t& f) {
  f.load = [](void* env, wasmtime_context_t* store, size_t n_builders, wnn_wit_bytes_t first,
              uint8_t encoding, uint8_t target, wnn_wit_reply_t* reply) {
    return Replying(env, store, "load", reply, [&](WitGuest& guest) {
      return guest.Load(n_builders, AsBytes(first), EncodingFromWit(encoding),
                        TargetFromWit(target));
    });
  };
  f.load_by_name = [](void* env, wasmtime_context_t* store, wnn_wit_bytes_t name,
                      wnn_wit_reply_t* reply) {
    return Replying(env, store, "load-by-name", reply,
                    [&](WitGuest& guest) { return guest.LoadByName(AsText(name)); });
  };
  f.graph_init = [](void* env, wasmtime_context_t* store, uint32_t graph, wnn_wit_reply_t* reply) {
    return Replying(env, store, "init-execution-context", reply,
                    [&](WitGuest& guest) { return guest.InitExecutionContext(graph); });
  };
  f.graph_drop = [](void* env, wasmtime_context_t* store, uint32_t graph) {
    return Trapping(env, store, [&](WitGuest& guest) { return guest.DropGraph(graph); });
  };
}

void SetContextFunctions(wnn_wit_functions_t& f) {
  f.context_run = [](void* env, wasmtime_context_t* store, uint32_t context,
                     wnn_wit_nameds_t inputs, const wnn_wit_outputs_t** given,
                     wnn_wit_reply_t* reply) {
    return Replying(env, store, "compute", reply, [&](WitGuest& guest) -> Result<Rep> {
      WNN_ASSIGN_OR_RETURN(const auto outputs, guest.Run(context, FromNamed(inputs, guest)));
      wnn_wit_outputs_t* list = EmptyOutputs(guest);
      for (const NamedTensor& output : outputs) {
        wnn_wit_outputs_add(list, FromText(output.name), output.tensor);
      }
      *given = list;
      return Nothing(OkStatus());
    });
  };
  f.context_set_input = [](void* env, wasmtime_context_t* store, uint32_t context,
                           wnn_wit_bytes_t name, uint32_t tensor, wnn_wit_reply_t* reply) {
    return Replying(env, store, "set-input", reply, [&](WitGuest& guest) {
      return Nothing(guest.SetInput(context, AsText(name), tensor));
    });
  };
  f.context_compute = [](void* env, wasmtime_context_t* store, uint32_t context,
                         wnn_wit_reply_t* reply) {
    return Replying(env, store, "compute", reply,
                    [&](WitGuest& guest) { return Nothing(guest.Compute(context)); });
  };
  f.context_get_output = [](void* env, wasmtime_context_t* store, uint32_t context,
                            wnn_wit_bytes_t name, wnn_wit_reply_t* reply) {
    return Replying(env, store, "get-output", reply,
                    [&](WitGuest& guest) { return guest.GetOutput(context, AsText(name)); });
  };
  f.context_drop = [](void* env, wasmtime_context_t* store, uint32_t context) {
    return Trapping(env, store, [&](WitGuest& guest) { return guest.DropContext(context); });
  };
}

void SetErrorFunctions(wnn_wit_functions_t& f) {
  f.error_new = [](void* env, wasmtime_context_t* store, uint8_t code, wnn_wit_bytes_t text,
                   uint32_t* out) {
    return Giving(env, store, out, [&](WitGuest& guest) {
      return guest.NewError(static_cast<WitErrorCode>(code), AsText(text));
    });
  };
  f.error_code = [](void* env, wasmtime_context_t* store, uint32_t error, uint8_t* out) {
    return Giving(env, store, out, [&](WitGuest& guest) -> Result<uint8_t> {
      WNN_ASSIGN_OR_RETURN(const WitErrorCode code, guest.ErrorCode(error));
      return static_cast<uint8_t>(code);
    });
  };
  f.error_data = [](void* env, wasmtime_context_t* store, uint32_t error, wnn_wit_bytes_t* out) {
    return Giving(env, store, out, [&](WitGuest& guest) -> Result<wnn_wit_bytes_t> {
      WNN_ASSIGN_OR_RETURN(const std::string_view text, guest.ErrorText(error));
      return FromText(text);
    });
  };
  f.error_drop = [](void* env, wasmtime_context_t* store, uint32_t error) {
    return Trapping(env, store, [&](WitGuest& guest) { return guest.DropError(error); });
  };
}

}  // namespace

Status AddWitToLinker(wasmtime_component_linker_t* linker, WitGuestOf guest_of) {
  wnn_wit_functions_t functions{};
  SetTensorFunctions(functions);
  SetGraphFunctions(functions);
  SetContextFunctions(functions);
  SetErrorFunctions(functions);
  // The linker owns the import from here on, and deletes it also when it refuses.
  auto* import = new WitImport{std::move(guest_of)};
  wasmtime_error_t* error =
      wnn_wit_add_to_linker(linker, kVersions, std::size(kVersions), &functions, import,
                            [](void* env) { delete static_cast<WitImport*>(env); });
  return ToStatus(error).WithContext("adding wasi:nn to the linker");
}

void SetCallBytesLimit(wasmtime_context_t* store, const Limits& limits) {
  // Room beside the payload for names and dimensions.
  constexpr uint64_t kOverhead = uint64_t{1} << 20;
  wnn_component_set_call_bytes_limit(
      store, std::max(limits.max_model_bytes, limits.max_tensor_bytes) + kOverhead);
}

}  // namespace wnn::abi
