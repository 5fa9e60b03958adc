// ONNX Runtime's GatherBlockQuantized: Gather from a table whose blocks along one axis have a scale
// each. The table is of integers below a byte, of 8-bit or 4-bit floats, or of bytes that hold
// integers of 2, 4 or 8 bits along the last axis.
#include <algorithm>
#include <array>
#include <vector>

#include "engine/kernels/reference/number_io.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/integer_rows.h"
#include "engine/ops/quantized.h"
#include "engine/ops/real_types.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kData = 0, kIndices = 1, kScales = 2, kZeros = 3;
constexpr TypeSet kIntegers = {DType::kUint8, DType::kInt4, DType::kUint4};
constexpr TypeSet kFloats = {DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2,
                             DType::kFloat8E5M2FNUZ, DType::kFloat4E2M1};
constexpr TypeSet kTableTypes = {DType::kUint8,          DType::kInt4,           DType::kUint4,
                                 DType::kFloat8E4M3FN,   DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2,
                                 DType::kFloat8E5M2FNUZ, DType::kFloat4E2M1};

struct Table {
  std::vector<Dim> dims;  // of its numbers, however they are stored
  int64_t bits = 8;       // of those that bytes hold
  int64_t block = 0;      // 0: the whole axis
  size_t gather_axis = 0, block_axis = 0;
};

// REQUIRES: the table has a rank.
Result<Table> ReadTable(const OpContext& context) {
  const graph::Attributes& a = context.attributes();
  const Fact& data = context.Input(kData);
  Table table;
  table.dims = data.dims;
  WNN_ASSIGN_OR_RETURN(const int64_t gather_axis, a.Int("gather_axis", 0));
  WNN_ASSIGN_OR_RETURN(const int64_t block_axis, a.Int("quantize_axis", 1));
  WNN_ASSIGN_OR_RETURN(table.gather_axis, NormalizeAxis(gather_axis, data.rank()));
  WNN_ASSIGN_OR_RETURN(table.block_axis, NormalizeAxis(block_axis, data.rank()));
  WNN_ASSIGN_OR_RETURN(table.block, a.Int("block_size", 128));
  const bool is_whole = table.block == 0 && kFloats.Has(data.dtype);
  if (!is_whole && (table.block < 16 || (table.block & (table.block - 1)) != 0)) {
    return InvalidArgument("attribute 'block_size' is " + std::to_string(table.block) +
                           ", not a power of two of at least 16");
  }
  if (data.dtype != DType::kUint8) return table;
  WNN_ASSIGN_OR_RETURN(table.bits, a.Int("bits", 4));
  if (table.bits != 2 && table.bits != 4 && table.bits != 8) {
    return InvalidArgument("attribute 'bits' is " + std::to_string(table.bits) + ", not 2, 4 or 8");
  }
  if (table.gather_axis != 0 || table.block_axis + 1 != data.rank() || data.rank() < 2) {
    return InvalidArgument(
        "attributes 'gather_axis' and 'quantize_axis' of a table of bytes are not its first and "
        "last axis");
  }
  Dim& last = table.dims.back();
  if (IsKnown(last)) {
    if (last.value > INT64_MAX / 8) return InvalidArgument("the table is too large");
    last = graph::KnownDim(last.value * (8 / table.bits));
  }
  return table;
}

