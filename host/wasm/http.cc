#include "host/wasm/http.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "host/wasm/guest.h"
#include "rust/http_bridge.h"

namespace wnn::wasm {
namespace {

constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;

struct HostAndPort {
  std::string host;
  std::optional<std::string_view> port;
};

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// A name or an IPv4 address.
bool IsPlainHost(std::string_view host) {
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

// An IPv6 address in brackets.
bool IsBracketedHost(std::string_view host) {
  return host.size() > 2 && host.starts_with('[') && host.ends_with(']') &&
         std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
           return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9') || c == ':' || c == '.';
         });
}

// Splits at the colon that is not an IPv6 address's own.
HostAndPort Split(std::string_view text) {
  const size_t bracket = text.rfind(']');
  const size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return {Lower(text), std::nullopt};
  return {Lower(text.substr(0, colon)), text.substr(colon + 1)};
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), port);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size()) return std::nullopt;
  return port;
}

bool Matches(const HttpRule& rule, std::string_view host, uint16_t port, uint16_t default_port) {
  if (!rule.any_port && port != rule.port.value_or(default_port)) return false;
  if (rule.host == "*") return true;
  if (!rule.subdomains) return host == rule.host;
  return host.size() > rule.host.size() + 1 && host.ends_with("." + rule.host);
}

// How long a request may wait for one of its steps.
uint64_t NanosecondsUntil(std::chrono::steady_clock::time_point deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
  return static_cast<uint64_t>(std::max<int64_t>(ns, 1));
}

bool Allows(void* env, bool is_https, const char* authority, size_t authority_len,
            uint64_t* max_wait_ns) {
  const auto& gate = *static_cast<const HttpGate*>(env);
  const std::string_view text(authority, authority_len);
  if (gate.deadline) *max_wait_ns = NanosecondsUntil(*gate.deadline);
  if (HttpAllowed(gate.rules, is_https, text)) return true;
  if (gate.log != nullptr) {
    gate.log->Log(LogLevel::kWarn, "the guest may not send a request to " +
                                       std::string(is_https ? "https://" : "http://") +
                                       std::string(text) + "; --allow-http HOST[:PORT] allows it");
  }
  return false;
}

}  // namespace

Result<HttpRule> ParseHttpRule(std::string_view text) {
  const std::string error =
      "'" + std::string(text) +
      "' is not HOST or HOST:PORT, without a scheme, for example models.example.com, "
      "127.0.0.1:8080, [::1]:8080, *.example.com or *:* (HOST * is every host, PORT * every port)";
  const HostAndPort parts = Split(text);
  HttpRule rule;
  rule.host = parts.host;
  if (rule.host.starts_with("*.")) {
    rule.subdomains = true;
    rule.host.erase(0, 2);
  }
  const bool is_host = IsPlainHost(rule.host) ||
                       (!rule.subdomains && (IsBracketedHost(rule.host) || rule.host == "*"));
  if (!is_host) return InvalidArgument(error);
  if (parts.port == "*") {
    rule.any_port = true;
  } else if (parts.port) {
    rule.port = ParsePort(*parts.port);
    if (!rule.port) return InvalidArgument(error);
  }
  return rule;
}

bool HttpAllowed(const std::vector<HttpRule>& rules, bool is_https, std::string_view authority) {
  const HostAndPort parts = Split(authority);
  if (!IsPlainHost(parts.host) && !IsBracketedHost(parts.host)) return false;
  const uint16_t default_port = is_https ? kHttpsPort : kHttpPort;
  const std::optional<uint16_t> port = parts.port ? ParsePort(*parts.port) : default_port;
  if (!port) return false;
  return std::ranges::any_of(
      rules, [&](const HttpRule& rule) { return Matches(rule, parts.host, *port, default_port); });
}

Status AddHttpToLinker(wasmtime_component_linker_t* linker, const HttpGate& gate) {
  // The gate is only read.
  return ToStatus(wnn_http_add_to_linker(linker, Allows, const_cast<HttpGate*>(&gate), nullptr));
}

}  // namespace wnn::wasm
