#!/usr/bin/env python3
"""Times whole networks on this GPU in Sumi and in PyTorch: same weights, same precision, interleaved in one run, outputs
compared, ratios printed.

    python3 bench/compare_gpu.py --sumi build/bin/sumi --json networks.json

PyTorch runs eager in NCHW (f32 without TF32, and with it), channels_last under autocast (bf16, f16) with
cudnn.benchmark, the same as a CUDA graph, and compiled with max-autotune (which makes CUDA graphs of its own). Sumi runs
with the rows that its tables prefer ("sumi"), and with those that are fastest here ("sumi autotuned"), as --autotune
measures before anything is timed; it keeps them in $SUMI_CACHE, else in cache/ beside the figures. A ratio is the rival's
minimum over Sumi's minimum at the same precision. Outputs are compared with PyTorch's eager f32: pictures as dB PSNR of
8-bit pixels, VGG's features and the losses before and after the first training step as relative errors.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import compare
from compare import networks

SIZES = {"animeganv2": (512, 512), "faststyle": (1024, 1024), "vgg16": (512, 512), "cartoongan": (512, 512),
         "lengstrom": (1024, 1024)}
MODELS = ["animeganv2", "faststyle", "train", "vgg16", "cartoongan", "lengstrom"]
UNFINISHED = 4  # exit status: there was no time for all
VARIANTS = ["eager f32", "eager tf32", "channels_last bf16", "channels_last f16", "graph bf16", "graph f16", "compile bf16"]
PRECISIONS = ["f32", "tf32", "bf16", "f16"]
SUMI = [f"sumi {how}{p}" for p in PRECISIONS for how in ("", "autotuned ")]
HALF = {"bf16": torch.bfloat16, "f16": torch.float16}


class TimeIsUp(Exception):
    pass


def allow_tf32(allowed):
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def graphed(run):
    """The work captured once as a CUDA graph and replayed."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
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


def with_tf32(run, allowed):
    def switched():
        allow_tf32(allowed)
        return run()
    return switched


def runner(args, name, variant):
    """A function that enqueues one inference and returns its output."""
    how, precision = variant.split()
    net, x = compare.build(name)
    net, x = net.to(args.device), x.to(args.device)
    if how == "eager":
        def plain():
            with torch.inference_mode():
                return net(x)
        return with_tf32(plain, precision == "tf32")
    net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    if how == "compile":
        net = torch.compile(net, mode="max-autotune")

    def autocast():
        torch.compiler.cudagraph_mark_step_begin()
        with torch.no_grad(), torch.autocast(args.device, HALF[precision]):
            return net(x)
    return with_tf32(graphed(autocast) if how == "graph" else autocast, False)


def training_runner(args, variant, losses):
    """A function that enqueues one training step of the feed-forward style network, 4 x 256 x 256. The losses before the
    first two steps go to `losses`."""
    how, precision = variant.split()
    if precision == "f16":
        raise NotImplementedError("training in f16 wants a loss scale, which no step here has")
    options = {"device": args.device, "side": args.size or 256}
    if how != "eager":
        options |= {"layout": torch.channels_last, "precision": lambda: torch.autocast(args.device, HALF[precision])}
    if how == "compile":
        options["prepare"] = lambda loss: torch.compile(loss, mode="max-autotune")
    allow_tf32(precision == "tf32")
    step, seen = compare.training_step(**options), losses.setdefault(variant, [])

    def remembering():
        torch.compiler.cudagraph_mark_step_begin()
        loss = step()
        if len(seen) < 2:
            seen.append(loss.item())
        return loss
    return with_tf32(graphed(remembering) if how == "graph" else remembering, precision == "tf32")


def synchronize(args):
    if args.device == "cuda":
        torch.cuda.synchronize()


def milliseconds(args, run):
    """Minimum of some runs, each between two synchronisations."""
    best = float("inf")
    for _ in range(args.repeat):
        synchronize(args)
        start = time.perf_counter()
        run()
        synchronize(args)
        best = min(best, (time.perf_counter() - start) * 1e3)
    return best


def options_of(who):
    """Those of the program for one of SUMI."""
    return ["--precision", who.split()[-1]] + (["--autotune"] if "autotuned" in who else [])


