#include "engine/kernels/reference/loop_nest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/testing/run_model.h"

namespace wnn::kernels {
namespace {

using testing::ThreadParallel;

// Visits every element of a nest of two operands and returns their offsets, sorted by the first.
std::vector<std::array<int64_t, 2>> Visit(const LoopNest<2>& nest, int64_t n) {
  std::vector<std::array<int64_t, 2>> visits(static_cast<size_t>(n), {-1, -1});
  ThreadParallel three(3);
  nest.Run(three, [&](const LoopNest<2>::Offsets& at, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t first = at[0] + i * nest.inner_strides()[0];
      visits[static_cast<size_t>(first)] = {first, at[1] + i * nest.inner_strides()[1]};
    }
  });
  return visits;
}

TEST(LoopNestTest, MergesWhatIsContiguous) {
  const Shape dims = {2, 3, 1, 4};
  LoopNest<2> nest(dims, {DenseStrides(dims), DenseStrides(dims)});
  EXPECT_EQ(nest.inner_extent(), 24);
  EXPECT_EQ(nest.n_rows(), 1);
}

TEST(LoopNestTest, VisitsEveryElementOnce) {
  const Shape dims = {3, 4, 5};
  const std::vector<int64_t> transposed = {1, 15, 3};
  LoopNest<2> nest(dims, {DenseStrides(dims), transposed});
  auto visits = Visit(nest, 60);
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t j = 0; j < 4; ++j) {
      for (int64_t k = 0; k < 5; ++k) {
        const int64_t at = (i * 4 + j) * 5 + k;
        EXPECT_EQ(visits[static_cast<size_t>(at)],
                  (std::array<int64_t, 2>{at, i + 15 * j + 3 * k}));
      }
    }
  }
}

TEST(LoopNestTest, SplitsLongRows) {
  const int64_t n = 3 * kElementsPerTask + 5;
  const Shape dims = {2, n};
  LoopNest<2> nest(dims, {DenseStrides(dims), BroadcastStrides(Shape{n}, dims)});
  auto visits = Visit(nest, 2 * n);
  for (int64_t i = 0; i < 2 * n; ++i) {
    ASSERT_EQ(visits[static_cast<size_t>(i)], (std::array<int64_t, 2>{i, i % n}));
  }
}

TEST(LoopNestTest, GroupsRowsThatFollowEachOther) {
  // A task has 8192 rows of two: groups are cut where tasks and where the outermost level end.
  constexpr int64_t kExtent = 5000;
  const Shape dims = {5, kExtent, 2};
  const int64_t n = 5 * kExtent * 2;
  LoopNest<2> nest(dims, {DenseStrides(dims), {7, 3, 1}});
  ASSERT_EQ(nest.inner_extent(), 2);
  ASSERT_EQ(nest.n_rows(), 5 * kExtent);
  EXPECT_EQ(nest.row_strides(), (LoopNest<2>::Offsets{2, 3}));
  std::vector<int64_t> seconds(static_cast<size_t>(n), -1);
  int n_groups = 0;
  SerialParallel serial;
  nest.RunGroups(serial, [&](const LoopNest<2>::Offsets& at, int64_t n_rows, int64_t length) {
    ++n_groups;
    ASSERT_EQ(length, 2);
    for (int64_t row = 0; row < n_rows; ++row) {
      for (int64_t i = 0; i < length; ++i) {
        seconds[static_cast<size_t>(at[0] + row * 2 + i)] = at[1] + row * 3 + i;
      }
    }
  });
  EXPECT_EQ(n_groups, 8);
  const auto visits = Visit(nest, n);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t wanted = i / 2 / kExtent * 7 + i / 2 % kExtent * 3 + i % 2;
    ASSERT_EQ(seconds[static_cast<size_t>(i)], wanted);
    ASSERT_EQ(visits[static_cast<size_t>(i)], (std::array<int64_t, 2>{i, wanted}));
  }
}

TEST(LoopNestTest, EmptyAndScalarShapes) {
  int calls = 0;
  SerialParallel serial;
  auto count = [&](const LoopNest<1>::Offsets&, int64_t n) { calls += static_cast<int>(n); };
  LoopNest<1>(Shape{2, 0, 3}, {DenseStrides(Shape{2, 0, 3})}).Run(serial, count);
  LoopNest<1>(Shape{2, 0, 3}, {std::vector<int64_t>{6, 1, 9}})
      .ForRows(0, 0, [&](const LoopNest<1>::Offsets&) { ++calls; });
  EXPECT_EQ(calls, 0);
  LoopNest<1>(Shape{}, {std::vector<int64_t>{}}).Run(serial, count);
  EXPECT_EQ(calls, 1);
}

TEST(BroadcastStridesTest, RepeatsMissingAndUnitDimensions) {
  EXPECT_EQ(BroadcastStrides(Shape{3, 1}, Shape{2, 3, 4}), (std::vector<int64_t>{0, 1, 0}));
  EXPECT_EQ(BroadcastStrides(Shape{}, Shape{2}), (std::vector<int64_t>{0}));
}

}  // namespace
}  // namespace wnn::kernels
