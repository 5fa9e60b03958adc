#include "engine/kernels/quantized/quad_gemm.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/kernels/quantized/quad_strip.h"
#include "engine/kernels/range.h"
#include "engine/kernels/reference/parallel_for.h"

namespace wnn::kernels {
namespace {

constexpr int64_t Steps(int64_t k) { return CeilDiv(k, 4); }

Status CheckSizes(int64_t m, int64_t n, int64_t k) {
  constexpr int64_t kMax = int64_t{1} << 40;
  constexpr double kMaxElements = 0x1p48;
  const auto product = [](int64_t a, int64_t b) {
    return (static_cast<double>(a) + 64) * (static_cast<double>(b) + 64);
  };
  if (std::min({m, n, k}) < 0 || std::max({m, n, k}) > kMax || product(m, k) > kMaxElements ||
      product(k, n) > kMaxElements || product(m, n) > kMaxElements) {
    return TooLarge("a matrix product's matrices are too large to address");
  }
  return OkStatus();
}

// Scratch memory: step offsets, sums of rows and of columns less k times the zero point, packed A.
struct Layout {
  int64_t offsets = 0, row_sums = 0, lane_sums = 0, a = 0, total = 0;

  Layout(int64_t m, int64_t n, int64_t k, int64_t quad_bytes) {
    row_sums = offsets + RoundUp(Steps(k) * 8, 64);
    lane_sums = row_sums + RoundUp(m * 4, 64);
    a = lane_sums + RoundUp(PaddedQuadColumns(n) * 4, 64);
    total = a + RoundUp((m + kMaxQuadRows) * Steps(k) * quad_bytes, 64);
  }
};

// Packs rows [first, end) of A as signed bytes and adds them up, until `check` says stop.
void PackA(const QuadGemmArgs& args, const QuadTiles& tiles, int64_t first, int64_t end,
           std::byte* to, int32_t* sums, StopCheck& check) {
  const auto* a = static_cast<const uint8_t*>(args.a.data);
  const uint8_t flip = args.a.is_signed ? 0 : 0x80;
  std::fill(sums + first, sums + end, 0);
  PackQuadRows(tiles, first, end, args.m, Steps(args.k), to, check,
               [&](int64_t row, int64_t step, int8_t quad[4]) {
                 const int64_t live = std::min<int64_t>(4, args.k - 4 * step);
                 const uint8_t* from =
                     a + row * args.a.row_stride + 4 * step * args.a.column_stride;
                 for (int64_t j = 0; j < live; ++j) {
                   quad[j] = static_cast<int8_t>(from[j * args.a.column_stride] ^ flip);
                   sums[row] += quad[j];
                 }
               });
}

int64_t ElementBytes(QuadEpilogue::Output output) {
  return output == QuadEpilogue::Output::kInt32 || output == QuadEpilogue::Output::kFloat ? 4 : 1;
}

// The epilogue of a strip that begins at column `first`.
QuadEpilogue AtColumn(QuadEpilogue e, int64_t first) {
  if (e.lane_sum != nullptr) e.lane_sum += first;
  if (e.lane_add != nullptr) e.lane_add += first;
  if (e.lane_zero != nullptr) e.lane_zero += first;
  if (e.lane_scale != nullptr) e.lane_scale += first;
  if (e.lane_bias != nullptr) e.lane_bias += first;
  return e;
}

}  // namespace

Result<size_t> QuadMatrixBytes(int64_t k, int64_t n) {
  WNN_RETURN_IF_ERROR(CheckSizes(1, n, k));
  return static_cast<size_t>((Steps(k) + 1) * PaddedQuadColumns(n) * 4);
}

const int32_t* QuadMatrixSums(const std::byte* packed, int64_t k, int64_t n) {
  return reinterpret_cast<const int32_t*>(packed + Steps(k) * PaddedQuadColumns(n) * 4);
}

void PackQuadMatrix(const ByteMatrix& b, int64_t k, int64_t n, std::byte* to, Parallel& parallel) {
  const auto* from = static_cast<const uint8_t*>(b.data);
  const uint8_t flip = b.is_signed ? 0x80 : 0;
  const int64_t columns = PaddedQuadColumns(n);
  auto* sums = const_cast<int32_t*>(QuadMatrixSums(to, k, n));
  ForRanges(parallel, columns / kQuadLanes, 16, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kQuadLanes, last = end * kQuadLanes;
    const int64_t live = std::min(n, last) - first;
    std::fill(sums + first, sums + last, 0);
    StopCheck check(parallel);
    for (int64_t s = 0; s < Steps(k); ++s) {
      if (check.Stopped(4 * (last - first))) return;
      auto* out = reinterpret_cast<uint8_t*>(to) + (s * columns + first) * 4;
      const uint8_t* source = from + 4 * s * b.row_stride + first * b.column_stride;
      const int64_t rows = std::min<int64_t>(4, k - 4 * s);
      if (b.column_stride == 1) {
        const uint8_t* quad_rows[4] = {};
        for (int64_t j = 0; j < rows; ++j) quad_rows[j] = source + j * b.row_stride;
        InterleaveQuads(quad_rows, live, flip, 0, out);
      } else {
        for (int64_t i = 0; i < live; ++i) {
          for (int64_t j = 0; j < 4; ++j) {
            const bool inside = j < rows;
            const uint8_t byte = inside ? source[j * b.row_stride + i * b.column_stride] : 0;
            out[4 * i + j] = inside ? static_cast<uint8_t>(byte ^ flip) : 0;
          }
        }
      }
      std::memset(out + 4 * live, 0, static_cast<size_t>(4 * (last - first - live)));
      for (int64_t i = 0; i < live; ++i) {
        sums[first + i] += out[4 * i] + out[4 * i + 1] + out[4 * i + 2] + out[4 * i + 3];
      }
    }
  });
}

