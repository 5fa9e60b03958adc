#include "guest/support/file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace wnn::support {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::unexpected<std::string> Fail(const char* what, const std::string& path, int error) {
  std::string message = "cannot " + std::string(what) + " '" + path + "': " + std::strerror(error);
  // What WASI's libc answers for a path below no opened folder.
  bool closed = error == ENOENT;
#ifdef ENOTCAPABLE
  closed = closed || error == ENOTCAPABLE;
#endif
  if (closed) message += " (a guest sees only folders that the host opens to it with --dir)";
  return std::unexpected(std::move(message));
}

}  // namespace

std::expected<std::vector<std::byte>, std::string> ReadFile(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return Fail("open", path, errno);

  struct stat facts;
  if (fstat(fileno(file.get()), &facts) != 0) return Fail("read", path, errno);
  if (S_ISDIR(facts.st_mode)) return Fail("read", path, EISDIR);
  // The size is a first guess: a pipe has none, and a file may grow meanwhile. One more byte, so
  // that a read that leaves room shows the end.
  const std::size_t guess = S_ISREG(facts.st_mode) ? static_cast<std::size_t>(facts.st_size) : 0;
  std::vector<std::byte> bytes(guess + 1);
  std::size_t size = 0;
  for (;;) {
    const std::size_t got = std::fread(bytes.data() + size, 1, bytes.size() - size, file.get());
    size += got;
    if (size < bytes.size()) break;
    bytes.resize(bytes.size() * 2);
  }
  if (std::ferror(file.get()) != 0) return Fail("read", path, errno);
  bytes.resize(size);
  return bytes;
}

std::string_view AsText(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace wnn::support
