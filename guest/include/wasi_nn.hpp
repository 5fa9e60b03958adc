// WASI-NN in C++: graphs and contexts as objects, typed tensors, results instead of error numbers.
//
//   auto graph = wasi_nn::Graph::Load(model_bytes);
//   if (!graph) return Fail(graph.error().message);
//   auto context = graph->CreateContext();
//   ...
//   constexpr wasi_nn::Input<float, wasi_nn::kAny, 3, 224, 224> kPixels{0};
//   constexpr wasi_nn::Output<float, wasi_nn::kAny, 1000> kScores{0};
//   std::vector<float> pixels = ...;
//   if (auto set = context->Set(kPixels, pixels); !set) ...   // of doubles: does not compile
//   if (auto run = context->Compute(); !run) ...
//   auto scores = context->Get(kScores);       // std::expected<TypedTensor<...>, Error>
//   float first = scores->view()[0, 0];        // a std::mdspan
//
// Without a declaration the type follows from the C++ type, and the dimensions are given, or come
// from a std::mdspan:
//   context->SetInput(0, {1, 3, 224, 224}, pixels);
//   context->SetInput("pixels", std::mdspan(pixels.data(), 1, 3, 224, 224));
//   auto scores = context->GetOutput<float>(0);  // std::expected<std::vector<float>, Error>
//
// On top of wasi_nn.h; C++23, no exceptions. Nothing is copied here: the host reads from the
// caller's memory and writes into it. Where the standard library has no <mdspan> all else works.
//
// Over either ABI:
//   (neither)         a core module that runs on every host of wasi_ephemeral_nn
//   WASI_NN_COMPONENT a component: names, outputs' shapes, the host's messages. Link
//                     guest/component as guest/README.md says
//   WASI_NN_EXTENSION either, with the extension of wasi-nn-onnx: the same in core modules, and
//                     wasi_nn_introspection.hpp; runs on this host only
//
// Errors: an Error has the host's number and a message that says what was attempted and why hosts
// refuse it. Lifetime: spans and Dims are borrowed for the call only; a Graph may be destroyed
// while its Contexts live. Threading: as wasi_nn.h says; no object here has state of its own.
//
// Define WASI_NN_RELEASE_HANDLES for hosts with the `unload` and `finalize_execution_context`
// extensions: handles are then released on destruction, otherwise when the instance ends. The two
// macros above imply it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  std::string text(TensorTypeName(kTensorType<T>));
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

// One execution of a graph: (SetInput* Compute GetOutput*)*. Inputs stay set between computes.
class Context {
 public:
  // Hands an input a tensor whose type is that of `data`'s elements.
  template <ElementRange R>
  [[nodiscard]] Result<void> SetInput(Slot input, Dims dims, const R& data) const {
    using T = std::ranges::range_value_t<R>;
    return SetInputBytes(input, dims, kTensorType<T>, std::as_bytes(std::span(data)),
                         std::ranges::size(data));
  }
  template <Element T>
  [[nodiscard]] Result<void> SetInput(Slot input, const Tensor<T>& tensor) const {
    return SetInput(input, tensor.dims, tensor.data);
  }

  // An input that is declared: `value` is an mdspan, or a range of elements whose number tells the
  // one dimension that may be open.
  template <Element T, std::size_t... kDims, typename V>
  [[nodiscard]] Result<void> Set(const Input<T, kDims...>& input, const V& value) const {
    using internal::Declared;
#ifdef WASI_NN_HAS_MDSPAN
    if constexpr (internal::kIsTensorView<V>) {
      static_assert(std::is_same_v<typename V::value_type, T>,
                    "the input is declared with another element type");
      static_assert(internal::MayFit<typename V::extents_type, kDims...>(),
                    "the input is declared with another rank, or other dimensions");
      const auto dims = internal::DimsOf(value);
      if (!internal::Allows<kDims...>(dims)) {
        return internal::Fail("set_input " + input.slot.ToString(), WASI_NN_ERRNO_INVALID_ARGUMENT,
                              "it is declared as " + Declared<T, kDims...>() + ", but " +
                                  Dims(dims).ToString() + " came");
      }
      return SetInputBytes(
          input.slot, dims, kTensorType<T>,
          std::as_bytes(std::span(value.data_handle(), value.mapping().required_span_size())),
          value.mapping().required_span_size());
    } else
#endif
    {
      static_assert(ElementRange<V>, "the value of an input is an mdspan or a range of elements");
      static_assert(std::is_same_v<std::ranges::range_value_t<V>, T>,
                    "the input is declared with another element type");
      if constexpr (internal::kSizeOf<V> != kAny) {
        static_assert(internal::Deduce<kDims...>(internal::kSizeOf<V>).has_value(),
                      "the array's elements do not fill the input as it is declared");
      }
      const auto dims = internal::Deduce<kDims...>(std::ranges::size(value));
      if (!dims) {
        return internal::Fail("set_input " + input.slot.ToString(), WASI_NN_ERRNO_INVALID_ARGUMENT,
                              "it is declared as " + Declared<T, kDims...>() +
                                  ", which the data's " + std::to_string(std::ranges::size(value)) +
                                  " elements do not fill");
      }
      return SetInput(input.slot, *dims, value);
    }
  }

