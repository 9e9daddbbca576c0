#!/usr/bin/env python3
"""Times whole networks on this GPU in Sumi and in PyTorch (eager fp32, channels_last bf16 autocast, torch.compile with
max-autotune, a CUDA graph): same weights, interleaved in one run, outputs compared, ratios printed.

    python3 bench/compare_gpu.py --sumi build/bin/sumi --json networks.json

A ratio is the rival's minimum over Sumi's minimum at the same precision.
"""
import argparse
import json
import subprocess
import time

import torch

import compare

SIZES = {"animeganv2": (512, 512), "faststyle": (1024, 1024), "cartoongan": (512, 512), "lengstrom": (1024, 1024),
         "vgg16": (512, 512)}
VARIANTS = ["eager f32", "channels_last bf16", "compile bf16", "graph bf16"]


def graphed(run):
    """The work captured once as a CUDA graph and replayed."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = run()

    def replay():
        graph.replay()
        return y
    return replay


def runner(name, variant):
    """A function that enqueues one inference and returns its output."""
    net, x = compare.build(name)
    net, x = net.cuda(), x.cuda()
    if variant == "eager f32":
        def plain():
            with torch.inference_mode():
                return net(x)
        return plain
    net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    if variant == "compile bf16":
        net = torch.compile(net, mode="max-autotune-no-cudagraphs")

    def autocast():
        with torch.no_grad(), torch.autocast("cuda", torch.bfloat16):
            return net(x)
    return graphed(autocast) if variant == "graph bf16" else autocast


def training_runner(variant):
    """A function that enqueues one training step of the feed-forward style network, 4 x 256 x 256."""
    if variant == "eager f32":
        return compare.training_step(device="cuda")
    options = {"device": "cuda", "layout": torch.channels_last, "precision": lambda: torch.autocast("cuda", torch.bfloat16)}
    if variant == "compile bf16":
        options["prepare"] = lambda loss: torch.compile(loss, mode="max-autotune-no-cudagraphs")
    step = compare.training_step(**options)
    return graphed(step) if variant == "graph bf16" else step


def milliseconds(run, repeat=20):
    """Minimum of `repeat` runs, each between two synchronisations."""
    best = float("inf")
    for _ in range(repeat):
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        best = min(best, (time.perf_counter() - start) * 1e3)
    return best


def sumi_ms(sumi, size, precision, *work):
    out = subprocess.run([sumi, "bench", "--device", "cuda", *work, "--size", f"{size[0]}x{size[1]}", "--precision", precision,
                          "--repeat", "20", "--json"], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)["min_ms"]


def interleaved(args, size, work, rivals):
    """{who: minimum ms} of Sumi's `work` (arguments of sumi bench) and of its rivals, turn by turn."""
    times = {}
    for _ in range(args.rounds):
        for precision in ("f32", "bf16"):
            try:
                times.setdefault("sumi " + precision, []).append(sumi_ms(args.sumi, size, precision, *work))
            except subprocess.CalledProcessError as error:
                print(f"# {' '.join(work)} {precision}: sumi failed: {error.stderr.strip()}")
        for variant, run in rivals.items():
            times.setdefault(variant, []).append(milliseconds(run))
    return {who: min(values) for who, values in times.items() if values}


def measure(args, name):
    if name == "train":
        rivals = compare.warmed_rivals(name, VARIANTS, training_runner, 5)
        least = interleaved(args, (256, 256), ("--train", "faststyle", "--batch", "4"), rivals)
        return {"model": "train faststyle, batch 4", "size": "256x256", "psnr_db": None, "min_ms": least}
    size, weights, match = SIZES[name], compare.weights_for_sumi(name), None
    compare.MODELS[name] = (compare.MODELS[name][0], size, compare.MODELS[name][2])
    rivals = compare.warmed_rivals(name, VARIANTS, lambda variant: runner(name, variant), 5)
    least = interleaved(args, size, ("--model", weights), rivals)
    if not name.startswith("vgg"):
        match = compare.agreement(name, runner(name, "eager f32")(), weights, args.sumi, "--device", "cuda")
    return {"model": name, "size": f"{size[0]}x{size[1]}", "psnr_db": match, "min_ms": least}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--sumi", default="build/bin/sumi")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--models", nargs="*", default=[*SIZES, "train"], choices=[*SIZES, "train"], metavar="MODEL")
    p.add_argument("--json", help="also write the figures here")
    args = p.parse_args()
    torch.backends.cudnn.benchmark = True
    figures = []
    for name in args.models:
        try:
            figures.append(measure(args, name))
        except subprocess.CalledProcessError as error:
            print(f"# {name}: sumi failed: {error.stderr.strip()}")
            continue
        f = figures[-1]
        print(f"\n### {name} {f['size']}" + (f": pictures agree to {f['psnr_db']:.1f} dB" if f["psnr_db"] else ""))
        for who, ms in f["min_ms"].items():
            ours = f["min_ms"].get("sumi bf16" if "bf16" in who else "sumi f32", float("nan"))
            print(f"{who:20} {ms:9.3f} ms   {ms / ours:6.2f} x Sumi's time", flush=True)
    if args.json:
        with open(args.json, "w") as out:
            json.dump({"torch": torch.__version__, "gpu": torch.cuda.get_device_name(), "networks": figures}, out, indent=1)


if __name__ == "__main__":
    main()
