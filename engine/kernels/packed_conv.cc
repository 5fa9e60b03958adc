#include "engine/kernels/packed_conv.h"

#include <algorithm>

#include "engine/base/stop_check.h"
#include "engine/kernels/range.h"

namespace wnn::kernels {
namespace {

int64_t Depth(const ConvGeometry& s) { return s.group_in() * s.window.n_taps(); }
size_t Aligned(size_t floats) { return (floats + 15) / 16 * 16; }

// The same window with its dimensions moved to the end, as long as the last one is nothing but 1:
// runs go along the last.
ConvGeometry WithLongRuns(ConvGeometry shape) {
  Window& w = shape.window;
  for (size_t moves = 1; moves < kMaxSpatialRank; ++moves) {
    if (w.in[2] != 1 || w.out[2] != 1 || w.kernel[2] != 1 || w.pad_begin[2] != 0) break;
    for (auto* extents :
         {&w.in, &w.out, &w.kernel, &w.stride, &w.dilation, &w.pad_begin, &w.pad_end}) {
      std::rotate(extents->begin(), extents->end() - 1, extents->end());
    }
  }
  return shape;
}

// Output positions, one after the other in a row of the map, whose patches are gathered at once.
struct Run {
  int64_t column = 0;  // of the panel
  int64_t count = 0;
  int64_t depth = 0, height = 0, width = 0;  // the first position
};

// [first, first + columns) of the map's positions as runs; their number.
int64_t CutIntoRuns(const Window& w, int64_t first, int64_t columns, Run* runs) {
  int64_t n = 0;
  for (int64_t column = 0; column < columns;) {
    const int64_t at = first + column, width = at % w.out[2];
    Run& run = runs[n++];
    run = {column, std::min(columns - column, w.out[2] - width), at / (w.out[1] * w.out[2]),
           at / w.out[2] % w.out[1], width};
    column += run.count;
  }
  return n;
}

// What one tap sees of a run: `inside` positions, after `before` of padding.
struct Seen {
  int64_t offset = 0;  // into a channel, of the first inside
  int64_t before = 0, inside = 0;
};
Seen SeenBy(const Window& w, const Run& run, int64_t kd, int64_t kh, int64_t kw) {
  const int64_t d = run.depth * w.stride[0] - w.pad_begin[0] + kd * w.dilation[0];
  const int64_t h = run.height * w.stride[1] - w.pad_begin[1] + kh * w.dilation[1];
  if (d < 0 || d >= w.in[0] || h < 0 || h >= w.in[1]) return {0, run.count, 0};
  const Range inside = OutputsInside(w, 2, kw);
  const int64_t begin = std::clamp(inside.begin, run.width, run.width + run.count);
  const int64_t end = std::clamp(inside.end, begin, run.width + run.count);
  const int64_t at = begin * w.stride[2] - w.pad_begin[2] + kw * w.dilation[2];
  return {(d * w.in[1] + h) * w.in[2] + at, begin - run.width, end - begin};
}

// The patches of `columns` positions from `first` on, as [channel][tap][columns up to a multiple of
// 16].
void GatherPanel(const ConvGeometry& s, const float* x, int64_t first, int64_t columns,
                 float* panel) {
  const Window& w = s.window;
  const int64_t width = BlockCount(columns) * kBlock, n_taps = w.n_taps(), in_size = w.in_size();
  const int64_t stride = w.stride[2];
  Run runs[kPanelColumns];
  Seen seen[kPanelColumns];
  const int64_t n_runs = CutIntoRuns(w, first, columns, runs);
  int64_t tap = 0;
  for (int64_t kd = 0; kd < w.kernel[0]; ++kd) {
    for (int64_t kh = 0; kh < w.kernel[1]; ++kh) {
      for (int64_t kw = 0; kw < w.kernel[2]; ++kw, ++tap) {
        for (int64_t r = 0; r < n_runs; ++r) seen[r] = SeenBy(w, runs[r], kd, kh, kw);
        const float* channel = x;
        float* row = panel + tap * width;
        for (int64_t c = 0; c < s.group_in(); ++c, channel += in_size, row += n_taps * width) {
          for (int64_t r = 0; r < n_runs; ++r) {
            float* to = row + runs[r].column;
            const float* from = channel + seen[r].offset;
            const int64_t after = runs[r].count - seen[r].before - seen[r].inside;
            to = std::fill_n(to, seen[r].before, 0.0f);
            if (stride == 1) {
              to = std::copy_n(from, seen[r].inside, to);
            } else {
              for (int64_t i = 0; i < seen[r].inside; ++i) *to++ = from[i * stride];
            }
            std::fill_n(to, after, 0.0f);
          }
          std::fill(row + columns, row + width, 0.0f);
        }
      }
    }
  }
}

// The patch of one position, as [channel][tap].
void GatherRow(const ConvGeometry& s, const float* x, int64_t position, float* row) {
  const Window& w = s.window;
  Run at;
  CutIntoRuns(w, position, 1, &at);
  const Range inside = TapsInside(w, 2, at.width);
  const int64_t first = at.width * w.stride[2] - w.pad_begin[2] + inside.begin * w.dilation[2];
  for (int64_t c = 0; c < s.group_in(); ++c, x += w.in_size()) {
    for (int64_t kd = 0; kd < w.kernel[0]; ++kd) {
      for (int64_t kh = 0; kh < w.kernel[1]; ++kh, row += w.kernel[2]) {
        const int64_t d = at.depth * w.stride[0] - w.pad_begin[0] + kd * w.dilation[0];
        const int64_t h = at.height * w.stride[1] - w.pad_begin[1] + kh * w.dilation[1];
        if (d < 0 || d >= w.in[0] || h < 0 || h >= w.in[1]) {
          std::fill_n(row, w.kernel[2], 0.0f);
          continue;
        }
        const float* from = x + (d * w.in[1] + h) * w.in[2] + first;
        std::fill_n(row, inside.begin, 0.0f);
        if (w.dilation[2] == 1) {
          std::copy_n(from, inside.size(), row + inside.begin);
        } else {
          for (int64_t i = 0; i < inside.size(); ++i)
            row[inside.begin + i] = from[i * w.dilation[2]];
        }
        std::fill(row + inside.end, row + w.kernel[2], 0.0f);
      }
    }
  }
}

// How panels are shared out: where there are few, their rows too, at the price of gathering a panel
// once more for each share.
struct PanelTasks {
  int64_t panels = 0, row_parts = 1, total = 0;
};
PanelTasks PanelTasksOf(const ConvGeometry& s) {
  constexpr int64_t kWantedTasks = 8, kFewestRows = 64;
  PanelTasks tasks;
  tasks.panels = CeilDiv(s.window.out_size(), kPanelColumns);
  const int64_t whole = s.batch * s.groups * tasks.panels;
  if (whole < kWantedTasks) {
    tasks.row_parts = std::clamp<int64_t>(s.group_out() / kFewestRows, 1,
                                          CeilDiv(kWantedTasks, std::max<int64_t>(whole, 1)));
  }
  tasks.total = whole * tasks.row_parts;
  return tasks;
}

// Rows of patches of small maps that are multiplied at once.
int64_t RowsAtOnce(const ConvGeometry& s) {
  constexpr int64_t kCacheFloats = 96 * 1024, kMostRows = 112;
  return std::clamp<int64_t>(kCacheFloats / std::max<int64_t>(Depth(s), 1), 14, kMostRows);
}

}  // namespace

Result<std::unique_ptr<const PackedConv>> PackedConv::Create(std::span<const float> weights,
                                                             const ConvGeometry& shape,
                                                             Parallel& stop) {
  auto packed = std::make_unique<PackedConv>();
  const auto group = static_cast<size_t>(shape.group_out() * Depth(shape));
  StopCheck check(stop);
  for (int64_t g = 0; g < shape.groups; ++g) {
    if (check.Stopped(1000)) break;
    const auto own = weights.subspan(static_cast<size_t>(g) * group, group);
    if (IsSmall(shape)) {
      WNN_ASSIGN_OR_RETURN(
          PackedMatrix matrix,
          PackedMatrix::Create(own, Depth(shape), shape.group_out(), /*transposed=*/true, 1, stop));
      packed->matrices_.push_back(std::move(matrix));
    } else {
      WNN_ASSIGN_OR_RETURN(PackedRows rows,
                           PackedRows::Create(own, shape.group_out(), Depth(shape), stop));
      packed->rows_.push_back(std::move(rows));
    }
  }
  return std::unique_ptr<const PackedConv>(std::move(packed));
}

size_t PackedConv::packed_bytes() const {
  size_t bytes = 0;
  for (const PackedRows& rows : rows_) bytes += rows.size_bytes();
  for (const PackedMatrix& matrix : matrices_) bytes += matrix.size_bytes();
  return bytes;
}

Result<size_t> PackedConv::ScratchBytes(const ConvGeometry& shape, int n_threads) const {
  const auto depth = static_cast<size_t>(Depth(shape)), threads = static_cast<size_t>(n_threads);
  if (!IsSmall(shape)) return threads * depth * kPanelColumns * sizeof(float);
  const int64_t rows = RowsAtOnce(shape);
  WNN_ASSIGN_OR_RETURN(const size_t product,
                       GemmScratchBytes(rows, shape.group_out(), Depth(shape), 1));
  const size_t patches = Aligned(static_cast<size_t>(rows) * depth);
  const size_t sums = Aligned(static_cast<size_t>(rows * shape.group_out()));
  return threads *
         ((patches + sums) * sizeof(float) + Aligned(product / sizeof(float)) * sizeof(float));
}

void PackedConv::Run(const ConvGeometry& shape, const float* x, const float* bias, float* y,
                     std::span<std::byte> scratch, Parallel& parallel) const {
  if (shape.batch * shape.out_channels * shape.window.out_size() == 0) return;
  auto* memory = reinterpret_cast<float*>(scratch.data());
  if (IsSmall(shape)) {
    RunSmall(WithLongRuns(shape), x, bias, y, memory, scratch.size(), parallel);
  } else {
    RunPanels(WithLongRuns(shape), x, bias, y, memory, parallel);
  }
}

void PackedConv::RunPanels(const ConvGeometry& s, const float* x, const float* bias, float* y,
                           float* scratch, Parallel& parallel) const {
  const PanelTasks tasks = PanelTasksOf(s);
  const int64_t out_size = s.window.out_size(), in_size = s.window.in_size();
  parallel.ForEach(static_cast<size_t>(tasks.total), [&](size_t index, int thread) {
    auto task = static_cast<int64_t>(index);
    const int64_t part = task % tasks.row_parts;
    task /= tasks.row_parts;
    const int64_t first = task % tasks.panels * kPanelColumns;
    task /= tasks.panels;
    const int64_t group = task % s.groups, image = task / s.groups;
    float* panel = scratch + thread * Depth(s) * kPanelColumns;
    PanelArgs args;
    args.row_begin = s.group_out() * part / tasks.row_parts;
    args.row_end = s.group_out() * (part + 1) / tasks.row_parts;
    args.columns = std::min(kPanelColumns, out_size - first);
    GatherPanel(s, x + (image * s.in_channels + group * s.group_in()) * in_size, first,
                args.columns, panel);
    args.b = panel;
    const int64_t channel = group * s.group_out();
    args.bias = bias != nullptr ? bias + channel : nullptr;
    args.c = y + (image * s.out_channels + channel) * out_size + first;
    args.ldc = out_size;
    // Some rows at a time, so that a stop is noticed.
    constexpr int64_t kRows = 256, kMulAddsPerNs = 40;
    StopCheck check(parallel);
    const int64_t end = args.row_end;
    for (; args.row_begin < end; args.row_begin = args.row_end) {
      args.row_end = std::min(end, args.row_begin + kRows);
      if (check.Stopped(kRows * kPanelColumns / kMulAddsPerNs * Depth(s))) return;
      MultiplyPanel(rows_[static_cast<size_t>(group)], args);
    }
  });
}

void PackedConv::RunSmall(const ConvGeometry& s, const float* x, const float* bias, float* y,
                          float* scratch, size_t scratch_bytes, Parallel& parallel) const {
  const int64_t out_size = s.window.out_size(), n_rows = s.batch * out_size, n = s.group_out();
  const int64_t at_once = RowsAtOnce(s), depth = Depth(s);
  const int64_t chunks = CeilDiv(n_rows, at_once), n_tasks = s.groups * chunks;
  const size_t own = scratch_bytes / sizeof(float) / static_cast<size_t>(parallel.n_threads());
  // A lone product is shared out itself.
  const auto run = [&](int64_t task, float* memory, size_t memory_floats, Parallel& inner) {
    const int64_t group = task / chunks, begin = task % chunks * at_once;
    const int64_t end = std::min(n_rows, begin + at_once);
    float* patches = memory;
    float* sums = patches + Aligned(static_cast<size_t>(at_once * depth));
    float* rest = sums + Aligned(static_cast<size_t>(at_once * n));
    for (int64_t row = begin; row < end; ++row) {
      const int64_t image = row / out_size;
      GatherRow(s, x + (image * s.in_channels + group * s.group_in()) * s.window.in_size(),
                row % out_size, patches + (row - begin) * depth);
    }
    GemmArgs args;
    args.m = end - begin;
    args.a = patches;
    args.lda = depth;
    args.bias = bias != nullptr ? bias + group * n : nullptr;
    args.c = sums;
    args.ldc = n;
    const auto used = static_cast<size_t>(rest - memory);
    Gemm(args, matrices_[static_cast<size_t>(group)],
         std::as_writable_bytes(std::span(rest, memory_floats - used)), inner);
    for (int64_t row = begin; row < end; ++row) {
      const float* from = sums + (row - begin) * n;
      float* to = y + (row / out_size * s.out_channels + group * n) * out_size + row % out_size;
      for (int64_t c = 0; c < n; ++c) to[c * out_size] = from[c];
    }
  };
  if (n_tasks == 1) {
    run(0, scratch, scratch_bytes / sizeof(float), parallel);
    return;
  }
  SerialParallel serial;
  parallel.ForEach(static_cast<size_t>(n_tasks), [&](size_t task, int thread) {
    run(static_cast<int64_t>(task), scratch + static_cast<size_t>(thread) * own, own, serial);
  });
}

}  // namespace wnn::kernels
