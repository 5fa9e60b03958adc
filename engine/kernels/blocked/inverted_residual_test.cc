#include "engine/kernels/blocked/inverted_residual.h"

#include <gtest/gtest.h>

#include "engine/kernels/blocked/test_util.h"

namespace wnn::kernels {
namespace {

using Expansion = InvertedResidualSpec::Expansion;

// Three convolutions in a row; the first two round to float, which the bound on the third does not
// see.
constexpr double kEps = 24;

struct Problem {
  InvertedResidualSpec spec;
  InvertedResidualShape shape;
  bool with_residual = false;
};

struct Weights {
  explicit Weights(const InvertedResidualSpec& s) {
    const int64_t taps =
        s.expansion == Expansion::kFirstLayer ? s.first_layer.kernel_h * s.first_layer.kernel_w : 1;
    if (s.expansion != Expansion::kNone) {
      expand = RandomFloats(s.expanded_channels * s.in_channels * taps, 1);
      expand_bias = RandomFloats(s.expanded_channels, 2);
    }
    depthwise = RandomFloats(s.expanded_channels * s.kernel_h * s.kernel_w, 3);
    depthwise_bias = RandomFloats(s.expanded_channels, 4);
    project = RandomFloats(s.out_channels * s.expanded_channels, 5);
    project_bias = RandomFloats(s.out_channels, 6);
  }
  InvertedResidualWeights spans() const {
    return {expand, expand_bias, depthwise, depthwise_bias, project, project_bias};
  }
  std::vector<float> expand, expand_bias, depthwise, depthwise_bias, project, project_bias;
};

void Check(const Problem& p) {
  const auto& [spec, shape, with_residual] = p;
  const Weights weights(spec);
  const bool nchw = spec.expansion == Expansion::kFirstLayer;
  const int64_t in_pixels = nchw ? shape.image_h * shape.image_w : shape.in_h * shape.in_w;
  const int64_t out_pixels = shape.out_h * shape.out_w;
  const std::vector<float> in_values = RandomFloats(shape.batch * spec.in_channels * in_pixels, 7);
  std::vector<float> residual_values;
  if (with_residual)
    residual_values = RandomFloats(shape.batch * spec.out_channels * out_pixels, 8);
  const reference::Map want =
      reference::InvertedResidual(spec, shape, weights.spans(), in_values, residual_values);

  const int64_t in_image =
      nchw ? spec.in_channels * in_pixels : BlockCount(spec.in_channels) * in_pixels * kBlock;
  const int64_t out_image = BlockCount(spec.out_channels) * out_pixels * kBlock;
  GuardedFloats in(shape.batch * in_image);
  if (nchw) {
    std::copy(in_values.begin(), in_values.end(), in.data());
  } else {
    Block(in_values, shape.batch, spec.in_channels, in_pixels, 3.0f, in.data());
  }
  GuardedFloats residual(shape.batch * out_image);
  ConvIo io;
  io.in = {in.data(), in_image};
  if (with_residual) {
    Block(residual_values, shape.batch, spec.out_channels, out_pixels, 0, residual.data());
    io.residual = {residual.data(), out_image};
  }
  OnEveryIsa([&] {
    auto block = InvertedResidual::Create(spec, weights.spans());
    ASSERT_TRUE(block.has_value()) << block.error().message();
    std::vector<float> first;
    for (int n_threads : {1, 2, 5}) {
      TestPool pool(n_threads);
      const auto bytes = (*block)->ScratchBytes(shape, n_threads);
      ASSERT_TRUE(bytes.has_value()) << bytes.error().message();
      GuardedFloats scratch(static_cast<int64_t>(*bytes / sizeof(float)));
      GuardedFloats out(shape.batch * out_image);
      io.out = {out.data(), out_image};
      (*block)->Run(shape, io, scratch.bytes(), pool);
      if (n_threads == 1) {
        first = out.values();
        ExpectClose(Unblock(first.data(), shape.batch, spec.out_channels, out_pixels), want, kEps);
      }
      EXPECT_EQ(out.values(), first) << n_threads << " threads give other bits";
    }
  });
}

Problem Mobile(int64_t in_channels, int64_t expanded, int64_t out_channels, int64_t size,
               int64_t kernel, int64_t stride) {
  Problem p;
  p.spec.in_channels = in_channels;
  p.spec.expanded_channels = expanded;
  p.spec.out_channels = out_channels;
  p.spec.expansion = in_channels == expanded ? Expansion::kNone : Expansion::kPointwise;
  p.spec.expand_clamp = p.spec.depthwise_clamp = {0.0f, 6.0f};
  p.spec.kernel_h = p.spec.kernel_w = kernel;
  p.spec.stride_h = p.spec.stride_w = stride;
  const int64_t pad = kernel / 2;
  const int64_t out = (size + 2 * pad - kernel) / stride + 1;
  p.shape = {
      .in_h = size, .in_w = size, .pad_top = pad, .pad_left = pad, .out_h = out, .out_w = out};
  p.with_residual = stride == 1 && in_channels == out_channels;
  return p;
}

TEST(InvertedResidual, WholeMaps) {
  for (int64_t size : {1, 2, 7, 13, 14}) {
    for (int64_t kernel : {3, 5}) {
      for (int64_t stride : {1, 2}) {
        Check(Mobile(24, 72, 24, size, kernel, stride));
        Check(Mobile(32, 32, 20, size, kernel, stride));
      }
    }
  }
  Problem batch = Mobile(40, 100, 40, 7, 3, 1);
  batch.shape.batch = 3;
  Check(batch);
}

TEST(InvertedResidual, Stripes) {
  for (int64_t size : {15, 28, 30}) {
    for (int64_t kernel : {3, 5}) {
      for (int64_t stride : {1, 2}) {
        Check(Mobile(16, 96, 24, size, kernel, stride));
        Check(Mobile(20, 40, 20, size, kernel, stride));
        Check(Mobile(40, 40, 24, size, kernel, stride));
      }
    }
  }
  Problem batch = Mobile(16, 48, 16, 29, 3, 1);
  batch.shape.batch = 2;
  Check(batch);
  // Several stripes a task.
  Check(Mobile(8, 160, 8, 56, 3, 1));
  Check(Mobile(8, 160, 8, 57, 5, 2));
}

TEST(InvertedResidual, AsymmetricPadsAndOtherKernels) {
  Problem p = Mobile(16, 48, 32, 20, 3, 2);
  p.shape.pad_top = p.shape.pad_left = 0;
  p.shape.out_h = p.shape.out_w = 10;
  Check(p);
  p = Mobile(16, 48, 32, 31, 3, 1);
  p.spec.kernel_h = 7;
  p.spec.kernel_w = 1;
  p.shape.pad_top = 3;
  p.shape.pad_left = 0;
  p.shape.out_w = 31;
  Check(p);
  // Padding above the kernel's reach.
  p = Mobile(16, 48, 32, 20, 3, 1);
  p.shape.pad_top = p.shape.pad_left = 5;
  p.shape.out_h = p.shape.out_w = 28;
  Check(p);
}

TEST(InvertedResidual, FirstLayer) {
  for (int64_t pad : {0, 1}) {
    Problem p;
    p.spec = {.in_channels = 3,
              .expanded_channels = 32,
              .out_channels = 16,
              .expansion = Expansion::kFirstLayer,
              .first_layer = {.in_channels = 3,
                              .out_channels = 32,
                              .kernel_h = 3,
                              .kernel_w = 3,
                              .stride_h = 2,
                              .stride_w = 2,
                              .clamp = {0.0f, 6.0f}},
              .depthwise_clamp = {0.0f, 6.0f}};
    const int64_t size = (60 + 2 * pad - 3) / 2 + 1;
    p.shape = {.batch = 2,
               .in_h = size,
               .in_w = size,
               .pad_top = 1,
               .pad_left = 1,
               .out_h = size,
               .out_w = size,
               .image_h = 60,
               .image_w = 60,
               .image_pad_top = pad,
               .image_pad_left = pad};
    Check(p);
    p.spec.first_layer.pad_values = {1.0f, -1.0f, 0.5f};
    Check(p);
    // A map of few rows.
    p.shape = {.in_h = 5,
               .in_w = 5,
               .pad_top = 1,
               .pad_left = 1,
               .out_h = 5,
               .out_w = 5,
               .image_h = 11,
               .image_w = 11};
    Check(p);
  }
}

TEST(InvertedResidual, RefusesWhatDoesNotFit) {
  const Problem p = Mobile(16, 48, 32, 14, 3, 1);
  const Weights weights(p.spec);
  InvertedResidualWeights bad = weights.spans();
  bad.project_weights = bad.project_weights.subspan(1);
  EXPECT_EQ(InvertedResidual::Create(p.spec, bad).error().code(), Code::kInvalidArgument);
  bad = weights.spans();
  bad.expand_bias = bad.expand_bias.subspan(1);
  EXPECT_EQ(InvertedResidual::Create(p.spec, bad).error().code(), Code::kInvalidArgument);
  InvertedResidualSpec spec = p.spec;
  spec.expansion = Expansion::kNone;
  EXPECT_EQ(InvertedResidual::Create(spec, weights.spans()).error().code(), Code::kInvalidArgument);

  auto block = InvertedResidual::Create(p.spec, weights.spans());
  ASSERT_TRUE(block.has_value());
  InvertedResidualShape shape = p.shape;
  shape.out_w = 0;
  EXPECT_EQ((*block)->ScratchBytes(shape, 1).error().code(), Code::kInvalidArgument);
  shape = p.shape;
  shape.in_h = shape.in_w = shape.out_h = shape.out_w = int64_t{1} << 29;
  EXPECT_EQ((*block)->ScratchBytes(shape, 1).error().code(), Code::kTooLarge);
}

}  // namespace
}  // namespace wnn::kernels
