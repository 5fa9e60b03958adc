// The vocabulary of wasi_nn.hpp, which includes it: errors, element types, dimensions, tensors.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>
#include <version>

#if __has_include(<mdspan>)
#include <mdspan>
#endif
#ifdef __cpp_lib_mdspan
#define WASI_NN_HAS_MDSPAN 1
#endif

#include "wasi_nn.h"

namespace wasi_nn {

enum class Errno : wasi_nn_errno {
  kInvalidArgument = WASI_NN_ERRNO_INVALID_ARGUMENT,
  kInvalidEncoding = WASI_NN_ERRNO_INVALID_ENCODING,
  kMissingMemory = WASI_NN_ERRNO_MISSING_MEMORY,
  kBusy = WASI_NN_ERRNO_BUSY,
  kRuntimeError = WASI_NN_ERRNO_RUNTIME_ERROR,
  kUnsupportedOperation = WASI_NN_ERRNO_UNSUPPORTED_OPERATION,
  kTooLarge = WASI_NN_ERRNO_TOO_LARGE,
  kNotFound = WASI_NN_ERRNO_NOT_FOUND,
};

// The number's name in the specification; "unknown error" for numbers that it does not have.
constexpr std::string_view ErrnoName(Errno code) {
  switch (code) {
    case Errno::kInvalidArgument: return "invalid_argument";
    case Errno::kInvalidEncoding: return "invalid_encoding";
    case Errno::kMissingMemory: return "missing_memory";
    case Errno::kBusy: return "busy";
    case Errno::kRuntimeError: return "runtime_error";
    case Errno::kUnsupportedOperation: return "unsupported_operation";
    case Errno::kTooLarge: return "too_large";
    case Errno::kNotFound: return "not_found";
  }
  return "unknown error";
}

struct Error {
  Errno code;
  std::string message;
};

template <typename T>
using Result = std::expected<T, Error>;

enum class Encoding : wasi_nn_graph_encoding {
  kOpenvino = WASI_NN_GRAPH_ENCODING_OPENVINO,
  kOnnx = WASI_NN_GRAPH_ENCODING_ONNX,
  kTensorflow = WASI_NN_GRAPH_ENCODING_TENSORFLOW,
  kPytorch = WASI_NN_GRAPH_ENCODING_PYTORCH,
  kTensorflowlite = WASI_NN_GRAPH_ENCODING_TENSORFLOWLITE,
  kAutodetect = WASI_NN_GRAPH_ENCODING_AUTODETECT,
};

enum class Target : wasi_nn_execution_target {
  kCpu = WASI_NN_EXECUTION_TARGET_CPU,
  kGpu = WASI_NN_EXECUTION_TARGET_GPU,
  kTpu = WASI_NN_EXECUTION_TARGET_TPU,
};

enum class TensorType : wasi_nn_tensor_type {
  kF16 = WASI_NN_TENSOR_TYPE_F16,
  kF32 = WASI_NN_TENSOR_TYPE_F32,
  kF64 = WASI_NN_TENSOR_TYPE_F64,
  kU8 = WASI_NN_TENSOR_TYPE_U8,
  kI32 = WASI_NN_TENSOR_TYPE_I32,
  kI64 = WASI_NN_TENSOR_TYPE_I64,
};

constexpr std::string_view TensorTypeName(TensorType type) {
  switch (type) {
    case TensorType::kF16: return "f16";
    case TensorType::kF32: return "f32";
    case TensorType::kF64: return "f64";
    case TensorType::kU8: return "u8";
    case TensorType::kI32: return "i32";
    case TensorType::kI64: return "i64";
  }
  return "unknown";
}

// An IEEE half-precision number as its 16 bits; this header does no arithmetic with it.
struct Float16 {
  std::uint16_t bits;
};

namespace internal {

// The tensor type of a C++ type, or -1. Integers go by width and sign, since `long` and
// `long long` are different types of one width on some targets and not on others.
template <typename T>
constexpr int TensorTypeOf() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, Float16>) return WASI_NN_TENSOR_TYPE_F16;
  if constexpr (std::is_same_v<U, float>) return WASI_NN_TENSOR_TYPE_F32;
  if constexpr (std::is_same_v<U, double>) return WASI_NN_TENSOR_TYPE_F64;
  if constexpr (std::is_same_v<U, unsigned char> || std::is_same_v<U, std::byte>) {
    return WASI_NN_TENSOR_TYPE_U8;
  }
  if constexpr (std::is_same_v<U, int> || std::is_same_v<U, long> || std::is_same_v<U, long long>) {
    return sizeof(U) == 4 ? WASI_NN_TENSOR_TYPE_I32 : WASI_NN_TENSOR_TYPE_I64;
  }
  return -1;
}

}  // namespace internal

