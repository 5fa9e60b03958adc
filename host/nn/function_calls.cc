#include "host/nn/function_calls.h"

#include <optional>
#include <string>

namespace wnn::nn {
namespace {

// Of calls in calls; exporters make a handful.
constexpr int kMaxDepth = 64;

struct Cost {
  uint64_t n_nodes = 0;
  uint64_t tensor_bytes = 0;
};

class Expansion {
 public:
  Expansion(const std::vector<ScannedBody>& functions, const Limits& limits)
      : functions_(functions), limits_(limits), costs_(functions.size()), open_(functions.size()) {}

  Result<Cost> CostOf(const ScannedBody& body, int depth) {
    if (depth > kMaxDepth) return Security("the model's functions are nested too deep");
    Cost cost{body.n_nodes, body.tensor_bytes};
    for (size_t index : body.calls) {
      WNN_ASSIGN_OR_RETURN(const Cost callee, CostOfFunction(index, depth + 1));
      // No sum overflows: each addend is within its limit.
      cost.n_nodes += callee.n_nodes;
      cost.tensor_bytes += callee.tensor_bytes;
      WNN_RETURN_IF_ERROR(Check(cost));
    }
    WNN_RETURN_IF_ERROR(Check(cost));
    return cost;
  }

 private:
  Result<Cost> CostOfFunction(size_t index, int depth) {
    if (costs_[index]) return *costs_[index];
    if (open_[index]) return InvalidArgument("a function of the model calls itself");
    open_[index] = true;
    WNN_ASSIGN_OR_RETURN(costs_[index], CostOf(functions_[index], depth));
    open_[index] = false;
    return *costs_[index];
  }

  Status Check(const Cost& cost) const {
    if (cost.n_nodes > limits_.max_nodes) {
      return TooLarge("the model has more than " + std::to_string(limits_.max_nodes) +
                      " nodes, the limit");
    }
    if (cost.tensor_bytes > limits_.max_memory_bytes) {
      return TooLarge("the model's tensors take more than " +
                      std::to_string(limits_.max_memory_bytes) + " bytes, the limit");
    }
    return OkStatus();
  }

  const std::vector<ScannedBody>& functions_;
  const Limits& limits_;
  std::vector<std::optional<Cost>> costs_;
  std::vector<bool> open_;  // being added up
};

}  // namespace

Status CheckExpanded(const ScannedBody& main, const std::vector<ScannedBody>& functions,
                     const Limits& limits) {
  Expansion expansion(functions, limits);
  WNN_RETURN_IF_ERROR([&]() -> Status {
    WNN_ASSIGN_OR_RETURN([[maybe_unused]] const Cost cost, expansion.CostOf(main, 0));
    return OkStatus();
  }());
  // Those that nothing calls are looked at by runtimes all the same.
  for (const ScannedBody& function : functions) {
    WNN_ASSIGN_OR_RETURN([[maybe_unused]] const Cost cost, expansion.CostOf(function, 0));
  }
  return OkStatus();
}

}  // namespace wnn::nn
