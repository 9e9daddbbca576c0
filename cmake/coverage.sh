#!/usr/bin/env bash
# Lists the lines of device code that the tests just run did not execute, and fails if there are any: coverage.sh GCOV
# BUILD. A line of a template counts as executed when any instantiation ran it; one of closing brackets alone has no code
# but what unwinds.
set -euo pipefail
gcov=$1
build=$(realpath "$2")
cd "$(dirname "$0")/.."
found=$(mktemp -d)
trap 'rm -r "$found"' EXIT

# Lines of one object, each once: file:line, whether executed, text. gcov wants to be where the compiler was.
lines() {
  local name=${2##*/kernels/}
  cd "$4"
  "$1" -t "$2" 2>/dev/null | awk -F: '
    $2 ~ /^ *0$/ && $3 == "Source" { path = $4; ours = sub(/^.*kernels\//, "kernels/", path); next }
    ours && $1 !~ /-/ && $2 + 0 > 0 {
      key = path ":" $2 + 0
      text[key] = substr($0, index($0, $2 ":") + length($2) + 1)
      if ($1 ~ /[0-9]/) executed[key] = 1
    }
    END { for (key in text) print key "\t" (key in executed) "\t" text[key] }' >"$3/${name//\//_}"
}
export -f lines
find "$build/tests/simt/CMakeFiles/simt_asan_kernels.dir" -path '*/kernels/*.gcda' -print0 |
  xargs -0 -r -P "$(nproc)" -I{} bash -c 'lines "$@"' lines "$gcov" {} "$found" "$build"

device=$(grep -lr __device__ kernels; find kernels -name '*.cu')
cat "$found"/* | awk -F'\t' -v device="$device" '
  BEGIN { for (n = split(device, files, "\n"); n > 0; n--) is_device[files[n]] = 1 }
  is_device[substr($1, 1, index($1, ":") - 1)] { text[$1] = $3; executed[$1] += $2 }
  END {
    for (key in text) {
      all++
      if (executed[key] || text[key] ~ /^[ \t]*[])};]*$/) continue
      missed++
      print key ":" text[key] | "sort -t: -k1,1 -k2,2n"
    }
    close("sort -t: -k1,1 -k2,2n")
    printf "%d of %d lines of device code are not executed\n", missed, all
    exit missed > 0 || all == 0
  }'
