// ai.onnx.ml's ensembles of trees: TreeEnsemble, TreeEnsembleClassifier, TreeEnsembleRegressor.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <set>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/number_io.h"
#include "engine/kernels/trees.h"
#include "engine/ops/families.h"
#include "engine/ops/ml_scores.h"
#include "engine/ops/places.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
using kernels::TreeAggregate;
using kernels::TreeEnsemble;
using kernels::TreeMode;
using kernels::TreeNode;

constexpr TypeSet kInputs = {DType::kFloat, DType::kDouble, DType::kInt32, DType::kInt64,
                             DType::kFloat16};
constexpr TypeSet kComputed = {DType::kFloat, DType::kDouble, DType::kInt32, DType::kInt64};

// Numbers of attribute `name`, a list of floats, or of `name`_as_tensor; or of a tensor `name`.
Result<std::vector<double>> ReadDoubles(const OpContext& context, const std::string& name) {
  const graph::AttributeValue* value = context.attributes().Find(name);
  const bool is_list = value != nullptr && std::holds_alternative<std::vector<float>>(*value);
  if (is_list) {
    WNN_ASSIGN_OR_RETURN(std::span<const float> floats, context.attributes().Floats(name));
    return std::vector<double>(floats.begin(), floats.end());
  }
  WNN_ASSIGN_OR_RETURN(TensorPtr tensor, context.attributes().TensorValue(
                                             value != nullptr ? name : name + "_as_tensor"));
  if (tensor == nullptr) return std::vector<double>();
  if (!kernels::IsNumber(tensor->dtype())) {
    return InvalidArgument("attribute '" + name + "' is no tensor of numbers");
  }
  std::vector<double> numbers(static_cast<size_t>(tensor->n_elements()));
  kernels::ReadNumbers(tensor->dtype(), tensor->bytes().data(), 0, tensor->n_elements(),
                       numbers.data());
  return numbers;
}

Status Malformed(const std::string& what) {
  return InvalidArgument("the trees are malformed: " + what);
}

// Orders nodes so that children follow their parents, which also finds cycles: the nodes of a walk
// from the roots, each met once.
class TreeBuilder {
 public:
  struct RawNode {
    TreeNode node;  // without children
    bool is_leaf = false;
    int64_t yes = -1, no = -1;  // raw nodes, or raw leaves
    bool yes_is_leaf = false, no_is_leaf = false;
  };

  explicit TreeBuilder(TreeEnsemble& trees) : trees_(trees) {}

  // `leaf_of` says which leaf a raw leaf is.
  Status Build(const std::vector<RawNode>& raw, std::span<const int64_t> roots,
               std::span<const int32_t> leaf_of) {
    std::vector<uint8_t> met(raw.size(), 0);
    struct Pending {
      int64_t raw;
      int32_t parent;  // -1: a root
      bool is_yes;
    };
    std::vector<Pending> stack;
    const auto link = [&](int32_t parent, bool is_yes, int32_t child) {
      if (parent < 0) {
        trees_.roots.push_back(child);
      } else {
        trees_.nodes[static_cast<size_t>(parent)].next[is_yes ? 1 : 0] = child;
      }
    };
    for (const int64_t root : roots) {
      stack.push_back({root, -1, false});
      while (!stack.empty()) {
        const Pending next = stack.back();
        stack.pop_back();
        if (next.raw < 0 || next.raw >= static_cast<int64_t>(raw.size())) {
          return Malformed("a child is missing");
        }
        const auto at = static_cast<size_t>(next.raw);
        if (raw[at].is_leaf) {
          link(next.parent, next.is_yes, -1 - leaf_of[at]);
          continue;
        }
        if (met[at]++ != 0) return Malformed("a node has two parents");
        const auto made = static_cast<int32_t>(trees_.nodes.size());
        trees_.nodes.push_back(raw[at].node);
        link(next.parent, next.is_yes, made);
        for (const bool is_yes : {false, true}) {
          const int64_t child = is_yes ? raw[at].yes : raw[at].no;
          if (is_yes ? raw[at].yes_is_leaf : raw[at].no_is_leaf) {
            if (child < 0 || child >= static_cast<int64_t>(trees_.leaves.size())) {
              return Malformed("a leaf is missing");
            }
            link(made, is_yes, static_cast<int32_t>(-1 - child));
          } else {
            stack.push_back({child, made, is_yes});
          }
        }
      }
    }
    return OkStatus();
  }

 private:
  TreeEnsemble& trees_;
};

