#include "host/nn/timings.h"

namespace wnn::nn {

std::string_view CallName(Call call) {
  switch (call) {
    case Call::kLoad: return "load";
    case Call::kLoadByName: return "load_by_name";
    case Call::kInitExecutionContext: return "init_execution_context";
    case Call::kSetInput: return "set_input";
    case Call::kCompute: return "compute";
    case Call::kGetOutput: return "get_output";
    case Call::kUnload: return "unload";
    case Call::kFinalizeExecutionContext: return "finalize_execution_context";
    case Call::kNewTensor: return "tensor.new";
    case Call::kReadTensor: return "tensor.data";
    case Call::kBindOutput: return "bind_output";
    case Call::kCarryState: return "carry_state";
  }
  return "unknown";
}

}  // namespace wnn::nn
