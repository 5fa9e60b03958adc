// The vocabulary of wasi_nn.hpp, which includes it: errors, element types, dimensions, tensors.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <iterator>
#include <memory>
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

// How the host takes a tensor: the ABI's numbers of element types.
enum class TensorType : wasi_nn_tensor_type {
  kF16 = WASI_NN_TENSOR_TYPE_F16,
  kF32 = WASI_NN_TENSOR_TYPE_F32,
  kF64 = WASI_NN_TENSOR_TYPE_F64,
  kU8 = WASI_NN_TENSOR_TYPE_U8,  // and every type without a number, as bytes
  kI32 = WASI_NN_TENSOR_TYPE_I32,
  kI64 = WASI_NN_TENSOR_TYPE_I64,
#ifdef WASI_NN_COMPONENT
  kBf16 = WASI_NN_TENSOR_TYPE_BF16,
#endif
};

// An element type: ONNX's number for it (TensorProto.DataType) and what messages call it.
struct ElementType {
  std::uint32_t onnx = 0;  // 0: none
  std::string_view name;

  // By what number tensors of it cross.
  constexpr TensorType crosses_as() const {
    switch (onnx) {
      case 1: return TensorType::kF32;
      case 6: return TensorType::kI32;
      case 7: return TensorType::kI64;
      case 10: return TensorType::kF16;
      case 11: return TensorType::kF64;
#ifdef WASI_NN_COMPONENT
      case 16: return TensorType::kBf16;
#endif
      default: return TensorType::kU8;
    }
  }
};

// Those of ONNX's tensors, by their numbers.
constexpr ElementType ElementTypeOfOnnx(std::uint32_t number) {
  constexpr std::string_view kNames[] = {
      "",           "f32",    "u8",         "i8",  "u16", "i16",    "i32",    "i64",  "string",
      "bool",       "f16",    "f64",        "u32", "u64", "c64",    "c128",   "bf16", "f8e4m3fn",
      "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz", "u4",  "i4",  "f4e2m1", "f8e8m0", "u2",   "i2"};
  return number < std::size(kNames) ? ElementType{number, kNames[number]} : ElementType{};
}

// Half-precision numbers as their 16 bits; this header does no arithmetic with them.
struct Float16 {  // IEEE binary16
  std::uint16_t bits;
};
struct BFloat16 {  // the upper half of a float
  std::uint16_t bits;
};

namespace internal {

// Integers go by width and sign, since `long` and `long long` are different types of one width on
// some targets and not on others. Characters are none, but for those that are bytes.
template <typename T>
constexpr std::uint32_t OnnxTypeOf() {
  if constexpr (std::is_same_v<T, bool>) return 9;
  if constexpr (std::is_same_v<T, std::byte> || std::is_same_v<T, unsigned char>) return 2;
  if constexpr (std::is_same_v<T, signed char>) return 3;
  if constexpr (std::is_same_v<T, unsigned short>) return 4;
  if constexpr (std::is_same_v<T, short>) return 5;
  if constexpr (std::is_same_v<T, int> || std::is_same_v<T, long> || std::is_same_v<T, long long>) {
    return sizeof(T) == 4 ? 6 : 7;
  }
  if constexpr (std::is_same_v<T, unsigned> || std::is_same_v<T, unsigned long> ||
                std::is_same_v<T, unsigned long long>) {
    return sizeof(T) == 4 ? 12 : 13;
  }
  if constexpr (std::is_same_v<T, Float16>) return 10;
  if constexpr (std::is_same_v<T, BFloat16>) return 16;
  if constexpr (std::is_same_v<T, float>) return 1;
  if constexpr (std::is_same_v<T, double>) return 11;
  return 0;
}

}  // namespace internal

// The element type of a C++ type. Of one of your own, or of another library's, once it is said:
//   template <>
//   inline constexpr wasi_nn::ElementType wasi_nn::kElementType<my::half> = ElementTypeOfOnnx(10);
template <typename T>
inline constexpr ElementType kElementType = ElementTypeOfOnnx(internal::OnnxTypeOf<T>());

// C++ types that are elements of tensors: bool, the integers of 8 to 64 bits (of chars, signed and
// unsigned char only), std::byte, float, double, Float16, BFloat16, and those that say they are.
template <typename T>
concept Element = std::is_trivially_copyable_v<T> && kElementType<std::remove_cv_t<T>>.onnx != 0;

template <Element T>
inline constexpr TensorType kTensorType = kElementType<std::remove_cv_t<T>>.crosses_as();

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

// Bools in one piece, which std::vector<bool> are not.
class Bools {
 public:
  Bools() = default;
  explicit Bools(std::size_t size) : data_(std::make_unique<bool[]>(size)), size_(size) {}
  Bools(std::initializer_list<bool> values) : Bools(values.size()) {
    std::ranges::copy(values, data());
  }
  Bools(const Bools& other) : Bools(other.size()) { std::ranges::copy(other, data()); }
  Bools(Bools&& other) noexcept
      : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  Bools& operator=(Bools other) noexcept {
    data_.swap(other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  bool* data() { return data_.get(); }
  const bool* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  bool* begin() { return data(); }
  bool* end() { return data() + size_; }
  const bool* begin() const { return data(); }
  const bool* end() const { return data() + size_; }
  bool& operator[](std::size_t i) { return data_[i]; }
  bool operator[](std::size_t i) const { return data_[i]; }
  void resize(std::size_t size) {
    if (size > size_) {
      Bools larger(size);
      std::ranges::copy(*this, larger.data());
      *this = std::move(larger);
    }
    size_ = size;
  }

 private:
  std::unique_ptr<bool[]> data_;
  std::size_t size_ = 0;
};

// Elements in one piece, of one's own: std::vector<T>, or Bools.
template <Element T>
using Elements = std::conditional_t<std::is_same_v<T, bool>, Bools, std::vector<T>>;

// A tensor of one's own, of any rank.
template <Element T>
struct Tensor {
  std::vector<std::uint32_t> dims;
  Elements<T> data;  // row-major
};

// One whose rank, and some of whose dimensions, are known when it is compiled.
template <Element T, std::size_t... kDims>
struct TypedTensor {
  std::array<std::uint32_t, sizeof...(kDims)> dims;
  Elements<T> data;  // row-major

#ifdef WASI_NN_HAS_MDSPAN
  // Borrowed.
  auto view() const {
    return std::mdspan<const T, std::extents<std::uint32_t, kDims...>>(
        data.data(), std::extents<std::uint32_t, kDims...>(dims));
  }
#endif
};

}  // namespace wasi_nn
