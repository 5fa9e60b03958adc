// GraphProto -> graph::Graph, with its subgraphs, and with calls of the model's functions replaced
// by their bodies.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>

#include "engine/base/limits.h"
#include "engine/base/stoppable_parallel.h"
#include "engine/frontend/importer.h"
#include "engine/frontend/onnx_proto.h"

namespace wnn::frontend {

// The versions of the operator sets that a model, or one of its functions, imports.
class Opsets {
 public:
  // kInvalidArgument for a version below 1.
  static Result<Opsets> From(std::span<const OperatorSetId> imports);

  std::optional<int64_t> VersionOf(std::string_view domain) const;
  void Set(std::string_view domain, int64_t version) { versions_[domain] = version; }
  bool empty() const { return versions_.empty(); }
  // What `other` imports and this does not.
  void AddMissing(const Opsets& other);

 private:
  std::map<std::string_view, int64_t> versions_;  // "" is ai.onnx
};

// A function of the model, by domain, name and overload.
using FunctionKey = std::tuple<std::string_view, std::string_view, std::string_view>;
struct Function {
  FunctionProto proto;
  Opsets opsets;
};

// What the graphs of one model share.
struct ImportState {
  Limits limits;
  ExternalData* external = nullptr;  // null: initialisers may not lie in files
  std::map<FunctionKey, Function> functions;
  StoppableParallel* stop = nullptr;
  uint64_t weight_bytes = 0;  // read so far
  uint64_t n_nodes = 0;       // so far, with the bodies of functions at each call
};

// Imports the model's graph. Errors as ImportModel().
Result<ImportedModel> ImportGraph(const GraphProto& proto, const Opsets& opsets,
                                  ImportState& state);

// "" for ai.onnx.
std::string_view CanonicalDomain(std::string_view domain);

}  // namespace wnn::frontend
