// Ends what takes long to end on threads that nobody waits for.
#pragma once

#include <memory>

#include "engine/base/discarder.h"

namespace wnn::nn {

// Gives each piece of garbage a thread of its own, which ends with it: there is none while there is
// no garbage. A process has at most kMaxThreads of them, of all these discarders together; beyond
// that, or where the system has no thread left, garbage ends on the thread that lets it go. What a
// thread frees took longer to make, so that garbage does not pile up.
//
// Thread-safe. May end before its garbage has.
class BackgroundDiscarder final : public Discarder {
 public:
  static constexpr int kMaxThreads = 16;

  void Discard(std::unique_ptr<Garbage> garbage) override;
  void Wait() override;
};

}  // namespace wnn::nn
