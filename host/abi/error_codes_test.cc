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

TEST(ErrorCodes, OldNumbers) {
  EXPECT_EQ(OldErrnoNumber(Errno::kSuccess), 0);
  EXPECT_EQ(OldErrnoNumber(Errno::kInvalidArgument), 1);
  EXPECT_EQ(OldErrnoNumber(Errno::kInvalidEncoding), 1);
  EXPECT_EQ(OldErrnoNumber(Errno::kMissingMemory), 2);
  EXPECT_EQ(OldErrnoNumber(Errno::kBusy), 3);
  EXPECT_EQ(OldErrnoNumber(Errno::kRuntimeError), 5);
  EXPECT_EQ(OldErrnoNumber(Errno::kUnsupportedOperation), 6);
  EXPECT_EQ(OldErrnoNumber(Errno::kTooLarge), 7);
  EXPECT_EQ(OldErrnoNumber(Errno::kNotFound), 8);
}

TEST(ErrorCodes, EveryCodeHasItsWitErrorCode) {
  EXPECT_EQ(static_cast<int>(WitErrorCodeOf(Code::kInvalidArgument)), 0);
  EXPECT_EQ(static_cast<int>(WitErrorCodeOf(Code::kInvalidEncoding)), 1);
  EXPECT_EQ(static_cast<int>(WitErrorCodeOf(Code::kMissingMemory)), 8);
  EXPECT_EQ(static_cast<int>(WitErrorCodeOf(Code::kBusy)), 3);
  EXPECT_EQ(static_cast<int>(WitErrorCodeOf(Code::kRuntimeError)), 3);
  EXPECT_EQ(static_cast<int>(WitErrorCodeOf(Code::kUnsupportedOperation)), 4);
  EXPECT_EQ(static_cast<int>(WitErrorCodeOf(Code::kTooLarge)), 5);
  EXPECT_EQ(static_cast<int>(WitErrorCodeOf(Code::kNotFound)), 6);
  EXPECT_EQ(static_cast<int>(WitErrorCodeOf(Code::kTimeout)), 2);
  EXPECT_EQ(static_cast<int>(WitErrorCodeOf(Code::kSecurity)), 7);
  EXPECT_EQ(static_cast<int>(WitErrorCodeOf(Code::kInternal)), 8);
}

}  // namespace
}  // namespace wnn::abi
