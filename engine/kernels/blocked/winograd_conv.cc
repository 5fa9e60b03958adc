// 3x3 convolution by Winograd's minimal filtering: (m + 2)^2 small matrix products in the
// transformed domain, each m^2 * 9 / (m + 2)^2 times cheaper than what it replaces.
//
// Tiles are numbered through all images, rows and columns and worked on in blocks, so that a block
// spans images where they are small and the transformed weights, 4 times the originals, are read
// once a block. Per block: transform inputs to V [point][channel block][tile][16]; for each panel
// of weights multiply to M [point][block][tile][16] and transform back. The distance between points
// is an odd number of cache lines: a power of two would map all points to the same cache sets.
#include <cstring>

#include "engine/kernels/blocked/conv_impl.h"
#include "engine/kernels/blocked/packed_weights.h"
#include "engine/kernels/blocked/schedule.h"
#include "engine/kernels/blocked/tile.h"
#include "engine/kernels/blocked/winograd_transforms.h"

namespace wnn::kernels {
namespace {

// Tiles of a block: enough to use the weights well, few enough for V to stay in L2.
constexpr int64_t kBlockTiles = 28;
constexpr int64_t kMinBlockTiles = 12;

int64_t OddLines(int64_t floats) { return (floats / kBlock | 1) * kBlock; }

// How a shape is worked on. With few blocks for many threads, V of all blocks is made first, in
// shared memory, and then panels are shared out too.
struct Plan {
  int64_t tiles_x = 0;
  int64_t tiles_y = 0;
  int64_t n_tiles = 0;
  int64_t n_blocks = 0;
  int64_t block_tiles = 0;  // of the largest block
  bool shared_input = false;
  // In floats.
  int64_t v_size = 0;
  int64_t m_size = 0;
  int64_t shared_size = 0;
  int64_t thread_size = 0;
};

class WinogradConv final : public Conv {
 public:
  WinogradConv(ConvAlgorithm algorithm, const ConvSpec& spec, const TileKernels& kernels,
               PackedWeights weights)
      : Conv(algorithm, spec),
        m_(algorithm == ConvAlgorithm::kWinograd4 ? 4 : 2),
        kernels_(kernels),
        transform_in_(m_ == 4 ? ActiveWinogradKernels().in4 : ActiveWinogradKernels().in2),
        transform_out_(m_ == 4 ? ActiveWinogradKernels().out4 : ActiveWinogradKernels().out2),
        weights_(std::move(weights)) {}

  size_t packed_bytes() const override { return weights_.size_bytes(); }

  void Run(const ConvShape& shape, const ConvIo& io, std::span<std::byte> scratch,
           Parallel& parallel) const override {
    const Plan plan = MakePlan(shape, parallel.n_threads());
    auto* shared = reinterpret_cast<float*>(scratch.data());
    float* own = shared + plan.shared_size;
    const int64_t blocks = BlockCount(spec().in_channels);
    const auto n_panels = static_cast<int64_t>(weights_.panels().size());

    if (!plan.shared_input) {
      ForEachTask(parallel, plan.n_blocks, [&](int64_t task, int thread) {
        const Range tiles = Part(plan.n_tiles, plan.n_blocks, task);
        float* v = own + thread * plan.thread_size;
        TransformIn(shape, plan, io.in, tiles, {0, blocks}, v);
        MultiplyBack(shape, plan, io, tiles, {0, n_panels}, v, v + plan.v_size);
      });
      return;
    }

    const double mul_adds = static_cast<double>(plan.n_tiles * Points()) *
                            static_cast<double>(spec().in_channels * spec().out_channels);
    const int64_t in_parts = std::min(blocks, CeilDiv(2 * parallel.n_threads(), plan.n_blocks));
    ForEachTask(parallel, plan.n_blocks * in_parts, [&](int64_t task, int) {
      const int64_t block = task / in_parts;
      TransformIn(shape, plan, io.in, Part(plan.n_tiles, plan.n_blocks, block),
                  Part(blocks, in_parts, task % in_parts), shared + block * plan.v_size);
    });
    const int64_t panel_parts =
        std::min(n_panels, CeilDiv(TaskCount(mul_adds, parallel.n_threads()), plan.n_blocks));
    ForEachTask(parallel, plan.n_blocks * panel_parts, [&](int64_t task, int thread) {
      const int64_t block = task / panel_parts;
      MultiplyBack(shape, plan, io, Part(plan.n_tiles, plan.n_blocks, block),
                   Part(n_panels, panel_parts, task % panel_parts), shared + block * plan.v_size,
                   own + thread * plan.thread_size);
    });
  }

