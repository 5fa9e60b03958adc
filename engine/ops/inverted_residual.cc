// wnn.InvertedResidual: three wnn.Conv nodes in one, an expansion, a depthwise convolution and a
// projection, whose maps in between stay in the cache.
//
// Inputs: x, then weights and bias of the expansion, of the depthwise convolution and of the
// projection, then the projection's residual. Attributes: those of each wnn.Conv behind "expand.",
// "depthwise." and "project.". Without an expansion its weights are left out.
#include "engine/kernels/blocked/inverted_residual.h"

#include <array>

#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/inverted_residual.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
using Stage = InvertedResidualStage;

// The node of one stage, which lives as long as `node`.
graph::Node StageNode(const graph::Node& node, Stage stage) {
  const size_t weights = InvertedResidualWeights(stage);
  graph::Node made;
  made.inputs = {graph::kNoValue, node.inputs[weights], node.inputs[weights + 1]};
  for (std::string_view name : kBlockedConvAttributes) {
    const graph::AttributeValue* value =
        node.attributes.Find(InvertedResidualAttribute(stage, name));
    if (value != nullptr) made.attributes.Set(std::string(name), *value);
  }
  return made;
}

struct Block {
  std::optional<BlockedConvNode> expand;
  BlockedConvNode depthwise, project;

  bool has_first_layer() const { return expand && expand->nchw_input; }
  const BlockedConvNode& first() const { return expand ? *expand : depthwise; }
};

Result<Block> ReadBlock(const graph::Node& node, std::span<const Fact> facts) {
  auto read = [&](Stage stage) {
    return BlockedConvNode::Read(OpContext(StageNode(node, stage), facts));
  };
  Block block;
  if (node.inputs.size() != kInvertedResidualInputs) return InvalidArgument("it lacks inputs");
  if (node.inputs[InvertedResidualWeights(Stage::kExpand)] != graph::kNoValue) {
    WNN_ASSIGN_OR_RETURN(block.expand, read(Stage::kExpand));
  }
  WNN_ASSIGN_OR_RETURN(block.depthwise, read(Stage::kDepthwise));
  WNN_ASSIGN_OR_RETURN(block.project, read(Stage::kProject));
  return block;
}

Status InferInvertedResidual(InferContext& context) {
  WNN_ASSIGN_OR_RETURN(Block block, ReadBlock(context.node(), context.facts()));
  Fact map = context.Input(0);
  if (block.expand) {
    WNN_RETURN_IF_ERROR(block.expand->CheckInput(map));
    WNN_ASSIGN_OR_RETURN(map, block.expand->OutputFact(map));
  }
  for (const BlockedConvNode* conv : {&block.depthwise, &block.project}) {
    WNN_RETURN_IF_ERROR(conv->CheckInput(map));
    WNN_ASSIGN_OR_RETURN(map, conv->OutputFact(map));
  }
  context.SetOutput(0, std::move(map));
  return OkStatus();
}

kernels::InvertedResidualSpec SpecOf(const Block& block) {
  using Expansion = kernels::InvertedResidualSpec::Expansion;
  kernels::InvertedResidualSpec spec;
  spec.in_channels = block.first().spec.in_channels;
  spec.expanded_channels = block.depthwise.spec.in_channels;
  spec.out_channels = block.project.spec.out_channels;
  spec.expansion = Expansion::kNone;
  if (block.expand) {
    spec.expansion = block.expand->nchw_input ? Expansion::kFirstLayer : Expansion::kPointwise;
    spec.expand_clamp = block.expand->spec.clamp;
    if (block.expand->nchw_input) spec.first_layer = block.expand->spec;
  }
  spec.kernel_h = block.depthwise.spec.kernel_h;
  spec.kernel_w = block.depthwise.spec.kernel_w;
  spec.stride_h = block.depthwise.spec.stride_h;
  spec.stride_w = block.depthwise.spec.stride_w;
  spec.depthwise_clamp = block.depthwise.spec.clamp;
  spec.project_clamp = block.project.spec.clamp;
  return spec;
}

Result<kernels::InvertedResidualShape> ShapeOf(const Block& block, const Shape& x) {
  kernels::InvertedResidualShape shape;
  Shape map = x;
  if (block.has_first_layer()) {
    WNN_ASSIGN_OR_RETURN(kernels::ConvShape first, block.expand->ShapeFor(x));
    shape.image_h = first.in_h;
    shape.image_w = first.in_w;
    shape.image_pad_top = first.pad_top;
    shape.image_pad_left = first.pad_left;
    map[2] = first.out_h;
    map[3] = first.out_w;
  }
  WNN_ASSIGN_OR_RETURN(kernels::ConvShape depthwise, block.depthwise.ShapeFor(map));
  shape.batch = x[0];
  shape.in_h = depthwise.in_h;
  shape.in_w = depthwise.in_w;
  shape.pad_top = depthwise.pad_top;
  shape.pad_left = depthwise.pad_left;
  shape.out_h = depthwise.out_h;
  shape.out_w = depthwise.out_w;
  return shape;
}

