// Mutual exclusion that the compiler can check, and that costs nothing where there are no threads.
//
// A Mutex is std::mutex natively and empty in single-threaded WebAssembly, whose libc++ has no
// <mutex>. The WNN_ annotations are clang's -Wthread-safety attributes; other compilers ignore
// them.
#pragma once

#if defined(__wasm__) && !defined(_REENTRANT)
#define WNN_SINGLE_THREADED 1
#else
#define WNN_SINGLE_THREADED 0
#include <mutex>
#endif

#if defined(__clang__)
#define WNN_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define WNN_THREAD_ATTRIBUTE(x)
#endif

#define WNN_CAPABILITY(name) WNN_THREAD_ATTRIBUTE(capability(name))
#define WNN_SCOPED_CAPABILITY WNN_THREAD_ATTRIBUTE(scoped_lockable)
#define WNN_GUARDED_BY(mutex) WNN_THREAD_ATTRIBUTE(guarded_by(mutex))
#define WNN_REQUIRES(mutex) WNN_THREAD_ATTRIBUTE(requires_capability(mutex))
#define WNN_ACQUIRE(...) WNN_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define WNN_RELEASE(...) WNN_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))

namespace wnn {

class WNN_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

#if WNN_SINGLE_THREADED
  void Lock() WNN_ACQUIRE() {}
  void Unlock() WNN_RELEASE() {}
#else
  void Lock() WNN_ACQUIRE() { mutex_.lock(); }
  void Unlock() WNN_RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
#endif
};

// Holds a Mutex for as long as it lives.
class WNN_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) WNN_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() WNN_RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace wnn