def sumi(args, *command, timeout=120):
    """What the program prints; CalledProcessError when it fails."""
    done = subprocess.run([args.sumi, *command, "--device", args.device], check=True, capture_output=True, text=True,
                          timeout=timeout)
    return done.stdout


def sumi_ms(args, who, size, *work, repeat, **limits):
    out = sumi(args, "bench", *work, "--size", f"{size[0]}x{size[1]}", *options_of(who), "--repeat", str(repeat), "--json", **limits)
    return json.loads(out)["min_ms"]


def tune(args, size, work):
    """Has Sumi measure its rows, so that the timed runs find them in its cache."""
    for who in SUMI:
        if "autotuned" in who:
            try:
                sumi_ms(args, who, size, *work, repeat=1, timeout=300)
            except subprocess.SubprocessError:
                pass  # the timed run fails too, and says why


def first_line(error):
    text = (error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)).strip()
    return text.splitlines()[0][:160] if text else type(error).__name__


def wanted(args, name):
    """Seconds that must be left to begin this network: compiling a training step takes longest."""
    return 0 if name not in args.compile else 180 if name == "train" else 60


def warmed(args, name, make, notes):
    """{variant: make(variant)}, each run five times; one that cannot run is noted."""
    rivals = {}
    for variant in VARIANTS:
        try:
            if variant.startswith("compile") and (name not in args.compile or time.monotonic() > args.deadline - wanted(args, name)):
                raise TimeIsUp(f"not compiled: --compile {name} does, given the time")
            run = make(variant)
            for _ in range(5):
                run()
            synchronize(args)
            rivals[variant] = run
        except Exception as error:
            notes.append(f"{name}: {variant}: {first_line(error)}")
    return rivals


def interleaved(args, size, work, rivals, notes):
    """{who: minimum ms} of Sumi's `work` (arguments of sumi bench) and of its rivals, turn by turn."""
    times, contenders = {}, list(SUMI)
    for turn in range(args.rounds):
        if turn and time.monotonic() > args.deadline:
            break
        for who in list(contenders):
            try:
                times.setdefault(who, []).append(sumi_ms(args, who, size, *work, repeat=args.repeat))
            except subprocess.SubprocessError as error:
                notes.append(f"{' '.join(work[:2])}: {who}: {first_line(error)}")
                contenders.remove(who)
        for variant, run in rivals.items():
            times.setdefault(variant, []).append(milliseconds(args, run))
    return {who: min(values) for who, values in times.items() if values}


def eight_bit(name, output):
    to_picture = compare.MODELS[name][2][1]
    return to_picture(output.float())[0].permute(1, 2, 0).clamp(0, 255).round().byte().cpu().numpy()


def relative_error(got, want):
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    return float(np.sqrt(np.mean((got - want) ** 2) / np.mean(want ** 2)))


def features_of_sumi(args, weights, size, who):
    """The input that Sumi timed its VGG on and what it made of it, N,H,W,C."""
    path = os.path.join(tempfile.mkdtemp(), "features.safetensors")
    sumi(args, "bench", "--model", weights, "--size", f"{size[0]}x{size[1]}", *options_of(who), "--repeat", "1", "--json", "--save",
         path)
    saved = load_file(path)
    return saved["x"], saved["y"]


def agreement_of_sumi(args, name, size, weights, who, reference):
    if not name.startswith("vgg"):
        return min(999, compare.agreement(name, reference, weights, args.sumi, "--device", args.device, *options_of(who)))
    x, y = features_of_sumi(args, weights, size, who)
    net, _ = compare.build(name)
    with torch.inference_mode():
        want = net.to(args.device)(x.permute(0, 3, 1, 2).contiguous().to(args.device)).permute(0, 2, 3, 1)
    return relative_error(y.numpy(), want.cpu().numpy())


