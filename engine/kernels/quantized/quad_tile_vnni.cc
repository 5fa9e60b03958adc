// Tiles for AVX512-VNNI, which multiplies quads in one instruction. Not by Highway: the set of
// instructions that it calls AVX3_DL asks for more than processors with VNNI have.
#include "engine/kernels/quantized/quad_tile.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>
#endif

namespace wnn::kernels {

#if defined(__x86_64__)
namespace {

#define WNN_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define WNN_UNROLL _Pragma("GCC unroll 64")

template <int kVectors, int kRows>
WNN_VNNI void VnniTile(const QuadTileArgs& args) {
  __m512i acc[kRows][kVectors];
  WNN_UNROLL for (int r = 0; r < kRows; ++r) {
    WNN_UNROLL for (int v = 0; v < kVectors; ++v) acc[r][v] = _mm512_setzero_si512();
  }
  const std::byte* weights = args.weights;
  for (int64_t s = 0; s < args.n_steps; ++s, weights += 4 * kRows) {
    const uint8_t* in = args.in + args.step_offsets[s];
    __m512i x[kVectors];
    WNN_UNROLL for (int v = 0; v < kVectors; ++v) x[v] = _mm512_loadu_si512(in + 64 * v);
    WNN_UNROLL for (int r = 0; r < kRows; ++r) {
      int32_t quad;
      std::memcpy(&quad, weights + 4 * r, sizeof(quad));
      const __m512i w = _mm512_set1_epi32(quad);
      WNN_UNROLL for (int v = 0; v < kVectors; ++v) {
        acc[r][v] = _mm512_dpbusd_epi32(acc[r][v], x[v], w);
      }
    }
  }
  WNN_UNROLL for (int r = 0; r < kRows; ++r) {
    WNN_UNROLL for (int v = 0; v < kVectors; ++v) {
      _mm512_storeu_si512(args.out + r * kMaxStrip + v * kQuadLanes, acc[r][v]);
    }
  }
}

constexpr QuadTiles kVnniTiles = {
    4,
    {{},
     {&VnniTile<1, 1>, &VnniTile<1, 2>, &VnniTile<1, 4>, &VnniTile<1, 8>},
     {&VnniTile<2, 1>, &VnniTile<2, 2>, &VnniTile<2, 4>, &VnniTile<2, 8>},
     {&VnniTile<3, 1>, &VnniTile<3, 2>, &VnniTile<3, 4>, &VnniTile<3, 8>}}};

}  // namespace

const QuadTiles* VnniQuadTiles() {
  // Says, too, whether the operating system keeps the registers.
  static const bool has = __builtin_cpu_supports("avx512vnni") != 0 &&
                          __builtin_cpu_supports("avx512bw") != 0 &&
                          __builtin_cpu_supports("avx512vl") != 0;
  return has ? &kVnniTiles : nullptr;
}

#else

const QuadTiles* VnniQuadTiles() { return nullptr; }

#endif

}  // namespace wnn::kernels
