// One execution in ONNX Runtime. Private to this folder.
#pragma once

#include <memory>
#include <vector>

#include "host/runtimes/onnxruntime/graph.h"
#include "host/runtimes/onnxruntime/ort.h"
#include "host/runtimes/runtime.h"

namespace wnn::runtimes {

class OnnxRuntimeContext final : public Context {
 public:
  static Result<std::unique_ptr<Context>> Create(std::shared_ptr<const OnnxRuntimeGraph> graph,
                                                 std::shared_ptr<MemoryBudget> budget);

  Status SetInput(size_t index, const TensorView& value) override;
  Status BindInput(size_t index, const TensorView& value) override;
  Status Compute(const StopCondition& stop) override;
  Result<TensorView> Output(size_t index) const override;
  Result<bool> FeedBack(std::span<const OutputToInput> pairs) override;

 private:
  // An input as ONNX Runtime sees it.
  struct Input {
    OrtValueHandle value;  // null until it is set
    Tensor storage;        // the bytes behind `value`, unless they are borrowed
    DType dtype = DType::kUndefined;
    Shape shape;
    std::span<const std::byte> data;  // behind `value`
    bool borrowed = false;            // or ONNX Runtime's own
    bool is_fed_back = false;         // ONNX Runtime's: an output of a compute before
  };
  struct OutputTensor {
    OrtValueHandle value;
    TensorView view;  // into `value` and `shape`
    Shape shape;
    Status unreadable;  // why there is no view: strings, sequences
  };

  OnnxRuntimeContext(std::shared_ptr<const OnnxRuntimeGraph> graph,
                     std::shared_ptr<MemoryBudget> budget);

  // kInvalidArgument unless the model has this input and it allows this tensor.
  Status CheckSetInput(size_t index, const TensorView& value) const;
  // Makes inputs_[index].value a tensor over `data`.
  Status Wrap(size_t index, const TensorView& value, std::byte* data);
  Status CheckInputsSet() const;
  // Takes from the budget what inputs and outputs hold, with `more_bytes` about to come.
  Status TakeMemory(uint64_t more_bytes);
  // One Run of the session, ended early by `stop`.
  Status Run(const StopCondition& stop);
  void DropOutputs();
  // Whether an input's bytes, or another pair's output, are those of this pair's output.
  bool IsShared(const OutputToInput& pair, std::span<const OutputToInput> pairs) const;
  Status DescribeOutputs();
  // kUnsupportedOperation for what is no tensor of numbers.
  Status DescribeOutput(size_t index);

  std::shared_ptr<const OnnxRuntimeGraph> graph_;
  const OrtApi* api_;
  MemoryCharge memory_;
  OrtMemoryInfoHandle cpu_;
  OrtRunOptionsHandle run_options_;
  std::vector<const char*> input_names_;   // borrowed from graph_
  std::vector<const char*> output_names_;  // borrowed from graph_
  std::vector<Input> inputs_;
  std::vector<const OrtValue*> input_values_;  // borrowed from inputs_
  std::vector<OutputTensor> outputs_;
  std::vector<OrtValue*> output_values_;  // borrowed from outputs_, or null for Run to make them
  bool computed_ = false;
  // Of the inputs as they are: outputs may lie in the memory of inputs that are no more.
  bool has_outputs_ = false;
  bool input_shapes_changed_ = false;  // since the last compute
};

}  // namespace wnn::runtimes
