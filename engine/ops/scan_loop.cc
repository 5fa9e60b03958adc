// Scan: runs its body once for each slice of its inputs.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/subgraph_math.h"
#include "engine/ops/value_slices.h"

namespace wnn::ops {
namespace {

// Version 8 has a batch as the first axis of everything, and the lengths of its sequences as the
// first input; from version 9 on there is neither, but axes and directions of outputs.
bool HasBatch(const OpContext& context) { return context.opset() < 9; }

// What the attributes say. Axes are as they are written, one each.
struct ScanSpec {
  size_t first_input = 0;  // the first state
  size_t n_states = 0;
  size_t n_scans = 0;  // inputs that are cut into slices
  size_t n_scan_outputs = 0;
  std::vector<int64_t> input_axes, output_axes;
  std::vector<bool> input_backwards, output_backwards;
};

Result<std::vector<int64_t>> OnePerScan(const Attributes& attributes, std::string_view name,
                                        size_t count) {
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> given, attributes.Ints(name));
  if (given.empty()) return std::vector<int64_t>(count, 0);
  if (given.size() != count) {
    return InvalidArgument("attribute " + graph::Quoted(name) + " has " +
                           std::to_string(given.size()) + " values, not " + std::to_string(count));
  }
  return std::vector<int64_t>(given.begin(), given.end());
}

Result<std::vector<bool>> Directions(const Attributes& attributes, std::string_view name,
                                     size_t count) {
  WNN_ASSIGN_OR_RETURN(std::vector<int64_t> numbers, OnePerScan(attributes, name, count));
  std::vector<bool> backwards;
  for (int64_t number : numbers) backwards.push_back(number != 0);
  return backwards;
}

Result<ScanSpec> ReadScan(const OpContext& context) {
  const Attributes& attributes = context.attributes();
  WNN_ASSIGN_OR_RETURN(graph::GraphPtr body, attributes.RequiredSubgraph("body"));
  WNN_ASSIGN_OR_RETURN(int64_t n_scans, attributes.RequiredInt("num_scan_inputs"));
  ScanSpec spec;
  spec.first_input = HasBatch(context) ? 1 : 0;
  const size_t n_inputs = context.n_inputs() - std::min(context.n_inputs(), spec.first_input);
  if (n_scans < 1 || static_cast<uint64_t>(n_scans) > n_inputs) {
    return InvalidArgument("num_scan_inputs is " + std::to_string(n_scans) + ", but there are " +
                           std::to_string(n_inputs) + " inputs");
  }
  spec.n_scans = static_cast<size_t>(n_scans);
  spec.n_states = n_inputs - spec.n_scans;
  const size_t n_outputs = body->outputs.size();
  if (n_outputs < spec.n_states || n_outputs < context.n_outputs()) {
    return InvalidArgument("its body has " + std::to_string(n_outputs) +
                           " outputs, but there are " + std::to_string(spec.n_states) +
                           " states, and the node has " + std::to_string(context.n_outputs()) +
                           " outputs");
  }
  spec.n_scan_outputs = n_outputs - spec.n_states;
  const std::string_view directions = HasBatch(context) ? "directions" : "scan_input_directions";
  WNN_ASSIGN_OR_RETURN(spec.input_backwards, Directions(attributes, directions, spec.n_scans));
  WNN_ASSIGN_OR_RETURN(spec.input_axes, OnePerScan(attributes, "scan_input_axes", spec.n_scans));
  WNN_ASSIGN_OR_RETURN(spec.output_axes,
                       OnePerScan(attributes, "scan_output_axes", spec.n_scan_outputs));
  WNN_ASSIGN_OR_RETURN(spec.output_backwards,
                       Directions(attributes, "scan_output_directions", spec.n_scan_outputs));
  for (size_t i = spec.first_input; i < context.n_inputs(); ++i) {
    if (!context.HasInput(i)) return InvalidArgument("input " + std::to_string(i) + " is left out");
  }
  return spec;
}

// The fact without one dimension, or without the first two.
Result<Fact> Sliced(const Fact& fact, int64_t wanted_axis, bool has_batch) {
  if (!fact.has_rank) return AnyShapeOf(fact);
  std::vector<Dim> dims = fact.dims;
  if (has_batch && !dims.empty()) dims.erase(dims.begin());
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted_axis, dims.size()));
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  return Fact::Ranked(fact.dtype, std::move(dims));
}

