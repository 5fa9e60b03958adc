#include "bench/witx_subject.h"

#include <cstring>
#include <string>
#include <utility>

#include "bench/wasm_guest.h"
#include "host/wasm/module.h"

namespace wnn::bench {
namespace {

// nn_module.wat's memory.
constexpr uint32_t kBuilder = 0;
constexpr uint32_t kTensor = 16;
constexpr uint32_t kOutputBytes = 36;
constexpr uint32_t kOutputBuffer = 40;
constexpr uint32_t kTarget = 48;
constexpr uint32_t kDims = 64;
constexpr size_t kMaxDims = 256;

// Room for the output from the start; a longer one is asked for again with the size that it takes.
constexpr uint32_t kFirstOutputBytes = 1 << 20;

// witx's errno and tensor type.
constexpr int32_t kTooLarge = 7;
constexpr uint32_t kFp32 = 1;

class WitxSubject final : public SessionSubject {
 public:
  using SessionSubject::SessionSubject;

  Status Load(wasm::Engine& engine, std::span<const std::byte> model) {
    Lap lap;
    WNN_ASSIGN_OR_RETURN(auto module, wasm::Module::Load(engine, WNN_BENCH_NN_MODULE));
    setup_[Phase::kCompile] = lap();
    WNN_ASSIGN_OR_RETURN(guest_, WasmGuest::Create(engine, *module, &session()));
    setup_[Phase::kInstantiate] = lap();
    WNN_ASSIGN_OR_RETURN(infer_, guest_->Find("infer"));
    WNN_ASSIGN_OR_RETURN(wasmtime_func_t load, guest_->Find("load"));
    WNN_ASSIGN_OR_RETURN(uint32_t address, guest_->Reserve(model.size()));
    std::memcpy(guest_->Bytes(address, model.size()).data(), model.data(), model.size());
    WNN_RETURN_IF_ERROR(ReserveOutput(kFirstOutputBytes));
    guest_->StoreU32(kBuilder, address);
    guest_->StoreU32(kBuilder + 4, static_cast<uint32_t>(model.size()));
    guest_->StoreU32(kTarget, target());
    WNN_ASSIGN_OR_RETURN(int32_t errno_value, guest_->Call(load));
    if (errno_value != 0) return Refused("load", errno_value);
    setup_[Phase::kLoad] = TakeTimes()[Phase::kLoad];
    return OkStatus();
  }

  Status SetInput(const TensorView& input) override {
    if (input.dtype != DType::kFloat || input.dims.size() > kMaxDims) {
      return Unsupported("the guest passes float tensors of at most " + std::to_string(kMaxDims) +
                         " dimensions");
    }
    if (input.data.size() > input_capacity_) {
      WNN_ASSIGN_OR_RETURN(input_address_, guest_->Reserve(input.data.size()));
      input_capacity_ = input.data.size();
    }
    for (size_t i = 0; i < input.dims.size(); ++i) {
      guest_->StoreU32(kDims + static_cast<uint32_t>(i) * 4, static_cast<uint32_t>(input.dims[i]));
    }
    const uint32_t tensor[] = {kDims, static_cast<uint32_t>(input.dims.size()), kFp32,
                               input_address_, static_cast<uint32_t>(input.data.size())};
    std::memcpy(guest_->Bytes(kTensor, sizeof(tensor)).data(), tensor, sizeof(tensor));
    if (!input.data.empty()) {
      std::memcpy(guest_->Bytes(input_address_, input.data.size()).data(), input.data.data(),
                  input.data.size());
    }
    return OkStatus();
  }

  Result<PhaseTimes> Infer() override {
    Lap total;
    WNN_ASSIGN_OR_RETURN(int32_t errno_value, guest_->Call(infer_));
    const nanoseconds total_time = total();
    PhaseTimes times = TakeTimes();
    if (errno_value == kTooLarge && guest_->LoadU32(kOutputBytes) > output_capacity_) {
      WNN_RETURN_IF_ERROR(ReserveOutput(guest_->LoadU32(kOutputBytes)));
      return Infer();
    }
    if (errno_value != 0) return Refused("an inference", errno_value);
    times[Phase::kTotal] = total_time;
    return times;
  }

  TensorView output() override {
    return Flat(guest_->Bytes(output_address_, guest_->LoadU32(kOutputBytes)));
  }

 private:
  Status ReserveOutput(uint32_t size_bytes) {
    WNN_ASSIGN_OR_RETURN(output_address_, guest_->Reserve(size_bytes));
    output_capacity_ = size_bytes;
    guest_->StoreU32(kOutputBuffer, output_address_);
    guest_->StoreU32(kOutputBuffer + 4, size_bytes);
    return OkStatus();
  }

  Status Refused(const std::string& what, int32_t errno_value) const {
    return RuntimeError(what + " returned errno " + std::to_string(errno_value) + ": " + refusal());
  }

  std::unique_ptr<WasmGuest> guest_;
  wasmtime_func_t infer_{};
  uint32_t input_address_ = 0;
  size_t input_capacity_ = 0;
  uint32_t output_address_ = 0;
  uint32_t output_capacity_ = 0;
};

}  // namespace

Result<std::unique_ptr<NnSubject>> MakeWitxSubject(SubjectId id, wasm::Engine& engine,
                                                   std::shared_ptr<const runtimes::Runtime> runtime,
                                                   std::span<const std::byte> model) {
  auto subject = std::make_unique<WitxSubject>(std::move(id), std::move(runtime));
  WNN_RETURN_IF_ERROR(subject->Load(engine, model));
  return std::unique_ptr<NnSubject>(std::move(subject));
}

}  // namespace wnn::bench
