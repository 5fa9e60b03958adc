#include "host/nn/model_scan.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "engine/base/stop_check.h"
#include "engine/base/stoppable_parallel.h"
#include "engine/frontend/wire.h"
#include "host/nn/function_calls.h"
#include "host/nn/tensor_scan.h"

namespace wnn::nn {
namespace {

using frontend::Field;
using frontend::WireReader;

// Messages in messages: of a subgraph in a subgraph, three. Real models stay below thirty, and
// protobuf's own readers stop at a hundred.
constexpr int kMaxDepth = 64;

enum class Message : uint8_t {
  kModel,
  kTraining,
  kGraph,
  kFunction,
  kNode,
  kAttribute,
  kValueInfo,
  kType,
  kElementType,  // Sequence, Optional and Map: what holds a type
  kTensorType,   // also of sparse tensors
  kShape,
  kTensor,
  kSparseTensor,
  kOther,  // counted, not looked into
};

struct Child {
  Message parent;
  uint32_t field;
  Message message;
  bool is_single = false;  // there once at most
};

// onnx.proto's fields that hold messages or repeat.
constexpr auto kChildren = std::to_array<Child>({
    {Message::kModel, 7, Message::kGraph, true},
    {Message::kModel, 20, Message::kTraining},
    {Message::kModel, 25, Message::kFunction},
    {Message::kTraining, 1, Message::kGraph, true},
    {Message::kTraining, 2, Message::kGraph, true},
    {Message::kGraph, 1, Message::kNode},
    {Message::kGraph, 5, Message::kTensor},
    {Message::kGraph, 11, Message::kValueInfo},
    {Message::kGraph, 12, Message::kValueInfo},
    {Message::kGraph, 13, Message::kValueInfo},
    {Message::kGraph, 15, Message::kSparseTensor},
    {Message::kFunction, 7, Message::kNode},
    {Message::kFunction, 11, Message::kAttribute},
    {Message::kFunction, 12, Message::kValueInfo},
    {Message::kNode, 5, Message::kAttribute},
    {Message::kAttribute, 5, Message::kTensor, true},
    {Message::kAttribute, 6, Message::kGraph, true},
    {Message::kAttribute, 10, Message::kTensor},
    {Message::kAttribute, 11, Message::kGraph},
    {Message::kAttribute, 14, Message::kType, true},
    {Message::kAttribute, 15, Message::kType},
    {Message::kAttribute, 22, Message::kSparseTensor, true},
    {Message::kAttribute, 23, Message::kSparseTensor},
    {Message::kValueInfo, 2, Message::kType, true},
    {Message::kType, 1, Message::kTensorType, true},
    {Message::kType, 4, Message::kElementType, true},
    {Message::kType, 5, Message::kElementType, true},
    {Message::kType, 8, Message::kTensorType, true},
    {Message::kType, 9, Message::kElementType, true},
    {Message::kTensorType, 2, Message::kShape, true},
    {Message::kShape, 1, Message::kOther},
    {Message::kElementType, 1, Message::kType, true},
    {Message::kElementType, 2, Message::kType, true},
});

// Map's field 1 is its key's type, a number.
bool IsMapKey(Message message, const Field& field) {
  return message == Message::kElementType && field.number == 1 && field.IsVarint();
}

// Lists of numbers in an attribute take eight times their bytes once they are read.
constexpr uint32_t kAttributeFloats = 7, kAttributeInts = 8;

// What a node calls, and what a function is called by.
struct FunctionName {
  std::string_view domain, name, overload;
  auto operator<=>(const FunctionName&) const = default;
};

// The fields of a message that make up such a name.
struct NameFields {
  uint32_t domain, name, overload;
};
constexpr NameFields kNodeFields = {7, 4, 8};
constexpr NameFields kFunctionFields = {10, 1, 13};

FunctionName ReadName(std::span<const std::byte> message, const NameFields& fields) {
  FunctionName name;
  WireReader reader(message);
  while (reader.Next()) {
    const Field& field = reader.field();
    if (!field.IsBytes()) continue;
    if (field.number == fields.domain) name.domain = field.AsString();
    if (field.number == fields.name) name.name = field.AsString();
    if (field.number == fields.overload) name.overload = field.AsString();
  }
  if (name.domain == "ai.onnx") name.domain = {};
  return name;
}

class Scan {
 public:
  Scan(const Limits& limits, ExternalData* external, StoppableParallel& stop)
      : limits_(limits), external_(external), stop_(stop), check_(stop) {}

