// ONNX bytes -> graph: names become indices, operators are resolved, initialisers are copied, nodes
// are sorted.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/base/external_data.h"
#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/status.h"
#include "engine/base/stop.h"
#include "engine/graph/graph.h"

namespace wnn::frontend {

struct ImportedModel {
  graph::Graph graph;
  std::vector<ValueInfo> inputs;   // graph.inputs as declared: those without an initialiser
  std::vector<ValueInfo> outputs;  // graph.outputs as declared
};

// Borrows `bytes` for the call. Errors: kInvalidEncoding for bytes that are not an ONNX model;
// kInvalidArgument, naming node or value, for an invalid graph; kUnsupportedOperation, naming
// operator and node; kSecurity for external data, unless it is an initialiser's and `external` is
// there to read it; kTooLarge over a limit; kTimeout when `stop` says so.
Result<ImportedModel> ImportModel(std::span<const std::byte> bytes, const Limits& limits,
                                  Logger& log, ExternalData* external = nullptr,
                                  const StopCondition& stop = {});

}  // namespace wnn::frontend