  [[nodiscard]] Result<void> Compute() const {
    const wasi_nn_errno number = wasi_nn_compute(handle_.get());
    if (number == WASI_NN_ERRNO_SUCCESS) return {};
    return internal::Refused("compute", number, ComputeHint(number));
  }

  // Fills the front of `out` with an output; returns its number of elements. If `out` is too small
  // nothing is written, and the message says what is needed where the host tells.
  template <Element T>
  [[nodiscard]] Result<std::size_t> GetOutputInto(Slot output, std::span<T> out) const {
    std::uint32_t size_bytes = 0;
    if (auto got = ReadOutput(output, std::as_writable_bytes(out), &size_bytes); !got) {
      return std::unexpected(std::move(got.error()));
    }
    return CountElements<T>(output, size_bytes);
  }

  // An output, whole. The host is asked twice, for the size and for the data, unless the output has
  // `expected_size` elements; hosts that do not tell the size need that number.
  template <Element T>
  [[nodiscard]] Result<std::vector<T>> GetOutput(Slot output, std::size_t expected_size = 0) const {
    std::vector<T> out(expected_size);
    std::uint32_t size_bytes = 0;
    auto got = ReadOutput(output, std::as_writable_bytes(std::span(out)), &size_bytes);
    if (!got && got.error().code == Errno::kTooLarge && size_bytes > out.size() * sizeof(T)) {
      out.resize((size_bytes + sizeof(T) - 1) / sizeof(T));
      got = ReadOutput(output, std::as_writable_bytes(std::span(out)), &size_bytes);
    }
    if (!got) return std::unexpected(std::move(got.error()));
    auto count = CountElements<T>(output, size_bytes);
    if (!count) return std::unexpected(std::move(count.error()));
    out.resize(*count);
    return out;
  }

