// The calls of a component, in any order and with any values: what the component model lets through
// to the host.
#include <memory>

#include "fuzz/calls.h"
#include "fuzz/models.h"
#include "fuzz/mutations.h"
#include "fuzz/target.h"
#include "host/abi/wit/guest.h"
#include "host/abi/wit/types.h"
#include "tests/support/model_bytes.h"
#include "tests/support/runtimes.h"

namespace wnn::fuzz {
namespace {

// Component calls name resources that the guest holds, so the target keeps count of them.
class Component {
 public:
  explicit Component(std::shared_ptr<nn::Environment> environment)
      : session_(std::move(environment), MakeOptions()), guest_(session_) {}

  void Run(std::span<const std::byte> bytes) {
    CallReader calls(bytes);
    for (int n = 0; n < 64 && !calls.AtEnd(); ++n) Call(calls);
    if (session_.memory().used_bytes() > MakeOptions().limits.max_memory_bytes)
      Fail("over the budget");
  }

 private:
  static nn::SessionOptions MakeOptions() {
    nn::SessionOptions options;
    options.limits.max_memory_bytes = 1 << 20;
    options.limits.max_graphs = 8;
    options.limits.max_contexts = 16;
    return options;
  }

  static void CheckKnown(const Status& status) {
    if (!status.ok() && status.code() == Code::kInternal) Fail(std::string(status.message()));
  }
  template <typename T>
  static void CheckKnown(const Result<T>& result) {
    if (!result) CheckKnown(result.error());
  }
  template <typename T>
  void Keep(const Result<T>& made, std::vector<abi::Rep>& held) {
    CheckKnown(made);
    if (made) {
      held.push_back(*made);
    } else {
      const auto error =
          guest_.NewError(abi::WitErrorCodeOf(made.error().code()), made.error().message());
      if (error) errors_.push_back(*error);
    }
  }
  static size_t Pick(CallReader& calls, const std::vector<abi::Rep>& held) {
    return calls.Byte() % held.size();
  }
  static abi::Rep Take(size_t at, std::vector<abi::Rep>& held) {
    const abi::Rep rep = held[at];
    held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
    return rep;
  }

  void Call(CallReader& calls) {
    static const std::vector<std::string> models = SeedModels();
    switch (calls.Byte() % 12) {
      case 0: {
        std::vector<uint32_t> dims;
        for (uint32_t n = calls.Byte() % 4; n > 0; --n) dims.push_back(calls.Small());
        const std::vector<std::byte> data(calls.Byte() * (calls.Byte() % 4));
        const auto tensor = guest_.NewTensor(dims, abi::DTypeFromWit(calls.Byte() % 7), data);
        CheckKnown(tensor);
        if (tensor) tensors_.push_back(*tensor);
        return;
      }
      case 1: {
        const std::string& model = models[calls.Byte() % models.size()];
        Keep(guest_.Load(calls.Byte() % 8 == 0 ? calls.Small() : 1, testing::AsBytes(model),
                         abi::EncodingFromWit(calls.Byte() % 7),
                         abi::TargetFromWit(calls.Byte() % 3)),
             graphs_);
        return;
      }
      case 2:
        if (!graphs_.empty()) {
          Keep(guest_.InitExecutionContext(graphs_[Pick(calls, graphs_)]), contexts_);
        }
        return;
      case 3:
        if (!graphs_.empty()) CheckKnown(guest_.DropGraph(Take(Pick(calls, graphs_), graphs_)));
        return;
      case 4:
        if (!contexts_.empty()) {
          CheckKnown(guest_.DropContext(Take(Pick(calls, contexts_), contexts_)));
        }
        return;
      case 5:
        if (!tensors_.empty()) CheckKnown(guest_.DropTensor(Take(Pick(calls, tensors_), tensors_)));
        return;
      case 6: return Run(calls);
      case 7:
        if (!contexts_.empty() && !tensors_.empty()) {
          const abi::Rep context = contexts_[Pick(calls, contexts_)];
          const abi::Rep tensor = Take(Pick(calls, tensors_), tensors_);
          CheckKnown(guest_.SetInput(context, Name(calls), tensor));
        }
        return;
      case 8:
        if (!contexts_.empty()) CheckKnown(guest_.Compute(contexts_[Pick(calls, contexts_)]));
        return;
      case 9:
        if (!contexts_.empty()) {
          Keep(guest_.GetOutput(contexts_[Pick(calls, contexts_)], Name(calls)), tensors_);
        }
        return;
      case 10: {
        if (tensors_.empty()) return;
        const abi::Rep tensor = tensors_[Pick(calls, tensors_)];
        CheckKnown(guest_.TensorDimensions(tensor));
        const auto data = guest_.TensorData(tensor);
        CheckKnown(data);
        unsigned sum = 0;
        if (data) {
          for (std::byte byte : *data) sum += static_cast<unsigned>(byte);
        }
        sum_ = sum;
        return;
      }
      default:
        if (!errors_.empty()) {
          CheckKnown(guest_.ErrorText(errors_.back()));
          CheckKnown(guest_.DropError(Take(errors_.size() - 1, errors_)));
        }
    }
  }

  void Run(CallReader& calls) {
    if (contexts_.empty()) return;
    const abi::Rep context = contexts_[Pick(calls, contexts_)];
    std::vector<abi::NamedTensor> inputs;
    for (uint32_t n = calls.Byte() % 3; n > 0 && !tensors_.empty(); --n) {
      inputs.push_back({Name(calls), Take(Pick(calls, tensors_), tensors_)});
    }
    const auto outputs = guest_.Run(context, inputs);
    CheckKnown(outputs);
    if (!outputs) return;
    for (const abi::NamedTensor& output : *outputs) tensors_.push_back(output.tensor);
  }

  static std::string_view Name(CallReader& calls) {
    constexpr std::string_view kNames[] = {"x", "y", "0", "1", "", "18446744073709551616"};
    return kNames[calls.Byte() % std::size(kNames)];
  }

  nn::Session session_;
  abi::WitGuest guest_;
  std::vector<abi::Rep> tensors_, graphs_, contexts_, errors_;
  volatile unsigned sum_ = 0;  // so that reading is not left out
};

}  // namespace

std::vector<std::string> Seeds() {
  const auto text = [](std::initializer_list<int> bytes) {
    std::string out;
    for (int byte : bytes) out += static_cast<char>(byte);
    return out;
  };
  // The first model on a float[2, 3].
  const std::string load = text({1, 0, 1, 1, 0}) + text({2, 0});
  const std::string tensor = text({0, 2, 2, 3, 24, 1, 1});
  return {load + tensor + text({6, 0, 1, 0, 0}) + text({10, 0, 5, 0, 4, 0, 3, 0}),
          load + tensor + text({7, 0, 0, 0, 8, 0, 9, 0, 1}) + text({10, 0, 8, 0, 10, 0}),
          load + tensor + text({6, 0, 1, 0, 0, 7, 0, 0, 0, 8, 0})};
}
std::string Mutate(const std::string& input, std::mt19937& random) {
  return MutateBytes(input, random);
}

}  // namespace wnn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto environment = [] {
    wnn::nn::EnvironmentOptions options;
    options.runtime = wnn::testing::RuntimeNamed("builtin");
    options.limits = wnn::fuzz::FuzzLimits();
    return std::make_shared<wnn::nn::Environment>(options);
  }();
  wnn::fuzz::Component(environment).Run(std::as_bytes(std::span(data, size)));
  return 0;
}
