#!/usr/bin/env bash
# make gpu-check: builds, tests every CUDA row on this GPU, checks a subset under compute-sanitizer, times every row and
# whole networks, and writes the table. Resumable: a part that is done for this commit is not repeated.
#   OUT=gpu-check            where logs and figures go
#   PREFIX_PATH=...          a folder with the libraries' headers, where the system has none (cmake/gpu_prefix.sh)
#   PARTS="build tests ..."  only these parts
#   PYTHON=python3           whose PyTorch brings cuBLASLt and cuDNN, where the CUDA Toolkit has none
set -uo pipefail
cd "$(dirname "$0")/.."
OUT=${OUT:-gpu-check} BUILD=${BUILD:-build-gpu} PARTS=${PARTS:-build tests sanitizer kernels networks report}
mkdir -p "$OUT"
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
failed=0

# The wheels' libraries, headers and all; named ones come first.
wheels() { "${PYTHON:-python3}" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"] + "/nvidia")' 2>/dev/null; }
if [ -d "$(wheels)/cudnn" ]; then
  export CUDNN_PATH="${CUDNN_PATH:-$(wheels)/cudnn}"
  export SUMI_CUDA_LIBRARIES="${SUMI_CUDA_LIBRARIES:-$(printf '%s:' "$(wheels)"/*/lib)}"
fi

capability() { nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d .; }
architecture() { case $(capability) in 90) echo 90a ;; '') echo 80 ;; *) capability ;; esac; }

build() {
  cmake -S . -B "$BUILD" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSUMI_CUDA=ON -DCMAKE_PREFIX_PATH="${PREFIX_PATH:-}" \
    -DCMAKE_CUDA_ARCHITECTURES="$(architecture)" || return 1
  cmake --build "$BUILD" -j "$(nproc)" --target help | grep -oE '^(sumi|kernels_tests|gan_tests|sumi_bench_kernels):' |
    tr -d : | sort -u > "$OUT/targets.txt"
  for target in sumi kernels_tests gan_tests sumi_bench_kernels; do
    grep -qx "$target" "$OUT/targets.txt" || echo "not built here: $target (its library is missing, see above)"
  done
  # shellcheck disable=SC2046
  cmake --build "$BUILD" -j "$(nproc)" --target $(cat "$OUT/targets.txt")
}
tests() {
  "$BUILD/bin/kernels_tests" --gtest_brief=1 --gtest_filter='*_cuda*' &&
    { [ ! -x "$BUILD/bin/gan_tests" ] || "$BUILD/bin/gan_tests" --gtest_brief=1 --gtest_filter='GraphTest.*'; }
}
sanitizer() {
  command -v compute-sanitizer >/dev/null || { echo "compute-sanitizer is not installed: skipped"; return 0; }
  for tool in memcheck racecheck; do
    compute-sanitizer --tool $tool --error-exitcode 9 "$BUILD/bin/kernels_tests" --gtest_brief=1 \
      --gtest_filter="${SANITIZER_FILTER:-gemm*_cuda.1?_*:conv2d*_cuda.1?_*:norm*_cuda.1?_*:reduce*_cuda.1?_*}" || return 1
  done
}
kernels() { # rows of libraries at their best plan
  SUMI_AUTOTUNE=1 SUMI_CACHE="$OUT/cache" "$BUILD/bin/sumi_bench_kernels" --benchmark_min_time=0.02 --benchmark_out_format=json \
    --benchmark_out="$OUT/kernels.json" --device=cuda
}
networks() { python3 bench/compare_gpu.py --sumi "$BUILD/bin/sumi" --json "$OUT/networks.json"; }
report() { python3 bench/gpu_report.py "$OUT" docs/performance; }

for part in $PARTS; do
  mark="$OUT/$part.$commit.done"
  [ -e "$mark" ] && { echo "== $part: done at $commit"; continue; }
  echo "== $part"
  if (set -o pipefail; $part 2>&1 | tee "$OUT/$part.log" | tail -25); then
    touch "$mark"
  else
    echo "== $part FAILED: $OUT/$part.log"
    failed=1
    [ "$part" = build ] && exit 1
  fi
done
exit $failed
