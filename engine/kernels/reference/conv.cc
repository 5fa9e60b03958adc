#include "engine/kernels/reference/conv.h"

#include <algorithm>
#include <cstring>

#include "engine/base/aligned_buffer.h"
#include "engine/base/stop_check.h"
#include "engine/kernels/gemm_simple.h"

namespace wnn::kernels {
namespace {

bool IsDepthwise(const ConvGeometry& s) { return s.group_in() == 1; }

// How the im2col GEMM is cut into tasks: `panels` column panels times `rows` output channels.
struct Split {
  int64_t depth = 0;            // k: channels of a group times taps
  int64_t n_panels = 0;         // of one image and group
  int64_t panels_per_task = 1;  // their packed columns stay in the second-level cache
  int64_t column_tasks = 1;
  int64_t rows_per_task = 1;
  int64_t row_tasks = 1;
};

Split SplitOf(const ConvGeometry& s) {
  constexpr int64_t kCacheFloats = 32 * 1024;
  constexpr int64_t kWantedTasks = 8;
  Split split;
  split.depth = s.group_in() * s.window.n_taps();
  split.n_panels = GemmPanels(s.window.out_size());
  const int64_t panel_floats = std::max<int64_t>(split.depth * kGemmColumns, 1);
  split.panels_per_task = std::clamp<int64_t>(kCacheFloats / panel_floats, 1, 16);
  split.column_tasks = (split.n_panels + split.panels_per_task - 1) / split.panels_per_task;
  // Small maps have too few columns to share: share channels too, at the price of packing the
  // columns once more for each share.
  const int64_t tasks = std::max<int64_t>(s.batch * s.groups * split.column_tasks, 1);
  const int64_t wanted_rows = s.group_out() * tasks / kWantedTasks;
  split.rows_per_task = std::clamp<int64_t>(wanted_rows, std::min<int64_t>(s.group_out(), 64),
                                            std::max<int64_t>(s.group_out(), 1));
  split.rows_per_task = std::max<int64_t>(split.rows_per_task, 1);
  split.row_tasks = (s.group_out() + split.rows_per_task - 1) / split.rows_per_task;
  return split;
}

struct Position {
  std::array<int64_t, kMaxSpatialRank> index;
};

Position PositionOf(const Window& w, int64_t flat) {
  return {{flat / (w.out[1] * w.out[2]), flat / w.out[2] % w.out[1], flat % w.out[2]}};
}

// Packs the columns of `columns` output positions from `first` on, all channels and taps, as one
// GEMM panel: im2col of one panel.
void PackPatchPanel(const ConvGeometry& s, const float* x, int64_t first, int64_t columns,
                    float* panel) {
  const Window& w = s.window;
  const int64_t n_taps = w.n_taps(), in_size = w.in_size(), channels = s.group_in();
  Position positions[kGemmColumns];
  for (int64_t j = 0; j < columns; ++j) positions[j] = PositionOf(w, first + j);
  int64_t tap = 0;
  for (int64_t kd = 0; kd < w.kernel[0]; ++kd) {
    for (int64_t kh = 0; kh < w.kernel[1]; ++kh) {
      for (int64_t kw = 0; kw < w.kernel[2]; ++kw, ++tap) {
        const std::array<int64_t, kMaxSpatialRank> taps = {kd, kh, kw};
        int64_t offsets[kGemmColumns];  // into a channel; -1 outside
        bool contiguous = columns == kGemmColumns;
        for (int64_t j = 0; j < kGemmColumns; ++j) {
          offsets[j] = j < columns ? 0 : -1;
          for (size_t d = 0; d < kMaxSpatialRank && offsets[j] >= 0; ++d) {
            const int64_t at =
                positions[j].index[d] * w.stride[d] - w.pad_begin[d] + taps[d] * w.dilation[d];
            offsets[j] = at < 0 || at >= w.in[d] ? -1 : offsets[j] * w.in[d] + at;
          }
          contiguous = contiguous && offsets[j] >= 0 && offsets[j] == offsets[0] + j;
        }
        float* to = panel + tap * kGemmColumns;
        const float* channel = x;
        for (int64_t c = 0; c < channels; ++c) {
          if (contiguous) {
            std::memcpy(to, channel + offsets[0], kGemmColumns * sizeof(float));
          } else {
            for (int64_t j = 0; j < kGemmColumns; ++j) {
              to[j] = offsets[j] >= 0 ? channel[offsets[j]] : 0.0f;
            }
          }
          channel += in_size;
          to += n_taps * kGemmColumns;
        }
      }
    }
  }
}

uint64_t TaskScratchFloats(const ConvGeometry& s) {
  if (IsDepthwise(s)) return 0;
  const Split split = SplitOf(s);
  return static_cast<uint64_t>(split.panels_per_task) *
         static_cast<uint64_t>(split.depth * kGemmColumns);
}

void GemmConv(const ConvGeometry& s, const float* x, const float* w, const float* bias, float* y,
              float* scratch, Parallel& parallel) {
  const Split split = SplitOf(s);
  const int64_t out_size = s.window.out_size(), in_size = s.window.in_size();
  const uint64_t task_floats = TaskScratchFloats(s);
  const int64_t n_tasks = s.batch * s.groups * split.column_tasks * split.row_tasks;
  parallel.ForEach(static_cast<size_t>(n_tasks), [&](size_t index, int thread) {
    int64_t task = static_cast<int64_t>(index);
    const int64_t row_task = task % split.row_tasks;
    task /= split.row_tasks;
    const int64_t column_task = task % split.column_tasks;
    task /= split.column_tasks;
    const int64_t group = task % s.groups, image = task / s.groups;

    const float* group_x = x + (image * s.in_channels + group * s.group_in()) * in_size;
    float* packed = scratch + static_cast<uint64_t>(thread) * task_floats;
    const int64_t first_panel = column_task * split.panels_per_task;
    const int64_t end_panel = std::min(split.n_panels, first_panel + split.panels_per_task);
    StopCheck check(parallel);
    for (int64_t p = first_panel; p < end_panel; ++p) {
      if (check.Stopped(split.depth * kGemmColumns)) return;
      const int64_t columns = std::min(kGemmColumns, out_size - p * kGemmColumns);
      PackPatchPanel(s, group_x, p * kGemmColumns, columns,
                     packed + (p - first_panel) * split.depth * kGemmColumns);
    }
    // Few rows at a time, so that they stay in the first-level cache across the panels.
    const int64_t first_row = group * s.group_out() + row_task * split.rows_per_task;
    const int64_t end_row = std::min((group + 1) * s.group_out(), first_row + split.rows_per_task);
    for (int64_t row = first_row; row < end_row; row += kGemmRows) {
      const GemmOperandA a{w + row * split.depth, split.depth, 1};
      for (int64_t p = first_panel; p < end_panel; ++p) {
        if (check.Stopped(split.depth * 4)) return;
        const int64_t columns = std::min(kGemmColumns, out_size - p * kGemmColumns);
        GemmPanel(a, std::min(kGemmRows, end_row - row),
                  packed + (p - first_panel) * split.depth * kGemmColumns, columns, split.depth,
                  bias != nullptr ? bias + row : nullptr,
                  y + (image * s.out_channels + row) * out_size + p * kGemmColumns, out_size);
      }
    }
  });
}

// One output row of one channel: adds every tap's contribution.
void DepthwiseRow(const Window& w, const float* channel, const float* taps, int64_t od, int64_t oh,
                  float* row, StopCheck& check) {
  std::fill(row, row + w.out[2], 0.0f);
  const Range depth = TapsInside(w, 0, od), height = TapsInside(w, 1, oh);
  for (int64_t kd = depth.begin; kd < depth.end; ++kd) {
    for (int64_t kh = height.begin; kh < height.end; ++kh) {
      const int64_t d = od * w.stride[0] - w.pad_begin[0] + kd * w.dilation[0];
      const int64_t h = oh * w.stride[1] - w.pad_begin[1] + kh * w.dilation[1];
      const float* in_row = channel + (d * w.in[1] + h) * w.in[2];
      for (int64_t kw = 0; kw < w.kernel[2]; ++kw) {
        if (check.Stopped(w.out[2] / 4 + 4)) return;
        const float weight = taps[(kd * w.kernel[1] + kh) * w.kernel[2] + kw];
        const Range outs = OutputsInside(w, 2, kw);
        const int64_t stride = w.stride[2];
        const float* from = in_row + outs.begin * stride - w.pad_begin[2] + kw * w.dilation[2];
        if (stride == 1) {
          for (int64_t i = 0; i < outs.size(); ++i) row[outs.begin + i] += weight * from[i];
        } else {
          for (int64_t i = 0; i < outs.size(); ++i) {
            row[outs.begin + i] += weight * from[i * stride];
          }
        }
      }
    }
  }
}

void DepthwiseConv(const ConvGeometry& s, const float* x, const float* w, const float* bias,
                   float* y, Parallel& parallel) {
  const Window& window = s.window;
  const int64_t n_taps = window.n_taps();
  const int64_t n_tasks = s.batch * s.out_channels;
  parallel.ForEach(static_cast<size_t>(n_tasks), [&](size_t index, int) {
    const int64_t task = static_cast<int64_t>(index);
    const int64_t image = task / s.out_channels, channel = task % s.out_channels;
    const int64_t in_channel = channel / s.group_out();
    const float* in = x + (image * s.in_channels + in_channel) * window.in_size();
    float* row = y + task * window.out_size();
    StopCheck check(parallel);
    for (int64_t od = 0; od < window.out[0]; ++od) {
      for (int64_t oh = 0; oh < window.out[1]; ++oh, row += window.out[2]) {
        DepthwiseRow(window, in, w + channel * n_taps, od, oh, row, check);
        if (bias == nullptr) continue;
        for (int64_t ow = 0; ow < window.out[2]; ++ow) row[ow] += bias[channel];
      }
    }
  });
}

}  // namespace

uint64_t ConvScratchBytes(const ConvGeometry& shape, int n_threads) {
  return TaskScratchFloats(shape) * sizeof(float) * static_cast<uint64_t>(n_threads);
}

void ConvReference(const ConvGeometry& shape, const float* x, const float* w, const float* bias,
                   float* y, float* scratch, Parallel& parallel) {
  if (shape.batch * shape.out_channels * shape.window.out_size() == 0) return;
  if (IsDepthwise(shape)) {
    DepthwiseConv(shape, x, w, bias, y, parallel);
  } else {
    GemmConv(shape, x, w, bias, y, scratch, parallel);
  }
}

}  // namespace wnn::kernels
