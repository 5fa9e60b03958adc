// RotaryEmbedding, of ai.onnx and of ONNX Runtime; and ONNX Runtime's MRotaryEmbedding, in which a
// token has a position in time, in height and in width, and each pair of elements turns by one of
// them.
#include <algorithm>
#include <array>
#include <vector>

#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/attention_parts.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/rotary.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// Where the inputs are: ONNX has the positions last, ONNX Runtime second.
struct RotaryInputs {
  size_t x = 0, cos = 1, sin = 2, positions = 3;
  bool is_microsoft = false;
};
RotaryInputs InputsOf(const OpContext& context) {
  if (context.node().op->domain == kMicrosoftDomain) {
    return {.cos = 2, .sin = 3, .positions = 1, .is_microsoft = true};
  }
  return {};
}

struct Rotary {
  int64_t batch = 0, heads = 0, length = 0, size = 0;
  int64_t turned = 0;  // elements of a head that turn
  bool interleaved = false;
  bool is_3d = false;
  bool has_positions = false;
  bool one_position = false;  // of the first of every sequence
  int64_t cache_rows = 0;     // with positions
  std::vector<uint8_t> axes;  // MRotaryEmbedding: of each pair, by which of the three it turns
  RotaryInputs at;
};

bool IsMultimodal(const OpContext& context) { return context.op_type() == "MRotaryEmbedding"; }

Result<std::vector<uint8_t>> ReadAxes(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> sections,
                       context.attributes().Ints("mrope_section"));
  WNN_ASSIGN_OR_RETURN(int64_t layout, context.attributes().Int("mrope_layout", 0));
  constexpr int64_t kMost = int64_t{1} << 20;
  const bool fits = sections.size() == 3 &&
                    std::ranges::all_of(sections, [](int64_t n) { return n >= 0 && n <= kMost; });
  if (!fits) {
    return InvalidArgument("attribute 'mrope_section' is not of three numbers in [0, 2^20]");
  }
  if (layout != 0 && layout != 1) {
    return InvalidArgument("attribute 'mrope_layout' is " + std::to_string(layout) +
                           ", not 0 or 1");
  }
  std::vector<uint8_t> axes;
  for (uint8_t axis = 0; axis < 3; ++axis) {
    // One after the other; or every third pair, where time has what is left.
    axes.insert(axes.end(), static_cast<size_t>(sections[axis]), layout == 0 ? axis : 0);
  }
  for (uint8_t axis = 1; layout == 1 && axis < 3; ++axis) {
    const auto end = static_cast<size_t>(3 * sections[axis]);
    for (size_t i = axis; i < std::min(end, axes.size()); i += 3) axes[i] = axis;
  }
  return axes;
}

Status InferRotary(InferContext& context) {
  const RotaryInputs at = InputsOf(context);
  for (size_t i : {at.x, at.cos, at.sin}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kAttentionTypes));
    WNN_RETURN_IF_ERROR(context.RequireSameType(at.x, i));
  }
  WNN_RETURN_IF_ERROR(context.RequireType(at.positions, {DType::kInt64}));
  WNN_RETURN_IF_ERROR(context.RequireRank(at.x, 3, 4));
  // Attributes 'scale' and 'is_packed_batching' change nothing in ONNX Runtime on CPUs.
  if (IsMultimodal(context)) {
    WNN_RETURN_IF_ERROR(context.RequireRank(at.positions, 3, 3));
    WNN_ASSIGN_OR_RETURN([[maybe_unused]] std::vector<uint8_t> axes, ReadAxes(context));
  }
  return InferSame(context);
}

