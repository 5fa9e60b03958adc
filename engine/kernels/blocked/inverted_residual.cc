// Two ways through a block, by the size of its map.
//
// Stripes: a task walks down its output rows a few at a time. It expands the input rows that are
// new into a ring [channel block][ring row][column][16] with columns of zeros at the sides, applies
// the depthwise convolution at once, and projects the stripe.
// Whole maps, where rows are few: a task expands and filters some channels of a whole image, whose
// expanded map fits the L1 cache; then the projection is shared out by pixels and channels.
#include "engine/kernels/blocked/inverted_residual.h"

#include <cstring>

#include "engine/kernels/blocked/conv_impl.h"
#include "engine/kernels/blocked/depthwise_rows.h"
#include "engine/kernels/blocked/depthwise_weights.h"
#include "engine/kernels/blocked/first_layer.h"
#include "engine/kernels/blocked/packed_weights.h"
#include "engine/kernels/blocked/schedule.h"
#include "engine/kernels/blocked/tile.h"

namespace wnn::kernels {
namespace {

// Maps of at most this many rows are worked on whole.
constexpr int64_t kWholeMapRows = 14;
// Ring and filtered stripe together; half of a 1 MB L2 leaves room for weights.
constexpr int64_t kStripeBytes = 360 << 10;
// Pixels that a projection task reads at once in whole maps.
constexpr int64_t kProjectPixels = 56;

// Sizes in floats.
struct Plan {
  bool whole = false;
  int64_t columns = 0;      // of the expanded map with its zeros
  int64_t stripe_rows = 0;  // output rows
  int64_t ring_rows = 0;
  int64_t ring_size = 0;  // of one channel block
  int64_t filtered_size = 0;
  int64_t window_size = 0;
  int64_t shared_size = 0;
  int64_t thread_size = 0;
};

class InvertedResidualImpl final : public InvertedResidual {
 public:
  using Expansion = InvertedResidualSpec::Expansion;

  InvertedResidualImpl(const InvertedResidualSpec& spec, const TileKernels& tiles,
                       PackedWeights expand, std::optional<FirstLayerRows> first_layer,
                       DepthwiseWeights depthwise, PackedWeights project)
      : spec_(spec),
        tiles_(tiles),
        depthwise_row_(
            ActiveDepthwiseKernels().Pick(spec.kernel_h, spec.kernel_w, spec.stride_w, 1)),
        expand_(std::move(expand)),
        first_layer_(std::move(first_layer)),
        depthwise_(std::move(depthwise)),
        project_(std::move(project)) {
    if (spec_.expansion != Expansion::kNone) return;
    for (int64_t block = 0; block < BlockCount(spec_.expanded_channels); ++block) {
      blocks_.push_back({.offset = 0, .first_block = block, .first_input_block = 0, .blocks = 1});
    }
  }

  size_t packed_bytes() const override {
    return expand_.size_bytes() + depthwise_.size_bytes() + project_.size_bytes() +
           (first_layer_ ? first_layer_->weights().size_bytes() : 0);
  }

  Result<size_t> ScratchBytes(const InvertedResidualShape& shape, int n_threads) const override;

  void Run(const InvertedResidualShape& shape, const ConvIo& io, std::span<std::byte> scratch,
           Parallel& parallel) const override {
    const Plan plan = MakePlan(shape);
    auto* memory = reinterpret_cast<float*>(scratch.data());
    if (plan.whole) {
      RunWhole(shape, plan, io, memory, parallel);
    } else {
      RunStripes(shape, plan, io, memory, parallel);
    }
  }

 private:
  int64_t ExpandedBlocks() const { return BlockCount(spec_.expanded_channels); }

  const std::vector<WeightPanel>& ExpandedPanels() const {
    switch (spec_.expansion) {
      case Expansion::kNone: return blocks_;
      case Expansion::kPointwise: return expand_.panels();
      case Expansion::kFirstLayer: return first_layer_->weights().panels();
    }
    return blocks_;
  }

  ConvShape ImageShape(const InvertedResidualShape& shape) const {
    return {.batch = shape.batch,
            .in_h = shape.image_h,
            .in_w = shape.image_w,
            .pad_top = shape.image_pad_top,
            .pad_left = shape.image_pad_left,
            .out_h = shape.in_h,
            .out_w = shape.in_w};
  }

