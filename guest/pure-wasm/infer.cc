// The engine as a module that a host calls: one model, inferences on tensors in the module's
// memory. What `make bench` times; classify is the program for people.
//
// Functions that return an int give the number of bytes of a result, 0 if there is none, or -1:
// then `message` says why.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "engine/engine.h"

namespace {

using wnn::engine::Execution;
using wnn::engine::Model;

std::unique_ptr<Execution> g_execution;
wnn::Shape g_dims;
std::string g_message;

int Fail(const wnn::Status& status) {
  g_message = std::string(wnn::CodeName(status.code())) + ": " + std::string(status.message());
  return -1;
}

int Load(std::span<const std::byte> bytes) {
  auto model = Model::Load(bytes, {});
  if (!model) return Fail(model.error());
  auto execution = Execution::Create(std::move(*model), {});
  if (!execution) return Fail(execution.error());
  g_execution = std::move(*execution);
  return 0;
}

}  // namespace

extern "C" {

// Room for what the host passes, aligned for any kernel; null when there is none.
__attribute__((export_name("allocate"))) void* WnnAllocate(std::size_t size) {
  constexpr std::size_t kAlignment = 64;
  return std::aligned_alloc(kAlignment, (size + kAlignment - 1) / kAlignment * kAlignment);
}
__attribute__((export_name("release"))) int WnnRelease(void* memory) {
  std::free(memory);
  return 0;
}

// Replaces the model. `bytes` are borrowed for the call.
__attribute__((export_name("load"))) int WnnLoad(const std::byte* bytes, std::size_t size) {
  return Load({bytes, size});
}

// Sets the model's input 0. `data` is borrowed until the input is set anew.
__attribute__((export_name("set_input"))) int WnnSetInput(const std::byte* data, std::size_t size,
                                                          const std::uint32_t* dims,
                                                          std::size_t n_dims) {
  if (!g_execution) return Fail(wnn::InvalidArgument("no model is loaded"));
  g_dims.assign(dims, dims + n_dims);
  const wnn::Status set =
      g_execution->BindInput(0, {wnn::DType::kFloat, g_dims, std::span(data, size)});
  return set.ok() ? 0 : Fail(set);
}

// Computes, and copies the model's output 0 to `buffer` if that has room for it.
__attribute__((export_name("infer"))) int WnnInfer(std::byte* buffer, std::size_t size) {
  if (!g_execution) return Fail(wnn::InvalidArgument("no model is loaded"));
  if (const wnn::Status run = g_execution->Run({}); !run.ok()) return Fail(run);
  const auto output = g_execution->Output(0);
  if (!output) return Fail(output.error());
  if (output->data.size() > size) {
    return Fail(wnn::TooLarge("the output has " + std::to_string(output->data.size()) +
                              " bytes, the buffer " + std::to_string(size)));
  }
  if (!output->data.empty()) std::memcpy(buffer, output->data.data(), output->data.size());
  return static_cast<int>(output->data.size());
}

// The last failure, for the host to read until the next call.
__attribute__((export_name("message"))) const char* WnnMessage() { return g_message.c_str(); }
__attribute__((export_name("message_size"))) int WnnMessageSize() {
  return static_cast<int>(g_message.size());
}

}  // extern "C"
