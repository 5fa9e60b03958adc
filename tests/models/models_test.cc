// Trained models under every runtime: their scores against those that ../shared keeps.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/frontend/wire.h"
#include "tests/support/runtimes.h"
#include "tests/support/shared_dir.h"

namespace wnn::testing {
namespace {

struct ModelCase {
  const char* model;  // the file's stem
  const char* runtime;
  double tolerance;  // largest absolute difference of a score
};

void PrintTo(const ModelCase& c, std::ostream* os) { *os << c.model << " under " << c.runtime; }

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// A TensorProto's shape, type and raw data.
struct StoredTensor {
  std::string file;  // keeps `data`
  DType dtype = DType::kUndefined;
  Shape dims;
  std::span<const std::byte> data;

  TensorView view() const { return {dtype, dims, data}; }
};

StoredTensor ReadTensor(const std::filesystem::path& path) {
  StoredTensor tensor;
  tensor.file = ReadFile(path);
  frontend::WireReader reader(std::as_bytes(std::span(tensor.file)));
  while (reader.Next()) {
    const frontend::Field& field = reader.field();
    if (field.number == 1) {
      EXPECT_TRUE(frontend::ForEachVarint(
          field, [&](uint64_t dim) { tensor.dims.push_back(static_cast<int64_t>(dim)); }));
    }
    if (field.number == 2) tensor.dtype = static_cast<DType>(field.value);
    if (field.number == 9) tensor.data = field.bytes;
  }
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(CheckTensor(tensor.view()).ok());
  return tensor;
}

float HalfToFloat(uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int mantissa = half & 1023;
  const float magnitude = exponent == 0
                              ? std::ldexp(static_cast<float>(mantissa), -24)
                              : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

std::vector<float> Scores(const TensorView& view) {
  std::vector<float> scores;
  if (view.dtype == DType::kFloat) {
    scores.resize(view.data.size() / sizeof(float));
    std::memcpy(scores.data(), view.data.data(), view.data.size());
  } else {
    EXPECT_EQ(view.dtype, DType::kFloat16);
    for (size_t i = 0; i + 1 < view.data.size(); i += 2) {
      uint16_t half;
      std::memcpy(&half, view.data.data() + i, sizeof(half));
      scores.push_back(HalfToFloat(half));
    }
  }
  return scores;
}

class ModelTest : public ::testing::TestWithParam<ModelCase> {};

TEST_P(ModelTest, ScoresOfTheTestData) {
  const auto shared = SharedDir();
  if (!shared) GTEST_SKIP() << "there is no ../shared with the trained models";
  const auto runtime = RuntimeNamed(GetParam().runtime);
  if (runtime == nullptr) GTEST_SKIP() << kNoRuntime;
  const std::string stem = GetParam().model;
  const std::string model = ReadFile(*shared / "models" / (stem + ".onnx"));
  const auto data = *shared / "models/test_data" / stem / "test_data_set_0";
  const StoredTensor input = ReadTensor(data / "input_0.pb");
  const std::vector<float> expected = Scores(ReadTensor(data / "output_0.pb").view());

  for (int n_threads : {1, 2}) {
    runtimes::LoadOptions options;
    options.n_threads = n_threads;
    auto graph = runtime->Load(std::as_bytes(std::span(model)), options);
    if (!graph && stem.ends_with("-fp16") && runtime->name() == "tract") {
      GTEST_SKIP() << "Tract multiplies no fp16 on this CPU: " << graph.error().message();
    }
    ASSERT_TRUE(graph.has_value()) << graph.error().message();
    auto context = (*graph)->NewContext();
    ASSERT_TRUE(context.has_value()) << context.error().message();
    // Twice: contexts are reused.
    for (int run = 0; run < 2; ++run) {
      ASSERT_TRUE((*context)->SetInput(0, input.view()).ok());
      Status status = (*context)->Compute({});
      ASSERT_TRUE(status.ok()) << status.message();
      const std::vector<float> scores = Scores(*(*context)->Output(0));
      ASSERT_EQ(scores.size(), expected.size());
      double worst = 0;
      for (size_t i = 0; i < scores.size(); ++i) {
        worst = std::max<double>(worst, std::abs(scores[i] - expected[i]));
      }
      EXPECT_LE(worst, GetParam().tolerance) << n_threads << " threads";
      EXPECT_EQ(std::ranges::max_element(scores) - scores.begin(),
                std::ranges::max_element(expected) - expected.begin());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, ModelTest,
    ::testing::Values(ModelCase{"squeezenet1.1", "builtin", 2e-4},
                      ModelCase{"mobilenetv2", "builtin", 2e-4},
                      ModelCase{"efficientnet-lite0", "builtin", 2e-4},
                      ModelCase{"squeezenet1.1", "onnxruntime", 2e-4},
                      ModelCase{"mobilenetv2", "onnxruntime", 2e-4},
                      ModelCase{"efficientnet-lite0", "onnxruntime", 2e-4},
                      ModelCase{"squeezenet1.1", "tract", 2e-4},
                      ModelCase{"mobilenetv2", "tract", 2e-4},
                      ModelCase{"efficientnet-lite0", "tract", 2e-4},
                      // The stored scores are of unoptimised graphs; fp16 and int8 round as fused.
                      ModelCase{"squeezenet1.1-fp16", "builtin", 0.04},
                      ModelCase{"squeezenet1.1-int8-qlinear", "builtin", 0.4},
                      ModelCase{"mobilenetv2-int8-qdq", "builtin", 0.4},
                      ModelCase{"squeezenet1.1-fp16", "onnxruntime", 0.04},
                      ModelCase{"squeezenet1.1-int8-qlinear", "onnxruntime", 0.4},
                      ModelCase{"mobilenetv2-int8-qdq", "onnxruntime", 0.4},
                      ModelCase{"squeezenet1.1-fp16", "tract", 0.04},
                      ModelCase{"squeezenet1.1-int8-qlinear", "tract", 0.4},
                      ModelCase{"mobilenetv2-int8-qdq", "tract", 0.4}),
    [](const auto& test) {
      std::string name = std::string(test.param.model) + "_" + test.param.runtime;
      std::ranges::replace_if(name, [](char c) { return !std::isalnum(c); }, '_');
      return name;
    });

}  // namespace
}  // namespace wnn::testing
