// Convolutions of maps with their channels last, on every instruction set, against those of maps
// with their channels first.
#include "engine/kernels/blocked/test_util.h"
#include "engine/kernels/quantized/channels_last_conv.h"
#include "engine/kernels/quantized/quad_conv.h"
#include "engine/kernels/reference/conv_test_util.h"

namespace wnn::kernels {
namespace {

// [batch][channels][pixels] to [batch][pixels][channels].
std::vector<uint8_t> ToChannelsLast(const std::vector<uint8_t>& bytes, int64_t channels,
                                    int64_t pixels) {
  std::vector<uint8_t> to(bytes.size());
  const int64_t image = channels * pixels;
  for (int64_t i = 0; i < static_cast<int64_t>(bytes.size()); ++i) {
    const int64_t channel = i % image / pixels, pixel = i % pixels;
    to[static_cast<size_t>(i / image * image + pixel * channels + channel)] =
        bytes[static_cast<size_t>(i)];
  }
  return to;
}

std::vector<uint8_t> ChannelsFirstResult(const ConvGeometry& g, const std::vector<uint8_t>& x,
                                         bool x_signed, const std::vector<uint8_t>& weights,
                                         bool w_signed, uint8_t zero, const ByteEpilogue& terms,
                                         Parallel& parallel) {
  auto conv = QuadConv::Create(g, {weights.data(), w_signed});
  EXPECT_TRUE(conv.has_value());
  auto scratch = AlignedBuffer::Allocate((*conv)->ScratchBytes(parallel.n_threads()));
  QuadEpilogue e;
  e.output = terms.is_signed ? QuadEpilogue::Output::kInt8 : QuadEpilogue::Output::kUint8;
  e.row_add = terms.add;
  e.row_scale = terms.scale;
  e.zero_point = terms.zero_point;
  std::vector<uint8_t> y(static_cast<size_t>(g.batch * g.out_channels * g.window.out_size()));
  (*conv)->Run({x.data(), x_signed, zero}, e, y.data(), scratch->data(), parallel);
  return ToChannelsLast(y, g.out_channels, g.window.out_size());
}

TEST(ChannelsLastConv, AgreesWithChannelsFirst) {
  const ConvGeometry geometries[] = {
      // Windows of one pixel, which are read in place: whole tiles and parts of them.
      Geometry(2, 8, 9, 1, {1, 7, 6}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}),
      Geometry(1, 16, 64, 1, {1, 5, 5}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}),
      Geometry(1, 12, 130, 1, {1, 9, 4}, {1, 1, 1}, {1, 2, 3}, {1, 1, 1}, {0, 0, 0}),
      // Bytes that are no quads; padding; dilated lines.
      Geometry(1, 5, 17, 1, {1, 4, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}),
      Geometry(2, 3, 32, 1, {1, 9, 11}, {1, 3, 3}, {1, 2, 2}, {1, 1, 1}, {0, 1, 1}, {0, 0, 1}),
      Geometry(1, 8, 48, 1, {1, 6, 7}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}),
      Geometry(1, 4, 20, 1, {1, 12, 10}, {1, 3, 2}, {1, 3, 2}, {1, 2, 3}, {0, 2, 1}, {0, 0, 2}),
      Geometry(1, 4, 16, 1, {1, 8, 8}, {1, 2, 2}, {1, 2, 2}, {1, 1, 1}, {0, 0, 0}),
      // Depthwise: whole blocks of channels and parts of them, windows of any number of taps.
      Geometry(2, 6, 6, 6, {1, 9, 9}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}),
      Geometry(1, 144, 144, 144, {1, 5, 6}, {1, 3, 3}, {1, 2, 2}, {1, 1, 1}, {0, 0, 1}, {0, 1, 1}),
      Geometry(1, 40, 40, 40, {1, 10, 7}, {1, 5, 5}, {1, 1, 2}, {1, 1, 1}, {0, 2, 2}),
      Geometry(1, 64, 64, 64, {1, 8, 8}, {1, 3, 2}, {1, 1, 1}, {1, 2, 3}, {0, 2, 2}),
      Geometry(1, 4200, 4200, 4200, {1, 2, 2}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}),
  };
  OnEveryIsa([&] {
    int index = 0;
    for (const ConvGeometry& g : geometries) {
      SCOPED_TRACE(index++);
      for (int kinds = 0; kinds < 8; ++kinds) {
        SCOPED_TRACE(kinds);
        const bool x_signed = (kinds & 1) != 0, w_signed = (kinds & 2) != 0;
        const auto x = RandomBytes(g.batch * g.in_channels * g.window.in_size(), 5);
        const auto weights = RandomBytes(g.out_channels * g.group_in() * g.window.n_taps(), 6);
        auto conv = ChannelsLastConv::Create(g, {weights.data(), w_signed});
        ASSERT_TRUE(conv.has_value());
        const uint8_t zero = 9;  // of the unsigned input
        std::vector<int32_t> add;
        std::vector<float> scale;
        for (int32_t m = 0; m < g.out_channels; ++m) {
          add.push_back(13 * m - zero * (*conv)->weight_sums()[static_cast<size_t>(m)]);
          scale.push_back(0.002f + 0.0001f * static_cast<float>(m % 7));
        }
        const ByteEpilogue terms{add.data(), scale.data(), (kinds & 4) != 0 ? -7 : 99,
                                 (kinds & 4) != 0};
        TestPool three(3);
        const auto expected =
            ChannelsFirstResult(g, x, x_signed, weights, w_signed, zero, terms, three);
        const auto input = ToChannelsLast(x, g.in_channels, g.window.in_size());
        const auto padding = static_cast<uint8_t>(x_signed ? zero ^ 0x80 : zero);
        SerialParallel serial;
        for (Parallel* parallel :
             {static_cast<Parallel*>(&serial), static_cast<Parallel*>(&three)}) {
          auto scratch = AlignedBuffer::Allocate((*conv)->ScratchBytes(parallel->n_threads()));
          std::vector<uint8_t> y(expected.size() + 1, 0xcd);
          (*conv)->Run({input.data(), x_signed, padding}, terms, y.data(), scratch->data(),
                       *parallel);
          EXPECT_EQ(y.back(), 0xcd) << "written behind the output";
          y.pop_back();
          ASSERT_EQ(y, expected);
        }
      }
    }
  });
}