  // An output that is declared. Hosts that do not tell the shape that came out leave it to be
  // deduced: then at most one dimension may be open. An output is bytes to its reader: whether the
  // model's elements are those declared, Check of wasi_nn_introspection.hpp tells.
  template <Element T, std::size_t... kDims>
  [[nodiscard]] Result<TypedTensor<T, kDims...>> Get(const Output<T, kDims...>& output) const {
    auto data = GetOutput<T>(output.slot);
    if (!data) return std::unexpected(std::move(data.error()));
    const auto mismatch = [&](const std::string& came) {
      return internal::Fail(
          "get_output " + output.slot.ToString(), WASI_NN_ERRNO_INVALID_ARGUMENT,
          "it is declared as " + internal::Declared<T, kDims...>() + ", but " + came + " came");
    };
    TypedTensor<T, kDims...> tensor;
#ifdef WASI_NN_HAS_MORE
    const auto dims = OutputDims(output.slot);
    if (!dims) return std::unexpected(dims.error());
    if (!internal::Allows<kDims...>(*dims)) return mismatch(Dims(*dims).ToString());
    std::ranges::copy(*dims, tensor.dims.begin());
#else
    const auto dims = internal::Deduce<kDims...>(data->size());
    if (!dims) return mismatch(std::to_string(data->size()) + " elements");
    tensor.dims = *dims;
#endif
    tensor.data = std::move(*data);
    return tensor;
  }

#ifdef WASI_NN_HAS_MDSPAN
  // A tensor of any rank, whose dimensions are those of the view.
  template <Element T, typename E, typename L, typename A>
  [[nodiscard]] Result<void> SetInput(Slot input, std::mdspan<T, E, L, A> view) const {
    const auto dims = internal::DimsOf(view);
    const std::size_t size = view.mapping().required_span_size();
    return SetInputBytes(input, dims, kTensorType<T>,
                         std::as_bytes(std::span(view.data_handle(), size)), size);
  }
  // Fills the whole view, whose number of elements must be the output's.
  template <Element T, typename E, typename L, typename A>
  [[nodiscard]] Result<void> GetOutputInto(Slot output, std::mdspan<T, E, L, A> view) const {
    static_assert(!std::is_const_v<T>, "the output is written to the view");
    const auto dims = internal::DimsOf(view);
    const std::size_t size = view.mapping().required_span_size();
    auto count = GetOutputInto(output, std::span<T>(view.data_handle(), size));
    if (!count) return std::unexpected(std::move(count.error()));
    if (*count == size) return {};
    return internal::Fail(
        "get_output " + output.ToString(), WASI_NN_ERRNO_INVALID_ARGUMENT,
        "it has " + std::to_string(*count) + " elements, the view is " + Dims(dims).ToString());
  }
#endif

#ifdef WASI_NN_HAS_MORE
  // The dimensions of an output, as they came out of the last Compute.
  [[nodiscard]] Result<std::vector<std::uint32_t>> OutputDims(Slot output) const {
    const std::string_view name = output.name();
    std::vector<std::uint32_t> dims(8);
    for (;;) {
      const auto capacity = static_cast<std::uint32_t>(dims.size());
      std::uint32_t rank = 0;
      const wasi_nn_errno number =
          output.has_name()
              ? wasi_nn_onnx_output_dims_by_name(handle_.get(), name.data(),
                                                 static_cast<std::uint32_t>(name.size()),
                                                 dims.data(), capacity, &rank)
              : wasi_nn_onnx_output_dims(handle_.get(), output.index(), dims.data(), capacity,
                                         &rank);
      dims.resize(rank);
      if (number == WASI_NN_ERRNO_SUCCESS) return dims;
      if (number == WASI_NN_ERRNO_TOO_LARGE && rank > capacity) continue;
      return internal::Refused("output_dims " + output.ToString(), number, "");
    }
  }
#endif

#ifdef WASI_NN_EXTENSION
  // From now on the input has, at each Compute, the value that the output had after the one before:
  // state that stays on the host. What is set counts for the next Compute; so does the first begin.
  [[nodiscard]] Result<void> BindOutput(Slot output, Slot input) const {
    const std::string from = NameOf(output), to = NameOf(input);
    const wasi_nn_errno number = wasi_nn_onnx_bind_output_by_name(
        handle_.get(), from.data(), static_cast<std::uint32_t>(from.size()), to.data(),
        static_cast<std::uint32_t>(to.size()));
    if (number == WASI_NN_ERRNO_SUCCESS) return {};
    return internal::Refused("bind_output " + output.ToString() + " " + input.ToString(), number,
                             "");
  }
  [[nodiscard]] Result<void> UnbindInput(Slot input) const {
    const std::string name = NameOf(input);
    const wasi_nn_errno number = wasi_nn_onnx_unbind_input_by_name(
        handle_.get(), name.data(), static_cast<std::uint32_t>(name.size()));
    if (number == WASI_NN_ERRNO_SUCCESS) return {};
    return internal::Refused("unbind_input " + input.ToString(), number, "");
  }
#endif

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

  // As hosts take it: an index in decimal where there is no name.
  static std::string NameOf(const Slot& slot) {
    return slot.has_name() ? std::string(slot.name()) : std::to_string(slot.index());
  }

