// The report as JSON: {"rows": [...], "overhead": [...], "contexts": [...],
// "instantiate": {...}, "skipped": [...], "host": {...}}. bench/report.py adds to "host" what only
// the system knows.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/contexts.h"
#include "bench/instantiate.h"
#include "bench/models.h"
#include "bench/overhead.h"
#include "bench/ways.h"

namespace wnn::bench {

struct Report {
  std::vector<Row> rows;
  std::vector<Overhead> overhead;
  std::vector<ContextMemory> contexts;
  std::optional<Instantiation> instantiation;
  std::vector<Skipped> skipped;
  nanoseconds longest_wait{};               // before a block, for pools to stop spinning
  std::map<std::string, std::string> host;  // versions and the like, as they are

  // Whether every row and overhead gave the right output, and there was one.
  bool AllVerified() const;
};

// Times in milliseconds or microseconds, as the key's end says. What was not measured is null, and
// so is an error that is not finite.
std::string ToJson(const Report& report);

}  // namespace wnn::bench
