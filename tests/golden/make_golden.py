"""Writes the golden files: what PyTorch computes for the networks, layers and optimizers of this project.

    python3 tests/golden/make_golden.py [WEIGHTS]

Every file holds its inputs and expected outputs, in PyTorch's layouts, from fixed seeds. WEIGHTS is a folder of
published weights (cartoongan_shinkai, faststyle_*); without it their files are left alone."""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import networks

HERE = Path(__file__).parent
torch.set_grad_enabled(False)


def save(name, tensors, metadata=None):
    tensors = {k: v.detach().contiguous().clone() for k, v in tensors.items()}
    save_file(tensors, HERE / f"{name}.safetensors", metadata)
    print(f"{name}: {(HERE / f'{name}.safetensors').stat().st_size / 1024:.0f} KiB")


def picture(h, w, seed, n=1):
    """Smooth colour with some noise, 0..255 in whole numbers."""
    g = torch.Generator().manual_seed(seed)
    base = F.interpolate(torch.rand(n, 3, 5, 6, generator=g), (h, w), mode="bicubic")
    return (base * 255 + 12 * torch.randn(n, 3, h, w, generator=g)).round().clamp(0, 255)


def padded(x, multiple=4):
    """The picture as a network sees it: enlarged to the multiple by repeating the last row and column."""
    h, w = x.shape[2:]
    return F.pad(x, (0, -w % multiple, 0, -h % multiple), mode="replicate")


def seeded(module, seed):
    """Random weights, exact in half precision, with norms that are not the identity, so that each one is seen to act."""
    g = torch.Generator().manual_seed(seed)
    for p in module.parameters():
        if p.dim() == 4:
            p.copy_(torch.randn(p.shape, generator=g) * (2 / p[0].numel()) ** 0.5)
        else:
            p.copy_(torch.rand(p.shape, generator=g) + 0.25)
    return module.half().float()


def generator(name, net, to_input, sizes=((24, 32), (33, 47))):
    tensors = {f"weights.{k}": v.half() for k, v in net.state_dict().items()}
    for i, (h, w) in enumerate(sizes):
        photo = picture(h, w, 40 + i)
        tensors[f"photo.{i}"] = photo[0].permute(1, 2, 0).to(torch.uint8)
        tensors[f"output.{i}"] = net(to_input(padded(photo)))
    save(name, tensors)


def published(name, net, to_input, weights):
    net.load_state_dict({k: v.float() for k, v in load_file(weights / f"{name}.safetensors").items()})
    tensors = {}
    for i, (h, w) in enumerate(((36, 52), (33, 47))):
        photo = picture(h, w, 50 + i)
        tensors[f"photo.{i}"] = photo[0].permute(1, 2, 0).to(torch.uint8)
        tensors[f"output.{i}"] = net(to_input(padded(photo)))
    save(name, tensors)


def vgg():
    net = seeded(networks.vgg(16, "relu2_1"), 3)
    x = picture(21, 26, 60) - torch.tensor([123.68, 116.779, 103.939]).view(3, 1, 1)
    tensors = {f"weights.features.{k}": v.half() for k, v in net.state_dict().items()} | {"x": x}
    y = x
    for name, layer in zip(("conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1", "relu2_1"), net):
        y = layer(y)
        if name in ("conv1_2", "relu1_2", "conv2_1", "relu2_1"):
            tensors[name] = y[:, ::16]
    tensors["average_conv2_1"] = net[5](F.avg_pool2d(F.relu(net[2](F.relu(net[0](x)))), 2))[:, ::16]
    save("vgg16_to_relu2_1", tensors)


def layer(tensors, name, y, inputs):
    """Output, and the gradients of sum(y * dy) for every input."""
    g = torch.Generator().manual_seed(99)
    dy = torch.randn(y.shape, generator=g)
    grads = torch.autograd.grad((y * dy).sum(), list(inputs.values()))
    tensors[f"{name}.y"], tensors[f"{name}.dy"] = y, dy
    for (k, v), d in zip(inputs.items(), grads):
        tensors[f"{name}.{k}"], tensors[f"{name}.d{k}"] = v, d


