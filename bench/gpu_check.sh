#!/usr/bin/env bash
# make gpu-check: builds, tests every CUDA row on this GPU, checks a subset under compute-sanitizer, times every row and
# whole networks, and writes the table. Resumable: what is done for this GPU and commit is not repeated, and the kernels
# go on with the next op.
#   OUT=gpu-check            where logs and figures go, a folder in it for each GPU and commit
#   PREFIX_PATH=...          a folder with the libraries' headers, where the system has none (cmake/gpu_prefix.sh)
#   PARTS="build tests ..."  only these parts
#   PYTHON=python3           whose PyTorch brings cuBLASLt and cuDNN, where the CUDA Toolkit has none
#   PATIENCE=1               multiplies every part's limit
# On 16 cores and an H100, by arithmetic, not yet measured: build 200 s (3000 s of compiling, one architecture), tests
# 60 s (17 000 of 10 to 30 ms in 8 processes), sanitizer 45 s (150 tests of 1 s in 8 processes, twice), kernels 170 s
# (2000 timings of 60 ms and cuDNN's 16 plans for 300 cases), networks what is left of 580 s. What the time does not
# suffice for is named, and the next run goes on with it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
OUT=${OUT:-gpu-check} BUILD=${BUILD:-build-gpu} PYTHON=${PYTHON:-python3} PATIENCE=${PATIENCE:-1}
PARTS=${PARTS:-build tests sanitizer kernels networks report}

ask_gpu() { nvidia-smi --query-gpu="$1" --format=csv,noheader 2>/dev/null | head -1; }
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
changes=$(git diff HEAD -- . ':!docs' 2>/dev/null)
[ -z "$changes" ] || commit+=-changed-$(printf %s "$changes" | cksum | cut -d' ' -f1)
gpu=$(ask_gpu name | tr -cs 'A-Za-z0-9\n' -)
[ -n "$gpu" ] || { echo "gpu-check: nvidia-smi shows no GPU here"; exit 1; }
here=$OUT/$gpu-$commit
mkdir -p "$here"

# The wheels' libraries, headers and all; named ones come first.
SUMI_WHEELS=${SUMI_WHEELS:-$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"] + "/nvidia")' 2>/dev/null)}
if [ -d "$SUMI_WHEELS" ]; then
  export SUMI_WHEELS # cmake/cuda.cmake looks there for headers
  export SUMI_CUDA_LIBRARIES="${SUMI_CUDA_LIBRARIES:-$(printf '%s:' "$SUMI_WHEELS"/*/lib)}"
fi

# Ends the part that calls it, which is not a failure.
skip() {
  echo "skipped: $*"
  exit 3
}
# within SECONDS COMMAND...: stops it after so long, and says so.
within() {
  local limit=$(($1 * PATIENCE)) status
  timeout -k 10 "$limit" "${@:2}"
  status=$?
  case $status in 124 | 137) echo "stopped after $limit s: ${*:2}" ;; esac
  return $status
}
# Processes that share the GPU, where it may be shared.
shards() {
  case $(ask_gpu compute_mode) in Exclusive*) echo 1 ;; *) echo "$1" ;; esac
}
# sharded NAME PROCESSES SECONDS COMMAND...: a test program in several processes. "passed failed skipped" goes to
# NAME.counts; fails when a process does, or when no test ran.
sharded() {
  local name=$1 count limit=$3 i status=0 pids=()
  count=$(shards "$2")
  rm -f "$here/$name".*.log
  for ((i = 0; i < count; i++)); do
    OMP_WAIT_POLICY=passive GTEST_TOTAL_SHARDS=$count GTEST_SHARD_INDEX=$i within "$limit" "${@:4}" --gtest_brief=1 >"$here/$name.$i.log" 2>&1 &
    pids+=($!)
  done
  for ((i = 0; i < count; i++)); do
    wait "${pids[$i]}" && continue
    status=1
    echo "process $i of $name failed:"
    grep -E '^\[  FAILED  \] [^0-9]|^stopped|ERROR SUMMARY|Segmentation' "$here/$name.$i.log" | sed 's/ ([0-9]* ms)$//' | sort -u | head -8
  done
  awk '/^\[  PASSED  \] [0-9]/ { passed += $4 } /^\[  SKIPPED \] [0-9]/ { skipped += $4 } /^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
    END { print passed + 0, failed + 0, skipped + 0 }' "$here/$name".*.log >"$here/$name.counts"
  read -r passed failed skipped <"$here/$name.counts"
  echo "$name: $passed passed, $failed failed, $skipped skipped"
  [ "$((passed + failed))" -gt 0 ] || { echo "$name: no test ran; the GPU: $("$BUILD/bin/sumi" info 2>&1 | grep ^cuda)"; status=1; }
  return $status
}

