#!/usr/bin/env python3
"""Times whole networks in Sumi, PyTorch (eager, channels_last, compile, bf16) and onnxruntime: same weights, same threads,
interleaved in one run, outputs compared, ratios printed.

    python3 -m venv .venv && .venv/bin/pip install torch onnx onnxscript onnxruntime safetensors numpy pillow
    .venv/bin/python bench/compare.py --sumi build/bin/sumi --threads 2 --rounds 5

A ratio is the rival's minimum over Sumi's minimum at the same precision. Peak memory is each process's high-water mark.
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests", "golden"))
import networks  # noqa: E402

warnings.filterwarnings("ignore")


def vivid_faststyle():
    """Random weights whose output fills 0..255, so that comparing rounded pictures means something."""
    net = networks.Faststyle()
    net.deconv3.conv2d.weight.data *= 60
    net.deconv3.conv2d.bias.data.fill_(127.5)
    return net


def he_vgg(depth, last):
    """VGG's trunk with random weights that keep the features' scale (He et al., ICCV 2015)."""
    trunk = networks.vgg(depth, last)
    for layer in trunk:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            torch.nn.init.zeros_(layer.bias)
    return trunk


# name: (PyTorch network, size W x H, picture -> input, output -> picture)
TANH = (lambda x: x / 127.5 - 1, lambda y: (y + 1) * 127.5)
BGR = (lambda x: (x / 127.5 - 1).flip(1), lambda y: ((y + 1) * 127.5).flip(1))
RAW = (lambda x: x, lambda y: y)
MODELS = {
    "cartoongan": (networks.CartoonGan, (512, 340), BGR),
    "lengstrom": (networks.Lengstrom, (800, 600), RAW),
    "animeganv2": (networks.AnimeGanV2, (512, 512), TANH),
    "faststyle": (vivid_faststyle, (512, 512), RAW),
    "vgg16": (lambda: he_vgg(16, "conv4_2"), (256, 256), RAW),
    "vgg19": (lambda: he_vgg(19, "conv4_2"), (256, 256), RAW),
}
VARIANTS = ["eager", "channels_last", "compile", "bf16", "onnxruntime"]
# Of a training step: arguments of training_step().
TRAINING = {"eager": {}, "autocast bf16": {"layout": torch.channels_last,
                                           "precision": lambda: torch.autocast("cpu", torch.bfloat16)}}


def picture(size):
    """A smooth seeded picture [1,3,H,W], 0..255."""
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.array(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))


def build(name):
    torch.manual_seed(1)
    make, size, (to_input, _) = MODELS[name]
    net = make().eval()
    x = torch.from_numpy(picture(size).copy()).permute(2, 0, 1)[None].float()
    return net, to_input(x).contiguous()


def runner(name, variant, threads):
    """A function that runs the network once and returns its output."""
    if name == "train":
        return training_step(**TRAINING[variant])
    net, x = build(name)
    if variant == "onnxruntime":
        import onnxruntime
        path = os.path.join(tempfile.mkdtemp(), "net.onnx")
        torch.onnx.export(net, (x,), path, input_names=["x"], output_names=["y"], verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        feed = {"x": x.numpy()}
        return lambda: torch.from_numpy(session.run(None, feed)[0])
    if variant in ("channels_last", "compile", "bf16"):
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    if variant == "bf16":
        net, x = net.bfloat16(), x.bfloat16()
    if variant == "compile":
        net = torch.compile(net)

    def run():
        with torch.inference_mode():
            return net(x)
    return run


def peak_mib():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM"))


def sumi_bench(args, work, size, precision):
    out = subprocess.run([args.sumi, "bench", *work, "--size", f"{size[0]}x{size[1]}", "--precision", precision,
                          "--threads", str(args.threads), "--repeat", str(args.repeat), "--json"],
                         check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def style_features(trunk, v):
    """relu1_2, relu2_2, relu3_3 and relu4_3 of VGG-16."""
    out = []
    for i, layer in enumerate(trunk):
        v = layer(v)
        if i in (3, 8, 15, 22):
            out.append(v)
    return out


def gram(f):
    n, c, h, w = f.shape
    flat = f.reshape(n, c, h * w)
    return flat @ flat.transpose(1, 2) / (c * h * w)


def relative(x, target, weight=1):
    return ((x - target) ** 2).sum() / (weight * (target ** 2).sum())


def perceptual_loss(net, trunk, style):
    """The loss that Sumi trains with (gan/style.h), as a function of photos [N,3,H,W], 0..255: relative errors of relu3_3
    and, mean over the pictures, of the Gram matrices of four layers, and total variation."""
    mean = torch.tensor([123.68, 116.779, 103.939], device=style.device).view(1, 3, 1, 1)
    with torch.no_grad():
        targets = [gram(f) for f in style_features(trunk, style - mean)]

    def loss_of(x):
        y = torch.sigmoid(net((x - 127.5) / 64)) * 255
        with torch.no_grad():
            content = style_features(trunk[:16], x - mean)[2]
        features = style_features(trunk, y - mean)
        style_loss = sum(relative(gram(f), t, len(x)) for f, t in zip(features, targets)) / 4
        variation = torch.nn.functional.l1_loss(y[:, :, 1:], y[:, :, :-1]) + torch.nn.functional.l1_loss(y[..., 1:], y[..., :-1])
        return relative(features[2], content) + 2 * style_loss + 0.002 * variation
    return loss_of


def training_step(batch=4, side=256, device="cpu", layout=torch.contiguous_format, precision=contextlib.nullcontext,
                  prepare=lambda loss: loss, net=None, trunk=None, x=None, style=None):
    """One step of what `sumi train faststyle` does, which returns the loss before it: the network, VGG-16 on the picture and
    on the photo, perceptual_loss, backward, Adam. `precision` makes the context that the loss is computed in, `prepare`
    may compile its function. What is not given is random, of one seed."""
    torch.manual_seed(1)
    net = (net or networks.Faststyle()).to(device, memory_format=layout)
    trunk = (trunk or he_vgg(16, "relu4_3")).requires_grad_(False).to(device, memory_format=layout)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, capturable=device != "cpu")
    x = torch.rand(batch, 3, side, side, device=device) * 255 if x is None else x
    style = torch.rand(1, 3, side, side, device=device) * 255 if style is None else style
    with precision():
        loss_of = prepare(perceptual_loss(net, trunk, style))

    def step():
        optimizer.zero_grad()
        with precision():
            loss = loss_of(x)
        loss.backward()
        optimizer.step()
        return loss.detach()
    return step


def psnr(a, b):
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255 ** 2 / error)


def agreement(name, output, weights, *sumi):
    """PSNR between the picture of the command `sumi` and PyTorch's `output`, both rounded to 8 bits."""
    folder = tempfile.mkdtemp()
    source, target = os.path.join(folder, "in.png"), os.path.join(folder, "out.png")
    _, size, (_, to_picture) = MODELS[name]
    Image.fromarray(picture(size)).save(source)
    program, *options = sumi
    subprocess.run([program, "stylize", source, "-o", target, "--model", weights, *options], check=True, capture_output=True)
    y = to_picture(output)[0].permute(1, 2, 0).clamp(0, 255).round().byte().cpu().numpy()
    return psnr(np.array(Image.open(target).convert("RGB")), y)


