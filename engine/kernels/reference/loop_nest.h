// The one loop over strided tensors: broadcasting, transposing, slicing and padding are all choices
// of strides.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/parallel.h"
#include "engine/kernels/reference/parallel_for.h"

namespace wnn::kernels {

inline constexpr size_t kMaxLoopRank = 128;

// Strides, in elements, of a dense row-major tensor.
inline std::vector<int64_t> DenseStrides(std::span<const int64_t> dims) {
  std::vector<int64_t> strides(dims.size());
  int64_t stride = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  return strides;
}

// Strides with which a dense tensor of shape `dims` is read over the shape `out` that it broadcasts
// to: 0 where it is repeated. REQUIRES: `dims` broadcasts to `out`.
inline std::vector<int64_t> BroadcastStrides(std::span<const int64_t> dims,
                                             std::span<const int64_t> out) {
  std::vector<int64_t> dense = DenseStrides(dims);
  std::vector<int64_t> strides(out.size(), 0);
  size_t missing = out.size() - dims.size();
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != 1) strides[missing + i] = dense[i];
  }
  return strides;
}

// A loop nest over `N` operands, as few dimensions as their strides allow. Immutable.
template <size_t N>
class LoopNest {
 public:
  using Offsets = std::array<int64_t, N>;  // in elements, one an operand

  LoopNest() = default;
  // REQUIRES: dims.size() <= kMaxLoopRank; every strides[i] has a stride for each dimension.
  LoopNest(std::span<const int64_t> dims, const std::array<std::vector<int64_t>, N>& strides) {
    for (size_t d = 0; d < dims.size(); ++d) {
      if (dims[d] == 0) n_rows_ = 0;
      if (dims[d] == 1) continue;
      Level level{dims[d], {}};
      for (size_t i = 0; i < N; ++i) level.strides[i] = strides[i][d];
      if (!levels_.empty() && Merges(levels_.back(), level)) {
        level.extent *= levels_.back().extent;
        levels_.back() = level;
      } else {
        levels_.push_back(level);
      }
    }
    if (!levels_.empty()) {
      inner_ = levels_.back();
      levels_.pop_back();
    }
    if (n_rows_ == 0) return;
    for (const Level& level : levels_) n_rows_ *= level.extent;
  }

  // The innermost loop: `inner_extent` elements, operand i advancing by inner_strides()[i].
  int64_t inner_extent() const { return inner_.extent; }
  const Offsets& inner_strides() const { return inner_.strides; }
  int64_t n_rows() const { return n_rows_; }

  // From a row to the next one of a group, operand i advances by row_strides()[i].
  Offsets row_strides() const { return levels_.empty() ? Offsets{} : levels_.back().strides; }

  // Calls body(offsets, n) for pieces of rows that together are the whole nest.
  template <typename Body>
  void Run(Parallel& parallel, Body&& body) const {
    RunGroups(parallel, [&](const Offsets& offsets, int64_t n_rows, int64_t n) {
      EachRow(offsets, n_rows, [&](const Offsets& at) { body(at, n); });
    });
  }

  // Calls body(offsets, n_rows, n) for groups of rows, or a piece of one row, that together are the
  // whole nest: for bodies that cost something to call.
  template <typename Body>
  void RunGroups(Parallel& parallel, Body&& body) const {
    if (n_rows_ == 0) return;
    if (inner_.extent >= kElementsPerTask) {
      int64_t n_pieces = (inner_.extent + kElementsPerTask - 1) / kElementsPerTask;
      ForRanges(parallel, n_rows_ * n_pieces, 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
          int64_t first = task % n_pieces * kElementsPerTask;
          Offsets offsets = RowOffsets(task / n_pieces);
          for (size_t i = 0; i < N; ++i) offsets[i] += first * inner_.strides[i];
          body(offsets, int64_t{1}, std::min(kElementsPerTask, inner_.extent - first));
        }
      });
      return;
    }
    int64_t rows_per_task = kElementsPerTask / std::max<int64_t>(inner_.extent, 1);
    ForRanges(parallel, n_rows_, rows_per_task, [&](int64_t begin, int64_t end) {
      ForGroups(begin, end, [&](const Offsets& offsets, int64_t n_rows) {
        body(offsets, n_rows, inner_.extent);
      });
    });
  }

  // Calls body(offsets) for the first element of each row in [begin, end), in order.
  template <typename Body>
  void ForRows(int64_t begin, int64_t end, Body&& body) const {
    ForGroups(begin, end,
              [&](const Offsets& offsets, int64_t n_rows) { EachRow(offsets, n_rows, body); });
  }

 private:
  struct Level {
    int64_t extent = 1;
    Offsets strides{};
  };

  static bool Merges(const Level& outer, const Level& inner) {
    for (size_t i = 0; i < N; ++i) {
      if (outer.strides[i] != inner.strides[i] * inner.extent) return false;
    }
    return true;
  }

  // Calls body(offsets) for the first element of each row of a group.
  template <typename Body>
  void EachRow(Offsets offsets, int64_t n_rows, Body&& body) const {
    const Offsets strides = row_strides();
    for (int64_t row = 0; row < n_rows; ++row) {
      body(std::as_const(offsets));
      for (size_t i = 0; i < N; ++i) offsets[i] += strides[i];
    }
  }

  // Calls body(offsets, n_rows) for the first element of each group of rows in [begin, end), in
  // order.
  template <typename Body>
  void ForGroups(int64_t begin, int64_t end, Body&& body) const {
    if (begin >= end) return;  // a level may have no extent
    if (levels_.empty()) {
      body(Offsets{}, int64_t{1});
      return;
    }
    std::array<int64_t, kMaxLoopRank> index;
    Offsets offsets{};
    int64_t rest = begin;
    for (size_t d = levels_.size(); d-- > 0;) {
      index[d] = rest % levels_[d].extent;
      rest /= levels_[d].extent;
      for (size_t i = 0; i < N; ++i) offsets[i] += index[d] * levels_[d].strides[i];
    }
    for (int64_t row = begin; row < end;) {
      int64_t step = std::min(levels_.back().extent - index[levels_.size() - 1], end - row);
      body(std::as_const(offsets), step);
      row += step;
      for (size_t d = levels_.size(); d-- > 0; step = 1) {
        const Level& level = levels_[d];
        for (size_t i = 0; i < N; ++i) offsets[i] += step * level.strides[i];
        index[d] += step;
        if (index[d] < level.extent) break;
        index[d] = 0;
        for (size_t i = 0; i < N; ++i) offsets[i] -= level.extent * level.strides[i];
      }
    }
  }

  Offsets RowOffsets(int64_t row) const {
    Offsets offsets{};
    for (size_t d = levels_.size(); d-- > 0;) {
      int64_t index = row % levels_[d].extent;
      row /= levels_[d].extent;
      for (size_t i = 0; i < N; ++i) offsets[i] += index * levels_[d].strides[i];
    }
    return offsets;
  }

  std::vector<Level> levels_;  // outermost first, without the innermost
  Level inner_;
  int64_t n_rows_ = 1;
};

}  // namespace wnn::kernels