Result<size_t> QuadGemmScratchBytes(int64_t m, int64_t n, int64_t k) {
  WNN_RETURN_IF_ERROR(CheckSizes(m, n, k));
  return static_cast<size_t>(Layout(m, n, k, 8).total);
}

void QuadGemm(const QuadGemmArgs& args, std::byte* scratch, Parallel& parallel) {
  if (args.m == 0 || args.n == 0) return;
  const QuadTiles& tiles = ActiveQuadTiles();
  const Layout layout(args.m, args.n, args.k, tiles.quad_bytes);
  auto* offsets = reinterpret_cast<int64_t*>(scratch + layout.offsets);
  auto* row_sums = reinterpret_cast<int32_t*>(scratch + layout.row_sums);
  auto* lane_sums = reinterpret_cast<int32_t*>(scratch + layout.lane_sums);
  std::byte* a = scratch + layout.a;
  const int64_t columns = PaddedQuadColumns(args.n), n_steps = Steps(args.k);
  InSteps(parallel, n_steps, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) offsets[s] = s * columns * 4;
  });
  const int32_t* b_sums = QuadMatrixSums(args.b, args.k, args.n);
  InSteps(parallel, columns, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      // As 64-bit numbers: what does not fit wraps around, as sums do.
      const int64_t zero = args.epilogue.lane_zero != nullptr ? args.epilogue.lane_zero[i] : 0;
      lane_sums[i] = static_cast<int32_t>(b_sums[i] - args.k * zero);
    }
  });
  QuadEpilogue epilogue = args.epilogue;
  epilogue.lane_sum = lane_sums;
  epilogue.row_sum = row_sums;

  constexpr int64_t kRowsPerTask = 4 * kMaxQuadRows;
  ForRanges(parallel, args.m, kRowsPerTask, [&](int64_t begin, int64_t end) {
    StopCheck check(parallel);
    PackA(args, tiles, begin, end, a, row_sums, check);
  });

  const int64_t n_strips = (args.n + kMaxStrip - 1) / kMaxStrip;
  const int64_t row_tasks = (args.m + kRowsPerTask - 1) / kRowsPerTask;
  const int64_t element = ElementBytes(epilogue.output);
  // About a quarter of a million products a task.
  const int64_t cost = std::max<int64_t>(
      std::min(args.m, kRowsPerTask) * kMaxStrip * std::max<int64_t>(args.k, 1), 1);
  const int64_t grain = std::max<int64_t>(262144 / cost, 1);
  ForRanges(parallel, n_strips * row_tasks, grain, [&](int64_t begin, int64_t end) {
    alignas(64) std::byte finished[kMaxQuadRows * kMaxStrip * 4];
    StopCheck check(parallel);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t row = task % row_tasks * kRowsPerTask;
      const int64_t column = task / row_tasks * kMaxStrip;
      const int64_t live = std::min(kMaxStrip, args.n - column);
      const QuadEpilogue here = AtColumn(epilogue, column);
      RunQuadStrip(tiles, reinterpret_cast<const uint8_t*>(args.b) + 4 * column,
                   {offsets, static_cast<size_t>(n_steps)}, a, args.m, row,
                   std::min(args.m, row + kRowsPerTask), live, check,
                   [&](int64_t first, int64_t n_rows, const int32_t* sums) {
                     auto* c = static_cast<std::byte*>(args.c);
                     const int64_t stride = kMaxStrip * element;
                     FinishQuadRows(here, first, n_rows, live, sums, finished, stride);
                     for (int64_t r = 0; r < n_rows; ++r) {
                       std::memcpy(c + ((first + r) * args.ldc + column) * element,
                                   finished + r * stride, static_cast<size_t>(live * element));
                     }
                   });
    }
  });
}

}  // namespace wnn::kernels
