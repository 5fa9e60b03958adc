// A model in ONNX Runtime: one session, shared by its contexts. Private to this folder.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "host/runtimes/onnxruntime/library.h"
#include "host/runtimes/onnxruntime/ort.h"
#include "host/runtimes/runtime.h"

namespace wnn::runtimes {

class OnnxRuntimeGraph final : public Graph, public std::enable_shared_from_this<OnnxRuntimeGraph> {
 public:
  // `env` is shared by every graph of the runtime and lives as long as the last of them.
  static Result<std::shared_ptr<const Graph>> Load(const OnnxRuntimeLibrary& library,
                                                   std::shared_ptr<const OrtEnvHandle> env,
                                                   std::span<const std::byte> bytes,
                                                   const LoadOptions& options);

  std::span<const ValueInfo> inputs() const override { return inputs_; }
  std::span<const ValueInfo> outputs() const override { return outputs_; }
  const ModelMetadata& metadata() const override {
    return metadata_ != nullptr ? *metadata_ : Graph::metadata();
  }
  Result<std::unique_ptr<Context>> NewContext(std::shared_ptr<MemoryBudget> budget) const override;

  const OrtApi* api() const { return api_; }
  // OrtSession's Run is thread-safe, and takes the session as mutable.
  OrtSession* session() const { return session_.get(); }
  uint64_t max_memory_bytes() const { return max_memory_bytes_; }
  // Whether inputs of the same shapes always give outputs of the same shapes, as far as the model
  // declares: each dimension of an output is fixed, or named as one of an input.
  bool output_shapes_follow_inputs() const { return output_shapes_follow_inputs_; }

 private:
  OnnxRuntimeGraph(const OrtApi* api, std::shared_ptr<const OrtEnvHandle> env)
      : api_(api), env_(std::move(env)) {}

  const OrtApi* api_;
  std::shared_ptr<const OrtEnvHandle> env_;  // outlives session_
  OrtSessionHandle session_;
  std::vector<ValueInfo> inputs_;
  std::vector<ValueInfo> outputs_;
  std::shared_ptr<const ModelMetadata> metadata_;  // may be null
  uint64_t max_memory_bytes_ = 0;
  bool output_shapes_follow_inputs_ = false;
};

}  // namespace wnn::runtimes
