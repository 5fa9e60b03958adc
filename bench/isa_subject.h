// A subject whose kernels are held to one instruction set.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bench/subject.h"
#include "engine/base/status.h"

namespace wnn::bench {

using MakeSubject = std::function<Result<std::unique_ptr<Subject>>()>;

// `isa`: as engine/kernels/isa.h names it. kInvalidArgument if the machine lacks it. The
// restriction holds while the subject is made and while it infers, so that others are not
// concerned; it is part of no time.
Result<std::unique_ptr<Subject>> MakeIsaSubject(std::string isa, const MakeSubject& make);

}  // namespace wnn::bench
