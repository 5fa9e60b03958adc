// What wasi_nn.hpp is made of, and not for programs: errors in words, handles, declared dimensions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "wasi_nn_types.hpp"

#if defined(WASI_NN_COMPONENT) || defined(WASI_NN_EXTENSION)
#define WASI_NN_HAS_MORE 1  // names, outputs' dimensions, the host's messages
#include "wasi_nn_onnx.h"
#ifndef WASI_NN_RELEASE_HANDLES
#define WASI_NN_RELEASE_HANDLES
#endif
#endif

namespace wasi_nn {

namespace internal {

inline constexpr std::uint64_t kMaxSizeBytes = std::numeric_limits<std::uint32_t>::max();

// "set_input 0 (f32[1,4]): invalid_argument (1): <hint>"
inline std::unexpected<Error> Fail(std::string_view what, wasi_nn_errno number,
                                   std::string_view hint) {
  const Errno code = static_cast<Errno>(number);
  std::string message(what);
  message += ": ";
  message += ErrnoName(code);
  message += " (" + std::to_string(number) + ")";
  if (!hint.empty()) (message += ": ") += hint;
  return std::unexpected(Error{code, std::move(message)});
}

// What the host says of the call that it refused or, where it does not tell, `hint`.
inline std::unexpected<Error> Refused(std::string_view what, wasi_nn_errno number,
                                      std::string_view hint) {
#ifdef WASI_NN_HAS_MORE
  std::uint32_t size = 0;
  wasi_nn_onnx_last_error(nullptr, 0, &size);
  std::string text(size, '\0');
  if (size > 0 && wasi_nn_onnx_last_error(text.data(), size, &size) == WASI_NN_ERRNO_SUCCESS) {
    return Fail(what, number, text);
  }
#endif
  return Fail(what, number, hint);
}

inline std::string_view LoadHint(wasi_nn_errno number) {
  switch (number) {
    case WASI_NN_ERRNO_INVALID_ARGUMENT: return "the model's graph is not valid";
    case WASI_NN_ERRNO_INVALID_ENCODING: return "the bytes are not a model of that encoding";
    case WASI_NN_ERRNO_UNSUPPORTED_OPERATION:
      return "the host lacks an operator of the model, or the target, or its policy forbids it";
    case WASI_NN_ERRNO_TOO_LARGE: return "the model is over a limit of the host";
    case WASI_NN_ERRNO_NOT_FOUND: return "the host offers no graph of that name";
    default: return "";
  }
}

// A handle that is released on destruction where the host can do that. Move-only.
template <wasi_nn_errno (*Release)(std::uint32_t)>
class Handle {
 public:
  explicit Handle(std::uint32_t value) : value_(value) {}
  Handle(Handle&& other) noexcept
      : value_(other.value_), owned_(std::exchange(other.owned_, false)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(value_, other.value_);
    std::swap(owned_, other.owned_);
    return *this;
  }
  ~Handle() {
#ifdef WASI_NN_RELEASE_HANDLES
    if (owned_) Release(value_);
#endif
  }
  std::uint32_t get() const { return value_; }

 private:
  std::uint32_t value_;
  bool owned_ = true;
};

#ifdef WASI_NN_RELEASE_HANDLES
using GraphHandle = Handle<wasi_nn_unload>;
using ContextHandle = Handle<wasi_nn_finalize_execution_context>;
#else
// Naming the extensions would import them.
using GraphHandle = Handle<nullptr>;
using ContextHandle = Handle<nullptr>;
#endif

// "f32[?,3,224,224]"
template <Element T, std::size_t... kDims>
std::string Declared() {
  std::string text(kElementType<std::remove_cv_t<T>>.name);
  text += '[';
  bool first = true;
  ((text += std::exchange(first, false) ? "" : ",",
    text += kDims == kAny ? "?" : std::to_string(kDims)),
   ...);
  return text + ']';
}

template <std::size_t... kDims>
constexpr bool Allows(std::span<const std::uint32_t> dims) {
  constexpr std::array<std::size_t, sizeof...(kDims)> kDeclared = {kDims...};
  if (dims.size() != kDeclared.size()) return false;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (kDeclared[i] != kAny && kDeclared[i] != dims[i]) return false;
  }
  return true;
}

// The dimensions of `n_elements` where at most one is open; nothing if they do not fit.
template <std::size_t... kDims>
constexpr std::optional<std::array<std::uint32_t, sizeof...(kDims)>> Deduce(
    std::uint64_t n_elements) {
  static_assert(((kDims == kAny ? 1 : 0) + ... + 0) <= 1,
                "several dimensions are open: give an mdspan, which has them all");
  constexpr std::uint64_t kFixed = ((kDims == kAny ? 1 : kDims) * ... * 1);
  constexpr bool kIsOpen = ((kDims == kAny) || ...);
  if (kFixed == 0 ? n_elements != 0 : n_elements % kFixed != 0) return std::nullopt;
  const std::uint64_t open = kFixed == 0 ? 0 : n_elements / kFixed;
  if (!kIsOpen && kFixed != n_elements) return std::nullopt;
  if (open > kMaxSizeBytes) return std::nullopt;
  return std::array<std::uint32_t, sizeof...(kDims)>{
      static_cast<std::uint32_t>(kDims == kAny ? open : kDims)...};
}

// The number of elements of a type that always has as many; kAny of others.
template <typename V>
inline constexpr std::size_t kSizeOf = kAny;
template <typename T, std::size_t kSize>
inline constexpr std::size_t kSizeOf<std::array<T, kSize>> = kSize;
template <typename T, std::size_t kSize>
inline constexpr std::size_t kSizeOf<T[kSize]> = kSize;

#ifdef WASI_NN_HAS_MDSPAN
// An mdspan over elements in one piece, row by row: what a tensor is.
template <typename M>
inline constexpr bool kIsTensorView = false;
template <typename T, typename E, typename L, typename A>
inline constexpr bool kIsTensorView<std::mdspan<T, E, L, A>> = true;

template <typename T, typename E, typename L, typename A>
std::array<std::uint32_t, E::rank()> DimsOf(const std::mdspan<T, E, L, A>& view) {
  static_assert(std::is_same_v<L, std::layout_right>, "a tensor is row-major: use layout_right");
  static_assert(std::is_same_v<A, std::default_accessor<T>>, "a tensor is plain memory");
  std::array<std::uint32_t, E::rank()> dims;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    dims[i] = static_cast<std::uint32_t>(view.extent(i));
  }
  return dims;
}

// Whether some sizes fit both the declaration and the extents.
template <typename E, std::size_t... kDims>
constexpr bool MayFit() {
  constexpr std::array<std::size_t, sizeof...(kDims)> kDeclared = {kDims...};
  if (E::rank() != kDeclared.size()) return false;
  for (std::size_t i = 0; i < kDeclared.size(); ++i) {
    const std::size_t extent = E::static_extent(i);
    if (extent != kAny && kDeclared[i] != kAny && extent != kDeclared[i]) return false;
  }
  return true;
}
#endif

}  // namespace internal

}  // namespace wasi_nn
