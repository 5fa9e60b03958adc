// What the examples do with an error: say it, and end.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <utility>

#include "wasi_nn.hpp"

[[noreturn]] inline void Fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

template <typename T>
T Take(wasi_nn::Result<T> result) {
  if (!result) Fail(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
