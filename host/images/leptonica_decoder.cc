#include "host/images/leptonica_decoder.h"

#include <leptonica/allheaders.h>

#include "engine/base/mutex.h"

namespace wnn {
namespace {

struct PixDeleter {
  void operator()(PIX* pix) const { pixDestroy(&pix); }
};
using PixPtr = std::unique_ptr<PIX, PixDeleter>;

// findFileFormatBuffer() reads that many bytes, however few there are.
constexpr size_t kMinBytes = 16;
// Beyond what any format here can have.
constexpr int64_t kMaxExtent = int64_t{1} << 30;

bool IsDecoded(int format) {
  return format == IFF_BMP || format == IFF_JFIF_JPEG || format == IFF_PNG || format == IFF_PNM ||
         format == IFF_JP2 || format == IFF_WEBP || L_FORMAT_IS_TIFF(format);
}

const l_uint8* Bytes(std::span<const std::byte> encoded) {
  return reinterpret_cast<const l_uint8*>(encoded.data());
}

class LeptonicaDecoder final : public ImageDecoder {
 public:
  LeptonicaDecoder() { setMsgSeverity(L_SEVERITY_NONE); }

  std::optional<PictureSize> ReadSize(std::span<const std::byte> encoded) const override {
    l_int32 format = IFF_UNKNOWN;
    if (encoded.size() < kMinBytes || findFileFormatBuffer(Bytes(encoded), &format) != 0 ||
        !IsDecoded(format)) {
      return std::nullopt;
    }
    MutexLock lock(mutex_);
    l_int32 width = 0, height = 0, bits = 0, samples = 0, has_colormap = 0;
    if (pixReadHeaderMem(Bytes(encoded), encoded.size(), &format, &width, &height, &bits, &samples,
                         &has_colormap) != 0 ||
        width <= 0 || height <= 0 || width > kMaxExtent || height > kMaxExtent) {
      return std::nullopt;
    }
    return PictureSize{height, width};
  }

  // Leptonica's own picture has 4 bytes a pixel, a copy of it as many, and OpenJPEG keeps 4 bytes
  // for each of up to four channels.
  uint64_t WorkingBytes(const PictureSize& size) const override {
    constexpr uint64_t kBytesPerPixel = 4 + 4 + 4 * 4;
    return kBytesPerPixel * static_cast<uint64_t>(size.height) * static_cast<uint64_t>(size.width);
  }

  bool Decode(std::span<const std::byte> encoded, std::span<std::byte> rgb) const override {
    PixPtr pixels = ReadPixels(encoded);
    if (pixels == nullptr) return false;
    const l_int32 width = pixGetWidth(pixels.get()), height = pixGetHeight(pixels.get());
    // The head may have promised another size.
    if (uint64_t{3} * static_cast<uint64_t>(width) * static_cast<uint64_t>(height) != rgb.size()) {
      return false;
    }
    const l_uint32* line = pixGetData(pixels.get());
    auto* to = reinterpret_cast<l_uint8*>(rgb.data());
    for (l_int32 y = 0; y < height; ++y, line += pixGetWpl(pixels.get())) {
      for (l_int32 x = 0; x < width; ++x, to += 3) {
        to[0] = static_cast<l_uint8>(line[x] >> L_RED_SHIFT);
        to[1] = static_cast<l_uint8>(line[x] >> L_GREEN_SHIFT);
        to[2] = static_cast<l_uint8>(line[x] >> L_BLUE_SHIFT);
      }
    }
    return true;
  }

 private:
  // With 32 bits a pixel; null if it is damaged.
  PixPtr ReadPixels(std::span<const std::byte> encoded) const {
    PixPtr read;
    {
      MutexLock lock(mutex_);
      read.reset(pixReadMem(Bytes(encoded), encoded.size()));
    }
    if (read == nullptr) return nullptr;
    if (pixGetColormap(read.get()) != nullptr) {
      read.reset(pixRemoveColormap(read.get(), REMOVE_CMAP_TO_FULL_COLOR));
      if (read == nullptr) return nullptr;
    }
    return PixPtr(pixConvertTo32(read.get()));
  }

  // libtiff is told where to send its messages by global variables, with each picture.
  mutable Mutex mutex_;
};

}  // namespace

std::shared_ptr<const ImageDecoder> MakeLeptonicaDecoder() {
  return std::make_shared<LeptonicaDecoder>();
}

}  // namespace wnn
