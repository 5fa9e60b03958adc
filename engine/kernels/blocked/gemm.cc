#include "engine/kernels/blocked/gemm.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "engine/base/stop_check.h"
#include "engine/kernels/blocked/gemm_rows.h"
#include "engine/kernels/blocked/packed_weights.h"
#include "engine/kernels/blocked/schedule.h"

namespace wnn::kernels {
namespace {

constexpr int64_t kGroupBlocks = kMaxTileBlocks;
constexpr int64_t kGroup = kGroupBlocks * kBlock;

// Rows of A that are packed and stay in L2 while groups of B stream past them.
constexpr int64_t kChunkBytes = 384 << 10;
constexpr int64_t kMaxChunkRows = 128;

// A packed B of at most this size may exist once a thread.
constexpr int64_t kOwnMatrixBytes = 1 << 20;

int64_t PackedFloats(int64_t k, int64_t n) { return BlockCount(n) * kBlock * k; }
int64_t GroupCount(int64_t n) { return CeilDiv(n, kGroup); }

int64_t ChunkRows(int64_t k) {
  return std::clamp<int64_t>(
      kChunkBytes / static_cast<int64_t>(sizeof(float)) / std::max<int64_t>(k, 1), kMaxTileRows,
      kMaxChunkRows);
}

// Memory of a thread: a chunk of A as channel blocks. A transposed A of few rows is packed too.
int64_t ThreadFloats(int64_t k) { return ChunkRows(k) * BlockCount(k) * kBlock; }

Status CheckSizes(int64_t m, int64_t n, int64_t k) {
  constexpr int64_t kMaxSize = int64_t{1} << 40;
  for (int64_t size : {m, n, k}) {
    if (size < 0 || size > kMaxSize) {
      return InvalidArgument("a matrix product's sizes must be between 0 and 2^40, got " +
                             std::to_string(size));
    }
  }
  constexpr double kMaxFloats = 0x1p48;
  const auto floats = [](int64_t a, int64_t b) {
    return static_cast<double>(a + kGroup) * static_cast<double>(b + kGroup);
  };
  if (floats(m, k) > kMaxFloats || floats(k, n) > kMaxFloats || floats(m, n) > kMaxFloats) {
    return TooLarge("a matrix product's matrices are too large to address");
  }
  return OkStatus();
}

// Packs group `group` of B.
void PackGroup(const float* b, int64_t k, int64_t n, bool transposed, float alpha, int64_t group,
               float* packed, Parallel& parallel) {
  StopCheck check(parallel);
  const int64_t first = group * kGroup;
  const int64_t live = std::min(kGroup, n - first);
  const int64_t width = BlockCount(live) * kBlock;
  float* to = packed + first * k;
  if (!transposed) {
    for (int64_t i = 0; i < k; ++i, to += width) {
      if (check.Stopped(width)) return;
      const float* from = b + i * n + first;
      for (int64_t j = 0; j < live; ++j) to[j] = alpha * from[j];
      std::fill(to + live, to + width, 0.0f);
    }
    return;
  }
  constexpr int64_t kPiece = 4096;
  for (int64_t begin = 0; begin < k; begin += kPiece) {
    const int64_t end = std::min(k, begin + kPiece);
    for (int64_t j = 0; j < width; ++j) {
      if (check.Stopped(4 * (end - begin))) return;
      const float* from = b + (first + j) * k;
      if (j < live) {
        for (int64_t i = begin; i < end; ++i) to[i * width + j] = alpha * from[i];
      } else {
        for (int64_t i = begin; i < end; ++i) to[i * width + j] = 0;
      }
    }
  }
}

// A product whose sizes and memory are settled.
struct Product {
  int64_t n = 0, k = 0;
  const float* b = nullptr;  // packed
  const TileKernels* tiles = nullptr;
  const GemmRowsKernels* rows = nullptr;
};

// Rows [rows.begin, rows.end) of A as [k block][row][16].
void PackA(const GemmArgs& args, int64_t k, Range rows, float* to, StopCheck& check) {
  constexpr int64_t kPiece = 4096, kRowNs = 10;
  for (int64_t begin = 0; begin < k; begin += kBlock) {
    const int64_t live = std::min(kBlock, k - begin);
    for (int64_t i = rows.begin; i < rows.end;) {
      const int64_t end = std::min(rows.end, i + kPiece);
      if (check.Stopped(kRowNs * (end - i))) return;
      if (!args.a_transposed) {
        for (; i < end; ++i, to += kBlock) {
          std::memcpy(to, args.a + i * args.lda + begin, static_cast<size_t>(live) * sizeof(float));
        }
      } else {
        for (; i < end; ++i, to += kBlock) {
          for (int64_t j = 0; j < live; ++j) to[j] = args.a[(begin + j) * args.lda + i];
        }
      }
    }
  }
}

// Adds bias, clamps and writes a row of sums to C.
void StoreRow(const GemmArgs& args, int64_t row, int64_t column, int64_t n, const float* sums) {
  float* c = args.c + row * args.ldc + column;
  const float min = args.clamp.min;
  const float max = args.clamp.max;
  const auto clamp = [min, max](float x) {
    x = x < min ? min : x;  // a NaN stays
    return x > max ? max : x;
  };
  if (args.bias == nullptr) {
    for (int64_t j = 0; j < n; ++j) c[j] = clamp(sums[j]);
    return;
  }
  const float* bias = args.bias + row * args.bias_row_stride + column * args.bias_column_stride;
  if (args.bias_column_stride == 1) {
    for (int64_t j = 0; j < n; ++j) c[j] = clamp(sums[j] + bias[j]);
  } else {
    for (int64_t j = 0; j < n; ++j) c[j] = clamp(sums[j] + bias[j * args.bias_column_stride]);
  }
}

// Rows of a group of C from rows of A that lie packed as [k block][a_rows][16], the first of them
// at `a`; `weights` is the group of B.
void RunTiles(const GemmArgs& args, const TileKernels& tiles, const float* a, int64_t a_rows,
              const float* weights, int64_t k, Range rows, int64_t column, int64_t live) {
  alignas(64) float sums[kMaxTileRows * kGroup];
  const auto blocks = static_cast<int>(BlockCount(live));
  const int64_t n_tiles = CeilDiv(rows.size(), tiles.max_rows[blocks]);
  for (int64_t t = 0; t < n_tiles; ++t) {
    const Range tile = Part(rows.size(), n_tiles, t);
    TileArgs tile_args;
    tile_args.in = a + tile.begin * kBlock;
    tile_args.in_block_stride = a_rows * kBlock;
    tile_args.channels = k;
    tile_args.weights = weights;
    tile_args.out = sums;  // [block][row][16]; rows of C are gathered from it
    tile_args.out_block_stride = kMaxTileRows * kBlock;
    tile_args.epilogue = TileEpilogue::kRaw;
    tiles.tile[blocks][tile.size()](tile_args);
    for (int64_t i = 0; i < tile.size(); ++i) {
      for (int64_t block = 0; block < blocks; ++block) {
        StoreRow(args, rows.begin + tile.begin + i, column + block * kBlock,
                 std::min(kBlock, live - block * kBlock),
                 sums + (block * kMaxTileRows + i) * kBlock);
      }
    }
  }
}

// Computes rows x groups of C. `memory` holds ThreadFloats(k).
void RunPart(const GemmArgs& args, const Product& product, Range rows, Range groups, float* memory,
             Parallel& parallel) {
  StopCheck check(parallel);
  alignas(64) float sums[kMaxTileRows * kGroup];
  const int64_t n_chunks = CeilDiv(rows.size(), ChunkRows(product.k));
  for (int64_t c = 0; c < n_chunks; ++c) {
    const Range chunk = Part(rows.size(), n_chunks, c);
    const Range some{rows.begin + chunk.begin, rows.begin + chunk.end};
    const bool few = args.m <= kMaxGemmRows && !args.a_transposed;
    if (!few) PackA(args, product.k, some, memory, check);
    for (int64_t group = groups.begin; group < groups.end; ++group) {
      // Some 40 multiply-adds a nanosecond, or 4 bytes of weights.
      if (check.Stopped(product.k * kGroup * std::max<int64_t>(some.size() / 40, 1))) return;
      const int64_t column = group * kGroup;
      const int64_t live = std::min(kGroup, product.n - column);
      const float* weights = product.b + column * product.k;
      if (few) {
        product.rows->rows[some.size()]({.a = args.a + some.begin * args.lda,
                                         .lda = args.lda,
                                         .k = product.k,
                                         .weights = weights,
                                         .blocks = static_cast<int>(BlockCount(live)),
                                         .out = sums});
        for (int64_t i = 0; i < some.size(); ++i) {
          StoreRow(args, some.begin + i, column, live, sums + i * kGroup);
        }
        continue;
      }
      RunTiles(args, *product.tiles, memory, some.size(), weights, product.k, some, column, live);
    }
  }
}

// Shares a product out.
void RunProduct(const GemmArgs& args, const Product& product, float* memory, Parallel& parallel) {
  const double mul_adds =
      static_cast<double>(args.m) * static_cast<double>(product.n) * static_cast<double>(product.k);
  // Few rows wait for memory: a multiply-add costs several times more.
  const double cost = args.m <= kMaxGemmRows ? mul_adds * 4 : mul_adds;
  const Grid grid = ChooseGrid({.pixels = args.m,
                                .min_part_pixels = kMaxTileRows,
                                .panels = GroupCount(product.n),
                                .pixel_floats = product.k,
                                .weight_floats = product.k * product.n,
                                .mul_adds = cost},
                               parallel.n_threads());
  ForEachTask(parallel, grid.pixel_parts * grid.panel_parts, [&](int64_t task, int thread) {
    RunPart(args, product, Part(args.m, grid.pixel_parts, task / grid.panel_parts),
            Part(GroupCount(product.n), grid.panel_parts, task % grid.panel_parts),
            memory + thread * ThreadFloats(product.k), parallel);
  });
}

Product MakeProduct(int64_t n, int64_t k, const float* packed) {
  return {n, k, packed, &ActiveTileKernels(), &ActiveGemmRowsKernels()};
}

}  // namespace

Result<PackedMatrix> PackedMatrix::Create(std::span<const float> b, int64_t k, int64_t n,
                                          bool transposed, float alpha, Parallel& stop) {
  WNN_RETURN_IF_ERROR(CheckSizes(1, n, k));
  if (b.size() != static_cast<size_t>(k * n)) {
    return InvalidArgument("a matrix of " + std::to_string(k) + " x " + std::to_string(n) +
                           " has " + std::to_string(b.size()) + " values");
  }
  PackedMatrix packed;
  packed.k_ = k;
  packed.n_ = n;
  WNN_ASSIGN_OR_RETURN(const size_t bytes, FloatBytes({PackedFloats(k, n)}));
  WNN_ASSIGN_OR_RETURN(packed.data_, AlignedBuffer::Allocate(bytes));
  auto* to = reinterpret_cast<float*>(packed.data_.data());
  StopCheck check(stop);
  for (int64_t g = 0; g < GroupCount(n); ++g) {
    if (check.Stopped(k * kGroup)) break;
    PackGroup(b.data(), k, n, transposed, alpha, g, to, stop);
  }
  return packed;
}

Result<size_t> GemmScratchBytes(int64_t m, int64_t n, int64_t k, int n_threads) {
  WNN_RETURN_IF_ERROR(CheckSizes(m, n, k));
  return FloatBytes({n_threads, ThreadFloats(k)});
}

void Gemm(const GemmArgs& args, const PackedMatrix& b, std::span<std::byte> scratch,
          Parallel& parallel) {
  if (args.m == 0 || b.n() == 0) return;
  RunProduct(args, MakeProduct(b.n(), b.k(), b.data()), reinterpret_cast<float*>(scratch.data()),
             parallel);
}

Result<PackedRows> PackedRows::Create(std::span<const float> a, int64_t m, int64_t k,
                                      Parallel& stop) {
  WNN_RETURN_IF_ERROR(CheckSizes(m, 1, k));
  if (a.size() != static_cast<size_t>(m * k)) {
    return InvalidArgument("a matrix of " + std::to_string(m) + " x " + std::to_string(k) +
                           " has " + std::to_string(a.size()) + " values");
  }
  PackedRows packed;
  packed.m_ = m;
  packed.k_ = k;
  WNN_ASSIGN_OR_RETURN(const size_t bytes, FloatBytes({m, BlockCount(k), kBlock}));
  WNN_ASSIGN_OR_RETURN(packed.data_, AlignedBuffer::Allocate(bytes));
  GemmArgs args;
  args.a = a.data();
  args.lda = k;
  StopCheck check(stop);
  PackA(args, k, {0, m}, reinterpret_cast<float*>(packed.data_.data()), check);
  return packed;
}

void MultiplyPanel(const PackedRows& a, const PanelArgs& panel) {
  GemmArgs args;
  args.bias = panel.bias;
  args.bias_row_stride = 1;
  args.bias_column_stride = 0;
  args.c = panel.c;
  args.ldc = panel.ldc;
  RunTiles(args, ActiveTileKernels(), a.data() + panel.row_begin * kBlock, a.m(), panel.b, a.k(),
           {panel.row_begin, panel.row_end}, 0, panel.columns);
}

Result<size_t> MatMulScratchBytes(int64_t m, int64_t n, int64_t k, int n_threads) {
  WNN_RETURN_IF_ERROR(CheckSizes(m, n, k));
  WNN_ASSIGN_OR_RETURN(const size_t matrix, FloatBytes({PackedFloats(k, n)}));
  const bool own = matrix <= static_cast<size_t>(kOwnMatrixBytes);
  return FloatBytes({n_threads * ThreadFloats(k) + PackedFloats(k, n) * (own ? n_threads : 1)});
}

void MatMul(const MatMulArgs& args, std::span<std::byte> scratch, Parallel& parallel) {
  const auto items = static_cast<int64_t>(args.a_offsets.size());
  if (items == 0 || args.m == 0 || args.n == 0) return;
  const int64_t packed_floats = PackedFloats(args.k, args.n);
  auto* memory = reinterpret_cast<float*>(scratch.data());
  const Product product = MakeProduct(args.n, args.k, nullptr);
  const auto item_args = [&](int64_t item) {
    GemmArgs gemm;
    gemm.m = args.m;
    gemm.a = args.a + args.a_offsets[static_cast<size_t>(item)];
    gemm.lda = args.a_transposed ? args.m : args.k;
    gemm.a_transposed = args.a_transposed;
    gemm.c = args.c + item * args.m * args.n;
    gemm.ldc = args.n;
    return gemm;
  };
  const auto pack = [&](int64_t item, int64_t group, float* to) {
    PackGroup(args.b + args.b_offsets[static_cast<size_t>(item)], args.k, args.n, args.b_transposed,
              args.alpha, group, to, parallel);
  };

  const bool own = packed_floats * static_cast<int64_t>(sizeof(float)) <= kOwnMatrixBytes;
  if (own && items >= 2 * parallel.n_threads()) {
    ForEachTask(parallel, items, [&](int64_t item, int thread) {
      float* mine = memory + thread * (packed_floats + ThreadFloats(args.k));
      for (int64_t g = 0; g < GroupCount(args.n); ++g) pack(item, g, mine);
      Product own_product = product;
      own_product.b = mine;
      RunPart(item_args(item), own_product, {0, args.m}, {0, GroupCount(args.n)},
              mine + packed_floats, parallel);
    });
    return;
  }
  for (int64_t item = 0; item < items; ++item) {
    const auto at = static_cast<size_t>(item);
    if (item == 0 || args.b_offsets[at] != args.b_offsets[at - 1]) {
      ForEachTask(parallel, GroupCount(args.n),
                  [&](int64_t group, int) { pack(item, group, memory); });
    }
    Product shared = product;
    shared.b = memory;
    RunProduct(item_args(item), shared, memory + packed_floats, parallel);
  }
}

}  // namespace wnn::kernels
