// Depthwise convolution, in two ways. Wide maps are read where they are: outputs whose kernel
// reaches beyond the map use only the taps that exist. Narrow maps, of which such outputs would be
// much, are copied row by row into a ring that has zeros at its sides.
#include <cstring>

#include "engine/base/stop_check.h"
#include "engine/kernels/blocked/conv_impl.h"
#include "engine/kernels/blocked/depthwise_rows.h"
#include "engine/kernels/blocked/depthwise_weights.h"
#include "engine/kernels/blocked/schedule.h"

namespace wnn::kernels {
namespace {

// Input columns up to which the copy pays.
constexpr int64_t kNarrow = 40;

// The taps of one axis that lie inside the map.
Range LiveTaps(int64_t first, int64_t size, int64_t kernel, int64_t dilation) {
  const int64_t begin = first >= 0 ? 0 : std::min(kernel, CeilDiv(-first, dilation));
  const int64_t end = first >= size ? 0 : CeilDiv(size - first, dilation);
  return {begin, std::clamp(end, begin, kernel)};
}

class DepthwiseConv final : public Conv {
 public:
  DepthwiseConv(const ConvSpec& spec, DepthwiseWeights weights)
      : Conv(ConvAlgorithm::kDepthwise, spec),
        kernels_(ActiveDepthwiseKernels()),
        interior_(kernels_.Pick(spec.kernel_h, spec.kernel_w, spec.stride_w, spec.dilation_w)),
        weights_(std::move(weights)) {}

  size_t packed_bytes() const override { return weights_.size_bytes(); }

  void Run(const ConvShape& shape, const ConvIo& io, std::span<std::byte> scratch,
           Parallel& parallel) const override {
    const int64_t blocks = BlockCount(spec().in_channels);
    const int64_t n_rows = shape.batch * blocks * shape.out_h;
    // A depthwise pixel costs more than its multiply-adds: it is bound by loads.
    const double cost = 2.0 * static_cast<double>(n_rows * shape.out_w * kBlock) *
                        static_cast<double>(spec().kernel_h * spec().kernel_w);
    const int64_t n_tasks = std::min(n_rows, TaskCount(cost, parallel.n_threads()));
    const int64_t thread_bytes = ThreadFloats(shape) * static_cast<int64_t>(sizeof(float));
    ForEachTask(parallel, n_tasks, [&](int64_t task, int thread) {
      std::byte* own = scratch.data() + thread * thread_bytes;
      auto** rows = reinterpret_cast<const float**>(own);
      const Range mine = Part(n_rows, n_tasks, task);
      if (Copies(shape)) {
        RunCopied(shape, io, mine, rows, reinterpret_cast<float*>(own) + RowSlots(), parallel);
        return;
      }
      StopCheck check(parallel);
      for (int64_t row = mine.begin; row < mine.end && !check.Stopped(shape.out_w); ++row) {
        const int64_t map = row / shape.out_h;
        RunRow(shape, io, map / blocks, map % blocks, row % shape.out_h, rows, check);
      }
    });
  }

 private:
  // Floats that hold pointers to the kernel's rows.
  int64_t RowSlots() const {
    return RoundUp(spec().kernel_h * static_cast<int64_t>(sizeof(const float*) / sizeof(float)),
                   kBlock);
  }

  bool Copies(const ConvShape& shape) const {
    const int64_t reach = (shape.out_w - 1) * spec().stride_w - shape.pad_left +
                          (spec().kernel_w - 1) * spec().dilation_w;
    return shape.in_w <= kNarrow && (shape.pad_left > 0 || reach >= shape.in_w);
  }

  // Of the ring: the rows that an output needs, and a row with its zeros.
  int64_t RingRows() const { return (spec().kernel_h - 1) * spec().dilation_h + 1; }
  int64_t Columns(const ConvShape& shape) const {
    return std::max(shape.pad_left + shape.in_w, (shape.out_w - 1) * spec().stride_w +
                                                     (spec().kernel_w - 1) * spec().dilation_w + 1);
  }

  int64_t ThreadFloats(const ConvShape& shape) const {
    if (!Copies(shape)) return RowSlots();
    return RowSlots() + (RingRows() + 1) * Columns(shape) * kBlock;
  }

  Result<size_t> ScratchFor(const ConvShape& shape, int n_threads) const override {
    return FloatBytes({n_threads, ThreadFloats(shape)});
  }

  DepthwiseRowArgs RowArgs(int64_t block) const {
    DepthwiseRowArgs args;
    args.stride = spec().stride_w * kBlock;
    args.dilation = spec().dilation_w * kBlock;
    args.kernel_h = spec().kernel_h;
    args.kernel_w = spec().kernel_w;
    args.weights = weights_.weights(block);
    args.weight_row_stride = spec().kernel_w * kBlock;
    args.bias = weights_.bias(block);
    args.clamp = spec().clamp;
    return args;
  }

