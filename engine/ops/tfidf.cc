// TfIdfVectorizer: counts n-grams.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "engine/base/checked_math.h"
#include "engine/base/stop_check.h"
#include "engine/kernels/reference/number_io.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/families.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

// The n-grams of the pool as a tree: an edge is one item. Items are numbers; strings have numbers
// of their own, in the order in which the pool first has them.
struct NgramTree {
  enum class Mode : uint8_t { kTf, kIdf, kTfIdf };

  Mode mode = Mode::kTf;
  int64_t min_length = 1, max_length = 1, max_skip = 0;
  int64_t n_outputs = 0;
  std::map<std::string, int64_t, std::less<>> strings;
  std::map<std::pair<int64_t, int64_t>, int64_t> edges;  // (node, item) -> node; 0 is the root
  std::vector<int64_t> outputs;                          // by node; -1: no n-gram ends there
  std::vector<float> weights;                            // by output
};

Result<NgramTree::Mode> ReadMode(const Attributes& attributes) {
  WNN_ASSIGN_OR_RETURN(std::string_view mode, attributes.String("mode", ""));
  if (mode == "TF") return NgramTree::Mode::kTf;
  if (mode == "IDF") return NgramTree::Mode::kIdf;
  if (mode == "TFIDF") return NgramTree::Mode::kTfIdf;
  return InvalidArgument("attribute 'mode' is " + graph::Quoted(mode));
}

// The pool's items as numbers; fills tree.strings.
Result<std::vector<int64_t>> ReadPool(const EvaluateContext& context, NgramTree& tree) {
  const Attributes& attributes = context.attributes();
  StopCheck check(context.parallel());
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> numbers, attributes.Ints("pool_int64s"));
  WNN_ASSIGN_OR_RETURN(std::span<const std::string> strings, attributes.Strings("pool_strings"));
  if (numbers.empty() == strings.empty()) {
    return InvalidArgument("it wants one of the attributes 'pool_int64s' and 'pool_strings'");
  }
  std::vector<int64_t> pool(numbers.begin(), numbers.end());
  for (const std::string& text : strings) {
    if (check.Stopped(200)) return context.stop().Check();
    const int64_t next = static_cast<int64_t>(tree.strings.size());
    pool.push_back(tree.strings.emplace(text, next).first->second);
  }
  return pool;
}

Status AddNgrams(const EvaluateContext& context, std::span<const int64_t> pool, NgramTree& tree) {
  const Attributes& attributes = context.attributes();
  StopCheck check(context.parallel());
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> starts, attributes.Ints("ngram_counts"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> indexes, attributes.Ints("ngram_indexes"));
  tree.outputs = {-1};
  size_t ngram = 0;
  for (size_t i = 0; i < starts.size(); ++i) {
    const int64_t length = static_cast<int64_t>(i) + 1;
    const int64_t size = static_cast<int64_t>(pool.size());
    const int64_t end = i + 1 < starts.size() ? starts[i + 1] : size;
    if (starts[i] < 0 || end < starts[i] || end > size || (end - starts[i]) % length != 0) {
      return InvalidArgument("attribute 'ngram_counts' does not fit a pool of " +
                             std::to_string(size) + " items");
    }
    for (int64_t at = starts[i]; at < end; at += length, ++ngram) {
      if (ngram >= indexes.size()) {
        return InvalidArgument("attribute 'ngram_indexes' has too few values");
      }
      int64_t node = 0;
      for (int64_t k = 0; k < length; ++k) {
        if (check.Stopped(200)) return context.stop().Check();
        const int64_t fresh = static_cast<int64_t>(tree.outputs.size());
        const auto [it, is_new] =
            tree.edges.emplace(std::pair(node, pool[static_cast<size_t>(at + k)]), fresh);
        if (is_new) tree.outputs.push_back(-1);
        node = it->second;
      }
      tree.outputs[static_cast<size_t>(node)] = indexes[ngram];
    }
  }
  return OkStatus();
}

