// ImageDecoder, whose decoder of pictures the model's loader gives.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/image_decoder.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/families.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

enum class PixelFormat { kRgb, kBgr, kGrayscale };

Result<PixelFormat> ReadPixelFormat(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view name, context.attributes().String("pixel_format", "RGB"));
  if (name == "RGB") return PixelFormat::kRgb;
  if (name == "BGR") return PixelFormat::kBgr;
  if (name == "Grayscale") return PixelFormat::kGrayscale;
  return InvalidArgument("attribute 'pixel_format' is " + graph::Quoted(name) +
                         ", not RGB, BGR or Grayscale");
}

int64_t ChannelsOf(PixelFormat format) { return format == PixelFormat::kGrayscale ? 1 : 3; }

Status InferImageDecoder(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, {DType::kUint8}));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 1, 1));
  WNN_ASSIGN_OR_RETURN(PixelFormat format, ReadPixelFormat(context));
  context.SetOutput(0, Fact::Ranked(DType::kUint8, {graph::UnknownDim(), graph::UnknownDim(),
                                                    graph::KnownDim(ChannelsOf(format))}));
  return OkStatus();
}

// ITU-R BT.601's weights in 16-bit fixed point, rounded to nearest: of white they give white.
uint8_t Luma(const uint8_t* rgb) {
  return static_cast<uint8_t>((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 32768u) >> 16);
}

// The picture in `rgb` as the format that the node asks for.
Result<Tensor> ConvertPixels(const EvaluateContext& context, Tensor rgb, PixelFormat format) {
  auto* pixels = reinterpret_cast<uint8_t*>(rgb.bytes().data());
  const size_t n = rgb.bytes().size() / 3;
  if (format == PixelFormat::kBgr) {
    for (size_t i = 0; i < n; ++i) std::swap(pixels[3 * i], pixels[3 * i + 2]);
  }
  if (format != PixelFormat::kGrayscale) return rgb;
  WNN_ASSIGN_OR_RETURN(Tensor gray,
                       context.Allocate(DType::kUint8, {rgb.shape()[0], rgb.shape()[1], 1}));
  auto* to = reinterpret_cast<uint8_t*>(gray.bytes().data());
  for (size_t i = 0; i < n; ++i) to[i] = Luma(pixels + 3 * i);
  return gray;
}

// What cannot be decoded is an empty picture, as ONNX says.
Status EvaluateImageDecoder(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(PixelFormat format, ReadPixelFormat(context));
  const ImageDecoder* decoder = context.image_decoder();
  if (decoder == nullptr) return Internal("it was loaded without a decoder of pictures");
  const std::span<const std::byte> encoded = context.InputTensor(0).bytes();
  if (const std::optional<PictureSize> size = decoder->ReadSize(encoded)) {
    WNN_ASSIGN_OR_RETURN(Tensor rgb,
                         context.Allocate(DType::kUint8, {size->height, size->width, 3}));
    WNN_ASSIGN_OR_RETURN(MemoryCharge charge,
                         MemoryCharge::Take(context.budget(), decoder->WorkingBytes(*size)));
    if (decoder->Decode(encoded, rgb.bytes())) {
      charge = MemoryCharge();
      WNN_ASSIGN_OR_RETURN(Tensor out, ConvertPixels(context, std::move(rgb), format));
      context.SetOutput(0, std::move(out));
      return OkStatus();
    }
  }
  WNN_ASSIGN_OR_RETURN(Tensor none, context.Allocate(DType::kUint8, {0, 0, ChannelsOf(format)}));
  context.SetOutput(0, std::move(none));
  return OkStatus();
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "ImageDecoder",
     .since_version = 20,
     .infer = InferImageDecoder,
     .evaluate = EvaluateImageDecoder,
     .needs_image_decoder = true},
});

}  // namespace

std::span<const OpDef> ImageOps() { return kOps; }

}  // namespace wnn::ops
