// Operators that keep some of many candidates: NonMaxSuppression, Unique.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "engine/base/stoppable_sort.h"
#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/strided_copy.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

constexpr size_t kBoxes = 0, kScores = 1, kMaxBoxes = 2, kIouThreshold = 3, kScoreThreshold = 4;

Status InferNonMaxSuppression(InferContext& context) {
  for (size_t i : {kBoxes, kScores, kIouThreshold, kScoreThreshold}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, {DType::kFloat}));
  }
  WNN_RETURN_IF_ERROR(context.RequireType(kMaxBoxes, {DType::kInt64}));
  WNN_RETURN_IF_ERROR(context.RequireRank(kBoxes, 3, 3));
  WNN_RETURN_IF_ERROR(context.RequireRank(kScores, 3, 3));
  const Fact &boxes = context.Input(kBoxes), &scores = context.Input(kScores);
  auto differ = [](const Dim& a, const Dim& b) {
    return IsKnown(a) && IsKnown(b) && a.value != b.value;
  };
  if (boxes.has_rank && scores.has_rank &&
      (differ(boxes.dims[0], scores.dims[0]) || differ(boxes.dims[1], scores.dims[2]) ||
       differ(boxes.dims[2], graph::KnownDim(4)))) {
    return InvalidArgument("boxes " + boxes.ToString() + " and scores " + scores.ToString() +
                           " do not fit");
  }
  for (size_t i : {kMaxBoxes, kIouThreshold, kScoreThreshold}) {
    if (!context.HasInput(i) || !context.Input(i).IsConcrete()) continue;
    if (ShapeProduct(context.Input(i).ConcreteShape()) != 1) {
      return InvalidArgument("input " + std::to_string(i) + " is not one number");
    }
  }
  context.SetOutput(0, Fact::Ranked(DType::kInt64, {Dim(), graph::KnownDim(3)}));
  return OkStatus();
}

// Corners in order.
struct Box {
  float y0 = 0, x0 = 0, y1 = 0, x1 = 0;
  float area() const { return (y1 - y0) * (x1 - x0); }
};

Box BoxOf(const float* data, bool by_centre) {
  if (by_centre) {
    const float half_width = data[2] / 2, half_height = data[3] / 2;
    return {data[1] - half_height, data[0] - half_width, data[1] + half_height,
            data[0] + half_width};
  }
  return {std::min(data[0], data[2]), std::min(data[1], data[3]), std::max(data[0], data[2]),
          std::max(data[1], data[3])};
}

float IntersectionOverUnion(const Box& a, const Box& b) {
  const float height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  const float width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  if (!(height > 0) || !(width > 0) || !(a.area() > 0) || !(b.area() > 0)) return 0;
  const float intersection = height * width;
  return intersection / (a.area() + b.area() - intersection);
}

Status EvaluateNonMaxSuppression(EvaluateContext& context) {
  const auto boxes = context.InputElements<float>(kBoxes);
  const auto scores = context.InputElements<float>(kScores);
  const Shape& shape = context.InputTensor(kScores).shape();
  const int64_t batches = shape[0], classes = shape[1];
  const size_t n = static_cast<size_t>(shape[2]);
  const auto max_boxes = context.InputElements<int64_t>(kMaxBoxes);
  const auto iou_threshold = context.InputElements<float>(kIouThreshold);
  const auto score_threshold = context.InputElements<float>(kScoreThreshold);
  const size_t limit = max_boxes.empty() || max_boxes[0] <= 0
                           ? 0
                           : static_cast<size_t>(std::min<int64_t>(max_boxes[0], shape[2]));
  const float overlap = iou_threshold.empty() ? 0.0f : iou_threshold[0];
  WNN_ASSIGN_OR_RETURN(int64_t by_centre, context.attributes().Int("center_point_box", 0));

  std::vector<int64_t> selected;  // triples
  std::vector<size_t> order;
  std::vector<Box> kept;
  MemoryCharge memory(context.budget());
  // Vectors double as they grow.
  const auto charge = [&] {
    return memory.Resize(2 * (n * sizeof(size_t) + selected.size() * sizeof(int64_t)) +
                         2 * limit * sizeof(Box));
  };
  for (int64_t row = 0; row < batches * classes && limit > 0; ++row) {
    const float* row_scores = scores.data() + static_cast<size_t>(row) * n;
    const float* row_boxes = boxes.data() + static_cast<size_t>(row / classes) * n * 4;
    order.clear();
    WNN_RETURN_IF_ERROR(charge());
    WNN_RETURN_IF_ERROR(context.stop().Check());
    for (size_t i = 0; i < n; ++i) {
      if (row_scores[i] != row_scores[i]) continue;
      if (score_threshold.empty() || row_scores[i] >= score_threshold[0]) order.push_back(i);
    }
    StoppableSort(order.data(), static_cast<int64_t>(order.size()), 8, context.parallel(),
                  [&](size_t a, size_t b) {
                    return row_scores[a] != row_scores[b] ? row_scores[a] > row_scores[b] : a < b;
                  });
    kept.clear();
    for (size_t i : order) {
      if (kept.size() == limit) break;
      WNN_RETURN_IF_ERROR(context.stop().Check());
      const Box box = BoxOf(row_boxes + i * 4, by_centre != 0);
      const bool overlaps = std::any_of(kept.begin(), kept.end(), [&](const Box& other) {
        return IntersectionOverUnion(box, other) > overlap;
      });
      if (overlaps) continue;
      kept.push_back(box);
      if (kept.size() % 4096 == 0) WNN_RETURN_IF_ERROR(charge());
      selected.insert(selected.end(), {row / classes, row % classes, static_cast<int64_t>(i)});
    }
  }
  WNN_ASSIGN_OR_RETURN(
      Tensor out, context.Allocate(DType::kInt64, {static_cast<int64_t>(selected.size() / 3), 3}));
  std::copy(selected.begin(), selected.end(), reinterpret_cast<int64_t*>(out.bytes().data()));
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

Status InferUnique(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kAllSet));
  const Fact& in = context.Input(0);
  Fact out = Fact::Ranked(in.dtype, {Dim()});
  if (context.attributes().Has("axis")) {
    out = Fact::Unranked(in.dtype);
    if (in.has_rank) {
      WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().RequiredInt("axis"));
      WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, in.rank()));
      std::vector<Dim> dims = in.dims;
      dims[axis] = Dim();
      out = Fact::Ranked(in.dtype, std::move(dims));
    }
  }
  context.SetOutput(0, std::move(out));
  for (size_t i : {1, 2, 3}) context.SetOutput(i, Fact::Ranked(DType::kInt64, {Dim()}));
  return OkStatus();
}