  Result<ScannedModel> Run(std::span<const std::byte> model) {
    WNN_RETURN_IF_ERROR(CheckFormat(model));
    WNN_RETURN_IF_ERROR(FindFunctions(model));
    body_ = &main_;
    WNN_RETURN_IF_ERROR(Walk(Message::kModel, model, 0));
    if (!has_graph_) return InvalidEncoding("the bytes are not an ONNX model: it has no graph");
    WNN_RETURN_IF_ERROR(CheckExpanded(main_, functions_, limits_));
    return std::move(scanned_);
  }

 private:
  // ONNX Runtime would take such bytes for its own format, which nothing here looks into.
  static Status CheckFormat(std::span<const std::byte> model) {
    constexpr std::string_view kOrtFormat = "ORTM";
    if (model.size() >= 8 && std::memcmp(model.data() + 4, kOrtFormat.data(), 4) == 0) {
      return InvalidEncoding("the bytes are a model in ORT format, not in ONNX's");
    }
    return OkStatus();
  }

  // A function may be called before it is defined.
  Status FindFunctions(std::span<const std::byte> model) {
    constexpr uint32_t kModelFunction = 25;
    WireReader reader(model);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.number != kModelFunction || !field.IsBytes()) continue;
      WNN_RETURN_IF_ERROR(CountFields(1, limits_, &n_fields_));
      const FunctionName name = ReadName(field.bytes, kFunctionFields);
      if (!function_index_.emplace(name, function_index_.size()).second) {
        return InvalidArgument("the model defines a function twice");
      }
    }
    functions_.resize(function_index_.size());
    return OkStatus();
  }

  Status Walk(Message message, std::span<const std::byte> bytes, int depth) {
    if (depth > kMaxDepth) return Security("the model's subgraphs or types are nested too deep");
    WireReader reader(bytes);
    uint64_t singles = 0;  // bit i: field i was there
    while (reader.Next()) {
      const Field& field = reader.field();
      if (check_.Stopped(kFieldNs)) return stop_.Check();
      WNN_RETURN_IF_ERROR(CountFields(1, limits_, &n_fields_));
      if (message == Message::kAttribute) WNN_RETURN_IF_ERROR(CountNumbers(field));
      const auto child = std::find_if(kChildren.begin(), kChildren.end(), [&](const Child& c) {
        return c.parent == message && c.field == field.number;
      });
      if (child == kChildren.end() || IsMapKey(message, field)) continue;
      if (!field.IsBytes()) return MalformedModel();
      if (child->is_single) {
        const uint64_t bit = uint64_t{1} << field.number;
        if ((singles & bit) != 0) return RepeatedField();
        singles |= bit;
      }
      WNN_RETURN_IF_ERROR(Enter(message, *child, field, depth));
    }
    return reader.ok() ? OkStatus() : MalformedModel();
  }

  Status Enter(Message parent, const Child& child, const Field& field, int depth) {
    switch (child.message) {
      case Message::kTensor:
        return EnterTensor(field.bytes, parent == Message::kGraph && depth == 1);
      case Message::kSparseTensor: {
        WNN_ASSIGN_OR_RETURN(const uint64_t size,
                             ScanSparseTensor(field.bytes, limits_, &n_fields_, stop_));
        return AddTensorBytes(size);
      }
      case Message::kNode: WNN_RETURN_IF_ERROR(EnterNode(field.bytes)); break;
      case Message::kGraph: has_graph_ = has_graph_ || parent == Message::kModel; break;
      case Message::kFunction: {
        body_ = &functions_[n_functions_seen_++];
        Status status = Walk(child.message, field.bytes, depth + 1);
        body_ = &main_;
        return status;
      }
      case Message::kOther: return OkStatus();
      default: break;
    }
    return Walk(child.message, field.bytes, depth + 1);
  }

