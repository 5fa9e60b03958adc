// One bounded look at model bytes before any runtime sees them: what no runtime should have to
// defend itself against.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/base/external_data.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/base/stop.h"

namespace wnn::nn {

struct ScannedModel {
  // The files that hold the model's external data, each once, in the model's order.
  std::vector<std::string> external_files;
};

// Walks the whole protobuf (graph, subgraphs, functions, training graphs, attributes, sparse
// tensors, types) without copying it, in time and memory linear in its size. Afterwards
//  1. the message is one that every reader of protobuf understands alike: nothing that may be there
//     once is there twice;
//  2. each tensor has a known type, dimensions whose product does not overflow, and as many
//  elements
//     as they say; sparse tensors' indices lie inside;
//  3. what the model takes once its functions are expanded, in nodes and in bytes of tensors, is
//     within `limits`, and functions do not call themselves;
//  4. data outside of the bytes is of the main graph's initialisers only, and lies within files
//  that
//     `external` gives. With a null `external`, as for a guest's bytes, there is none.
//
// Errors:
// kInvalidEncoding  not an ONNX model: malformed protobuf, no graph in it, or an ORT-format model
// kInvalidArgument  tensors, sparse tensors or functions that contradict themselves
// kUnsupportedOperation  tensors in segments
// kTooLarge         over a limit
// kTimeout          when `stop` says so
// kSecurity         nested deeper than any real model; external data that the model may not have,
//                   markers of memory addresses, nodes that name files; also what `external`
//                   answers; with a null `external` nodes that decode pictures
Result<ScannedModel> ScanModel(std::span<const std::byte> model, const Limits& limits,
                               ExternalData* external, const StopCondition& stop = {});

}  // namespace wnn::nn
