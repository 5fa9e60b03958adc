// wnn.Conv: see blocked_conv_node.h.
#include <array>

#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/conv_spec.h"
#include "engine/ops/families.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kX = BlockedConvNode::kX, kWeights = BlockedConvNode::kWeights,
                 kBias = BlockedConvNode::kBias, kResidual = BlockedConvNode::kResidual;

Status InferBlockedConv(InferContext& context) {
  WNN_ASSIGN_OR_RETURN(BlockedConvNode node, BlockedConvNode::Read(context));
  WNN_RETURN_IF_ERROR(node.CheckInput(context.Input(kX)));
  WNN_ASSIGN_OR_RETURN(Fact out, node.OutputFact(context.Input(kX)));
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

class BlockedConvOp final : public CompiledOp {
 public:
  BlockedConvOp(std::shared_ptr<const kernels::Conv> conv, const kernels::ConvShape& shape,
                int64_t in_image, int64_t out_image)
      : conv_(std::move(conv)), shape_(shape), in_image_(in_image), out_image_(out_image) {}

  uint64_t ScratchBytes(int n_threads) const override {
    auto bytes = conv_->ScratchBytes(shape_, n_threads);
    return bytes ? *bytes : UINT64_MAX;  // more than any limit allows
  }

  Status Run(const RunArgs& args) const override {
    const kernels::ConvIo io{{args.in<float>(kX), in_image_},
                             {args.out<float>(0), out_image_},
                             {args.in<float>(kResidual), out_image_}};
    const size_t scratch_bytes = static_cast<size_t>(ScratchBytes(args.parallel->n_threads()));
    conv_->Run(shape_, io, {args.scratch, scratch_bytes}, *args.parallel);
    return OkStatus();
  }

 private:
  const std::shared_ptr<const kernels::Conv> conv_;
  const kernels::ConvShape shape_;
  const int64_t in_image_;  // floats between images
  const int64_t out_image_;
};

Result<std::shared_ptr<const kernels::Conv>> PackConv(const CompileContext& context,
                                                      const kernels::ConvSpec& spec,
                                                      kernels::ConvAlgorithm algorithm) {
  const TensorPtr bias = context.HasInput(kBias) ? context.InputConstant(kBias) : nullptr;
  // Weights and bias belong to the graph and live equally long: the bias's address names it.
  PackKey key("wnn.Conv");
  key.Add(algorithm, bias.get()).AddSpec(spec);
  auto make = [&] {
    return kernels::Conv::Create(algorithm, spec, FloatsOf(context.InputConstant(kWeights)),
                                 FloatsOf(bias), context.stop());
  };
  return context.PackObject<kernels::Conv>(kWeights, key.key(), make);
}

Result<kernels::ConvAlgorithm> ChooseAlgorithm(const BlockedConvNode& node,
                                               const kernels::ConvShape& shape) {
  if (node.nchw_input) return kernels::ConvAlgorithm::kFirstLayer;
  if (auto algorithm = kernels::ChooseConvAlgorithm(node.spec, shape, {})) return *algorithm;
  return Unsupported("no kernel does this convolution on blocked maps");
}

Result<CompiledPtr> CompileBlockedConv(const CompileContext& context) {
  WNN_RETURN_IF_ERROR(RequireConstantWeights(context, kWeights));
  const Shape x = context.InputShape(kX), out = context.OutputShape(0);
  if (IsEmpty(out)) return CompiledPtr(std::make_unique<EmptyOp>());
  WNN_ASSIGN_OR_RETURN(BlockedConvNode node, BlockedConvNode::Read(context));
  WNN_ASSIGN_OR_RETURN(kernels::ConvShape shape, node.ShapeFor(x));
  WNN_ASSIGN_OR_RETURN(kernels::ConvAlgorithm algorithm, ChooseAlgorithm(node, shape));
  WNN_ASSIGN_OR_RETURN(std::shared_ptr<const kernels::Conv> conv,
                       PackConv(context, node.spec, algorithm));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t scratch, conv->ScratchBytes(shape, 1));
  return CompiledPtr(
      std::make_unique<BlockedConvOp>(std::move(conv), shape, ImageFloats(x), ImageFloats(out)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kOwnDomain,
     .name = "Conv",
     .inputs = {2, 4},
     .infer = InferBlockedConv,
     .compile = CompileBlockedConv,
     .inplace_inputs = 1u << kResidual},
});

}  // namespace

std::span<const OpDef> BlockedConvOps() { return kOps; }

}  // namespace wnn::ops
