#include "host/runtimes/built.h"

#if WNN_WITH_BUILTIN
#include "host/runtimes/builtin/builtin.h"
#if WNN_WITH_IMAGE_DECODER
#include "host/images/leptonica_decoder.h"
#endif
#endif
#if WNN_WITH_ONNXRUNTIME
#include "host/runtimes/onnxruntime/onnxruntime.h"
#endif
#if WNN_WITH_TRACT
#include "host/runtimes/tract/tract.h"
#endif

namespace wnn::runtimes {
namespace {

#if WNN_WITH_BUILTIN
Result<std::shared_ptr<const Runtime>> OpenBuiltin(const OpenOptions& options) {
  BuiltinOptions builtin{.disabled_passes = options.disabled_passes};
#if WNN_WITH_IMAGE_DECODER
  builtin.image_decoder = MakeLeptonicaDecoder();
#endif
  return MakeBuiltinRuntime(std::move(builtin));
}
#else
constexpr OpenFunction OpenBuiltin = nullptr;
#endif

#if WNN_WITH_ONNXRUNTIME
Result<std::shared_ptr<const Runtime>> OpenOrt(const OpenOptions& options) {
  return OpenOnnxRuntime({.library_path = options.onnxruntime_library,
                          .log = options.log,
                          .max_memory_bytes = options.max_memory_bytes});
}
#else
constexpr OpenFunction OpenOrt = nullptr;
#endif

#if WNN_WITH_TRACT
Result<std::shared_ptr<const Runtime>> OpenTract(const OpenOptions&) { return MakeTractRuntime(); }
#else
constexpr OpenFunction OpenTract = nullptr;
#endif

constexpr KnownRuntime kRuntimes[] = {
    {"builtin", "the built-in engine", "WNN_WITH_BUILTIN", OpenBuiltin},
    {"onnxruntime", "ONNX Runtime", "WNN_WITH_ONNXRUNTIME", OpenOrt},
    {"tract", "Tract", "WNN_WITH_TRACT", OpenTract},
};

}  // namespace

std::span<const KnownRuntime> KnownRuntimes() { return kRuntimes; }

Result<std::shared_ptr<const Runtime>> OpenRuntime(std::string_view name,
                                                   const OpenOptions& options) {
  for (const KnownRuntime& runtime : kRuntimes) {
    if (runtime.name != name) continue;
    if (runtime.is_built()) return runtime.open(options);
    return Unsupported("this build leaves out " + std::string(runtime.title) +
                       "; configure it with -D" + std::string(runtime.build_option) + "=ON");
  }
  return NotFound("there is no runtime '" + std::string(name) + "'");
}

}  // namespace wnn::runtimes
