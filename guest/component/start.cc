// What a component needs of its core module beside the program.
#include <cstddef>
#include <cstdlib>

#include "guest/component/allocation.h"

namespace {
// Where the next bytes that the host returns shall go.
void* target = nullptr;
std::size_t target_capacity = 0;
}  // namespace

namespace wasi_nn_component {
void SetTarget(void* data, std::size_t capacity) {
  target = data;
  target_capacity = capacity;
}
}  // namespace wasi_nn_component

extern "C" {

// The host's and the adapter's way to memory of ours.
__attribute__((export_name("cabi_realloc"))) void* cabi_realloc(void* old, std::size_t /*old_size*/,
                                                                std::size_t alignment,
                                                                std::size_t size) {
  if (size == 0) return reinterpret_cast<void*>(alignment);
  if (old == nullptr && target != nullptr && alignment == 1 && size <= target_capacity) {
    void* given = target;
    target = nullptr;
    return given;
  }
  void* data = std::realloc(old, size);  // whose alignment suits every type of WIT
  if (data == nullptr) std::abort();
  return data;
}

// In place of wasi-libc's own start, which lets the linker wrap each export in one that runs the
// program's constructors and destructors: cabi_realloc among them, in the middle of the program.
void __wasm_call_ctors(void);
void __wasm_call_dtors(void);
int __main_void(void);
[[noreturn]] void __wasi_proc_exit(int);

__attribute__((export_name("_start"))) void _start(void) {
  __wasm_call_ctors();
  const int code = __main_void();
  __wasm_call_dtors();
  if (code != 0) __wasi_proc_exit(code);
}

}  // extern "C"
