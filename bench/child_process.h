// A program of another library, spoken to through its standard input and output.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/status.h"

namespace wnn::bench {

// Thread-compatible. Everything fails with kRuntimeError when the program has ended, and with
// kTimeout when it says nothing for as long as `patience`.
class ChildProcess {
 public:
  // Starts argv[0], found on the PATH; its standard error is ours.
  static Result<std::unique_ptr<ChildProcess>> Start(const std::vector<std::string>& argv,
                                                     std::chrono::milliseconds patience);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  // Ends the program: by the end of its input, and after a second by force.
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  Status Send(std::span<const std::byte> bytes);
  Status Send(const std::string& text);
  // Without its line feed.
  Result<std::string> ReadLine();
  Status Read(std::span<std::byte> bytes);

 private:
  ChildProcess(int socket, pid_t pid, std::chrono::milliseconds patience)
      : socket_(socket), pid_(pid), patience_(patience) {}
  // Waits for more and appends it to received_.
  Status Receive();

  const int socket_;
  const pid_t pid_;
  const std::chrono::milliseconds patience_;
  std::string received_;  // and not yet read
};

}  // namespace wnn::bench
