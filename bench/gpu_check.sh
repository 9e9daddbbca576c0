#!/usr/bin/env bash
# make gpu-check: builds, tests every CUDA row on this GPU, checks a subset under compute-sanitizer, times every row and
# whole networks, and writes the table. Resumable: what is done for this GPU and commit is not repeated, and the kernels
# go on with the next op.
#   RESULTS=gpu-check        where logs and figures go, a folder in it for each GPU and commit
#   PREFIX_PATH=...          a folder with the libraries' headers, where the system has none (cmake/gpu_prefix.sh)
#   PARTS="build tests ..."  only these parts
#   PYTHON=python3           whose PyTorch brings cuBLASLt and cuDNN, where the CUDA Toolkit has none
#   COMMIT=...               what is measured, where there is no git to ask; else a sum of the sources
#   LIMIT=580                seconds of a run, whatever it is doing; what it does not suffice for is named, and the next run
#                            goes on with it
#   PATIENCE=1               multiplies every part's limit
# On 16 cores and an H100, by arithmetic, not yet measured: build 200 s (3000 s of compiling, one architecture), tests
# 95 s (26 000 of 10 to 30 ms in 8 processes), sanitizer 45 s (a test of every row, 1 s each in 8 processes, twice),
# kernels 170 s (2000 timings of 60 ms and cuDNN's 16 plans for 300 cases), networks what is left.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
RESULTS=${RESULTS:-gpu-check} BUILD=${BUILD:-build-gpu} PYTHON=${PYTHON:-python3} PATIENCE=${PATIENCE:-1}
PARTS=${PARTS:-build tests sanitizer kernels networks report} LIMIT=$((${LIMIT:-580} * PATIENCE))
if [ -n "${PREFIX_PATH:-}" ]; then
  [ -d "$PREFIX_PATH" ] || { echo "gpu-check: there is no folder PREFIX_PATH=$PREFIX_PATH"; exit 1; }
  PREFIX_PATH=$(realpath "$PREFIX_PATH") # CMake takes a relative one from each subfolder anew
fi

