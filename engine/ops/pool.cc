// MaxPool, AveragePool and their global forms.
#include "engine/kernels/reference/pool.h"

#include <array>

#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"
#include "engine/ops/window_attributes.h"

namespace wnn::ops {
namespace {

using MaxTypes =
    kernels::Types<float, double, kernels::Float16, kernels::Bfloat16, int8_t, uint8_t>;
constexpr TypeSet kMaxTypes = {DType::kFloat,    DType::kDouble, DType::kFloat16,
                               DType::kBfloat16, DType::kInt8,   DType::kUint8};
bool IsMax(const OpContext& context) {
  return context.op_type() == "MaxPool" || context.op_type() == "GlobalMaxPool";
}

Status RequirePoolInput(const OpContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, IsMax(context) ? kMaxTypes : kFloatSet));
  return context.RequireRank(0, 3, kernels::kMaxSpatialRank + 2);
}

Status InferPool(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequirePoolInput(context));
  const Fact& x = context.Input(0);
  if (!x.has_rank) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    context.SetOutput(1, Fact::Unranked(DType::kInt64));
    return OkStatus();
  }
  std::span<const Dim> spatial(x.dims.begin() + 2, x.dims.end());
  WNN_ASSIGN_OR_RETURN(WindowAttributes attributes,
                       ParseWindowAttributes(context, spatial.size(), {}));
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> out, WindowOutputDims(attributes, spatial));
  std::vector<Dim> dims = {x.dims[0], x.dims[1]};
  dims.insert(dims.end(), out.begin(), out.end());
  context.SetOutput(0, Fact::Ranked(x.dtype, dims));
  context.SetOutput(1, Fact::Ranked(DType::kInt64, std::move(dims)));
  return OkStatus();
}

Status InferGlobalPool(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequirePoolInput(context));
  const Fact& x = context.Input(0);
  if (!x.has_rank) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    return OkStatus();
  }
  std::vector<Dim> dims(x.rank(), graph::KnownDim(1));
  dims[0] = x.dims[0];
  dims[1] = x.dims[1];
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

template <typename T>
class MaxPoolOp final : public CompiledOp {
 public:
  MaxPoolOp(const kernels::Window& window, int64_t n_planes, bool column_major)
      : window_(window), n_planes_(n_planes), column_major_(column_major) {}
  Status Run(const RunArgs& args) const override {
    int64_t* indices = args.out<int64_t>(1);
    if constexpr (sizeof(T) == 1) {
      if (indices == nullptr && kernels::ByteMaxPoolFits(window_)) {
        kernels::ByteMaxPool(window_, n_planes_, args.in<T>(0), args.out<T>(0), *args.parallel);
        return OkStatus();
      }
    }
    kernels::MaxPoolReference(window_, n_planes_, args.in<T>(0), args.out<T>(0), indices,
                              *args.parallel);
    if (indices != nullptr && column_major_) MakeColumnMajor(indices);
    return OkStatus();
  }

 private:
  // storage_order = 1: indices count the spatial dimensions from the first one on.
  void MakeColumnMajor(int64_t* indices) const {
    const auto& in = window_.in;
    for (int64_t i = 0; i < n_planes_ * window_.out_size(); ++i) {
      const int64_t plane = indices[i] / window_.in_size(), at = indices[i] % window_.in_size();
      const int64_t d = at / (in[1] * in[2]), h = at / in[2] % in[1], w = at % in[2];
      indices[i] = plane * window_.in_size() + d + in[0] * (h + in[1] * w);
    }
  }

  const kernels::Window window_;
  const int64_t n_planes_;
  const bool column_major_;
};

template <typename T>
class AveragePoolOp final : public CompiledOp {
 public:
  AveragePoolOp(const kernels::Window& window, int64_t n_planes, bool count_padding)
      : window_(window), n_planes_(n_planes), count_padding_(count_padding) {}
  Status Run(const RunArgs& args) const override {
    kernels::AveragePoolReference(window_, n_planes_, count_padding_, args.in<T>(0), args.out<T>(0),
                                  *args.parallel);
    return OkStatus();
  }

 private:
  const kernels::Window window_;
  const int64_t n_planes_;
  const bool count_padding_;
};

using CompiledPtr = std::unique_ptr<const CompiledOp>;

CompiledPtr MakeMaxPool(DType dtype, const kernels::Window& window, int64_t n_planes,
                        bool column_major) {
  return kernels::Visit(dtype, MaxTypes(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<MaxPoolOp<T>>(window, n_planes, column_major);
  });
}

CompiledPtr MakeAveragePool(DType dtype, const kernels::Window& window, int64_t n_planes,
                            bool count_padding) {
  return kernels::Visit(dtype, kernels::FloatTypes(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<AveragePoolOp<T>>(window, n_planes, count_padding);
  });
}

Result<CompiledPtr> CompilePool(const CompileContext& context) {
  Shape x = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(WindowAttributes attributes,
                       ParseWindowAttributes(context, x.size() - 2, {}));
  WNN_ASSIGN_OR_RETURN(kernels::Window window, MakeWindow(attributes, std::span(x).subspan(2)));
  if (IsMax(context)) {
    WNN_ASSIGN_OR_RETURN(int64_t column_major, context.attributes().Int("storage_order", 0));
    return MakeMaxPool(context.InputType(0), window, x[0] * x[1], column_major != 0);
  }
  WNN_ASSIGN_OR_RETURN(int64_t count_padding, context.attributes().Int("count_include_pad", 0));
  return MakeAveragePool(context.InputType(0), window, x[0] * x[1], count_padding != 0);
}

// A global pool is a pool whose one window is the whole plane, whatever its rank.
Result<CompiledPtr> CompileGlobalPool(const CompileContext& context) {
  Shape x = context.InputShape(0);
  kernels::Window window;
  window.in[2] = window.kernel[2] = ShapeProduct(std::span(x).subspan(2));
  if (IsMax(context)) return MakeMaxPool(context.InputType(0), window, x[0] * x[1], false);
  return MakeAveragePool(context.InputType(0), window, x[0] * x[1], false);
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "MaxPool", .outputs = {1, 2}, .infer = InferPool, .compile = CompilePool},
    {.name = "AveragePool", .infer = InferPool, .compile = CompilePool},
    {.name = "GlobalMaxPool", .infer = InferGlobalPool, .compile = CompileGlobalPool},
    {.name = "GlobalAveragePool", .infer = InferGlobalPool, .compile = CompileGlobalPool},
});

}  // namespace

std::span<const OpDef> PoolOps() { return kOps; }

}  // namespace wnn::ops
