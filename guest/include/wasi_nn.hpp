// WASI-NN in C++: graphs and contexts as objects, typed tensors, results instead of error numbers.
//
//   auto graph = wasi_nn::Graph::Load(model_bytes);
//   if (!graph) return Fail(graph.error().message);
//   auto context = graph->CreateContext();
//   ...
//   std::vector<float> pixels = ...;
//   if (auto set = context->SetInput(0, {1, 3, 224, 224}, pixels); !set) ...
//   if (auto run = context->Compute(); !run) ...
//   auto scores = context->GetOutput<float>(0);  // std::expected<std::vector<float>, Error>
//
// One header on top of wasi_nn.h; C++23, no exceptions. The element type of a tensor follows from
// the C++ type, and its dimensions are checked against the data before the host is called. Nothing
// is copied here: the host reads from the caller's memory and writes into it.
//
// Errors: an Error has the host's number and a message that says what was attempted and why hosts
// refuse it. Lifetime: spans and Dims are borrowed for the call only; a Graph may be destroyed
// while its Contexts live. Threading: as wasi_nn.h says; no object here has state of its own.
//
// Define WASI_NN_RELEASE_HANDLES for hosts with the `unload` and `finalize_execution_context`
// extensions: handles are then released on destruction, otherwise when the instance ends.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <limits>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

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

}  // namespace internal

// One execution of a graph: (SetInput* Compute GetOutput*)*. Inputs stay set between computes.
class Context {
 public:
  // Hands input number `index` a tensor whose type is that of `data`'s elements.
  template <ElementRange R>
  [[nodiscard]] Result<void> SetInput(std::uint32_t index, Dims dims, const R& data) const {
    using T = std::ranges::range_value_t<R>;
    return SetInputBytes(index, dims, kTensorType<T>, std::as_bytes(std::span(data)),
                         std::ranges::size(data));
  }

  [[nodiscard]] Result<void> Compute() const {
    const wasi_nn_errno number = wasi_nn_compute(handle_.get());
    if (number == WASI_NN_ERRNO_SUCCESS) return {};
    return internal::Fail("compute", number, ComputeHint(number));
  }

  // Fills the front of `out` with output number `index`; returns its number of elements. If `out`
  // is too small nothing is written, and the message says what is needed where the host tells.
  template <Element T>
  [[nodiscard]] Result<std::size_t> GetOutputInto(std::uint32_t index, std::span<T> out) const {
    std::uint32_t size_bytes = 0;
    if (auto got = ReadOutput(index, std::as_writable_bytes(out), &size_bytes); !got) {
      return std::unexpected(std::move(got.error()));
    }
    return CountElements<T>(index, size_bytes);
  }

  // Output number `index`, whole. The host is asked twice, for the size and for the data, unless
  // the output has `expected_size` elements; hosts that do not tell the size need that number.
  template <Element T>
  [[nodiscard]] Result<std::vector<T>> GetOutput(std::uint32_t index,
                                                 std::size_t expected_size = 0) const {
    std::vector<T> out(expected_size);
    std::uint32_t size_bytes = 0;
    auto got = ReadOutput(index, std::as_writable_bytes(std::span(out)), &size_bytes);
    if (!got && got.error().code == Errno::kTooLarge && size_bytes > out.size() * sizeof(T)) {
      out.resize((size_bytes + sizeof(T) - 1) / sizeof(T));
      got = ReadOutput(index, std::as_writable_bytes(std::span(out)), &size_bytes);
    }
    if (!got) return std::unexpected(std::move(got.error()));
    auto count = CountElements<T>(index, size_bytes);
    if (!count) return std::unexpected(std::move(count.error()));
    out.resize(*count);
    return out;
  }

  wasi_nn_graph_execution_context handle() const { return handle_.get(); }

 private:
  friend class Graph;
  explicit Context(wasi_nn_graph_execution_context handle) : handle_(handle) {}

  static std::string_view ComputeHint(wasi_nn_errno number) {
    switch (number) {
      case WASI_NN_ERRNO_INVALID_ARGUMENT: return "an input is not set, or two do not fit together";
      case WASI_NN_ERRNO_RUNTIME_ERROR: return "the host's runtime failed; its log says why";
      case WASI_NN_ERRNO_TOO_LARGE: return "computing needs more memory than the host allows";
      default: return "";
    }
  }

