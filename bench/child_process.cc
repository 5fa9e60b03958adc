#include "bench/child_process.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

extern char** environ;

namespace wnn::bench {
namespace {

Status Failed(const std::string& what) { return RuntimeError(what + ": " + std::strerror(errno)); }

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::Start(const std::vector<std::string>& argv,
                                                          std::chrono::milliseconds patience) {
  int sockets[2];  // ours, the child's
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return Failed("cannot make a socket");
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, sockets[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, sockets[1], STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(sockets[1]);
  if (error != 0) {
    close(sockets[0]);
    return NotFound("cannot start " + argv[0] + ": " + std::strerror(error));
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(sockets[0], pid, patience));
}

ChildProcess::~ChildProcess() {
  close(socket_);
  for (int i = 0; i < 100; ++i) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

Status ChildProcess::Send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return Failed("cannot write to the program");
    bytes = bytes.subspan(static_cast<size_t>(sent));
  }
  return OkStatus();
}

Status ChildProcess::Send(const std::string& text) { return Send(std::as_bytes(std::span(text))); }

Status ChildProcess::Receive() {
  pollfd wanted{.fd = socket_, .events = POLLIN, .revents = 0};
  const int ready = poll(&wanted, 1, static_cast<int>(patience_.count()));
  if (ready < 0) return errno == EINTR ? OkStatus() : Failed("cannot wait for the program");
  if (ready == 0) {
    return Timeout("the program said nothing for " + std::to_string(patience_.count()) + " ms");
  }
  char buffer[1 << 16];
  const ssize_t n = recv(socket_, buffer, sizeof(buffer), 0);
  if (n == 0) return RuntimeError("the program ended");
  if (n < 0) return errno == EINTR ? OkStatus() : Failed("cannot read from the program");
  received_.append(buffer, static_cast<size_t>(n));
  return OkStatus();
}

Result<std::string> ChildProcess::ReadLine() {
  size_t end;
  while ((end = received_.find('\n')) == std::string::npos) WNN_RETURN_IF_ERROR(Receive());
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  return line;
}

Status ChildProcess::Read(std::span<std::byte> bytes) {
  while (received_.size() < bytes.size()) WNN_RETURN_IF_ERROR(Receive());
  std::memcpy(bytes.data(), received_.data(), bytes.size());
  received_.erase(0, bytes.size());
  return OkStatus();
}

}  // namespace wnn::bench
