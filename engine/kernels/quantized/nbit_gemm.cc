#include "engine/kernels/quantized/nbit_gemm.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "engine/base/stop_check.h"
#include "engine/kernels/blocked/packed_weights.h"
#include "engine/kernels/blocked/schedule.h"
#include "engine/kernels/blocked/tile.h"
#include "engine/kernels/reference/parallel_for.h"

namespace wnn::kernels {
namespace {

// Up to so many rows, integers become floats once for each four of them.
constexpr int64_t kFewRows = 16;
// Rows that share an unpacked panel.
constexpr int64_t kManyRows = 256;
// Of k: what a panel covers, and what is done between two looks whether to stop.
constexpr int64_t kPanelDepth = 512;
constexpr int64_t kPiece = 16384;
constexpr int64_t kPanelWidth = kMaxTileBlocks * kBlock;

// Floats of a row in the order of the kernels, whatever their vectors.
int64_t OrderedFloats(const NBitMatrix& b) {
  return RoundUp(b.words(), kMaxNBitLanes) * (b.numbers_per_word() + 1);
}

// How scratch memory is laid out, in floats: the rows of A as `order` has them, if it has them
// otherwise; the rows as the kernels want them; a panel of each thread.
struct Layout {
  int64_t rows = 0;  // at once
  int64_t ordered_row = 0;
  int64_t total_rows = 0;

  explicit Layout(const NBitGemmArgs& args) {
    const bool few = args.m <= kFewRows;
    rows = std::min(args.m, kManyRows);
    ordered_row = few ? OrderedFloats(args.b) : RoundUp(args.b.k, kBlock);
  }
  static int64_t GatheredRow(const NBitGemmArgs& args) {
    return args.order == nullptr ? 0 : RoundUp(args.b.k, kBlock);
  }
};

// Some rows of the product.
struct Pass {
  NBitGemmArgs args;  // of these rows, whose A is in order
  float* rows = nullptr;
  float* panels = nullptr;
};

// Puts rows of A into the order of `order`.
void Gather(const NBitGemmArgs& args, float* to, int64_t stride, Parallel& parallel) {
  const int64_t pieces = CeilDiv(args.b.k, kPiece);
  ForRanges(parallel, args.m * pieces, 1, [&](int64_t task, int64_t) {
    const int64_t row = task / pieces, begin = task % pieces * kPiece;
    const int64_t end = std::min(args.b.k, begin + kPiece);
    const float* from = args.a + row * args.lda;
    for (int64_t i = begin; i < end; ++i) {
      to[row * stride + i] = args.order[i] < 0 ? 0 : from[args.order[i]];
    }
  });
}

// Columns [columns.begin, columns.end) of a few rows.
void RunFewColumns(const Pass& pass, const NBitKernels& kernels, Range columns, StopCheck& check) {
  const NBitGemmArgs& args = pass.args;
  const NBitMatrix& b = args.b;
  const int64_t chunk = kernels.lanes * b.numbers_per_word(), step = kPiece / chunk;
  const int64_t n_chunks = CeilDiv(b.k, chunk);
  NBitRowsArgs rows_args;
  rows_args.b = &b;
  rows_args.a_stride = OrderedFloats(b);
  float sums[kMaxNBitRows * kNBitColumns];
  rows_args.sums = sums;
  for (int64_t column = columns.begin; column < columns.end; column += kNBitColumns) {
    rows_args.column = column;
    rows_args.n_columns = std::min<int64_t>(kNBitColumns, columns.end - column);
    for (int64_t row = 0; row < args.m; row += kMaxNBitRows) {
      const int64_t n_rows = std::min<int64_t>(kMaxNBitRows, args.m - row);
      rows_args.a = pass.rows + row * rows_args.a_stride;
      for (int64_t begin = 0; begin < n_chunks; begin += step) {
        rows_args.chunk_begin = begin;
        rows_args.chunk_end = std::min(n_chunks, begin + step);
        // Some 4 numbers a nanosecond.
        if (check.Stopped((rows_args.chunk_end - begin) * chunk)) return;
        kernels.rows[NBitIndex(b.bits)][n_rows](rows_args);
        for (int64_t r = 0; r < n_rows; ++r) {
          float* c = args.c + (row + r) * args.ldc + column;
          for (int64_t j = 0; j < rows_args.n_columns; ++j) {
            const float sum = sums[r * kNBitColumns + j];
            c[j] = begin == 0 ? sum : c[j] + sum;
            if (args.bias != nullptr && rows_args.chunk_end == n_chunks)
              c[j] += args.bias[column + j];
          }
        }
      }
    }
  }
}

void RunFew(const Pass& pass, Parallel& parallel) {
  const NBitGemmArgs& args = pass.args;
  const NBitMatrix& b = args.b;
  const NBitKernels& kernels = ActiveNBitKernels();
  const int64_t pieces = CeilDiv(b.k, kPiece), stride = OrderedFloats(b);
  const int64_t grain = std::max<int64_t>(1, kPiece / b.k);
  ForRanges(parallel, args.m * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t row = task / pieces, first = task % pieces * kPiece;
      kernels.order_row[NBitIndex(b.bits)](
          args.a + row * args.lda + first, std::min(kPiece, b.k - first),
          pass.rows + row * stride + first / b.numbers_per_word() * (b.numbers_per_word() + 1));
    }
  });
  const int64_t n_groups = CeilDiv(b.n, kNBitColumns);
  // The same for few rows as for one: most of it is to make floats of integers.
  const double cost = 4.0 * static_cast<double>(CeilDiv(args.m, kMaxNBitRows)) *
                      static_cast<double>(b.k) * static_cast<double>(b.n);
  const int64_t n_tasks = std::min(n_groups, TaskCount(cost, parallel.n_threads()));
  ForEachTask(parallel, n_tasks, [&](int64_t task, int) {
    StopCheck check(parallel);
    const Range groups = Part(n_groups, n_tasks, task);
    RunFewColumns(pass, kernels,
                  {groups.begin * kNBitColumns, std::min(b.n, groups.end * kNBitColumns)}, check);
  });
}

