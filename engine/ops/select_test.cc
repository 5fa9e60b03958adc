// Operators whose outputs' shapes depend on data.
#include <gtest/gtest.h>

#include <limits>

#include "engine/testing/run_model.h"

namespace wnn::ops {
namespace {

using testing::Attr;
using testing::Inputs;
using testing::MakeTensor;
using testing::NodeUnderTest;

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Bools = std::vector<bool>;

TEST(NonZeroTest, IndicesByDimension) {
  NodeUnderTest node{"NonZero", 13};
  EXPECT_EQ(
      node.Values<int64_t>(Inputs(MakeTensor<float>({2, 3}, {0, 1, -0.0f, 2, 0, -3})), {2, 3}),
      (Ints{0, 1, 1, 1, 0, 2}));
  EXPECT_EQ(node.Values<int64_t>(Inputs(MakeTensor<bool>({3}, {true, false, true})), {1, 2}),
            (Ints{0, 2}));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(node.Values<int64_t>(Inputs(MakeTensor<float>({2}, {nan, 0})), {1, 1}), (Ints{0}));
  EXPECT_EQ(node.Values<int64_t>(Inputs(MakeTensor<int8_t>({2, 2}, {0, 0, 0, 0})), {2, 0}), Ints{});
  EXPECT_EQ(node.Values<int64_t>(Inputs(MakeTensor<double>({}, {5})), {0, 1}), Ints{});
}

TEST(CompressTest, AlongAnAxisAndWithoutOne) {
  NodeUnderTest rows{"Compress", 11, {Attr("axis", 0)}};
  EXPECT_EQ(rows.Values<float>(Inputs(MakeTensor<float>({3, 2}, {1, 2, 3, 4, 5, 6}),
                                      MakeTensor<bool>({3}, {false, true, true})),
                               {2, 2}),
            (Floats{3, 4, 5, 6}));
  NodeUnderTest columns{"Compress", 11, {Attr("axis", -1)}};
  EXPECT_EQ(columns.Values<float>(Inputs(MakeTensor<float>({3, 2}, {1, 2, 3, 4, 5, 6}),
                                         MakeTensor<bool>({2}, {false, true})),
                                  {3, 1}),
            (Floats{2, 4, 6}));
  NodeUnderTest flat{"Compress", 11};
  EXPECT_EQ(flat.Values<float>(Inputs(MakeTensor<float>({3, 2}, {1, 2, 3, 4, 5, 6}),
                                      MakeTensor<bool>({5}, {false, true, false, false, true})),
                               {2}),
            (Floats{2, 5}));
  EXPECT_EQ(rows.Values<float>(Inputs(MakeTensor<float>({3, 0}, {}), MakeTensor<bool>({1}, {true})),
                               {1, 0}),
            Floats{});
}

TEST(CompressTest, RefusesAConditionThatIsTooLong) {
  NodeUnderTest node{"Compress", 11, {Attr("axis", 0)}};
  Status status =
      node.Error(Inputs(MakeTensor<float>({1}, {1}), MakeTensor<bool>({2}, {false, true})));
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("node 'node' (Compress)"), std::string_view::npos);
}

}  // namespace
}  // namespace wnn::ops
