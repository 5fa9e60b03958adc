// Matrix products of 8-bit integers: MatMulInteger and QLinearMatMul, and of ONNX Runtime
// MatMulIntegerToFloat, DynamicQuantizeMatMul and QGemm.
#include <array>
#include <cstring>

#include "engine/base/first_touch.h"
#include "engine/kernels/quantized/quad_gemm.h"
#include "engine/kernels/quantized/quantize.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// Where an operator has its inputs; kNone where it has none of the kind.
constexpr size_t kNone = SIZE_MAX;
struct Layout {
  std::string_view op;
  size_t a = 0, b = 1, a_scale = kNone, b_scale = kNone, a_zero = kNone, b_zero = kNone;
  size_t bias = kNone, y_scale = kNone, y_zero = kNone;
  bool quantizes_a = false;  // A is float, and quantised with the range that it has
  bool float_bias = true;    // else in units of a_scale * b_scale
};
constexpr Layout kLayouts[] = {
    {.op = "MatMulInteger", .a_zero = 2, .b_zero = 3},
    {.op = "QLinearMatMul",
     .b = 3,
     .a_scale = 1,
     .b_scale = 4,
     .a_zero = 2,
     .b_zero = 5,
     .y_scale = 6,
     .y_zero = 7},
    {.op = "MatMulIntegerToFloat", .a_scale = 2, .b_scale = 3, .a_zero = 4, .b_zero = 5, .bias = 6},
    {.op = "DynamicQuantizeMatMul", .b_scale = 2, .b_zero = 3, .bias = 4, .quantizes_a = true},
    {.op = "QGemm",
     .b = 3,
     .a_scale = 1,
     .b_scale = 4,
     .a_zero = 2,
     .b_zero = 5,
     .bias = 6,
     .y_scale = 7,
     .y_zero = 8,
     .float_bias = false},
};

const Layout& LayoutOf(const OpContext& context) {
  for (const Layout& layout : kLayouts) {
    if (layout.op == context.op_type()) return layout;
  }
  return kLayouts[0];
}

// The output's type, by what the operator is given.
DType OutputType(const OpContext& context, const Layout& at) {
  if (context.HasInput(at.y_zero)) return context.Input(at.y_zero).dtype;
  if (context.HasInput(at.y_scale)) return DType::kUint8;
  return context.HasInput(at.b_scale) ? DType::kFloat : DType::kInt32;
}

struct Transposes {
  bool a = false, b = false;
};
Result<Transposes> ReadTransposes(const OpContext& context) {
  if (context.op_type() != "QGemm") return Transposes{};
  WNN_ASSIGN_OR_RETURN(int64_t a, context.attributes().Int("transA", 0));
  WNN_ASSIGN_OR_RETURN(int64_t b, context.attributes().Int("transB", 0));
  return Transposes{a != 0, b != 0};
}

// Zero points of rows or columns: one, one of each, or one of each of every matrix of the batch.
Status CheckTerms(const OpContext& context, size_t i, const Fact& matrix, bool rows) {
  if (!context.HasInput(i) || !context.Input(i).IsConcrete() || !matrix.IsConcrete()) {
    return OkStatus();
  }
  const Shape shape = matrix.ConcreteShape();
  const int64_t count = ShapeProduct(context.Input(i).ConcreteShape());
  const size_t axis = rows ? shape.size() - std::min<size_t>(shape.size(), 2) : shape.size() - 1;
  const int64_t extent = shape.size() < 2 ? 1 : shape[axis];
  const int64_t batch =
      shape.size() < 2 ? 1 : ShapeProduct(std::span(shape).first(shape.size() - 2));
  if (count == 1 || count == extent || count == extent * batch) return OkStatus();
  return InvalidArgument("input " + std::to_string(i) + ", " + context.Input(i).ToString() +
                         ", does not have one number for each " + (rows ? "row" : "column") +
                         " of " + matrix.ToString());
}

