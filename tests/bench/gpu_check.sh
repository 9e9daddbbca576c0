#!/usr/bin/env bash
# bench/gpu_check.sh with programs that only pretend: what it makes of tests that fail, hang and crash, of an op that
# fails, and that it goes on where it stopped.   gpu_check.sh SOURCE_DIR
set -euo pipefail
source=$1 folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"/{bin,build/bin,docs}
cp -R "$source/bench" "$folder/bench"
cd "$folder"

program() { cat >"$1" && chmod +x "$1"; }
program bin/nvidia-smi <<'X'
#!/bin/sh
case $* in *compute_cap*) echo 9.0 ;; *compute_mode*) echo Default ;; *name,driver*) echo "Pretend GPU, 580.1, 1980 MHz, 700 W" ;; *name*) echo Pretend GPU ;; esac
X
# Three tests a process. In process 2 the second one ends it, at the first try.
program build/bin/kernels_tests <<'X'
#!/bin/sh
for t in a b c; do
  name=gemm/naive_cuda.$GTEST_SHARD_INDEX$t
  echo "[ RUN      ] $name"
  if grep -qx "$name" "$SUMI_TESTS_DONE"; then echo "[  SKIPPED ] $name (0 ms)"
  elif [ $name = gemm/naive_cuda.2b ]; then exit 134
  elif [ $name = gemm/naive_cuda.3c ]; then echo "[  FAILED  ] $name (1 ms)"; failed=1
  else echo "[       OK ] $name (1 ms)"; fi
done
exit ${failed:-0}
X
printf '#!/bin/sh\nexec sleep 300\n' | program bin/compute-sanitizer
program build/bin/sumi_bench_kernels <<'X'
#!/bin/sh
for o in "$@"; do case $o in
  --ops) printf 'conv2d_forward\ngemm\n'; exit ;;
  --roofs) echo copy=3000,f32=50,bf16=700; exit ;;
  --op=*) op=${o#--op=} ;;
  --benchmark_filter=*) dtype=${o%/}; dtype=${dtype##*/} ;;
  --benchmark_out=*) out=${o#--benchmark_out=} ;;
esac; done
[ $dtype != f16 ] || { echo "sumi_bench_kernels: no benchmark matches"; exit 1; }
[ $op$dtype != gemmbf16 ] || [ -e fixed ] || exit 139
echo "{\"benchmarks\": [{\"name\": \"$op/naive/$dtype/M1/manual_time\", \"best_us\": 2, \"GFLOP/s\": 9, \"GB/s\": 8, \"roof%\": 7}]}" >"$out"
X
expect() { grep -q -- "$1" "$2" || { echo "expected '$1' in $2:"; cat "$2"; exit 1; }; }
# check [VARIABLE=VALUE...]: a run of the script.
check() { env PATH="$folder/bin:$PATH" RESULTS=out BUILD=build COMMIT=1a2b3c PARTS="tests kernels report" "$@" bash bench/gpu_check.sh; }

check >first.txt && { echo "expected a failure"; exit 1; }
expect '^tests-kernels: 22 passed, 2 failed, 0 skipped$' first.txt
expect 'STOPPED \] gemm/naive_cuda.2b: the process ended with status 134' first.txt
expect 'FAILED  \] gemm/naive_cuda.3c' first.txt
expect '^gemm bf16: broke off with status 139:$' first.txt
expect '^conv2d_forward bf16: done$' first.txt
expect '| gemm | f32 | M1 | naive | 2.0 |' docs/performance/pretend-gpu.md
expect '| kernels | failed |' docs/performance/pretend-gpu.md
touch fixed
check >second.txt || true
expect '^gemm bf16: done$' second.txt
! grep -q '^conv2d_forward' second.txt || { echo "conv2d_forward was timed again"; exit 1; }
expect '| gemm | bf16 | M1 | naive | 2.0 |' docs/performance/pretend-gpu.md
expect '| kernels | done |' docs/performance/pretend-gpu.md

# Parts that never end are stopped with the run, and named as unfinished; those behind them are not begun.
program bin/cmake <<'X'
#!/bin/sh
case $* in *help*) printf 'sumi: phony\nkernels_tests: phony\n' ;; *--build*) exec sleep 300 ;; esac
X
program build/bin/kernels_tests <<'X'
#!/bin/sh
echo "[ RUN      ] gemm/naive_cuda.a"
exec sleep 300
X
for part in build tests; do
  start=$SECONDS
  check RESULTS=late PARTS="$part sanitizer report" LIMIT=2 SANITIZER_FILTER='*' >third.txt && { echo "expected a failure"; exit 1; }
  [ $((SECONDS - start)) -lt 30 ] || { echo "$part went on for $((SECONDS - start)) s"; exit 1; }
  expect "| $part | unfinished: the next run goes on |" docs/performance/pretend-gpu.md
  expect '| sanitizer | unfinished: the next run goes on |' docs/performance/pretend-gpu.md
  expect 'out of time' third.txt
  [ ! -e late/Pretend-GPU-1a2b3c/$part.done ] || { echo "$part counts as done"; exit 1; }
done
