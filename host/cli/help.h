// What `--help` prints.
#pragma once

#include <string>

namespace wnn::cli {

std::string HelpText();

}  // namespace wnn::cli
