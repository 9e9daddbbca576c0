#!/usr/bin/env python3
"""A table of what sumi_bench_kernels measured: each row's best time of one or several runs, fastest first.

    build/bin/sumi_bench_kernels --benchmark_format=json > a.json
    python3 bench/kernel_table.py a.json [b.json ...]
"""
import collections
import json
import re
import sys

LIBRARIES = ("cudnn", "cublaslt")


def best(runs):
    """{(op, dtype, case): {row: measurements}}, the fastest of all runs."""
    cases = collections.defaultdict(dict)
    for run in runs:
        for b in run["benchmarks"]:
            if b.get("error_occurred") or "best_us" not in b:
                continue
            op, row, dtype, case = re.sub(r"(/iterations:\d+)?/manual_time$", "", b["name"]).split("/", 3)
            rows = cases[(op, dtype, case)]
            if row not in rows or b["best_us"] < rows[row]["best_us"]:
                rows[row] = b
    return cases


def share_of_library(row, rows):
    """The library's best time over this row's, at the same precision, or None."""
    tf32 = "_tf32" if row.endswith("_tf32") else ""
    times = [rows[library + tf32]["best_us"] for library in LIBRARIES if library + tf32 in rows]
    return min(times) / rows[row]["best_us"] if times else None


def kernel_lines(runs, unit="GFLOP/s"):
    """Markdown lines; `unit` is GFLOP/s or TFLOP/s. Beside a GPU's library each row's share of its speed."""
    scale, cases = {"GFLOP/s": 1, "TFLOP/s": 1e-3}[unit], best(runs)
    beside = any(share_of_library(row, rows) for rows in cases.values() for row in rows)
    yield f"| op | dtype | case | row | µs | {unit} | GB/s | % roof |" + (" of the library's best |" if beside else "")
    yield "|---|---|---|---|---|---|---|---|" + ("---|" if beside else "")
    for (op, dtype, case), rows in sorted(cases.items()):
        for row, b in sorted(rows.items(), key=lambda r: r[1]["best_us"]):
            share = share_of_library(row, rows)
            yield (f"| {op} | {dtype} | {case} | {row} | {b['best_us']:.1f} | {b['GFLOP/s'] * scale:.1f} | {b['GB/s']:.0f} "
                   f"| {b['roof%']:.0f} |" + ("" if not beside else f" {share:.2f} |" if share else " |"))


def failures(run):
    return [b["name"] + ": " + b.get("error_message", "") for b in run["benchmarks"] if b.get("error_occurred")]


def main():
    runs = []
    for path in sys.argv[1:]:
        with open(path) as f:
            runs.append(json.load(f))
    print("\n".join(kernel_lines(runs)))


if __name__ == "__main__":
    main()
