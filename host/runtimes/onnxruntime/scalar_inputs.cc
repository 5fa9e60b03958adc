#include "host/runtimes/onnxruntime/scalar_inputs.h"

#include <optional>

#include "engine/frontend/wire.h"

namespace wnn::runtimes {
namespace {

using frontend::WireReader;

// onnx.proto's numbers of the fields on the way to an input's shape.
constexpr uint32_t kModelGraph = 7;
constexpr uint32_t kGraphInput = 11;
constexpr uint32_t kValueName = 1;
constexpr uint32_t kValueType = 2;
constexpr uint32_t kTypeTensor = 1;
constexpr uint32_t kTensorShape = 2;

// The last field with this number, as protobuf reads one that comes twice; nothing if there is
// none.
std::optional<frontend::Field> Find(std::span<const std::byte> message, uint32_t number) {
  std::optional<frontend::Field> found;
  WireReader reader(message);
  while (reader.Next()) {
    if (reader.field().number == number && reader.field().IsBytes()) found = reader.field();
  }
  return found;
}

bool IsScalar(std::span<const std::byte> value_info) {
  const auto type = Find(value_info, kValueType);
  const auto tensor = type ? Find(type->bytes, kTypeTensor) : std::nullopt;
  const auto shape = tensor ? Find(tensor->bytes, kTensorShape) : std::nullopt;
  return shape && shape->bytes.empty();
}

}  // namespace

std::set<std::string> ScalarInputs(std::span<const std::byte> model) {
  std::set<std::string> names;
  const auto graph = Find(model, kModelGraph);
  if (!graph) return names;
  WireReader reader(graph->bytes);
  while (reader.Next()) {
    const frontend::Field& field = reader.field();
    if (field.number != kGraphInput || !field.IsBytes() || !IsScalar(field.bytes)) continue;
    const auto name = Find(field.bytes, kValueName);
    if (name) names.emplace(name->AsString());
  }
  return names;
}

}  // namespace wnn::runtimes