// C++ types that are elements of tensors: float, double, unsigned char, std::byte, Float16 and
// signed integers of 32 and 64 bits.
template <typename T>
concept Element = internal::TensorTypeOf<T>() >= 0;

template <Element T>
inline constexpr TensorType kTensorType = static_cast<TensorType>(internal::TensorTypeOf<T>());

// Containers of elements in one piece: std::vector, std::span, std::array, C arrays.
template <typename R>
concept ElementRange = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                       Element<std::ranges::range_value_t<R>>;

// Containers of bytes in one piece, which models are loaded from.
template <typename R>
concept ByteRange = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                    sizeof(std::ranges::range_value_t<R>) == 1;

namespace internal {
// A template, so that it is looked at only where a name is used.
template <typename>
#if defined(WASI_NN_COMPONENT) || defined(WASI_NN_EXTENSION)
inline constexpr bool kHasNames = true;
#else
inline constexpr bool kHasNames = false;
#endif
}  // namespace internal

// A tensor's dimensions, borrowed, for one call: a braced list, an array, a vector, a span. Empty
// for a scalar. Not for keeping: a braced list ends with the expression that it stands in.
class Dims {
 public:
  constexpr Dims(std::initializer_list<std::uint32_t> dims)  // NOLINT: implicit by design
      : dims_(dims.begin(), dims.size()) {}
  constexpr Dims(std::span<const std::uint32_t> dims) : dims_(dims) {}     // NOLINT
  constexpr Dims(const std::vector<std::uint32_t>& dims) : dims_(dims) {}  // NOLINT

  template <std::size_t kRank>
  constexpr Dims(const std::array<std::uint32_t, kRank>& dims) : dims_(dims) {}  // NOLINT

  constexpr std::span<const std::uint32_t> span() const { return dims_; }
  // The product, or a number above every 32-bit size if it overflows.
  constexpr std::uint64_t NumElements() const {
    std::uint64_t count = 1;
    for (std::uint32_t dim : dims_) {
      if (dim == 0) return 0;
      count = count > kHuge / dim ? kHuge : count * dim;
    }
    return count;
  }
  // "[1,3,224,224]"
  std::string ToString() const {
    std::string text = "[";
    for (std::uint32_t dim : dims_) {
      if (text.size() > 1) text += ',';
      text += std::to_string(dim);
    }
    return text + ']';
  }

 private:
  static constexpr std::uint64_t kHuge = std::uint64_t{1} << 62;
  std::span<const std::uint32_t> dims_;
};

// Which input or output: its index in the model's order or, in components and with
// WASI_NN_EXTENSION, its name.
class Slot {
 public:
  template <std::integral I>
  constexpr Slot(I index) : index_(static_cast<std::uint32_t>(index)) {}  // NOLINT: implicit
  template <typename S>
    requires std::convertible_to<S, std::string_view>
  constexpr Slot(const S& name) : name_(name), has_name_(true) {  // NOLINT
    static_assert(internal::kHasNames<S>,
                  "core modules need the host's extension for names: define WASI_NN_EXTENSION");
  }

  constexpr bool has_name() const { return has_name_; }
  constexpr std::uint32_t index() const { return index_; }
  constexpr std::string_view name() const { return name_; }
  // "0", "'logits'"
  std::string ToString() const {
    return has_name_ ? "'" + std::string(name_) + "'" : std::to_string(index_);
  }

 private:
  std::string_view name_;
  std::uint32_t index_ = 0;
  bool has_name_ = false;
};

// A dimension that any number may take.
inline constexpr std::size_t kAny = std::dynamic_extent;

// An input or output as the program expects it: element type and dimensions are checked at compile
// time where data are, and at run time where they are not.
//
//   constexpr wasi_nn::Input<float, wasi_nn::kAny, 3, 224, 224> kPixels{0};
//   constexpr wasi_nn::Output<float, wasi_nn::kAny, 1000> kScores{"logits"};
template <Element T, std::size_t... kDims>
struct Input {
  Slot slot;
};
template <Element T, std::size_t... kDims>
struct Output {
  Slot slot;
};

// A tensor of one's own, of any rank.
template <Element T>
struct Tensor {
  std::vector<std::uint32_t> dims;
  std::vector<T> data;  // row-major
};

// One whose rank, and some of whose dimensions, are known when it is compiled.
template <Element T, std::size_t... kDims>
struct TypedTensor {
  std::array<std::uint32_t, sizeof...(kDims)> dims;
  std::vector<T> data;  // row-major

#ifdef WASI_NN_HAS_MDSPAN
  // Borrowed.
  auto view() const {
    return std::mdspan<const T, std::extents<std::uint32_t, kDims...>>(
        data.data(), std::extents<std::uint32_t, kDims...>(dims));
  }
#endif
};

}  // namespace wasi_nn
