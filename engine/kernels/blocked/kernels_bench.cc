// GFLOPS of the blocked kernels on each instruction set, against the core's measured FMA peak.
//
// FLOPs are those of the direct algorithm, so Winograd may exceed the peak. Each row is one layer
// of a well-known network, on one thread; look at the minimum of several repetitions:
//   wnn_kernels_bench --benchmark_repetitions=5 --benchmark_filter=AVX2
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/base/parallel.h"
#include "engine/kernels/blocked/conv.h"
#include "engine/kernels/blocked/fma_peak.h"
#include "engine/kernels/blocked/gemm.h"
#include "engine/kernels/blocked/inverted_residual.h"
#include "engine/kernels/isa.h"
#include "engine/kernels/quantized/nbit_gemm.h"

namespace wnn::kernels {
namespace {

// Aligned floats in [-1, 1).
class Floats {
 public:
  explicit Floats(int64_t n) : n_(n) {
    auto buffer = AlignedBuffer::Allocate(static_cast<size_t>(n) * sizeof(float) + 64);
    if (!buffer.has_value()) std::abort();
    buffer_ = std::move(*buffer);
    std::minstd_rand generator(1);
    std::uniform_real_distribution<float> distribution(-1, 1);
    for (int64_t i = 0; i < n; ++i) data()[i] = distribution(generator);
  }
  float* data() const { return reinterpret_cast<float*>(buffer_.data()); }
  std::span<const float> span() const { return {data(), static_cast<size_t>(n_)}; }
  std::span<std::byte> bytes() const { return buffer_.bytes(); }

