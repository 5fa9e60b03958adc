#include "host/cli/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <thread>
#include <utility>

#include "host/cli/groups.h"
#include "host/cli/help.h"
#include "host/cli/passes.h"
#include "host/cli/runtime_choice.h"
#include "host/cli/words.h"

namespace wnn::cli {
namespace {

// The options as written, before anything is made of them.
struct Written {
  bool help = false;
  bool version = false;
  bool c_runtime = false;
  bool tract = false;
  bool no_gpu = false;
  bool allow_precompiled = false;
  std::vector<std::string> output;
  std::vector<std::string> invoke, argv0, allow_http, cache, runtime, onnxruntime, threads, log,
      timings;
  std::vector<std::string> env, dir, mapdir, nn_graph, nn_preload, nn_abi, nn_target;
  std::vector<std::string> nn_limit, nn_guest_models, nn_isa, nn_optimize;
  std::vector<std::string> optimize, codegen, wasm, wasi;
};

// The one list of the options that there are; help.cc explains them to people.
class Grammar {
 public:
  explicit Grammar(Written& written) : app_("wasmtime-onnx") {
    app_.set_help_flag("");
    app_.add_flag("-h,--help", written.help);
    app_.add_flag("-V,--version", written.version);
    app_.add_flag("--c-runtime", written.c_runtime);
    app_.add_flag("--tract", written.tract);
    app_.add_flag("--no-gpu", written.no_gpu);
    app_.add_flag("--allow-precompiled", written.allow_precompiled);
    app_.add_option("--timings", written.timings)->expected(0, 1);
    const std::pair<const char*, std::vector<std::string>*> with_value[] = {
        {"-i,--invoke", &written.invoke},
        {"-o,--output", &written.output},
        {"--argv0", &written.argv0},
        {"--allow-http", &written.allow_http},
        {"-c,--cache", &written.cache},
        {"--runtime", &written.runtime},
        {"--threads", &written.threads},
        {"--onnxruntime", &written.onnxruntime},
        {"--log", &written.log},
        {"-e,--env", &written.env},
        {"--dir", &written.dir},
        {"--mapdir", &written.mapdir},
        {"--nn-graph", &written.nn_graph},
        {"--nn-preload", &written.nn_preload},
        {"--nn-abi", &written.nn_abi},
        {"--nn-limit", &written.nn_limit},
        {"--nn-guest-models", &written.nn_guest_models},
        {"--nn-target", &written.nn_target},
        {"--nn-isa", &written.nn_isa},
        {"--nn-optimize", &written.nn_optimize},
        {"-O,--optimize", &written.optimize},
        {"-C,--codegen", &written.codegen},
        {"-W,--wasm", &written.wasm},
        {"-S,--wasi", &written.wasi},
    };
    for (const auto& [names, words] : with_value) {
      app_.add_option(names, *words)->allow_extra_args(false);
    }
  }

  Arity ArityOf(std::string_view name) const {
    const CLI::Option* option = app_.get_option_no_throw(std::string(name));
    if (option == nullptr) return Arity::kUnknown;
    if (option->get_items_expected_max() == 0) return Arity::kFlag;
    return option->get_items_expected_min() == 0 ? Arity::kOptionalValue : Arity::kValue;
  }

  // `words` as SplitWords leaves them.
  Status Parse(std::vector<std::string> words) {
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    try {
      app_.parse(std::move(words));
    } catch (const CLI::ParseError& error) {
      return InvalidArgument(error.what());
    }
    return OkStatus();
  }