Status InferScan(InferContext& context) {
  WNN_ASSIGN_OR_RETURN(ScanSpec spec, ReadScan(context));
  const bool has_batch = HasBatch(context);
  std::vector<Fact> inputs;
  for (size_t i = 0; i < spec.n_states; ++i) {
    inputs.push_back(AnyShapeOf(context.Input(spec.first_input + i)));
  }
  for (size_t i = 0; i < spec.n_scans; ++i) {
    const Fact& whole = context.Input(spec.first_input + spec.n_states + i);
    WNN_ASSIGN_OR_RETURN(Fact slice, Sliced(whole, spec.input_axes[i], has_batch));
    inputs.push_back(std::move(slice));
  }
  WNN_ASSIGN_OR_RETURN(std::vector<Fact> outputs, context.InferSubgraph("body", inputs));
  for (size_t i = 0; i < context.n_outputs(); ++i) {
    Fact out = AnyShapeOf(outputs[i]);
    if (i < spec.n_states) {
      if (!has_batch) out = MergeFacts(context.Input(i), outputs[i]);
    } else if (outputs[i].has_rank) {
      out =
          Fact::Ranked(outputs[i].dtype, std::vector<Dim>(outputs[i].rank() + (has_batch ? 2 : 1)));
    }
    context.SetOutput(i, std::move(out));
  }
  return OkStatus();
}

// One scan over slices: `states` in, states and stacked outputs out.
struct Scanned {
  std::vector<Value> states;
  std::vector<StackedValues> stacked;  // by output
};

Result<Scanned> RunScan(EvaluateContext& context, const ScanSpec& spec, std::vector<Value> states,
                        std::span<const Value> wholes, int64_t n_turns) {
  Scanned scanned;
  for (size_t i = 0; i < spec.n_scan_outputs; ++i) {
    scanned.stacked.emplace_back(context, spec.output_axes[i], spec.output_backwards[i]);
  }
  for (int64_t turn = 0; turn < n_turns; ++turn) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    std::vector<Value> inputs = std::move(states);
    for (size_t i = 0; i < wholes.size(); ++i) {
      WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(spec.input_axes[i], wholes[i].dims().size()));
      const int64_t at = spec.input_backwards[i] ? n_turns - 1 - turn : turn;
      WNN_ASSIGN_OR_RETURN(Value slice, SliceValue(context, wholes[i], axis, at, 1));
      WNN_ASSIGN_OR_RETURN(slice, DropAxis(context, slice, axis));
      inputs.push_back(std::move(slice));
    }
    WNN_ASSIGN_OR_RETURN(std::vector<Value> outputs,
                         context.RunSubgraph("body", std::move(inputs)));
    const auto first_slice = outputs.begin() + static_cast<std::ptrdiff_t>(spec.n_states);
    states.assign(std::make_move_iterator(outputs.begin()), std::make_move_iterator(first_slice));
    for (size_t i = 0; i < spec.n_scan_outputs; ++i) {
      WNN_RETURN_IF_ERROR(scanned.stacked[i].Add(std::move(outputs[spec.n_states + i])));
    }
  }
  scanned.states = std::move(states);
  return scanned;
}

// How many slices the inputs have; all must have as many.
Result<int64_t> CountTurns(const ScanSpec& spec, std::span<const Value> wholes) {
  int64_t n_turns = -1;
  for (size_t i = 0; i < wholes.size(); ++i) {
    WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(spec.input_axes[i], wholes[i].dims().size()));
    const int64_t extent = wholes[i].dims()[axis];
    if (n_turns >= 0 && extent != n_turns) {
      return InvalidArgument("its inputs have " + std::to_string(n_turns) + " and " +
                             std::to_string(extent) + " slices");
    }
    n_turns = extent;
  }
  return n_turns;
}

Status EvaluateScan(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(ScanSpec spec, ReadScan(context));
  std::vector<Value> states, wholes;
  for (size_t i = 0; i < spec.n_states; ++i) states.push_back(context.InputValue(i));
  for (size_t i = 0; i < spec.n_scans; ++i) {
    wholes.push_back(context.InputValue(spec.n_states + i));
  }
  WNN_ASSIGN_OR_RETURN(int64_t n_turns, CountTurns(spec, wholes));
  WNN_ASSIGN_OR_RETURN(Scanned scanned, RunScan(context, spec, std::move(states), wholes, n_turns));
  for (size_t i = 0; i < spec.n_states; ++i) context.SetOutput(i, std::move(scanned.states[i]));
  for (size_t i = 0; i < spec.n_scan_outputs; ++i) {
    const size_t output = spec.n_states + i;
    if (!context.HasOutput(output)) continue;
    auto stacked = scanned.stacked[i].empty() ? NoTurns(context, context.OutputFact(output))
                                              : scanned.stacked[i].Finish();
    if (!stacked) return std::move(stacked.error());
    context.SetOutput(output, std::move(*stacked));
  }
  return OkStatus();
}

