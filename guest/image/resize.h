// Changing a picture's size.
#pragma once

#include "guest/image/image.h"

namespace wnn::image {

// The whole picture at `width` x `height`, by a triangle filter that widens when shrinking, so that
// every source pixel counts. Bit for bit what Pillow's BILINEAR gives for 8-bit RGB, since models
// are trained on pictures made so: horizontal pass first, rounded to 8 bits, then vertical.
// REQUIRES: width > 0, height > 0, and a picture that is not empty.
Image Resize(const Image& source, int width, int height);

}  // namespace wnn::image
