// Cast between numbers and strings.
#pragma once

#include "engine/ops/evaluate_context.h"

namespace wnn::ops {

// The EvaluateFn of a Cast whose input or output is a tensor of strings.
//
// A number is written in the fewest digits that are read back as the same number; booleans are "1"
// and "0", infinities "INF" and "-INF", NaN "NaN". A text is read as a decimal number with or
// without an exponent, white space around it aside, or as one of these words in any case of
// letters. kInvalidArgument for other texts, and for numbers that an integer cannot hold.
Status EvaluateTextCast(EvaluateContext& context);

}  // namespace wnn::ops