@torch.enable_grad()
def layers():
    g = torch.Generator().manual_seed(7)
    rand = lambda *s: torch.randn(*s, generator=g).requires_grad_()
    t = {}
    x, w, b = rand(2, 6, 9, 7), rand(8, 3, 3, 3), rand(8)
    layer(t, "conv", F.conv2d(F.pad(x, (0, 1, 2, 1)), w, b, stride=2, dilation=1, groups=2), {"x": x, "w": w, "b": b})
    x, w, b = rand(1, 5, 8, 6), rand(4, 5, 3, 3), rand(4)
    layer(t, "reflect", F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), w, b), {"x": x, "w": w, "b": b})
    x, w, b = rand(2, 6, 4, 5), rand(6, 4, 3, 3), rand(4)
    layer(t, "transposed", F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1), {"x": x, "w": w, "b": b})
    x, w, b = rand(2, 6, 5, 4), rand(6), rand(6)
    layer(t, "instance", F.instance_norm(x, weight=w, bias=b), {"x": x, "w": w, "b": b})
    x, w, b = rand(2, 6, 5, 4), rand(6), rand(6)
    layer(t, "group", F.group_norm(x, 3, w, b), {"x": x, "w": w, "b": b})
    x, w, b = rand(2, 6, 5, 4), rand(6), rand(6)
    layer(t, "layer", F.leaky_relu(F.group_norm(x, 1, w, b), 0.2), {"x": x, "w": w, "b": b})
    bn = torch.nn.BatchNorm2d(6)
    x, w, b = rand(3, 6, 5, 4), rand(6), rand(6)
    bn.weight.data, bn.bias.data = w.data, b.data
    layer(t, "batch", bn(x), {"x": x, "w": bn.weight, "b": bn.bias})
    t["batch.running_mean"], t["batch.running_var"] = bn.running_mean, bn.running_var
    bn.eval()
    t["batch.eval"] = bn(x)
    x, w, b = rand(3, 7), rand(5, 7), rand(5)
    layer(t, "linear", F.linear(x, w, b), {"x": x, "w": w, "b": b})
    x, target = rand(2, 3, 6, 5), rand(2, 3, 6, 5)
    for name, f in (("mse", F.mse_loss), ("l1", F.l1_loss), ("huber", F.huber_loss)):
        layer(t, name, f(x, target.detach()), {"x": x})
    t["mse.target"] = target
    tv = (x[:, :, 1:] - x[:, :, :-1]).abs().mean() + (x[:, :, :, 1:] - x[:, :, :, :-1]).abs().mean()
    layer(t, "tv", tv, {"x": x})
    flat = x.flatten(2)
    layer(t, "gram", flat @ flat.transpose(1, 2) / (3 * 6 * 5), {"x": x})
    save("layers", t)


@torch.enable_grad()
def optimizers():
    """Ten steps each on the same quadratic bowl: gradients w * slope + offset."""
    g = torch.Generator().manual_seed(11)
    start, slope, offset = (torch.randn(17, generator=g) for _ in range(3))
    t = {"start": start, "slope": slope.abs(), "offset": offset}
    kinds = {
        "sgd": lambda p: torch.optim.SGD(p, 0.05),
        "momentum": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=0.01),
        "nesterov": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True),
        "adam": lambda p: torch.optim.Adam(p, 0.02, betas=(0.5, 0.999)),
        "adam_decay": lambda p: torch.optim.Adam(p, 0.02, weight_decay=0.1),
        "adamw": lambda p: torch.optim.AdamW(p, 0.02, weight_decay=0.1),
    }
    for name, make in kinds.items():
        p = start.clone().requires_grad_()
        optimizer = make([p])
        for _ in range(10):
            optimizer.zero_grad()
            (0.5 * t["slope"] * p * p + offset * p).sum().backward()
            optimizer.step()
        t[name] = p
    for name, search in (("lbfgs", None), ("lbfgs_wolfe", "strong_wolfe")):
        p = start.clone().requires_grad_()
        optimizer = torch.optim.LBFGS([p], lr=1 if search else 0.5, max_iter=6, line_search_fn=search)

        def closure():
            optimizer.zero_grad()
            loss = (0.5 * t["slope"] * p * p + offset * p + 0.1 * p**4).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        t[name] = p
    save("optimizers", t)


def main():
    signed = lambda v: v / 127.5 - 1
    generator("animeganv2_width6", seeded(networks.AnimeGanV2(6), 1), signed)
    generator("faststyle_width8", seeded(networks.Faststyle(8), 2), lambda v: v)
    vgg()
    layers()
    optimizers()
    if len(sys.argv) > 1:
        weights = Path(sys.argv[1])
        published("cartoongan_shinkai", networks.CartoonGan(), lambda v: signed(v.flip(1)), weights)
        for path in sorted(weights.glob("faststyle_*.safetensors")):
            published(path.stem, networks.Lengstrom(), lambda v: v, weights)


if __name__ == "__main__":
    main()