Status InferQuantizedMatMul(InferContext& context) {
  const Layout& at = LayoutOf(context);
  WNN_RETURN_IF_ERROR(context.RequireType(
      at.a, at.quantizes_a ? TypeSet{DType::kFloat} : TypeSet{DType::kInt8, DType::kUint8}));
  WNN_RETURN_IF_ERROR(context.RequireType(at.b, kByteSet));
  if (!at.quantizes_a) WNN_RETURN_IF_ERROR(context.RequireSameType(at.a, at.a_zero));
  WNN_RETURN_IF_ERROR(context.RequireSameType(at.b, at.b_zero));
  for (size_t i : {at.a_scale, at.b_scale, at.y_scale}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, {DType::kFloat, DType::kFloat16, DType::kBfloat16}));
    WNN_RETURN_IF_ERROR(context.RequireSameType(at.b_scale, i));
  }
  WNN_RETURN_IF_ERROR(
      context.RequireType(at.bias, {at.float_bias ? DType::kFloat : DType::kInt32}));
  WNN_RETURN_IF_ERROR(context.RequireType(at.y_zero, kByteSet));
  const DType dtype = OutputType(context, at);
  const Fact &a = context.Input(at.a), &b = context.Input(at.b);
  if (!a.has_rank || !b.has_rank) {
    context.SetOutput(0, Fact::Unranked(dtype));
    return OkStatus();
  }
  if (a.rank() == 0 || b.rank() == 0) {
    return InvalidArgument("inputs " + a.ToString() + " and " + b.ToString() +
                           " do not multiply: one has rank 0");
  }
  WNN_ASSIGN_OR_RETURN(Transposes t, ReadTransposes(context));
  if ((t.a && a.rank() != 2) || (t.b && b.rank() != 2)) {
    return InvalidArgument("only matrices can be transposed");
  }
  const Dim& a_k = t.a ? a.dims[0] : a.dims.back();
  const Dim& b_k = t.b ? b.dims[1] : b.dims[b.rank() == 1 ? 0 : b.rank() - 2];
  if (IsKnown(a_k) && IsKnown(b_k) && a_k.value != b_k.value) {
    return InvalidArgument("inputs " + a.ToString() + " and " + b.ToString() +
                           " do not multiply: their inner dimensions differ");
  }
  if (!t.a && !t.b) {
    for (size_t i : {at.a_zero, at.a_scale}) {
      WNN_RETURN_IF_ERROR(CheckTerms(context, i, a, true));
    }
    for (size_t i : {at.b_zero, at.b_scale}) {
      WNN_RETURN_IF_ERROR(CheckTerms(context, i, b, false));
    }
  }
  WNN_ASSIGN_OR_RETURN(
      std::vector<Dim> dims,
      BroadcastDims(std::span(a.dims).first(a.rank() - std::min<size_t>(a.rank(), 2)),
                    std::span(b.dims).first(b.rank() - std::min<size_t>(b.rank(), 2))));
  if (a.rank() > 1) dims.push_back(a.dims[t.a ? 1 : a.rank() - 2]);
  if (b.rank() > 1) dims.push_back(t.b ? b.dims[0] : b.dims.back());
  const Dim n = b.rank() > 1 ? (t.b ? b.dims[0] : b.dims.back()) : graph::KnownDim(1);
  WNN_RETURN_IF_ERROR(RequireCount(context, at.bias, n));
  for (size_t i : {at.y_scale, at.y_zero}) {
    WNN_RETURN_IF_ERROR(RequireCount(context, i, graph::KnownDim(1)));
  }
  context.SetOutput(0, Fact::Ranked(dtype, std::move(dims)));
  return OkStatus();
}

// How many numbers an input has, and how to step through them for a row (column) and a matrix.
struct Terms {
  size_t input = kNone;
  int64_t step = 0;
  int64_t matrix_step = 0;

  Terms() = default;
  Terms(const CompileContext& context, size_t i, int64_t extent) {
    if (!context.HasInput(i)) return;
    input = i;
    const int64_t count = ShapeProduct(context.InputShape(i));
    if (count > 1) step = 1;
    if (count > extent) matrix_step = extent;
  }
  int64_t at(int64_t matrix, int64_t i) const { return matrix * matrix_step + i * step; }
};

class QuantizedMatMulOp final : public CompiledOp {
 public:
  struct Parameters {
    const Layout* at = nullptr;
    int64_t m = 0, n = 0, k = 0;
    Transposes transposed;
    bool a_signed = false, b_signed = false;
    DType out = DType::kInt32;
    float alpha = 1;
    int64_t n_a = 1, n_b = 1;  // matrices
    Terms a_zero, b_zero, a_scale, b_scale, bias;
    kernels::LoopNest<3> batches;  // over matrices of (Y, A, B)
  };

  QuantizedMatMulOp(Parameters p, PackedPtr packed)
      : p_(std::move(p)),
        packed_(std::move(packed)),
        b_bytes_(Aligned(*kernels::QuadMatrixBytes(p_.k, p_.n))) {}

