// The one translation unit with stb_image's code; its header is a system header in our builds.
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
