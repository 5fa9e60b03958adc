#include "engine/kernels/trees.h"

#include <algorithm>
#include <limits>

#include "engine/kernels/reference/parallel_for.h"

namespace wnn::kernels {
namespace {

bool Decide(const TreeEnsemble& trees, const TreeNode& node, double x) {
  if (x != x) return node.missing_is_yes;
  switch (node.mode) {
    case TreeMode::kLeq: return x <= node.split;
    case TreeMode::kLt: return x < node.split;
    case TreeMode::kGte: return x >= node.split;
    case TreeMode::kGt: return x > node.split;
    case TreeMode::kEq: return x == node.split;
    case TreeMode::kNeq: return x != node.split;
    case TreeMode::kMember: {
      const auto* members = trees.members.data();
      return std::find(members + node.first_member, members + node.end_member, x) !=
             members + node.end_member;
    }
  }
  return false;
}

// The leaf that a row falls into. `plain`: every node is kLeq, and a NaN, for which that is false,
// goes to `no`.
template <typename T>
const TreeEnsemble::Leaf& Walk(const TreeEnsemble& trees, bool plain, int32_t at, const T* row) {
  const TreeNode* nodes = trees.nodes.data();
  if (plain) {
    while (at >= 0) {
      const TreeNode& node = nodes[at];
      at = static_cast<double>(row[node.feature]) <= node.split ? node.yes : node.no;
    }
  } else {
    while (at >= 0) {
      const TreeNode& node = nodes[at];
      at = Decide(trees, node, static_cast<double>(row[node.feature])) ? node.yes : node.no;
    }
  }
  return trees.leaves[static_cast<size_t>(-1 - at)];
}

}  // namespace

template <typename T>
void RunTrees(const TreeEnsemble& trees, const T* x, int64_t n_rows, int64_t n_features, double* y,
              uint8_t* seen, Parallel& parallel) {
  const bool plain = std::ranges::all_of(trees.nodes, [](const TreeNode& node) {
    return node.mode == TreeMode::kLeq && !node.missing_is_yes;
  });
  using Aggregate = TreeAggregate;
  const Aggregate aggregate = trees.aggregate;
  const double start = aggregate == Aggregate::kMin   ? std::numeric_limits<double>::infinity()
                       : aggregate == Aggregate::kMax ? -std::numeric_limits<double>::infinity()
                                                      : 0;
  const int64_t n = trees.n_targets;
  const int64_t grain = std::max<int64_t>(
      int64_t{4096} / std::max<int64_t>(static_cast<int64_t>(trees.roots.size()), 1), 1);
  ForRanges(parallel, n_rows, grain, [&](int64_t begin, int64_t end) {
    std::fill(y + begin * n, y + end * n, start);
    if (seen != nullptr) std::fill(seen + begin * n, seen + end * n, uint8_t{0});
    // Tree by tree, so that a tree stays in the cache for all rows of the task.
    for (const int32_t root : trees.roots) {
      for (int64_t i = begin; i < end; ++i) {
        const TreeEnsemble::Leaf& leaf = Walk(trees, plain, root, x + i * n_features);
        for (int32_t w = leaf.begin; w < leaf.end; ++w) {
          const TreeEnsemble::Weight& weight = trees.weights[static_cast<size_t>(w)];
          double& sum = y[i * n + weight.target];
          if (seen != nullptr) seen[i * n + weight.target] = 1;
          switch (aggregate) {
            case Aggregate::kMin: sum = std::min(sum, weight.value); break;
            case Aggregate::kMax: sum = std::max(sum, weight.value); break;
            default: sum += weight.value;
          }
        }
      }
    }
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t t = 0; t < n; ++t) {
        double& value = y[i * n + t];
        if (value == start && aggregate != Aggregate::kSum && aggregate != Aggregate::kAverage) {
          value = 0;  // no leaf had the target
        }
        if (aggregate == Aggregate::kAverage && !trees.roots.empty()) {
          value /= static_cast<double>(trees.roots.size());
        }
        if (!trees.base_values.empty()) value += trees.base_values[static_cast<size_t>(t)];
      }
    }
  });
}

template void RunTrees(const TreeEnsemble&, const float*, int64_t, int64_t, double*, uint8_t*,
                       Parallel&);
template void RunTrees(const TreeEnsemble&, const double*, int64_t, int64_t, double*, uint8_t*,
                       Parallel&);
template void RunTrees(const TreeEnsemble&, const int32_t*, int64_t, int64_t, double*, uint8_t*,
                       Parallel&);
template void RunTrees(const TreeEnsemble&, const int64_t*, int64_t, int64_t, double*, uint8_t*,
                       Parallel&);

}  // namespace wnn::kernels
