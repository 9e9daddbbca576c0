#!/usr/bin/env python3
"""Writes docs/performance/<gpu>.md and .json from what bench/gpu_check.sh left in a folder, however much of it there is.

    python3 bench/gpu_report.py gpu-check/NVIDIA-H100-1a2b3c docs/performance 1a2b3c
"""
import datetime
import glob
import json
import os
import re
import statistics
import subprocess
import sys

import kernel_table

PARTS = ("build", "tests", "sanitizer", "kernels", "networks")


def text_of(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except FileNotFoundError:
        return ""


def json_of(path):
    text = text_of(path)
    return json.loads(text) if text else None


def machine(commit):
    fields = "name,driver_version,clocks.max.sm,power.limit"
    out = subprocess.run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"], capture_output=True, text=True)
    values = [v.strip() for v in out.stdout.strip().splitlines()[0].split(",")]
    return dict(zip(fields.split(","), values)) | {"date": datetime.date.today().isoformat(), "commit": commit}


def clocks(folder):
    """Of the samples under load: median, least and most MHz of the multiprocessors, and what else nvidia-smi said."""
    samples = []
    for line in text_of(os.path.join(folder, "clocks.csv")).splitlines():
        try:
            samples.append([float(v) for v in line.split(",")])
        except ValueError:
            pass  # cut off, or [N/A]
    samples = [s for s in samples if len(s) == 5 and s[4] > 0]
    if not samples:
        return None
    sm, memory, watts, celsius, _ = zip(*samples)
    return {"samples": len(samples), "sm_mhz": statistics.median(sm), "sm_mhz_least": min(sm), "sm_mhz_most": max(sm),
            "memory_mhz": statistics.median(memory), "watts_most": max(watts), "celsius_most": max(celsius)}


def counts(folder):
    """{test program: [passed, failed, skipped]}."""
    return {os.path.basename(path)[:-len(".counts")]: [int(v) for v in text_of(path).split()]
            for path in sorted(glob.glob(os.path.join(folder, "*.counts")))}


def roofs(folder):
    text = text_of(os.path.join(folder, "roofs.txt"))
    return {kind: float(rate) for kind, rate in (item.split("=") for item in text.split(","))} if text else {}


def head_lines(m, c):
    line = f"Driver {m['driver_version']}, power limit {m['power.limit']}; {m['date']}, commit {m['commit']}. Made by `make gpu-check`."
    if c:
        line += (f" While the kernels ran: SM clock {c['sm_mhz']:.0f} MHz ({c['sm_mhz_least']:.0f} to {c['sm_mhz_most']:.0f}, at "
                 f"most {m['clocks.max.sm']}), memory {c['memory_mhz']:.0f} MHz, up to {c['watts_most']:.0f} W and "
                 f"{c['celsius_most']:.0f} °C ({c['samples']} samples).")
    return [f"# {m['name']}", "", line, ""]


def check_lines(folder, tests):
    yield from ("## What ran", "", "| part | result |", "|---|---|")
    for part in PARTS:
        yield f"| {part} | {text_of(os.path.join(folder, part + '.status')).split(': see ')[0] or 'not run'} |"
    for name, (passed, failed, skipped) in tests.items():
        yield f"| {name} | {passed} passed, {failed} failed, {skipped} skipped |"
    yield ""


def roof_lines(rates):
    kinds = [k for k in ("f32", "tf32", "f16", "bf16") if k in rates]
    yield from ("## Roofs", "", "The best 8192³ matrix product of each precision, and a copy of 1 GiB.", "")
    yield "| " + " | ".join([k + ", TFLOP/s" for k in kinds] + ["copy, GB/s"]) + " |"
    yield "|---" * (len(kinds) + 1) + "|"
    yield "| " + " | ".join([f"{rates[k] * 1e-3:.1f}" for k in kinds] + [f"{rates['copy']:.0f}"]) + " |"
    yield ""


def network_lines(networks):
    yield from (f"## Networks, beside PyTorch {networks['torch']}", "",
                "\"sumi\" takes the rows that its tables prefer, \"sumi autotuned\" those that `--autotune` measured fastest here "
                "beforehand; PyTorch runs with cudnn.benchmark. Agreement: with PyTorch's eager f32; of pictures in dB PSNR, of "
                "features and losses as a relative error.", "",
                "| network | who | min ms | time ÷ Sumi's, same precision | ÷ Sumi's autotuned | agreement |", "|---|---|---|---|---|---|")
    for n in networks["networks"]:
        for who, ms in n["min_ms"].items():
            ours = [n["min_ms"].get(how + who.split()[-1]) for how in ("sumi ", "sumi autotuned ")]
            match = n["agreement"].get(who)
            ratios = " | ".join(f"{ms / least:.2f}" if least else "" for least in ours)
            yield (f"| {n['model']} {n['size']} | {who} | {ms:.3f} | {ratios} | "
                   + (f"{match:.3g} {n['unit']}" if match is not None else "") + " |")
    yield ""
    yield from (note + "  " for n in networks["networks"] for note in n.get("notes", []))


def kernel_section(runs):
    yield from ("## Kernels", "", "Operands rotate through twice the cache; % of the roof of the row's precision. \"Of the library's "
                "best\": its time over the row's, so above 1 the row is faster.", "")
    yield from kernel_table.kernel_lines(runs, "TFLOP/s")
    yield ""
    for run in runs:
        yield from ("Failed: " + f + "  " for f in kernel_table.failures(run))


def main():
    folder, target, commit = sys.argv[1:4]
    m, c, tests, rates = machine(commit), clocks(folder), counts(folder), roofs(folder)
    kernels = [json_of(path) for path in sorted(glob.glob(os.path.join(folder, "kernels-*.json")))]
    networks = json_of(os.path.join(folder, "networks.json"))
    lines = head_lines(m, c) + list(check_lines(folder, tests))
    if rates:
        lines += roof_lines(rates)
    if networks and networks["networks"]:
        lines += network_lines(networks)
    if kernels:
        lines += kernel_section(kernels)
    name = os.path.join(target, re.sub(r"[^a-z0-9]+", "-", m["name"].lower()).strip("-"))
    os.makedirs(target, exist_ok=True)
    with open(name + ".md", "w") as out:
        out.write("\n".join(lines).rstrip() + "\n")
    figures = {"machine": m, "clocks": c, "tests": tests, "roofs": rates, "networks": networks,
               "kernels": [b for run in kernels for b in run["benchmarks"]]}
    with open(name + ".json", "w") as out:
        json.dump(figures, out, indent=1)
    print(name + ".md")


if __name__ == "__main__":
    main()
