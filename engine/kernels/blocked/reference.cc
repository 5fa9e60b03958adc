#include "engine/kernels/blocked/reference.h"

#include <cmath>

namespace wnn::kernels::reference {
namespace {

double ClampValue(double x, const Clamp& clamp) {
  return std::min<double>(std::max<double>(x, clamp.min), clamp.max);
}

std::vector<float> ToFloats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

// The value at (y, x) of an input plane, or what the padding holds.
double At(std::span<const float> plane, int64_t height, int64_t width, int64_t y, int64_t x,
          double pad) {
  if (y < 0 || y >= height || x < 0 || x >= width) return pad;
  return plane[static_cast<size_t>(y * width + x)];
}

Map ConvMap(const ConvSpec& spec, const ConvShape& shape, std::span<const float> in,
            std::span<const float> weights, std::span<const float> bias,
            std::span<const float> residual) {
  Map map;
  const int64_t group_in = spec.in_channels / spec.groups;
  const int64_t group_out = spec.out_channels / spec.groups;
  const auto plane = static_cast<size_t>(shape.in_h * shape.in_w);
  for (int64_t n = 0; n < shape.batch; ++n) {
    for (int64_t oc = 0; oc < spec.out_channels; ++oc) {
      for (int64_t y = 0; y < shape.out_h; ++y) {
        for (int64_t x = 0; x < shape.out_w; ++x) {
          double sum = 0, magnitude = 0;
          const float* w = weights.data() + oc * group_in * spec.kernel_h * spec.kernel_w;
          for (int64_t i = 0; i < group_in; ++i) {
            const int64_t ic = oc / group_out * group_in + i;
            const auto from =
                in.subspan(static_cast<size_t>(n * spec.in_channels + ic) * plane, plane);
            const double pad =
                spec.pad_values.empty() ? 0 : spec.pad_values[static_cast<size_t>(ic)];
            for (int64_t ky = 0; ky < spec.kernel_h; ++ky) {
              for (int64_t kx = 0; kx < spec.kernel_w; ++kx) {
                const double value =
                    At(from, shape.in_h, shape.in_w,
                       y * spec.stride_h - shape.pad_top + ky * spec.dilation_h,
                       x * spec.stride_w - shape.pad_left + kx * spec.dilation_w, pad);
                const double term = value * *w++;
                sum += term;
                magnitude += std::abs(term);
              }
            }
          }
          const auto add = [&](double term) {
            sum += term;
            magnitude += std::abs(term);
          };
          if (!bias.empty()) add(bias[static_cast<size_t>(oc)]);
          if (!residual.empty()) add(residual[map.values.size()]);
          map.magnitudes.push_back(magnitude);
          map.values.push_back(ClampValue(sum, spec.clamp));
        }
      }
    }
  }
  return map;
}

// A pooled map keeps the largest magnitude behind each window.
Map PoolTailMap(const ConvSpec& spec, const ConvShape& shape, const Map& in) {
  Map map;
  for (int64_t plane = 0; plane < shape.batch * spec.out_channels; ++plane) {
    for (int64_t y = 0; y < shape.pool_out_h; ++y) {
      for (int64_t x = 0; x < shape.pool_out_w; ++x) {
        double value = -INFINITY, magnitude = 0;
        for (int64_t ky = 0; ky < spec.pool->kernel_h; ++ky) {
          for (int64_t kx = 0; kx < spec.pool->kernel_w; ++kx) {
            const int64_t in_y = y * spec.pool->stride_h - shape.pool_pad_top + ky;
            const int64_t in_x = x * spec.pool->stride_w - shape.pool_pad_left + kx;
            if (in_y < 0 || in_y >= shape.out_h || in_x < 0 || in_x >= shape.out_w) continue;
            const auto at = static_cast<size_t>((plane * shape.out_h + in_y) * shape.out_w + in_x);
            value = std::max(value, in.values[at]);
            magnitude = std::max(magnitude, in.magnitudes[at]);
          }
        }
        map.values.push_back(value);
        map.magnitudes.push_back(magnitude);
      }
    }
  }
  return map;
}

Map AverageMap(const Map& in, int64_t n_planes) {
  Map map;
  const size_t n = in.values.size() / static_cast<size_t>(n_planes);
  for (size_t plane = 0; plane < static_cast<size_t>(n_planes); ++plane) {
    double sum = 0, magnitude = 0;
    for (size_t i = plane * n; i < (plane + 1) * n; ++i) {
      sum += in.values[i];
      magnitude += in.magnitudes[i];
    }
    map.values.push_back(sum / static_cast<double>(n));
    map.magnitudes.push_back(magnitude / static_cast<double>(n));
  }
  return map;
}

}  // namespace

Map Conv(const ConvSpec& spec, const ConvShape& shape, std::span<const float> in,
         std::span<const float> weights, std::span<const float> bias,
         std::span<const float> residual) {
  Map map = ConvMap(spec, shape, in, weights, bias, residual);
  if (spec.pool) return PoolTailMap(spec, shape, map);
  if (spec.global_average) return AverageMap(map, shape.batch * spec.out_channels);
  return map;
}

Map InvertedResidual(const InvertedResidualSpec& spec, const InvertedResidualShape& shape,
                     const InvertedResidualWeights& weights, std::span<const float> in,
                     std::span<const float> residual) {
  using Expansion = InvertedResidualSpec::Expansion;
  std::vector<float> expanded(in.begin(), in.end());
  if (spec.expansion == Expansion::kPointwise) {
    const ConvSpec conv{.in_channels = spec.in_channels,
                        .out_channels = spec.expanded_channels,
                        .clamp = spec.expand_clamp};
    const ConvShape conv_shape{.batch = shape.batch,
                               .in_h = shape.in_h,
                               .in_w = shape.in_w,
                               .out_h = shape.in_h,
                               .out_w = shape.in_w};
    expanded = ToFloats(
        ConvMap(conv, conv_shape, in, weights.expand_weights, weights.expand_bias, {}).values);
  } else if (spec.expansion == Expansion::kFirstLayer) {
    const ConvShape image_shape{.batch = shape.batch,
                                .in_h = shape.image_h,
                                .in_w = shape.image_w,
                                .pad_top = shape.image_pad_top,
                                .pad_left = shape.image_pad_left,
                                .out_h = shape.in_h,
                                .out_w = shape.in_w};
    expanded = ToFloats(
        ConvMap(spec.first_layer, image_shape, in, weights.expand_weights, weights.expand_bias, {})
            .values);
  }
  const ConvSpec depthwise{.in_channels = spec.expanded_channels,
                           .out_channels = spec.expanded_channels,
                           .groups = spec.expanded_channels,
                           .kernel_h = spec.kernel_h,
                           .kernel_w = spec.kernel_w,
                           .stride_h = spec.stride_h,
                           .stride_w = spec.stride_w,
                           .clamp = spec.depthwise_clamp};
  const ConvShape depthwise_shape{.batch = shape.batch,
                                  .in_h = shape.in_h,
                                  .in_w = shape.in_w,
                                  .pad_top = shape.pad_top,
                                  .pad_left = shape.pad_left,
                                  .out_h = shape.out_h,
                                  .out_w = shape.out_w};
  const std::vector<float> filtered =
      ToFloats(ConvMap(depthwise, depthwise_shape, expanded, weights.depthwise_weights,
                       weights.depthwise_bias, {})
                   .values);
  const ConvSpec project{.in_channels = spec.expanded_channels,
                         .out_channels = spec.out_channels,
                         .clamp = spec.project_clamp};
  const ConvShape project_shape{.batch = shape.batch,
                                .in_h = shape.out_h,
                                .in_w = shape.out_w,
                                .out_h = shape.out_h,
                                .out_w = shape.out_w};
  return ConvMap(project, project_shape, filtered, weights.project_weights, weights.project_bias,
                 residual);
}

Map Pool(const PoolParams& p, std::span<const float> in) {
  Map map;
  const bool max = p.kind == PoolKind::kMax;
  for (int64_t plane = 0; plane < p.batch * p.channels; ++plane) {
    for (int64_t y = 0; y < p.out_h; ++y) {
      for (int64_t x = 0; x < p.out_w; ++x) {
        double value = max ? -INFINITY : 0, magnitude = 0;
        int64_t count = 0;
        for (int64_t ky = 0; ky < p.kernel_h; ++ky) {
          for (int64_t kx = 0; kx < p.kernel_w; ++kx) {
            const int64_t in_y = y * p.stride_h - p.pad_top + ky * p.dilation_h;
            const int64_t in_x = x * p.stride_w - p.pad_left + kx * p.dilation_w;
            const bool inside = in_y >= 0 && in_y < p.in_h && in_x >= 0 && in_x < p.in_w;
            const bool padded = in_y < p.in_h + p.pad_bottom && in_x < p.in_w + p.pad_right;
            if (inside || (p.count_padding && padded)) ++count;
            if (!inside) continue;
            const double v = in[static_cast<size_t>((plane * p.in_h + in_y) * p.in_w + in_x)];
            value = max ? std::max(value, v) : value + v;
            magnitude += std::abs(v);
          }
        }
        if (!max && count > 0) value /= static_cast<double>(count);
        map.values.push_back(value);
        map.magnitudes.push_back(magnitude);
      }
    }
  }
  return map;
}

Map Gemm(int64_t m, int64_t n, int64_t k, std::span<const float> a, std::span<const float> b) {
  Map map;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0, magnitude = 0;
      for (int64_t l = 0; l < k; ++l) {
        const double term = static_cast<double>(a[static_cast<size_t>(i * k + l)]) *
                            b[static_cast<size_t>(l * n + j)];
        sum += term;
        magnitude += std::abs(term);
      }
      map.values.push_back(sum);
      map.magnitudes.push_back(magnitude);
    }
  }
  return map;
}

}  // namespace wnn::kernels::reference