 private:
  AlignedBuffer buffer_;
  int64_t n_;
};

void Report(benchmark::State& state, double mul_adds) {
  state.counters["GFLOPS"] = benchmark::Counter(
      2 * mul_adds, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

struct Layer {
  const char* name;
  ConvAlgorithm algorithm;
  int64_t in_channels, out_channels, size;
  int64_t kernel = 1, stride = 1, pad = 0;
  bool global_average = false, pool = false;
};

constexpr Layer kLayers[] = {
    {"pointwise 56x56 64-128", ConvAlgorithm::kPointwise, 64, 128, 56},
    {"pointwise 28x28 256-128", ConvAlgorithm::kPointwise, 256, 128, 28},
    {"pointwise 14x14 512-512", ConvAlgorithm::kPointwise, 512, 512, 14},
    {"pointwise 7x7 160-960", ConvAlgorithm::kPointwise, 160, 960, 7},
    {"pointwise 13x13 64-512", ConvAlgorithm::kPointwise, 64, 512, 13},
    {"pointwise+average 13x13 512-1000", ConvAlgorithm::kPointwise, 512, 1000, 13, 1, 1, 0, true},
    {"direct3x3 56x56 64-64", ConvAlgorithm::kDirect, 64, 64, 56, 3, 1, 1},
    {"direct3x3s2 56x56 128-128", ConvAlgorithm::kDirect, 128, 128, 56, 3, 2, 1},
    {"direct3x3 14x14 256-256", ConvAlgorithm::kDirect, 256, 256, 14, 3, 1, 1},
    {"direct3x3 7x7 512-512", ConvAlgorithm::kDirect, 512, 512, 7, 3, 1, 1},
    {"winograd2 28x28 128-128", ConvAlgorithm::kWinograd2, 128, 128, 28, 3, 1, 1},
    {"winograd2 7x7 512-512", ConvAlgorithm::kWinograd2, 512, 512, 7, 3, 1, 1},
    {"winograd4 56x56 64-64", ConvAlgorithm::kWinograd4, 64, 64, 56, 3, 1, 1},
    {"winograd4 55x55 16-64", ConvAlgorithm::kWinograd4, 16, 64, 55, 3, 1, 1},
    {"winograd4 27x27 32-128", ConvAlgorithm::kWinograd4, 32, 128, 27, 3, 1, 1},
    {"winograd4 28x28 128-128", ConvAlgorithm::kWinograd4, 128, 128, 28, 3, 1, 1},
    {"winograd4 14x14 256-256", ConvAlgorithm::kWinograd4, 256, 256, 14, 3, 1, 1},
    {"winograd4 13x13 64-256", ConvAlgorithm::kWinograd4, 64, 256, 13, 3, 1, 1},
    {"depthwise3x3 112x112 32", ConvAlgorithm::kDepthwise, 32, 32, 112, 3, 1, 1},
    {"depthwise3x3s2 56x56 144", ConvAlgorithm::kDepthwise, 144, 144, 56, 3, 2, 1},
    {"depthwise3x3 14x14 384", ConvAlgorithm::kDepthwise, 384, 384, 14, 3, 1, 1},
    {"depthwise5x5 14x14 672", ConvAlgorithm::kDepthwise, 672, 672, 14, 5, 1, 2},
    {"depthwise3x3 7x7 960", ConvAlgorithm::kDepthwise, 960, 960, 7, 3, 1, 1},
    {"first3x3s2 224x224 3-32", ConvAlgorithm::kFirstLayer, 3, 32, 224, 3, 2, 1},
    {"first3x3s2+pool 224x224 3-64", ConvAlgorithm::kFirstLayer, 3, 64, 224, 3, 2, 0, false, true},
    {"first7x7s2 224x224 3-64", ConvAlgorithm::kFirstLayer, 3, 64, 224, 7, 2, 3},
};

void BenchConv(benchmark::State& state, const std::string& isa, const Layer& layer) {
  if (!RestrictIsa(isa).ok()) return state.SkipWithError("instruction set not available");
  const bool depthwise = layer.algorithm == ConvAlgorithm::kDepthwise;
  ConvSpec spec{.in_channels = layer.in_channels,
                .out_channels = layer.out_channels,
                .groups = depthwise ? layer.in_channels : 1,
                .kernel_h = layer.kernel,
                .kernel_w = layer.kernel,
                .stride_h = layer.stride,
                .stride_w = layer.stride,
                .clamp = {0.0f, 6.0f},
                .global_average = layer.global_average};
  const int64_t out = (layer.size + 2 * layer.pad - layer.kernel) / layer.stride + 1;
  ConvShape shape{.in_h = layer.size,
                  .in_w = layer.size,
                  .pad_top = layer.pad,
                  .pad_left = layer.pad,
                  .out_h = out,
                  .out_w = out};
  if (layer.pool) {
    spec.pool = PoolTail{.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2};
    shape.pool_out_h = shape.pool_out_w = (out - 3) / 2 + 1;
  }
  const int64_t n_weights =
      layer.out_channels * (depthwise ? 1 : layer.in_channels) * layer.kernel * layer.kernel;
  auto conv = Conv::Create(layer.algorithm, spec, Floats(n_weights).span(),
                           Floats(layer.out_channels).span());
  if (!conv.has_value()) return state.SkipWithError("no such convolution");
  const Floats in(BlockedSize(layer.in_channels, layer.size, layer.size));
  const Floats to(BlockedSize(layer.out_channels, out, out));
  const Floats scratch(static_cast<int64_t>(*(*conv)->ScratchBytes(shape, 1) / sizeof(float)));
  SerialParallel serial;
  ConvIo io;
  io.in = {in.data(), 0};
  io.out = {to.data(), 0};
  for (auto _ : state) {
    (*conv)->Run(shape, io, scratch.bytes(), serial);
    benchmark::ClobberMemory();
  }
  Report(state, static_cast<double>(n_weights * out * out));
  (void)RestrictIsa("");
}

struct Block {
  const char* name;
  int64_t in_channels, expanded, out_channels, size, kernel, stride;
};

constexpr Block kBlocks[] = {
    {"inverted_residual 112x112 32-32-16", 32, 32, 16, 112, 3, 1},
    {"inverted_residual 112x112s2 16-96-24", 16, 96, 24, 112, 3, 2},
    {"inverted_residual 56x56 24-144-24", 24, 144, 24, 56, 3, 1},
    {"inverted_residual 28x28 32-192-32", 32, 192, 32, 28, 3, 1},
    {"inverted_residual 14x14 64-384-64", 64, 384, 64, 14, 3, 1},
    {"inverted_residual 14x14 96-576-96", 96, 576, 96, 14, 3, 1},
    {"inverted_residual 7x7 160-960-160", 160, 960, 160, 7, 3, 1},
    {"inverted_residual 14x14 112-672-112 5x5", 112, 672, 112, 14, 5, 1},
};

void BenchBlock(benchmark::State& state, const std::string& isa, const Block& block) {
  if (!RestrictIsa(isa).ok()) return state.SkipWithError("instruction set not available");
  const bool expands = block.in_channels != block.expanded;
  InvertedResidualSpec spec{
      .in_channels = block.in_channels,
      .expanded_channels = block.expanded,
      .out_channels = block.out_channels,
      .expansion = expands ? InvertedResidualSpec::Expansion::kPointwise
                           : InvertedResidualSpec::Expansion::kNone,
      .expand_clamp = {0.0f, 6.0f},
      .kernel_h = block.kernel,
      .kernel_w = block.kernel,
      .stride_h = block.stride,
      .stride_w = block.stride,
      .depthwise_clamp = {0.0f, 6.0f},
  };
  const int64_t pad = block.kernel / 2;
  const int64_t out = (block.size + 2 * pad - block.kernel) / block.stride + 1;
  const InvertedResidualShape shape{.in_h = block.size,
                                    .in_w = block.size,
                                    .pad_top = pad,
                                    .pad_left = pad,
                                    .out_h = out,
                                    .out_w = out};
  const Floats expand(expands ? block.in_channels * block.expanded : 0);
  const Floats depthwise(block.expanded * block.kernel * block.kernel);
  const Floats project(block.expanded * block.out_channels);
  auto kernel = InvertedResidual::Create(spec, {.expand_weights = expand.span(),
                                                .expand_bias = {},
                                                .depthwise_weights = depthwise.span(),
                                                .depthwise_bias = {},
                                                .project_weights = project.span(),
                                                .project_bias = {}});
  if (!kernel.has_value()) return state.SkipWithError("no such block");
  const Floats in(BlockedSize(block.in_channels, block.size, block.size));
  const Floats to(BlockedSize(block.out_channels, out, out));
  const Floats scratch(static_cast<int64_t>(*(*kernel)->ScratchBytes(shape, 1) / sizeof(float)));
  SerialParallel serial;
  ConvIo io;
  io.in = {in.data(), 0};
  io.out = {to.data(), 0};
  if (block.stride == 1 && block.in_channels == block.out_channels) io.residual = {in.data(), 0};
  for (auto _ : state) {
    (*kernel)->Run(shape, io, scratch.bytes(), serial);
    benchmark::ClobberMemory();
  }
  const double in_pixels = static_cast<double>(block.size * block.size);
  const double out_pixels = static_cast<double>(out * out);
  Report(state,
         static_cast<double>(block.expanded) *
             ((expands ? in_pixels * static_cast<double>(block.in_channels) : 0) +
              out_pixels * static_cast<double>(block.kernel * block.kernel + block.out_channels)));
  (void)RestrictIsa("");
}

void BenchGemm(benchmark::State& state, const std::string& isa, int64_t m, int64_t n, int64_t k) {
  if (!RestrictIsa(isa).ok()) return state.SkipWithError("instruction set not available");
  auto b = PackedMatrix::Create(Floats(k * n).span(), k, n, false, 1);
  if (!b.has_value()) return state.SkipWithError("no such matrix");
  const Floats a(m * k), c(m * n);
  const Floats scratch(static_cast<int64_t>(*GemmScratchBytes(m, n, k, 1) / sizeof(float)));
  SerialParallel serial;
  for (auto _ : state) {
    Gemm({.m = m, .a = a.data(), .lda = k, .c = c.data(), .ldc = n}, *b, scratch.bytes(), serial);
    benchmark::ClobberMemory();
  }
  Report(state, static_cast<double>(m) * static_cast<double>(n * k));
  (void)RestrictIsa("");
}

// 4-bit weights in blocks of 32 with zero points.
void BenchNBits(benchmark::State& state, const std::string& isa, int64_t m, int64_t n, int64_t k) {
  if (!RestrictIsa(isa).ok()) return state.SkipWithError("instruction set not available");
  const Floats a(m * k), c(m * n), data(n * k / 8), scales(n * k / 32), zeros(n * k / 256);
  NBitGemmArgs args{.m = m, .a = a.data(), .lda = k, .b = {.k = k, .n = n}};
  args.b.data = data.bytes().data();
  args.b.scales = scales.data();
  args.b.zeros = zeros.bytes().data();
  args.c = c.data();
  args.ldc = n;
  const Floats scratch(static_cast<int64_t>(*NBitGemmScratchBytes(args, 1) / sizeof(float)));
  SerialParallel serial;
  for (auto _ : state) {
    NBitGemm(args, scratch.bytes().data(), serial);
    benchmark::ClobberMemory();
  }
  Report(state, static_cast<double>(m) * static_cast<double>(n * k));
  (void)RestrictIsa("");
}

void BenchPeak(benchmark::State& state, const std::string& isa) {
  if (!RestrictIsa(isa).ok()) return state.SkipWithError("instruction set not available");
  float sink = 0;
  double mul_adds = 0;
  for (auto _ : state) {
    mul_adds = RunFmaPeak(100000, &sink);
    benchmark::DoNotOptimize(sink);
  }
  Report(state, mul_adds);
  (void)RestrictIsa("");
}

void RegisterAll() {
  using benchmark::RegisterBenchmark;
  for (const std::string& isa : SupportedIsas()) {
    const auto name = [&](const std::string& what) { return isa + "/" + what; };
    RegisterBenchmark(name("peak").c_str(), [isa](benchmark::State& s) { BenchPeak(s, isa); });
    for (const Layer& layer : kLayers) {
      RegisterBenchmark(name(layer.name).c_str(),
                        [isa, layer](benchmark::State& s) { BenchConv(s, isa, layer); });
    }
    for (const Block& block : kBlocks) {
      RegisterBenchmark(name(block.name).c_str(),
                        [isa, block](benchmark::State& s) { BenchBlock(s, isa, block); });
    }
    for (const auto& [m, n, k] : {std::array<int64_t, 3>{1, 1000, 1280},
                                  {4, 1000, 1280},
                                  {1, 2048, 2048},
                                  {64, 2048, 2048},
                                  {64, 768, 768},
                                  {197, 3072, 768}}) {
      const std::string size =
          std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
      RegisterBenchmark(name("gemm " + size).c_str(),
                        [isa, m, n, k](benchmark::State& s) { BenchGemm(s, isa, m, n, k); });
    }
    for (const auto& [m, n, k] : {std::array<int64_t, 3>{1, 2048, 2048},
                                  {1, 8192, 8192},
                                  {4, 2048, 2048},
                                  {64, 2048, 2048}}) {
      const std::string size =
          std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
      RegisterBenchmark(name("4-bit gemm " + size).c_str(),
                        [isa, m, n, k](benchmark::State& s) { BenchNBits(s, isa, m, n, k); });
    }
  }
}

}  // namespace
}  // namespace wnn::kernels

int main(int argc, char** argv) {
  wnn::kernels::RegisterAll();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
