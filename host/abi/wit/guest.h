// What one component holds of WASI-NN: its tensors and errors, and, through its session, its graphs
// and execution contexts. Everything that wasi:nn's functions decide is decided here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/base/status.h"
#include "engine/tensor/tensor.h"
#include "host/abi/error_codes.h"
#include "host/abi/wit/slab.h"
#include "host/abi/wit/spares.h"
#include "host/nn/session.h"

namespace wnn::abi {

// A resource of the guest's, as the host numbers it: the guest sees its own handles only.
using Rep = uint32_t;

struct NamedTensor {
  std::string_view name;
  Rep tensor;
};

// Bytes are copied where the guest must not see the host's memory, and nowhere else: a new tensor
// copies the guest's bytes, which the runtime then reads in place; an output stays where the
// runtime put it until the guest reads it. Only an output that the guest keeps past the next call
// on its context is copied aside.
//
// What the guest holds counts against the session's memory, and kMaxResources bounds the number of
// its tensors and errors. What it drops counts no more, and is freed at once, but for a little
// memory of tensors that is kept for the next ones: at most kMaxSpareBytes, and an eighth of what
// the session may hold. So inferences that are alike allocate nothing here.
//
// Thread-compatible: a component runs in one thread at a time. Lifetime: borrows the session, on
// which nobody else may use the contexts made here.
class WitGuest {
 public:
  static constexpr size_t kMaxResources = 65536;
  static constexpr uint64_t kMaxSpareBytes = uint64_t{8} << 20;

  explicit WitGuest(nn::Session& session)
      : session_(session), spares_(std::min(kMaxSpareBytes, session.memory().limit_bytes() / 8)) {}
  WitGuest(const WitGuest&) = delete;
  WitGuest& operator=(const WitGuest&) = delete;
  ~WitGuest();

  nn::Session& session() const { return session_; }

  // What the bridge keeps for its next call of this guest's.
  std::shared_ptr<void>& bridge_memory() { return bridge_memory_; }

  // --- tensors. The WIT gives these no way to fail: a failure is a trap.
  // --------------------------

  // A tensor over a limit is made all the same: whoever uses it as an input learns why not.
  Result<Rep> NewTensor(std::span<const uint32_t> dims, DType dtype,
                        std::span<const std::byte> data);
  // Borrowed until the next call.
  Result<std::span<const uint32_t>> TensorDimensions(Rep tensor);
  Result<DType> TensorType(Rep tensor);
  // Borrowed until the next call.
  Result<std::span<const std::byte>> TensorData(Rep tensor);
  Status DropTensor(Rep tensor);

  // --- graphs and contexts -----------------------------------------------------------------------

  // `first` is the first of the builders, empty if there is none.
  Result<Rep> Load(size_t n_builders, std::span<const std::byte> first, nn::Encoding encoding,
                   runtimes::Target target);
  Result<Rep> LoadByName(std::string_view name) { return session_.LoadByName(name); }
  Status DropGraph(Rep graph) { return session_.Unload(graph); }
  Result<Rep> InitExecutionContext(Rep graph);
  Status DropContext(Rep context);

  // Inputs go by their names in the model, or by their index in decimal; those that are not set
  // anew keep their value. Both take the tensor, also when they fail.
  Status SetInput(Rep context, std::string_view name, Rep tensor);
  // A list for Run's inputs, empty, whose memory stays from call to call.
  std::vector<NamedTensor>& EmptyInputs();
  // Sets the inputs, computes, and hands out every output. Borrowed until the next call.
  Result<std::span<const NamedTensor>> Run(Rep context, std::span<const NamedTensor> inputs);
  Status Compute(Rep context);
  Result<Rep> GetOutput(Rep context, std::string_view name);

  // --- our extension -----------------------------------------------------------------------------

  // As nn::Session's, by names.
  Status BindOutput(Rep context, std::string_view output, std::string_view input);
  Status UnbindInput(Rep context, std::string_view input);

  // --- errors ------------------------------------------------------------------------------------

  // Fails, which is a trap, when the guest holds too much already.
  Result<Rep> NewError(WitErrorCode code, std::string_view text);
  Result<WitErrorCode> ErrorCode(Rep error);
  // Borrowed until the next call.
  Result<std::string_view> ErrorText(Rep error);
  Status DropError(Rep error);

 private:
  struct HeldTensor {
    DType dtype = DType::kUndefined;
    Shape dims;
    std::span<const std::byte> data;   // in `own`, or in `lender`'s runtime
    AlignedBuffer own;                 // taken from the session's memory
    std::optional<nn::Handle> lender;  // the context whose output this is
    Status unusable;                   // why it has no data
  };
  struct HeldError {
    WitErrorCode code;
    std::string text;  // taken from the session's memory
  };
  struct HeldContext {
    std::shared_ptr<const runtimes::Graph> graph;
    std::vector<HeldTensor> inputs;  // by index: what the runtime's context borrows
    std::vector<Rep> lent;           // tensors that are outputs of the last compute
    std::vector<NamedTensor> outputs;
  };

  Status CheckRoom() const;
  // What is left of a tensor when nothing borrows it any more.
  void Release(HeldTensor tensor);
  // Gives the tensor bytes of its own, a copy of `data`.
  Status Own(std::span<const std::byte> data, HeldTensor& tensor);
  Result<HeldTensor> TakeTensor(Rep tensor);
  Result<HeldContext*> FindContext(Rep context);
  // Copies the outputs that the guest still holds: the runtime is about to write over them.
  void TakeBackOutputs(HeldContext& context);
  Status BindInput(Rep context_rep, HeldContext& context, std::string_view name, HeldTensor tensor);
  Result<Rep> LendOutput(Rep context_rep, HeldContext& context, size_t index);

  nn::Session& session_;
  Slab<HeldTensor> tensors_;
  Slab<HeldError> errors_;
  std::unordered_map<nn::Handle, HeldContext> contexts_;
  Spares spares_;
  std::vector<NamedTensor> inputs_;
  std::shared_ptr<void> bridge_memory_;
  std::vector<uint32_t> dimensions_;  // the last that were asked for
};

}  // namespace wnn::abi
