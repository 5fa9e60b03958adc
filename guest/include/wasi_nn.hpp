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
//   WASI_NN_COMPONENT a component: names, outputs' types and shapes, the host's messages. Link
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
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wasi_nn_internal.hpp"
#include "wasi_nn_types.hpp"

namespace wasi_nn {

// One execution of a graph: (SetInput* Compute GetOutput*)*. Inputs stay set between computes.
class Context {
 public:
  // Hands an input a tensor whose type is that of `data`'s elements.
  template <ElementRange R>
  [[nodiscard]] Result<void> SetInput(Slot input, Dims dims, const R& data) const {
    using T = std::ranges::range_value_t<R>;
    return SetInputBytes(input, dims, kElementType<T>, std::as_bytes(std::span(data)),
                         std::ranges::size(data));
  }
  template <Element T>
  [[nodiscard]] Result<void> SetInput(Slot input, const Tensor<T>& tensor) const {
    return SetInput(input, tensor.dims, tensor.data);
  }
  // One whose elements are no C++ type, such as ONNX's int4: `data` has them as dense as ONNX does.
  [[nodiscard]] Result<void> SetInputPacked(Slot input, Dims dims,
                                            std::span<const std::byte> data) const {
    return SetInputBytes(input, dims, kElementType<std::byte>, data, dims.NumElements());
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
          input.slot, dims, kElementType<T>,
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
    if (auto type = CheckType<T>(output); !type) return std::unexpected(std::move(type.error()));
    std::uint32_t size_bytes = 0;
    if (auto got = ReadOutput(output, std::as_writable_bytes(out), &size_bytes); !got) {
      return std::unexpected(std::move(got.error()));
    }
    return CountElements(output, out, size_bytes);
  }

  // An output, whole: a std::vector<T>, or Bools. The host is asked twice, for the size and for the
  // data, unless the output has `expected_size` elements; hosts that do not tell the size need that
  // number.
  template <Element T>
  [[nodiscard]] Result<Elements<T>> GetOutput(Slot output, std::size_t expected_size = 0) const {
    if (auto type = CheckType<T>(output); !type) return std::unexpected(std::move(type.error()));
#ifdef WASI_NN_HAS_MORE
    if (expected_size == 0) {
      if (const auto dims = OutputDims(output)) {
        expected_size = static_cast<std::size_t>(Dims(*dims).NumElements());
      }
    }
#endif
    Elements<T> out(expected_size);
    std::uint32_t size_bytes = 0;
    auto got = ReadOutput(output, std::as_writable_bytes(std::span(out)), &size_bytes);
    if (!got && got.error().code == Errno::kTooLarge && size_bytes > out.size() * sizeof(T)) {
      out.resize((size_bytes + sizeof(T) - 1) / sizeof(T));
      got = ReadOutput(output, std::as_writable_bytes(std::span(out)), &size_bytes);
    }
    if (!got) return std::unexpected(std::move(got.error()));
    auto count = CountElements(output, std::span(out), size_bytes);
    if (!count) return std::unexpected(std::move(count.error()));
    out.resize(*count);
    return out;
  }