 private:
  int64_t Points() const { return (m_ + 2) * (m_ + 2); }

  Result<size_t> ScratchFor(const ConvShape& shape, int n_threads) const override {
    // Fewer threads may run than planned for; their blocks may be larger.
    int64_t most = 0;
    for (int n = 1; n <= n_threads; ++n) {
      const Plan plan = MakePlan(shape, n);
      most = std::max(most, plan.shared_size + n * plan.thread_size);
    }
    return FloatBytes({most});
  }

  Plan MakePlan(const ConvShape& shape, int n_threads) const {
    Plan plan;
    plan.tiles_x = CeilDiv(shape.out_w, m_);
    plan.tiles_y = CeilDiv(shape.out_h, m_);
    plan.n_tiles = shape.batch * plan.tiles_y * plan.tiles_x;
    plan.n_blocks = CeilDiv(plan.n_tiles, kBlockTiles);
    if (n_threads > 1) {
      // Whole rounds of blocks, somewhat smaller, or else panels are shared out too.
      const int64_t rounded = RoundUp(plan.n_blocks, n_threads);
      if (rounded >= 2 * n_threads && plan.n_tiles / rounded >= kMinBlockTiles) {
        plan.n_blocks = rounded;
      } else if (plan.n_blocks < 3 * n_threads) {
        plan.shared_input = true;
      }
    }
    plan.block_tiles = CeilDiv(plan.n_tiles, plan.n_blocks);
    plan.v_size = Points() * OddLines(BlockCount(spec().in_channels) * plan.block_tiles * kBlock);
    plan.m_size = Points() * OddLines(kMaxTileBlocks * plan.block_tiles * kBlock);
    plan.shared_size = plan.shared_input ? plan.n_blocks * plan.v_size : 0;
    plan.thread_size = plan.m_size + (plan.shared_input ? 0 : plan.v_size);
    return plan;
  }

  struct TilePlace {
    int64_t image, y, x;  // of the first output pixel
  };
  TilePlace Place(const Plan& plan, int64_t tile) const {
    const int64_t per_image = plan.tiles_y * plan.tiles_x;
    const int64_t at = tile % per_image;
    return {tile / per_image, at / plan.tiles_x * m_, at % plan.tiles_x * m_};
  }

  void TransformIn(const ConvShape& shape, const Plan& plan, const BlockedIn& in, Range tiles,
                   Range blocks, float* v) const {
    const int64_t point_stride = OddLines(BlockCount(spec().in_channels) * tiles.size() * kBlock);
    const int64_t size = m_ + 2;
    const int64_t row_stride = shape.in_w * kBlock;
    for (int64_t block = blocks.begin; block < blocks.end; ++block) {
      for (int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
        const TilePlace place = Place(plan, tile);
        const float* map =
            in.data + place.image * in.batch_stride + block * shape.in_h * row_stride;
        float* to = v + (block * tiles.size() + tile - tiles.begin) * kBlock;
        const int64_t y = place.y - shape.pad_top;
        const int64_t x = place.x - shape.pad_left;
        if (y >= 0 && x >= 0 && y + size <= shape.in_h && x + size <= shape.in_w) {
          transform_in_(map + y * row_stride + x * kBlock, row_stride, to, point_stride);
        } else {
          alignas(64) float pixels[6 * 6 * kBlock];
          GatherTile(shape, map, y, x, pixels);
          transform_in_(pixels, size * kBlock, to, point_stride);
        }
      }
    }
  }

