// Parts of pictures.
#pragma once

#include "guest/image/image.h"

namespace wnn::image {

// The part of `width` x `height` whose top left corner is at x, y.
// REQUIRES: it lies within the picture, and is not empty
Image Crop(const Image& source, int x, int y, int width, int height);

// The middle, as large as wanted; the left or upper one of two middles.
// REQUIRES: the picture is at least as large
Image CropCenter(const Image& source, int width, int height);

// The size of the whole picture when its shorter side becomes `shorter`: what many models are
// trained on, before they crop the middle. The longer side is cut to whole pixels.
struct Size {
  int width;
  int height;
};
Size ShorterSideTo(const Image& source, int shorter);

}  // namespace wnn::image