architecture() {
  local capability
  capability=$(ask_gpu compute_cap | tr -d .)
  case $capability in 90) echo 90a ;; '') echo 80 ;; *) echo "$capability" ;; esac
}
build() {
  cmake -S . -B "$BUILD" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSUMI_CUDA=ON -DSUMI_OPTIONAL=ON \
    -DCMAKE_PREFIX_PATH="${PREFIX_PATH:-}" -DCMAKE_CUDA_ARCHITECTURES="$(architecture)" || return 1
  cmake --build "$BUILD" --target help | grep -oE '^(sumi|kernels_tests|gan_tests|sumi_bench_kernels):' | tr -d : |
    sort -u >"$here/targets.txt"
  for target in sumi kernels_tests gan_tests sumi_bench_kernels; do
    grep -qx "$target" "$here/targets.txt" || echo "not built here: $target (its library is missing, see above)"
  done
  # shellcheck disable=SC2046
  within 1800 cmake --build "$BUILD" -j "$(nproc)" --target sumi_kernels $(cat "$here/targets.txt")
}
tests() {
  [ -x "$BUILD/bin/kernels_tests" ] || skip "kernels_tests is not built: GoogleTest is missing"
  local status=0
  sharded tests-kernels 8 180 "$BUILD/bin/kernels_tests" --gtest_filter='*_cuda*' || status=1
  [ ! -x "$BUILD/bin/gan_tests" ] ||
    sharded tests-networks 2 120 "$BUILD/bin/gan_tests" --gtest_filter='GraphTest.*:*OnTheGpu*' || status=1
  return $status
}
sanitizer() {
  local tool status=0 program filter
  [ -x "$BUILD/bin/kernels_tests" ] || skip "kernels_tests is not built: GoogleTest is missing"
  program=$(PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin command -v compute-sanitizer) ||
    skip "compute-sanitizer is not installed"
  filter=${SANITIZER_FILTER:-gemm*_cuda.12_*:conv2d*_cuda.20_*:norm*_cuda.7_*:reduce*_cuda.5_*}
  for tool in memcheck racecheck; do
    sharded "sanitizer-$tool" 8 60 "$program" --tool $tool --error-exitcode 9 "$BUILD/bin/kernels_tests" \
      --gtest_filter="$filter" || status=1
  done
  return $status
}
kernels() {
  local bench="$BUILD/bin/sumi_bench_kernels" status=0 roofs op json
  [ -x "$bench" ] || skip "sumi_bench_kernels is not built: Google Benchmark is missing"
  export SUMI_AUTOTUNE=1 SUMI_CACHE="$here/cache" # libraries at their best plan
  [ -s "$here/roofs.txt" ] || within 120 "$bench" --device=cuda --roofs | grep copy= >"$here/roofs.txt" || return 1
  roofs=$(cat "$here/roofs.txt")
  nvidia-smi --query-gpu=clocks.sm,clocks.mem,power.draw,temperature.gpu,utilization.gpu --format=csv,noheader,nounits \
    -lms 500 >>"$here/clocks.csv" 2>/dev/null &
  # shellcheck disable=SC2064
  trap "kill $! 2>/dev/null" EXIT
  for op in $("$bench" --ops); do
    json="$here/kernels-$op.json"
    [ -s "$json" ] && ! grep -q '"error_occurred": true' "$json" && continue
    [ $SECONDS -lt $((490 * PATIENCE)) ] || { echo "out of time before $op"; return 4; }
    within 90 "$bench" --device=cuda --roofs="$roofs" --op="$op" --benchmark_out_format=json --benchmark_out="$json.new" \
      >"$here/kernels-$op.log" 2>&1
    case $? in
    0) mv "$json.new" "$json" && echo "$op: done" ;;
    1) # some rows failed, and say so
      status=1
      [ ! -e "$json.new" ] || mv "$json.new" "$json"
      grep -E 'ERROR|^sumi_bench' "$here/kernels-$op.log" | head -5
      ;;
    *)
      echo "$op: broke off with status $?:"
      status=1
      tail -3 "$here/kernels-$op.log"
      ;;
    esac
  done
  return $status
}
networks() {
  [ -x "$BUILD/bin/sumi" ] || skip "sumi is not built: its library is missing"
  local missing left=$((580 * PATIENCE - SECONDS))
  missing=$("$PYTHON" -c '
from importlib.util import find_spec
print(*[p for m, p in {"torch": "torch", "numpy": "numpy", "PIL": "pillow", "safetensors": "safetensors"}.items() if not find_spec(m)])') ||
    skip "there is no $PYTHON"
  [ -z "$missing" ] || skip "$PYTHON lacks $missing: $PYTHON -m pip install $missing"
  "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || skip "the PyTorch of $PYTHON finds no GPU"
  [ $left -gt $((90 * PATIENCE)) ] || left=$((90 * PATIENCE))
  within $((left / PATIENCE + 90)) "$PYTHON" bench/compare_gpu.py --sumi "$BUILD/bin/sumi" --seconds $left --json "$here/networks.json"
}
report() { "$PYTHON" bench/gpu_report.py "$here" docs/performance "$commit"; }

failures=0
for part in $PARTS; do
  [ -e "$here/$part.done" ] && { echo "== $part: done at $commit"; continue; }
  echo "== $part"
  ("$part") 2>&1 | tee "$here/$part.log" | tail -25
  status=${PIPESTATUS[0]}
  case $status in
  0)
    echo "done" >"$here/$part.status"
    case $part in build | report) ;; *) touch "$here/$part.done" ;; esac # these two are always made anew
    ;;
  3) grep -h '^skipped: ' "$here/$part.log" | tail -1 >"$here/$part.status" ;;
  4 | 124 | 137)
    echo "unfinished: the next run goes on" | tee "$here/$part.status"
    failures=1
    ;;
  *)
    echo "failed: see $here/$part.log" | tee "$here/$part.status"
    failures=1
    ;;
  esac
  [ "$part" != build ] || [ "$status" = 0 ] || exit 1
done
exit $failures
