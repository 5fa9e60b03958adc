// What operators of ai.onnx.ml that work on each row of numbers have in common.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/number_io.h"
#include "engine/ops/ml_scores.h"
#include "engine/ops/op_context.h"

namespace wnn::ops {

inline constexpr TypeSet kMlNumbers = {DType::kFloat, DType::kDouble, DType::kInt32, DType::kInt64};

// Attribute `name`, a list of floats.
inline Result<std::vector<double>> ReadFloats(const OpContext& context, std::string_view name) {
  WNN_ASSIGN_OR_RETURN(std::span<const float> floats, context.attributes().Floats(name));
  return std::vector<double>(floats.begin(), floats.end());
}

// An operator on each row of numbers, by way of double. `Compute` is called with the features, room
// for n_out results, and the row's number; a row may be as long as a tensor.
template <typename Compute>
class RowsOp final : public CompiledOp {
 public:
  struct Types {
    DType in, out;
    size_t output = 0;
  };
  RowsOp(const Rows& rows, int64_t n_out, const Types& types, int64_t row_cost, Compute compute)
      : rows_(rows),
        n_out_(n_out),
        types_(types),
        row_cost_(row_cost),
        compute_(std::move(compute)) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return static_cast<uint64_t>(n_threads) * RowBytes();
  }

  Status Run(const RunArgs& args) const override {
    const int64_t n_tasks = std::min<int64_t>(rows_.n, 64);
    args.parallel->ForEach(static_cast<size_t>(n_tasks), [&](size_t task, int thread) {
      auto* x =
          reinterpret_cast<double*>(args.scratch + static_cast<uint64_t>(thread) * RowBytes());
      double* y = x + rows_.features;
      const auto t = static_cast<int64_t>(task);
      StopCheck check(*args.parallel);
      for (int64_t i = rows_.n * t / n_tasks; i < rows_.n * (t + 1) / n_tasks; ++i) {
        if (check.Stopped(row_cost_)) return;
        InSteps(*args.parallel, rows_.features, [&](int64_t begin, int64_t end) {
          kernels::ReadNumbers(types_.in, args.inputs[0], i * rows_.features + begin, end - begin,
                               x + begin);
        });
        compute_(x, y, i, args);
        if (types_.output >= args.outputs.size() || args.outputs[types_.output] == nullptr) {
          continue;
        }
        InSteps(*args.parallel, n_out_, [&](int64_t begin, int64_t end) {
          kernels::WriteNumbers(types_.out, y + begin, i * n_out_ + begin, end - begin, {},
                                args.outputs[types_.output]);
        });
      }
    });
    return OkStatus();
  }

 private:
  uint64_t RowBytes() const {
    return (static_cast<uint64_t>(rows_.features + n_out_) * sizeof(double) + 63) / 64 * 64;
  }

  const Rows rows_;
  const int64_t n_out_;
  const Types types_;
  const int64_t row_cost_;
  const Compute compute_;
};

// `row_cost`: about how many nanoseconds a row takes beyond reading and writing it.
template <typename Compute>
std::unique_ptr<const CompiledOp> MakeRowsOp(const CompileContext& context, const Rows& rows,
                                             int64_t n_out, size_t output, Compute compute,
                                             int64_t row_cost = 0) {
  // A classifier may be asked for its labels only.
  const DType out = context.HasOutput(output) ? context.Output(output).dtype : DType::kFloat;
  return std::make_unique<RowsOp<Compute>>(
      rows, n_out, typename RowsOp<Compute>::Types{context.InputType(0), out, output},
      rows.features + n_out + row_cost, std::move(compute));
}

}  // namespace wnn::ops