// Adds a tile's sums to C, or sets it the first time; adds the bias the last time.
void AddTile(const NBitGemmArgs& args, Range rows, Range columns, bool first, bool last,
             const float* sums) {
  const float* bias = last ? args.bias : nullptr;
  for (int64_t row = rows.begin; row < rows.end; ++row, sums += kBlock) {
    const float* from = sums;
    for (int64_t j = columns.begin; j < columns.end; j += kBlock, from += kMaxTileRows * kBlock) {
      float* c = args.c + row * args.ldc + j;
      const int64_t live = std::min(kBlock, columns.end - j);
      if (first) {
        std::copy_n(from, live, c);
      } else {
        for (int64_t i = 0; i < live; ++i) c[i] += from[i];
      }
      if (bias != nullptr) {
        for (int64_t i = 0; i < live; ++i) c[i] += bias[j + i];
      }
    }
  }
}

// A panel's columns of some rows.
void RunPanel(const Pass& pass, const NBitKernels& kernels, Range rows, Range columns, float* panel,
              StopCheck& check) {
  const NBitGemmArgs& args = pass.args;
  const NBitMatrix& b = args.b;
  const TileKernels& tiles = ActiveTileKernels();
  alignas(64) float sums[kMaxTileRows * kPanelWidth];
  const auto blocks = static_cast<int>(BlockCount(columns.size()));
  const int64_t n_tiles = CeilDiv(rows.size(), tiles.max_rows[blocks]);
  for (int64_t begin = 0; begin < b.k; begin += kPanelDepth) {
    const int64_t end = std::min(b.k, begin + kPanelDepth);
    // Some 40 multiply-adds a nanosecond.
    if (check.Stopped((end - begin) * kPanelWidth * (8 + rows.size()) / 40)) return;
    kernels.panel[NBitIndex(b.bits)](
        {&b, begin, end, columns.begin, columns.size(), blocks * kBlock, panel});
    for (int64_t t = 0; t < n_tiles; ++t) {
      const Range tile = Part(rows.size(), n_tiles, t);
      TileArgs tile_args;
      tile_args.in = pass.rows + begin * args.m + (rows.begin + tile.begin) * kBlock;
      tile_args.in_block_stride = args.m * kBlock;
      tile_args.channels = end - begin;
      tile_args.weights = panel;
      tile_args.out = sums;
      tile_args.out_block_stride = kMaxTileRows * kBlock;
      tile_args.epilogue = TileEpilogue::kRaw;
      tiles.tile[blocks][tile.size()](tile_args);
      AddTile(args, {rows.begin + tile.begin, rows.begin + tile.end}, columns, begin == 0,
              end == b.k, sums);
    }
  }
}

