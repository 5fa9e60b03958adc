// Pictures in the formats of files. The engine has no code for any: whoever wants the operator
// ImageDecoder gives it one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace wnn {

struct PictureSize {
  int64_t height = 0;
  int64_t width = 0;
};

// Thread-safe.
class ImageDecoder {
 public:
  virtual ~ImageDecoder() = default;

  // From the picture's head, at little cost. Nothing if it is no picture that this one can decode.
  virtual std::optional<PictureSize> ReadSize(std::span<const std::byte> encoded) const = 0;

  // What Decode() takes while it works on such a picture, in bytes, beside its arguments.
  virtual uint64_t WorkingBytes(const PictureSize& size) const = 0;

  // Fills `rgb`, rows from the top, each pixel as red, green, blue in a byte each. False, and `rgb`
  // may be anything, if the picture is damaged. REQUIRES: `rgb` has the size of ReadSize(encoded).
  virtual bool Decode(std::span<const std::byte> encoded, std::span<std::byte> rgb) const = 0;
};

}  // namespace wnn
