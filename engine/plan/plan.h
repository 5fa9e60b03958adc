// A graph specialised for concrete input shapes: compiled operators in order, and where every
// tensor lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/base/stop.h"
#include "engine/graph/graph.h"
#include "engine/ops/op_def.h"
#include "engine/ops/pack_cache.h"
#include "engine/tensor/tensor.h"

namespace wnn::plan {

enum class Place : uint8_t { kNone, kArena, kInput, kConstant };

// Where a value lies while a plan runs.
struct Location {
  Place place = Place::kNone;
  uint64_t offset = 0;                  // kArena: into the arena; kInput: the graph input's index
  const std::byte* constant = nullptr;  // kConstant
};

struct Step {
  std::unique_ptr<const ops::CompiledOp> op;
  const graph::Node* node = nullptr;  // for messages; of the model's graph
  // The step's operands in Plan::operands: inputs first, then outputs.
  size_t first_operand = 0;
  size_t n_inputs = 0;
  size_t n_outputs = 0;
};

struct PlanOutput {
  Location location;
  DType dtype = DType::kUndefined;
  Shape shape;
  size_t size_bytes = 0;
};

// Immutable and thread-safe. Lifetime: borrows the graph; holds what else it needs.
struct Plan {
  std::vector<Step> steps;
  std::vector<Location> operands;
  std::vector<PlanOutput> outputs;  // in the graph's order
  size_t max_operands = 0;          // of one step
  uint64_t arena_bytes = 0;
  std::vector<graph::TensorPtr> constants;  // that the locations point into

  // Working memory that any one step needs with that many threads.
  uint64_t ScratchBytes(int n_threads) const;
};

struct PlanRequest {
  // One for each graph input: type and shape, and data where needed_values says so.
  std::span<const TensorView> inputs;
  const std::vector<bool>* needed_values = nullptr;  // FindNeededValues() of the graph
  Limits limits;
  ops::PackCache* cache = nullptr;  // may be null
  StopCondition stop;
};

// Null if some shape is known only once data are computed: then the graph runs node by node.
// Errors name the node: kInvalidArgument for shapes that do not fit, kTooLarge over a limit,
// kTimeout when request.stop says so.
Result<std::shared_ptr<const Plan>> MakePlan(const graph::Graph& graph, const PlanRequest& request);

}  // namespace wnn::plan
