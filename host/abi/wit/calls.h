// What the functions that the bridge calls are made of: arguments as ours, failures as traps or as
// error resources.
#pragma once

#include <wasmtime.h>

#include <cstddef>
#include <exception>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/log.h"
#include "engine/base/status.h"
#include "host/abi/error_codes.h"
#include "host/abi/wit/guest.h"
#include "host/abi/wit/wit.h"
#include "rust/wit_bridge.h"

namespace wnn::abi {

// The linker's `env`.
struct WitImport {
  WitGuestOf guest_of;
};

inline std::span<const std::byte> AsBytes(wnn_wit_bytes_t bytes) {
  return {reinterpret_cast<const std::byte*>(bytes.data), bytes.len};
}

inline std::string_view AsText(wnn_wit_bytes_t bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.len};
}

inline wnn_wit_bytes_t FromBytes(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

inline wnn_wit_bytes_t FromText(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline wasmtime_error_t* ToTrap(const Status& status) {
  if (status.ok()) return nullptr;
  return wasmtime_error_new(("wasi:nn: " + std::string(status.message())).c_str());
}

// `body(guest)`, whose failure is a trap, as is whatever the standard library throws.
template <typename Body>
wasmtime_error_t* Trapping(void* env, wasmtime_context_t* store, Body body) {
  Status status;
  try {
    status = body(static_cast<const WitImport*>(env)->guest_of(store));
  } catch (const std::bad_alloc&) {
    status = TooLarge("the host is out of memory");
  } catch (const std::exception& e) {
    status = Internal(e.what());
  }
  return ToTrap(status);
}

// As Trapping, for a body that gives `*out` a value.
template <typename T, typename Body>
wasmtime_error_t* Giving(void* env, wasmtime_context_t* store, T* out, Body body) {
  return Trapping(env, store, [&](WitGuest& guest) -> Status {
    WNN_ASSIGN_OR_RETURN(*out, body(guest));
    return OkStatus();
  });
}

inline void LogRefusal(const WitGuest& guest, std::string_view function, const Status& status) {
  Logger& log = guest.session().environment().log();
  if (!log.Enabled(LogLevel::kWarn)) return;
  log.Log(LogLevel::kWarn, "wasi-nn " + std::string(function) + ": " +
                               std::string(CodeName(status.code())) + ": " +
                               std::string(status.message()));
}

// `body(guest)`, whose failure becomes an error resource.
template <typename Body>
wasmtime_error_t* Replying(void* env, wasmtime_context_t* store, std::string_view function,
                           wnn_wit_reply_t* reply, Body body) {
  return Trapping(env, store, [&](WitGuest& guest) -> Status {
    Result<Rep> outcome = [&]() -> Result<Rep> {
      try {
        return body(guest);
      } catch (const std::bad_alloc&) {
        return TooLarge("the host is out of memory");
      } catch (const std::exception& e) {
        return Internal(e.what());
      }
    }();
    reply->is_error = !outcome.has_value();
    if (outcome) {
      reply->rep = *outcome;
      return OkStatus();
    }
    const Status& error = outcome.error();
    LogRefusal(guest, function, error);
    WNN_ASSIGN_OR_RETURN(reply->rep, guest.NewError(WitErrorCodeOf(error.code()), error.message()));
    return OkStatus();
  });
}

// The outcome of a call that gives no resource.
inline Result<Rep> Nothing(Status status) {
  constexpr Rep kNoResource = 0;
  if (!status.ok()) return status;
  return kNoResource;
}

// Takes over an error of the linker's; OK for null.
inline Status ToStatus(wasmtime_error_t* error) {
  if (error == nullptr) return OkStatus();
  wasm_name_t message;
  wasmtime_error_message(error, &message);
  Status status = InvalidArgument(std::string(message.data, message.size));
  wasm_name_delete(&message);
  wasmtime_error_delete(error);
  return status;
}

}  // namespace wnn::abi
