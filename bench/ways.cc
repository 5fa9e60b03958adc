#include "bench/ways.h"

#include <array>
#include <utility>

#include "bench/native_subject.h"
#include "bench/witx_subject.h"
#include "host/runtimes/builtin/builtin.h"
#include "host/runtimes/onnxruntime/onnxruntime.h"

namespace wnn::bench {
namespace {

Result<std::unique_ptr<Subject>> MakeNative(SubjectId id, const Setting& setting) {
  return MakeNativeSubject(std::move(id), setting.runtime, setting.model);
}

Result<std::unique_ptr<Subject>> MakeWitx(SubjectId id, const Setting& setting) {
  WNN_ASSIGN_OR_RETURN(
      auto subject, MakeWitxSubject(std::move(id), setting.engine, setting.runtime, setting.model));
  return std::unique_ptr<Subject>(std::move(subject));
}

constexpr std::array kWays = {
    Way{"native", MakeNative},
    Way{"witx", MakeWitx},
};

}  // namespace

Result<Runtimes> OpenRuntimes(std::span<const std::string> names,
                              const std::string& onnxruntime_path) {
  Runtimes runtimes;
  for (const std::string& name : names) {
    if (name == "builtin") {
      runtimes.available.push_back(runtimes::MakeBuiltinRuntime());
    } else if (name == "onnxruntime") {
      auto runtime = runtimes::OpenOnnxRuntime({.library_path = onnxruntime_path});
      if (runtime) {
        runtimes.available.push_back(std::move(*runtime));
      } else {
        runtimes.skipped.push_back({name, std::string(runtime.error().message())});
      }
    } else {
      return InvalidArgument("there is no runtime '" + name + "': builtin or onnxruntime");
    }
  }
  return runtimes;
}

std::span<const Way> Ways() { return kWays; }

}  // namespace wnn::bench
