#include "host/cli/logger.h"

// {fmt} 9 declares constant evaluation that newer compilers find not to be constant.
#define FMT_CONSTEVAL
#define FMT_HEADER_ONLY
#define SPDLOG_HEADER_ONLY
#define SPDLOG_FMT_EXTERNAL
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace wnn::cli {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kError: return spdlog::level::err;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kTrace: return spdlog::level::trace;
  }
  return spdlog::level::off;
}

class StderrLogger final : public Logger {
 public:
  explicit StderrLogger(LogLevel level)
      : logger_("wasmtime-onnx", std::make_shared<spdlog::sinks::stderr_color_sink_mt>()) {
    logger_.set_level(ToSpdlog(level));
    logger_.set_pattern("%^[%l]%$ %v");
  }

  bool Enabled(LogLevel level) const override { return logger_.should_log(ToSpdlog(level)); }

  void Log(LogLevel level, std::string_view message) override {
    logger_.log(ToSpdlog(level), spdlog::string_view_t(message.data(), message.size()));
  }

 private:
  spdlog::logger logger_;
};

}  // namespace

std::unique_ptr<Logger> MakeStderrLogger(LogLevel level) {
  return std::make_unique<StderrLogger>(level);
}

}  // namespace wnn::cli
