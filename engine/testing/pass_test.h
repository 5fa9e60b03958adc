// Runs optimiser passes by name in tests: what they make of a graph, and that results stay.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/frontend/importer.h"
#include "engine/ops/op_context.h"
#include "engine/optimizer/optimizer.h"
#include "engine/testing/run_model.h"

namespace wnn::testing {

// All passes but those named, to be switched off.
inline std::vector<std::string> AllPassesBut(const std::vector<std::string>& enabled) {
  std::vector<std::string> names;
  for (const optimizer::Pass& pass : optimizer::Passes()) names.emplace_back(pass.name);
  std::erase_if(names, [&](const std::string& name) {
    return std::find(enabled.begin(), enabled.end(), name) != enabled.end();
  });
  return names;
}

inline graph::Graph AfterPasses(const ModelBuilder& builder,
                                const std::vector<std::string>& enabled) {
  NullLogger log;
  auto model = frontend::ImportModel(builder.Build(), {}, log);
  EXPECT_TRUE(model.has_value()) << model.error().message();
  Status status = ops::InferGraph(model->graph);
  EXPECT_TRUE(status.ok()) << status.message();
  status = optimizer::Optimize(model->graph, AllPassesBut(enabled), {}, {}, log);
  EXPECT_TRUE(status.ok()) << status.message();
  return std::move(model->graph);
}

// "Relu", "wnn.Conv", ... in the graph's order.
inline std::vector<std::string> OpNames(const graph::Graph& graph) {
  std::vector<std::string> names;
  for (const graph::Node& node : graph.nodes()) {
    names.push_back((node.op->domain.empty() ? "" : std::string(node.op->domain) + ".") +
                    std::string(node.op->name));
  }
  return names;
}

// Runs the model as it is and after the passes, these on one thread and on three, which must give
// the same bits. Returns the outputs' values after the passes.
inline std::vector<std::vector<float>> ExpectSameResults(const ModelBuilder& builder,
                                                         const std::vector<Tensor>& inputs,
                                                         const std::vector<std::string>& enabled,
                                                         float tolerance) {
  engine::LoadOptions plain, with_passes;
  plain.optimize = false;
  with_passes.disabled_passes = AllPassesBut(enabled);
  ThreadParallel three(3);
  auto expected = RunModel(builder.Build(), inputs, plain);
  auto one = RunModel(builder.Build(), inputs, with_passes);
  auto many = RunModel(builder.Build(), inputs, with_passes, &three);
  std::vector<std::vector<float>> values;
  for (const auto* outputs : {&expected, &one, &many}) {
    if (!*outputs) {
      ADD_FAILURE() << outputs->error().message();
      return values;
    }
  }
  for (size_t i = 0; i < expected->size(); ++i) {
    EXPECT_EQ(one->at(i).shape(), expected->at(i).shape());
    values.push_back(ValuesOf<float>(one->at(i)));
    EXPECT_TRUE(std::equal(one->at(i).bytes().begin(), one->at(i).bytes().end(),
                           many->at(i).bytes().begin(), many->at(i).bytes().end()))
        << "depends on the threads";
    ExpectNear(values.back(), ValuesOf<float>(expected->at(i)), tolerance);
  }
  return values;
}

// An initialiser of noise.
inline void AddNoise(ModelBuilder& builder, std::string_view name, const Shape& shape,
                     uint32_t seed = 7) {
  size_t n = 1;
  for (int64_t extent : shape) n *= static_cast<size_t>(extent);
  builder.Initializer<float>(name, shape, Noise(n, seed));
}

// Layer normalisation of rows of n, as exporters write it for operator sets before 17.
inline void AddLayerNorm(ModelBuilder& model, const std::string& x, const std::string& y,
                         int64_t n) {
  const BuilderAttribute axes = Attr("axes", std::vector<int64_t>{-1});
  model.Initializer<float>(y + "_two", {}, {2});
  model.Initializer<float>(y + "_epsilon", {}, {1e-5f});
  AddNoise(model, y + "_scale", {n}, 5);
  AddNoise(model, y + "_bias", {n}, 6);
  model.Node("ReduceMean", {x}, {y + "_mean"}, {axes});
  model.Node("Sub", {x, y + "_mean"}, {y + "_centred"});
  model.Node("Pow", {y + "_centred", y + "_two"}, {y + "_squares"});
  model.Node("ReduceMean", {y + "_squares"}, {y + "_variance"}, {axes});
  model.Node("Add", {y + "_variance", y + "_epsilon"}, {y + "_sum"});
  model.Node("Sqrt", {y + "_sum"}, {y + "_root"});
  model.Node("Div", {y + "_centred", y + "_root"}, {y + "_normal"});
  model.Node("Mul", {y + "_normal", y + "_scale"}, {y + "_scaled"});
  model.Node("Add", {y + "_scaled", y + "_bias"}, {y});
}

// Gelu, as exporters write it for operator sets before 20.
inline void AddGelu(ModelBuilder& model, const std::string& x, const std::string& y) {
  model.Initializer<float>(y + "_root", {}, {1.41421354f});
  model.Initializer<float>(y + "_one", {}, {1});
  model.Initializer<float>(y + "_half", {}, {0.5f});
  model.Node("Div", {x, y + "_root"}, {y + "_scaled"});
  model.Node("Erf", {y + "_scaled"}, {y + "_erf"});
  model.Node("Add", {y + "_erf", y + "_one"}, {y + "_sum"});
  model.Node("Mul", {x, y + "_sum"}, {y + "_gated"});
  model.Node("Mul", {y + "_gated", y + "_half"}, {y});
}

inline Tensor NoiseTensor(const Shape& shape, uint32_t seed = 3) {
  size_t n = 1;
  for (int64_t extent : shape) n *= static_cast<size_t>(extent);
  return MakeTensor<float>(shape, Noise(n, seed));
}

}  // namespace wnn::testing