  uint64_t ScratchBytes(int) const override {
    const auto gemm = *kernels::QuadGemmScratchBytes(p_.m, p_.n, p_.k);
    return Aligned(gemm) + 2 * Aligned(RowBytes()) + 4 * Aligned(LaneBytes()) +
           (packed_ ? 0 : b_bytes_) + (p_.at->quantizes_a ? Aligned(ABytes()) : 0);
  }

  Status Run(const RunArgs& run) const override {
    Memory memory{run.scratch};
    Work work;
    work.row_zero = memory.Take<int32_t>(RowBytes());
    work.row_scale = memory.Take<float>(RowBytes());
    work.lane_zero = memory.Take<int32_t>(LaneBytes());
    work.lane_scale = memory.Take<float>(LaneBytes());
    work.lane_bias = memory.Take<float>(LaneBytes());
    work.lane_add = memory.Take<int32_t>(LaneBytes());
    work.gemm = memory.Take<std::byte>(*kernels::QuadGemmScratchBytes(p_.m, p_.n, p_.k));
    std::byte* packed_b = packed_ ? nullptr : memory.Take<std::byte>(b_bytes_);
    const std::byte* a = run.inputs[p_.at->a];
    if (p_.at->quantizes_a) {
      auto* quantized = memory.Take<uint8_t>(ABytes());
      const auto n = static_cast<int64_t>(ABytes());
      const float* floats = run.in<float>(p_.at->a);
      work.dynamic = kernels::DynamicRange(floats, n, *run.parallel);
      kernels::QuantizeTo<uint8_t>(floats, n, work.dynamic.scale, work.dynamic.zero_point,
                                   quantized);
      a = reinterpret_cast<const std::byte*>(quantized);
    }
    const auto& steps = p_.batches.inner_strides();
    int64_t in_scratch = -1;  // which matrix of B
    p_.batches.ForRows(0, p_.batches.n_rows(), [&](const kernels::LoopNest<3>::Offsets& at) {
      for (int64_t i = 0; i < p_.batches.inner_extent(); ++i) {
        const int64_t y_at = at[0] + i * steps[0], a_at = at[1] + i * steps[1],
                      b_at = at[2] + i * steps[2];
        const std::byte* b = packed_b;
        if (packed_) {
          b = packed_->data() + b_at * static_cast<int64_t>(b_bytes_);
        } else if (in_scratch != b_at) {
          PackB(run, b_at, packed_b);
          in_scratch = b_at;
        }
        Multiply(run, work, a, a_at, b, b_at, y_at);
      }
    });
    return OkStatus();
  }

