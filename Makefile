# The words that README.md uses. Everything behind them is a CMake preset or a script in tools/.
.DEFAULT_GOAL := help
BUILD := build/release
SHELL := /bin/bash
# TRACT=1 builds the runtime `tract`, too; it stays in until `make clean`.
TRACT ?= $(shell grep -qs 'WNN_WITH_TRACT:BOOL=ON' $(BUILD)/CMakeCache.txt && echo 1)

.PHONY: help setup build demo test test-subsets test-all fuzz soak abi-matrix conformance interop real-models bench bench-docs bench-kernels bench-image clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

setup:  ## Install what is missing (apt packages as root) and fill the cache; once
	@python3 tools/deps.py install $(if $(TRACT),--tract)

build: setup  ## Build build/bin/wasmtime-onnx and build/guests/*.wasm
	@[ -f $(BUILD)/build.ninja ] $(if $(TRACT),&& grep -qs 'WNN_WITH_TRACT:BOOL=ON' $(BUILD)/CMakeCache.txt) || \
	  cmake --preset release --log-level=WARNING $(if $(TRACT),-DWNN_WITH_TRACT=ON)
	@cmake --build $(BUILD)

demo: build  ## Classify a photograph through WASI-NN under each runtime
	@python3 tools/demo.py

test: build  ## Run every test; ends with 'N passed, N failed'
	@python3 tools/run_tests.py $(BUILD)

test-subsets: setup  ## Build with each subset of the runtimes, and test that it is one
	@python3 tools/test_subsets.py $(SUBSETS)

abi-matrix: build  ## Those of the tests that are every ABI's functions, types and errors
	@python3 tools/run_tests.py $(BUILD) -L '^abi$$'

conformance: build  ## Run ONNX's backend suite under every runtime; writes its report and docs/conformance.md
	@python3 tests/conformance/conformance.py report --worker $(BUILD)/tests/conformance_worker

interop: build  ## Run what PyTorch, TensorFlow, scikit-learn and XGBoost export; writes docs/interop.md; 7 GB, once
	@python3 tests/interop/interop.py --docs

real-models: build  ## Run trained models of other packages under both runtimes; writes docs/models.md
	@python3 tools/deps.py models --large >/dev/null
	@$(BUILD)/tests/real_models_test --gtest_brief=1
	@$(BUILD)/bench/wnn-bench-real-models > $(BUILD)/models.md && mv $(BUILD)/models.md docs/models.md && cat docs/models.md

test-all: setup  ## Run host and engine tests under the address and thread sanitizers; hours from nothing
	@python3 tools/sanitize.py

fuzz: setup  ## Run each fuzz target under libFuzzer for MINUTES=1
	@python3 tools/fuzz.py --minutes $(or $(MINUTES),1) $(TARGETS)

soak: build  ## 64 tenants, a tenth of them hostile, for MINUTES=1 under each runtime
	@for r in builtin onnxruntime; do \
	  $(BUILD)/tests/soak --seconds $$(( $(or $(MINUTES),1) * 60 )) --runtime $$r || exit 1; done

bench: build  ## Time every way of running the models; writes build/bench/report.json
	@python3 bench/report.py

bench-image: build  ## Time the guests' image helpers: scalar against SIMD and relaxed SIMD
	@python3 bench/image.py

bench-docs: build  ## The same, and the kernels; writes docs/performance.md and its charts
	@python3 bench/report.py --docs

bench-kernels: build  ## GFLOPS of the kernels on each instruction set, against the FMA peak
	@python3 bench/kernels.py

clean:  ## Remove build/ (the cache outside the tree stays)
	@rm -rf build