  double MulAdds(const InvertedResidualShape& shape) const {
    const auto expanded = static_cast<double>(spec_.expanded_channels);
    const auto in_pixels = static_cast<double>(shape.batch * shape.in_h * shape.in_w);
    const auto out_pixels = static_cast<double>(shape.batch * shape.out_h * shape.out_w);
    const auto taps = static_cast<double>(spec_.kernel_h * spec_.kernel_w);
    const double expand =
        spec_.expansion == Expansion::kNone ? 0 : static_cast<double>(spec_.in_channels);
    return expanded *
           (in_pixels * expand + out_pixels * (taps + static_cast<double>(spec_.out_channels)));
  }

  Plan MakePlan(const InvertedResidualShape& shape) const;

  // Pointers to the kernel's rows, then a row of zeros, then the rest of a thread's memory.
  int64_t RowSlots() const {
    return RoundUp(spec_.kernel_h * static_cast<int64_t>(sizeof(const float*) / sizeof(float)),
                   kBlock);
  }

  struct Workspace {
    const float** rows;
    float* zeros;
    float* window;
    float* ring;
    float* filtered;
  };
  Workspace ThreadWorkspace(const Plan& plan, float* memory, int64_t ring_blocks) const {
    Workspace space;
    space.rows = reinterpret_cast<const float**>(memory);
    space.zeros = memory + RowSlots();
    space.window = space.zeros + plan.columns * kBlock;
    space.ring = space.window + plan.window_size;
    space.filtered = space.ring + ring_blocks * plan.ring_size;
    std::memset(space.zeros, 0, static_cast<size_t>(plan.columns * kBlock) * sizeof(float));
    return space;
  }

  // Zeroes the columns at the sides of `n_rows` ring rows. Nothing else writes there.
  void ZeroSides(const InvertedResidualShape& shape, const Plan& plan, int64_t n_rows,
                 float* ring) const {
    const int64_t right = shape.pad_left + shape.in_w;
    for (int64_t row = 0; row < n_rows; ++row, ring += plan.columns * kBlock) {
      std::memset(ring, 0, static_cast<size_t>(shape.pad_left * kBlock) * sizeof(float));
      std::memset(ring + right * kBlock, 0,
                  static_cast<size_t>((plan.columns - right) * kBlock) * sizeof(float));
    }
  }

  // Writes rows [rows.begin, rows.end) of the expanded map of a panel to the ring of its first
  // channel block.
  void Expand(const InvertedResidualShape& shape, const Plan& plan, const BlockedIn& in,
              int64_t image, const WeightPanel& panel, Range rows, const Workspace& space,
              float* ring) const;

  // Output rows [rows.begin, rows.end) of channel block `block`, written contiguously.
  void Depthwise(const InvertedResidualShape& shape, const Plan& plan, int64_t block, Range rows,
                 const Workspace& space, const float* ring, float* out) const;

  // Projects n_pixels contiguous pixels of an image, the first at `first`.
  void Project(const InvertedResidualShape& shape, const ConvIo& io, int64_t image, int64_t first,
               int64_t n_pixels, const WeightPanel& panel, const float* filtered,
               int64_t filtered_block_stride) const;

  void RunStripes(const InvertedResidualShape& shape, const Plan& plan, const ConvIo& io,
                  float* memory, Parallel& parallel) const;
  void RunStripesOf(const InvertedResidualShape& shape, const Plan& plan, const ConvIo& io,
                    int64_t image, Range rows, const Workspace& space) const;
  void RunWhole(const InvertedResidualShape& shape, const Plan& plan, const ConvIo& io,
                float* memory, Parallel& parallel) const;

