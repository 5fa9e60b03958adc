// Ensembles of decision trees, as flat arrays.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/parallel.h"

namespace wnn::kernels {

enum class TreeMode : uint8_t { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember };
enum class TreeAggregate : uint8_t { kSum, kAverage, kMin, kMax };

struct TreeNode {
  double split = 0;
  int32_t feature = 0;
  // Where `no` and `yes` lead: a node if it is not negative, else the leaf -1 - index.
  int32_t next[2] = {0, 0};
  // kMember: x is one of members[first_member, end_member).
  int32_t first_member = 0, end_member = 0;
  TreeMode mode = TreeMode::kLeq;
  bool missing_is_yes = false;  // where a NaN goes
};

// Invariants, for whoever fills it: every index lies in its array, features are those of a row, and
// walks end: children come after their parent.
struct TreeEnsemble {
  struct Weight {
    int32_t target = 0;
    double value = 0;
  };
  struct Leaf {
    int32_t begin = 0, end = 0;  // of weights
  };

  std::vector<TreeNode> nodes;
  std::vector<double> members;
  std::vector<Leaf> leaves;
  std::vector<Weight> weights;
  std::vector<int32_t> roots;  // as TreeNode::next
  int64_t n_targets = 1;
  TreeAggregate aggregate = TreeAggregate::kSum;
  std::vector<double> base_values;  // one a target, or none
};

// The targets of every row: x is [n_rows][n_features], y [n_rows][n_targets]. `seen`, if not null,
// is [n_rows][n_targets] and says which targets some leaf had.
template <typename T>
void RunTrees(const TreeEnsemble& trees, const T* x, int64_t n_rows, int64_t n_features, double* y,
              uint8_t* seen, Parallel& parallel);

}  // namespace wnn::kernels
