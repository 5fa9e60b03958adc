#include "engine/kernels/blocked/pool.h"

#include <string>

#include "engine/base/stop_check.h"
#include "engine/kernels/blocked/pool_rows.h"
#include "engine/kernels/blocked/schedule.h"

namespace wnn::kernels {

Status CheckPool(const PoolParams& params) {
  constexpr int64_t kMaxSize = int64_t{1} << 30;
  for (int64_t size : {params.batch, params.channels, params.in_h, params.in_w, params.out_h,
                       params.out_w, params.kernel_h, params.kernel_w, params.stride_h,
                       params.stride_w, params.dilation_h, params.dilation_w}) {
    if (size < 1 || size > kMaxSize) {
      return InvalidArgument(
          "a pooling's sizes, strides and dilations must be between 1 and 2^30, "
          "got " +
          std::to_string(size));
    }
  }
  for (int64_t pad : {params.pad_top, params.pad_left, params.pad_bottom, params.pad_right}) {
    if (pad < 0 || pad > kMaxSize) {
      return InvalidArgument("a pooling's padding must be between 0 and 2^30, got " +
                             std::to_string(pad));
    }
  }
  if (params.kernel_h > kMaxPoolRows) {
    return Unsupported("the fast pooling kernel takes windows of at most " +
                       std::to_string(kMaxPoolRows) + " rows; use the general one");
  }
  return OkStatus();
}

void Pool(const PoolParams& params, const BlockedIn& in, const BlockedOut& out,
          Parallel& parallel) {
  const PoolKernels& kernels = ActivePoolKernels();
  const int64_t blocks = BlockCount(params.channels);
  const int64_t n_rows = params.batch * blocks * params.out_h;
  const double cost = static_cast<double>(n_rows * params.out_w) * kBlock * sizeof(float) *
                      static_cast<double>(params.kernel_h * params.kernel_w);
  const int64_t n_tasks = std::min(n_rows, CopyTaskCount(cost, parallel.n_threads()));
  ForEachTask(parallel, n_tasks, [&](int64_t task, int) {
    const Range mine = Part(n_rows, n_tasks, task);
    StopCheck check(parallel);
    const float* rows[kMaxPoolRows];
    PoolRowArgs args;
    args.rows = rows;
    args.in_w = params.in_w;
    args.kernel_w = params.kernel_w;
    args.stride_w = params.stride_w;
    args.dilation_w = params.dilation_w;
    args.count_padding = params.count_padding;
    args.pad_right = params.pad_right;
    for (int64_t row = mine.begin; row < mine.end; ++row) {
      const int64_t y = row % params.out_h;
      const int64_t block = row / params.out_h % blocks;
      const int64_t image = row / params.out_h / blocks;
      const float* map =
          in.data + image * in.batch_stride + block * params.in_h * params.in_w * kBlock;
      args.n_rows = 0;
      args.row_divisor = 0;
      for (int64_t ky = 0; ky < params.kernel_h; ++ky) {
        const int64_t in_y = y * params.stride_h - params.pad_top + ky * params.dilation_h;
        const bool inside = in_y >= 0 && in_y < params.in_h;
        if (inside) rows[args.n_rows++] = map + in_y * params.in_w * kBlock;
        if (inside || (params.count_padding && in_y < params.in_h + params.pad_bottom)) {
          ++args.row_divisor;
        }
      }
      float* out_row =
          out.data + image * out.batch_stride + (block * params.out_h + y) * params.out_w * kBlock;
      const int64_t most = std::max<int64_t>(
          StopCheck::kPeriod / std::max<int64_t>(args.n_rows * params.kernel_w, 1), 1);
      for (int64_t x = 0; x < params.out_w; x += most) {
        args.out = out_row + x * kBlock;
        args.out_w = std::min(most, params.out_w - x);
        args.pad_left = params.pad_left - x * params.stride_w;  // so that x is the first output
        if (check.Stopped(args.out_w * (args.n_rows * params.kernel_w + 1))) return;
        (params.kind == PoolKind::kMax ? kernels.max_row : kernels.average_row)(args);
      }
    }
  });
}

void GlobalAveragePool(int64_t batch, int64_t channels, int64_t n_pixels, const BlockedIn& in,
                       const BlockedOut& out, Parallel& parallel) {
  const PoolKernels& kernels = ActivePoolKernels();
  const int64_t blocks = BlockCount(channels);
  const int64_t n_maps = batch * blocks;
  const double bytes = static_cast<double>(n_maps * n_pixels) * kBlock * sizeof(float);
  const int64_t n_tasks = std::min(n_maps, CopyTaskCount(bytes, parallel.n_threads()));
  ForEachTask(parallel, n_tasks, [&](int64_t task, int) {
    const Range maps = Part(n_maps, n_tasks, task);
    for (int64_t map = maps.begin; map < maps.end; ++map) {
      const int64_t image = map / blocks;
      const int64_t block = map % blocks;
      kernels.mean(in.data + image * in.batch_stride + block * n_pixels * kBlock, n_pixels,
                   out.data + image * out.batch_stride + block * kBlock);
    }
  });
}

}  // namespace wnn::kernels
