// The first layer as a Conv, alone or with the max pooling behind it.
#include "engine/kernels/blocked/conv_impl.h"
#include "engine/kernels/blocked/first_layer.h"
#include "engine/kernels/blocked/pool.h"
#include "engine/kernels/blocked/pool_rows.h"
#include "engine/kernels/blocked/schedule.h"

namespace wnn::kernels {
namespace {

// Output rows for which the input is made ready at once.
constexpr int64_t kStripeRows = 8;

class FirstLayerConv final : public Conv {
 public:
  FirstLayerConv(const ConvSpec& spec, FirstLayerRows rows)
      : Conv(ConvAlgorithm::kFirstLayer, spec),
        rows_(std::move(rows)),
        pool_kernels_(ActivePoolKernels()) {}

  size_t packed_bytes() const override { return rows_.weights().size_bytes(); }

  void Run(const ConvShape& shape, const ConvIo& io, std::span<std::byte> scratch,
           Parallel& parallel) const override {
    auto* memory = reinterpret_cast<float*>(scratch.data());
    const int64_t thread_floats = ThreadFloats(shape);
    const double mul_adds = static_cast<double>(shape.batch * shape.out_h * shape.out_w) *
                            static_cast<double>(spec().out_channels * spec().in_channels *
                                                spec().kernel_h * spec().kernel_w);
    const int64_t out_h = spec().pool ? shape.pool_out_h : shape.out_h;
    // A task before a pooling computes some rows of its neighbour's again: fewer, larger tasks.
    const int64_t wanted = TaskCount(mul_adds, parallel.n_threads()) / (spec().pool ? 2 : 1);
    const int64_t parts = std::min(out_h, CeilDiv(std::max<int64_t>(1, wanted), shape.batch));
    ForEachTask(parallel, shape.batch * parts, [&](int64_t task, int thread) {
      const int64_t image = task / parts;
      const Range rows = Part(out_h, parts, task % parts);
      const float* in = io.in.data + image * io.in.batch_stride;
      float* out = io.out.data + image * io.out.batch_stride;
      float* own = memory + thread * thread_floats;
      if (spec().pool) {
        RunPooled(shape, in, rows, out, own);
      } else {
        RunRows(shape, in, rows, out, shape.out_h, own);
      }
    });
  }

 private:
  Result<size_t> ScratchFor(const ConvShape& shape, int n_threads) const override {
    if (spec().pool && spec().pool->kernel_h > kMaxPoolRows) {
      return Unsupported("the pooling behind a first layer takes windows of at most " +
                         std::to_string(kMaxPoolRows) + " rows");
    }
    return FloatBytes({n_threads, ThreadFloats(shape)});
  }

  // Rows of the convolution that stay for the pooling.
  int64_t RingRows() const { return spec().pool ? spec().pool->kernel_h : 0; }

  int64_t RingFloats(const ConvShape& shape) const {
    return BlockCount(spec().out_channels) * RingRows() * shape.out_w * kBlock;
  }

  int64_t ThreadFloats(const ConvShape& shape) const {
    const int64_t stripe = spec().pool ? 1 : std::min(kStripeRows, shape.out_h);
    return rows_.WindowFloats(shape, stripe) + RingFloats(shape);
  }

  // Computes rows [rows.begin, rows.end); row y goes to row (y % map_rows) of a map of that height.
  void RunRows(const ConvShape& shape, const float* in, Range rows, float* out, int64_t map_rows,
               float* window_memory) const {
    const int64_t row_floats = shape.out_w * kBlock;
    const int64_t stripe = spec().pool ? 1 : kStripeRows;
    for (int64_t begin = rows.begin; begin < rows.end; begin += stripe) {
      const int64_t end = std::min(rows.end, begin + stripe);
      const FirstLayerRows::Window window = rows_.Prepare(shape, in, begin, end, window_memory);
      for (const WeightPanel& panel : rows_.weights().panels()) {
        for (int64_t y = begin; y < end; ++y) {
          rows_.Run(shape, window, panel, y,
                    out + (panel.first_block * map_rows + y % map_rows) * row_floats,
                    map_rows * row_floats);
        }
      }
    }
  }

  // Computes pooled rows from a ring of convolution rows.
  void RunPooled(const ConvShape& shape, const float* in, Range rows, float* out,
                 float* memory) const {
    const PoolTail& pool = *spec().pool;
    float* ring = memory;
    float* window_memory = memory + RingFloats(shape);
    const int64_t blocks = BlockCount(spec().out_channels);
    const float* pool_rows[kMaxPoolRows];
    PoolRowArgs args;
    args.rows = pool_rows;
    args.in_w = shape.out_w;
    args.kernel_w = pool.kernel_w;
    args.stride_w = pool.stride_w;
    args.pad_left = shape.pool_pad_left;
    args.out_w = shape.pool_out_w;
    int64_t done = 0;  // rows below are no longer needed or in the ring
    for (int64_t y = rows.begin; y < rows.end; ++y) {
      const int64_t first = y * pool.stride_h - shape.pool_pad_top;
      const int64_t begin = std::clamp<int64_t>(first, 0, shape.out_h);
      const int64_t end = std::clamp(first + pool.kernel_h, begin, shape.out_h);
      done = std::max(done, begin);
      if (end > done) RunRows(shape, in, {done, end}, ring, RingRows(), window_memory);
      done = std::max(done, end);
      args.n_rows = end - begin;
      for (int64_t block = 0; block < blocks; ++block) {
        for (int64_t row = begin; row < end; ++row) {
          pool_rows[row - begin] =
              ring + (block * RingRows() + row % RingRows()) * shape.out_w * kBlock;
        }
        args.out = out + (block * shape.pool_out_h + y) * shape.pool_out_w * kBlock;
        pool_kernels_.max_row(args);
      }
    }
  }

  const FirstLayerRows rows_;
  const PoolKernels& pool_kernels_;
};

}  // namespace

ConvResult NewFirstLayerConv(const ConvSpec& spec, Floats weights, Floats bias, Parallel& stop) {
  WNN_ASSIGN_OR_RETURN(FirstLayerRows rows, FirstLayerRows::Create(spec, weights, bias, stop));
  return ConvResult(std::make_unique<const FirstLayerConv>(spec, std::move(rows)));
}

}  // namespace wnn::kernels