  // Copies a tile that reaches beyond the map, with zeros there.
  void GatherTile(const ConvShape& shape, const float* map, int64_t y, int64_t x,
                  float* pixels) const {
    constexpr size_t kPixelBytes = kBlock * sizeof(float);
    const int64_t size = m_ + 2;
    const int64_t begin = std::clamp<int64_t>(-x, 0, size);
    const int64_t end = std::clamp<int64_t>(shape.in_w - x, begin, size);
    for (int64_t i = 0; i < size; ++i, pixels += size * kBlock) {
      const bool inside = y + i >= 0 && y + i < shape.in_h && begin < end;
      if (!inside) {
        std::memset(pixels, 0, static_cast<size_t>(size) * kPixelBytes);
        continue;
      }
      std::memset(pixels, 0, static_cast<size_t>(begin) * kPixelBytes);
      std::memcpy(pixels + begin * kBlock, map + ((y + i) * shape.in_w + x + begin) * kBlock,
                  static_cast<size_t>(end - begin) * kPixelBytes);
      std::memset(pixels + end * kBlock, 0, static_cast<size_t>(size - end) * kPixelBytes);
    }
  }

  void MultiplyBack(const ConvShape& shape, const Plan& plan, const ConvIo& io, Range tiles,
                    Range panels, const float* v, float* m) const {
    const int64_t n = tiles.size();
    const int64_t v_stride = OddLines(BlockCount(spec().in_channels) * n * kBlock);
    for (int64_t p = panels.begin; p < panels.end; ++p) {
      const WeightPanel& panel = weights_.panels()[static_cast<size_t>(p)];
      const int64_t m_stride = OddLines(panel.blocks * n * kBlock);
      TileArgs args;
      args.in_block_stride = n * kBlock;
      args.channels = spec().in_channels;
      args.weights = weights_.weights(panel);
      args.out_block_stride = n * kBlock;
      args.epilogue = TileEpilogue::kRaw;
      for (int64_t point = 0; point < Points(); ++point) {
        args.in = v + point * v_stride;
        args.out = m + point * m_stride;
        RunTiles(kernels_, panel.blocks, n, args);
        args.weights += args.channels * panel.blocks * kBlock;
      }
      for (int64_t block = 0; block < panel.blocks; ++block) {
        TransformOut(shape, plan, io, tiles, panel.first_block + block, m + block * n * kBlock,
                     m_stride);
      }
    }
  }

  void TransformOut(const ConvShape& shape, const Plan& plan, const ConvIo& io, Range tiles,
                    int64_t block, const float* m, int64_t m_stride) const {
    WinogradOutArgs args;
    args.point_stride = m_stride;
    args.bias = weights_.bias(block);
    args.out_row_stride = args.residual_row_stride = shape.out_w * kBlock;
    args.clamp = spec().clamp;
    for (int64_t tile = tiles.begin; tile < tiles.end; ++tile, m += kBlock) {
      const TilePlace place = Place(plan, tile);
      const int64_t offset = ((block * shape.out_h + place.y) * shape.out_w + place.x) * kBlock;
      args.from = m;
      args.out = io.out.data + place.image * io.out.batch_stride + offset;
      if (io.residual.data != nullptr) {
        args.residual = io.residual.data + place.image * io.residual.batch_stride + offset;
      }
      args.height = std::min(m_, shape.out_h - place.y);
      args.width = std::min(m_, shape.out_w - place.x);
      transform_out_(args);
    }
  }

  const int64_t m_;
  const TileKernels& kernels_;
  const WinogradKernels::InFn transform_in_;
  const WinogradKernels::OutFn transform_out_;
  const PackedWeights weights_;
};

}  // namespace

ConvResult NewWinogradConv(ConvAlgorithm algorithm, const ConvSpec& spec, Floats weights,
                           Floats bias, Parallel& stop) {
  const TileKernels& kernels = ActiveTileKernels();
  const int m = algorithm == ConvAlgorithm::kWinograd4 ? 4 : 2;
  WNN_ASSIGN_OR_RETURN(PackedWeights packed,
                       PackedWeights::Create(
                           kernels,
                           {.out_channels = spec.out_channels,
                            .in_channels = spec.in_channels,
                            .taps = int64_t{m + 2} * (m + 2)},
                           bias,
                           [&](int64_t out, int64_t in, float* points) {
                             TransformWinogradWeights(
                                 m, weights.data() + (out * spec.in_channels + in) * 9, points);
                           },
                           stop));
  return ConvResult(
      std::make_unique<const WinogradConv>(algorithm, spec, kernels, std::move(packed)));
}

}  // namespace wnn::kernels
