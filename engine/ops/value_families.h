// The families of operators that run subgraphs, or that work on strings, sequences and optionals: as
// families.h.
#pragma once

#include <span>

#include "engine/ops/op_def.h"

namespace wnn::ops {

std::span<const OpDef> ControlFlowOps();  // control_flow.cc: If, Loop, SequenceMap
std::span<const OpDef> OptionalOps();     // optional.cc
std::span<const OpDef> ScanLoopOps();     // scan_loop.cc: Scan
std::span<const OpDef> SequenceOps();     // sequence.cc
std::span<const OpDef> StringOps();       // strings.cc: StringConcat, RegexFullMatch, ...
std::span<const OpDef> TfIdfOps();        // tfidf.cc: TfIdfVectorizer

}  // namespace wnn::ops