  Status CountNumbers(const Field& field) {
    uint64_t n = 0;
    if (field.number == kAttributeInts) {
      if (!frontend::ForEachVarint(field, [&](uint64_t) { ++n; })) return MalformedModel();
    } else if (field.number == kAttributeFloats && field.IsBytes()) {
      n = field.bytes.size() / sizeof(float);
    }
    return CountFields(n, limits_, &n_fields_);
  }

  Status EnterNode(std::span<const std::byte> node) {
    if (++body_->n_nodes > limits_.max_nodes) {
      return TooLarge("the model has more than " + std::to_string(limits_.max_nodes) +
                      " nodes, the limit");
    }
    const FunctionName name = ReadName(node, kNodeFields);
    // Its attributes name files, for runtimes on some accelerators to open.
    if (name.name == "EPContext" && external_ == nullptr) {
      return Security("the model has a node EPContext, which names files");
    }
    // Whatever its tensors hold would be read by libraries for seven formats of pictures.
    if (name.name == "ImageDecoder" && (name.domain.empty() || name.domain == "ai.onnx") &&
        external_ == nullptr) {
      return Security(
          "the model has a node ImageDecoder, which only models that the host names may have");
    }
    if (function_index_.empty()) return OkStatus();
    const auto found = function_index_.find(name);
    if (found != function_index_.end()) body_->calls.push_back(found->second);
    return OkStatus();
  }

  Status AddTensorBytes(uint64_t size) {
    body_->tensor_bytes += size;
    if (body_->tensor_bytes <= limits_.max_memory_bytes) return OkStatus();
    return TooLarge("the model's tensors take more than " +
                    std::to_string(limits_.max_memory_bytes) + " bytes, the limit");
  }

  Status EnterTensor(std::span<const std::byte> bytes, bool is_main_initializer) {
    WNN_ASSIGN_OR_RETURN(const ScannedTensor tensor, ScanTensor(bytes, limits_, &n_fields_, stop_));
    WNN_RETURN_IF_ERROR(AddTensorBytes(tensor.size_bytes));
    if (!tensor.is_external) return OkStatus();
    if (external_ == nullptr) {
      return Security(
          "the model keeps tensors in external files, which a model given as bytes may not open; "
          "save it with its weights inside");
    }
    if (!is_main_initializer) {
      return Security(
          "the model keeps a tensor that is no initialiser of its main graph in an external file; "
          "save it with such tensors inside");
    }
    WNN_ASSIGN_OR_RETURN(const uint64_t file_size, external_->SizeOf(tensor.location));
    if (tensor.offset > file_size || tensor.size_bytes > file_size - tensor.offset) {
      return InvalidArgument("the model's external data '" + std::string(tensor.location) +
                             "' is shorter than the model says");
    }
    if (locations_.insert(tensor.location).second) {
      scanned_.external_files.emplace_back(tensor.location);
    }
    return OkStatus();
  }

  static constexpr int64_t kFieldNs = 50;

  const Limits& limits_;
  ExternalData* external_;
  StoppableParallel& stop_;
  StopCheck check_;
  uint64_t n_fields_ = 0;
  bool has_graph_ = false;
  std::map<FunctionName, size_t> function_index_;
  ScannedBody main_;
  std::vector<ScannedBody> functions_;
  size_t n_functions_seen_ = 0;
  ScannedBody* body_ = nullptr;  // what is being walked
  std::set<std::string_view> locations_;
  ScannedModel scanned_;
};

}  // namespace

Result<ScannedModel> ScanModel(std::span<const std::byte> model, const Limits& limits,
                               ExternalData* external, const StopCondition& stop) {
  SerialParallel serial;
  StoppableParallel stoppable(serial, stop);
  return Scan(limits, external, stoppable).Run(model);
}

}  // namespace wnn::nn
