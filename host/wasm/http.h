// Which hosts a component may reach by outbound HTTP (wasi:http). None unless a rule says so.
#pragma once

#include <wasmtime.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/log.h"
#include "engine/base/status.h"

namespace wnn::wasm {

// One host, or several, and a port.
struct HttpRule {
  // A name or an address, in lower case, IPv6 in brackets; "*" for every host. Names are compared
  // as written, not resolved: an address is reached by its name only if the name is allowed.
  std::string host;
  bool subdomains = false;       // those of `host`, itself not among them
  bool any_port = false;         // else `port`
  std::optional<uint16_t> port;  // nothing: 80 for http, 443 for https
};

// HOST[:PORT], *.DOMAIN[:PORT] or *[:PORT], where PORT may be * for any. kInvalidArgument, saying
// what is allowed, for anything else.
Result<HttpRule> ParseHttpRule(std::string_view text);

// Whether one of the rules allows a request to `authority`, the HOST[:PORT] of a URL. What is not
// plainly that, with a user's name before the host for example, never is.
bool HttpAllowed(const std::vector<HttpRule>& rules, bool is_https, std::string_view authority);

// What decides about one guest's requests.
struct HttpGate {
  std::vector<HttpRule> rules;
  // The guest's; its requests wait no longer. Nothing: as long as the guest says.
  std::optional<std::chrono::steady_clock::time_point> deadline;
  Logger* log = nullptr;  // where refusals go; null drops them
};

// Defines wasi:http/types and wasi:http/outgoing-handler of WASI 0.2 in `linker`, for components in
// stores that have WASI and wasi-http. A refused request is answered by HTTP-request-denied. A
// guest that is redirected asks anew, so that rules hold for every request. Lifetime: `gate`
// outlives the linker and its instances.
Status AddHttpToLinker(wasmtime_component_linker_t* linker, const HttpGate& gate);

}  // namespace wnn::wasm
