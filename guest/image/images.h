// All that a guest needs around an image model, by one name: decode a picture, crop and resize it,
// make a tensor of it, and name what the scores say.
//
//   auto picture = wnn::image::Decode(bytes);                       // stb_image
//   const auto small = wnn::image::Resize(*picture, 224, 224);      // as Pillow does
//   wnn::image::ToTensor(small, {}, wnn::image::Layout::kNchw, pixels);
//   ...infer...
//   wnn::image::Softmax(scores);
//   for (const auto& best : wnn::image::TopK(scores, 5)) labels[best.index], best.score
//
// With -msimd128 resizing, normalising and ranking are SIMD; the results are the scalar code's, bit
// for bit. With -mrelaxed-simd too, ToTensor multiplies and adds in one step: within 2e-6 of the
// scalar code's for normalisations like ImageNet's.
#pragma once

#include "guest/image/crop.h"     // IWYU pragma: export
#include "guest/image/image.h"    // IWYU pragma: export
#include "guest/image/ranking.h"  // IWYU pragma: export
#include "guest/image/resize.h"   // IWYU pragma: export
#include "guest/image/tensor.h"   // IWYU pragma: export