Result<int64_t> CountOutputs(const Attributes& attributes) {
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> indexes, attributes.Ints("ngram_indexes"));
  int64_t last = -1;
  for (int64_t index : indexes) {
    if (index < 0 || index >= graph::kMaxExtent) {
      return InvalidArgument("attribute 'ngram_indexes' has the value " + std::to_string(index));
    }
    last = std::max(last, index);
  }
  return last + 1;
}

Status FillTree(const EvaluateContext& context, NgramTree* tree) {
  const Attributes& attributes = context.attributes();
  WNN_ASSIGN_OR_RETURN(tree->mode, ReadMode(attributes));
  WNN_ASSIGN_OR_RETURN(tree->min_length, attributes.RequiredInt("min_gram_length"));
  WNN_ASSIGN_OR_RETURN(tree->max_length, attributes.RequiredInt("max_gram_length"));
  WNN_ASSIGN_OR_RETURN(tree->max_skip, attributes.RequiredInt("max_skip_count"));
  if (tree->min_length < 1 || tree->max_length < tree->min_length || tree->max_skip < 0) {
    return InvalidArgument("lengths of n-grams from " + std::to_string(tree->min_length) + " to " +
                           std::to_string(tree->max_length) + ", skipping up to " +
                           std::to_string(tree->max_skip));
  }
  WNN_ASSIGN_OR_RETURN(std::vector<int64_t> pool, ReadPool(context, *tree));
  WNN_RETURN_IF_ERROR(AddNgrams(context, pool, *tree));
  WNN_ASSIGN_OR_RETURN(tree->n_outputs, CountOutputs(attributes));
  WNN_ASSIGN_OR_RETURN(std::span<const float> weights, attributes.Floats("weights"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> indexes, attributes.Ints("ngram_indexes"));
  if (!weights.empty()) {
    if (weights.size() != indexes.size()) {
      return InvalidArgument("attribute 'weights' has " + std::to_string(weights.size()) +
                             " values, not " + std::to_string(indexes.size()));
    }
    tree->weights.assign(static_cast<size_t>(tree->n_outputs), 1.0f);
    for (size_t i = 0; i < indexes.size(); ++i) {
      tree->weights[static_cast<size_t>(indexes[i])] = weights[i];
    }
  }
  return OkStatus();
}

Result<std::shared_ptr<const NgramTree>> MakeTree(const EvaluateContext& context) {
  auto tree = std::make_shared<NgramTree>();
  if (Status status = FillTree(context, tree.get()); !status.ok()) {
    MemoryBudget::Discard(context.budget(), std::move(tree));  // which may be large
    return status;
  }
  return std::shared_ptr<const NgramTree>(std::move(tree));
}

Status InferTfIdf(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, {DType::kString, DType::kInt32, DType::kInt64}));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 1, 2));
  WNN_ASSIGN_OR_RETURN(int64_t n_outputs, CountOutputs(context.attributes()));
  const Fact& in = context.Input(0);
  Fact out = Fact::Unranked(DType::kFloat);
  if (in.has_rank) {
    std::vector<Dim> dims = in.dims;
    dims.back() = graph::KnownDim(n_outputs);
    out = Fact::Ranked(DType::kFloat, std::move(dims));
  }
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

// The input's items as the tree numbers them; -1 for a string that is not in the pool.
Result<std::vector<int64_t>> ItemsOf(const EvaluateContext& context, const NgramTree& tree) {
  StopCheck check(context.parallel());
  std::vector<int64_t> items;
  if (const StringTensor* strings = context.InputValue(0).strings()) {
    for (const std::string& text : strings->elements) {
      if (check.Stopped(200)) return context.stop().Check();
      auto it = tree.strings.find(text);
      items.push_back(it != tree.strings.end() ? it->second : -1);
    }
    return items;
  }
  const Tensor& in = context.InputTensor(0);
  items.reserve(static_cast<size_t>(in.n_elements()));
  InSteps(context.parallel(), in.n_elements(), [&](int64_t begin, int64_t end) {
    items.resize(static_cast<size_t>(end));
    kernels::ReadIntegers(in.dtype(), in.bytes().data(), begin, end - begin, items.data() + begin);
  });
  WNN_RETURN_IF_ERROR(context.stop().Check());
  return items;
}