// Up to so many integers, in the budget, not touched before they are added.
class Integers {
 public:
  static Result<Integers> Create(int64_t capacity, const std::shared_ptr<MemoryBudget>& budget) {
    Integers made;
    WNN_ASSIGN_OR_RETURN(made.memory_, Tensor::Allocate(DType::kInt64, {capacity}, budget));
    return made;
  }
  void Add(int64_t value) { data()[n_++] = value; }
  // Of `n` integers, to be set.
  void SetSize(int64_t n) { n_ = n; }
  int64_t size() const { return n_; }
  int64_t* data() const { return reinterpret_cast<int64_t*>(memory_.bytes().data()); }
  int64_t& operator[](int64_t i) const { return data()[i]; }

 private:
  Tensor memory_;
  int64_t n_ = 0;
};

// The distinct items along an axis, in the order of the output.
struct Distinct {
  static Result<Distinct> Create(int64_t n_items, const std::shared_ptr<MemoryBudget>& budget) {
    Distinct made;
    WNN_ASSIGN_OR_RETURN(made.first, Integers::Create(n_items, budget));
    WNN_ASSIGN_OR_RETURN(made.inverse, Integers::Create(n_items, budget));
    WNN_ASSIGN_OR_RETURN(made.counts, Integers::Create(n_items, budget));
    made.inverse.SetSize(n_items);
    return made;
  }

  Integers first;    // where each occurs first
  Integers inverse;  // of every item, which one it is
  Integers counts;
};

// -1, 0 or 1. NaN follows all numbers and equals itself.
template <typename T>
int CompareElements(T a, T b) {
  const auto x = kernels::Widen(a), y = kernels::Widen(b);
  if (x < y) return -1;
  if (y < x) return 1;
  if (x == y) return 0;
  const bool x_nan = x != x, y_nan = y != y;
  return x_nan == y_nan ? 0 : x_nan ? 1 : -1;
}

// By first occurrence instead of by value. Ends early, with something, once the run is stopped.
Result<Distinct> InOrderOfOccurrence(const Distinct& found, const EvaluateContext& context) {
  Parallel& parallel = context.parallel();
  const int64_t n = found.first.size();
  WNN_ASSIGN_OR_RETURN(Integers order, Integers::Create(n, context.budget()));
  WNN_ASSIGN_OR_RETURN(Integers place, Integers::Create(n, context.budget()));
  WNN_ASSIGN_OR_RETURN(Distinct reordered,
                       Distinct::Create(found.inverse.size(), context.budget()));
  StopCheck check(parallel);
  for (int64_t i = 0; i < n; ++i) {
    if (check.Stopped(1)) return reordered;
    order.Add(i);
  }
  StoppableSort(order.data(), n, 8, parallel,
                [&](int64_t a, int64_t b) { return found.first[a] < found.first[b]; });
  if (check.Stopped(StopCheck::kPeriod)) return reordered;
  for (int64_t i = 0; i < n; ++i) {
    if (check.Stopped(8)) return reordered;
    reordered.first.Add(found.first[order[i]]);
    reordered.counts.Add(found.counts[order[i]]);
    place[order[i]] = i;
  }
  for (int64_t i = 0; i < found.inverse.size(); ++i) {
    if (check.Stopped(8)) return reordered;
    reordered.inverse[i] = place[found.inverse[i]];
  }
  return reordered;
}

