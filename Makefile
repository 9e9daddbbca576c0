# The front door: `make demo` paints, `make test` proves. Everything real happens in CMake.
BUILD ?= build
JOBS ?= $(shell nproc)

.PHONY: demo test build bench lint format cuda-all cuda-resources gpu-check install clean packages packages-test simt simt-race simt-asan simt-coverage simt-report

demo: packages build
	@cmake -DPROGRAM=$(BUILD)/bin/sumi -P cmake/demo.cmake

test: packages-test
	cmake --preset release -B $(BUILD)
	cmake --build $(BUILD) -j $(JOBS)
	cmake -DBUILD=$(BUILD) -P cmake/lint.cmake
	cmake --preset asan -B $(BUILD)-asan
	cmake --build $(BUILD)-asan -j $(JOBS)
	ctest --test-dir $(BUILD)-asan --output-on-failure -j $(JOBS)
	ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

build: packages
	cmake --preset release -B $(BUILD) -DSUMI_TESTS=OFF -DSUMI_BENCH=OFF
	cmake --build $(BUILD) -j $(JOBS)

bench: packages-test
	cmake --preset release -B $(BUILD)
	cmake --build $(BUILD) -j $(JOBS) --target sumi_bench_kernels sumi
	$(BUILD)/bin/sumi_bench_kernels

lint: packages-test
	cmake --preset release -B $(BUILD)
	cmake -DBUILD=$(BUILD) -P cmake/lint.cmake

format:
	git ls-files '*.h' '*.cpp' '*.cuh' '*.cu' | xargs clang-format -i

# Every CUDA kernel on an emulated GPU, in three builds (docs/kernels/emulator.md). All are part of `make test`.
simt simt-race simt-asan: packages-test
	cmake --preset release -B $(BUILD)
	cmake --build $(BUILD) -j $(JOBS) --target $(subst -,_,$@)_tests
	ctest --test-dir $(BUILD) --output-on-failure -R '^($(subst -,_,$@)$(if $(findstring race,$@),|simt_mutants))$$'

# Lines of device code that no test executes: there are none, or it fails. Part of `make test`.
simt-coverage: packages-test
	cmake --preset release -B $(BUILD)
	cmake --build $(BUILD) -j $(JOBS) --target simt_asan_tests
	ctest --test-dir $(BUILD) --output-on-failure -R '^simt_asan$$'
	ctest --test-dir $(BUILD) --verbose -R '^simt_coverage$$' -FA counts

# What kernels ask of memory, line by line: make simt-report ROWS=gemm/mma
simt-report: packages-test
	cmake --preset release -B $(BUILD)
	cmake --build $(BUILD) -j $(JOBS) --target simt_race_tests
	@$(BUILD)/bin/simt_race_tests --report "$(ROWS)"

# On a machine with a GPU: tests and times every CUDA row there. PREFIX_PATH names the libraries' folder where the system
# has none (cmake/gpu_prefix.sh makes it).
gpu-check:
	@bash bench/gpu_check.sh

# The kernels for every architecture from Turing to Blackwell; `make test` compiles sm_80 and sm_90a.
cuda-all: packages-test
	cmake --preset release -B $(BUILD)-cuda-all -DCMAKE_CUDA_ARCHITECTURES="75;80;86;89;90a;100" -DSUMI_CUDA=ON -DSUMI_TESTS=OFF -DSUMI_BENCH=OFF
	cmake --build $(BUILD)-cuda-all -j $(JOBS) --target sumi_kernels

cuda-resources: packages-test
	cmake --preset release -B $(BUILD)
	cmake --build $(BUILD) -j $(JOBS) --target cuda_tests
	SUMI_WRITE_RESOURCES=1 $(BUILD)/bin/cuda_tests --gtest_filter='*Committed*'

install: build
	cmake --install $(BUILD) --prefix $(or $(PREFIX),/usr/local)

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-cuda-all

packages:
	@cmake/packages.sh build

packages-test:
	@cmake/packages.sh build test