ask_gpu() { nvidia-smi --query-gpu="$1" --format=csv,noheader 2>/dev/null | head -1; }
sum_of_sources() {
  find kernels tensor nn gan apps bench tests cmake CMakeLists.txt -type f | LC_ALL=C sort | xargs cat | cksum | cut -d' ' -f1
}
commit=${COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo "sources-$(sum_of_sources)")}
changes=$(git diff HEAD -- . ':!docs' 2>/dev/null)
[ -z "$changes" ] || commit+=-changed-$(printf %s "$changes" | cksum | cut -d' ' -f1)
gpu=$(ask_gpu name | tr -cs 'A-Za-z0-9\n' -)
[ -n "$gpu" ] || { echo "gpu-check: nvidia-smi shows no GPU here"; exit 1; }
here=$RESULTS/$gpu-$commit
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
# within SECONDS COMMAND...: stops it after so long, and says so. 4 when it is the script's own time that is over.
within() {
  local limit=$(($1 * PATIENCE)) left=$((LIMIT - SECONDS)) status
  [ $left -gt 0 ] || { echo "out of time before: ${*:2}"; return 4; }
  timeout -k 10 $((limit < left ? limit : left)) "${@:2}"
  status=$?
  case $status in
  124 | 137)
    [ $limit -gt $left ] && { echo "out of time in: ${*:2}"; return 4; }
    echo "stopped after $limit s: ${*:2}"
    ;;
  esac
  return $status
}
# worst STATUS: what the part that calls it will return: 4 before any failure, so that the next run goes on.
worst() {
  [ "$status" = 4 ] || status=$(($1 == 4 ? 4 : 1))
}
# Processes that share the GPU, where it may be shared.
shards() {
  case $(ask_gpu compute_mode) in Exclusive*) echo 1 ;; *) echo "$1" ;; esac
}
# shard LOG SECONDS COMMAND...: one process of a test program. One that ends before its last test is started again for
# the others, up to five times: on a GPU a kernel may wait forever, and after one that faults all others fail.
shard() {
  local log=$1 limit=$2 end=$((SECONDS + $2 * PATIENCE)) status=0
  for _ in 0 1 2 3 4 5; do
    # Tests that are finished, and the one that was begun last.
    awk '/^\[ +(OK|FAILED|SKIPPED) +\] [^0-9]/ { print $4 } /^\[ RUN / { last = $4 } END { if (last) print last }' "$log" >"$log.done"
    SUMI_TESTS_DONE=$log.done SUMI_TEST_SECONDS=$((20 * PATIENCE)) OMP_WAIT_POLICY=passive within "$limit" "${@:3}" >>"$log" 2>&1
    status=$?
    [ $status != 4 ] || break
    [ $status -gt 1 ] && [ $status != 9 ] && [ $SECONDS -lt $end ] || break # 0, 1: all ran; 9: the sanitizer's
    tail -3 "$log" | grep -qa '^\[  STOPPED ' ||
      printf '\n[  STOPPED ] %s: the process ended with status %s\n' "$(grep -a '^\[ RUN ' "$log" | tail -1 | awk '{ print $4 }')" $status >>"$log"
    limit=$(((end - SECONDS) / PATIENCE + 1))
  done
  rm -f "$log.done"
  [ $status = 4 ] || ! grep -qa '^\[  STOPPED ' "$log" || status=1
  return $status
}
# sharded NAME PROCESSES SECONDS COMMAND...: a test program in several processes. "passed failed skipped" goes to
# NAME.counts; fails when a process does, or when no test ran; 4 when the time was over before the last test, and the next
# run begins with the first again.
sharded() {
  local name=$1 count i ended status=0 pids=()
  count=$(shards "$2")
  rm -f "$here/$name".*.log
  for ((i = 0; i < count; i++)); do
    : >"$here/$name.$i.log"
    GTEST_TOTAL_SHARDS=$count GTEST_SHARD_INDEX=$i shard "$here/$name.$i.log" "${@:3}" &
    pids+=($!)
  done
  for ((i = 0; i < count; i++)); do
    wait "${pids[$i]}"
    ended=$?
    [ $ended != 0 ] || continue
    if [ $ended = 4 ] || [ $status = 4 ]; then status=4; else status=1; fi
    [ $ended != 4 ] || { echo "process $i of $name: out of time"; continue; }
    echo "process $i of $name failed:" # what came first counts: the rest may follow from it
    grep -aE '^\[  (FAILED |STOPPED) +\] [^0-9]|^stopped|ERROR SUMMARY: [^0]|Segmentation' "$here/$name.$i.log" |
      sed 's/ ([0-9]* ms)$//' | awk '!seen[$0]++' | head -8
  done
  awk '/^\[       OK \]/ { how[$4] = "passed" } /^\[  (FAILED |STOPPED) +\] [^0-9]/ { sub(/:$/, "", $4); how[$4] = "failed" }
    /^\[  SKIPPED \] [^0-9]/ && !($4 in how) { how[$4] = "skipped" }
    END { for (test in how) n[how[test]]++; print n["passed"] + 0, n["failed"] + 0, n["skipped"] + 0 }' \
    "$here/$name".*.log >"$here/$name.counts"
  read -r passed failed skipped <"$here/$name.counts"
  echo "$name: $passed passed, $failed failed, $skipped skipped"
  [ $status = 4 ] || [ "$((passed + failed))" -gt 0 ] || { echo "$name: no test ran; the GPU: $("$BUILD/bin/sumi" info 2>&1 | grep ^cuda)"; status=1; }
  return $status
}