  // An output that is declared. Hosts that do not tell the shape that came out leave it to be
  // deduced: then at most one dimension may be open. Where they do not tell the type, an output is
  // bytes to its reader.
  template <Element T, std::size_t... kDims>
  [[nodiscard]] Result<TypedTensor<T, kDims...>> Get(const Output<T, kDims...>& output) const {
    TypedTensor<T, kDims...> tensor;
#ifdef WASI_NN_HAS_MORE
    if (auto dims = DimsOfDeclared(output); dims) {
      tensor.dims = *dims;
    } else {
      return std::unexpected(std::move(dims.error()));
    }
    auto data = GetOutput<T>(output.slot, Dims(tensor.dims).NumElements());
    if (!data) return std::unexpected(std::move(data.error()));
#else
    auto data = GetOutput<T>(output.slot);
    if (!data) return std::unexpected(std::move(data.error()));
    const auto dims = internal::Deduce<kDims...>(data->size());
    if (!dims) return Mismatch(output, std::to_string(data->size()) + " elements came");
    tensor.dims = *dims;
#endif
    if (data->size() != Dims(tensor.dims).NumElements()) {
      return Mismatch(output, "it has " + std::to_string(data->size()) + " elements of this type");
    }
    tensor.data = std::move(*data);
    return tensor;
  }

#ifdef WASI_NN_HAS_MDSPAN
  // A tensor of any rank, whose dimensions are those of the view.
  template <Element T, typename E, typename L, typename A>
  [[nodiscard]] Result<void> SetInput(Slot input, std::mdspan<T, E, L, A> view) const {
    const auto dims = internal::DimsOf(view);
    const std::size_t size = view.mapping().required_span_size();
    return SetInputBytes(input, dims, kElementType<std::remove_cv_t<T>>,
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
  // An output that is declared, to memory of the caller's, whose dimensions must be those that came
  // out.
  template <Element T, std::size_t... kDims, typename U, typename E, typename L, typename A>
  [[nodiscard]] Result<void> GetInto(const Output<T, kDims...>& output,
                                     std::mdspan<U, E, L, A> view) const {
    static_assert(std::is_same_v<U, T>, "the output is declared with another element type");
    static_assert(internal::MayFit<E, kDims...>(),
                  "the output is declared with another rank, or other dimensions");
    const auto dims = internal::DimsOf(view);
    if (!internal::Allows<kDims...>(dims)) {
      return Mismatch(output, "the view is " + Dims(dims).ToString());
    }
#ifdef WASI_NN_HAS_MORE
    const auto came = DimsOfDeclared(output);
    if (!came) return std::unexpected(came.error());
    if (*came != dims) {
      return Mismatch(output,
                      Dims(*came).ToString() + " came, and the view is " + Dims(dims).ToString());
    }
#endif
    return GetOutputInto(output.slot, view);
  }
#endif

#ifdef WASI_NN_HAS_MORE
  // The dimensions of an output, as they came out of the last Compute.
  [[nodiscard]] Result<std::vector<std::uint32_t>> OutputDims(Slot output) const {
    return ReadDims(output, "output_dims ");
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

  Result<void> SetInputBytes(const Slot& input, Dims dims, ElementType type,
                             std::span<const std::byte> bytes, std::uint64_t n_elements) const {
    const auto what = [&] {
      return "set_input " + input.ToString() + " (" + std::string(type.name) + dims.ToString() +
             ")";
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
    tensor.type = static_cast<wasi_nn_tensor_type>(type.crosses_as());
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

  // Whether an output may be read as elements of type T, as far as the host tells. All may be read
  // as std::byte, and what crosses as U8 as unsigned char, too.
  template <Element T>
  Result<void> CheckType(const Slot& output) const {
#ifdef WASI_NN_HAS_MORE
    if constexpr (!std::is_same_v<T, std::byte>) {
      constexpr ElementType kWanted = kElementType<T>;
      const std::string_view name = output.name();
      wasi_nn_value_type type{};
      const wasi_nn_errno number =
          output.has_name()
              ? wasi_nn_onnx_output_type_by_name(handle_.get(), name.data(),
                                                 static_cast<std::uint32_t>(name.size()), &type)
              : wasi_nn_onnx_output_type(handle_.get(), output.index(), &type);
      if (number != WASI_NN_ERRNO_SUCCESS) {
        return internal::Refused("get_output " + output.ToString(), number, "");
      }
      const bool is_bytes = type.type == WASI_NN_NONE || type.type == WASI_NN_TENSOR_TYPE_U8;
      const bool is_any_byte = type.onnx_type == 0 || std::is_same_v<T, unsigned char>;
      if (type.onnx_type != kWanted.onnx &&
          !(is_bytes && is_any_byte && kWanted.crosses_as() == TensorType::kU8)) {
        const std::string_view is =
            type.onnx_type == 0 ? "bytes" : ElementTypeOfOnnx(type.onnx_type).name;
        return internal::Fail(
            "get_output " + output.ToString(), WASI_NN_ERRNO_INVALID_ARGUMENT,
            "its elements are " + std::string(is) + ", not " + std::string(kWanted.name));
      }
    }
#else
    static_cast<void>(output);
#endif
    return {};
  }

  // How many elements the host wrote to the front of `out`.
  template <Element T>
  static Result<std::size_t> CountElements(const Slot& output, std::span<T> out,
                                           std::uint32_t size_bytes) {
    const auto fail = [&](const std::string& why) {
      return internal::Fail("get_output " + output.ToString(), WASI_NN_ERRNO_INVALID_ARGUMENT,
                            "its " + std::to_string(size_bytes) + " bytes are " + why);
    };
    if (size_bytes % sizeof(T) != 0) {
      return fail("not whole elements of " + std::string(kElementType<T>.name));
    }
    if constexpr (std::is_same_v<T, bool>) {
      // A bool of another value must not be left behind, nor looked at as a bool.
      const auto bytes = std::as_writable_bytes(out).first(size_bytes);
      if (std::ranges::any_of(bytes, [](std::byte b) { return b > std::byte{1}; })) {
        std::ranges::fill(bytes, std::byte{0});
        return fail("no bools");
      }
    }
    return size_bytes / sizeof(T);
  }

  template <Element T, std::size_t... kDims>
  static std::unexpected<Error> Mismatch(const Output<T, kDims...>& output,
                                         const std::string& what) {
    return internal::Fail(
        "get_output " + output.slot.ToString(), WASI_NN_ERRNO_INVALID_ARGUMENT,
        "it is declared as " + internal::Declared<T, kDims...>() + ", but " + what);
  }

#ifdef WASI_NN_HAS_MORE
  Result<std::vector<std::uint32_t>> ReadDims(const Slot& output, std::string_view call) const {
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
      return internal::Refused(std::string(call) + output.ToString(), number, "");
    }
  }

  // The dimensions that came out, if they are as declared.
  template <Element T, std::size_t... kDims>
  Result<std::array<std::uint32_t, sizeof...(kDims)>> DimsOfDeclared(
      const Output<T, kDims...>& output) const {
    const auto dims = ReadDims(output.slot, "get_output ");
    if (!dims) return std::unexpected(dims.error());
    if (!internal::Allows<kDims...>(*dims))
      return Mismatch(output, Dims(*dims).ToString() + " came");
    std::array<std::uint32_t, sizeof...(kDims)> fixed;
    std::ranges::copy(*dims, fixed.begin());
    return fixed;
  }
#endif

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