void RunMany(const Pass& pass, Parallel& parallel) {
  const NBitGemmArgs& args = pass.args;
  const NBitMatrix& b = args.b;
  const NBitKernels& kernels = ActiveNBitKernels();
  // [block of 16 of k][row][16]
  ForRanges(parallel, BlockCount(b.k), 64, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t live = std::min(kBlock, b.k - block * kBlock);
      for (int64_t row = 0; row < args.m; ++row) {
        std::memcpy(pass.rows + (block * args.m + row) * kBlock,
                    args.a + row * args.lda + block * kBlock,
                    static_cast<size_t>(live) * sizeof(float));
      }
    }
  });
  const int64_t n_panels = CeilDiv(b.n, kPanelWidth);
  const Grid grid = ChooseGrid(
      {.pixels = args.m,
       .min_part_pixels = 4 * kMaxTileRows,
       .panels = n_panels,
       .pixel_floats = b.k,
       .weight_floats = args.m * b.k + 1,  // panels first: every part of the rows unpacks them
       .mul_adds =
           static_cast<double>(args.m) * static_cast<double>(b.n) * static_cast<double>(b.k)},
      parallel.n_threads());
  ForEachTask(parallel, grid.pixel_parts * grid.panel_parts, [&](int64_t task, int thread) {
    StopCheck check(parallel);
    const Range rows = Part(args.m, grid.pixel_parts, task / grid.panel_parts);
    const Range panels = Part(n_panels, grid.panel_parts, task % grid.panel_parts);
    for (int64_t p = panels.begin; p < panels.end; ++p) {
      RunPanel(pass, kernels, rows, {p * kPanelWidth, std::min(b.n, (p + 1) * kPanelWidth)},
               pass.panels + thread * kPanelDepth * kPanelWidth, check);
    }
  });
}

}  // namespace

Result<size_t> NBitGemmScratchBytes(const NBitGemmArgs& args, int n_threads) {
  const Layout layout(args);
  WNN_ASSIGN_OR_RETURN(const size_t rows,
                       FloatBytes({layout.rows, layout.ordered_row + Layout::GatheredRow(args)}));
  const bool few = args.m <= kFewRows;
  WNN_ASSIGN_OR_RETURN(const size_t panels,
                       FloatBytes({few ? 0 : n_threads, kPanelDepth * kPanelWidth}));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] const size_t c, FloatBytes({args.m, args.b.n}));
  return rows + panels;
}

void NBitGemm(const NBitGemmArgs& args, std::byte* scratch, Parallel& parallel) {
  const Layout layout(args);
  const int64_t gathered_row = Layout::GatheredRow(args);
  Pass pass;
  auto* gathered = reinterpret_cast<float*>(scratch);
  pass.rows = gathered + layout.rows * gathered_row;
  pass.panels = pass.rows + layout.rows * layout.ordered_row;
  for (int64_t row = 0; row < args.m; row += layout.rows) {
    if (row > 0 && IsStopped(parallel)) return;
    pass.args = args;
    pass.args.m = std::min(layout.rows, args.m - row);
    pass.args.a += row * args.lda;
    pass.args.c += row * args.ldc;
    if (args.order != nullptr) {
      Gather(pass.args, gathered, gathered_row, parallel);
      pass.args.a = gathered;
      pass.args.lda = gathered_row;
    }
    args.m <= kFewRows ? RunFew(pass, parallel) : RunMany(pass, parallel);
  }
}

}  // namespace wnn::kernels
