#include "host/nn/model_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace wnn::nn {
namespace {

namespace fs = std::filesystem;

class ModelDirectoryTest : public ::testing::Test {
 protected:
  ModelDirectoryTest() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    outside_ = fs::path(::testing::TempDir()) / ("model_directory_" + std::string(test->name()));
    fs::remove_all(outside_);
    fs::create_directories(outside_ / "model/folder");
    Write("secret", "secret");
    Write("model/weights", "0123456789");
    Write("model/folder/more", "more");
  }
  ~ModelDirectoryTest() override { fs::remove_all(outside_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(outside_ / name, std::ios::binary) << text;
  }
  std::unique_ptr<ModelDirectory> Open() { return *ModelDirectory::Open(outside_ / "model"); }
  Code SizeCode(const std::string& location) {
    auto size = Open()->SizeOf(location);
    EXPECT_FALSE(size.has_value()) << location;
    return size ? Code::kInternal : size.error().code();
  }

  fs::path outside_;
};

TEST_F(ModelDirectoryTest, ReadsPartsOfFiles) {
  auto directory = Open();
  EXPECT_EQ(*directory->SizeOf("weights"), 10u);
  EXPECT_EQ(*directory->SizeOf("folder/more"), 4u);
  std::array<char, 3> part{};
  ASSERT_TRUE(directory->Read("weights", 7, std::as_writable_bytes(std::span(part))).ok());
  EXPECT_EQ(std::string(part.data(), part.size()), "789");
  EXPECT_EQ(directory->Read("weights", 8, std::as_writable_bytes(std::span(part))).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(
      directory->Read("weights", uint64_t{1} << 62, std::as_writable_bytes(std::span(part))).code(),
      Code::kInvalidArgument);
}

TEST_F(ModelDirectoryTest, RefusesWhatIsNotBeneathIt) {
  for (const std::string location :
       {"../secret", "folder/../../secret", "folder/../weights", "/etc/passwd", ".."}) {
    EXPECT_EQ(SizeCode(location), Code::kSecurity) << location;
  }
  EXPECT_EQ(SizeCode((outside_ / "model/weights").string()), Code::kSecurity);
  EXPECT_EQ(SizeCode(""), Code::kInvalidArgument);
  EXPECT_EQ(SizeCode(std::string("weights\0x", 9)), Code::kInvalidArgument);
  EXPECT_EQ(SizeCode("missing"), Code::kNotFound);
  EXPECT_EQ(SizeCode("missing/weights"), Code::kNotFound);
}

TEST_F(ModelDirectoryTest, RefusesLinksThatLeadOut) {
  fs::create_symlink(outside_ / "secret", outside_ / "model/absolute");
  fs::create_symlink("../secret", outside_ / "model/relative");
  fs::create_directory_symlink(outside_, outside_ / "model/up");
  for (const char* location : {"absolute", "relative", "up/secret"}) {
    EXPECT_EQ(SizeCode(location), Code::kSecurity) << location;
  }
}

TEST_F(ModelDirectoryTest, RefusesALinkThatCameAfterTheFirstUse) {
  auto directory = Open();
  EXPECT_TRUE(directory->SizeOf("weights").has_value());
  EXPECT_TRUE(directory->SizeOf("folder/more").has_value());
  fs::remove(outside_ / "model/weights");
  fs::create_symlink(outside_ / "secret", outside_ / "model/weights");
  std::array<std::byte, 1> part{};
  EXPECT_EQ(directory->Read("weights", 0, part).code(), Code::kSecurity);
}

TEST_F(ModelDirectoryTest, RefusesWhatIsNoFile) {
  ASSERT_EQ(mkfifo((outside_ / "model/pipe").c_str(), 0600), 0);
  EXPECT_EQ(SizeCode("pipe"), Code::kSecurity);
  EXPECT_EQ(SizeCode("folder"), Code::kSecurity);
}

TEST_F(ModelDirectoryTest, FilesThatAreCutShortAreAnError) {
  auto directory = Open();
  ASSERT_EQ(*directory->SizeOf("weights"), 10u);
  fs::resize_file(outside_ / "model/weights", 2);
  std::array<std::byte, 10> all{};
  EXPECT_EQ(directory->Read("weights", 0, all).code(), Code::kInvalidArgument);
}

#if defined(__linux__) && defined(SYS_openat2)
// From now on the process' kernel has no openat2: before Linux 5.6 `error` is ENOSYS, in sandboxes
// of that time EPERM.
bool ForgetOpenat2(unsigned error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {std::size(filter), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
         syscall(SYS_openat2, -1, "", nullptr, 0) < 0 && errno == static_cast<int>(error);
}

TEST_F(ModelDirectoryTest, HoldsWithoutOpenat2) {
  fs::create_symlink(outside_ / "secret", outside_ / "model/absolute");
  fs::create_symlink("../secret", outside_ / "model/relative");
  fs::create_directory_symlink(outside_, outside_ / "model/up");
  fs::create_directory_symlink("folder", outside_ / "model/inner");
  // The codes of a process of its own, which keeps the filter.
  const auto all_hold = [&](unsigned error) {
    if (!ForgetOpenat2(error)) return 2;
    std::array<char, 4> more{};
    auto directory = Open();
    bool ok = directory->SizeOf("weights").value_or(0) == 10 &&
              directory->Read("folder/more", 0, std::as_writable_bytes(std::span(more))).ok() &&
              std::string(more.data(), more.size()) == "more";
    // Also a link that stays inside: without openat2 none is followed.
    for (const char* location : {"absolute", "relative", "up/secret", "inner/more", "../secret"}) {
      ok = ok && SizeCode(location) == Code::kSecurity;
    }
    return ok && SizeCode("missing") == Code::kNotFound ? 0 : 1;
  };
  for (unsigned error : {ENOSYS, EPERM}) {
    EXPECT_EXIT(std::exit(all_hold(error)), ::testing::ExitedWithCode(0), "");
  }
}
#endif

TEST_F(ModelDirectoryTest, NeedsADirectory) {
  EXPECT_EQ(ModelDirectory::Open(outside_ / "none").error().code(), Code::kNotFound);
  EXPECT_EQ(ModelDirectory::Open(outside_ / "secret").error().code(), Code::kNotFound);
  EXPECT_TRUE(ModelDirectory::Open("").has_value());  // the current one
}

}  // namespace
}  // namespace wnn::nn
