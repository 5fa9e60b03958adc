// Runs any ONNX model on tensors in files:
//
//   infer MODEL OUTPUT_PREFIX N_OUTPUTS INPUT...
//
// An input's file is one line of text, its type (f16 f32 f64 u8 i32 i64, or bytes for any other
// type) and its dimensions, then its elements, little endian: "f32 1 3 224 224\n...". Output number
// i goes to the file OUTPUT_PREFIXi, its elements alone: the witx ABI does not tell types and
// shapes.
//
// Exit codes: 0 computed, 1 failed, 2 the command line or a file is wrong.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "guest/support/file.h"
#include "wasi_nn.h"

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr uint32_t kFirstGuessBytes = 1 << 16;
constexpr uint32_t kMaxOutputBytes = 1 << 30;

struct Input {
  std::vector<std::byte> file;  // keeps the elements
  std::vector<uint32_t> dims;
  wasi_nn_tensor_type type = WASI_NN_TENSOR_TYPE_U8;
  size_t elements_at = 0;
};

[[noreturn]] void Fail(int code, const std::string& message) {
  std::fprintf(stderr, "infer: %s\n", message.c_str());
  std::exit(code);
}

void Check(const std::string& call, wasi_nn_errno code) {
  if (code != WASI_NN_ERRNO_SUCCESS) {
    Fail(kExitFailed, call + " failed with errno " + std::to_string(code));
  }
}

std::vector<std::byte> ReadOrFail(const std::string& path) {
  auto bytes = wnn::support::ReadFile(path);
  if (!bytes) Fail(kExitUsage, bytes.error());
  return *std::move(bytes);
}

// Nothing for an unknown name. A type that WASI-NN has no number for crosses as bytes.
std::optional<wasi_nn_tensor_type> TypeNamed(std::string_view name) {
  if (name == "f16") return WASI_NN_TENSOR_TYPE_F16;
  if (name == "f32") return WASI_NN_TENSOR_TYPE_F32;
  if (name == "f64") return WASI_NN_TENSOR_TYPE_F64;
  if (name == "u8" || name == "bytes") return WASI_NN_TENSOR_TYPE_U8;
  if (name == "i32") return WASI_NN_TENSOR_TYPE_I32;
  if (name == "i64") return WASI_NN_TENSOR_TYPE_I64;
  return std::nullopt;
}

Input ReadInput(const std::string& path) {
  Input input;
  input.file = ReadOrFail(path);
  const std::string_view text = wnn::support::AsText(input.file);
  const size_t line_end = text.find('\n');
  if (line_end == std::string_view::npos) Fail(kExitUsage, path + " has no line of type and shape");
  std::istringstream line{std::string(text.substr(0, line_end))};
  std::string name;
  line >> name;
  const auto type = TypeNamed(name);
  if (!type) Fail(kExitUsage, path + ": unknown type '" + name + "'");
  input.type = *type;
  for (uint32_t dim; line >> dim;) input.dims.push_back(dim);
  if (!line.eof()) Fail(kExitUsage, path + ": a dimension is no number");
  input.elements_at = line_end + 1;
  return input;
}

void SetInput(wasi_nn_graph_execution_context context, uint32_t index, const Input& input) {
  wasi_nn_tensor tensor{};
  tensor.dimensions = input.dims.data();
  tensor.n_dimensions = static_cast<uint32_t>(input.dims.size());
  tensor.type = input.type;
  tensor.data = reinterpret_cast<const uint8_t*>(input.file.data()) + input.elements_at;
  tensor.size_bytes = static_cast<uint32_t>(input.file.size() - input.elements_at);
  Check("set_input " + std::to_string(index), wasi_nn_set_input(context, index, &tensor));
}

// With a buffer as large as it takes: hosts that do not say how large are asked again and again.
std::vector<uint8_t> GetOutput(wasi_nn_graph_execution_context context, uint32_t index) {
  std::vector<uint8_t> buffer(kFirstGuessBytes);
  while (true) {
    uint32_t size = 0;
    const auto capacity = static_cast<uint32_t>(buffer.size());
    const wasi_nn_errno code = wasi_nn_get_output(context, index, buffer.data(), capacity, &size);
    if (code != WASI_NN_ERRNO_TOO_LARGE || capacity >= kMaxOutputBytes) {
      Check("get_output " + std::to_string(index), code);
      buffer.resize(size);
      return buffer;
    }
    buffer.resize(size > capacity ? size : 2 * buffer.size());
  }
}

void WriteOrFail(const std::string& path, const std::vector<uint8_t>& bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) Fail(kExitUsage, "cannot write " + path);
  const bool is_written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  if (std::fclose(file) != 0 || !is_written) Fail(kExitUsage, "cannot write all of " + path);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) Fail(kExitUsage, "usage: infer MODEL OUTPUT_PREFIX N_OUTPUTS INPUT...");
  const std::vector<std::byte> model = ReadOrFail(argv[1]);
  const std::string prefix = argv[2];
  const auto n_outputs = static_cast<uint32_t>(std::strtoul(argv[3], nullptr, 10));

  const wasi_nn_graph_builder builder = {reinterpret_cast<const uint8_t*>(model.data()),
                                         static_cast<uint32_t>(model.size())};
  wasi_nn_graph graph = 0;
  wasi_nn_graph_execution_context context = 0;
  Check("load", wasi_nn_load(&builder, 1, WASI_NN_GRAPH_ENCODING_ONNX, WASI_NN_EXECUTION_TARGET_CPU,
                             &graph));
  Check("init_execution_context", wasi_nn_init_execution_context(graph, &context));
  for (int i = 4; i < argc; ++i) {
    SetInput(context, static_cast<uint32_t>(i - 4), ReadInput(argv[i]));
  }
  Check("compute", wasi_nn_compute(context));
  for (uint32_t i = 0; i < n_outputs; ++i) {
    WriteOrFail(prefix + std::to_string(i), GetOutput(context, i));
  }
}
