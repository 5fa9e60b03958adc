// One bounded look at model bytes before any runtime sees them: what no runtime should have to
// defend itself against.
#pragma once

#include <filesystem>
#include <optional>
#include <span>

#include "engine/base/limits.h"
#include "engine/base/status.h"

namespace wnn::nn {

// Walks the whole protobuf (graph, subgraphs, functions, attributes, sparse tensors) without
// copying it. Errors:
// kInvalidEncoding  not an ONNX model: malformed protobuf, or no graph in it
// kTooLarge         more nodes, or a tensor of more dimensions, than `limits` allow
// kSecurity         nested deeper than any real model; or external data: any at all without
//                   `model_dir`, else data outside of that directory once links are followed
Status ScanModel(std::span<const std::byte> model, const Limits& limits,
                 const std::optional<std::filesystem::path>& model_dir);

}  // namespace wnn::nn
