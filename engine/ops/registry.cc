#include "engine/ops/registry.h"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/ops/families.h"

namespace wnn::ops {
namespace {

using Family = std::span<const OpDef> (*)();

constexpr auto kFamilies = std::to_array<Family>({
    AttentionOps,
    BinaryOps,
    BlockedConvOps,
    BlockedNormOps,
    BlockedPoolOps,
    BlockedReorderOps,
    BlockedShuffleOps,
    CastOps,
    ChannelsLastOps,
    ConcatOps,
    ConstantOps,
    ControlFlowOps,
    ConvOps,
    ConvTransposeOps,
    DeformOps,
    DetectionOps,
    EinsumOps,
    FastElementwiseOps,
    FlexAttentionOps,
    GatherOps,
    GatherQuantizedOps,
    GemmOps,
    GridSampleOps,
    GroupQueryAttentionOps,
    ImageOps,
    InvertedResidualOps,
    LayoutOps,
    LossOps,
    LpPoolOps,
    MatMulNBitsOps,
    MicrosoftAttentionOps,
    MicrosoftFusedOps,
    MicrosoftMatrixOps,
    MicrosoftMoeOps,
    MicrosoftNormOps,
    MicrosoftQuantizedOps,
    MicrosoftTextOps,
    MlLinearOps,
    MlMapOps,
    MlSvmOps,
    MlTreeOps,
    MomentsNormOps,
    MovementOps,
    MultiHeadAttentionOps,
    NormOps,
    OptionalOps,
    PackedGemmOps,
    PadOps,
    PoolOps,
    QLinearConvOps,
    QLinearElementwiseOps,
    QLinearMatMulOps,
    QuantizeOps,
    RandomOps,
    RecurrentOps,
    ReduceOps,
    ResizeOps,
    RoiOps,
    RotaryEmbeddingOps,
    ScanLoopOps,
    ScanOps,
    ScatterOps,
    SelectOps,
    SequenceModelOps,
    SequenceOps,
    SoftmaxOps,
    SpectralOps,
    StringOps,
    TfIdfOps,
    TrainingOps,
    UnaryOps,
    ViewOps,
    WindowOps,
});

std::string_view CanonicalDomain(std::string_view domain) {
  return domain == "ai.onnx" ? std::string_view() : domain;
}

// The newest version of a domain's operator set that was looked at: those of onnx 1.23.
int NewestVersion(std::string_view domain) {
  if (domain.empty()) return kNewestOpset;
  return domain == "ai.onnx.ml" ? 5 : 1;
}

// "13 to 28", with that word in between.
std::string VersionRange(const OpDef& op, std::string_view word) {
  return std::to_string(op.since_version) + std::string(word) +
         std::to_string(std::min(op.last_version, NewestVersion(op.domain)));
}

std::string DisplayDomain(std::string_view domain) {
  return domain.empty() ? "ai.onnx" : std::string(domain);
}

}  // namespace

const OpDef* FindOp(std::string_view domain, std::string_view name, int64_t opset) {
  domain = CanonicalDomain(domain);
  int64_t version = domain.empty() ? std::min<int64_t>(opset, kNewestOpset) : opset;
  for (Family family : kFamilies) {
    for (const OpDef& op : family()) {
      if (op.name == name && op.domain == domain && op.since_version <= version &&
          version <= op.last_version) {
        return &op;
      }
    }
  }
  return nullptr;
}

Status MissingOp(std::string_view domain, std::string_view name, int64_t opset,
                 std::string_view node) {
  std::string message = "operator " + graph::Printable(name) + " (" +
                        graph::Printable(DisplayDomain(domain)) + " " + std::to_string(opset) +
                        ") of " + std::string(node) + " is not implemented";
  domain = CanonicalDomain(domain);
  std::string versions;
  for (Family family : kFamilies) {
    for (const OpDef& op : family()) {
      if (op.name != name || op.domain != domain || domain == kOwnDomain) continue;
      versions += (versions.empty() ? "; implemented versions: " : ", ") + VersionRange(op, " to ");
    }
  }
  return Unsupported(message + versions);
}

std::string ListOps() {
  struct Line {
    std::string_view name;
    int since;
    std::string text;
  };
  std::vector<Line> lines;
  for (Family family : kFamilies) {
    for (const OpDef& op : family()) {
      if (op.domain == kOwnDomain) continue;
      lines.push_back({op.name, op.since_version,
                       std::string(op.name) + " " + DisplayDomain(op.domain) + " " +
                           VersionRange(op, "-") + "\n"});
    }
  }
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.name != b.name ? a.name < b.name : a.since < b.since;
  });
  std::string text;
  for (const Line& line : lines) text += line.text;
  return text;
}

}  // namespace wnn::ops
