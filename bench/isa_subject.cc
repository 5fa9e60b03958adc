#include "bench/isa_subject.h"

#include <utility>

#include "engine/kernels/isa.h"

namespace wnn::bench {
namespace {

// Lifts the restriction at its end.
class Restriction {
 public:
  explicit Restriction(const std::string& isa) : status_(kernels::RestrictIsa(isa)) {}
  ~Restriction() { static_cast<void>(kernels::RestrictIsa("")); }
  Restriction(const Restriction&) = delete;
  Restriction& operator=(const Restriction&) = delete;

  const Status& status() const { return status_; }

 private:
  const Status status_;
};

class IsaSubject final : public Subject {
 public:
  IsaSubject(std::string isa, std::unique_ptr<Subject> subject)
      : isa_(std::move(isa)), subject_(std::move(subject)) {}

  const SubjectId& id() const override { return subject_->id(); }
  const PhaseTimes& setup() const override { return subject_->setup(); }
  Status SetInput(const TensorView& input) override { return subject_->SetInput(input); }

  Result<PhaseTimes> Infer() override {
    const Restriction restriction(isa_);
    WNN_RETURN_IF_ERROR(Status(restriction.status()));
    return subject_->Infer();
  }

  TensorView output() override { return subject_->output(); }
  std::optional<pid_t> process() const override { return subject_->process(); }

 private:
  const std::string isa_;
  const std::unique_ptr<Subject> subject_;
};

}  // namespace

Result<std::unique_ptr<Subject>> MakeIsaSubject(std::string isa, const MakeSubject& make) {
  const Restriction restriction(isa);
  WNN_RETURN_IF_ERROR(Status(restriction.status()));
  WNN_ASSIGN_OR_RETURN(auto subject, make());
  return std::unique_ptr<Subject>(std::make_unique<IsaSubject>(std::move(isa), std::move(subject)));
}

}  // namespace wnn::bench
