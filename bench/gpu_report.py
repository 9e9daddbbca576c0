#!/usr/bin/env python3
"""Writes docs/performance/<gpu>.md and .json from what bench/gpu_check.sh left in a folder.

    python3 bench/gpu_report.py gpu-check docs/performance
"""
import datetime
import json
import os
import re
import subprocess
import sys

import kernel_table


def read(folder, name):
    try:
        with open(os.path.join(folder, name)) as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def machine():
    fields = "name,driver_version,clocks.max.sm,clocks.sm,clocks.mem,power.limit"
    out = subprocess.run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"], capture_output=True, text=True)
    values = [v.strip() for v in out.stdout.strip().splitlines()[0].split(",")]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return dict(zip(fields.split(","), values)) | {"date": datetime.date.today().isoformat(), "commit": commit or "unknown"}


def network_lines(networks):
    for n in networks["networks"]:
        for who, ms in n["min_ms"].items():
            ours = n["min_ms"].get("sumi bf16" if "bf16" in who else "sumi f32", float("nan"))
            yield f"| {n['model']} {n['size']} | {who} | {ms:.3f} | {ms / ours:.2f} |"


def main():
    folder, target = sys.argv[1:3]
    m, kernels, networks = machine(), read(folder, "kernels.json"), read(folder, "networks.json")
    lines = [f"# {m['name']}", "",
             f"Driver {m['driver_version']}, SM clock {m['clocks.sm']} (at most {m['clocks.max.sm']}), memory "
             f"{m['clocks.mem']}, power limit {m['power.limit']}; {m['date']}, commit {m['commit']}. Made by `make gpu-check`.", ""]
    if networks:
        lines += [f"## Networks, beside PyTorch {networks['torch']}", "", "| network | who | min ms | time ÷ Sumi's |",
                  "|---|---|---|---|", *network_lines(networks), ""]
    if kernels:
        lines += ["## Kernels", "", "Operands rotate through twice the cache; % of the roofline measured in the same run (a copy, "
                  "and the best 8192³ matrix product of the dtype).", "",
                  *kernel_table.kernel_lines([kernels], "TFLOP/s"), ""]
        lines += ["Failed: " + f for f in kernel_table.failures(kernels)]
    name = re.sub(r"[^a-z0-9]+", "-", m["name"].lower()).strip("-")
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, name + ".md"), "w") as out:
        out.write("\n".join(lines).rstrip() + "\n")
    with open(os.path.join(target, name + ".json"), "w") as out:
        json.dump({"machine": m, "kernels": kernels, "networks": networks}, out, indent=1)
    print(os.path.join(target, name + ".md"))


if __name__ == "__main__":
    main()
