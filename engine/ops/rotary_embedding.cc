// RotaryEmbedding, of ai.onnx and of ONNX Runtime.
#include <array>

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
  RotaryInputs at;
};

Status InferRotary(InferContext& context) {
  const RotaryInputs at = InputsOf(context);
  for (size_t i : {at.x, at.cos, at.sin}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kAttentionTypes));
    WNN_RETURN_IF_ERROR(context.RequireSameType(at.x, i));
  }
  WNN_RETURN_IF_ERROR(context.RequireType(at.positions, {DType::kInt64}));
  WNN_RETURN_IF_ERROR(context.RequireRank(at.x, 3, 4));
  WNN_ASSIGN_OR_RETURN(int64_t packed, context.attributes().Int("is_packed_batching", 0));
  WNN_ASSIGN_OR_RETURN(float scale, context.attributes().Float("scale", 1));
  if (packed != 0) return Unsupported("attribute 'is_packed_batching' is not supported");
  if (scale != 1) return Unsupported("attribute 'scale' is not supported");
  return InferSame(context);
}

class RotaryOp final : public CompiledOp {
 public:
  explicit RotaryOp(const Rotary& rotary) : r_(rotary) {}
  Status Run(const RunArgs& run) const override {
    const auto x = HeadsIn(run.in<float>(r_.at.x), r_.is_3d, r_.heads, r_.length, r_.size);
    const auto y = HeadsIn(run.out<float>(0), r_.is_3d, r_.heads, r_.length, r_.size);
    const int64_t* positions = run.in<int64_t>(r_.at.positions);
    const int64_t half = r_.turned / 2, rows = r_.batch * r_.length;
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
        const int64_t at = position(i) * half;
        const float *cos = run.in<float>(r_.at.cos) + at, *sin = run.in<float>(r_.at.sin) + at;
        for (int64_t h = 0; h < r_.heads; ++h) {
          TurnHead(x.at(i / r_.length, h, i % r_.length), cos, sin, r_.turned, r_.size,
                   r_.interleaved, y.at(i / r_.length, h, i % r_.length));
        }
      }
    });
    return OkStatus();
  }

 private:
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
    fits = fits && cos.size() == 2 && (n == rows || r.one_position);
  } else {
    fits = fits && ShapeProduct(cos) == rows * cos.back();
  }
  if (!fits) {
    return InvalidArgument("the cache " + context.Input(r.at.cos).ToString() + " does not fit " +
                           context.Input(r.at.x).ToString());
  }
  r.cache_rows = cos[0];
  return CompiledPtr(std::make_unique<RotaryOp>(r));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "RotaryEmbedding",
     .since_version = 23,
     .inputs = {3, 4},
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
