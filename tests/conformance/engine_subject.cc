#include "engine/engine.h"
#include "tests/conformance/subject.h"

namespace wnn::conformance {
namespace {

Result<Value> ToEngine(const CaseValue& value) {
  std::vector<Value> items;
  for (const CaseValue& item : value.items) {
    WNN_ASSIGN_OR_RETURN(Value converted, ToEngine(item));
    items.push_back(std::move(converted));
  }
  switch (value.kind) {
    case Kind::kTensor: {
      WNN_ASSIGN_OR_RETURN(Tensor copy, Tensor::CopyOf(value.tensor.view()));
      return Value(std::move(copy));
    }
    case Kind::kStrings: {
      WNN_ASSIGN_OR_RETURN(StringTensor strings, StringTensor::Make(value.shape, value.strings));
      return Value(std::move(strings));
    }
    case Kind::kSequence: {
      WNN_ASSIGN_OR_RETURN(Sequence sequence, Sequence::Make(nullptr, std::move(items)));
      return Value(std::move(sequence));
    }
    case Kind::kOptional: {
      Optional optional;
      if (!items.empty()) optional.value = std::move(items[0]);
      return Value(std::move(optional));
    }
    case Kind::kMap: return Unsupported("an input is a map");
  }
  return Internal("unknown kind");
}

Result<CaseValue> FromEngine(const Value& value) {
  CaseValue converted;
  std::vector<Value> items;
  if (const Tensor* tensor = value.tensor()) {
    WNN_ASSIGN_OR_RETURN(converted.tensor, Tensor::CopyOf(tensor->view()));
  } else if (const StringTensor* strings = value.strings()) {
    converted.kind = Kind::kStrings;
    converted.shape = strings->shape;
    converted.strings = strings->elements;
  } else if (const Sequence* sequence = value.sequence()) {
    converted.kind = Kind::kSequence;
    items = sequence->elements;
  } else if (const Optional* optional = value.optional()) {
    converted.kind = Kind::kOptional;
    if (!optional->value.empty()) items.push_back(optional->value);
  } else if (const Map* map = value.map()) {
    converted.kind = Kind::kMap;
    items = {map->keys, map->values};
  }
  for (const Value& item : items) {
    WNN_ASSIGN_OR_RETURN(CaseValue converted_item, FromEngine(item));
    converted.items.push_back(std::move(converted_item));
  }
  return converted;
}

class EngineSubject final : public Subject {
 public:
  EngineSubject(std::shared_ptr<const engine::Model> model,
                std::unique_ptr<engine::Execution> execution)
      : model_(std::move(model)), execution_(std::move(execution)) {}

  Result<std::vector<CaseValue>> Run(const std::vector<CaseValue>& inputs) override {
    for (size_t i = 0; i < inputs.size(); ++i) {
      WNN_ASSIGN_OR_RETURN(Value input, ToEngine(inputs[i]));
      WNN_RETURN_IF_ERROR(execution_->SetInput(i, std::move(input)));
    }
    WNN_RETURN_IF_ERROR(execution_->Run({}));
    std::vector<CaseValue> outputs(model_->outputs().size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      WNN_ASSIGN_OR_RETURN(Value output, execution_->OutputValue(i));
      WNN_ASSIGN_OR_RETURN(outputs[i], FromEngine(output));
    }
    return outputs;
  }

 private:
  const std::shared_ptr<const engine::Model> model_;
  const std::unique_ptr<engine::Execution> execution_;
};

}  // namespace

Result<std::unique_ptr<Subject>> LoadInEngine(std::span<const std::byte> model, bool optimize,
                                              std::shared_ptr<const ImageDecoder> decoder) {
  engine::LoadOptions options;
  options.optimize = optimize;
  options.image_decoder = std::move(decoder);
  const bool has_decoder = options.image_decoder != nullptr;
  auto loaded = engine::Model::Load(model, options);
  if (!loaded) {
    Status error = std::move(loaded.error());
    const bool wants_decoder = error.message().find("(ImageDecoder)") != std::string_view::npos;
    return has_decoder || !wants_decoder ? error : std::move(error).WithContext("skipped");
  }
  WNN_ASSIGN_OR_RETURN(auto execution, engine::Execution::Create(*loaded, {}));
  return std::unique_ptr<Subject>(
      std::make_unique<EngineSubject>(*std::move(loaded), std::move(execution)));
}

}  // namespace wnn::conformance
