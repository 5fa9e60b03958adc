#include <utility>
#include <vector>

#include "host/abi/wit/calls.h"
#include "host/abi/wit/types.h"
#include "host/abi/wit/wit.h"
#include "rust/extension_bridge.h"

namespace wnn::abi {
namespace {

// U8 names itself only: as the type that others cross as it says nothing.
uint8_t TypeNumber(DType dtype) {
  const uint8_t number = WitFromDType(dtype);
  return DTypeFromWit(number) == dtype ? number : WNN_EXTENSION_NO_TYPE;
}

void Give(const ValueInfo& info, void (*give)(void*, const wnn_extension_value_t*), void* to) {
  std::vector<wnn_extension_dimension_t> dims;
  for (const Dim& dim : info.dims) dims.push_back({dim.value, FromText(dim.symbol)});
  const wnn_extension_value_t value = {.name = FromText(info.name),
                                       .type = TypeNumber(info.dtype),
                                       .onnx_type = static_cast<uint32_t>(info.dtype),
                                       .has_dimensions = info.has_shape,
                                       .dimensions = dims.data(),
                                       .n_dimensions = dims.size()};
  give(to, &value);
}

wnn_extension_functions_t Functions() {
  wnn_extension_functions_t f{};
  f.values = [](void* env, wasmtime_context_t* store, uint32_t graph, bool outputs,
                void (*give)(void* values, const wnn_extension_value_t* value), void* values) {
    return Trapping(env, store, [&](WitGuest& guest) -> Status {
      WNN_ASSIGN_OR_RETURN(const auto found, guest.session().FindGraph(graph));
      for (const ValueInfo& info : outputs ? found->outputs() : found->inputs()) {
        Give(info, give, values);
      }
      return OkStatus();
    });
  };
  f.metadata = [](void* env, wasmtime_context_t* store, uint32_t graph,
                  void (*give)(void* out, const wnn_extension_metadata_t* metadata), void* out) {
    return Trapping(env, store, [&](WitGuest& guest) -> Status {
      WNN_ASSIGN_OR_RETURN(const auto found, guest.session().FindGraph(graph));
      const runtimes::ModelMetadata& from = found->metadata();
      std::vector<wnn_extension_property_t> properties;
      for (const auto& [key, value] : from.properties) {
        properties.push_back({FromText(key), FromText(value)});
      }
      const wnn_extension_metadata_t metadata = {
          .producer_name = FromText(from.producer_name),
          .producer_version = FromText(from.producer_version),
          .domain = FromText(from.domain),
          .version = from.version,
          .graph_name = FromText(from.graph_name),
          .description = FromText(from.description),
          .properties = properties.data(),
          .n_properties = properties.size()};
      give(out, &metadata);
      return OkStatus();
    });
  };
  f.bind_output = [](void* env, wasmtime_context_t* store, uint32_t context, wnn_wit_bytes_t output,
                     wnn_wit_bytes_t input, wnn_wit_reply_t* reply) {
    return Replying(env, store, "bind-output", reply, [&](WitGuest& guest) {
      return Nothing(guest.BindOutput(context, AsText(output), AsText(input)));
    });
  };
  f.unbind_input = [](void* env, wasmtime_context_t* store, uint32_t context, wnn_wit_bytes_t input,
                      wnn_wit_reply_t* reply) {
    return Replying(env, store, "unbind-input", reply, [&](WitGuest& guest) {
      return Nothing(guest.UnbindInput(context, AsText(input)));
    });
  };
  return f;
}

}  // namespace

Status AddExtensionToLinker(wasmtime_component_linker_t* linker, WitGuestOf guest_of) {
  const wnn_extension_functions_t functions = Functions();
  // The linker owns the import from here on, and deletes it also when it refuses.
  auto* import = new WitImport{std::move(guest_of)};
  return ToStatus(
             wnn_extension_add_to_linker(linker, &functions, import,
                                         [](void* env) { delete static_cast<WitImport*>(env); }))
      .WithContext("adding wasi-nn-onnx:extension to the linker");
}

}  // namespace wnn::abi
