#include "host/nn/model_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#if defined(__linux__)
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

namespace wnn::nn {
namespace {

// O_NONBLOCK: the path may turn out to be a pipe, which nobody writes to.
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
constexpr size_t kMaxLocationBytes = 4096;

std::string Quoted(std::string_view location) {
  constexpr size_t kMaxShown = 200;
  return "'" + std::string(location.substr(0, kMaxShown)) + "'";
}

Status Outside(std::string_view location) {
  return Security("the model's external data " + Quoted(location) +
                  " is not beneath the model's directory");
}

// Calls use(component, is_last) for each part of the path; stops when it returns false.
template <typename Use>
bool ForEachComponent(std::string_view path, Use use) {
  while (true) {
    const size_t slash = path.find('/');
    const bool is_last = slash == std::string_view::npos;
    if (!use(path.substr(0, slash), is_last)) return false;
    if (is_last) return true;
    path.remove_prefix(slash + 1);
  }
}

Status CheckLocation(std::string_view location) {
  if (location.empty() || location.size() > kMaxLocationBytes ||
      location.find('\0') != std::string_view::npos) {
    return InvalidArgument("the model's external data has no valid file name");
  }
  const bool is_plain =
      location.front() != '/' && ForEachComponent(location, [](std::string_view component, bool) {
        return component != "..";
      });
  return is_plain ? OkStatus() : Outside(location);
}

// As open(2) beneath `directory`, through no link.
int OpenWithoutLinks(int directory, std::string_view location) {
  int at = directory;
  ForEachComponent(location, [&](std::string_view component, bool is_last) {
    const int flags =
        is_last ? kOpenFlags | O_NOFOLLOW : O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW;
    const std::string name(component.empty() ? "." : component);
    const int next = openat(at, name.c_str(), flags);
    int error = errno;
    // What a link to a directory is called that may not be followed.
    struct stat status{};
    if (next < 0 && error == ENOTDIR &&
        fstatat(at, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode)) {
      error = ELOOP;
    }
    if (at != directory) close(at);
    errno = error;
    at = next;
    return next >= 0;
  });
  return at;
}

int OpenBeneath(int directory, const std::string& location) {
#if defined(__linux__) && defined(SYS_openat2)
  open_how how{};
  how.flags = kOpenFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  long file = -1;
  do {
    file = syscall(SYS_openat2, directory, location.c_str(), &how, sizeof(how));
  } while (file < 0 && errno == EAGAIN);  // a path changed while it was resolved
  // EPERM: sandboxes of before 2020 forbid system calls that they do not know.
  if (file >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(file);
#endif
  return OpenWithoutLinks(directory, location);
}

}  // namespace

Result<std::unique_ptr<ModelDirectory>> ModelDirectory::Open(
    const std::filesystem::path& directory) {
  const std::string path = directory.empty() ? "." : directory.string();
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (file < 0) return NotFound("cannot open " + path + ": " + std::strerror(errno));
  return std::unique_ptr<ModelDirectory>(new ModelDirectory(file));
}

ModelDirectory::~ModelDirectory() {
  if (file_ >= 0) close(file_);
  close(directory_);
}

Status ModelDirectory::Select(std::string_view location) {
  if (file_ >= 0 && location == location_) return OkStatus();
  WNN_RETURN_IF_ERROR(CheckLocation(location));
  if (file_ >= 0) close(std::exchange(file_, -1));
  location_ = location;
  file_ = OpenBeneath(directory_, location_);
  if (file_ < 0) {
    // EXDEV: openat2's word for a path that leads out; ELOOP: a link where none may be.
    if (errno == EXDEV || errno == ELOOP) return Outside(location);
    return NotFound("the model's external data " + Quoted(location) + ": " + std::strerror(errno));
  }
  struct stat status{};
  if (fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(std::exchange(file_, -1));
    return Security("the model's external data " + Quoted(location) + " is not a regular file");
  }
  size_ = static_cast<uint64_t>(status.st_size);
  return OkStatus();
}

Result<uint64_t> ModelDirectory::SizeOf(std::string_view location) {
  WNN_RETURN_IF_ERROR(Select(location));
  return size_;
}

Status ModelDirectory::Read(std::string_view location, uint64_t offset, std::span<std::byte> out) {
  WNN_RETURN_IF_ERROR(Select(location));
  constexpr size_t kMaxChunk = size_t{1} << 30;
  while (!out.empty()) {
    const ssize_t n =
        pread(file_, out.data(), std::min(out.size(), kMaxChunk), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return RuntimeError("reading the model's external data " + Quoted(location) + ": " +
                          std::strerror(errno));
    }
    if (n == 0) {
      return InvalidArgument("the model's external data " + Quoted(location) +
                             " ends before the tensor does");
    }
    out = out.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return OkStatus();
}

}  // namespace wnn::nn
