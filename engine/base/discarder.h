// Ending what takes long to end where nobody waits for it.
#pragma once

#include <cstddef>
#include <memory>

namespace wnn {

// Bytes that take some milliseconds to free: the system takes up to 0.1 s to take a gigabyte back.
inline constexpr size_t kLongEndBytes = size_t{64} << 20;
// Things, each of an allocation or a few, that take as long: 0.1 to 0.3 microseconds each.
inline constexpr size_t kLongEndThings = 32'768;

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

}  // namespace wnn