class InvertedResidualOp final : public CompiledOp {
 public:
  InvertedResidualOp(std::shared_ptr<const kernels::InvertedResidual> block,
                     const kernels::InvertedResidualShape& shape, int64_t in_image,
                     int64_t out_image)
      : block_(std::move(block)), shape_(shape), in_image_(in_image), out_image_(out_image) {}

  uint64_t ScratchBytes(int n_threads) const override {
    auto bytes = block_->ScratchBytes(shape_, n_threads);
    return bytes ? *bytes : UINT64_MAX;  // more than any limit allows
  }

  Status Run(const RunArgs& args) const override {
    const kernels::ConvIo io{{args.in<float>(0), in_image_},
                             {args.out<float>(0), out_image_},
                             {args.in<float>(kInvertedResidualInputs - 1), out_image_}};
    const size_t scratch_bytes = static_cast<size_t>(ScratchBytes(args.parallel->n_threads()));
    block_->Run(shape_, io, {args.scratch, scratch_bytes}, *args.parallel);
    return OkStatus();
  }

 private:
  const std::shared_ptr<const kernels::InvertedResidual> block_;
  const kernels::InvertedResidualShape shape_;
  const int64_t in_image_;  // floats between images
  const int64_t out_image_;
};

Result<std::shared_ptr<const kernels::InvertedResidual>> Pack(const CompileContext& context,
                                                              const Block& block) {
  auto constant = [&](size_t i) {
    return context.HasInput(i) ? context.InputConstant(i) : TensorPtr();
  };
  auto floats = [&](Stage stage, size_t i) {
    return FloatsOf(constant(InvertedResidualWeights(stage) + i));
  };
  // All constants belong to the graph and live equally long: their addresses name them.
  PackKey key("wnn.InvertedResidual");
  for (size_t i = 1; i + 1 < kInvertedResidualInputs; ++i) key.Add(constant(i).get());
  if (block.expand) key.AddSpec(block.expand->spec);
  key.AddSpec(block.depthwise.spec).AddSpec(block.project.spec);
  auto make = [&]() -> Result<std::unique_ptr<const kernels::InvertedResidual>> {
    return kernels::InvertedResidual::Create(
        SpecOf(block),
        {floats(Stage::kExpand, 0), floats(Stage::kExpand, 1), floats(Stage::kDepthwise, 0),
         floats(Stage::kDepthwise, 1), floats(Stage::kProject, 0), floats(Stage::kProject, 1)},
        context.stop());
  };
  return context.PackObject<kernels::InvertedResidual>(InvertedResidualWeights(Stage::kProject),
                                                       key.key(), make);
}

Result<CompiledPtr> CompileInvertedResidual(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(Block block, ReadBlock(context.node(), context.facts()));
  if (block.expand) {
    WNN_RETURN_IF_ERROR(RequireConstantWeights(context, InvertedResidualWeights(Stage::kExpand)));
  }
  for (Stage stage : {Stage::kDepthwise, Stage::kProject}) {
    WNN_RETURN_IF_ERROR(RequireConstantWeights(context, InvertedResidualWeights(stage)));
  }
  const Shape x = context.InputShape(0), out = context.OutputShape(0);
  if (IsEmpty(out)) return CompiledPtr(std::make_unique<EmptyOp>());
  WNN_ASSIGN_OR_RETURN(kernels::InvertedResidualShape shape, ShapeOf(block, x));
  WNN_ASSIGN_OR_RETURN(std::shared_ptr<const kernels::InvertedResidual> packed,
                       Pack(context, block));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t scratch, packed->ScratchBytes(shape, 1));
  return CompiledPtr(std::make_unique<InvertedResidualOp>(std::move(packed), shape, ImageFloats(x),
                                                          ImageFloats(out)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kOwnDomain,
     .name = "InvertedResidual",
     .inputs = {kInvertedResidualInputs, kInvertedResidualInputs},
     .infer = InferInvertedResidual,
     .compile = CompileInvertedResidual},
});

}  // namespace

std::span<const OpDef> InvertedResidualOps() { return kOps; }

}  // namespace wnn::ops
