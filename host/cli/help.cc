#include "host/cli/help.h"

namespace wnn::cli {

std::string HelpText() {
  return R"(wasmtime-onnx runs WebAssembly programs that classify, detect or otherwise infer with ONNX
models through WASI-NN. Compiled modules are cached, so that a second start takes milliseconds.

Usage:  wasmtime-onnx [run] [OPTIONS] MODULE [ARGS]
        wasmtime-onnx compile [OPTIONS] MODULE [-o FILE]

MODULE is a core module or a component of WASI 0.2, in the binary or the text format.
With `run`, all words after MODULE are the guest's. Without, our options may follow MODULE too; put
the guest's own options after `--`.

Examples
  wasmtime-onnx hello.wasm
      Run a program. It sees no file, no environment and no network.
  wasmtime-onnx run --dir . classify.wasm --model model.onnx photo.jpg
      Let it read and write the current directory; what follows its name are its arguments.
  wasmtime-onnx run --dir photos::/in --nn-graph onnx::models/net classify.wasm --graph net /in/a.jpg
      The guest sees the directory photos as /in and loads models/net/model.onnx by name.
  wasmtime-onnx run --runtime onnxruntime --timings --dir . classify.wasm --model m.onnx a.jpg
      Infer by ONNX Runtime instead of the built-in engine; print what each call took.
  wasmtime-onnx run --allow-http models.example.com classify-http.wasm --model https://...
      Let a component fetch from this host, and no other.
  wasmtime-onnx sum.wasm --invoke add 2 3
      Call one exported function and print its results. A component's may take booleans and strings.
  wasmtime-onnx -W timeout=2s,max-memory-size=67108864 guest.wasm
      Stop the guest after two seconds; let its memory grow to 64 MiB at most.

Compiled code
  -o, --output FILE        where `compile` writes it (default: MODULE's name, ending in .cwasm)
      --allow-precompiled  run what `compile` wrote: machine code, so from those you trust only

The guest
  -i, --invoke NAME        call the export NAME instead of _start (or a component's wasi:cli/run);
                           ARGS are its arguments. A component's instance goes before: INSTANCE#NAME
      --argv0 NAME         the guest's name for itself (default: MODULE without its directory)
  -e, --env NAME[=VALUE]   set a variable; without =VALUE, pass on our own
      --dir HOST[::GUEST]  open a directory, under another name if one is given
      --mapdir GUEST::HOST as --dir, the other way round
      --allow-http HOST[:PORT]
                           let a component send HTTP requests to HOST: a name, an address, *.DOMAIN or *.
                           PORT may be *; without it the port of http or https

Inference
      --runtime NAME       builtin (default), onnxruntime or tract, as far as they are built in;
                           --c-runtime and --tract mean the latter two
      --onnxruntime PATH   ONNX Runtime's library, or its directory (default: look for it)
      --threads N          threads of one compute (default: the cores that we may use, at most 16)
      --nn-graph onnx::DIR offer DIR/model.onnx by the name of DIR
      --nn-preload NAME:onnx:TARGET:PATH
                           offer the model PATH, a file or a directory with a model.onnx, as NAME;
                           TARGET is cpu, gpu or auto. Models are read at their first use.
      --nn-limit KEY=V,..  what the guest may take: memory=N, call-time=TIME, model-bytes=N, graphs=N,
                           contexts=N, ...; `help` as KEY lists them with their defaults
      --nn-guest-models RUNTIME,..
                           the runtimes that may see models which the guest brings along (default:
                           the one that --runtime names), or none
      --nn-target TARGET   where models compute, whatever the guest asks for: cpu, gpu, or auto, the GPU
                           if there is one, else the CPU (default: as the guest asks)
      --no-gpu             refuse the GPU to guests. Only ONNX Runtime's library with CUDA has one
      --nn-abi NAME        how core modules number types and errors: auto (default), current, or old
                           for modules of 2020 to mid 2022
      --nn-optimize PASS[=y|n],..
                           passes of the built-in engine's optimiser to leave out, to find a fault:
                           all=n, or names that `help` lists. --log debug tells what each does.
      --nn-isa NAME        hold its kernels to avx512, avx2, sse4, neon or scalar (default: the best)

WebAssembly, as Wasmtime has them; `help` as KEY lists what there is
  -c, --cache FILE         the cache's configuration, a TOML file (default: Wasmtime's own)
  -C, --codegen KEY[=V],..   cache=n: compile anew, ...
  -O, --optimize KEY[=V],..  opt-level=0|1|2|s, ...
  -W, --wasm KEY[=V],..      timeout=TIME, fuel=N, max-memory-size=N, simd, threads, ...
  -S, --wasi KEY[=V],..      http, inherit-env, nn, nn-extension, nn-graph=onnx::DIR

Ourselves, on standard error
      --timings[=json]     compilation, instantiation, loading, copies, computes: each and in total
      --log LEVEL          error, warn (default), info, debug or trace
  -V, --version            our version, Wasmtime's, and those of the runtimes
  -h, --help               this text

Exit status: the guest's own; 134 if it trapped; 2 for a command line that we do not understand; 1
if it could not be run.
)";
}

}  // namespace wnn::cli
