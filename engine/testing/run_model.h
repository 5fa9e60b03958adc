// Runs small models in tests.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/kernels/reference/element.h"
#include "engine/testing/model_builder.h"
#include "engine/testing/thread_parallel.h"

namespace wnn::testing {

template <typename T>
Tensor MakeTensor(Shape shape, const std::vector<T>& values) {
  auto tensor = Tensor::Allocate(kernels::DTypeOf<T>(), std::move(shape));
  EXPECT_TRUE(tensor.has_value());
  EXPECT_EQ(tensor->n_elements(), static_cast<int64_t>(values.size()));
  // Not a memcpy of the whole: std::vector<bool> has no data().
  for (size_t i = 0; i < values.size(); ++i) {
    const T value = values[i];
    std::memcpy(tensor->bytes().data() + i * sizeof(T), &value, sizeof(T));
  }
  return std::move(*tensor);
}

template <typename T>
std::vector<T> ValuesOf(const Tensor& tensor) {
  EXPECT_EQ(tensor.dtype(), kernels::DTypeOf<T>());
  std::vector<T> values;
  for (size_t i = 0; i < tensor.bytes().size() / sizeof(T); ++i) {
    T value;
    std::memcpy(&value, tensor.bytes().data() + i * sizeof(T), sizeof(T));
    values.push_back(value);
  }
  return values;
}

// Loads, runs once and copies the outputs.
inline Result<std::vector<Tensor>> RunModel(std::span<const std::byte> bytes,
                                            const std::vector<Tensor>& inputs,
                                            const engine::LoadOptions& options = {},
                                            Parallel* parallel = nullptr) {
  WNN_ASSIGN_OR_RETURN(auto model, engine::Model::Load(bytes, options));
  WNN_ASSIGN_OR_RETURN(auto execution, engine::Execution::Create(model, {parallel}));
  for (size_t i = 0; i < inputs.size(); ++i) {
    WNN_RETURN_IF_ERROR(execution->SetInput(i, inputs[i].view()));
  }
  WNN_RETURN_IF_ERROR(execution->Run({}));
  std::vector<Tensor> outputs;
  for (size_t i = 0; i < model->outputs().size(); ++i) {
    WNN_ASSIGN_OR_RETURN(TensorView view, execution->Output(i));
    WNN_ASSIGN_OR_RETURN(Tensor copy, Tensor::CopyOf(view));
    outputs.push_back(std::move(copy));
  }
  return outputs;
}

// The same for values of any type.
inline Result<std::vector<Value>> RunValues(std::span<const std::byte> bytes,
                                            const std::vector<Value>& inputs,
                                            const engine::LoadOptions& options = {}) {
  WNN_ASSIGN_OR_RETURN(auto model, engine::Model::Load(bytes, options));
  WNN_ASSIGN_OR_RETURN(auto execution, engine::Execution::Create(model, {}));
  for (size_t i = 0; i < inputs.size(); ++i) {
    WNN_RETURN_IF_ERROR(execution->SetInput(i, inputs[i]));
  }
  WNN_RETURN_IF_ERROR(execution->Run({}));
  std::vector<Value> outputs;
  for (size_t i = 0; i < model->outputs().size(); ++i) {
    WNN_ASSIGN_OR_RETURN(Value value, execution->OutputValue(i));
    outputs.push_back(std::move(value));
  }
  return outputs;
}

inline Value Strings(Shape shape, std::vector<std::string> elements) {
  return Value(std::move(*StringTensor::Make(std::move(shape), std::move(elements))));
}

// A model of one node whose inputs are the graph's. An empty tensor (undefined type) is left out.
struct NodeUnderTest {
  std::string op_type;
  int opset = 13;
  std::vector<BuilderAttribute> attributes = {};
  size_t n_outputs = 1;

  std::vector<std::byte> Model(const std::vector<Tensor>& inputs) const {
    ModelBuilder model(opset);
    std::vector<std::string> input_names, output_names;
    for (size_t i = 0; i < inputs.size(); ++i) {
      input_names.push_back("");
      if (inputs[i].dtype() == DType::kUndefined) continue;
      input_names.back() = "x" + std::to_string(i);
      std::vector<BuilderDim> dims(inputs[i].shape().begin(), inputs[i].shape().end());
      model.Input(input_names.back(), inputs[i].dtype(), dims);
    }
    for (size_t i = 0; i < n_outputs; ++i) {
      output_names.push_back("y" + std::to_string(i));
      model.Output(output_names.back());
    }
    model.Node(op_type, input_names, output_names, attributes, "node");
    return model.Build();
  }

