#include "engine/optimizer/optimizer.h"

#include <algorithm>
#include <array>

#include "engine/ops/op_context.h"

namespace wnn::optimizer {
namespace {

constexpr auto kPasses = std::to_array<Pass>({
    {"remove-identity", RemoveIdentity},
    {"fold-quantization", FoldQuantization},
    {"fold-constants", FoldConstants},
    {"inline-if", InlineIf},
    {"widen-half", WidenHalf},
    {"fuse-layer-norm", FuseLayerNorm},
    {"fuse-gelu", FuseGelu},
    {"fold-batch-norm", FoldBatchNorm},
    {"fold-affine", FoldAffine},
    {"fold-pad", FoldPad},
    {"blocked-layout", MoveToBlockedLayout},
    {"channels-last", MoveChannelsLast},
    {"packed-gemm", UsePackedGemm},
    {"fold-preprocessing", FoldPreprocessing},
    {"fuse-residual", FuseResidual},
    {"fast-binary", UseFastBinary},
    {"fuse-activation", FuseActivation},
    {"fast-unary", UseFastUnary},
    {"fuse-pool", FusePool},
    {"fuse-inverted-residual", FuseInvertedResidual},
    {"remove-dead", RemoveDead},
});

Status CheckNames(std::span<const std::string> disabled) {
  for (const std::string& name : disabled) {
    bool known = std::any_of(kPasses.begin(), kPasses.end(),
                             [&](const Pass& pass) { return pass.name == name; });
    if (known) continue;
    std::string message = "no optimiser pass is called " + graph::Quoted(name) + "; there are";
    for (const Pass& pass : kPasses) message += " " + std::string(pass.name);
    return InvalidArgument(message);
  }
  return OkStatus();
}

Status RunPasses(graph::Graph& graph, std::span<const std::string> disabled, const Limits& limits,
                 const StopCondition& stop, Logger& log) {
  for (const Pass& pass : kPasses) {
    if (std::find(disabled.begin(), disabled.end(), pass.name) != disabled.end()) continue;
    WNN_RETURN_IF_ERROR(stop.Check());
    PassContext context(graph, limits, stop, log, pass.name);
    Status status = pass.run(context);
    if (status.ok() && context.n_rewrites() > 0) status = graph.SortAndCompact();
    if (!status.ok()) {
      return std::move(status).WithContext("optimiser pass " + std::string(pass.name));
    }
    if (context.n_rewrites() > 0) {
      log.Log(LogLevel::kDebug, std::string(pass.name) + ": " +
                                    std::to_string(context.n_rewrites()) + " rewrites, " +
                                    std::to_string(graph.n_nodes()) + " nodes are left");
    }
  }
  return OkStatus();
}

}  // namespace

std::span<const Pass> Passes() { return kPasses; }

Status Optimize(graph::Graph& graph, std::span<const std::string> disabled, const Limits& limits,
                const StopCondition& stop, Logger& log) {
  WNN_RETURN_IF_ERROR(CheckNames(disabled));
  WNN_RETURN_IF_ERROR(RunPasses(graph, disabled, limits, stop, log));
  // What the passes found out of the graph around may help in its subgraphs.
  for (const graph::Node& node : graph.nodes()) {
    if (!graph::HasSubgraphs(node)) continue;
    WNN_RETURN_IF_ERROR(ops::InferNode(graph, node, graph.facts(), stop));
    for (const auto& [name, attribute] : node.attributes.all()) {
      const auto* body = std::get_if<graph::GraphPtr>(&attribute);
      if (body == nullptr) continue;
      // Shared with nobody while the model is loaded.
      graph::Graph& inner = const_cast<graph::Graph&>(**body);
      Status status = Optimize(inner, disabled, limits, stop, log);
      if (!status.ok()) return std::move(status).WithContext(NodeLabel(graph, node));
    }
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
