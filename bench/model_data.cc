#include "bench/model_data.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <random>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/frontend/onnx_proto.h"
#include "engine/frontend/tensor_reader.h"

namespace wnn::bench {
namespace {

Result<Tensor> ReadTensorFile(const std::filesystem::path& path) {
  WNN_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, ReadFile(path));
  const auto proto = frontend::ParseTensor(bytes);
  if (!proto) return InvalidEncoding(path.string() + " is not an ONNX tensor");
  Result<Tensor> tensor = frontend::ReadTensor(*proto, Limits());
  if (!tensor) return std::move(tensor.error()).WithContext(path.string());
  return tensor;
}

// Protobuf's wire format, as far as a small model needs it.
std::string Varint(uint64_t value) {
  std::string text;
  for (; value > 0x7f; value >>= 7) text += static_cast<char>((value & 0x7f) | 0x80);
  return text + static_cast<char>(value);
}
std::string Number(int field, uint64_t value) {
  return Varint(static_cast<uint64_t>(field) << 3) + Varint(value);
}
std::string Message(int field, std::string_view bytes) {
  return Varint(static_cast<uint64_t>(field) << 3 | 2) + Varint(bytes.size()) + std::string(bytes);
}

// ValueInfoProto of a float tensor.
std::string FloatValue(std::string_view name, std::span<const int64_t> dims) {
  std::string shape;
  for (int64_t dim : dims) shape += Message(1, Number(1, static_cast<uint64_t>(dim)));
  const std::string tensor_type = Number(1, 1) + Message(2, shape);
  return Message(1, name) + Message(2, Message(1, tensor_type));
}

}  // namespace

Result<std::vector<std::byte>> ReadFile(const std::filesystem::path& path) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return NotFound(path.string() + ": " + error.message());
  std::vector<std::byte> bytes(size);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!file) return NotFound(path.string() + ": cannot read it");
  return bytes;
}

Result<std::vector<Case>> ReadCases(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> folders;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    if (std::filesystem::exists(it->path() / "input_0.pb") &&
        std::filesystem::exists(it->path() / "output_0.pb")) {
      folders.push_back(it->path());
    }
  }
  if (error) return NotFound(directory.string() + ": " + error.message());
  std::sort(folders.begin(), folders.end());
  std::vector<Case> cases;
  for (const std::filesystem::path& folder : folders) {
    WNN_ASSIGN_OR_RETURN(Tensor input, ReadTensorFile(folder / "input_0.pb"));
    WNN_ASSIGN_OR_RETURN(Tensor output, ReadTensorFile(folder / "output_0.pb"));
    cases.push_back({folder.filename().string(), std::move(input), std::move(output)});
  }
  return cases;
}

Result<Tensor> MakeInput(const ValueInfo& declared) {
  if (declared.dtype != DType::kFloat || !declared.has_shape) {
    return Unsupported("no input can be made for " + ValueInfoToString(declared) +
                       ": only float inputs of known rank");
  }
  Shape shape;
  for (const Dim& dim : declared.dims) shape.push_back(dim.value >= 0 ? dim.value : 1);
  WNN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(DType::kFloat, std::move(shape)));
  std::mt19937 random(1);  // its sequence, unlike the distributions', is the same everywhere
  for (size_t i = 0; i < tensor.bytes().size(); i += sizeof(float)) {
    const float value = static_cast<float>(random() >> 8) / (1 << 22) - 2;  // [-2, 2)
    std::memcpy(tensor.bytes().data() + i, &value, sizeof(value));
  }
  return tensor;
}

std::vector<std::byte> IdentityModel(std::span<const int64_t> dims) {
  const std::string node = Message(1, "0") + Message(2, "1") + Message(4, "Identity");
  const std::string graph = Message(1, node) + Message(2, "identity") +
                            Message(11, FloatValue("0", dims)) + Message(12, FloatValue("1", dims));
  constexpr uint64_t kIrVersion = 8;
  constexpr uint64_t kOpset = 13;
  const std::string model =
      Number(1, kIrVersion) + Message(7, graph) + Message(8, Number(2, kOpset));
  std::vector<std::byte> bytes(model.size());
  std::memcpy(bytes.data(), model.data(), model.size());
  return bytes;
}

}  // namespace wnn::bench
