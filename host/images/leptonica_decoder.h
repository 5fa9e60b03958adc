// Pictures by Leptonica, and the libraries below it: BMP, JPEG, JPEG 2000, PNG, PNM, TIFF, WebP.
#pragma once

#include <memory>

#include "engine/base/image_decoder.h"

namespace wnn {

// Transparency is dropped, channels of 16 bits lose the lower 8, of several pages the first counts.
// JPEG's colours are upsampled as ONNX says, which is libjpeg-turbo's way.
//
// A picture is shown to code that is not ours and has its own history of holes. Leptonica's
// messages are turned off for the whole process; the libraries below it may still write of a
// damaged picture to standard error.
std::shared_ptr<const ImageDecoder> MakeLeptonicaDecoder();

}  // namespace wnn
