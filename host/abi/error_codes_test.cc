#include "host/abi/error_codes.h"

#include <gtest/gtest.h>

namespace wnn::abi {
namespace {

TEST(ErrorCodes, EveryCodeHasItsErrno) {
  EXPECT_EQ(static_cast<int>(ErrnoOf(OkStatus())), 0);
  EXPECT_EQ(static_cast<int>(ErrnoOf(Code::kInvalidArgument)), 1);
  EXPECT_EQ(static_cast<int>(ErrnoOf(Code::kInvalidEncoding)), 2);
  EXPECT_EQ(static_cast<int>(ErrnoOf(Code::kMissingMemory)), 3);
  EXPECT_EQ(static_cast<int>(ErrnoOf(Code::kBusy)), 4);
  EXPECT_EQ(static_cast<int>(ErrnoOf(Code::kRuntimeError)), 5);
  EXPECT_EQ(static_cast<int>(ErrnoOf(Code::kUnsupportedOperation)), 6);
  EXPECT_EQ(static_cast<int>(ErrnoOf(Code::kTooLarge)), 7);
  EXPECT_EQ(static_cast<int>(ErrnoOf(Code::kNotFound)), 8);
  EXPECT_EQ(static_cast<int>(ErrnoOf(Code::kTimeout)), 5);
  EXPECT_EQ(static_cast<int>(ErrnoOf(Code::kSecurity)), 6);
  EXPECT_EQ(static_cast<int>(ErrnoOf(Code::kInternal)), 5);
}

}  // namespace
}  // namespace wnn::abi