TEST(ChannelsLastConv, ReadsPlanesOfAnImage) {
  OnEveryIsa([&] {
    for (int64_t channels = 1; channels <= ChannelsLastConv::kMaxPlanes; ++channels) {
      const ConvGeometry g = Geometry(2, channels, 24, 1, {1, 19, 21}, {1, 3, 3}, {1, 2, 2},
                                      {1, 1, 1}, {0, 1, 1}, {0, 0, 1});
      const auto x = RandomBytes(g.batch * channels * g.window.in_size(), 5);
      const auto weights = RandomBytes(g.out_channels * channels * 9, 6);
      auto conv = ChannelsLastConv::Create(g, {weights.data(), true},
                                           ChannelsLastConv::InputLayout::kChannelsFirst);
      ASSERT_TRUE(conv.has_value());
      std::vector<int32_t> add;
      for (int32_t sum : (*conv)->weight_sums()) add.push_back(-9 * sum);
      const std::vector<float> scale(24, 0.003f);
      const ByteEpilogue terms{add.data(), scale.data(), 99, false};
      TestPool pool(3);
      std::vector<uint8_t> y(static_cast<size_t>(2 * 24 * g.window.out_size()));
      auto scratch = AlignedBuffer::Allocate((*conv)->ScratchBytes(3));
      (*conv)->Run({x.data(), false, 9}, terms, y.data(), scratch->data(), pool);
      EXPECT_EQ(y, ChannelsFirstResult(g, x, false, weights, true, 9, terms, pool)) << channels;
    }
  });
}

TEST(ChannelsLastConv, ExtremesDoNotSaturateOnTheWay) {
  const ConvGeometry g =
      Geometry(1, 256, 16, 1, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0});
  OnEveryIsa([&] {
    const std::vector<uint8_t> x(256 * 9, 255), weights(256 * 16, 0x80);
    auto conv = ChannelsLastConv::Create(g, {weights.data(), true});
    ASSERT_TRUE(conv.has_value());
    // The sum is 255 * -128 * 256.
    const std::vector<int32_t> add(16, 255 * 128 * 256 + 50);
    const std::vector<float> scale(16, 1);
    std::vector<uint8_t> y(16 * 9);
    auto scratch = AlignedBuffer::Allocate((*conv)->ScratchBytes(1));
    SerialParallel serial;
    (*conv)->Run({x.data(), false, 0}, {add.data(), scale.data(), 0, false}, y.data(),
                 scratch->data(), serial);
    EXPECT_EQ(y, std::vector<uint8_t>(16 * 9, 50));
  });
}

}  // namespace
}  // namespace wnn::kernels
