#include "engine/optimizer/optimizer.h"

#include <algorithm>
#include <array>

namespace wnn::optimizer {
namespace {

constexpr auto kPasses = std::to_array<Pass>({
    {"remove-identity", RemoveIdentity},
    {"fold-quantization", FoldQuantization},
    {"fold-constants", FoldConstants},
    {"widen-half", WidenHalf},
    {"fold-batch-norm", FoldBatchNorm},
    {"fold-affine", FoldAffine},
    {"fold-pad", FoldPad},
    {"blocked-layout", MoveToBlockedLayout},
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

}  // namespace

std::span<const Pass> Passes() { return kPasses; }

Status Optimize(graph::Graph& graph, std::span<const std::string> disabled, const Limits& limits,
                const StopCondition& stop, Logger& log) {
  WNN_RETURN_IF_ERROR(CheckNames(disabled));
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

}  // namespace wnn::optimizer
