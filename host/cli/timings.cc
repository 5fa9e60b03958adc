#include "host/cli/timings.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace wnn::cli {
namespace {

using std::chrono::nanoseconds;

constexpr std::array kCalls = {
    nn::Call::kLoad,
    nn::Call::kLoadByName,
    nn::Call::kInitExecutionContext,
    nn::Call::kSetInput,
    nn::Call::kCompute,
    nn::Call::kGetOutput,
    nn::Call::kUnload,
    nn::Call::kFinalizeExecutionContext,
    nn::Call::kNewTensor,
    nn::Call::kReadTensor,
    nn::Call::kBindOutput,
    nn::Call::kCarryState,
};

// A person reads this many lines of calls; --timings=json has all that were recorded.
constexpr size_t kMaxTableCalls = 40;

double Milliseconds(nanoseconds duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

template <typename... Args>
std::string Format(const char* format, Args... args) {
  std::array<char, 256> line;
  const int size = std::snprintf(line.data(), line.size(), format, args...);
  return std::string(line.data(),
                     std::min(static_cast<size_t>(std::max(size, 0)), line.size() - 1));
}

std::string Phase(const char* name, std::optional<nanoseconds> duration) {
  if (!duration) return Format("  %-23s %12s\n", name, "-");
  return Format("  %-23s %12.3f\n", name, Milliseconds(*duration));
}

std::string Name(nn::Call call) { return std::string(nn::CallName(call)); }

CallTotal Sum(const std::vector<CallTotal>& totals) {
  CallTotal sum{};
  for (const CallTotal& total : totals) {
    sum.count += total.count;
    sum.duration += total.duration;
    sum.bytes_copied += total.bytes_copied;
  }
  return sum;
}

std::string CallLines(const std::vector<CallRecord>& calls) {
  std::string text = Format("  %5s %-23s %12s %14s\n", "#", "call", "ms", "bytes copied");
  for (size_t i = 0; i < std::min(calls.size(), kMaxTableCalls); ++i) {
    text += Format("  %5zu %-23s %12.3f %14llu\n", i + 1, Name(calls[i].call).c_str(),
                   Milliseconds(calls[i].duration),
                   static_cast<unsigned long long>(calls[i].bytes_copied));
  }
  if (calls.size() > kMaxTableCalls) {
    text += Format("  ... and %zu more (--timings=json has them)\n", calls.size() - kMaxTableCalls);
  }
  return text;
}

std::string TotalLine(const std::string& name, const CallTotal& total) {
  return Format("  %-23s %7llu %12.3f %12.3f %14llu\n", name.c_str(),
                static_cast<unsigned long long>(total.count), Milliseconds(total.duration),
                Milliseconds(total.shortest), static_cast<unsigned long long>(total.bytes_copied));
}

std::string TotalLines(const std::vector<CallTotal>& totals) {
  std::string text = Format("  %-23s %7s %12s %12s %14s\n", "WASI-NN in total", "calls", "ms",
                            "shortest", "bytes copied");
  for (const CallTotal& total : totals) {
    if (total.count > 0) text += TotalLine(Name(total.call), total);
  }
  const CallTotal sum = Sum(totals);
  return text + Format("  %-23s %7llu %12.3f %12s %14llu\n", "all",
                       static_cast<unsigned long long>(sum.count), Milliseconds(sum.duration), "",
                       static_cast<unsigned long long>(sum.bytes_copied));
}

nlohmann::ordered_json PhaseJson(std::optional<nanoseconds> duration) {
  if (!duration) return nullptr;
  return Milliseconds(*duration);
}

nlohmann::ordered_json TotalJson(const CallTotal& total) {
  return {{"count", total.count},
          {"ms", Milliseconds(total.duration)},
          {"bytes_copied", total.bytes_copied}};
}

}  // namespace

CallRecorder::CallRecorder() {
  for (nn::Call call : kCalls) totals_.push_back({.call = call});
}

void CallRecorder::OnCall(nn::Call call, nanoseconds duration, uint64_t bytes_copied) {
  std::lock_guard lock(mutex_);
  if (records_.size() < kMaxCallRecords) records_.push_back({call, duration, bytes_copied});
  for (CallTotal& total : totals_) {
    if (total.call != call) continue;
    total.shortest = total.count == 0 ? duration : std::min(total.shortest, duration);
    ++total.count;
    total.duration += duration;
    total.bytes_copied += bytes_copied;
  }
}

std::vector<CallRecord> CallRecorder::records() const {
  std::lock_guard lock(mutex_);
  return records_;
}

std::vector<CallTotal> CallRecorder::totals() const {
  std::lock_guard lock(mutex_);
  return totals_;
}

std::string TimingsTable(const TimingsReport& report) {
  std::string text = "Timings of " + report.module + ", " + report.runtime + ", " +
                     std::to_string(report.n_threads) +
                     (report.n_threads == 1 ? " thread\n" : " threads\n");
  text += Format("  %-23s %12s\n", "phase", "ms");
  text += Phase("compile", report.compile) + Phase("instantiate", report.instantiate) +
          Phase("run", report.run);
  if (report.calls.empty()) return text + "  WASI-NN was not called.\n";
  return text + CallLines(report.calls) + TotalLines(report.totals);
}

std::string TimingsJson(const TimingsReport& report) {
  nlohmann::ordered_json calls = nlohmann::ordered_json::array();
  for (const CallRecord& record : report.calls) {
    calls.push_back({{"call", Name(record.call)},
                     {"ms", Milliseconds(record.duration)},
                     {"bytes_copied", record.bytes_copied}});
  }
  nlohmann::ordered_json totals;
  for (const CallTotal& total : report.totals) totals[Name(total.call)] = TotalJson(total);
  totals["all"] = TotalJson(Sum(report.totals));
  const nlohmann::ordered_json document = {
      {"module", report.module},
      {"runtime", report.runtime},
      {"threads", report.n_threads},
      {"compile_ms", PhaseJson(report.compile)},
      {"instantiate_ms", PhaseJson(report.instantiate)},
      {"run_ms", PhaseJson(report.run)},
      {"calls", calls},
      {"totals", totals},
  };
  // Replacing what is no UTF-8 (in a path) keeps this from throwing.
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace wnn::cli