// A stacked sequence with zeros behind it, as long as the longest of a batch.
Result<Value> Padded(const EvaluateContext& context, Value value, int64_t longest) {
  const int64_t length = value.dims()[0];
  if (length >= longest) return value;
  const Tensor* tensor = value.tensor();
  if (tensor == nullptr) return Unsupported("strings of different lengths in a batch");
  Shape shape = tensor->shape();
  shape[0] = longest - length;
  WNN_ASSIGN_OR_RETURN(Tensor zeros, context.Allocate(tensor->dtype(), std::move(shape)));
  if (!zeros.bytes().empty()) std::memset(zeros.bytes().data(), 0, zeros.bytes().size());
  const Value both[] = {std::move(value), Value(std::move(zeros))};
  return JoinValues(context, both, 0, /*new_axis=*/false);
}

// Element `i` of the batch of a value.
Result<Value> OfBatch(const EvaluateContext& context, const Value& value, int64_t i,
                      int64_t n_batch) {
  if (value.dims().empty() || value.dims()[0] != n_batch) {
    return InvalidArgument("its inputs are not batches of the same size");
  }
  WNN_ASSIGN_OR_RETURN(Value slice, SliceValue(context, value, 0, i, 1));
  return DropAxis(context, slice, 0);
}

Status EvaluateBatchedScan(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(ScanSpec spec, ReadScan(context));
  const Value& first = context.InputValue(spec.first_input);
  if (first.dims().empty()) return InvalidArgument("its inputs are not batches");
  const int64_t n_batch = first.dims()[0];
  const std::span<const int64_t> lengths = context.InputElements<int64_t>(0);
  if (context.HasInput(0) && static_cast<int64_t>(lengths.size()) != n_batch) {
    return InvalidArgument("there are not as many lengths as sequences");
  }
  std::vector<std::vector<Value>> outputs(spec.n_states + spec.n_scan_outputs);
  for (int64_t b = 0; b < n_batch; ++b) {
    std::vector<Value> states, wholes;
    for (size_t i = 0; i < spec.n_states + spec.n_scans; ++i) {
      WNN_ASSIGN_OR_RETURN(Value own,
                           OfBatch(context, context.InputValue(spec.first_input + i), b, n_batch));
      (i < spec.n_states ? states : wholes).push_back(std::move(own));
    }
    WNN_ASSIGN_OR_RETURN(const int64_t longest, CountTurns(spec, wholes));
    int64_t n_turns = longest;
    if (!lengths.empty())
      n_turns = std::clamp<int64_t>(lengths[static_cast<size_t>(b)], 0, longest);
    WNN_ASSIGN_OR_RETURN(Scanned scanned,
                         RunScan(context, spec, std::move(states), wholes, n_turns));
    for (size_t i = 0; i < spec.n_states; ++i) outputs[i].push_back(std::move(scanned.states[i]));
    for (size_t i = 0; i < spec.n_scan_outputs; ++i) {
      if (scanned.stacked[i].empty()) {
        return Unsupported("a batch with an empty sequence is not supported");
      }
      WNN_ASSIGN_OR_RETURN(Value stacked, scanned.stacked[i].Finish());
      WNN_ASSIGN_OR_RETURN(stacked, Padded(context, std::move(stacked), longest));
      outputs[spec.n_states + i].push_back(std::move(stacked));
    }
  }
  for (size_t i = 0; i < context.n_outputs(); ++i) {
    if (!context.HasOutput(i)) continue;
    WNN_ASSIGN_OR_RETURN(Value batch, JoinValues(context, outputs[i], 0, true));
    context.SetOutput(i, std::move(batch));
  }
  return OkStatus();
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Scan",
     .since_version = 8,
     .last_version = 8,
     .inputs = {0, kVariadic},
     .outputs = {1, kVariadic},
     .infer = InferScan,
     .evaluate = EvaluateBatchedScan},
    {.name = "Scan",
     .since_version = 9,
     .inputs = {1, kVariadic},
     .outputs = {1, kVariadic},
     .infer = InferScan,
     .evaluate = EvaluateScan},
});

}  // namespace

std::span<const OpDef> ScanLoopOps() { return kOps; }

}  // namespace wnn::ops
