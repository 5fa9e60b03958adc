// Reading whole files, for guests, which have no <fstream>.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace wnn::support {

// The file's bytes. The error names the file and, where a folder may not have been opened to the
// guest, the host's option that does it.
std::expected<std::vector<std::byte>, std::string> ReadFile(const std::string& path);

// The bytes as text, borrowed.
std::string_view AsText(const std::vector<std::byte>& bytes);

}  // namespace wnn::support