// Adds the n-grams that begin at `start`, their items `step` apart.
void CountFrom(const NgramTree& tree, std::span<const int64_t> row, size_t start, size_t step,
               int64_t min_length, std::span<float> counts) {
  int64_t node = 0, length = 0;
  for (size_t at = start; at < row.size() && length < tree.max_length; at += step) {
    auto it = tree.edges.find({node, row[at]});
    if (it == tree.edges.end()) return;
    node = it->second;
    ++length;
    const int64_t output = tree.outputs[static_cast<size_t>(node)];
    if (length >= min_length && output >= 0) counts[static_cast<size_t>(output)] += 1;
  }
}

Status CountRow(const EvaluateContext& context, const NgramTree& tree, std::span<const int64_t> row,
                std::span<float> counts) {
  StopCheck check(context.parallel());
  int64_t min_length = tree.min_length;
  const int64_t max_step = std::min<int64_t>(tree.max_skip, static_cast<int64_t>(row.size())) + 1;
  for (int64_t step = 1; step <= max_step; ++step) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    for (size_t start = 0; start < row.size(); ++start) {
      if (check.Stopped(100 * std::min<int64_t>(tree.max_length, 1000))) {
        return context.stop().Check();
      }
      CountFrom(tree, row, start, static_cast<size_t>(step), min_length, counts);
    }
    // A single item skips nothing: it counts once.
    min_length = std::max<int64_t>(min_length, 2);
    if (min_length > tree.max_length) break;
  }
  for (size_t i = 0; i < counts.size(); ++i) {
    if (check.Stopped(2)) return context.stop().Check();
    const float weight = tree.weights.empty() ? 1.0f : tree.weights[i];
    if (tree.mode == NgramTree::Mode::kIdf) counts[i] = counts[i] > 0 ? weight : 0;
    if (tree.mode == NgramTree::Mode::kTfIdf) counts[i] *= weight;
  }
  return OkStatus();
}

Status EvaluateTfIdf(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(std::shared_ptr<const NgramTree> tree,
                       context.Prepare<NgramTree>([&] { return MakeTree(context); }));
  // As many as the input has, in the budget as long as they are there.
  WNN_ASSIGN_OR_RETURN(
      const MemoryCharge charge,
      MemoryCharge::Take(
          context.budget(),
          sizeof(int64_t) *
              static_cast<uint64_t>(ElementCount(context.InputValue(0).dims()).value_or(0))));
  WNN_ASSIGN_OR_RETURN(const std::vector<int64_t> items, ItemsOf(context, *tree));
  const Shape shape = context.OutputFact(0).ConcreteShape();
  const size_t n_rows = shape.size() == 2 ? static_cast<size_t>(shape[0]) : 1;
  const size_t n_columns = n_rows == 0 ? 0 : items.size() / n_rows;
  WNN_ASSIGN_OR_RETURN(Tensor out, context.Allocate(DType::kFloat, shape));
  float* counts = reinterpret_cast<float*>(out.bytes().data());
  const size_t n_outputs = static_cast<size_t>(tree->n_outputs);
  InSteps(context.parallel(), static_cast<int64_t>(n_rows * n_outputs),
          [&](int64_t begin, int64_t end) { std::fill(counts + begin, counts + end, 0.0f); });
  for (size_t r = 0; r < n_rows; ++r) {
    WNN_RETURN_IF_ERROR(CountRow(context, *tree, std::span(items).subspan(r * n_columns, n_columns),
                                 {counts + r * n_outputs, n_outputs}));
  }
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "TfIdfVectorizer", .since_version = 9, .infer = InferTfIdf, .evaluate = EvaluateTfIdf},
});

}  // namespace

std::span<const OpDef> TfIdfOps() { return kOps; }

}  // namespace wnn::ops
