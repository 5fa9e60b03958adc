// Models as text, so that a table of them is read at a glance.
//
//   A = Conv(f[1,3,8,8], f[4,3,3,3]{} | pads=[1,1,1,1]); Relu(A)
//
// A statement is a node: `results = domain.Operator(inputs | attributes)`. Without results it gives
// Y; without a domain it is ONNX's. An input is a name (which begins with a capital) or a type with
// dimensions: alone it is an input of the graph; with values in braces it is an initialiser, with
// none between them one of made-up values. `_` leaves an input or a result out.
//
// An attribute is name=value: 3, 0.5, 'text', [1,2], [0.5,2.0], ['a','b'], a tensor as above, or a
// graph: {(I i64, V f[3]) W = Relu(V) -> I, W}, whose inputs and arrow may be left out. A graph's
// outputs are what follows the arrow, or else the results of the last statement.
//
// Types: f d h bf b s i8 u8 i16 u16 i32 u32 i64 u64. Domains: ml, ml5 (ai.onnx.ml 3 and 5), ms
// (com.microsoft), preview and train (ai.onnx.preview and .training). `@26` before all is the
// version of ONNX's operators, 20 otherwise.
#pragma once

#include <string>
#include <string_view>

namespace wnn::fuzz {

// The model's bytes. Ends the process, saying where, if `text` is not of that form.
std::string ModelFromText(std::string_view text);

}  // namespace wnn::fuzz