architecture() {
  local capability
  capability=$(ask_gpu compute_cap | tr -d .)
  case $capability in 90) echo 90a ;; '') echo 80 ;; *) echo "$capability" ;; esac
}
build() {
  local status=0
  cmake -S . -B "$BUILD" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSUMI_CUDA=ON -DSUMI_OPTIONAL=ON -DSUMI_WERROR=OFF \
    -DCMAKE_PREFIX_PATH="${PREFIX_PATH:-}" -DCMAKE_CUDA_ARCHITECTURES="$(architecture)" || return 1
  cmake --build "$BUILD" --target help | grep -oE '^(sumi|kernels_tests|gan_tests|sumi_bench_kernels):' | tr -d : |
    sort -u >"$here/targets.txt"
  for target in sumi kernels_tests gan_tests sumi_bench_kernels; do
    grep -qx "$target" "$here/targets.txt" && continue
    echo "not built here: $target (its library is missing, see above)"
    [ -z "${PREFIX_PATH:-}" ] || status=1 # the folder should have had it
  done
  # shellcheck disable=SC2046
  within 1800 cmake --build "$BUILD" -j "$(nproc)" --target sumi_kernels $(cat "$here/targets.txt") -- -k 0 || worst $?
  [ ! -x "$BUILD/bin/sumi" ] || "$BUILD/bin/sumi" info >"$here/info.txt" 2>&1
  return $status
}
tests() {
  [ -x "$BUILD/bin/kernels_tests" ] || skip "kernels_tests is not built: GoogleTest is missing"
  local status=0
  sharded tests-kernels 8 180 "$BUILD/bin/kernels_tests" --gtest_filter='*_cuda*' || worst $?
  [ ! -x "$BUILD/bin/gan_tests" ] ||
    sharded tests-networks 2 120 "$BUILD/bin/gan_tests" --gtest_filter='GraphTest.*:*OnTheGpu*' || worst $?
  return $status
}
sanitizer() {
  local tool status=0 program filter
  [ -x "$BUILD/bin/kernels_tests" ] || skip "kernels_tests is not built: GoogleTest is missing"
  program=$(PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin command -v compute-sanitizer) ||
    skip "compute-sanitizer is not installed"
  # Of every row written here the cheapest test that passed; the libraries' kernels are not ours to check.
  filter=${SANITIZER_FILTER:-$(awk '/^\[       OK \]/ && $4 ~ /_cuda\./ && $4 !~ /\/cu(dnn|blaslt)/ {
    row = $4; sub(/\..*/, "", row); ms = substr($5, 2) + 0
    if (!(row in least) || ms < least[row]) { least[row] = ms; test[row] = $4 } }
    END { for (row in test) printf "%s:", test[row] }' "$here"/tests-kernels.*.log 2>/dev/null)}
  [ -n "$filter" ] || skip "no test has passed here before"
  for tool in memcheck racecheck; do
    sharded "sanitizer-$tool" 8 60 "$program" --tool $tool --error-exitcode 9 "$BUILD/bin/kernels_tests" \
      --gtest_filter="$filter" || worst $?
  done
  return $status
}
kernels() {
  local bench="$BUILD/bin/sumi_bench_kernels" status=0 roofs ops op dtype json log
  [ -x "$bench" ] || skip "sumi_bench_kernels is not built: Google Benchmark is missing"
  export SUMI_AUTOTUNE=1 SUMI_CACHE="$here/cache" # libraries at their best plan
  [ -s "$here/roofs.txt" ] || within 120 "$bench" --device=cuda --roofs >"$here/roofs.log" || return $?
  grep copy= "$here/roofs.log" >"$here/roofs.txt" || return 1
  roofs=$(cat "$here/roofs.txt")
  nvidia-smi --query-gpu=clocks.sm,clocks.mem,power.draw,temperature.gpu,utilization.gpu --format=csv,noheader,nounits \
    -lms 500 >>"$here/clocks.csv" 2>/dev/null &
  # shellcheck disable=SC2064
  trap "kill $! 2>/dev/null" EXIT
  # The convolutions, which take most of the time, come last.
  ops=$("$bench" --ops | awk '/^conv2d/ { last = last $0 "\n"; next } { print } END { printf "%s", last }')
  [ -n "$ops" ] || { echo "sumi_bench_kernels names no op"; return 1; }
  for op in $ops; do for dtype in f32 bf16 f16; do
    json="$here/kernels-$op-$dtype.json" log="$here/kernels-$op-$dtype.log"
    [ -s "$json" ] && ! grep -q '"error_occurred": true' "$json" && continue
    [ $SECONDS -lt $((LIMIT - 90 * PATIENCE)) ] || { echo "out of time before $op $dtype"; return 4; }
    within 150 "$bench" --device=cuda --roofs="$roofs" --op="$op" --benchmark_filter="^$op/[^/]*/$dtype/" \
      --benchmark_out_format=json --benchmark_out="$json.new" >"$log" 2>&1
    case $? in
    0) mv "$json.new" "$json" && echo "$op $dtype: done" ;;
    4)
      tail -1 "$log"
      return 4
      ;;
    1) # some rows failed, and say so; or the op has none of this type
      if grep -q 'no benchmark matches' "$log"; then
        echo '{"benchmarks": []}' >"$json"
        continue
      fi
      status=1
      [ ! -e "$json.new" ] || mv "$json.new" "$json"
      grep -E 'ERROR|^sumi_bench' "$log" | head -5
      ;;
    *)
      echo "$op $dtype: broke off with status $?:"
      status=1
      tail -3 "$log"
      ;;
    esac
  done; done
  return $status
}
networks() {
  [ -x "$BUILD/bin/sumi" ] || skip "sumi is not built: its library is missing"
  local missing left=$((LIMIT - SECONDS))
  missing=$("$PYTHON" -c '
from importlib.util import find_spec
print(*[p for m, p in {"torch": "torch", "numpy": "numpy", "PIL": "pillow", "safetensors": "safetensors"}.items() if not find_spec(m)])') ||
    skip "there is no $PYTHON"
  [ -z "$missing" ] || skip "$PYTHON lacks $missing: $PYTHON -m pip install $missing"
  "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || skip "the PyTorch of $PYTHON finds no GPU"
  [ $left -gt $((90 * PATIENCE)) ] || { echo "$left s are left for networks, 90 are wanted"; return 4; }
  within $((left / PATIENCE)) "$PYTHON" bench/compare_gpu.py --sumi "$BUILD/bin/sumi" --seconds $((left - 60)) --json "$here/networks.json"
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
  [ "$part" != build ] || [ -x "$BUILD/bin/kernels_tests" ] || [ -x "$BUILD/bin/sumi_bench_kernels" ] || [ -x "$BUILD/bin/sumi" ] || exit 1
done
exit $failures
