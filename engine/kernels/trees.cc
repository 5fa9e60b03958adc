#include "engine/kernels/trees.h"

#include <algorithm>
#include <limits>

#include "engine/base/stop_check.h"
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

// Rows that go down a tree together: each waits for its node, and the others' come meanwhile.
constexpr int64_t kTogether = 8;

// The leaves into which n rows fall, at most kTogether, that begin at x. `plain`: every node is
// kLeq, and a NaN, for which that is false, goes to `no`.
template <typename T>
void Walk(const TreeEnsemble& trees, bool plain, int32_t root, const T* x, int64_t n,
          int64_t n_features, int32_t* leaves) {
  const TreeNode* nodes = trees.nodes.data();
  std::fill_n(leaves, n, root);
  for (bool more = true; more;) {
    more = false;
    for (int64_t i = 0; i < n; ++i) {
      if (leaves[i] < 0) continue;
      const TreeNode& node = nodes[leaves[i]];
      const auto value = static_cast<double>(x[i * n_features + node.feature]);
      const bool is_yes = plain ? value <= node.split : Decide(trees, node, value);
      leaves[i] = node.next[is_yes ? 1 : 0];
      more = true;
    }
  }
  for (int64_t i = 0; i < n; ++i) leaves[i] = -1 - leaves[i];
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
  // Whole groups of rows; a walk takes some 30 ns.
  constexpr int64_t kWalksPerTask = 1024;
  const int64_t walks = std::max<int64_t>(static_cast<int64_t>(trees.roots.size()) * kTogether, 1);
  const int64_t grain = (kWalksPerTask + walks - 1) / walks * kTogether;
  ForRanges(parallel, n_rows, grain, [&](int64_t begin, int64_t end) {
    InSteps(parallel, (end - begin) * n, [&](int64_t from, int64_t to) {
      std::fill(y + begin * n + from, y + begin * n + to, start);
      if (seen != nullptr) std::fill(seen + begin * n + from, seen + begin * n + to, uint8_t{0});
    });
    StopCheck check(parallel);
    int32_t leaves[kTogether];
    // Tree by tree, so that a tree stays in the cache for all rows of the task.
    for (const int32_t root : trees.roots) {
      if (check.Stopped(30 * (end - begin))) return;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t place = (i - begin) % kTogether;
        if (place == 0) {
          Walk(trees, plain, root, x + i * n_features, std::min(kTogether, end - i), n_features,
               leaves);
        }
        const TreeEnsemble::Leaf& leaf = trees.leaves[static_cast<size_t>(leaves[place])];
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
        if (check.Stopped(2)) return;
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
