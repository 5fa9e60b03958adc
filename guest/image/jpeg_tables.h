// What stb_image does not check of a JPEG file.
#pragma once

#include <cstddef>
#include <span>

namespace wnn::image {

// False when a Huffman table of the file has more than the 256 codes that there can be: the
// stb_image of 2022 writes past its own table then. True for what is no JPEG file. Looks at every
// segment that stb_image would find, and no further than the bytes go.
bool HuffmanTablesFit(std::span<const std::byte> file);

}  // namespace wnn::image
