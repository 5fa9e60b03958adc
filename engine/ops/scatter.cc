// Operators that write elements by index into a copy of their input: ScatterElements (and its old
// name Scatter), ScatterND.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/binary.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/kernels/reference/strided_copy.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
constexpr size_t kData = 0, kIndices = 1, kUpdates = 2;

enum class Reduction { kNone, kAdd, kMul, kMin, kMax };

Result<Reduction> ReadReduction(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view word, context.attributes().String("reduction", "none"));
  if (word == "none") return Reduction::kNone;
  if (word == "add") return Reduction::kAdd;
  if (word == "mul") return Reduction::kMul;
  if (word == "min") return Reduction::kMin;
  if (word == "max") return Reduction::kMax;
  return InvalidArgument("attribute 'reduction' is " + graph::Quoted(word) +
                         ", not none, add, mul, min or max");
}

// target = target (op) update.
template <typename T>
void Combine(Reduction reduction, T* target, T update) {
  if constexpr (std::is_same_v<T, bool>) {
    *target = update;
  } else {
    const auto a = kernels::Widen(*target), b = kernels::Widen(update);
    switch (reduction) {
      case Reduction::kNone: *target = update; return;
      case Reduction::kAdd: *target = kernels::Narrow<T>(kernels::Add()(a, b)); return;
      case Reduction::kMul: *target = kernels::Narrow<T>(kernels::Mul()(a, b)); return;
      case Reduction::kMin: *target = kernels::Narrow<T>(kernels::Min()(a, b)); return;
      case Reduction::kMax: *target = kernels::Narrow<T>(kernels::Max()(a, b)); return;
    }
  }
}

int64_t ReadIndex(DType dtype, const std::byte* indices, int64_t i) {
  if (dtype == DType::kInt64) return reinterpret_cast<const int64_t*>(indices)[i];
  return reinterpret_cast<const int32_t*>(indices)[i];
}

Status OutOfRange(int64_t index, int64_t extent) {
  return RuntimeError("index " + std::to_string(index) + " is outside an axis of " +
                      std::to_string(extent));
}

// The output starts as the data. Never in the data's own memory: updates may be a view of it.
void CopyData(const RunArgs& args, size_t bytes) {
  kernels::CopyBytes(args.outputs[0], args.inputs[kData], static_cast<int64_t>(bytes),
                     *args.parallel);
}

// Updates are applied one after the other: with repeated indices their order is the result.
template <typename T>
class ScatterElementsOp final : public CompiledOp {
 public:
  struct Geometry {
    kernels::LoopNest<2> nest;  // over (updates, data without its axis)
    int64_t n_data = 0;
    int64_t axis_stride = 1;
    int64_t extent = 1;
    DType index_type = DType::kInt64;
    Reduction reduction = Reduction::kNone;
  };
  explicit ScatterElementsOp(Geometry geometry) : g_(std::move(geometry)) {}

  Status Run(const RunArgs& args) const override {
    CopyData(args, static_cast<size_t>(g_.n_data) * sizeof(T));
    const T* updates = args.in<T>(kUpdates);
    T* out = args.out<T>(0);
    Status status;
    StopCheck check(*args.parallel);
    const auto& strides = g_.nest.inner_strides();
    g_.nest.ForRows(0, g_.nest.n_rows(), [&](const kernels::LoopNest<2>::Offsets& at) {
      for (int64_t i = 0; i < g_.nest.inner_extent() && status.ok(); ++i) {
        if (check.Stopped(4)) return;
        const int64_t update = at[0] + i * strides[0];
        const int64_t given = ReadIndex(g_.index_type, args.inputs[kIndices], update);
        const int64_t index = given < 0 ? given + g_.extent : given;
        if (index < 0 || index >= g_.extent) {
          status = OutOfRange(given, g_.extent);
          return;
        }
        Combine(g_.reduction, out + at[1] + i * strides[1] + index * g_.axis_stride,
                updates[update]);
      }
    });
    return status;
  }

 private:
  const Geometry g_;
};

Status InferScatterElements(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(kData, kAllSet));
  WNN_RETURN_IF_ERROR(context.RequireType(kIndices, kIndexSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(kData, kUpdates));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] Reduction reduction, ReadReduction(context));
  const Fact &data = context.Input(kData), &indices = context.Input(kIndices),
             &updates = context.Input(kUpdates);
  if (data.has_rank && indices.has_rank && updates.has_rank) {
    WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", 0));
    WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, data.rank()));
    bool fits = data.rank() == indices.rank() && indices.rank() == updates.rank();
    for (size_t d = 0; fits && d < data.rank(); ++d) {
      const Dim &i = indices.dims[d], &u = updates.dims[d], &x = data.dims[d];
      fits = (!IsKnown(i) || !IsKnown(u) || i.value == u.value) &&
             (d == axis || !IsKnown(i) || !IsKnown(x) || i.value <= x.value);
    }
    if (!fits) {
      return InvalidArgument("indices " + indices.ToString() + " and updates " +
                             updates.ToString() + " do not fit data " + data.ToString());
    }
  }
  return InferSame(context);
}

