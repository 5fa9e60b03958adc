// The attributes and shapes of RNN, GRU and LSTM.
#pragma once

#include <vector>

#include "engine/ops/op_context.h"

namespace wnn::ops {

struct Activation {
  enum class Kind {
    kRelu,
    kTanh,
    kSigmoid,
    kAffine,
    kLeakyRelu,
    kThresholdedRelu,
    kScaledTanh,
    kHardSigmoid,
    kElu,
    kSoftsign,
    kSoftplus,
  };
  Kind kind = Kind::kTanh;
  float alpha = 0;
  float beta = 0;
};

struct RecurrentSpec {
  enum class Cell { kRnn, kGru, kLstm };

  Cell cell = Cell::kRnn;
  // One entry a direction: whether it runs from the end, and its functions: f (RNN); f, g (GRU); f,
  // g, h (LSTM).
  std::vector<bool> reversed;
  std::vector<std::vector<Activation>> activations;
  float clip = 0;  // 0: none
  bool input_forget = false;
  bool linear_before_reset = false;
  bool batch_first = false;  // layout 1
  // Weights of 8 bits, and what they multiply too, each time by its own range: ONNX Runtime's
  // DynamicQuantizeLSTM.
  bool quantized = false;
  int64_t hidden = 0;  // from the weights; -1 while not known

  int64_t directions() const { return static_cast<int64_t>(reversed.size()); }
  int64_t n_gates() const { return cell == Cell::kLstm ? 4 : cell == Cell::kGru ? 3 : 1; }
};

// Input positions, the same for all three as far as they have them.
inline constexpr size_t kRecurrentX = 0, kRecurrentW = 1, kRecurrentR = 2, kRecurrentB = 3,
                        kRecurrentLens = 4, kRecurrentH = 5, kRecurrentC = 6, kRecurrentP = 7;

// kInvalidArgument for bad attributes.
Result<RecurrentSpec> ReadRecurrentSpec(const OpContext& context);

Status InferRecurrent(InferContext& context);

}  // namespace wnn::ops