  static uint64_t Aligned(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

 private:
  struct Work {
    int32_t *row_zero, *lane_zero, *lane_add;
    float *row_scale, *lane_scale, *lane_bias;
    std::byte* gemm;
    kernels::DynamicScale dynamic;
  };
  // Hands out scratch memory.
  struct Memory {
    std::byte* at;
    template <typename T>
    T* Take(uint64_t bytes) {
      T* taken = reinterpret_cast<T*>(at);
      at += Aligned(bytes);
      return taken;
    }
  };

  uint64_t RowBytes() const { return static_cast<uint64_t>(p_.m) * 4; }
  uint64_t LaneBytes() const { return static_cast<uint64_t>(kernels::PaddedQuadColumns(p_.n)) * 4; }
  uint64_t ABytes() const { return static_cast<uint64_t>(p_.n_a * p_.m * p_.k); }

  void PackB(const RunArgs& run, int64_t matrix, std::byte* to) const {
    const auto* from = run.in<uint8_t>(p_.at->b) + matrix * p_.k * p_.n;
    kernels::PackQuadMatrix(
        {from, p_.b_signed, p_.transposed.b ? 1 : p_.n, p_.transposed.b ? p_.k : 1}, p_.k, p_.n, to,
        *run.parallel);
  }

  void Multiply(const RunArgs& run, const Work& work, const std::byte* a, int64_t a_at,
                const std::byte* b, int64_t b_at, int64_t y_at) const {
    using Output = kernels::QuadEpilogue::Output;
    const Layout& at = *p_.at;
    kernels::QuadGemmArgs args;
    args.m = p_.m;
    args.n = p_.n;
    args.k = p_.k;
    args.a = {a + a_at * p_.m * p_.k, p_.a_signed, p_.transposed.a ? 1 : p_.k,
              p_.transposed.a ? p_.m : 1};
    args.b = b;
    kernels::QuadEpilogue& e = args.epilogue;
    for (int64_t i = 0; i < p_.m; ++i) {
      const int32_t zero =
          at.quantizes_a ? work.dynamic.zero_point
                         : ZeroPointAt(run, p_.a_zero.input, p_.a_zero.at(a_at, i), p_.a_signed);
      work.row_zero[i] = zero - (p_.a_signed ? 0 : 128);
    }
    e.row_zero = work.row_zero;
    const int64_t lanes = kernels::PaddedQuadColumns(p_.n);
    for (int64_t i = 0; i < lanes; ++i) {
      const int64_t j = p_.b_zero.at(b_at, std::min(i, p_.n - 1));
      work.lane_zero[i] =
          ZeroPointAt(run, p_.b_zero.input, j, p_.b_signed) + (p_.b_signed ? 128 : 0);
    }
    e.lane_zero = work.lane_zero;
    if (p_.out != DType::kInt32) SetScales(run, work, a_at, b_at, e);
    if (p_.bias.input != kNone) {
      for (int64_t i = 0; i < lanes; ++i) {
        const int64_t j = p_.bias.at(0, std::min(i, p_.n - 1));
        if (at.float_bias) {
          work.lane_bias[i] = run.in<float>(p_.bias.input)[j];
        } else {
          work.lane_add[i] = run.in<int32_t>(p_.bias.input)[j];
        }
      }
      if (at.float_bias) {
        e.lane_bias = work.lane_bias;
      } else {
        e.lane_add = work.lane_add;
      }
    }
    const bool y_signed = p_.out == DType::kInt8;
    e.output = p_.out == DType::kInt32   ? Output::kInt32
               : p_.out == DType::kFloat ? Output::kFloat
               : y_signed                ? Output::kInt8
                                         : Output::kUint8;
    e.zero_point = ZeroPointAt(run, at.y_zero, 0, y_signed);
    const int64_t element = p_.out == DType::kInt32 || p_.out == DType::kFloat ? 4 : 1;
    args.c = run.outputs[0] + y_at * p_.m * p_.n * element;
    args.ldc = p_.n;
    kernels::QuadGemm(args, work.gemm, *run.parallel);
  }

  // The scale of a result: a_scale * alpha * b_scale / y_scale. Where one of the two is the same
  // for all results the other takes it in, so that a result is rounded where ONNX Runtime's is.
  void SetScales(const RunArgs& run, const Work& work, int64_t a_at, int64_t b_at,
                 kernels::QuadEpilogue& e) const {
    const float* y_scale = run.in<float>(p_.at->y_scale);
    const float* b_scale = run.in<float>(p_.b_scale.input);
    const bool one_a = p_.a_scale.step == 0, one_b = p_.b_scale.step == 0;
    const auto a_scale = [&](int64_t i) {
      const float scale = p_.at->quantizes_a
                              ? work.dynamic.scale
                              : run.in<float>(p_.a_scale.input)[p_.a_scale.at(a_at, i)];
      return scale * p_.alpha;
    };
    const auto over_y = [&](float scale) { return y_scale != nullptr ? scale / *y_scale : scale; };
    if (one_b || !one_a) {
      for (int64_t i = 0; i < p_.m; ++i) {
        const float scale = a_scale(i);
        work.row_scale[i] = over_y(one_b ? scale * b_scale[p_.b_scale.at(b_at, 0)] : scale);
      }
      e.row_scale = work.row_scale;
    }
    if (one_b) return;
    for (int64_t i = 0; i < kernels::PaddedQuadColumns(p_.n); ++i) {
      const float scale = b_scale[p_.b_scale.at(b_at, std::min(i, p_.n - 1))];
      work.lane_scale[i] = one_a ? over_y(a_scale(0) * scale) : scale;
    }
    e.lane_scale = work.lane_scale;
  }

  const Parameters p_;
  const PackedPtr packed_;
  const uint64_t b_bytes_;
};

Result<CompiledPtr> CompileQuantizedMatMul(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileQuantizedMatMul);
  if (IsEmpty(context.OutputShape(0))) return CompiledPtr(std::make_unique<EmptyOp>());
  QuantizedMatMulOp::Parameters p;
  p.at = &LayoutOf(context);
  WNN_ASSIGN_OR_RETURN(p.transposed, ReadTransposes(context));
  // A vector is a matrix of one row (A) or one column (B), which Y then lacks.
  Shape a = context.InputShape(p.at->a), b = context.InputShape(p.at->b);
  if (a.size() == 1) a.insert(a.begin(), 1);
  if (b.size() == 1) b.push_back(1);
  p.m = p.transposed.a ? a[1] : a[a.size() - 2];
  p.k = p.transposed.a ? a[0] : a.back();
  p.n = p.transposed.b ? b[0] : b.back();
  const int64_t a_rows = p.m;
  a.resize(a.size() - 2);
  b.resize(b.size() - 2);
  p.n_a = ShapeProduct(a);
  p.n_b = ShapeProduct(b);
  if (p.n_b == 1 && !p.transposed.a) {
    // One B for all: the matrices of A are rows of one.
    const Terms zero(context, p.at->a_zero, a_rows), scale(context, p.at->a_scale, a_rows);
    if (zero.step == 0 && scale.step == 0) {
      p.m *= p.n_a;
      p.n_a = 1;
      a.clear();
      b.clear();
    }
  }
  const Shape& batch_shape = context.OutputShape(0);
  Shape batch;
  if (!a.empty() || !b.empty()) {
    batch.assign(batch_shape.begin(),
                 batch_shape.begin() + static_cast<std::ptrdiff_t>(std::max(a.size(), b.size())));
  }
  p.batches = kernels::LoopNest<3>(
      batch, std::array{kernels::DenseStrides(batch), kernels::BroadcastStrides(a, batch),
                        kernels::BroadcastStrides(b, batch)});
  p.a_signed = context.InputType(p.at->a) == DType::kInt8;
  p.b_signed = context.InputType(p.at->b) == DType::kInt8;
  p.out = context.Output(0).dtype;
  WNN_ASSIGN_OR_RETURN(p.alpha, context.attributes().Float("alpha", 1.0f));
  p.a_zero = Terms(context, p.at->a_zero, p.m);
  p.a_scale = Terms(context, p.at->a_scale, p.m);
  p.b_zero = Terms(context, p.at->b_zero, p.n);
  p.b_scale = Terms(context, p.at->b_scale, p.n);
  p.bias = Terms(context, p.at->bias, p.n);
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t scratch,
                       kernels::QuadGemmScratchBytes(p.m, p.n, p.k));
  WNN_ASSIGN_OR_RETURN(size_t b_bytes, kernels::QuadMatrixBytes(p.k, p.n));
  b_bytes = static_cast<size_t>(QuantizedMatMulOp::Aligned(b_bytes));
  PackedPtr packed;
  if (const TensorPtr& constant = context.InputConstant(p.at->b)) {
    const PackKey key = PackKey("quad matrix").Add(p.k, p.n, p.transposed.b);
    WNN_ASSIGN_OR_RETURN(packed, context.Pack(p.at->b, key.key(), [&]() -> Result<AlignedBuffer> {
      WNN_ASSIGN_OR_RETURN(AlignedBuffer buffer,
                           AlignedBuffer::Allocate(b_bytes * static_cast<size_t>(p.n_b)));
      FirstTouch(buffer.bytes(), context.stop());
      for (int64_t i = 0; i < p.n_b; ++i) {
        kernels::PackQuadMatrix({constant->bytes().data() + i * p.k * p.n, p.b_signed,
                                 p.transposed.b ? 1 : p.n, p.transposed.b ? p.k : 1},
                                p.k, p.n, buffer.data() + i * static_cast<int64_t>(b_bytes),
                                context.stop());
      }
      return buffer;
    }));
  }
  return CompiledPtr(std::make_unique<QuantizedMatMulOp>(std::move(p), std::move(packed)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "MatMulInteger",
     .since_version = 10,
     .inputs = {2, 4},
     .infer = InferQuantizedMatMul,
     .compile = CompileQuantizedMatMul},
    {.name = "QLinearMatMul",
     .since_version = 10,
     .inputs = {8, 8},
     .infer = InferQuantizedMatMul,
     .compile = CompileQuantizedMatMul},
    {.domain = kMicrosoftDomain,
     .name = "DynamicQuantizeMatMul",
     .inputs = {3, 5},
     .infer = InferQuantizedMatMul,
     .compile = CompileQuantizedMatMul},
    {.domain = kMicrosoftDomain,
     .name = "MatMulIntegerToFloat",
     .inputs = {4, 7},
     .infer = InferQuantizedMatMul,
     .compile = CompileQuantizedMatMul},
    {.domain = kMicrosoftDomain,
     .name = "QGemm",
     .inputs = {6, 9},
     .infer = InferQuantizedMatMul,
     .compile = CompileQuantizedMatMul},
});

}  // namespace

std::span<const OpDef> QLinearMatMulOps() { return kOps; }

}  // namespace wnn::ops
