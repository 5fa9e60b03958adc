#include "bench/pure_subject.h"

#include <cstring>
#include <string>
#include <utility>

#include "bench/wasm_guest.h"

namespace wnn::bench {
namespace {

constexpr uint32_t kOutputBytes = 1 << 20;  // room for what image classifiers give

class PureSubject final : public Subject {
 public:
  explicit PureSubject(SubjectId id) : id_(std::move(id)) {}

  Status Load(wasm::Engine& engine, const wasm::Module& module, nanoseconds compile_time,
              std::span<const std::byte> model) {
    setup_[Phase::kCompile] = compile_time;
    Lap lap;
    WNN_ASSIGN_OR_RETURN(guest_, WasmGuest::Create(engine, module, nullptr));
    setup_[Phase::kInstantiate] = lap();
    WNN_ASSIGN_OR_RETURN(set_input_, guest_->Find("set_input"));
    WNN_ASSIGN_OR_RETURN(infer_, guest_->Find("infer"));
    WNN_ASSIGN_OR_RETURN(wasmtime_func_t load, guest_->Find("load"));
    WNN_ASSIGN_OR_RETURN(allocate_, guest_->Find("allocate"));
    WNN_ASSIGN_OR_RETURN(wasmtime_func_t release, guest_->Find("release"));
    WNN_ASSIGN_OR_RETURN(output_address_, Allocate(kOutputBytes));
    WNN_ASSIGN_OR_RETURN(uint32_t address, Put(model));
    lap();
    WNN_ASSIGN_OR_RETURN(int32_t loaded, guest_->Call(load, {address, Size(model)}));
    if (loaded < 0) return Refused("load");
    setup_[Phase::kLoad] = lap();
    WNN_ASSIGN_OR_RETURN(int32_t released, guest_->Call(release, {address}));
    static_cast<void>(released);
    return OkStatus();
  }

  const SubjectId& id() const override { return id_; }
  const PhaseTimes& setup() const override { return setup_; }

  // The guest computes on the tensor where it lies, as a program that made it would.
  Status SetInput(const TensorView& input) override {
    if (input.dtype != DType::kFloat) return Unsupported("the guest takes float tensors");
    const std::vector<uint32_t> dims(input.dims.begin(), input.dims.end());
    const auto dims_bytes = std::as_bytes(std::span(dims));
    WNN_ASSIGN_OR_RETURN(uint32_t data_address, Put(input.data));
    WNN_ASSIGN_OR_RETURN(uint32_t dims_address, Put(dims_bytes));
    WNN_ASSIGN_OR_RETURN(int32_t set,
                         guest_->Call(set_input_, {data_address, Size(input.data), dims_address,
                                                   static_cast<uint32_t>(dims.size())}));
    return set < 0 ? Refused("set_input") : OkStatus();
  }

  Result<PhaseTimes> Infer() override {
    PhaseTimes times;
    Lap total;
    WNN_ASSIGN_OR_RETURN(int32_t size, guest_->Call(infer_, {output_address_, kOutputBytes}));
    times[Phase::kTotal] = times[Phase::kCompute] = total();
    if (size < 0) return Refused("an inference");
    output_dims_ = {static_cast<int64_t>(static_cast<size_t>(size) / sizeof(float))};
    return times;
  }

  TensorView output() override {
    const size_t n_floats = output_dims_.empty() ? 0 : static_cast<size_t>(output_dims_[0]);
    return {DType::kFloat, output_dims_, guest_->Bytes(output_address_, n_floats * sizeof(float))};
  }

 private:
  static uint32_t Size(std::span<const std::byte> bytes) {
    return static_cast<uint32_t>(bytes.size());
  }

  Result<uint32_t> Allocate(uint32_t size_bytes) {
    WNN_ASSIGN_OR_RETURN(int32_t address, guest_->Call(allocate_, {size_bytes}));
    if (address == 0) return RuntimeError("the guest has no room for the benchmark's tensors");
    return static_cast<uint32_t>(address);
  }

  Result<uint32_t> Put(std::span<const std::byte> bytes) {
    WNN_ASSIGN_OR_RETURN(uint32_t address, Allocate(Size(bytes)));
    if (!bytes.empty()) {
      std::memcpy(guest_->Bytes(address, bytes.size()).data(), bytes.data(), bytes.size());
    }
    return address;
  }

  Status Refused(const std::string& what) {
    WNN_ASSIGN_OR_RETURN(wasmtime_func_t message, guest_->Find("message"));
    WNN_ASSIGN_OR_RETURN(wasmtime_func_t message_size, guest_->Find("message_size"));
    WNN_ASSIGN_OR_RETURN(int32_t address, guest_->Call(message, {}));
    WNN_ASSIGN_OR_RETURN(int32_t size, guest_->Call(message_size, {}));
    const auto text = guest_->Bytes(static_cast<uint32_t>(address), static_cast<size_t>(size));
    return RuntimeError(
        what + " failed: " + std::string(reinterpret_cast<const char*>(text.data()), text.size()));
  }

  const SubjectId id_;
  std::unique_ptr<WasmGuest> guest_;
  wasmtime_func_t allocate_{};
  wasmtime_func_t set_input_{};
  wasmtime_func_t infer_{};
  PhaseTimes setup_;
  uint32_t output_address_ = 0;
  Shape output_dims_;
};

}  // namespace

Result<std::unique_ptr<Subject>> PureGuest::MakeSubject(SubjectId id,
                                                        std::span<const std::byte> model) {
  if (module_ == nullptr) {
    Lap lap;
    WNN_ASSIGN_OR_RETURN(module_, wasm::Module::Load(engine_, path_));
    compile_time_ = lap();
  }
  auto subject = std::make_unique<PureSubject>(std::move(id));
  WNN_RETURN_IF_ERROR(subject->Load(engine_, *module_, compile_time_, model));
  return std::unique_ptr<Subject>(std::move(subject));
}

}  // namespace wnn::bench