Result<TreeMode> ModeOf(std::string_view name) {
  struct Mode {
    std::string_view name;
    TreeMode mode;
  };
  constexpr Mode kModes[] = {{"BRANCH_LEQ", TreeMode::kLeq}, {"BRANCH_LT", TreeMode::kLt},
                             {"BRANCH_GTE", TreeMode::kGte}, {"BRANCH_GT", TreeMode::kGt},
                             {"BRANCH_EQ", TreeMode::kEq},   {"BRANCH_NEQ", TreeMode::kNeq}};
  for (const Mode& mode : kModes) {
    if (mode.name == name) return mode.mode;
  }
  return InvalidArgument("attribute 'nodes_modes' has " + graph::Quoted(name));
}

bool IsClassifier(const OpContext& context) {
  return context.op_type() == "TreeEnsembleClassifier";
}

// The attributes of the classifier and the regressor before version 5.
Result<TreeEnsemble> ReadOldTrees(const CompileContext& context, int64_t n_targets) {
  const graph::Attributes& a = context.attributes();
  const std::string kind = IsClassifier(context) ? "class_" : "target_";
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> trees, a.Ints("nodes_treeids"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> ids, a.Ints("nodes_nodeids"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> features, a.Ints("nodes_featureids"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> yes, a.Ints("nodes_truenodeids"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> no, a.Ints("nodes_falsenodeids"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> missing, a.Ints("nodes_missing_value_tracks_true"));
  WNN_ASSIGN_OR_RETURN(std::span<const std::string> modes, a.Strings("nodes_modes"));
  WNN_ASSIGN_OR_RETURN(std::vector<double> splits, ReadDoubles(context, "nodes_values"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> leaf_trees, a.Ints(kind + "treeids"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> leaf_nodes, a.Ints(kind + "nodeids"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> leaf_targets, a.Ints(kind + "ids"));
  WNN_ASSIGN_OR_RETURN(std::vector<double> leaf_weights, ReadDoubles(context, kind + "weights"));
  const size_t n = ids.size();
  if (trees.size() != n || features.size() != n || yes.size() != n || no.size() != n ||
      modes.size() != n || splits.size() != n || (!missing.empty() && missing.size() != n)) {
    return Malformed("the attributes of nodes are not equally many");
  }
  if (leaf_nodes.size() != leaf_trees.size() || leaf_targets.size() != leaf_trees.size() ||
      leaf_weights.size() != leaf_trees.size()) {
    return Malformed("the attributes of leaves are not equally many");
  }
  if (n > size_t{1} << 30) return TooLarge("there are too many nodes");
  using TreeAndId = std::pair<int64_t, int64_t>;
  const auto key_at = [&](size_t i) { return TreeAndId(trees[i], ids[i]); };
  WNN_ASSIGN_OR_RETURN(const auto places,
                       Places<TreeAndId>::Of(n, key_at, 5, context.stop(), nullptr));
  WNN_RETURN_IF_ERROR(context.stop().Check());
  if (const int64_t twice = places.FindTwice(); twice >= 0) {
    return Malformed("node " + std::to_string(ids[static_cast<size_t>(twice)]) + " is there twice");
  }
  StopCheck check(context.stop());
  TreeEnsemble ensemble;
  ensemble.n_targets = n_targets;
  // The nodes of the weights, and where those of each node begin once they are in the nodes' order.
  std::vector<size_t> node_of(leaf_nodes.size()), begin(n + 1, 0);
  for (size_t i = 0; i < leaf_nodes.size(); ++i) {
    if (check.Stopped(500)) return context.stop().Check();
    const int64_t node = places.Find({leaf_trees[i], leaf_nodes[i]});
    if (node < 0) return Malformed("a leaf is missing");
    if (leaf_targets[i] < 0 || leaf_targets[i] >= n_targets) {
      return Malformed("target " + std::to_string(leaf_targets[i]) + " does not exist");
    }
    node_of[i] = static_cast<size_t>(node);
    ++begin[node_of[i] + 1];
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<TreeEnsemble::Weight> weights(leaf_nodes.size());
  {
    std::vector<size_t> next(begin.begin(), begin.end() - 1);
    for (size_t i = 0; i < leaf_nodes.size(); ++i) {
      if (check.Stopped(10)) return context.stop().Check();
      weights[next[node_of[i]]++] = {static_cast<int32_t>(leaf_targets[i]), leaf_weights[i]};
    }
  }
  std::vector<TreeBuilder::RawNode> raw(n);
  std::vector<int32_t> leaf_of(n, 0);
  std::vector<uint8_t> is_child(n, 0);
  for (size_t i = 0; i < n; ++i) {
    if (check.Stopped(500)) return context.stop().Check();
    if (modes[i] == "LEAF") {
      raw[i].is_leaf = true;
      leaf_of[i] = static_cast<int32_t>(ensemble.leaves.size());
      const auto first = static_cast<int32_t>(ensemble.weights.size());
      ensemble.weights.insert(ensemble.weights.end(),
                              weights.begin() + static_cast<std::ptrdiff_t>(begin[i]),
                              weights.begin() + static_cast<std::ptrdiff_t>(begin[i + 1]));
      ensemble.leaves.push_back({first, static_cast<int32_t>(ensemble.weights.size())});
      continue;
    }
    WNN_ASSIGN_OR_RETURN(raw[i].node.mode, ModeOf(modes[i]));
    if (features[i] < 0 || features[i] > INT32_MAX) return Malformed("a feature is negative");
    raw[i].node.feature = static_cast<int32_t>(features[i]);
    raw[i].node.split = splits[i];
    raw[i].node.missing_is_yes = !missing.empty() && missing[i] != 0;
    for (const bool is_yes : {true, false}) {
      const int64_t child = places.Find({trees[i], is_yes ? yes[i] : no[i]});
      if (child < 0) return Malformed("a child is missing");
      (is_yes ? raw[i].yes : raw[i].no) = child;
      is_child[static_cast<size_t>(child)] = 1;
    }
  }
  std::vector<int64_t> roots;
  for (size_t i = 0; i < n; ++i) {
    if (is_child[i] == 0) roots.push_back(static_cast<int64_t>(i));
  }
  WNN_RETURN_IF_ERROR(TreeBuilder(ensemble).Build(raw, roots, leaf_of));
  if (ensemble.nodes.size() + ensemble.leaves.size() != n) {
    return Malformed("a node is in no tree");
  }
  return ensemble;
}

Result<TreeEnsemble> ReadNewTrees(const OpContext& context) {
  const graph::Attributes& a = context.attributes();
  WNN_ASSIGN_OR_RETURN(int64_t n_targets, a.Int("n_targets", 1));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> roots, a.Ints("tree_roots"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> features, a.Ints("nodes_featureids"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> yes, a.Ints("nodes_truenodeids"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> no, a.Ints("nodes_falsenodeids"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> yes_leaf, a.Ints("nodes_trueleafs"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> no_leaf, a.Ints("nodes_falseleafs"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> missing, a.Ints("nodes_missing_value_tracks_true"));
  WNN_ASSIGN_OR_RETURN(std::vector<double> splits, ReadDoubles(context, "nodes_splits"));
  WNN_ASSIGN_OR_RETURN(std::vector<double> modes, ReadDoubles(context, "nodes_modes"));
  WNN_ASSIGN_OR_RETURN(std::vector<double> members, ReadDoubles(context, "membership_values"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> targets, a.Ints("leaf_targetids"));
  WNN_ASSIGN_OR_RETURN(std::vector<double> leaf_weights, ReadDoubles(context, "leaf_weights"));
  const size_t n = features.size();
  if (yes.size() != n || no.size() != n || yes_leaf.size() != n || no_leaf.size() != n ||
      splits.size() != n || modes.size() != n || (!missing.empty() && missing.size() != n)) {
    return Malformed("the attributes of nodes are not equally many");
  }
  if (targets.size() != leaf_weights.size()) {
    return Malformed("the attributes of leaves are not equally many");
  }
  if (n_targets < 1 || n_targets > INT32_MAX) return Malformed("'n_targets' is out of range");
  TreeEnsemble ensemble;
  ensemble.n_targets = n_targets;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] < 0 || targets[i] >= n_targets) return Malformed("a target does not exist");
    ensemble.weights.push_back({static_cast<int32_t>(targets[i]), leaf_weights[i]});
    ensemble.leaves.push_back({static_cast<int32_t>(i), static_cast<int32_t>(i + 1)});
  }
  std::vector<TreeBuilder::RawNode> raw(n);
  size_t member = 0;  // sets end with a NaN, in the order of the nodes
  for (size_t i = 0; i < n; ++i) {
    // ONNX: 0 to 6 are <=, <, >=, >, ==, != and membership, in this order.
    if (!(modes[i] >= 0 && modes[i] <= 6)) return Malformed("a mode does not exist");
    TreeNode& node = raw[i].node;
    node.mode = static_cast<TreeMode>(static_cast<int>(modes[i]));
    if (features[i] < 0 || features[i] > INT32_MAX) return Malformed("a feature is negative");
    node.feature = static_cast<int32_t>(features[i]);
    node.split = splits[i];
    node.missing_is_yes = !missing.empty() && missing[i] != 0;
    if (node.mode == TreeMode::kMember) {
      node.first_member = static_cast<int32_t>(ensemble.members.size());
      while (member < members.size() && members[member] == members[member]) {
        ensemble.members.push_back(members[member++]);
      }
      ++member;
      node.end_member = static_cast<int32_t>(ensemble.members.size());
    }
    raw[i].yes = yes[i];
    raw[i].no = no[i];
    raw[i].yes_is_leaf = yes_leaf[i] != 0;
    raw[i].no_is_leaf = no_leaf[i] != 0;
  }
  // A tree of one leaf is a node whose children are both that leaf.
  WNN_RETURN_IF_ERROR(TreeBuilder(ensemble).Build(raw, roots, {}));
  return ensemble;
}

Result<TreeAggregate> ReadAggregate(const OpContext& context) {
  constexpr std::string_view kNames[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  constexpr TreeAggregate kValues[] = {TreeAggregate::kAverage, TreeAggregate::kSum,
                                       TreeAggregate::kMin, TreeAggregate::kMax};
  if (context.op_type() == "TreeEnsemble") {
    WNN_ASSIGN_OR_RETURN(int64_t number, context.attributes().Int("aggregate_function", 1));
    if (number < 0 || number > 3) return InvalidArgument("attribute 'aggregate_function' is bad");
    return kValues[number];
  }
  WNN_ASSIGN_OR_RETURN(std::string_view name,
                       context.attributes().String("aggregate_function", "SUM"));
  for (size_t i = 0; i < 4; ++i) {
    if (kNames[i] == name) return kValues[i];
  }
  return InvalidArgument("attribute 'aggregate_function' is " + graph::Quoted(name));
}

Result<int64_t> TargetCount(const OpContext& context) {
  int64_t n = 1;
  if (IsClassifier(context)) {
    WNN_ASSIGN_OR_RETURN(std::vector<int64_t> labels, ReadIntegerLabels(context));
    n = static_cast<int64_t>(labels.size());
  } else {
    WNN_ASSIGN_OR_RETURN(n, context.attributes().Int("n_targets", 1));
  }
  if (n < 1 || n > INT32_MAX) return InvalidArgument("there are no labels or targets");
  return n;
}

Status InferTrees(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kInputs));
  WNN_ASSIGN_OR_RETURN(int64_t n_targets, TargetCount(context));
  if (IsClassifier(context)) {
    // Two classes with one score have two scores in the output, one class as well.
    return SetScoreOutputs(context, 0, 1, n_targets);
  }
  const bool is_new = context.op_type() == "TreeEnsemble";
  return SetScoreOutputs(context, -1, 0, n_targets,
                         is_new ? context.Input(0).dtype : DType::kFloat);
}

struct TreeModel {
  TreeEnsemble trees;
  PostTransform transform = PostTransform::kNone;
  std::vector<int64_t> labels;    // of a classifier
  int scored_class = -1;          // of two classes the one that leaves score, if they score one
  bool positive_weights = false;  // of all leaves
};

class TreesOp final : public CompiledOp {
 public:
  TreesOp(TreeModel model, const Rows& rows, DType in, DType out)
      : m_(std::move(model)), rows_(rows), in_(in), out_(out) {}

  uint64_t ScratchBytes(int) const override {
    return static_cast<uint64_t>(rows_.n * m_.trees.n_targets) * (sizeof(double) + 1);
  }

  Status Run(const RunArgs& args) const override {
    const int64_t n = m_.trees.n_targets;
    auto* sums = reinterpret_cast<double*>(args.scratch);
    // Which targets a row has had.
    auto* seen = m_.scored_class == 1 ? reinterpret_cast<uint8_t*>(sums + rows_.n * n) : nullptr;
    kernels::Visit(in_, kernels::Types<float, double, int32_t, int64_t>(), [&]<typename T>() {
      kernels::RunTrees(m_.trees, args.in<T>(0), rows_.n, rows_.features, sums, seen,
                        *args.parallel);
      return 0;
    });
    const size_t scores_at = m_.labels.empty() ? 0 : 1;
    StopCheck check(*args.parallel);
    for (int64_t i = 0; i < rows_.n; ++i) {
      if (check.Stopped(20 * n)) return OkStatus();
      const std::span<double> row(sums + i * n, static_cast<size_t>(n));
      const int64_t label = Finish(row, seen != nullptr && seen[i * n + 1] != 0);
      if (!m_.labels.empty() && args.outputs[0] != nullptr) args.out<int64_t>(0)[i] = label;
      if (scores_at >= args.outputs.size() || args.outputs[scores_at] == nullptr) continue;
      kernels::WriteNumbers(out_, row.data(), i * n, n, {}, args.outputs[scores_at]);
    }
    return OkStatus();
  }

 private:
  // Transforms the scores and returns the label. Where leaves score class 1 only, its score stands
  // by itself in rows that reach such a leaf: so ONNX Runtime has it.
  int64_t Finish(std::span<double> row, bool reached_class_1) const {
    if (m_.scored_class >= 0) {
      const double score = row[static_cast<size_t>(m_.scored_class)];
      if (!reached_class_1) {
        return FinishBinary(score, m_.positive_weights, m_.transform, m_.labels, row);
      }
      Transform(m_.transform, row);
      return BinaryLabel(score, m_.positive_weights, m_.labels);
    }
    int64_t label = 0;
    if (!m_.labels.empty()) {
      label = m_.labels[static_cast<size_t>(std::ranges::max_element(row) - row.begin())];
    }
    Transform(m_.transform, row);
    return label;
  }

  const TreeModel m_;
  const Rows rows_;
  const DType in_, out_;
};

Result<CompiledPtr> CompileTrees(const CompileContext& context) {
  if (!kComputed.Has(context.InputType(0))) return Unsupported("features of 16 bits");
  TreeModel model;
  WNN_ASSIGN_OR_RETURN(int64_t n_targets, TargetCount(context));
  if (context.op_type() == "TreeEnsemble") {
    WNN_ASSIGN_OR_RETURN(model.trees, ReadNewTrees(context));
  } else {
    WNN_ASSIGN_OR_RETURN(model.trees, ReadOldTrees(context, n_targets));
  }
  WNN_ASSIGN_OR_RETURN(model.trees.aggregate, ReadAggregate(context));
  WNN_ASSIGN_OR_RETURN(model.transform, ReadPostTransform(context));
  WNN_ASSIGN_OR_RETURN(std::vector<double> base, ReadDoubles(context, "base_values"));
  if (IsClassifier(context)) {
    WNN_ASSIGN_OR_RETURN(model.labels, ReadIntegerLabels(context));
    std::set<int32_t> scored;
    model.positive_weights = true;
    for (const TreeEnsemble::Weight& weight : model.trees.weights) {
      scored.insert(weight.target);
      model.positive_weights = model.positive_weights && weight.value >= 0;
    }
    if (n_targets == 2 && scored.size() <= 1) model.scored_class = scored.contains(1) ? 1 : 0;
  }
  // One score has one base value: of two that of class 1, which it stands for.
  if (model.scored_class == 0 && !base.empty()) base = {base.back(), 0};
  if (model.scored_class == 1 && base.size() == 1) base = {0, base[0]};
  if (!base.empty() && base.size() != static_cast<size_t>(n_targets)) {
    return InvalidArgument("attribute 'base_values' has " + std::to_string(base.size()) +
                           " numbers for " + std::to_string(n_targets) + " targets");
  }
  model.trees.base_values = std::move(base);
  WNN_ASSIGN_OR_RETURN(Rows rows, RowsOf(context.InputShape(0)));
  for (const TreeNode& node : model.trees.nodes) {
    if (node.feature < rows.features) continue;
    return InvalidArgument("the trees ask for feature " + std::to_string(node.feature) +
                           ", but rows have " + std::to_string(rows.features));
  }
  const DType out = context.op_type() == "TreeEnsemble" ? context.InputType(0) : DType::kFloat;
  return CompiledPtr(std::make_unique<TreesOp>(std::move(model), rows, context.InputType(0), out));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMlDomain,
     .name = "TreeEnsemble",
     .since_version = 5,
     .infer = InferTrees,
     .compile = CompileTrees},
    {.domain = kMlDomain,
     .name = "TreeEnsembleClassifier",
     .outputs = {1, 2},
     .infer = InferTrees,
     .compile = CompileTrees},
    {.domain = kMlDomain,
     .name = "TreeEnsembleRegressor",
     .infer = InferTrees,
     .compile = CompileTrees},
});

}  // namespace

std::span<const OpDef> MlTreeOps() { return kOps; }

}  // namespace wnn::ops