Status InferGather(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(kData, kTableTypes));
  WNN_RETURN_IF_ERROR(context.RequireType(kIndices, kIndexSet));
  WNN_RETURN_IF_ERROR(context.RequireType(kScales, kRealSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(kData, kZeros));
  const Fact &data = context.Input(kData), &indices = context.Input(kIndices),
             &scales = context.Input(kScales);
  if (context.HasInput(kZeros) && !kIntegers.Has(data.dtype)) {
    return InvalidArgument("input 3: a table of floats has no zero points");
  }
  if (!data.has_rank || !indices.has_rank) {
    context.SetOutput(0, Fact::Unranked(scales.dtype));
    return OkStatus();
  }
  if (data.rank() == 0) return InvalidArgument("input 0, the table, is a scalar");
  WNN_ASSIGN_OR_RETURN(const Table table, ReadTable(context));
  const auto at = static_cast<std::ptrdiff_t>(table.gather_axis);
  std::vector<Dim> dims(table.dims.begin(), table.dims.begin() + at);
  dims.insert(dims.end(), indices.dims.begin(), indices.dims.end());
  dims.insert(dims.end(), table.dims.begin() + at + 1, table.dims.end());
  context.SetOutput(0, Fact::Ranked(scales.dtype, std::move(dims)));
  return OkStatus();
}

class GatherBlocksOp final : public CompiledOp {
 public:
  struct Parameters {
    DType data = DType::kUndefined, indices = DType::kUndefined, scales = DType::kUndefined;
    int64_t bits = 8;
    AxisView gather;  // of the table
    AxisView blocks;  // of the table, by the axis that has blocks
    int64_t block = 1;
    int64_t n_indices = 0;
    // By dimension: of the table, and between the scales of neighbours, 0 where one serves all.
    std::vector<int64_t> extents, scale_strides;
    size_t block_axis = 0;
    int64_t zero_row = 0;  // zero points of a row of blocks, those that pad a byte too
  };
  explicit GatherBlocksOp(Parameters p) : p_(std::move(p)) {}

  Status Run(const RunArgs& run) const override {
    // Pieces of a run that lies together in the table.
    const int64_t inner = p_.gather.inner;
    const int64_t n = p_.gather.outer * p_.n_indices * inner;
    kernels::ForRanges(*run.parallel, n, kernels::kElementsPerTask / 16,
                       [&](int64_t begin, int64_t end) {
                         while (begin < end) {
                           const int64_t at = begin / inner, first = begin % inner;
                           const int64_t count = std::min(end - begin, inner - first);
                           Piece(run, at, first, count, begin);
                           begin += count;
                         }
                       });
    return OkStatus();
  }

 private:
  static constexpr int64_t kAtOnce = 256;

  // `count` numbers from `first` on of run `at` of the output, whose element `y` is the first.
  void Piece(const RunArgs& run, int64_t at, int64_t first, int64_t count, int64_t y) const {
    const int64_t extent = p_.gather.extent, i = at % p_.n_indices;
    int64_t index = p_.indices == DType::kInt64 ? run.in<int64_t>(kIndices)[i]
                                                : int64_t{run.in<int32_t>(kIndices)[i]};
    if (index < 0) index += extent;
    const bool is_in = index >= 0 && index < extent;  // else zeros, as in ONNX Runtime
    int64_t from = is_in ? (at / p_.n_indices * extent + index) * p_.gather.inner + first : 0;
    std::array<double, kAtOnce> numbers{};
    for (; count > 0; count -= kAtOnce, from += kAtOnce, y += kAtOnce) {
      const int64_t n = std::min(count, kAtOnce);
      if (is_in) {
        Read(run.inputs[kData], from, n, numbers.data());
        for (int64_t j = 0; j < n; ++j) {
          double& x = numbers[static_cast<size_t>(j)];
          x = (static_cast<float>(x) - ZeroOf(run, from + j)) * ScaleOf(run, from + j);
        }
      }
      kernels::WriteNumbers(p_.scales, numbers.data(), y, n, {}, run.outputs[0]);
    }
  }

  void Read(const std::byte* data, int64_t first, int64_t n, double* to) const {
    if (p_.data != DType::kUint8) return kernels::ReadNumbers(p_.data, data, first, n, to);
    for (int64_t i = 0; i < n; ++i) to[i] = IntegerAt(data, first + i, p_.bits);
  }