  // Runs it optimised and not, on one thread and on three; all must give the same bits.
  Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs) const {
    const std::vector<std::byte> bytes = Model(inputs);
    std::vector<Tensor> given;
    for (const Tensor& input : inputs) {
      if (input.dtype() == DType::kUndefined) continue;
      WNN_ASSIGN_OR_RETURN(Tensor copy, Tensor::CopyOf(input.view()));
      given.push_back(std::move(copy));
    }
    ThreadParallel three(3);
    engine::LoadOptions unoptimized;
    unoptimized.optimize = false;
    WNN_ASSIGN_OR_RETURN(std::vector<Tensor> outputs, RunModel(bytes, given));
    WNN_ASSIGN_OR_RETURN(std::vector<Tensor> again, RunModel(bytes, given, unoptimized, &three));
    for (size_t i = 0; i < outputs.size(); ++i) {
      EXPECT_EQ(outputs[i].shape(), again[i].shape());
      EXPECT_TRUE(std::equal(outputs[i].bytes().begin(), outputs[i].bytes().end(),
                             again[i].bytes().begin(), again[i].bytes().end()))
          << op_type << " depends on threads or on the optimiser";
    }
    return outputs;
  }

  // The outputs for inputs of any type, as the model declares them.
  Result<std::vector<Value>> RunAny(const std::vector<Value>& inputs) const {
    ModelBuilder model(opset);
    std::vector<std::string> input_names, output_names;
    for (size_t i = 0; i < inputs.size(); ++i) {
      input_names.push_back("x" + std::to_string(i));
      const auto dims = inputs[i].dims();
      model.Input(input_names.back(), inputs[i].dtype(), {dims.begin(), dims.end()});
    }
    for (size_t i = 0; i < n_outputs; ++i) {
      output_names.push_back("y" + std::to_string(i));
      model.Output(output_names.back());
    }
    model.Node(op_type, input_names, output_names, attributes, "node");
    return RunValues(model.Build(), inputs);
  }

  // The values of output 0. Fails the test if it does not run.
  template <typename T>
  std::vector<T> Values(const std::vector<Tensor>& inputs, const Shape& expected_shape) const {
    auto outputs = Run(inputs);
    if (!outputs) {
      ADD_FAILURE() << op_type << ": " << outputs.error().message();
      return {};
    }
    EXPECT_EQ(outputs->at(0).shape(), expected_shape) << op_type;
    return ValuesOf<T>(outputs->at(0));
  }

  // The error that it must end with.
  Status Error(const std::vector<Tensor>& inputs) const {
    auto outputs = Run(inputs);
    if (outputs) {
      ADD_FAILURE() << op_type << " ran, but should not";
      return Internal("");
    }
    return std::move(outputs.error());
  }
};

// A braced list of tensors, which are move-only.
template <typename... Tensors>
std::vector<Tensor> Inputs(Tensors&&... tensors) {
  std::vector<Tensor> list;
  (list.push_back(std::forward<Tensors>(tensors)), ...);
  return list;
}

template <typename T>
std::vector<T> Iota(size_t n, T first = T{0}) {
  std::vector<T> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = static_cast<T>(first + static_cast<T>(i));
  return values;
}

// Reproducible values in [-1, 1).
inline std::vector<float> Noise(size_t n, uint32_t seed = 1) {
  std::vector<float> values(n);
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int32_t>(seed)) * 0x1p-31f;
  }
  return values;
}

inline void ExpectNear(const std::vector<float>& actual, const std::vector<float>& expected,
                       float tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    if (expected[i] != expected[i]) {
      EXPECT_NE(actual[i], actual[i]) << "at " << i;
    } else if (std::isinf(expected[i])) {
      EXPECT_EQ(actual[i], expected[i]) << "at " << i;
    } else {
      EXPECT_NEAR(actual[i], expected[i], tolerance) << "at " << i;
    }
  }
}

}  // namespace wnn::testing
