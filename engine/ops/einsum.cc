// Einsum: a chain of matrix products, each of two terms made dense for it.
#include <algorithm>
#include <array>
#include <map>

#include "engine/base/checked_math.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/kernels/reference/reduce.h"
#include "engine/ops/einsum_equation.h"
#include "engine/ops/families.h"
#include "engine/ops/product_batch.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
using Labels = std::vector<EinsumLabel>;
using Extents = std::map<EinsumLabel, Dim>;

bool Has(const Labels& labels, EinsumLabel label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// The extent of every label; 1 broadcasts.
Result<Extents> LabelExtents(const OpContext& context, const EinsumEquation& equation) {
  Extents extents;
  for (size_t i = 0; i < equation.inputs.size(); ++i) {
    const Fact& fact = context.Input(i);
    for (size_t d = 0; d < fact.rank(); ++d) {
      auto [it, is_new] = extents.emplace(equation.inputs[i][d], fact.dims[d]);
      if (is_new) continue;
      const Dim pair[] = {it->second, fact.dims[d]};
      WNN_ASSIGN_OR_RETURN(std::vector<Dim> both,
                           BroadcastDims(std::span(pair, 1), std::span(pair + 1, 1)));
      it->second = both[0];
    }
  }
  return extents;
}

Status InferEinsum(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kNumericSet));
  const DType dtype = context.Input(0).dtype;
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    WNN_RETURN_IF_ERROR(context.RequireSameType(0, i));
    if (context.Input(i).has_rank) continue;
    context.SetOutput(0, Fact::Unranked(dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(EinsumEquation equation, ReadEinsumEquation(context));
  WNN_ASSIGN_OR_RETURN(Extents extents, LabelExtents(context, equation));
  std::vector<Dim> dims;
  for (EinsumLabel label : equation.output) dims.push_back(extents.at(label));
  context.SetOutput(0, Fact::Ranked(dtype, std::move(dims)));
  return OkStatus();
}

// Where a step's operand lies.
struct Place {
  enum class Kind { kInput, kBuffer, kOutput } kind = Kind::kInput;
  size_t input = 0;
  int64_t offset = 0;  // kBuffer: elements into the scratch memory
};

// A tensor by its labels: each once, with a stride.
struct Term {
  Place place;
  Labels labels;
  std::map<EinsumLabel, int64_t> strides;
};

struct SumStep {
  Place from, to;
  kernels::LoopNest<2> kept;  // over (to, from)
  kernels::LoopNest<1> reduced;
};
struct ProductStep {
  Place a, b, to;
  ProductSize size;
};
struct Step {
  bool is_product = false;
  SumStep sum;
  ProductStep product;
};

// Makes the steps for one equation and concrete extents.
class Planner {
 public:
  Planner(const EinsumEquation& equation, std::map<EinsumLabel, int64_t> extents)
      : equation_(equation), extents_(std::move(extents)) {}

  Status Run(const CompileContext& context) {
    std::vector<Term> terms;
    for (size_t i = 0; i < equation_.inputs.size(); ++i) {
      terms.push_back(InputTerm(i, context.InputShape(i)));
    }
    Term result = std::move(terms[0]);
    for (size_t i = 1; i < terms.size(); ++i) {
      // What later terms and the output still need.
      Labels needed = equation_.output;
      for (size_t k = i + 1; k < terms.size(); ++k) {
        needed.insert(needed.end(), terms[k].labels.begin(), terms[k].labels.end());
      }
      WNN_ASSIGN_OR_RETURN(result, Multiply(result, terms[i], needed));
    }
    WNN_ASSIGN_OR_RETURN(Term last, MakeDense(result, equation_.output, true));
    return OkStatus();
  }

  std::vector<Step> TakeSteps() { return std::move(steps_); }
  int64_t buffer_size() const { return buffer_size_; }

 private:
  int64_t ExtentOf(EinsumLabel label) const { return extents_.at(label); }
  Shape ShapeOf(const Labels& labels) const {
    Shape shape;
    for (EinsumLabel label : labels) shape.push_back(ExtentOf(label));
    return shape;
  }

  Term InputTerm(size_t i, const Shape& shape) const {
    Term term;
    term.place = {Place::Kind::kInput, i, 0};
    const std::vector<int64_t> dense = kernels::DenseStrides(shape);
    for (size_t d = 0; d < shape.size(); ++d) {
      const EinsumLabel label = equation_.inputs[i][d];
      if (!Has(term.labels, label)) term.labels.push_back(label);
      // A label that is there twice walks along the diagonal; an extent of 1 is repeated.
      if (shape[d] != 1) term.strides[label] += dense[d];
    }
    return term;
  }

  Result<Place> NewBuffer(const Labels& labels) {
    const auto count = ElementCount(ShapeOf(labels));
    const auto total = count ? CheckedAdd(buffer_size_, *count + 15) : std::nullopt;
    if (!total || *total > graph::kMaxExtent) {
      return TooLarge("an intermediate result of the equation is too large");
    }
    Place place{Place::Kind::kBuffer, 0, buffer_size_};
    buffer_size_ = *total / 16 * 16;
    return place;
  }

  bool IsDense(const Term& term, const Labels& labels) const {
    if (term.labels.size() != labels.size()) return false;
    int64_t stride = 1;
    for (size_t i = labels.size(); i-- > 0;) {
      const int64_t extent = ExtentOf(labels[i]);
      const auto it = term.strides.find(labels[i]);
      if (!Has(term.labels, labels[i])) return false;
      if (extent != 1 && (it == term.strides.end() || it->second != stride)) return false;
      stride *= extent;
    }
    return true;
  }

  Term DenseTerm(Place place, const Labels& labels) const {
    Term term;
    term.place = place;
    term.labels = labels;
    const std::vector<int64_t> dense = kernels::DenseStrides(ShapeOf(labels));
    for (size_t i = 0; i < labels.size(); ++i) term.strides[labels[i]] = dense[i];
    return term;
  }

  // The term with these labels in this order, every other one summed up. A label that the term
  // lacks repeats it.
  Result<Term> MakeDense(const Term& term, const Labels& labels, bool to_output) {
    if (IsDense(term, labels)) {
      if (!to_output) return term;
      if (term.place.kind == Place::Kind::kBuffer) {
        Step& last = steps_.back();
        (last.is_product ? last.product.to : last.sum.to).kind = Place::Kind::kOutput;
        return term;
      }
    }
    Step step;
    step.sum.from = term.place;
    step.sum.to.kind = Place::Kind::kOutput;
    if (!to_output) {
      WNN_ASSIGN_OR_RETURN(step.sum.to, NewBuffer(labels));
    }
    auto stride_of = [&](EinsumLabel label) {
      const auto it = term.strides.find(label);
      return it == term.strides.end() ? int64_t{0} : it->second;
    };
    std::vector<int64_t> kept, reduced;
    Labels rest;
    for (EinsumLabel label : labels) kept.push_back(stride_of(label));
    for (EinsumLabel label : term.labels) {
      if (Has(labels, label)) continue;
      rest.push_back(label);
      reduced.push_back(stride_of(label));
    }
    const Shape shape = ShapeOf(labels);
    step.sum.kept = kernels::LoopNest<2>(shape, std::array{kernels::DenseStrides(shape), kept});
    step.sum.reduced = kernels::LoopNest<1>(ShapeOf(rest), std::array{reduced});
    const Place to = step.sum.to;
    steps_.push_back(std::move(step));
    return DenseTerm(to, labels);
  }

  Result<Term> Multiply(const Term& a, const Term& b, const Labels& needed) {
    Labels batch, rows, columns, inner;
    for (EinsumLabel label : a.labels) {
      if (Has(b.labels, label)) {
        (Has(needed, label) ? batch : inner).push_back(label);
      } else if (Has(needed, label)) {
        rows.push_back(label);
      }
    }
    for (EinsumLabel label : b.labels) {
      if (!Has(a.labels, label) && Has(needed, label)) columns.push_back(label);
    }
    auto join = [](Labels first, const Labels& second, const Labels& third) {
      first.insert(first.end(), second.begin(), second.end());
      first.insert(first.end(), third.begin(), third.end());
      return first;
    };
    WNN_ASSIGN_OR_RETURN(Term left, MakeDense(a, join(batch, rows, inner), false));
    WNN_ASSIGN_OR_RETURN(Term right, MakeDense(b, join(batch, inner, columns), false));
    const Labels result = join(batch, rows, columns);
    Step step;
    step.is_product = true;
    step.product.a = left.place;
    step.product.b = right.place;
    WNN_ASSIGN_OR_RETURN(step.product.to, NewBuffer(result));
    step.product.size.m = ShapeProduct(ShapeOf(rows));
    step.product.size.k = ShapeProduct(ShapeOf(inner));
    step.product.size.n = ShapeProduct(ShapeOf(columns));
    step.product.size.count = ShapeProduct(ShapeOf(batch));
    const Place to = step.product.to;
    steps_.push_back(std::move(step));
    return DenseTerm(to, result);
  }

  const EinsumEquation& equation_;
  const std::map<EinsumLabel, int64_t> extents_;
  std::vector<Step> steps_;
  int64_t buffer_size_ = 0;
};

template <typename T>
class EinsumOp final : public CompiledOp {
 public:
  EinsumOp(std::vector<Step> steps, int64_t buffer_size)
      : steps_(std::move(steps)), buffer_size_(buffer_size) {
    for (const Step& step : steps_) {
      products_.push_back(step.is_product ? ProductBatch<T>(step.product.size) : ProductBatch<T>());
    }
  }

  uint64_t ScratchBytes(int n_threads) const override {
    uint64_t most = 0;
    for (const ProductBatch<T>& product : products_) {
      most = std::max(most, product.ScratchBytes(n_threads));
    }
    return CheckedAdd(BufferBytes(), most).value_or(UINT64_MAX);
  }

  Status Run(const RunArgs& args) const override {
    for (size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].is_product) {
        const ProductStep& p = steps_[i].product;
        products_[i].Run(Resolve(args, p.a), Resolve(args, p.b), Resolve(args, p.to),
                         args.scratch + BufferBytes(), *args.parallel);
      } else {
        const SumStep& s = steps_[i].sum;
        kernels::Reduce<T, kernels::SumReducer<T>>(s.kept, s.reduced, 1, Resolve(args, s.from),
                                                   Resolve(args, s.to), *args.parallel);
      }
    }
    return OkStatus();
  }

 private:
  uint64_t BufferBytes() const {
    return (static_cast<uint64_t>(buffer_size_) * sizeof(T) + 63) / 64 * 64;
  }

  T* Resolve(const RunArgs& args, const Place& place) const {
    switch (place.kind) {
      case Place::Kind::kInput: return const_cast<T*>(args.in<T>(place.input));  // only read
      case Place::Kind::kBuffer: return reinterpret_cast<T*>(args.scratch) + place.offset;
      case Place::Kind::kOutput: return args.out<T>(0);
    }
    return nullptr;
  }

  const std::vector<Step> steps_;
  const int64_t buffer_size_;
  std::vector<ProductBatch<T>> products_;  // one a step; empty for the others
};

Result<CompiledPtr> CompileEinsum(const CompileContext& context) {
  const DType dtype = context.InputType(0);
  if (dtype == DType::kFloat16 || dtype == DType::kBfloat16) {
    return CompileWidened(context, CompileEinsum);
  }
  WNN_ASSIGN_OR_RETURN(EinsumEquation equation, ReadEinsumEquation(context));
  WNN_ASSIGN_OR_RETURN(Extents dims, LabelExtents(context, equation));
  std::map<EinsumLabel, int64_t> extents;
  for (const auto& [label, dim] : dims) extents[label] = dim.value;
  Planner planner(equation, std::move(extents));
  WNN_RETURN_IF_ERROR(planner.Run(context));
  std::vector<Step> steps = planner.TakeSteps();
  using Types = kernels::Types<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t,
                               uint32_t, uint64_t>;
  return kernels::Visit(dtype, Types(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<EinsumOp<T>>(std::move(steps), planner.buffer_size());
  });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Einsum",
     .since_version = 12,
     .inputs = {1, kVariadic},
     .infer = InferEinsum,
     .compile = CompileEinsum},
});

}  // namespace

std::span<const OpDef> EinsumOps() { return kOps; }

}  // namespace wnn::ops