Result<CompiledPtr> CompileScatterElements(const CompileContext& context) {
  const Shape data = context.InputShape(kData), updates = context.InputShape(kUpdates);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", 0));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, data.size()));
  WNN_ASSIGN_OR_RETURN(Reduction reduction, ReadReduction(context));
  std::vector<int64_t> strides = kernels::DenseStrides(data);
  const int64_t axis_stride = strides[axis];
  strides[axis] = 0;
  return kernels::Visit(
      context.InputType(kData), kernels::AllTypes(), [&]<typename T>() -> CompiledPtr {
        typename ScatterElementsOp<T>::Geometry g;
        g.nest = kernels::LoopNest<2>(updates, std::array{kernels::DenseStrides(updates), strides});
        g.n_data = ShapeProduct(data);
        g.axis_stride = axis_stride;
        g.extent = data[axis];
        g.index_type = context.InputType(kIndices);
        g.reduction = reduction;
        return std::make_unique<ScatterElementsOp<T>>(std::move(g));
      });
}

// Each row of the indices names a slice of the data that takes the next slice of the updates.
template <typename T>
class ScatterNdOp final : public CompiledOp {
 public:
  struct Geometry {
    int64_t n_data = 0;
    int64_t n_rows = 0;
    int64_t slice_size = 1;
    std::vector<int64_t> extents;  // of the indexed dimensions
    Reduction reduction = Reduction::kNone;
  };
  explicit ScatterNdOp(Geometry geometry) : g_(std::move(geometry)) {}

  Status Run(const RunArgs& args) const override {
    CopyData(args, static_cast<size_t>(g_.n_data) * sizeof(T));
    const int64_t* index = args.in<int64_t>(kIndices);
    const T* update = args.in<T>(kUpdates);
    StopCheck check(*args.parallel);
    for (int64_t row = 0; row < g_.n_rows; ++row) {
      int64_t slice = 0;
      for (int64_t extent : g_.extents) {
        const int64_t given = *index++;
        const int64_t at = given < 0 ? given + extent : given;
        if (at < 0 || at >= extent) return OutOfRange(given, extent);
        slice = slice * extent + at;
      }
      T* target = args.out<T>(0) + slice * g_.slice_size;
      for (int64_t i = 0; i < g_.slice_size; ++i) {
        if (check.Stopped(4)) return OkStatus();
        Combine(g_.reduction, target + i, *update++);
      }
    }
    return OkStatus();
  }

 private:
  const Geometry g_;
};

Status InferScatterNd(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(kData, kAllSet));
  WNN_RETURN_IF_ERROR(context.RequireType(kIndices, {DType::kInt64}));
  WNN_RETURN_IF_ERROR(context.RequireSameType(kData, kUpdates));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] Reduction reduction, ReadReduction(context));
  const Fact &data = context.Input(kData), &indices = context.Input(kIndices),
             &updates = context.Input(kUpdates);
  if (data.IsConcrete() && indices.IsConcrete() && updates.IsConcrete()) {
    const Shape d = data.ConcreteShape(), i = indices.ConcreteShape();
    const int64_t depth = i.empty() ? 0 : i.back();
    if (depth < 1 || depth > static_cast<int64_t>(d.size())) {
      return InvalidArgument("indices " + indices.ToString() + " do not fit data " +
                             data.ToString());
    }
    Shape expected(i.begin(), i.end() - 1);
    expected.insert(expected.end(), d.begin() + static_cast<std::ptrdiff_t>(depth), d.end());
    if (updates.ConcreteShape() != expected) {
      return InvalidArgument("updates " + updates.ToString() + " are not of the shape " +
                             ShapeToString(expected));
    }
  }
  return InferSame(context);
}

Result<CompiledPtr> CompileScatterNd(const CompileContext& context) {
  const Shape data = context.InputShape(kData), indices = context.InputShape(kIndices);
  WNN_ASSIGN_OR_RETURN(Reduction reduction, ReadReduction(context));
  const size_t depth = static_cast<size_t>(indices.back());
  std::span<const int64_t> d(data), i(indices);
  return kernels::Visit(
      context.InputType(kData), kernels::AllTypes(), [&]<typename T>() -> CompiledPtr {
        typename ScatterNdOp<T>::Geometry g;
        g.n_data = ShapeProduct(data);
        g.n_rows = ShapeProduct(i.first(i.size() - 1));
        g.slice_size = ShapeProduct(d.subspan(depth));
        g.extents.assign(d.begin(), d.begin() + static_cast<std::ptrdiff_t>(depth));
        g.reduction = reduction;
        return std::make_unique<ScatterNdOp<T>>(std::move(g));
      });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Scatter",
     .since_version = 9,
     .last_version = 10,
     .inputs = {3, 3},
     .infer = InferScatterElements,
     .compile = CompileScatterElements,
     .string_inputs = 0b101,
     .string_outputs = 0b1},
    {.name = "ScatterElements",
     .since_version = 11,
     .inputs = {3, 3},
     .infer = InferScatterElements,
     .compile = CompileScatterElements,
     .string_inputs = 0b101,
     .string_outputs = 0b1},
    {.name = "ScatterND",
     .since_version = 11,
     .inputs = {3, 3},
     .infer = InferScatterNd,
     .compile = CompileScatterNd,
     .string_inputs = 0b101,
     .string_outputs = 0b1},
});

}  // namespace

std::span<const OpDef> ScatterOps() { return kOps; }

}  // namespace wnn::ops