  // Rows count through all images and blocks. `memory` is the ring and a row of zeros.
  void RunCopied(const ConvShape& shape, const ConvIo& io, Range out_rows, const float** rows,
                 float* memory, Parallel& parallel) const {
    StopCheck check(parallel);
    const ConvSpec& s = spec();
    const int64_t blocks = BlockCount(s.in_channels);
    const int64_t row_floats = Columns(shape) * kBlock;
    const int64_t in_floats = shape.in_w * kBlock;
    std::memset(memory, 0, static_cast<size_t>((RingRows() + 1) * row_floats) * sizeof(float));
    const float* zeros = memory + RingRows() * row_floats;
    int64_t done = 0;  // input rows below it are in the ring or no longer needed
    for (int64_t row = out_rows.begin; row < out_rows.end; ++row) {
      // At most kNarrow columns.
      if (check.Stopped(s.kernel_h * s.kernel_w * shape.out_w)) return;
      const int64_t y = row % shape.out_h;
      const int64_t image = row / shape.out_h / blocks;
      const int64_t block = row / shape.out_h % blocks;
      if (y == 0) done = 0;
      const float* map = io.in.data + image * io.in.batch_stride + block * shape.in_h * in_floats;
      const int64_t first = y * s.stride_h - shape.pad_top;
      done = std::max(done, first);
      for (; done < std::min(shape.in_h, first + RingRows()); ++done) {
        std::memcpy(memory + done % RingRows() * row_floats + shape.pad_left * kBlock,
                    map + done * in_floats, static_cast<size_t>(in_floats) * sizeof(float));
      }
      for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
        const int64_t in_y = first + ky * s.dilation_h;
        rows[ky] = in_y < 0 || in_y >= shape.in_h ? zeros : memory + in_y % RingRows() * row_floats;
      }
      DepthwiseRowArgs args = RowArgs(block);
      args.rows = rows;
      args.out = io.out.data + image * io.out.batch_stride +
                 (block * shape.out_h + y) * shape.out_w * kBlock;
      args.n_pixels = shape.out_w;
      interior_(args);
    }
  }

  void RunRow(const ConvShape& shape, const ConvIo& io, int64_t image, int64_t block, int64_t y,
              const float** rows, StopCheck& check) const {
    const ConvSpec& s = spec();
    const int64_t in_y = y * s.stride_h - shape.pad_top;
    const Range taps_y = LiveTaps(in_y, shape.in_h, s.kernel_h, s.dilation_h);
    const float* map =
        io.in.data + image * io.in.batch_stride + block * shape.in_h * shape.in_w * kBlock;
    float* out = io.out.data + image * io.out.batch_stride +
                 (block * shape.out_h + y) * shape.out_w * kBlock;

    DepthwiseRowArgs args = RowArgs(block);
    args.kernel_h = taps_y.size();

    // Runs outputs [x, x + n), whose live taps in a row are `taps_x`.
    const auto run_some = [&](DepthwiseRowFn kernel, int64_t x, int64_t n, Range taps_x) {
      if (check.Stopped(n * taps_y.size() * taps_x.size())) return;
      for (int64_t i = 0; i < taps_y.size(); ++i) {
        const int64_t row = in_y + (taps_y.begin + i) * s.dilation_h;
        const int64_t column = x * s.stride_w - shape.pad_left + taps_x.begin * s.dilation_w;
        rows[i] = map + (row * shape.in_w + column) * kBlock;
      }
      args.rows = rows;
      args.kernel_w = taps_x.size();
      args.weights = weights_.weights(block) + (taps_y.begin * s.kernel_w + taps_x.begin) * kBlock;
      args.out = out + x * kBlock;
      args.n_pixels = n;
      kernel(args);
    };
    // Few at a time where the window is so large that a row would take long.
    const int64_t most =
        std::max<int64_t>(StopCheck::kPeriod / std::max<int64_t>(s.kernel_h * s.kernel_w, 1), 16);
    const auto run = [&](DepthwiseRowFn kernel, int64_t x, int64_t n, Range taps_x) {
      for (int64_t i = 0; i < n; i += most) run_some(kernel, x + i, std::min(most, n - i), taps_x);
    };

    const int64_t reach = (s.kernel_w - 1) * s.dilation_w;
    const int64_t begin = std::min(shape.out_w, CeilDiv(shape.pad_left, s.stride_w));
    const int64_t last = shape.in_w + shape.pad_left - reach - 1;  // the last fitting column
    const int64_t end = std::clamp(last < 0 ? 0 : last / s.stride_w + 1, begin, shape.out_w);
    for (int64_t x = 0; x < shape.out_w; ++x) {
      if (x == begin && begin < end) {
        run(taps_y.size() == s.kernel_h ? interior_ : kernels_.any, begin, end - begin,
            {0, s.kernel_w});
        x = end - 1;
        continue;
      }
      run(kernels_.any, x, 1,
          LiveTaps(x * s.stride_w - shape.pad_left, shape.in_w, s.kernel_w, s.dilation_w));
    }
  }

  const DepthwiseKernels& kernels_;
  const DepthwiseRowFn interior_;
  const DepthwiseWeights weights_;
};

}  // namespace

ConvResult NewDepthwiseConv(const ConvSpec& spec, Floats weights, Floats bias, Parallel& stop) {
  WNN_ASSIGN_OR_RETURN(DepthwiseWeights packed,
                       DepthwiseWeights::Create(spec.in_channels, spec.kernel_h * spec.kernel_w,
                                                weights, bias, stop));
  return ConvResult(std::make_unique<const DepthwiseConv>(spec, std::move(packed)));
}

}  // namespace wnn::kernels
