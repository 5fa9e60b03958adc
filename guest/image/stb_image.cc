// The one translation unit with stb_image's code; its header is a system header in our builds.
#include <cstddef>
#include <cstdlib>

// Its states begin as zeros: a scan that names a Huffman table which the file has not decodes zeros
// then, and does not search beyond the table for the end of what was never written. Pixels are left
// as they come.
static void* AllocateState(std::size_t size) {
  constexpr std::size_t kLargestState = 64 * 1024;
  return size <= kLargestState ? std::calloc(1, size) : std::malloc(size);
}
#define STBI_MALLOC(size) AllocateState(size)
#define STBI_REALLOC(pointer, size) std::realloc(pointer, size)
#define STBI_FREE(pointer) std::free(pointer)

#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_PNM
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_ASSERT(condition) ((void)0)
#ifdef __wasm__
#define STBI_NO_THREAD_LOCALS
#endif
#include "stb_image.h"