// By value, or by first occurrence. Ends early, with something, once the run is stopped.
template <typename T>
Result<Distinct> FindDistinct(const T* data, const AxisView& view, bool sorted,
                              const EvaluateContext& context) {
  Parallel& parallel = context.parallel();
  WNN_ASSIGN_OR_RETURN(Integers items, Integers::Create(view.extent, context.budget()));
  WNN_ASSIGN_OR_RETURN(Distinct found, Distinct::Create(view.extent, context.budget()));
  StopCheck check(parallel);
  auto compare = [&](int64_t a, int64_t b) {
    for (int64_t outer = 0; outer < view.outer; ++outer) {
      const T* x = data + (outer * view.extent + a) * view.inner;
      const T* y = data + (outer * view.extent + b) * view.inner;
      for (int64_t i = 0; i < view.inner; ++i) {
        if (check.Stopped(4)) return 0;
        if (const int order = CompareElements(x[i], y[i]); order != 0) return order;
      }
    }
    return 0;
  };
  for (int64_t i = 0; i < view.extent; ++i) {
    if (check.Stopped(1)) return found;
    items.Add(i);
  }
  StoppableSort(items.data(), view.extent, 4 * view.outer * view.inner + 4, parallel,
                [&](int64_t a, int64_t b) {
                  const int order = compare(a, b);
                  return order != 0 ? order < 0 : a < b;
                });
  if (check.Stopped(StopCheck::kPeriod)) return found;
  // Groups of equal items, each led by its first occurrence.
  for (int64_t i = 0; i < items.size(); ++i) {
    if (check.Stopped(8)) return found;
    if (i == 0 || compare(items[i - 1], items[i]) != 0) {
      found.first.Add(items[i]);
      found.counts.Add(0);
    }
    const int64_t group = found.first.size() - 1;
    ++found.counts[group];
    found.inverse[items[i]] = group;
  }
  if (sorted) return found;
  return InOrderOfOccurrence(found, context);
}

Status SetIntegers(EvaluateContext& context, size_t i, const Integers& values) {
  if (!context.HasOutput(i)) return OkStatus();
  WNN_ASSIGN_OR_RETURN(Tensor out, context.Allocate(DType::kInt64, {values.size()}));
  kernels::CopyBytes(out.bytes().data(), reinterpret_cast<const std::byte*>(values.data()),
                     static_cast<int64_t>(out.bytes().size()), context.parallel());
  context.SetOutput(i, std::move(out));
  return context.stop().Check();
}

Status EvaluateUnique(EvaluateContext& context) {
  const Tensor& in = context.InputTensor(0);
  Shape shape = {in.n_elements()};
  size_t axis = 0;
  if (context.attributes().Has("axis")) {
    shape = in.shape();
    WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().RequiredInt("axis"));
    WNN_ASSIGN_OR_RETURN(axis, NormalizeAxis(wanted, shape.size()));
  }
  WNN_ASSIGN_OR_RETURN(int64_t sorted, context.attributes().Int("sorted", 1));
  const AxisView view = ViewAxis(shape, axis);
  Distinct found;
  WNN_RETURN_IF_ERROR(kernels::Visit(in.dtype(), kernels::AllTypes(), [&]<typename T>() -> Status {
    WNN_ASSIGN_OR_RETURN(found, FindDistinct(reinterpret_cast<const T*>(in.bytes().data()), view,
                                             sorted != 0, context));
    return OkStatus();
  }));
  WNN_RETURN_IF_ERROR(context.stop().Check());
  shape[axis] = found.first.size();
  WNN_ASSIGN_OR_RETURN(Tensor out, context.Allocate(in.dtype(), std::move(shape)));
  const size_t run_bytes = static_cast<size_t>(view.inner) * DTypeBits(in.dtype()) / 8;
  std::byte* to = out.bytes().data();
  StopCheck check(context.parallel());
  for (int64_t outer = 0; outer < view.outer && run_bytes > 0; ++outer) {
    for (int64_t i = 0; i < found.first.size(); ++i) {
      const int64_t item = found.first[i];
      if (check.Stopped(static_cast<int64_t>(run_bytes / 8) + 2)) return context.stop().Check();
      const size_t run = static_cast<size_t>(outer * view.extent + item);
      std::memcpy(to, in.bytes().data() + run * run_bytes, run_bytes);
      to += run_bytes;
    }
  }
  context.SetOutput(0, std::move(out));
  WNN_RETURN_IF_ERROR(SetIntegers(context, 1, found.first));
  WNN_RETURN_IF_ERROR(SetIntegers(context, 2, found.inverse));
  return SetIntegers(context, 3, found.counts);
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "NonMaxSuppression",
     .since_version = 10,
     .inputs = {2, 5},
     .infer = InferNonMaxSuppression,
     .evaluate = EvaluateNonMaxSuppression},
    {.name = "Unique",
     .since_version = 11,
     .outputs = {1, 4},
     .infer = InferUnique,
     .evaluate = EvaluateUnique,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
});

}  // namespace

std::span<const OpDef> DetectionOps() { return kOps; }

}  // namespace wnn::ops
