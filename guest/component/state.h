// What the C functions of a component keep between calls. Private to this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wasi_nn_onnx.h"

namespace wasi_nn_component {

using Resource = std::uint32_t;

// A list or string as the canonical ABI returns it: in memory from cabi_realloc, which is the
// caller's, unless it is empty.
struct List {
  void* data;
  std::size_t size;
};

// result<resource, error>
struct Reply {
  std::uint8_t is_error;
  Resource resource;
};

// tuple<string, tensor>
struct NamedTensor {
  const char* name;
  std::size_t name_size;
  Resource tensor;
};

// A graph's inputs or outputs as the host lists them, once asked for.
struct Values {
  List list{};
  void (*free)(const List& list) = nullptr;  // null until then
};

struct Graph {
  Resource resource;
  Values values[2] = {};  // by side
};

struct Context {
  Resource resource;
  std::vector<std::pair<std::string, Resource>> inputs = {};  // for the next compute
  List outputs = {};                                          // of the last one; NamedTensor
};

// Things behind numbers that are never given out twice.
template <typename T>
class Table {
 public:
  std::uint32_t Put(T value) {
    slots_.push_back(std::move(value));
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  // Null for a number that nothing has.
  T* Find(std::uint32_t number) {
    return number < slots_.size() && slots_[number] ? &*slots_[number] : nullptr;
  }
  void Erase(std::uint32_t number) { slots_[number].reset(); }

 private:
  std::vector<std::optional<T>> slots_;
};

Table<Graph>& Graphs();
Table<Context>& Contexts();

// Each returns the errno, with the text for last_error kept.
wasi_nn_errno Refuse(std::string why, wasi_nn_errno code = WASI_NN_ERRNO_INVALID_ARGUMENT);
wasi_nn_errno TooSmall(std::uint32_t capacity, std::uint32_t needed);
wasi_nn_errno TakeError(Resource error);

// `size` units of `unit` bytes to `buffer`, as get_output does.
wasi_nn_errno WriteOut(const void* data, std::uint32_t size, std::uint32_t unit, void* buffer,
                       std::uint32_t capacity, std::uint32_t* out);

}  // namespace wasi_nn_component