  const InvertedResidualSpec spec_;
  const TileKernels& tiles_;
  const DepthwiseRowFn depthwise_row_;
  const PackedWeights expand_;
  const std::optional<FirstLayerRows> first_layer_;
  const DepthwiseWeights depthwise_;
  const PackedWeights project_;
  std::vector<WeightPanel> blocks_;  // without an expansion: one panel a channel block
};

Plan InvertedResidualImpl::MakePlan(const InvertedResidualShape& shape) const {
  Plan plan;
  plan.columns =
      std::max(shape.pad_left + shape.in_w, (shape.out_w - 1) * spec_.stride_w + spec_.kernel_w);
  plan.whole = shape.out_h <= kWholeMapRows && spec_.expansion != Expansion::kFirstLayer;
  const auto ring_rows = [&](int64_t out_rows) {
    return std::min(shape.in_h, (out_rows - 1) * spec_.stride_h + spec_.kernel_h);
  };
  if (plan.whole) {
    plan.stripe_rows = shape.out_h;
    plan.ring_rows = shape.in_h;
  } else {
    const auto fits = [&](int64_t out_rows) {
      const int64_t pixels = ring_rows(out_rows) * plan.columns + out_rows * shape.out_w;
      return ExpandedBlocks() * pixels * kBlock * static_cast<int64_t>(sizeof(float)) <=
             kStripeBytes;
    };
    plan.stripe_rows = 1;
    while (plan.stripe_rows < shape.out_h && fits(plan.stripe_rows + 1)) ++plan.stripe_rows;
    plan.ring_rows = ring_rows(plan.stripe_rows);
  }
  plan.ring_size = plan.ring_rows * plan.columns * kBlock;
  plan.filtered_size = plan.stripe_rows * shape.out_w * kBlock;
  if (first_layer_) {
    plan.window_size = first_layer_->WindowFloats(ImageShape(shape), plan.ring_rows);
  }
  const int64_t fixed = RowSlots() + plan.columns * kBlock + plan.window_size;
  if (plan.whole) {
    plan.shared_size = shape.batch * ExpandedBlocks() * plan.filtered_size;
    plan.thread_size = fixed + kMaxTileBlocks * plan.ring_size;
  } else {
    plan.thread_size = fixed + ExpandedBlocks() * (plan.ring_size + plan.filtered_size);
  }
  return plan;
}

void InvertedResidualImpl::Expand(const InvertedResidualShape& shape, const Plan& plan,
                                  const BlockedIn& in, int64_t image, const WeightPanel& panel,
                                  Range rows, const Workspace& space, float* ring) const {
  const int64_t row_floats = plan.columns * kBlock;
  const int64_t in_row = shape.in_w * kBlock;
  const int64_t in_block_stride = shape.in_h * in_row;
  const float* map = in.data + image * in.batch_stride;
  const auto ring_row = [&](int64_t y) {
    return ring + y % plan.ring_rows * row_floats + shape.pad_left * kBlock;
  };
  switch (spec_.expansion) {
    case Expansion::kNone:
      for (int64_t y = rows.begin; y < rows.end; ++y) {
        std::memcpy(ring_row(y), map + panel.first_block * in_block_stride + y * in_row,
                    static_cast<size_t>(in_row) * sizeof(float));
      }
      return;
    case Expansion::kPointwise: {
      TileArgs args;
      args.in_block_stride = in_block_stride;
      args.channels = spec_.in_channels;
      args.weights = expand_.weights(panel);
      args.bias = expand_.bias(panel.first_block);
      args.clamp = spec_.expand_clamp;
      args.out_block_stride = plan.ring_size;
      for (int64_t y = rows.begin; y < rows.end; ++y) {
        args.in = map + y * in_row;
        args.out = ring_row(y);
        RunTiles(tiles_, panel.blocks, shape.in_w, args);
      }
      return;
    }
    case Expansion::kFirstLayer: {
      if (rows.size() <= 0) return;
      const ConvShape image_shape = ImageShape(shape);
      // RunStripesOf has prepared the window.
      const FirstLayerRows::Window window =
          first_layer_->View(image_shape, map, rows.begin, rows.end, space.window);
      for (int64_t y = rows.begin; y < rows.end; ++y) {
        first_layer_->Run(image_shape, window, panel, y, ring_row(y), plan.ring_size);
      }
      return;
    }
  }
}

void InvertedResidualImpl::Depthwise(const InvertedResidualShape& shape, const Plan& plan,
                                     int64_t block, Range rows, const Workspace& space,
                                     const float* ring, float* out) const {
  DepthwiseRowArgs args;
  args.rows = space.rows;
  args.kernel_h = spec_.kernel_h;
  args.kernel_w = spec_.kernel_w;
  args.stride = spec_.stride_w * kBlock;
  args.dilation = kBlock;
  args.weights = depthwise_.weights(block);
  args.weight_row_stride = spec_.kernel_w * kBlock;
  args.bias = depthwise_.bias(block);
  args.clamp = spec_.depthwise_clamp;
  args.n_pixels = shape.out_w;
  for (int64_t y = rows.begin; y < rows.end; ++y, out += shape.out_w * kBlock) {
    const int64_t first = y * spec_.stride_h - shape.pad_top;
    for (int64_t ky = 0; ky < spec_.kernel_h; ++ky) {
      const int64_t row = first + ky;
      space.rows[ky] = row < 0 || row >= shape.in_h
                           ? space.zeros
                           : ring + row % plan.ring_rows * plan.columns * kBlock;
    }
    args.out = out;
    depthwise_row_(args);
  }
}

void InvertedResidualImpl::Project(const InvertedResidualShape& shape, const ConvIo& io,
                                   int64_t image, int64_t first, int64_t n_pixels,
                                   const WeightPanel& panel, const float* filtered,
                                   int64_t filtered_block_stride) const {
  const int64_t out_block_stride = shape.out_h * shape.out_w * kBlock;
  const int64_t offset = panel.first_block * out_block_stride + first * kBlock;
  TileArgs args;
  args.in = filtered;
  args.in_block_stride = filtered_block_stride;
  args.channels = spec_.expanded_channels;
  args.weights = project_.weights(panel);
  args.bias = project_.bias(panel.first_block);
  args.clamp = spec_.project_clamp;
  args.out = io.out.data + image * io.out.batch_stride + offset;
  args.out_block_stride = out_block_stride;
  if (io.residual.data != nullptr) {
    args.residual = io.residual.data + image * io.residual.batch_stride + offset;
    args.residual_block_stride = out_block_stride;
  }
  RunTiles(tiles_, panel.blocks, n_pixels, args);
}

void InvertedResidualImpl::RunStripes(const InvertedResidualShape& shape, const Plan& plan,
                                      const ConvIo& io, float* memory, Parallel& parallel) const {
  // Every task expands the rows above its first again: two tasks a thread balance that against
  // waiting for a slow one.
  const int64_t most = std::max<int64_t>(2 * parallel.n_threads(), FewestTasks(MulAdds(shape)));
  const int64_t wanted = std::min(TaskCount(MulAdds(shape), parallel.n_threads()), most);
  const int64_t parts = std::min(shape.out_h, CeilDiv(wanted, shape.batch));
  ForEachTask(parallel, shape.batch * parts, [&](int64_t task, int thread) {
    const Workspace space =
        ThreadWorkspace(plan, memory + thread * plan.thread_size, ExpandedBlocks());
    ZeroSides(shape, plan, ExpandedBlocks() * plan.ring_rows, space.ring);
    RunStripesOf(shape, plan, io, task / parts, Part(shape.out_h, parts, task % parts), space);
  });
}

void InvertedResidualImpl::RunStripesOf(const InvertedResidualShape& shape, const Plan& plan,
                                        const ConvIo& io, int64_t image, Range rows,
                                        const Workspace& space) const {
  int64_t done = 0;  // input rows below it are in the ring or no longer needed
  for (int64_t begin = rows.begin; begin < rows.end; begin += plan.stripe_rows) {
    const Range stripe{begin, std::min(rows.end, begin + plan.stripe_rows)};
    const int64_t first = stripe.begin * spec_.stride_h - shape.pad_top;
    const int64_t last = (stripe.end - 1) * spec_.stride_h - shape.pad_top + spec_.kernel_h;
    done = std::max(done, std::clamp<int64_t>(first, 0, shape.in_h));
    const Range fresh{done, std::clamp(last, done, shape.in_h)};
    if (first_layer_ && fresh.size() > 0) {
      first_layer_->Prepare(ImageShape(shape), io.in.data + image * io.in.batch_stride, fresh.begin,
                            fresh.end, space.window);
    }
    for (const WeightPanel& panel : ExpandedPanels()) {
      Expand(shape, plan, io.in, image, panel, fresh, space,
             space.ring + panel.first_block * plan.ring_size);
      for (int64_t block = panel.first_block; block < panel.first_block + panel.blocks; ++block) {
        Depthwise(shape, plan, block, stripe, space, space.ring + block * plan.ring_size,
                  space.filtered + block * plan.filtered_size);
      }
    }
    done = fresh.end;
    for (const WeightPanel& panel : project_.panels()) {
      Project(shape, io, image, stripe.begin * shape.out_w, stripe.size() * shape.out_w, panel,
              space.filtered, plan.filtered_size);
    }
  }
}

void InvertedResidualImpl::RunWhole(const InvertedResidualShape& shape, const Plan& plan,
                                    const ConvIo& io, float* memory, Parallel& parallel) const {
  const double mul_adds = MulAdds(shape);
  const auto& panels = ExpandedPanels();
  const auto n_panels = static_cast<int64_t>(panels.size());
  const int64_t image_size = ExpandedBlocks() * plan.filtered_size;
  float* own = memory + plan.shared_size;

  // Images change fastest: they share a panel's weights.
  const int64_t n_units = n_panels * shape.batch;
  const int64_t expand_tasks = std::min(n_units, TaskCount(mul_adds / 2, parallel.n_threads()));
  ForEachTask(parallel, expand_tasks, [&](int64_t task, int thread) {
    const Workspace space = ThreadWorkspace(plan, own + thread * plan.thread_size, kMaxTileBlocks);
    ZeroSides(shape, plan, kMaxTileBlocks * plan.ring_rows, space.ring);
    const Range units = Part(n_units, expand_tasks, task);
    for (int64_t unit = units.begin; unit < units.end; ++unit) {
      const int64_t image = unit % shape.batch;
      const WeightPanel& panel = panels[static_cast<size_t>(unit / shape.batch)];
      Expand(shape, plan, io.in, image, panel, {0, shape.in_h}, space, space.ring);
      for (int64_t i = 0; i < panel.blocks; ++i) {
        const int64_t block = panel.first_block + i;
        Depthwise(shape, plan, block, {0, shape.out_h}, space, space.ring + i * plan.ring_size,
                  memory + image * image_size + block * plan.filtered_size);
      }
    }
  });

  const int64_t n_pixels = shape.out_h * shape.out_w;
  const auto n_project = static_cast<int64_t>(project_.panels().size());
  const int64_t wanted = TaskCount(mul_adds / 2, parallel.n_threads());
  const int64_t image_parts = wanted == 1 ? 1
                                          : std::min(CeilDiv(n_pixels, kProjectPixels),
                                                     CeilDiv(wanted, shape.batch * n_project));
  const int64_t n_project_units = shape.batch * image_parts * n_project;
  const int64_t project_tasks = std::min(n_project_units, wanted);
  ForEachTask(parallel, project_tasks, [&](int64_t task, int) {
    const Range units = Part(n_project_units, project_tasks, task);
    for (int64_t unit = units.begin; unit < units.end; ++unit) {
      const int64_t part = unit % (shape.batch * image_parts);
      const int64_t image = part / image_parts;
      const Range pixels = Part(n_pixels, image_parts, part % image_parts);
      Project(shape, io, image, pixels.begin, pixels.size(),
              project_.panels()[static_cast<size_t>(unit / (shape.batch * image_parts))],
              memory + image * image_size + pixels.begin * kBlock, plan.filtered_size);
    }
  });
}

Result<size_t> InvertedResidualImpl::ScratchBytes(const InvertedResidualShape& shape,
                                                  int n_threads) const {
  // The depthwise convolution bounds everything between; the other two are bounded by its sizes.
  const ConvSpec depthwise{.in_channels = spec_.expanded_channels,
                           .out_channels = spec_.expanded_channels,
                           .groups = spec_.expanded_channels,
                           .kernel_h = spec_.kernel_h,
                           .kernel_w = spec_.kernel_w,
                           .stride_h = spec_.stride_h,
                           .stride_w = spec_.stride_w};
  WNN_RETURN_IF_ERROR(CheckConvShape(depthwise, {.batch = shape.batch,
                                                 .in_h = shape.in_h,
                                                 .in_w = shape.in_w,
                                                 .pad_top = shape.pad_top,
                                                 .pad_left = shape.pad_left,
                                                 .out_h = shape.out_h,
                                                 .out_w = shape.out_w}));
  if (spec_.expansion == Expansion::kFirstLayer) {
    WNN_RETURN_IF_ERROR(CheckConvShape(spec_.first_layer, ImageShape(shape)));
  }
  const Plan plan = MakePlan(shape);
  return FloatBytes({plan.shared_size + n_threads * plan.thread_size});
}

Status CheckSpan(std::span<const float> values, int64_t wanted, const char* what) {
  if (values.size() == static_cast<size_t>(wanted)) return OkStatus();
  return InvalidArgument(std::string("an inverted residual's ") + what + " hold " +
                         std::to_string(values.size()) + " values instead of " +
                         std::to_string(wanted));
}

Status CheckBias(std::span<const float> values, int64_t wanted, const char* what) {
  return values.empty() ? OkStatus() : CheckSpan(values, wanted, what);
}

Result<PackedWeights> PackPointwise(const TileKernels& tiles, int64_t in_channels,
                                    int64_t out_channels, std::span<const float> weights,
                                    std::span<const float> bias, Parallel& stop) {
  return PackedWeights::Create(
      tiles, {.out_channels = out_channels, .in_channels = in_channels}, bias,
      [&](int64_t out, int64_t in, float* taps) {
        *taps = weights[static_cast<size_t>(out * in_channels + in)];
      },
      stop);
}

}  // namespace

Result<std::unique_ptr<const InvertedResidual>> InvertedResidual::Create(
    const InvertedResidualSpec& spec, const InvertedResidualWeights& weights, Parallel& stop) {
  using Expansion = InvertedResidualSpec::Expansion;
  const TileKernels& tiles = ActiveTileKernels();
  const int64_t expanded = spec.expanded_channels;
  WNN_RETURN_IF_ERROR(SupportsConv(ConvAlgorithm::kDepthwise, {.in_channels = expanded,
                                                               .out_channels = expanded,
                                                               .groups = expanded,
                                                               .kernel_h = spec.kernel_h,
                                                               .kernel_w = spec.kernel_w,
                                                               .stride_h = spec.stride_h,
                                                               .stride_w = spec.stride_w}));
  WNN_RETURN_IF_ERROR(SupportsConv(ConvAlgorithm::kPointwise,
                                   {.in_channels = expanded, .out_channels = spec.out_channels}));
  WNN_RETURN_IF_ERROR(CheckSpan(weights.depthwise_weights, expanded * spec.kernel_h * spec.kernel_w,
                                "depthwise weights"));
  WNN_RETURN_IF_ERROR(CheckBias(weights.depthwise_bias, expanded, "depthwise biases"));
  WNN_RETURN_IF_ERROR(
      CheckSpan(weights.project_weights, expanded * spec.out_channels, "projection weights"));
  WNN_RETURN_IF_ERROR(CheckBias(weights.project_bias, spec.out_channels, "projection biases"));

  PackedWeights expand;
  std::optional<FirstLayerRows> first_layer;
  switch (spec.expansion) {
    case Expansion::kNone:
      if (spec.in_channels != expanded) {
        return InvalidArgument("an inverted residual without expansion keeps its channels");
      }
      break;
    case Expansion::kPointwise: {
      WNN_RETURN_IF_ERROR(SupportsConv(
          ConvAlgorithm::kPointwise, {.in_channels = spec.in_channels, .out_channels = expanded}));
      WNN_RETURN_IF_ERROR(
          CheckSpan(weights.expand_weights, expanded * spec.in_channels, "expansion weights"));
      WNN_RETURN_IF_ERROR(CheckBias(weights.expand_bias, expanded, "expansion biases"));
      WNN_ASSIGN_OR_RETURN(expand,
                           PackPointwise(tiles, spec.in_channels, expanded, weights.expand_weights,
                                         weights.expand_bias, stop));
      break;
    }
    case Expansion::kFirstLayer: {
      const ConvSpec& layer = spec.first_layer;
      WNN_RETURN_IF_ERROR(SupportsConv(ConvAlgorithm::kFirstLayer, layer));
      if (layer.pool || layer.in_channels != spec.in_channels || layer.out_channels != expanded) {
        return InvalidArgument(
            "an inverted residual's first layer must have its channels and no "
            "pooling");
      }
      WNN_RETURN_IF_ERROR(CheckSpan(weights.expand_weights,
                                    expanded * spec.in_channels * layer.kernel_h * layer.kernel_w,
                                    "first-layer weights"));
      WNN_RETURN_IF_ERROR(CheckBias(weights.expand_bias, expanded, "first-layer biases"));
      WNN_ASSIGN_OR_RETURN(first_layer, FirstLayerRows::Create(layer, weights.expand_weights,
                                                               weights.expand_bias, stop));
      break;
    }
  }
  WNN_ASSIGN_OR_RETURN(
      DepthwiseWeights depthwise,
      DepthwiseWeights::Create(expanded, spec.kernel_h * spec.kernel_w, weights.depthwise_weights,
                               weights.depthwise_bias, stop));
  WNN_ASSIGN_OR_RETURN(PackedWeights project,
                       PackPointwise(tiles, expanded, spec.out_channels, weights.project_weights,
                                     weights.project_bias, stop));
  return Result<std::unique_ptr<const InvertedResidual>>(
      std::make_unique<const InvertedResidualImpl>(spec, tiles, std::move(expand),
                                                   std::move(first_layer), std::move(depthwise),
                                                   std::move(project)));
}

}  // namespace wnn::kernels
