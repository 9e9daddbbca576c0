#!/usr/bin/env bash
# Lists the lines of device code that no test on the emulated GPU executes: coverage.sh BUILD. A line of a template
# counts as executed when any instantiation ran it.
set -euo pipefail
build=$(realpath "$1")
objects=$build/tests/simt/CMakeFiles/simt_coverage_kernels.dir
find "$objects" -name '*.gcda' -delete
"$build/bin/simt_coverage_tests" --gtest_brief=1 --gtest_filter='-*_exact:Defects.*' | tail -n 3
cd "$build"
find "$objects" -path '*/kernels/*.gcda' -print0 | xargs -0 gcov -t 2>/dev/null | awk -F: '
  $2 ~ /^ *0$/ && $3 == "Source" {
    path = $4
    device = 0
    if (sub(/^.*kernels\//, "kernels/", path)) device = path ~ /\.cuh?$/ || path ~ /^kernels\/device\// || path ~ /\.h$/ && is_device($4)
    next
  }
  device && $1 !~ /-/ && $2 + 0 > 0 {
    key = sprintf("%s:%d", path, $2)
    line[key] = substr($0, index($0, $2 ":") + length($2) + 1)
    if ($1 ~ /[0-9]/) executed[key] = 1
  }
  function is_device(file, text, found) {
    if (file in known) return known[file]
    while ((getline text < file) > 0) if (index(text, "__device__")) found = 1
    close(file)
    return known[file] = found + 0
  }
  END {
    for (key in line) {
      all++
      if (key in executed) continue
      missed++
      print key ":" line[key] | "sort -t: -k1,1 -k2,2n"
    }
    close("sort -t: -k1,1 -k2,2n")
    printf "%d of %d lines of device code are not executed\n", missed, all
  }'
