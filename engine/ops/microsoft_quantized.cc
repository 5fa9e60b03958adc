// ONNX Runtime's operators on 8-bit integers that choose: QLinearWhere, and
// QEmbedLayerNormalization, whose tables, scale and bias are 8-bit integers.
#include <algorithm>
#include <array>

#include "engine/kernels/blocked/norm_rows.h"
#include "engine/kernels/quantized/quantize.h"
#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/ops/attention_parts.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
using ByteTypes = kernels::Types<int8_t, uint8_t>;

// An 8-bit tensor, its scale and its zero point are that input and the ones at `scale` and `zero`.
Status CheckQuantized(const OpContext& context, size_t tensor, size_t scale, size_t zero) {
  for (size_t i : {tensor, scale, zero}) {
    if (!context.HasInput(i)) return InvalidArgument("input " + std::to_string(i) + " is left out");
  }
  WNN_RETURN_IF_ERROR(context.RequireType(tensor, kByteSet));
  WNN_RETURN_IF_ERROR(context.RequireType(scale, {DType::kFloat}));
  WNN_RETURN_IF_ERROR(RequireCount(context, scale, graph::KnownDim(1)));
  WNN_RETURN_IF_ERROR(context.RequireSameType(tensor, zero));
  return RequireCount(context, zero, graph::KnownDim(1));
}

// ---- QLinearWhere: the condition, X, its scale and zero point, Y and its, Z's scale and zero
// point.

constexpr size_t kX = 1, kY = 4, kZ = 7;

Status InferWhere(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, {DType::kBool}));
  WNN_RETURN_IF_ERROR(CheckQuantized(context, kX, kX + 1, kX + 2));
  WNN_RETURN_IF_ERROR(CheckQuantized(context, kY, kY + 1, kY + 2));
  WNN_RETURN_IF_ERROR(CheckQuantized(context, kX, kZ, kZ + 1));
  WNN_RETURN_IF_ERROR(context.RequireSameType(kX, kY));
  const Fact &condition = context.Input(0), &x = context.Input(kX), &y = context.Input(kY);
  if (!condition.has_rank || !x.has_rank || !y.has_rank) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, BroadcastDims(x.dims, y.dims));
  WNN_ASSIGN_OR_RETURN(dims, BroadcastDims(dims, condition.dims));
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

template <typename T>
class WhereOp final : public CompiledOp {
 public:
  explicit WhereOp(kernels::LoopNest<4> nest) : nest_(std::move(nest)) {}

  Status Run(const RunArgs& run) const override {
    // What each of the 256 values of X and of Y becomes.
    const auto table = [&](size_t at) {
      const float scale = *run.in<float>(at + 1), to_scale = *run.in<float>(kZ);
      const int32_t zero = *run.in<T>(at + 2), to_zero = *run.in<T>(kZ + 1);
      std::array<T, 256> values;
      for (int i = 0; i < 256; ++i) {
        const int32_t q = static_cast<T>(static_cast<uint8_t>(i));
        values[static_cast<size_t>(i)] =
            kernels::QuantizeOne<T>(static_cast<float>(q - zero) * scale, to_scale, to_zero);
      }
      return values;
    };
    const std::array<T, 256> of_x = table(kX), of_y = table(kY);
    const auto& steps = nest_.inner_strides();
    nest_.Run(*run.parallel, [&](const kernels::LoopNest<4>::Offsets& at, int64_t n) {
      const uint8_t* condition = run.in<uint8_t>(0) + at[1];
      const T *x = run.in<T>(kX) + at[2], *y = run.in<T>(kY) + at[3];
      T* to = run.out<T>(0) + at[0];
      for (int64_t i = 0; i < n; ++i) {
        to[i] = condition[i * steps[1]] != 0 ? of_x[static_cast<uint8_t>(x[i * steps[2]])]
                                             : of_y[static_cast<uint8_t>(y[i * steps[3]])];
      }
    });
    return OkStatus();
  }

 private:
  const kernels::LoopNest<4> nest_;
};

Result<CompiledPtr> CompileWhere(const CompileContext& context) {
  const Shape out = context.OutputShape(0);
  const kernels::LoopNest<4> nest(
      out,
      std::array{kernels::DenseStrides(out), kernels::BroadcastStrides(context.InputShape(0), out),
                 kernels::BroadcastStrides(context.InputShape(kX), out),
                 kernels::BroadcastStrides(context.InputShape(kY), out)});
  return kernels::Visit(context.Output(0).dtype, ByteTypes(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<WhereOp<T>>(nest);
  });
}

// ---- QEmbedLayerNormalization: tables of words, positions and segments, gamma and beta; behind
// the mask the scales of the five, then their zero points.

constexpr size_t kIds = 0, kSegments = 1, kWords = 2, kSegmentTable = 4, kGamma = 5, kBeta = 6,
                 kMask = 7;
constexpr size_t kFirstScale = 8, kFirstZero = 13;

size_t ScaleOf(size_t table) { return kFirstScale + table - kWords; }
size_t ZeroOf(size_t table) { return kFirstZero + table - kWords; }

