#include "bench/wit_subject.h"

#include <string>
#include <utility>
#include <vector>

#include "bench/component_guest.h"
#include "host/wasm/module.h"

namespace wnn::bench {
namespace {

// nn_component.wat's memory.
constexpr uint32_t kBuilder = 0;
constexpr uint32_t kInputDims = 32;
constexpr uint32_t kInputData = 40;
constexpr uint32_t kOutputData = 48;
constexpr uint32_t kMessage = 56;

// A pointer and a length.
struct GuestList {
  uint32_t address = 0;
  uint32_t size = 0;
};

class WitSubject final : public SessionSubject {
 public:
  WitSubject(SubjectId id, std::shared_ptr<const runtimes::Runtime> runtime)
      : SessionSubject(std::move(id), std::move(runtime)), nn_(session()) {}

  Status Load(wasm::Engine& engine, std::span<const std::byte> model) {
    Lap lap;
    WNN_ASSIGN_OR_RETURN(auto component, wasm::Module::Load(engine, WNN_BENCH_NN_COMPONENT));
    setup_[Phase::kCompile] = lap();
    WNN_ASSIGN_OR_RETURN(guest_, ComponentGuest::Create(engine, *component, nn_));
    setup_[Phase::kInstantiate] = lap();
    WNN_ASSIGN_OR_RETURN(uint32_t address, guest_->Reserve(model.size()));
    WNN_RETURN_IF_ERROR(guest_->Write(address, model));
    WNN_RETURN_IF_ERROR(
        guest_->WriteU32s(kBuilder, {address, static_cast<uint32_t>(model.size())}));
    WNN_ASSIGN_OR_RETURN(uint32_t failed, guest_->Load(target()));
    if (failed != 0) return Refused("load");
    setup_[Phase::kLoad] = TakeTimes()[Phase::kLoad];
    return OkStatus();
  }

  Status SetInput(const TensorView& input) override {
    if (input.dtype != DType::kFloat) return Unsupported("the guest passes float tensors");
    std::vector<uint32_t> dims(input.dims.begin(), input.dims.end());
    const auto dims_bytes = std::as_bytes(std::span(dims));
    WNN_ASSIGN_OR_RETURN(uint32_t dims_address, guest_->Reserve(dims_bytes.size()));
    WNN_ASSIGN_OR_RETURN(uint32_t address, guest_->Reserve(input.data.size()));
    WNN_RETURN_IF_ERROR(guest_->Write(dims_address, dims_bytes));
    WNN_RETURN_IF_ERROR(guest_->Write(address, input.data));
    WNN_RETURN_IF_ERROR(
        guest_->WriteU32s(kInputDims, {dims_address, static_cast<uint32_t>(dims.size())}));
    return guest_->WriteU32s(kInputData, {address, static_cast<uint32_t>(input.data.size())});
  }

  Result<PhaseTimes> Infer() override {
    Lap total;
    WNN_ASSIGN_OR_RETURN(uint32_t failed, guest_->Infer());
    const nanoseconds total_time = total();
    PhaseTimes times = TakeTimes();
    if (failed != 0) return Refused("an inference");
    times[Phase::kTotal] = total_time;
    return times;
  }

  // Empty when the guest's memory cannot be read, which fails any comparison.
  TensorView output() override {
    output_.clear();
    if (const auto read = ReadList(kOutputData); read) output_ = *read;
    return Flat(output_);
  }

 private:
  Result<std::vector<std::byte>> ReadList(uint32_t address) {
    GuestList list;
    WNN_RETURN_IF_ERROR(
        guest_->Read(address, std::as_writable_bytes(std::span<GuestList>(&list, 1))));
    std::vector<std::byte> bytes(list.size);
    WNN_RETURN_IF_ERROR(guest_->Read(list.address, bytes));
    return bytes;
  }

  Status Refused(const std::string& what) {
    WNN_ASSIGN_OR_RETURN(std::vector<std::byte> text, ReadList(kMessage));
    return RuntimeError(
        what + " failed: " + std::string(reinterpret_cast<const char*>(text.data()), text.size()));
  }

  abi::WitGuest nn_;
  std::unique_ptr<ComponentGuest> guest_;
  std::vector<std::byte> output_;
};

}  // namespace

Result<std::unique_ptr<NnSubject>> MakeWitSubject(SubjectId id, wasm::Engine& engine,
                                                  std::shared_ptr<const runtimes::Runtime> runtime,
                                                  std::span<const std::byte> model) {
  auto subject = std::make_unique<WitSubject>(std::move(id), std::move(runtime));
  WNN_RETURN_IF_ERROR(subject->Load(engine, model));
  return std::unique_ptr<NnSubject>(std::move(subject));
}

}  // namespace wnn::bench