class RotaryOp final : public CompiledOp {
 public:
  explicit RotaryOp(Rotary rotary) : r_(std::move(rotary)) {}
  uint64_t ScratchBytes(int /*n_threads*/) const override {
    if (r_.axes.empty()) return 0;
    return 2 * ScratchPieces::Bytes<float>(r_.batch * r_.length * (r_.turned / 2));
  }
  Status Run(const RunArgs& run) const override {
    const auto x = HeadsIn(run.in<float>(r_.at.x), r_.is_3d, r_.heads, r_.length, r_.size);
    const auto y = HeadsIn(run.out<float>(0), r_.is_3d, r_.heads, r_.length, r_.size);
    const int64_t* positions = run.in<int64_t>(r_.at.positions);
    const int64_t half = r_.turned / 2, rows = r_.batch * r_.length;
    const float *all_cos = run.in<float>(r_.at.cos), *all_sin = run.in<float>(r_.at.sin);
    if (!r_.axes.empty()) {
      ScratchPieces memory(run.scratch);
      auto* cos = memory.Take<float>(rows * half);
      auto* sin = memory.Take<float>(rows * half);
      WNN_RETURN_IF_ERROR(GatherByAxis(run, cos, sin));
      positions = nullptr;
      all_cos = cos;
      all_sin = sin;
    }
    const auto position = [&](int64_t row) {
      if (positions == nullptr) return row;
      return r_.one_position ? positions[0] + row % r_.length : positions[row];
    };
    for (int64_t i = 0; positions != nullptr && i < rows; ++i) {
      if (position(i) >= 0 && position(i) < r_.cache_rows) continue;
      return InvalidArgument("position " + std::to_string(position(i)) +
                             " is outside the cache of " + std::to_string(r_.cache_rows));
    }
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(r_.heads * r_.size, 1), 1);
    kernels::ForRanges(*run.parallel, rows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        // Bound inputs may change under our feet: never out of the cache.
        const int64_t row =
            positions == nullptr ? i : std::clamp<int64_t>(position(i), 0, r_.cache_rows - 1);
        const float *cos = all_cos + row * half, *sin = all_sin + row * half;
        for (int64_t h = 0; h < r_.heads; ++h) {
          TurnHead(x.at(i / r_.length, h, i % r_.length), cos, sin, r_.turned, r_.size,
                   r_.interleaved, y.at(i / r_.length, h, i % r_.length));
        }
      }
    });
    return OkStatus();
  }

 private:
  // The cosines and sines of each token, whose pairs have them of other rows.
  Status GatherByAxis(const RunArgs& run, float* cos, float* sin) const {
    const int64_t rows = r_.batch * r_.length, half = r_.turned / 2;
    for (int64_t i = 0; i < rows; ++i) {
      std::array<int64_t, 3> at;
      for (size_t axis = 0; axis < 3; ++axis) {
        at[axis] = run.in<int64_t>(r_.at.positions)[static_cast<int64_t>(axis) * rows + i];
        if (at[axis] < 0 || at[axis] >= r_.cache_rows) {
          return InvalidArgument("position " + std::to_string(at[axis]) +
                                 " is outside the cache of " + std::to_string(r_.cache_rows));
        }
      }
      for (int64_t j = 0; j < half; ++j) {
        const int64_t from = at[r_.axes[static_cast<size_t>(j)]] * half + j;
        cos[i * half + j] = run.in<float>(r_.at.cos)[from];
        sin[i * half + j] = run.in<float>(r_.at.sin)[from];
      }
    }
    return OkStatus();
  }

  const Rotary r_;
};

Result<CompiledPtr> CompileRotary(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileRotary);
  Rotary r;
  r.at = InputsOf(context);
  const Shape x = context.InputShape(r.at.x), cos = context.InputShape(r.at.cos);
  WNN_ASSIGN_OR_RETURN(int64_t interleaved, context.attributes().Int("interleaved", 0));
  WNN_ASSIGN_OR_RETURN(int64_t turned, context.attributes().Int("rotary_embedding_dim", 0));
  WNN_ASSIGN_OR_RETURN(int64_t heads, context.attributes().Int("num_heads", 0));
  r.interleaved = interleaved != 0;
  r.is_3d = x.size() == 3;
  r.batch = x[0];
  if (r.at.is_microsoft && turned == 0 && heads == 0 && r.is_3d && !cos.empty() && cos.back() > 0) {
    heads = x[2] / (2 * cos.back());  // a head turns whole
  }
  if (r.is_3d) {
    if (heads < 1 || x[2] % heads != 0) {
      return InvalidArgument("attribute 'num_heads' is " + std::to_string(heads) +
                             ", which does not divide " + std::to_string(x[2]));
    }
    r.heads = heads;
    r.length = x[1];
    r.size = x[2] / heads;
  } else {
    r.heads = x[1];
    r.length = x[2];
    r.size = x[3];
  }
  r.turned = turned > 0 ? turned : r.size;
  if (r.turned > r.size || r.turned % 2 != 0) {
    return InvalidArgument("attribute 'rotary_embedding_dim' is " + std::to_string(r.turned) +
                           " for heads of " + std::to_string(r.size));
  }
  r.has_positions = context.HasInput(r.at.positions);
  const int64_t rows = r.batch * r.length;
  bool fits = cos == context.InputShape(r.at.sin) && !cos.empty() && cos.back() == r.turned / 2;
  if (r.has_positions) {
    const int64_t n = ShapeProduct(context.InputShape(r.at.positions));
    r.one_position = r.at.is_microsoft && n == 1;
    fits = fits && cos.size() == 2;
    if (IsMultimodal(context)) {
      WNN_ASSIGN_OR_RETURN(r.axes, ReadAxes(context));
      const auto pairs = static_cast<int64_t>(r.axes.size());
      fits = fits && pairs == r.turned / 2 && n == 3 * rows;
    } else {
      fits = fits && (n == rows || r.one_position);
    }
  } else {
    fits = fits && ShapeProduct(cos) == rows * cos.back();
  }
  if (!fits) {
    return InvalidArgument("the cache " + context.Input(r.at.cos).ToString() + " does not fit " +
                           context.Input(r.at.x).ToString() + " or its positions");
  }
  r.cache_rows = cos[0];
  return CompiledPtr(std::make_unique<RotaryOp>(std::move(r)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "RotaryEmbedding",
     .since_version = 23,
     .inputs = {3, 4},
     .infer = InferRotary,
     .compile = CompileRotary},
    {.domain = kMicrosoftDomain,
     .name = "MRotaryEmbedding",
     .inputs = {4, 4},
     .infer = InferRotary,
     .compile = CompileRotary},
    {.domain = kMicrosoftDomain,
     .name = "RotaryEmbedding",
     .inputs = {4, 4},
     .infer = InferRotary,
     .compile = CompileRotary},
});

}  // namespace

std::span<const OpDef> RotaryEmbeddingOps() { return kOps; }

}  // namespace wnn::ops
