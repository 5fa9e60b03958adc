// Rewrites of the graph that keep what it computes. Each pass is a function in its own file; the
// list is in optimizer.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/status.h"
#include "engine/base/stop.h"
#include "engine/graph/graph.h"

namespace wnn::optimizer {

// What a pass works on. A pass may add and remove nodes in any order (the optimiser sorts
// afterwards) and sets the facts of values that it adds, by ops::InferNode().
class PassContext {
 public:
  PassContext(graph::Graph& graph, const Limits& limits, const StopCondition& stop, Logger& log,
              std::string_view pass)
      : graph_(graph), limits_(limits), stop_(stop), log_(log), pass_(pass) {}

  graph::Graph& graph() { return graph_; }
  const Limits& limits() const { return limits_; }
  const StopCondition& stop() const { return stop_; }

  // Counts a rewrite and logs why it was made, at debug level.
  void Rewrote(const graph::Node& node, std::string_view reason) {
    ++n_rewrites_;
    Note(node, reason);
  }
  // Logs why a rewrite was not made.
  void Note(const graph::Node& node, std::string_view reason) {
    if (!log_.Enabled(LogLevel::kDebug)) return;
    log_.Log(LogLevel::kDebug,
             std::string(pass_) + ": " + NodeLabel(graph_, node) + ": " + std::string(reason));
  }
  int n_rewrites() const { return n_rewrites_; }

 private:
  graph::Graph& graph_;
  const Limits& limits_;
  const StopCondition& stop_;
  Logger& log_;
  const std::string_view pass_;
  int n_rewrites_ = 0;
};

struct Pass {
  std::string_view name;  // by which it is switched off
  Status (*run)(PassContext& context);
};

Status FoldConstants(PassContext& context);   // fold_constants.cc
Status InlineIf(PassContext& context);        // inline_if.cc
Status RemoveIdentity(PassContext& context);  // remove_identity.cc
Status RemoveDead(PassContext& context);      // remove_dead.cc

Status FoldQuantization(PassContext& context);  // fold_quantization.cc
Status WidenHalf(PassContext& context);         // widen_half.cc

Status FuseLayerNorm(PassContext& context);  // fuse_layer_norm.cc
Status FuseGelu(PassContext& context);       // fuse_gelu.cc

Status FoldBatchNorm(PassContext& context);  // fold_batch_norm.cc
Status FoldPad(PassContext& context);        // fold_pad.cc
Status FoldAffine(PassContext& context);     // fold_affine.cc

// Makes the optimiser's own nodes, on which those after it work.
Status MoveToBlockedLayout(PassContext& context);   // blocked_layout.cc
Status MoveChannelsLast(PassContext& context);      // channels_last.cc
Status UsePackedGemm(PassContext& context);         // packed_gemm.cc
Status FoldPreprocessing(PassContext& context);     // fold_preprocessing.cc
Status FuseResidual(PassContext& context);          // fuse_residual.cc
Status UseFastBinary(PassContext& context);         // fast_binary.cc
Status FuseActivation(PassContext& context);        // fuse_activation.cc
Status UseFastUnary(PassContext& context);          // fast_unary.cc
Status FusePool(PassContext& context);              // fuse_pool.cc
Status FuseInvertedResidual(PassContext& context);  // fuse_inverted_residual.cc

}  // namespace wnn::optimizer
