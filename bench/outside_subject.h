// A model run by another library, in a program of its own (bench/outside/) that waits while others
// take their turns.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "bench/subject.h"
#include "engine/base/status.h"

namespace wnn::bench {

// Starts `program MODEL THREADS`. It speaks the protocol that bench/outside/protocol.py describes.
Result<std::unique_ptr<Subject>> MakeOutsideSubject(SubjectId id,
                                                    const std::filesystem::path& program,
                                                    const std::filesystem::path& model);

}  // namespace wnn::bench
