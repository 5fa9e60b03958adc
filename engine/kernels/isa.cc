#include "engine/kernels/isa.h"

#include <atomic>
#include <cctype>
#include <cstdint>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/isa.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

int64_t Target() { return HWY_TARGET; }

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(Target);

constexpr bool kHasChoice = (HWY_TARGETS & (HWY_TARGETS - 1)) != 0;

// The restriction in force; 0 for none.
std::atomic<int64_t> g_restriction{0};

// The targets that can run here. The static target needs nothing beyond what the whole program was
// compiled for.
int64_t RunnableTargets() {
  if constexpr (!kHasChoice) return HWY_STATIC_TARGET;
  static const int64_t detected = [] {
    hwy::SetSupportedTargetsForTest(0);
    const int64_t targets = hwy::SupportedTargets();
    hwy::SetSupportedTargetsForTest(g_restriction);
    return targets;
  }();
  return (detected & HWY_TARGETS) | HWY_STATIC_TARGET;
}

void Restrict(int64_t target) {
  if constexpr (kHasChoice) {
    g_restriction = target;
    hwy::SetSupportedTargetsForTest(target);
  }
}

// Highway's name for a target, or the one that people know.
std::string_view NameOf(int64_t target) {
  switch (target) {
    case HWY_AVX3: return "AVX512";
    case HWY_EMU128: return "SCALAR";
    default: return hwy::TargetName(target);
  }
}

bool SameName(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::toupper(static_cast<unsigned char>(a[i])) !=
        std::toupper(static_cast<unsigned char>(b[i]))) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string_view ActiveIsa() { return NameOf(HWY_DYNAMIC_DISPATCH(Target)()); }

std::vector<std::string> SupportedIsas() {
  std::vector<std::string> names;
  // A better target has a lower bit.
  for (int64_t targets = RunnableTargets(); targets != 0; targets &= targets - 1) {
    names.emplace_back(NameOf(targets & -targets));
  }
  return names;
}

Status RestrictIsa(std::string_view name) {
  if (name.empty()) {
    Restrict(0);
    return OkStatus();
  }
  std::string possible;
  for (int64_t targets = RunnableTargets(); targets != 0; targets &= targets - 1) {
    const int64_t target = targets & -targets;
    if (SameName(name, NameOf(target))) {
      Restrict(target);
      return OkStatus();
    }
    if (!possible.empty()) possible += ", ";
    possible += NameOf(target);
  }
  return InvalidArgument("instruction set '" + std::string(name) +
                         "' is not available here; possible are " + possible);
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