Status InferEmbed(InferContext& context) {
  for (size_t i : {kIds, kSegments, kMask}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, {DType::kInt32}));
    WNN_RETURN_IF_ERROR(context.RequireRank(i, 2, 2));
  }
  if (context.HasInput(kSegments) != context.HasInput(kSegmentTable)) {
    return InvalidArgument("segments and their embeddings come together");
  }
  for (size_t table = kWords; table <= kBeta; ++table) {
    if (table == kSegmentTable && !context.HasInput(kSegments)) continue;
    WNN_RETURN_IF_ERROR(CheckQuantized(context, table, ScaleOf(table), ZeroOf(table)));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kWords, table));
    const size_t rank = table < kGamma ? 2 : 1;
    WNN_RETURN_IF_ERROR(context.RequireRank(table, rank, rank));
  }
  const Fact &ids = context.Input(kIds), &words = context.Input(kWords);
  std::vector<Dim> dims(3);
  if (ids.has_rank) std::copy_n(ids.dims.begin(), 2, dims.begin());
  if (words.has_rank) dims[2] = words.dims[1];
  context.SetOutput(1, Fact::Ranked(DType::kInt32, {dims[0]}));
  context.SetOutput(0, Fact::Ranked(DType::kFloat, std::move(dims)));
  return OkStatus();
}

template <typename T>
class QEmbedOp final : public CompiledOp {
 public:
  QEmbedOp(int64_t batch, int64_t length, int64_t hidden, std::array<int64_t, 3> rows,
           double epsilon)
      : batch_(batch), length_(length), hidden_(hidden), rows_(rows), epsilon_(epsilon) {}

  uint64_t ScratchBytes(int /*n_threads*/) const override {
    return 2 * ScratchPieces::Bytes<float>(hidden_);
  }

  Status Run(const RunArgs& run) const override {
    ScratchPieces memory(run.scratch);
    auto* gamma = memory.Take<float>(hidden_);
    auto* beta = memory.Take<float>(hidden_);
    std::fill_n(gamma, hidden_, 0.0f);
    std::fill_n(beta, hidden_, 0.0f);
    Add(run, kGamma, 0, gamma);
    Add(run, kBeta, 0, beta);
    float* y = run.out<float>(0);
    for (int64_t i = 0; i < batch_ * length_; ++i) {
      float* row = y + i * hidden_;
      std::fill_n(row, hidden_, 0.0f);
      const int32_t* segments = run.in<int32_t>(kSegments);
      const std::array<int64_t, 3> at = {run.in<int32_t>(kIds)[i], i % length_,
                                         segments != nullptr ? segments[i] : 0};
      for (size_t t = 0; t < (segments != nullptr ? at.size() : 2); ++t) {
        if (at[t] < 0 || at[t] >= rows_[t]) {
          return InvalidArgument("row " + std::to_string(at[t]) + " of input " +
                                 std::to_string(kWords + t) + ", which has " +
                                 std::to_string(rows_[t]) + ", does not exist");
        }
        Add(run, kWords + t, at[t], row);
      }
    }
    kernels::NormRows({.in = y,
                       .n_rows = batch_ * length_,
                       .n = hidden_,
                       .epsilon = epsilon_,
                       .scale = gamma,
                       .bias = beta,
                       .out = y},
                      *run.parallel);
    if (int32_t* counts = run.out<int32_t>(1)) {
      const int32_t* mask = run.in<int32_t>(kMask);
      for (int64_t b = 0; b < batch_; ++b) {
        counts[b] = 0;
        for (int64_t i = 0; mask != nullptr && i < length_; ++i) {
          counts[b] += mask[b * length_ + i] == 1 ? 1 : 0;
        }
      }
    }
    return OkStatus();
  }

 private:
  // Adds a row of a table.
  void Add(const RunArgs& run, size_t table, int64_t at, float* to) const {
    const float scale = *run.in<float>(ScaleOf(table));
    const int32_t zero = *run.in<T>(ZeroOf(table));
    const T* from = run.in<T>(table) + at * hidden_;
    for (int64_t i = 0; i < hidden_; ++i) {
      to[i] += static_cast<float>(int32_t{from[i]} - zero) * scale;
    }
  }

  const int64_t batch_, length_, hidden_;
  const std::array<int64_t, 3> rows_;
  const double epsilon_;
};

Result<CompiledPtr> CompileEmbed(const CompileContext& context) {
  const Shape ids = context.InputShape(kIds);
  const int64_t hidden = context.InputShape(kWords)[1];
  std::array<int64_t, 3> rows{};
  bool fits = true;
  for (size_t table = kWords; table <= kBeta; ++table) {
    if (!context.HasInput(table)) continue;
    const Shape shape = context.InputShape(table);
    fits = fits && shape.back() == hidden;
    if (table < kGamma) rows[table - kWords] = shape[0];
  }
  for (size_t i : {kSegments, kMask}) {
    fits = fits && (!context.HasInput(i) || context.InputShape(i) == ids);
  }
  if (!fits) {
    return InvalidArgument("the embeddings, gamma, beta or identifiers do not fit each other");
  }
  WNN_ASSIGN_OR_RETURN(float epsilon, context.attributes().Float("epsilon", 1e-12f));
  return kernels::Visit(context.InputType(kWords), ByteTypes(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<QEmbedOp<T>>(ids[0], ids[1], hidden, rows, epsilon);
  });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "QEmbedLayerNormalization",
     .inputs = {1, 18},
     .outputs = {1, 2},
     .infer = InferEmbed,
     .compile = CompileEmbed},
    {.domain = kMicrosoftDomain,
     .name = "QLinearWhere",
     .inputs = {9, 9},
     .infer = InferWhere,
     .compile = CompileWhere},
});

}  // namespace

std::span<const OpDef> MicrosoftQuantizedOps() { return kOps; }

}  // namespace wnn::ops
