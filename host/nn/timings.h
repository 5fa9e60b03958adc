// What each WASI-NN call cost. Sessions report; whoever wants figures (`--timings`) listens.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace wnn::nn {

enum class Call { kLoad, kLoadByName, kInitExecutionContext, kSetInput, kCompute, kGetOutput };

// "load", "set_input", ...
std::string_view CallName(Call call);

// Thread-safe: sessions call it from whatever thread the guest runs on.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  // `bytes_copied`: tensor bytes copied between the guest and the runtime by this call.
  virtual void OnCall(Call call, std::chrono::nanoseconds duration, uint64_t bytes_copied) = 0;
};

}  // namespace wnn::nn