 private:
  CLI::App app_;
};

std::string LowerCase(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string Named(std::string_view option, const std::string& value) {
  return std::string(option) + " '" + value + "'";
}

// The value of an option that makes sense once only.
Result<std::optional<std::string>> Single(std::string_view option,
                                          const std::vector<std::string>& values) {
  if (values.size() > 1) {
    return InvalidArgument("option '" + std::string(option) + "' is given more than once");
  }
  return values.empty() ? std::optional<std::string>() : values.front();
}

Result<std::string> RuntimeOf(const Written& written) {
  WNN_ASSIGN_OR_RETURN(std::optional<std::string> name, Single("--runtime", written.runtime));
  return ChooseRuntime({std::move(name), written.c_runtime, written.tract},
                       runtimes::KnownRuntimes());
}

Result<abi::WitxDialect> ChooseWitxDialect(const Written& written) {
  WNN_ASSIGN_OR_RETURN(std::optional<std::string> name, Single("--nn-abi", written.nn_abi));
  if (!name || *name == "auto") return abi::WitxDialect::kAuto;
  if (*name == "current") return abi::WitxDialect::kCurrent;
  if (*name == "old") return abi::WitxDialect::kOld;
  return InvalidArgument(Named("--nn-abi", *name) + ": it is auto, current or old");
}

Result<std::optional<nn::NamedTarget>> ChooseTarget(const Written& written) {
  WNN_ASSIGN_OR_RETURN(std::optional<std::string> name, Single("--nn-target", written.nn_target));
  if (!name) return std::optional<nn::NamedTarget>();
  Result<nn::NamedTarget> target = ParseTarget(*name);
  if (!target) return std::move(target.error()).WithContext("--nn-target");
  if (written.no_gpu && *target == nn::NamedTarget::kGpu) {
    return InvalidArgument("--nn-target gpu and --no-gpu exclude each other");
  }
  return std::optional(*target);
}

Result<std::string> ChooseInstructionSet(const Written& written) {
  WNN_ASSIGN_OR_RETURN(std::optional<std::string> name, Single("--nn-isa", written.nn_isa));
  if (!name) return std::string();
  const std::vector<std::string> known = InstructionSets();
  std::string list;
  for (const std::string& one : known) {
    const std::string lower = LowerCase(one);
    if (LowerCase(*name) == lower) return one;
    list += (list.empty() ? "" : ", ") + lower;
  }
  return InvalidArgument(Named("--nn-isa", *name) + ": this machine has " + list);
}

Result<int> ChooseThreads(const Written& written) {
  WNN_ASSIGN_OR_RETURN(std::optional<std::string> text, Single("--threads", written.threads));
  if (!text) return DefaultThreads();
  Result<uint64_t> count = ParseCount(*text);
  if (!count || *count < 1 || *count > kMaxThreads) {
    return InvalidArgument(Named("--threads", *text) + ": it is a number from 1 to " +
                           std::to_string(kMaxThreads));
  }
  return static_cast<int>(*count);
}

// Which runtimes may see the models that guests bring along; nothing: any.
Result<std::optional<std::vector<std::string>>> ChooseGuestModels(const Written& written) {
  using Names = std::vector<std::string>;
  WNN_ASSIGN_OR_RETURN(std::optional<std::string> text,
                       Single("--nn-guest-models", written.nn_guest_models));
  if (!text) return std::optional<Names>();
  Names names;
  if (*text == "none") return std::optional(names);
  for (size_t begin = 0; begin <= text->size();) {
    const size_t end = std::min(text->find(',', begin), text->size());
    names.push_back(text->substr(begin, end - begin));
    const std::string words = Named("--nn-guest-models", names.back());
    WNN_ASSIGN_OR_RETURN(names.back(),
                         BuiltRuntime(names.back(), words, runtimes::KnownRuntimes()));
    begin = end + 1;
  }
  return std::optional(std::move(names));
}

Result<TimingsFormat> ChooseTimings(const Written& written) {
  WNN_ASSIGN_OR_RETURN(std::optional<std::string> format, Single("--timings", written.timings));
  if (!format) return TimingsFormat::kNone;
  // CLI11 stores nothing but an empty value for a bare --timings.
  if (format->empty() || *format == "table") return TimingsFormat::kTable;
  if (*format == "json") return TimingsFormat::kJson;
  return InvalidArgument("--timings=" + *format +
                         ": it is --timings, --timings=table or --timings=json");
}

Result<LogLevel> ChooseLogLevel(const Written& written) {
  static constexpr std::pair<std::string_view, LogLevel> kLevels[] = {
      {"error", LogLevel::kError}, {"warn", LogLevel::kWarn},   {"info", LogLevel::kInfo},
      {"debug", LogLevel::kDebug}, {"trace", LogLevel::kTrace},
  };
  WNN_ASSIGN_OR_RETURN(std::optional<std::string> name, Single("--log", written.log));
  if (!name) return LogLevel::kWarn;
  for (const auto& [level_name, level] : kLevels) {
    if (level_name == *name) return level;
  }
  return InvalidArgument(Named("--log", *name) + ": it is error, warn, info, debug or trace");
}

// Adds what `parse` makes of each value of `option` to `parsed`.
template <typename T, typename Parse>
Status ParseEach(std::string_view option, const std::vector<std::string>& values, Parse parse,
                 std::vector<T>& parsed) {
  for (const std::string& value : values) {
    Result<T> one = parse(value);
    if (!one) return std::move(one.error()).WithContext(option);
    parsed.push_back(*std::move(one));
  }
  return OkStatus();
}

Status ApplyGroups(const Written& written, Options& options) {
  const std::pair<Group, const std::vector<std::string>&> groups[] = {
      {Group::kOptimize, written.optimize}, {Group::kCodegen, written.codegen},
      {Group::kWasm, written.wasm},         {Group::kWasi, written.wasi},
      {Group::kNnLimits, written.nn_limit},
  };
  for (const auto& [group, texts] : groups) {
    for (const std::string& text : texts) {
      WNN_RETURN_IF_ERROR(ApplyGroup(group, text, options));
    }
  }
  return OkStatus();
}

// What concerns the built-in engine alone.
Status ChooseBuiltin(const Written& written, Options& options) {
  if (options.runtime != "builtin" && !(written.nn_isa.empty() && written.nn_optimize.empty())) {
    return InvalidArgument("--nn-isa and --nn-optimize are for --runtime builtin");
  }
  WNN_ASSIGN_OR_RETURN(options.instruction_set, ChooseInstructionSet(written));
  for (const std::string& text : written.nn_optimize) {
    Status status = ApplyPasses(text, options.disabled_passes);
    if (!status.ok()) return std::move(status).WithContext("--nn-optimize");
  }
  return OkStatus();
}

Status ChooseCache(const Written& written, Options& options) {
  WNN_ASSIGN_OR_RETURN(std::optional<std::string> file, Single("--cache", written.cache));
  if (!file) return OkStatus();
  if (file->empty()) return InvalidArgument("--cache: it needs the name of a file");
  if (!options.engine.cache.enabled) {
    return InvalidArgument("--cache FILE and -C cache=n exclude each other");
  }
  options.engine.cache.config_file = *file;
  return OkStatus();
}

Result<Options> Understand(const Written& written) {
  Options options;
  WNN_RETURN_IF_ERROR(ApplyGroups(written, options));
  WNN_RETURN_IF_ERROR(ChooseCache(written, options));
  WNN_RETURN_IF_ERROR(ParseEach("--env", written.env, ParseEnv, options.env));
  WNN_RETURN_IF_ERROR(ParseEach("--dir", written.dir, ParseDir, options.preopens));
  WNN_RETURN_IF_ERROR(ParseEach("--mapdir", written.mapdir, ParseMapDir, options.preopens));
  WNN_RETURN_IF_ERROR(
      ParseEach("--allow-http", written.allow_http, wasm::ParseHttpRule, options.http_hosts));
  if (!options.http.value_or(true) && !options.http_hosts.empty()) {
    return InvalidArgument("--allow-http and -S http=n exclude each other");
  }
  WNN_RETURN_IF_ERROR(ParseEach("--nn-graph", written.nn_graph, ParseNnGraph, options.models));
  WNN_RETURN_IF_ERROR(
      ParseEach("--nn-preload", written.nn_preload, ParseNnPreload, options.models));
  if (!options.nn && !options.models.empty()) {
    return InvalidArgument("--nn-graph or --nn-preload and -S nn=n exclude each other");
  }
  options.allow_precompiled = written.allow_precompiled;
  WNN_ASSIGN_OR_RETURN(options.invoke, Single("--invoke", written.invoke));
  WNN_ASSIGN_OR_RETURN(options.argv0, Single("--argv0", written.argv0));
  WNN_ASSIGN_OR_RETURN(std::optional<std::string> library,
                       Single("--onnxruntime", written.onnxruntime));
  options.onnxruntime_library = library.value_or("");
  WNN_ASSIGN_OR_RETURN(options.runtime, RuntimeOf(written));
  WNN_RETURN_IF_ERROR(ChooseBuiltin(written, options));
  WNN_ASSIGN_OR_RETURN(options.n_threads, ChooseThreads(written));
  options.allow_gpu = !written.no_gpu;
  WNN_ASSIGN_OR_RETURN(options.nn_target, ChooseTarget(written));
  WNN_ASSIGN_OR_RETURN(options.witx_dialect, ChooseWitxDialect(written));
  WNN_ASSIGN_OR_RETURN(options.guest_model_runtimes, ChooseGuestModels(written));
  WNN_ASSIGN_OR_RETURN(options.timings, ChooseTimings(written));
  WNN_ASSIGN_OR_RETURN(options.log_level, ChooseLogLevel(written));
  return options;
}

// The text for `--help` or, say, `-W help`, if one was asked for.
std::optional<std::string> AskedHelp(const Written& written) {
  if (written.help) return HelpText();
  const auto& passes = written.nn_optimize;
  if (std::find(passes.begin(), passes.end(), "help") != passes.end()) return DescribePasses();
  const std::pair<Group, const std::vector<std::string>&> groups[] = {
      {Group::kOptimize, written.optimize}, {Group::kCodegen, written.codegen},
      {Group::kWasm, written.wasm},         {Group::kWasi, written.wasi},
      {Group::kNnLimits, written.nn_limit},
  };
  for (const auto& [group, texts] : groups) {
    if (std::find(texts.begin(), texts.end(), "help") != texts.end()) return DescribeGroup(group);
  }
  return std::nullopt;
}

}  // namespace

Result<Invocation> ParseCommandLine(std::span<const std::string> words) {
  Written written;
  Grammar grammar(written);
  const auto arity_of = [&grammar](std::string_view name) { return grammar.ArityOf(name); };
  WNN_ASSIGN_OR_RETURN(CommandWords split, SplitWords(words, arity_of));
  WNN_RETURN_IF_ERROR(grammar.Parse(std::move(split.options)));

  Invocation invocation;
  if (std::optional<std::string> help = AskedHelp(written)) {
    invocation.action = Invocation::Action::kPrint;
    invocation.text = *std::move(help);
    return invocation;
  }
  WNN_ASSIGN_OR_RETURN(invocation.options, Understand(written));
  if (written.version) {
    invocation.action = Invocation::Action::kVersion;
    return invocation;
  }
  if (split.module.empty()) {
    return InvalidArgument("no MODULE is given: which .wasm file is to be run?");
  }
  invocation.options.module = std::move(split.module);
  invocation.options.arguments = std::move(split.guest);
  WNN_ASSIGN_OR_RETURN(std::optional<std::string> output, Single("--output", written.output));
  if (!split.is_compile) {
    if (output) return InvalidArgument("--output is of `wasmtime-onnx compile`");
    return invocation;
  }
  if (!invocation.options.arguments.empty()) {
    return InvalidArgument("compile takes one MODULE, but '" + invocation.options.arguments[0] +
                           "' is given as well");
  }
  invocation.action = Invocation::Action::kCompile;
  invocation.options.output =
      output.value_or(std::filesystem::path(invocation.options.module).stem().string() + ".cwasm");
  return invocation;
}

int DefaultThreads() {
  // 0 when it is not known.
  const auto n_cores = static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(n_cores, 1, kMaxDefaultThreads);
}

}  // namespace wnn::cli
