// Ending what takes long to end where nobody waits for it.
#pragma once

#include <memory>
#include <utility>

namespace wnn {

// Something of which only the end is left.
struct Garbage {
  virtual ~Garbage() = default;
};

// Nothing can stop a destructor, and one that frees millions of things takes seconds. A run past
// its deadline leaves those to a Discarder. The engine starts no thread: its caller passes a
// Discarder that has some, or none, and then things end where they are let go.
class Discarder {
 public:
  virtual ~Discarder() = default;

  // Destroys `garbage`, on another thread if it can. Returns at once then. Thread-safe; destructors
  // may call it. Garbage may hold this discarder: one that keeps some for later keeps itself.
  virtual void Discard(std::unique_ptr<Garbage> garbage) = 0;
  // Lets a moment pass, in which garbage may have ended.
  virtual void Wait() = 0;
};

// Leaves the end of `thing` to `discarder`; a null one has it end here.
template <typename T>
void Discard(Discarder* discarder, T thing) {
  struct Thing final : Garbage {
    explicit Thing(T t) : held(std::move(t)) {}
    T held;
  };
  if (discarder != nullptr) discarder->Discard(std::make_unique<Thing>(std::move(thing)));
}

}  // namespace wnn
