// How inputs are changed.
#pragma once

#include <random>
#include <string>

namespace wnn::fuzz {

// Flips, inserts, removes, copies or overwrites a few bytes.
std::string MutateBytes(const std::string& input, std::mt19937& random);

// Changes a field somewhere in a protobuf message: its value, its number, its being there at all.
// Lengths around it are set right, so that readers get to what was changed.
std::string MutateMessage(const std::string& message, std::mt19937& random);

// Puts a field of `other`, a message of the same kind, in the place of one of its number: a node,
// the name of an operator, an attribute, a dimension.
std::string Splice(const std::string& message, const std::string& other, std::mt19937& random);

}  // namespace wnn::fuzz
