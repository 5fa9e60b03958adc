// The quantised kernels on every instruction set, against plain sums.
#include <algorithm>
#include <cmath>

#include "engine/kernels/blocked/test_util.h"
#include "engine/kernels/quantized/quad_conv.h"
#include "engine/kernels/quantized/quad_gemm.h"
#include "engine/kernels/quantized/quad_strip.h"
#include "engine/kernels/reference/conv_test_util.h"

namespace wnn::kernels {
namespace {

int64_t At(const std::vector<uint8_t>& bytes, int64_t i, bool is_signed) {
  const uint8_t byte = bytes[static_cast<size_t>(i)];
  return is_signed ? int64_t{static_cast<int8_t>(byte)} : int64_t{byte};
}

// Every tile, extremes included: nothing saturates on the way.
TEST(QuadTile, EveryTileIsExact) {
  OnEveryIsa([] {
    SerialParallel serial;
    StopCheck check(serial);
    for (const QuadTiles* tiles : {&WordQuadTiles(), &ActiveQuadTiles()}) {
      for (int vectors = 1; vectors <= kMaxStripVectors; ++vectors) {
        for (int64_t rows : {1, 2, 4, 8}) {
          for (int64_t n_steps : {0, 1, 7}) {
            const int64_t n = vectors * kQuadLanes;
            std::vector<uint8_t> in = RandomBytes(static_cast<size_t>(n_steps * n * 4), 1);
            std::vector<uint8_t> w = RandomBytes(static_cast<size_t>(n_steps * rows * 4), 2);
            if (n_steps == 1) {
              std::ranges::fill(in, uint8_t{255});
              std::ranges::fill(w, uint8_t{0x80});
            }
            std::vector<std::byte> packed(
                static_cast<size_t>(PackedQuadRowsBytes(*tiles, rows, n_steps)));
            PackQuadRows(*tiles, 0, rows, rows, n_steps, packed.data(), check,
                         [&](int64_t row, int64_t step, int8_t quad[4]) {
                           for (int64_t j = 0; j < 4; ++j) {
                             quad[j] =
                                 static_cast<int8_t>(At(w, (row * n_steps + step) * 4 + j, true));
                           }
                         });
            std::vector<int64_t> offsets;
            for (int64_t s = 0; s < n_steps; ++s) offsets.push_back(s * n * 4);
            std::vector<int32_t> out(kMaxQuadRows * kMaxStrip, -1);
            tiles->tile[vectors][QuadRowsLog2(rows)](
                {in.data(), offsets.data(), n_steps, packed.data(), out.data()});
            for (int64_t r = 0; r < rows; ++r) {
              for (int64_t p = 0; p < n; ++p) {
                int64_t sum = 0;
                for (int64_t s = 0; s < n_steps; ++s) {
                  for (int64_t j = 0; j < 4; ++j) {
                    sum +=
                        At(in, (s * n + p) * 4 + j, false) * At(w, (r * n_steps + s) * 4 + j, true);
                  }
                }
                ASSERT_EQ(out[static_cast<size_t>(r * kMaxStrip + p)], sum)
                    << vectors << " vectors, row " << r << " of " << rows << ", lane " << p;
              }
            }
          }
        }
      }
    }
  });
}

TEST(QuadTile, FinishesRows) {
  OnEveryIsa([] {
    const float scale = 0.5f;
    QuadEpilogue e;
    e.row_scale = &scale;
    e.zero_point = 3;
    std::vector<int32_t> sums(kMaxStrip, 0);
    const std::vector<int32_t> some = {1, 3, -1, -6, 1000, -1000, INT32_MAX, INT32_MIN};
    std::ranges::copy(some, sums.begin());
    std::vector<std::byte> out(kMaxStrip * 4);
    e.output = QuadEpilogue::Output::kUint8;
    FinishQuadRows(e, 0, 1, 8, sums.data(), out.data(), kMaxStrip);
    const int unsigned_wanted[] = {3, 5, 3, 0, 255, 0, 255, 0};  // halves go to the even number
    for (size_t i = 0; i < some.size(); ++i)
      EXPECT_EQ(std::to_integer<int>(out[i]), unsigned_wanted[i]);
    e.output = QuadEpilogue::Output::kInt8;
    FinishQuadRows(e, 0, 1, 8, sums.data(), out.data(), kMaxStrip);
    const int signed_wanted[] = {3, 5, 3, 0, 127, -128, 127, -128};
    for (size_t i = 0; i < some.size(); ++i) {
      EXPECT_EQ(static_cast<int8_t>(out[i]), signed_wanted[i]);
    }
  });
}

struct GemmCase {
  int64_t m, n, k;
};

TEST(QuadGemm, AgreesWithPlainSums) {
  OnEveryIsa([] {
    TestPool pool(3);
    for (const GemmCase& c :
         {GemmCase{1, 1, 1}, GemmCase{3, 17, 5}, GemmCase{9, 50, 8}, GemmCase{70, 97, 33},
          GemmCase{5, 16, 0}, GemmCase{1, 2, 4 * kMaxQuadSteps + 5}}) {
      for (int kinds = 0; kinds < (c.k > kMaxQuadSteps ? 1 : 8); ++kinds) {
        const bool a_signed = (kinds & 1) != 0, b_signed = (kinds & 2) != 0;
        const bool transposed = (kinds & 4) != 0;
        const auto a = RandomBytes(static_cast<size_t>(c.m * c.k), 3);
        const auto b = RandomBytes(static_cast<size_t>(c.k * c.n), 4);
        auto packed = AlignedBuffer::Allocate(*QuadMatrixBytes(c.k, c.n));
        auto scratch = AlignedBuffer::Allocate(*QuadGemmScratchBytes(c.m, c.n, c.k));
        PackQuadMatrix({b.data(), b_signed, transposed ? 1 : c.n, transposed ? c.k : 1}, c.k, c.n,
                       packed->data(), pool);
        // Zero points by row and by column.
        std::vector<int32_t> a_zero, b_zero;
        for (int64_t i = 0; i < c.m; ++i) a_zero.push_back(static_cast<int32_t>(i % 5) - 2);
        for (int64_t i = 0; i < PaddedQuadColumns(c.n); ++i) {
          b_zero.push_back(static_cast<int32_t>(i % 7));
        }
        std::vector<int32_t> out(static_cast<size_t>(c.m * c.n));
        QuadGemmArgs args;
        args.m = c.m;
        args.n = c.n;
        args.k = c.k;
        args.a = {a.data(), a_signed, c.k, 1};
        args.b = packed->data();
        args.epilogue.row_zero = a_zero.data();
        args.epilogue.lane_zero = b_zero.data();
        args.c = out.data();
        args.ldc = c.n;
        QuadGemm(args, scratch->data(), pool);
        for (int64_t i = 0; i < c.m; ++i) {
          for (int64_t j = 0; j < c.n; ++j) {
            int64_t sum = 0;
            for (int64_t s = 0; s < c.k; ++s) {
              const int64_t b_at = transposed ? j * c.k + s : s * c.n + j;
              const int64_t x = At(a, i * c.k + s, a_signed) - (a_signed ? 0 : 128);
              const int64_t y = At(b, b_at, b_signed) + (b_signed ? 128 : 0);
              sum += (x - a_zero[static_cast<size_t>(i)]) * (y - b_zero[static_cast<size_t>(j)]);
            }
            ASSERT_EQ(out[static_cast<size_t>(i * c.n + j)], static_cast<int32_t>(sum))
                << i << ", " << j;
          }
        }
      }
    }
  });
}

TEST(QuadConv, AgreesWithPlainSums) {
  const ConvGeometry geometries[] = {
      Geometry(2, 5, 9, 1, {1, 7, 6}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}),
      Geometry(1, 3, 16, 1, {1, 9, 11}, {1, 3, 3}, {1, 2, 2}, {1, 1, 1}, {0, 1, 1}),
      Geometry(1, 8, 3, 1, {1, 13, 13}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}),
      Geometry(1, 4, 4, 1, {1, 12, 10}, {1, 3, 2}, {1, 3, 2}, {1, 2, 3}, {0, 2, 1}),
      Geometry(2, 6, 6, 6, {1, 9, 9}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}),
      Geometry(1, 6, 12, 6, {1, 10, 17}, {1, 5, 5}, {1, 2, 2}, {1, 1, 1}, {0, 2, 2}),
      Geometry(1, 4, 4, 4, {1, 8, 8}, {1, 3, 3}, {1, 1, 1}, {1, 2, 2}, {0, 2, 2}),
      Geometry(1, 6, 4, 2, {1, 5, 5}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}),
      Geometry(1, 3, 5, 1, {4, 6, 5}, {2, 3, 3}, {1, 2, 1}, {1, 1, 1}, {1, 1, 1}),
      Geometry(1, 1, 2, 1, {1, 1, 40}, {1, 1, 9}, {1, 1, 3}, {1, 1, 1}, {0, 0, 4}),
      // More strips than have their segments kept.
      Geometry(1, 1, 1, 1, {1, 1'100'000, 3}, {1, 1, 2}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}),
  };
  OnEveryIsa([&] {
    TestPool pool(3);
    int index = 0;
    for (const ConvGeometry& g : geometries) {
      SCOPED_TRACE(index++);
      const Window& w = g.window;
      const int64_t taps = w.n_taps() * g.group_in();
      for (int kinds = 0; kinds < (w.out_size() < 1'000'000 ? 4 : 1); ++kinds) {
        const bool x_signed = (kinds & 1) != 0, w_signed = (kinds & 2) != 0;
        const auto x = RandomBytes(static_cast<size_t>(g.batch * g.in_channels * w.in_size()), 5);
        const auto weights = RandomBytes(static_cast<size_t>(g.out_channels * taps), 6);
        auto conv = QuadConv::Create(g, {weights.data(), w_signed});
        ASSERT_TRUE(conv.has_value());
        auto scratch = AlignedBuffer::Allocate((*conv)->ScratchBytes(pool.n_threads()));
        const uint8_t zero = 9;  // of the unsigned input
        std::vector<int32_t> add, w_zero;
        for (int64_t m = 0; m < g.out_channels; ++m) {
          add.push_back(static_cast<int32_t>(m) -
                        zero * (*conv)->weight_sums()[static_cast<size_t>(m)]);
          w_zero.push_back(static_cast<int32_t>(m % 3) - 1);
        }
        std::vector<int32_t> y(static_cast<size_t>(g.batch * g.out_channels * w.out_size()));
        QuadEpilogue e;
        e.row_add = add.data();
        e.row_zero = w_zero.data();
        (*conv)->Run({x.data(), x_signed, zero}, e, y.data(), scratch->data(), pool);

        size_t at = 0;
        for (int64_t b = 0; b < g.batch; ++b) {
          for (int64_t m = 0; m < g.out_channels; ++m) {
            for (int64_t p = 0; p < w.out_size(); ++p, ++at) {
              const int64_t o[3] = {p / (w.out[1] * w.out[2]), p / w.out[2] % w.out[1],
                                    p % w.out[2]};
              int64_t sum = m;
              for (int64_t t = 0; t < taps; ++t) {
                const int64_t c = t / w.n_taps(), tap = t % w.n_taps();
                const int64_t k[3] = {tap / (w.kernel[1] * w.kernel[2]),
                                      tap / w.kernel[2] % w.kernel[1], tap % w.kernel[2]};
                int64_t from = b * g.in_channels + m / g.group_out() * g.group_in() + c;
                bool inside = true;
                for (size_t d = 0; d < 3; ++d) {
                  const int64_t i = o[d] * w.stride[d] + k[d] * w.dilation[d] - w.pad_begin[d];
                  inside = inside && i >= 0 && i < w.in[d];
                  from = from * w.in[d] + i;
                }
                if (!inside) continue;
                const int64_t value = At(x, from, x_signed) + (x_signed ? 128 : 0) - zero;
                const int64_t weight = At(weights, m * taps + t, w_signed) - (w_signed ? 0 : 128);
                sum += value * (weight - w_zero[static_cast<size_t>(m)]);
              }
              ASSERT_EQ(y[at], sum) << "channel " << m << ", pixel " << p;
            }
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace wnn::kernels
