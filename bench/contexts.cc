#include "bench/contexts.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "bench/memory_use.h"

namespace wnn::bench {
namespace {

using Contexts = std::vector<std::unique_ptr<runtimes::Context>>;

Status Compute(runtimes::Context& context, const ModelData& data) {
  WNN_RETURN_IF_ERROR(context.SetInput(0, data.cases[0].input.view()));
  return context.Compute({});
}

Status MeasureOne(const ModelData& data, const runtimes::Runtime& runtime, ContextMemory& memory) {
  if (data.cases.empty()) return NotFound("there is no input for it");
  const int64_t before = ResidentBytes();
  WNN_ASSIGN_OR_RETURN(auto graph, runtime.Load(data.bytes, {}));
  WNN_ASSIGN_OR_RETURN(auto first, graph->NewContext());
  WNN_RETURN_IF_ERROR(Compute(*first, data));
  const int64_t loaded = ResidentBytes();
  memory.graph_bytes = loaded - before;

  Contexts contexts(kManyContexts);
  for (auto& context : contexts) {
    WNN_ASSIGN_OR_RETURN(context, graph->NewContext());
  }
  const int64_t created = ResidentBytes();
  memory.many_bytes = std::max<int64_t>(created - loaded, 0);

  for (size_t i = 0; i < kUsedContexts; ++i) {
    WNN_RETURN_IF_ERROR(Compute(*contexts[i], data));
  }
  memory.used_bytes_each =
      std::max<int64_t>(ResidentBytes() - created, 0) / static_cast<int64_t>(kUsedContexts);
  return OkStatus();
}

}  // namespace

std::vector<ContextMemory> MeasureContexts(const ModelData& data,
                                           std::span<const RuntimePtr> runtimes) {
  std::vector<ContextMemory> all;
  for (const RuntimePtr& runtime : runtimes) {
    ContextMemory memory{.model = data.name,
                         .runtime = std::string(runtime->name()),
                         .model_bytes = data.bytes.size(),
                         .problem = {}};
    const Status measured = MeasureOne(data, *runtime, memory);
    if (!measured.ok()) memory.problem = std::string(measured.message());
    all.push_back(std::move(memory));
  }
  return all;
}

}  // namespace wnn::bench
