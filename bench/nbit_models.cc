#include "bench/nbit_models.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/stats.h"
#include "bench/turns.h"
#include "engine/testing/model_builder.h"
#include "tests/support/runtimes.h"

namespace wnn::bench {
namespace {

constexpr int64_t kBlock = 32;

constexpr const char* kHead =
    "\n## 4-bit weights\n\n"
    "Chains of `MatMulNBits` with random weights of 4 bits in blocks of 32 with zero points, each "
    "chain of more weights than a\n"
    "processor's caches hold, as the decoding of a language model (1 row) and its prompt (64 rows) "
    "read them. *Level 4* is ONNX\n"
    "Runtime with `accuracy_level` 4, which computes in 8-bit integers; *floats* are the same "
    "weights under `builtin` as a `MatMul`.\n"
    "*Difference* is that to ONNX Runtime's outputs in single precision (level 4 in brackets), "
    "relative to the largest. Least\n"
    "and, in brackets, median milliseconds, by turns; *ratio* is of the least of builtin and ONNX "
    "Runtime, level 0.\n\n";

constexpr const char* kTableHead =
    "| rows, weights | threads | difference | builtin | ONNX Runtime | level 4 | floats | ratio "
    "|\n|---|---:|---:|---:|---:|---:|---:|---:|\n";

struct Chain {
  int64_t rows, size, layers;
};
constexpr Chain kChains[] = {{1, 2048, 16}, {1, 4096, 4}, {64, 2048, 16}};

// One layer's weights.
struct Layer {
  std::vector<uint8_t> data, zeros;
  std::vector<float> scales;
};

Layer RandomLayer(int64_t size, std::mt19937& random) {
  const auto blocks = static_cast<size_t>(size * size / kBlock);
  Layer layer;
  layer.data.resize(blocks * kBlock / 2);
  layer.zeros.resize(blocks / 2);
  layer.scales.resize(blocks);
  for (uint8_t& byte : layer.data) byte = static_cast<uint8_t>(random());
  for (uint8_t& byte : layer.zeros) byte = static_cast<uint8_t>(0x77 + (random() & 0x11));
  // So that outputs are about as large as inputs.
  std::uniform_real_distribution<float> scale(0.8f, 1.2f);
  const float unit = 1.0f / (4.6f * std::sqrt(static_cast<float>(size)));
  for (float& value : layer.scales) value = unit * scale(random);
  return layer;
}

// As floats, [k][n].
std::vector<float> Floats(const Layer& layer, int64_t size) {
  const auto nibble = [](const std::vector<uint8_t>& bytes, int64_t i) {
    return bytes[static_cast<size_t>(i / 2)] >> (i % 2 * 4) & 15;
  };
  std::vector<float> floats(static_cast<size_t>(size * size));
  for (int64_t n = 0; n < size; ++n) {
    for (int64_t k = 0; k < size; ++k) {
      const int64_t at = n * size + k, block = at / kBlock;
      floats[static_cast<size_t>(k * size + n)] =
          static_cast<float>(nibble(layer.data, at) - nibble(layer.zeros, block)) *
          layer.scales[static_cast<size_t>(block)];
    }
  }
  return floats;
}

enum class Kind { kNBits, kLevel4, kFloats };

std::vector<std::byte> MakeModel(const Chain& chain, Kind kind) {
  using testing::Attr;
  const int64_t size = chain.size;
  std::mt19937 random(1);
  testing::ModelBuilder model(17);
  model.Import("com.microsoft", 1);
  model.Input("x0", DType::kFloat, {chain.rows, size});
  for (int64_t i = 0; i < chain.layers; ++i) {
    const Layer layer = RandomLayer(size, random);
    const std::string at = std::to_string(i), next = "x" + std::to_string(i + 1);
    if (kind == Kind::kFloats) {
      model.Initializer<float>("b" + at, {size, size}, Floats(layer, size));
      model.Node("MatMul", {"x" + at, "b" + at}, {next});
      continue;
    }
    model.Initializer<uint8_t>("b" + at, {size, size / kBlock, kBlock / 2}, layer.data);
    model.Initializer<float>("s" + at, {size * size / kBlock}, layer.scales);
    model.Initializer<uint8_t>("z" + at, {size * size / kBlock / 2}, layer.zeros);
    model.Node("MatMulNBits", {"x" + at, "b" + at, "s" + at, "z" + at}, {next},
               {Attr("K", size), Attr("N", size), Attr("bits", 4), Attr("block_size", kBlock),
                Attr("accuracy_level", kind == Kind::kLevel4 ? 4 : 0)},
               "n" + at, "com.microsoft");
  }
  model.Output("x" + std::to_string(chain.layers));
  return model.Build();
}

struct Way {
  const char* runtime;
  Kind kind;
  std::shared_ptr<const runtimes::Graph> graph = nullptr;
  std::unique_ptr<runtimes::Context> context = nullptr;
  std::vector<float> output = {};
};

Status Prepare(const Chain& chain, int n_threads, Way& way) {
  const std::vector<std::byte> bytes = MakeModel(chain, way.kind);
  runtimes::LoadOptions options;
  options.n_threads = n_threads;
  WNN_ASSIGN_OR_RETURN(way.graph, testing::RuntimeNamed(way.runtime)->Load(bytes, options));
  WNN_ASSIGN_OR_RETURN(way.context, way.graph->NewContext());
  std::mt19937 random(2);
  std::uniform_real_distribution<float> distribution(-1, 1);
  std::vector<float> x(static_cast<size_t>(chain.rows * chain.size));
  for (float& value : x) value = distribution(random);
  const Shape shape = {chain.rows, chain.size};
  WNN_RETURN_IF_ERROR(
      way.context->SetInput(0, {DType::kFloat, shape, std::as_bytes(std::span(x))}));
  WNN_RETURN_IF_ERROR(way.context->Compute({}));
  WNN_ASSIGN_OR_RETURN(const TensorView y, way.context->Output(0));
  const auto* values = reinterpret_cast<const float*>(y.data.data());
  way.output.assign(values, values + y.data.size() / sizeof(float));
  return OkStatus();
}

double Difference(const Way& a, const Way& b) {
  double largest = 0, difference = 0;
  for (size_t i = 0; i < std::min(a.output.size(), b.output.size()); ++i) {
    largest = std::max(largest, std::abs(double{b.output[i]}));
    difference = std::max(difference, std::abs(double{a.output[i]} - double{b.output[i]}));
  }
  return difference / largest;
}

Status ReportChain(const Chain& chain, int n_threads, double seconds) {
  Way ways[] = {{"builtin", Kind::kNBits},
                {"onnxruntime", Kind::kNBits},
                {"onnxruntime", Kind::kLevel4},
                {"builtin", Kind::kFloats}};
  std::vector<runtimes::Context*> contexts;
  for (Way& way : ways) {
    WNN_RETURN_IF_ERROR(Prepare(chain, n_threads, way));
    contexts.push_back(way.context.get());
  }
  const double difference = Difference(ways[0], ways[1]);
  if (!(difference < 1e-4) || !(Difference(ways[3], ways[1]) < 1e-4)) {
    return RuntimeError("outputs of 4-bit weights are " + std::to_string(difference) + " apart");
  }
  WNN_ASSIGN_OR_RETURN(auto times, TimeInTurns(contexts, seconds));
  std::printf("| %lld, %lld layers of %lld x %lld | %d | %.1e (%.1e) |",
              static_cast<long long>(chain.rows), static_cast<long long>(chain.layers),
              static_cast<long long>(chain.size), static_cast<long long>(chain.size), n_threads,
              difference, Difference(ways[2], ways[1]));
  std::vector<double> least;
  for (std::vector<nanoseconds>& each : times) {
    const Summary summary = Summarize(std::move(each));
    least.push_back(Milliseconds(summary.min));
    std::printf(" %.3f (%.3f) |", Milliseconds(summary.min), Milliseconds(summary.median));
  }
  std::printf(" %.2f |\n", least[0] / least[1]);
  std::fflush(stdout);
  return OkStatus();
}

}  // namespace

Status ReportNBitModels(double seconds) {
  std::fputs(kHead, stdout);
  double load[1] = {0};
  getloadavg(load, 1);
  std::printf("The load of the machine was %.1f when this began%s.\n\n", load[0],
              load[0] > 1 ? ", so that the times are not to be relied on" : "");
  std::fputs(kTableHead, stdout);
  for (const Chain& chain : kChains) {
    for (int n_threads : {1, 2}) WNN_RETURN_IF_ERROR(ReportChain(chain, n_threads, seconds));
  }
  return OkStatus();
}

}  // namespace wnn::bench
