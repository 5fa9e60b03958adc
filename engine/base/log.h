// Where libraries send what a person may want to read. Libraries never print.
#pragma once

#include <string_view>

namespace wnn {

enum class LogLevel { kError, kWarn, kInfo, kDebug, kTrace };

// Thread-safe: implementations accept calls from any thread.
class Logger {
 public:
  virtual ~Logger() = default;
  // Whether Log at this level goes anywhere: ask before building a costly message.
  virtual bool Enabled(LogLevel level) const = 0;
  virtual void Log(LogLevel level, std::string_view message) = 0;
};

// Drops everything.
class NullLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return false; }
  void Log(LogLevel, std::string_view) override {}
};

}  // namespace wnn
