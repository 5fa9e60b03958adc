#include "host/abi/witx/arguments.h"

#include <cstring>

namespace wnn::abi {
namespace {

// Names and configurations are copied, and named in the log: none is as long as this.
constexpr uint32_t kMaxTextBytes = 1 << 20;

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto byte = [&](size_t k) { return static_cast<uint8_t>(text[k]); };
    uint8_t lead = byte(i);
    size_t n_more = lead < 0x80 ? 0 : lead < 0xc2 ? 4 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (lead > 0xf4 || n_more == 4 || n_more >= text.size() - i) return false;
    for (size_t k = 1; k <= n_more; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    }
    if (lead == 0xe0 && byte(i + 1) < 0xa0) return false;
    if (lead == 0xed && byte(i + 1) > 0x9f) return false;
    if (lead == 0xf0 && byte(i + 1) < 0x90) return false;
    if (lead == 0xf4 && byte(i + 1) > 0x8f) return false;
    i += n_more + 1;
  }
  return true;
}

}  // namespace

void StoreU32(std::span<std::byte> out, uint32_t value) {
  std::memcpy(out.data(), &value, sizeof(value));
}

Result<std::string> ReadText(const WitxCall& call, uint32_t address, uint32_t size,
                             std::string_view what) {
  WNN_ASSIGN_OR_RETURN(auto bytes, call.memory.Bytes(address, size, what));
  if (size > kMaxTextBytes) {
    return TooLarge(std::string(what) + " has " + std::to_string(size) + " bytes, the limit is " +
                    std::to_string(kMaxTextBytes));
  }
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!IsUtf8(text)) return InvalidArgument(std::string(what) + " is not UTF-8");
  return text;
}

Status WriteOut(const WitxCall& call, std::span<const std::byte> data, size_t unit_bytes,
                const OutBuffer& out, std::string_view what) {
  WNN_ASSIGN_OR_RETURN(auto size, call.memory.Bytes(out.out_address, 4, "the size's result"));
  WNN_ASSIGN_OR_RETURN(auto buffer,
                       call.memory.Bytes(out.address, uint64_t{out.capacity} * unit_bytes, what));
  const size_t n_units = data.size() / unit_bytes;
  if (n_units > UINT32_MAX) return TooLarge(std::string(what) + " does not fit 32 bits");
  StoreU32(size, static_cast<uint32_t>(n_units));
  if (n_units > out.capacity) {
    return TooLarge(std::string(what) + " takes " + std::to_string(n_units) + " of the buffer's " +
                    std::to_string(out.capacity));
  }
  if (!data.empty()) std::memcpy(buffer.data(), data.data(), data.size());
  return OkStatus();
}

}  // namespace wnn::abi