  Result<void> SetInputBytes(std::uint32_t index, Dims dims, TensorType type,
                             std::span<const std::byte> bytes, std::size_t n_elements) const {
    const auto what = [&] {
      return "set_input " + std::to_string(index) + " (" + std::string(TensorTypeName(type)) +
             dims.ToString() + ")";
    };
    if (dims.NumElements() != n_elements) {
      return internal::Fail(what(), WASI_NN_ERRNO_INVALID_ARGUMENT,
                            "the data has " + std::to_string(n_elements) + " elements");
    }
    if (bytes.size() > internal::kMaxSizeBytes) {
      return internal::Fail(what(), WASI_NN_ERRNO_TOO_LARGE, "more than 4 GiB");
    }
    wasi_nn_tensor tensor;
    tensor.dimensions = dims.span().data();
    tensor.n_dimensions = static_cast<std::uint32_t>(dims.span().size());
    tensor.type = static_cast<wasi_nn_tensor_type>(type);
    tensor.data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    tensor.size_bytes = static_cast<std::uint32_t>(bytes.size());
    const wasi_nn_errno number = wasi_nn_set_input(handle_.get(), index, &tensor);
    if (number == WASI_NN_ERRNO_SUCCESS) return {};
    return internal::Fail(what(), number,
                          number == WASI_NN_ERRNO_INVALID_ARGUMENT
                              ? "the model has no such input, or of another type or shape"
                              : "");
  }

  // `*size_bytes` is set on success and, by hosts that tell, when the buffer is too small.
  Result<void> ReadOutput(std::uint32_t index, std::span<std::byte> out,
                          std::uint32_t* size_bytes) const {
    const std::uint32_t capacity = static_cast<std::uint32_t>(
        out.size() < internal::kMaxSizeBytes ? out.size() : internal::kMaxSizeBytes);
    const wasi_nn_errno number = wasi_nn_get_output(
        handle_.get(), index, reinterpret_cast<std::uint8_t*>(out.data()), capacity, size_bytes);
    if (number == WASI_NN_ERRNO_SUCCESS && *size_bytes <= capacity) return {};
    const std::string what = "get_output " + std::to_string(index);
    switch (number) {
      case WASI_NN_ERRNO_SUCCESS:
      case WASI_NN_ERRNO_TOO_LARGE:
        return internal::Fail(
            what, WASI_NN_ERRNO_TOO_LARGE,
            "the buffer has " + std::to_string(capacity) + " bytes" +
                (*size_bytes > capacity ? ", needed are " + std::to_string(*size_bytes) : ""));
      case WASI_NN_ERRNO_INVALID_ARGUMENT:
        return internal::Fail(what, number, "the model has no such output");
      case WASI_NN_ERRNO_RUNTIME_ERROR:
        return internal::Fail(what, number, "compute has not succeeded on this context yet");
      default: return internal::Fail(what, number, "");
    }
  }

  template <Element T>
  static Result<std::size_t> CountElements(std::uint32_t index, std::uint32_t size_bytes) {
    if (size_bytes % sizeof(T) == 0) return size_bytes / sizeof(T);
    return internal::Fail("get_output " + std::to_string(index), WASI_NN_ERRNO_INVALID_ARGUMENT,
                          "its " + std::to_string(size_bytes) +
                              " bytes are not whole elements of " +
                              std::string(TensorTypeName(kTensorType<T>)));
  }

  internal::ContextHandle handle_;
};

// A model that the host has loaded. Make as many contexts of it as needed.
class Graph {
 public:
  // Loads a model file's bytes, which may be freed afterwards.
  template <ByteRange R>
  [[nodiscard]] static Result<Graph> Load(const R& model, Encoding encoding = Encoding::kOnnx,
                                          Target target = Target::kCpu) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(model));
    if (bytes.size() > internal::kMaxSizeBytes) {
      return internal::Fail("load", WASI_NN_ERRNO_TOO_LARGE, "the model has more than 4 GiB");
    }
    wasi_nn_graph_builder builder;
    builder.data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    builder.size_bytes = static_cast<std::uint32_t>(bytes.size());
    wasi_nn_graph graph = 0;
    const wasi_nn_errno number =
        wasi_nn_load(&builder, 1, static_cast<wasi_nn_graph_encoding>(encoding),
                     static_cast<wasi_nn_execution_target>(target), &graph);
    if (number == WASI_NN_ERRNO_SUCCESS) return Graph(graph);
    return internal::Fail("load (" + std::to_string(bytes.size()) + " bytes)", number,
                          internal::LoadHint(number));
  }

  // Finds a graph that the host offers by name.
  [[nodiscard]] static Result<Graph> LoadByName(std::string_view name) {
    wasi_nn_graph graph = 0;
    const wasi_nn_errno number =
        wasi_nn_load_by_name(name.data(), static_cast<std::uint32_t>(name.size()), &graph);
    if (number == WASI_NN_ERRNO_SUCCESS) return Graph(graph);
    return internal::Fail("load_by_name '" + std::string(name) + "'", number,
                          internal::LoadHint(number));
  }

  [[nodiscard]] Result<Context> CreateContext() const {
    wasi_nn_graph_execution_context context = 0;
    const wasi_nn_errno number = wasi_nn_init_execution_context(handle_.get(), &context);
    if (number == WASI_NN_ERRNO_SUCCESS) return Context(context);
    return internal::Fail("init_execution_context", number, "");
  }

  wasi_nn_graph handle() const { return handle_.get(); }

 private:
  explicit Graph(wasi_nn_graph handle) : handle_(handle) {}

  internal::GraphHandle handle_;
};

}  // namespace wasi_nn
