#include "host/nn/model_scan.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "engine/frontend/wire.h"

namespace wnn::nn {
namespace {

using frontend::Field;
using frontend::WireReader;

// Subgraphs in subgraphs; real models stay below ten.
constexpr int kMaxDepth = 64;

enum class Message { kModel, kGraph, kFunction, kNode, kAttribute, kTensor, kSparseTensor };

struct Child {
  Message parent;
  uint32_t field;
  Message message;
};

// onnx.proto's fields that lead to nodes or tensors.
constexpr std::array kChildren = {
    Child{Message::kModel, 7, Message::kGraph},
    Child{Message::kModel, 25, Message::kFunction},
    Child{Message::kGraph, 1, Message::kNode},
    Child{Message::kGraph, 5, Message::kTensor},
    Child{Message::kGraph, 15, Message::kSparseTensor},
    Child{Message::kFunction, 7, Message::kNode},
    Child{Message::kFunction, 11, Message::kAttribute},
    Child{Message::kNode, 5, Message::kAttribute},
    Child{Message::kAttribute, 5, Message::kTensor},
    Child{Message::kAttribute, 6, Message::kGraph},
    Child{Message::kAttribute, 10, Message::kTensor},
    Child{Message::kAttribute, 11, Message::kGraph},
    Child{Message::kAttribute, 22, Message::kSparseTensor},
    Child{Message::kAttribute, 23, Message::kSparseTensor},
    Child{Message::kSparseTensor, 1, Message::kTensor},
    Child{Message::kSparseTensor, 2, Message::kTensor},
};

constexpr uint32_t kTensorDims = 1;
constexpr uint32_t kTensorExternalData = 13;
constexpr uint32_t kTensorDataLocation = 14;
constexpr uint64_t kLocationExternal = 1;
constexpr uint32_t kEntryKey = 1;
constexpr uint32_t kEntryValue = 2;

class Scan {
 public:
  Scan(const Limits& limits, const std::optional<std::filesystem::path>& model_dir)
      : limits_(limits), model_dir_(model_dir) {}

  Status Run(std::span<const std::byte> model) {
    WNN_RETURN_IF_ERROR(Walk(Message::kModel, model, 0));
    if (!has_graph_) return InvalidEncoding("the bytes are not an ONNX model: it has no graph");
    return OkStatus();
  }

 private:
  Status Walk(Message message, std::span<const std::byte> bytes, int depth) {
    if (depth > kMaxDepth) return Security("the model's subgraphs are nested too deep");
    WireReader reader(bytes);
    uint64_t rank = 0;
    while (reader.Next()) {
      const Field& field = reader.field();
      if (message == Message::kTensor) WNN_RETURN_IF_ERROR(CheckTensorField(field, &rank));
      auto child = std::find_if(kChildren.begin(), kChildren.end(), [&](const Child& c) {
        return c.parent == message && c.field == field.number;
      });
      if (child == kChildren.end()) continue;
      if (!field.IsBytes()) return Malformed();
      if (child->message == Message::kNode && ++n_nodes_ > limits_.max_nodes) {
        return TooLarge("the model has more than " + std::to_string(limits_.max_nodes) +
                        " nodes, the limit");
      }
      if (message == Message::kModel && child->message == Message::kGraph) has_graph_ = true;
      WNN_RETURN_IF_ERROR(Walk(child->message, field.bytes, depth + 1));
    }
    return reader.ok() ? OkStatus() : Malformed();
  }

  Status CheckTensorField(const Field& field, uint64_t* rank) {
    if (field.number == kTensorDims) {
      if (!frontend::ForEachVarint(field, [&](uint64_t) { ++*rank; })) return Malformed();
      if (*rank > limits_.max_rank) {
        return TooLarge("the model has a tensor of more than " + std::to_string(limits_.max_rank) +
                        " dimensions, the limit");
      }
    }
    if (field.number == kTensorDataLocation && field.value == kLocationExternal && !model_dir_) {
      return RefuseExternalData();
    }
    if (field.number == kTensorExternalData) return CheckExternalEntry(field);
    return OkStatus();
  }

  Status CheckExternalEntry(const Field& entry) {
    if (!model_dir_) return RefuseExternalData();
    if (!entry.IsBytes()) return Malformed();
    std::string_view key;
    std::string_view value;
    WireReader reader(entry.bytes);
    while (reader.Next()) {
      if (reader.field().number == kEntryKey) key = reader.field().AsString();
      if (reader.field().number == kEntryValue) value = reader.field().AsString();
    }
    if (!reader.ok()) return Malformed();
    if (key != "location") return OkStatus();
    std::error_code error;
    const auto root = std::filesystem::canonical(*model_dir_, error);
    if (error) return NotFound("cannot resolve " + model_dir_->string() + ": " + error.message());
    const auto file = std::filesystem::weakly_canonical(root / value, error);
    const auto beneath = file.lexically_relative(root);
    if (error || beneath.empty() || *beneath.begin() == "..") {
      return Security("the model's external data '" + std::string(value) +
                      "' is outside of its directory");
    }
    return OkStatus();
  }

  static Status Malformed() {
    return InvalidEncoding("the bytes are not an ONNX model: malformed protobuf");
  }
  static Status RefuseExternalData() {
    return Security(
        "the model keeps tensors in external files, which a model given as bytes may not open; "
        "save it with its weights inside");
  }

  const Limits& limits_;
  const std::optional<std::filesystem::path>& model_dir_;
  uint64_t n_nodes_ = 0;
  bool has_graph_ = false;
};

}  // namespace

Status ScanModel(std::span<const std::byte> model, const Limits& limits,
                 const std::optional<std::filesystem::path>& model_dir) {
  return Scan(limits, model_dir).Run(model);
}

}  // namespace wnn::nn