  Result<void> SetInputBytes(const Slot& input, Dims dims, TensorType type,
                             std::span<const std::byte> bytes, std::size_t n_elements) const {
    const auto what = [&] {
      return "set_input " + input.ToString() + " (" + std::string(TensorTypeName(type)) +
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
    const wasi_nn_errno number = SetTensor(input, tensor);
    if (number == WASI_NN_ERRNO_SUCCESS) return {};
    return internal::Refused(what(), number,
                             number == WASI_NN_ERRNO_INVALID_ARGUMENT
                                 ? "the model has no such input, or of another type or shape"
                                 : "");
  }

  wasi_nn_errno SetTensor(const Slot& input, const wasi_nn_tensor& tensor) const {
#ifdef WASI_NN_HAS_MORE
    if (input.has_name()) {
      const std::string_view name = input.name();
      return wasi_nn_onnx_set_input_by_name(handle_.get(), name.data(),
                                            static_cast<std::uint32_t>(name.size()), &tensor);
    }
#endif
    return wasi_nn_set_input(handle_.get(), input.index(), &tensor);
  }

  wasi_nn_errno GetBytes(const Slot& output, std::uint8_t* buffer, std::uint32_t capacity,
                         std::uint32_t* size_bytes) const {
#ifdef WASI_NN_HAS_MORE
    if (output.has_name()) {
      const std::string_view name = output.name();
      return wasi_nn_onnx_get_output_by_name(handle_.get(), name.data(),
                                             static_cast<std::uint32_t>(name.size()), buffer,
                                             capacity, size_bytes);
    }
#endif
    return wasi_nn_get_output(handle_.get(), output.index(), buffer, capacity, size_bytes);
  }

  // `*size_bytes` is set on success and, by hosts that tell, when the buffer is too small.
  Result<void> ReadOutput(const Slot& output, std::span<std::byte> out,
                          std::uint32_t* size_bytes) const {
    const std::uint32_t capacity = static_cast<std::uint32_t>(
        out.size() < internal::kMaxSizeBytes ? out.size() : internal::kMaxSizeBytes);
    const wasi_nn_errno number =
        GetBytes(output, reinterpret_cast<std::uint8_t*>(out.data()), capacity, size_bytes);
    if (number == WASI_NN_ERRNO_SUCCESS && *size_bytes <= capacity) return {};
    const std::string what = "get_output " + output.ToString();
    switch (number) {
      case WASI_NN_ERRNO_SUCCESS:
      case WASI_NN_ERRNO_TOO_LARGE:
        return internal::Fail(
            what, WASI_NN_ERRNO_TOO_LARGE,
            "the buffer has " + std::to_string(capacity) + " bytes" +
                (*size_bytes > capacity ? ", needed are " + std::to_string(*size_bytes) : ""));
      case WASI_NN_ERRNO_INVALID_ARGUMENT:
        return internal::Refused(what, number, "the model has no such output");
      case WASI_NN_ERRNO_RUNTIME_ERROR:
        return internal::Refused(what, number, "compute has not succeeded on this context yet");
      default: return internal::Refused(what, number, "");
    }
  }

  template <Element T>
  static Result<std::size_t> CountElements(const Slot& output, std::uint32_t size_bytes) {
    if (size_bytes % sizeof(T) == 0) return size_bytes / sizeof(T);
    return internal::Fail("get_output " + output.ToString(), WASI_NN_ERRNO_INVALID_ARGUMENT,
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
    return internal::Refused("load (" + std::to_string(bytes.size()) + " bytes)", number,
                             internal::LoadHint(number));
  }

  // Finds a graph that the host offers by name.
  [[nodiscard]] static Result<Graph> LoadByName(std::string_view name) {
    wasi_nn_graph graph = 0;
    const wasi_nn_errno number =
        wasi_nn_load_by_name(name.data(), static_cast<std::uint32_t>(name.size()), &graph);
    if (number == WASI_NN_ERRNO_SUCCESS) return Graph(graph);
    return internal::Refused("load_by_name '" + std::string(name) + "'", number,
                             internal::LoadHint(number));
  }

  [[nodiscard]] Result<Context> CreateContext() const {
    wasi_nn_graph_execution_context context = 0;
    const wasi_nn_errno number = wasi_nn_init_execution_context(handle_.get(), &context);
    if (number == WASI_NN_ERRNO_SUCCESS) return Context(context);
    return internal::Refused("init_execution_context", number, "");
  }

  wasi_nn_graph handle() const { return handle_.get(); }

 private:
  explicit Graph(wasi_nn_graph handle) : handle_(handle) {}

  internal::GraphHandle handle_;
};

}  // namespace wasi_nn