  float ScaleOf(const RunArgs& run, int64_t at) const {
    if (p_.scales == DType::kFloat) return run.in<float>(kScales)[ScaleIndex(at)];
    double scale = 0;
    kernels::ReadNumbers(p_.scales, run.inputs[kScales], ScaleIndex(at), 1, &scale);
    return static_cast<float>(scale);
  }

  // Where the scale of element `at` of the table is.
  int64_t ScaleIndex(int64_t at) const {
    int64_t scale = 0;
    for (size_t d = p_.extents.size(); d-- > 0;) {
      const int64_t i = at % p_.extents[d];
      at /= p_.extents[d];
      scale += (d == p_.block_axis ? i / p_.block : i) * p_.scale_strides[d];
    }
    return scale;
  }

  float ZeroOf(const RunArgs& run, int64_t at) const {
    const std::byte* zeros = run.in<std::byte>(kZeros);
    if (p_.data != DType::kUint8) {
      double zero = 0;
      if (zeros != nullptr) kernels::ReadNumbers(p_.data, zeros, ScaleIndex(at), 1, &zero);
      return static_cast<float>(zero);
    }
    if (zeros == nullptr) return static_cast<float>(1 << (p_.bits - 1));
    const int64_t row = at / p_.blocks.extent, block = at % p_.blocks.extent / p_.block;
    return static_cast<float>(IntegerAt(zeros, row * p_.zero_row + block, p_.bits));
  }

  const Parameters p_;
};

Result<CompiledPtr> CompileGather(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(const Table table, ReadTable(context));
  GatherBlocksOp::Parameters p;
  for (const Dim& dim : table.dims) p.extents.push_back(dim.value);
  p.data = context.InputType(kData);
  p.indices = context.InputType(kIndices);
  p.scales = context.InputType(kScales);
  p.bits = table.bits;
  p.gather = ViewAxis(p.extents, table.gather_axis);
  p.blocks = ViewAxis(p.extents, table.block_axis);
  p.block_axis = table.block_axis;
  p.block = table.block > 0 ? table.block : std::max<int64_t>(p.blocks.extent, 1);
  p.n_indices = ShapeProduct(context.InputShape(kIndices));
  const int64_t n_blocks = (p.blocks.extent + p.block - 1) / p.block;
  const Shape scales = context.InputShape(kScales);
  bool fits = scales.size() == p.extents.size();
  p.scale_strides.resize(p.extents.size());
  for (size_t d = 0; fits && d < p.extents.size(); ++d) {
    const int64_t wanted = d == table.block_axis ? n_blocks : p.extents[d];
    const bool broadcasts = scales[d] == 1 && d != table.block_axis && kFloats.Has(p.data);
    fits = scales[d] == wanted || broadcasts;
    p.scale_strides[d] = scales[d] == 1 ? 0 : ShapeProduct(std::span(scales).subspan(d + 1));
  }
  if (!fits) {
    return InvalidArgument("input 2, scales " + context.Input(kScales).ToString() +
                           ", does not fit the table " + context.Input(kData).ToString() +
                           " in blocks of " + std::to_string(p.block));
  }
  if (context.HasInput(kZeros)) {
    Shape wanted = scales;
    if (p.data == DType::kUint8) {
      wanted.back() = (n_blocks * p.bits + 7) / 8;
      p.zero_row = wanted.back() * 8 / p.bits;
    }
    if (context.InputShape(kZeros) != wanted) {
      return InvalidArgument("input 3, zero points " + context.Input(kZeros).ToString() +
                             ", are not of shape " + ShapeToString(wanted));
    }
  }
  if (IsEmpty(context.OutputShape(0))) return CompiledPtr(std::make_unique<EmptyOp>());
  return CompiledPtr(std::make_unique<GatherBlocksOp>(std::move(p)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "GatherBlockQuantized",
     .inputs = {3, 4},
     .infer = InferGather,
     .compile = CompileGather},
});

}  // namespace

std::span<const OpDef> GatherQuantizedOps() { return kOps; }

}  // namespace wnn::ops
