#include "host/runtimes/onnxruntime/library.h"

#include <dlfcn.h>
#include <onnxruntime_c_api.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace wnn::runtimes {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLibraryName = "libonnxruntime.so";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Libraries named libonnxruntime.so* right inside `folder`, the newest version first.
std::vector<std::string> LibrariesIn(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string().starts_with(kLibraryName)) {
      found.push_back(entry.path().string());
    }
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

// A file stands for itself, a folder for the libraries in it or in its lib/. The wheel's layout, a
// release archive's and a plain folder all do.
std::vector<std::string> Expand(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return {path};
  std::vector<std::string> found = LibrariesIn(path);
  for (const char* subfolder : {"lib", "lib64", "capi"}) {
    for (std::string& library : LibrariesIn(fs::path(path) / subfolder)) {
      found.push_back(std::move(library));
    }
  }
  if (found.empty()) found.push_back((fs::path(path) / kLibraryName).string());
  return found;
}

void Append(std::vector<std::string>& to, std::vector<std::string> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

std::vector<std::string> Candidates(const std::string& library_path) {
  if (!library_path.empty()) return Expand(library_path);
  std::vector<std::string> candidates;
  for (const char* variable : {"ORT_DYLIB_PATH", "ONNXRUNTIME_ROOT"}) {
    if (std::string path = Environment(variable); !path.empty()) Append(candidates, Expand(path));
  }
  // Bare names make dlopen search the system's library path.
  Append(candidates, {std::string(kLibraryName), std::string(kLibraryName) + ".1"});
  std::string cache = Environment("XDG_CACHE_HOME");
  if (cache.empty()) cache = Environment("HOME") + "/.cache";
  std::error_code error;
  std::vector<fs::path> versions;
  for (const auto& entry :
       fs::directory_iterator(fs::path(cache) / "wasi-nn-onnx/onnxruntime", error)) {
    versions.push_back(entry.path());
  }
  std::sort(versions.rbegin(), versions.rend());
  for (const fs::path& version : versions) Append(candidates, LibrariesIn(version));
  return candidates;
}

Result<OnnxRuntimeLibrary> Open(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return NotFound(dlerror());
  auto get_api_base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
  if (get_api_base == nullptr) return NotFound(path + " is not ONNX Runtime: no OrtGetApiBase");
  const OrtApiBase* base = get_api_base();
  const std::string version = base->GetVersionString();
  const OrtApi* api = base->GetApi(ORT_API_VERSION);
  if (api == nullptr) {
    return NotFound(path + " is ONNX Runtime " + version + ", older than the 1." +
                    std::to_string(ORT_API_VERSION) + " that is needed");
  }
  Dl_info info;
  const bool has_path = dladdr(reinterpret_cast<void*>(get_api_base), &info) != 0;
  return OnnxRuntimeLibrary{api, has_path ? info.dli_fname : path, version};
}

}  // namespace

Result<OnnxRuntimeLibrary> OpenOnnxRuntimeLibrary(const std::string& library_path) {
  std::string reasons;
  for (const std::string& candidate : Candidates(library_path)) {
    auto library = Open(candidate);
    if (library) return library;
    reasons += "\n  " + std::string(library.error().message());
  }
  return NotFound(
      "ONNX Runtime's shared library cannot be opened:" + reasons +
      "\nInstall it (for example `pip download onnxruntime`, and unpack libonnxruntime.so.* from "
      "the wheel) and name it with --onnxruntime PATH, ORT_DYLIB_PATH or ONNXRUNTIME_ROOT; or use "
      "the builtin runtime, which needs no library");
}

}  // namespace wnn::runtimes