def weights_for_sumi(name):
    """What `sumi bench --model` takes for the same network: a file of its weights."""
    prefix = "features." if name.startswith("vgg") else ""
    path = os.path.join(tempfile.mkdtemp(), name + ".safetensors")
    save_file({prefix + k: v.contiguous() for k, v in build(name)[0].state_dict().items()}, path)
    return path


def warmed_rivals(name, variants, make, runs):
    """{variant: make(variant)}, each run `runs` times; one that cannot run is reported, not fatal."""
    rivals = {}
    for variant in variants:
        try:
            run = make(variant)
            for _ in range(runs):
                run()
            rivals[variant] = run
        except Exception as error:
            print(f"# {name}: {variant} does not run: {str(error).splitlines()[0][:120]}")
    return rivals


def peak_of(args, name, variant):
    out = subprocess.run([sys.executable, __file__, "--peak", name, variant, "--threads", str(args.threads)],
                         capture_output=True, text=True).stdout
    return float(out.split()[-1]) if out.split() else float("nan")


def interleaved(args, name, size, work, variants):
    """Times and peak memory of Sumi's `work` (arguments of sumi bench) and of its rivals, turn by turn."""
    rivals = warmed_rivals(name, variants, lambda variant: runner(name, variant, args.threads), 1)
    times, peaks = {}, {}
    for _ in range(args.rounds):
        for precision in ("f32", "bf16"):
            result = sumi_bench(args, work, size, precision)
            times.setdefault("sumi " + precision, []).append(result["min_ms"])
            peaks["sumi " + precision] = max(peaks.get("sumi " + precision, 0), result["peak_mib"])
        for variant, run in rivals.items():
            for _ in range(args.repeat):
                start = time.perf_counter()
                run()
                times.setdefault(variant, []).append((time.perf_counter() - start) * 1e3)
    for variant in rivals:
        peaks[variant] = peak_of(args, name, variant)
    return times, peaks


def compare_training(args):
    """Sumi's step against PyTorch's; VGG's weights are others, the work is the same."""
    work = ("--train", "faststyle", "--batch", "4", "--vgg", args.vgg)
    return *interleaved(args, "train", (256, 256), work, TRAINING), None


def compare(args, name, variants):
    size, weights = MODELS[name][1], weights_for_sumi(name)
    times, peaks = interleaved(args, name, size, ("--model", weights), variants)
    if name.startswith("vgg"):
        return times, peaks, None
    output = runner(name, "eager", args.threads)()
    return times, peaks, agreement(name, output, weights, args.sumi, "--threads", str(args.threads))


def report(name, times, peaks, match):
    size = MODELS[name][1] if name in MODELS else (256, 256)
    print(f"\n### {name} {size[0]}x{size[1]}" + ("" if match is None else f": pictures agree to {match:.1f} dB PSNR"))
    print("| | min ms | median ms | min ÷ Sumi's, same precision | peak MiB |\n|---|---|---|---|---|")
    for who, values in times.items():
        ours = times["sumi bf16" if "bf16" in who else "sumi f32"]
        print(f"| {who} | {min(values):.1f} | {sorted(values)[len(values) // 2]:.1f} | {min(values) / min(ours):.2f} "
              f"| {peaks[who]:.0f} |", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--sumi", default="build/bin/sumi")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--repeat", type=int, default=2, help="runs of each contender in a round")
    p.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS), metavar="MODEL")
    p.add_argument("--variants", nargs="*", default=VARIANTS, choices=VARIANTS)
    p.add_argument("--vgg", help="VGG-16 weights: also compares one training step of faststyle, f32 and bf16, 256x256, batch 4")
    p.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    if args.peak:
        run = runner(*args.peak, args.threads)
        run(), run()
        print(peak_mib())
        return
    for name in args.models:
        report(name, *compare(args, name, args.variants))
    if args.vgg:
        report("train faststyle, batch 4,", *compare_training(args))


if __name__ == "__main__":
    main()