def measure_network(args, name):
    size, notes, agreement = SIZES[name], [], {}
    compare.MODELS[name] = (compare.MODELS[name][0], size, compare.MODELS[name][2])
    weights = compare.weights_for_sumi(name)
    tune(args, size, ("--model", weights))
    rivals = warmed(args, name, lambda variant: runner(args, name, variant), notes)
    least = interleaved(args, size, ("--model", weights), rivals, notes)
    allow_tf32(False)
    reference = rivals["eager f32"]().clone()
    for variant, run in rivals.items():
        y = run().clone()
        if name.startswith("vgg"):
            agreement[variant] = relative_error(y.float().cpu().numpy(), reference.cpu().numpy())
        else:
            agreement[variant] = min(compare.psnr(eight_bit(name, y), eight_bit(name, reference)), 999)
    allow_tf32(False)
    for who in [w for w in least if w.startswith("sumi ")]:
        agreement[who] = agreement_of_sumi(args, name, size, weights, who, reference)
    return {"model": name, "size": f"{size[0]}x{size[1]}", "unit": "relative error" if name.startswith("vgg") else "dB",
            "agreement": agreement, "min_ms": least, "notes": notes}


def symmetric(side, seed):
    """A picture that is its own mirror image: a training crop of it is the same, flipped or not."""
    half = np.random.default_rng(seed).integers(0, 256, (8, 4, 3), dtype=np.uint8)
    picture = np.array(Image.fromarray(np.concatenate([half, half[:, ::-1]], 1)).resize((side, side), Image.Resampling.BICUBIC))
    return np.concatenate([picture[:, :side // 2], picture[:, :side // 2][:, ::-1]], 1)


def training_run(args, who, folder, side, batch, steps, lr):
    """The mean loss of Sumi's first steps, and the weights after them."""
    run = os.path.join(folder, f"{who}-{steps}")
    sumi(args, "train", "faststyle", "--photos", os.path.join(folder, "photos"), "--style", os.path.join(folder, "style.png"), "--vgg",
         os.path.join(folder, "vgg.safetensors"), "-o", run, "--steps", str(steps), "--batch", str(batch), "--crop", str(side),
         "--photo-side", str(side), "--style-size", str(side), "--sample-every", "0", "--lr", str(lr), *options_of(who))
    with open(os.path.join(run, "log.jsonl")) as f:
        return json.loads(f.readline())["loss"], load_file(os.path.join(run, "checkpoint.safetensors"))


def losses_of_sumi(args, who, folder, side, batch):
    """Before and after the first training step, and the weights before it: a learning rate of 0 leaves them so."""
    before, checkpoint = training_run(args, who, folder, side, batch, 1, 0)
    mean, _ = training_run(args, who, folder, side, batch, 2, 1e-3)
    return [before, 2 * mean - before], checkpoint


def losses_of_torch(args, checkpoint, photo, style, trunk, batch):
    """The same in f32, by the step that is timed."""
    net = networks.Faststyle()
    net.load_state_dict({k[len("network."):]: v for k, v in checkpoint.items() if k.startswith("network.")})
    x, style = (torch.from_numpy(p.copy()).permute(2, 0, 1)[None].float().to(args.device) for p in (photo, style))
    step = compare.training_step(device=args.device, net=net, trunk=trunk, x=x.repeat(batch, 1, 1, 1), style=style)
    return [step().item() for _ in range(2)]


def training_agreement(args, who, notes, side, batch):
    """{who: the relative error of Sumi's losses}: the same photo in the whole batch."""
    folder = tempfile.mkdtemp()
    os.mkdir(os.path.join(folder, "photos"))
    for name in ("photos/a.png", "photos/b.png"):
        Image.fromarray(symmetric(side, 1)).save(os.path.join(folder, name))
    Image.fromarray(symmetric(side, 2)).save(os.path.join(folder, "style.png"))
    torch.manual_seed(1)
    trunk = compare.he_vgg(16, "relu4_3")
    save_file({"features." + k: v.contiguous() for k, v in trunk.state_dict().items()}, os.path.join(folder, "vgg.safetensors"))
    agreement = {}
    for w in who:
        try:
            got, checkpoint = losses_of_sumi(args, w, folder, side, batch)
            agreement[w] = relative_error(got, losses_of_torch(args, checkpoint, symmetric(side, 1), symmetric(side, 2), trunk, batch))
        except subprocess.SubprocessError as error:
            notes.append(f"losses of {w}: {first_line(error)}")
    return agreement


def measure_training(args):
    notes, losses, side, batch = [], {}, args.size or 256, 4
    work = ("--train", "faststyle", "--batch", str(batch))
    tune(args, (side, side), work)
    rivals = warmed(args, "train", lambda variant: training_runner(args, variant, losses), notes)
    least = interleaved(args, (side, side), work, rivals, notes)
    allow_tf32(False)
    agreement = {variant: relative_error(losses[variant], losses["eager f32"]) for variant in rivals}
    agreement |= training_agreement(args, [w for w in least if w.startswith("sumi ")], notes, side, batch)
    return {"model": f"train faststyle, batch {batch}", "size": f"{side}x{side}",
            "unit": "relative error of the losses before and after a step", "agreement": agreement, "min_ms": least, "notes": notes}


def show(f):
    print(f"\n### {f['model']} {f['size']}")
    for who, ms in f["min_ms"].items():
        ours, tuned = (f["min_ms"].get(how + who.split()[-1], float("nan")) for how in ("sumi ", "sumi autotuned "))
        match = f["agreement"].get(who)
        print(f"{who:20} {ms:9.3f} ms   {ms / ours:6.2f} x Sumi's time, {ms / tuned:6.2f} x autotuned   "
              + (f"{match:.3g} {f['unit']}" if match is not None else ""))
    print("\n".join("# " + note for note in f["notes"]), flush=True)


def known(path):
    """What an earlier run of this PyTorch has left: {model: figures}."""
    try:
        with open(path) as f:
            all = json.load(f)
    except (TypeError, FileNotFoundError):
        return {}
    return {f["model"].split()[0]: f for f in all["networks"]} if all["torch"] == torch.__version__ else {}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--sumi", default="build/bin/sumi")
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--repeat", type=int, default=20, help="runs of each contender in a round")
    p.add_argument("--models", nargs="*", default=MODELS, choices=MODELS, metavar="MODEL")
    p.add_argument("--compile", nargs="*", default=["animeganv2", "faststyle", "train"], choices=MODELS, metavar="MODEL",
                   help="those that torch.compile is timed on, which may take a minute or more each")
    p.add_argument("--seconds", type=float, default=3600,
                   help="begin no network after so long, none that is compiled in the last 60 (training: 180)")
    p.add_argument("--json", help="write the figures here, network by network; those that it has are not measured again")
    p.add_argument("--size", type=int, help="of all pictures, instead of each network's own")
    p.add_argument("--device", default="cuda", choices=["cuda", "cpu"], help="cpu: to try this program out")
    args = p.parse_args()
    args.deadline = time.monotonic() + args.seconds
    if args.size:
        SIZES.update({name: (args.size, args.size) for name in SIZES})
    torch.backends.cudnn.benchmark = True
    os.environ.pop("SUMI_AUTOTUNE", None)  # "sumi" is what it is without
    folder = os.path.dirname(os.path.abspath(args.json)) if args.json else tempfile.mkdtemp()
    os.environ.setdefault("SUMI_CACHE", os.path.join(folder, "cache"))
    done, status, begun = known(args.json), 0, 0
    for name in args.models:
        if name in done:
            print(f"# {name}: measured before")
            continue
        # The first of a run is begun all the same, if need be without compiling.
        if time.monotonic() > args.deadline - (wanted(args, name) if begun else 0):
            print(f"# {name}: not begun, of {args.seconds:.0f} s too few are left")
            status = status or UNFINISHED
            continue
        begun += 1
        try:
            figures = measure_training(args) if name == "train" else measure_network(args, name)
        except Exception as error:  # whatever it is, the other networks are measured
            print(f"# {name}: {first_line(error)}")
            status = 1
            continue
        show(figures)
        done[name] = figures
        if args.json:
            gpu = torch.cuda.get_device_name() if args.device == "cuda" else "none"
            with open(args.json + ".new", "w") as out:
                json.dump({"torch": torch.__version__, "gpu": gpu, "networks": list(done.values())}, out, indent=1)
            os.replace(args.json + ".new", args.json)
    sys.exit(status)


if __name__ == "__main__":
    main()
