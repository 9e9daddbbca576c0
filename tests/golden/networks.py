"""The networks of gan/ in PyTorch, with the names of the published files: the source of the golden files and the rival
in bench/compare.py. Inputs and outputs are the networks' own pixel formats, N,C,H,W."""
import torch
from torch import nn
import torch.nn.functional as F


class ScaleShiftNorm(nn.Module):
    """CartoonGAN's instance norm: biased variance, eps 1e-9, parameters named scale and shift."""

    def __init__(self, c):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(c)), nn.Parameter(torch.zeros(c))

    def forward(self, x):
        return F.instance_norm(x, weight=self.scale, bias=self.shift, eps=1e-9)


class CartoonGan(nn.Module):
    """Chen et al., CVPR 2018; BGR in [-1, 1]."""

    def __init__(self):
        super().__init__()
        conv, up = nn.Conv2d, lambda i, o: nn.ConvTranspose2d(i, o, 3, 2, 1, 1)
        self.conv01_1, self.in01_1 = conv(3, 64, 7), ScaleShiftNorm(64)
        self.conv02_1, self.conv02_2, self.in02_1 = conv(64, 128, 3, 2, 1), conv(128, 128, 3, 1, 1), ScaleShiftNorm(128)
        self.conv03_1, self.conv03_2, self.in03_1 = conv(128, 256, 3, 2, 1), conv(256, 256, 3, 1, 1), ScaleShiftNorm(256)
        for i in range(4, 12):
            for j in (1, 2):
                setattr(self, f"conv{i:02}_{j}", conv(256, 256, 3))
                setattr(self, f"in{i:02}_{j}", ScaleShiftNorm(256))
        self.deconv01_1, self.deconv01_2, self.in12_1 = up(256, 128), conv(128, 128, 3, 1, 1), ScaleShiftNorm(128)
        self.deconv02_1, self.deconv02_2, self.in13_1 = up(128, 64), conv(64, 64, 3, 1, 1), ScaleShiftNorm(64)
        self.deconv03_1 = conv(64, 3, 7)

    def forward(self, x):
        reflect = lambda v, p: F.pad(v, (p,) * 4, mode="reflect")
        x = F.relu(self.in01_1(self.conv01_1(reflect(x, 3))))
        x = F.relu(self.in02_1(self.conv02_2(self.conv02_1(x))))
        x = F.relu(self.in03_1(self.conv03_2(self.conv03_1(x))))
        for i in range(4, 12):
            conv = lambda j, v: getattr(self, f"in{i:02}_{j}")(getattr(self, f"conv{i:02}_{j}")(reflect(v, 1)))
            x = x + conv(2, F.relu(conv(1, x)))
        x = F.relu(self.in12_1(self.deconv01_2(self.deconv01_1(x))))
        x = F.relu(self.in13_1(self.deconv02_2(self.deconv02_1(x))))
        return torch.tanh(self.deconv03_1(reflect(x, 3)))


class SameConvNorm(nn.Module):
    """Convolution without bias under TensorFlow's SAME padding, instance norm with eps 1e-3, optional ReLU."""

    def __init__(self, i, o, k, stride=1, relu=True):
        super().__init__()
        self.weight, self.stride, self.relu = nn.Parameter(torch.randn(o, i, k, k) * (i * k * k) ** -0.5), stride, relu
        self.norm = nn.Module()
        self.norm.weight, self.norm.bias = nn.Parameter(torch.ones(o)), nn.Parameter(torch.zeros(o))

    def finish(self, y):
        y = F.instance_norm(y, weight=self.norm.weight, bias=self.norm.bias, eps=1e-3)
        return F.relu(y) if self.relu else y

    def forward(self, x):
        k, s, pads = self.weight.shape[2], self.stride, []
        for n in (x.shape[3], x.shape[2]):
            total = max((-(-n // s) - 1) * s + k - n, 0)
            pads += [total // 2, total - total // 2]
        return self.finish(F.conv2d(F.pad(x, pads), self.weight, stride=s))


class SameUpNorm(SameConvNorm):
    """Transposed convolution, stride 2, cropped to exactly twice the input; weight IOHW."""

    def __init__(self, i, o):
        super().__init__(i, o, 3)
        self.weight = nn.Parameter(torch.randn(i, o, 3, 3) * (i * 9) ** -0.5)

    def forward(self, x):
        y = F.conv_transpose2d(x, self.weight, stride=2)
        return self.finish(y[:, :, : 2 * x.shape[2], : 2 * x.shape[3]])


class SameResidual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.conv2 = SameConvNorm(c, c, 3), SameConvNorm(c, c, 3, relu=False)

    def forward(self, x):
        return x + self.conv2(self.conv1(x))


class Lengstrom(nn.Module):
    """The feed-forward network of fast-style-transfer; RGB 0..255 in and out."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = SameConvNorm(3, 32, 9), SameConvNorm(32, 64, 3, 2), SameConvNorm(64, 128, 3, 2)
        for i in range(1, 6):
            setattr(self, f"res{i}", SameResidual(128))
        self.up1, self.up2, self.conv_out = SameUpNorm(128, 64), SameUpNorm(64, 32), SameConvNorm(32, 3, 9, relu=False)

    def forward(self, x):
        x = self.conv3(self.conv2(self.conv1(x)))
        for i in range(1, 6):
            x = getattr(self, f"res{i}")(x)
        return torch.tanh(self.conv_out(self.up2(self.up1(x)))) * 150 + 127.5


class ReflectConv(nn.Module):
    def __init__(self, i, o, k, stride=1, upsample=1):
        super().__init__()
        self.conv2d, self.pad, self.upsample = nn.Conv2d(i, o, k, stride), k // 2, upsample

    def forward(self, x):
        x = F.interpolate(x, scale_factor=self.upsample, mode="nearest") if self.upsample > 1 else x
        return self.conv2d(F.pad(x, (self.pad,) * 4, mode="reflect"))


class ReflectResidual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.in1 = ReflectConv(c, c, 3), nn.InstanceNorm2d(c, affine=True)
        self.conv2, self.in2 = ReflectConv(c, c, 3), nn.InstanceNorm2d(c, affine=True)

    def forward(self, x):
        return x + self.in2(self.conv2(F.relu(self.in1(self.conv1(x)))))


class Faststyle(nn.Module):
    """pytorch/examples' TransformerNet (Johnson et al., ECCV 2016); RGB 0..255 in and out."""

    def __init__(self, width=32):
        super().__init__()
        a, b, c = width, 2 * width, 4 * width
        norm = lambda n: nn.InstanceNorm2d(n, affine=True)
        self.conv1, self.in1 = ReflectConv(3, a, 9), norm(a)
        self.conv2, self.in2 = ReflectConv(a, b, 3, 2), norm(b)
        self.conv3, self.in3 = ReflectConv(b, c, 3, 2), norm(c)
        for i in range(1, 6):
            setattr(self, f"res{i}", ReflectResidual(c))
        self.deconv1, self.in4 = ReflectConv(c, b, 3, upsample=2), norm(b)
        self.deconv2, self.in5 = ReflectConv(b, a, 3, upsample=2), norm(a)
        self.deconv3 = ReflectConv(a, 3, 9)

    def forward(self, x):
        for i in (1, 2, 3):
            x = F.relu(getattr(self, f"in{i}")(getattr(self, f"conv{i}")(x)))
        for i in range(1, 6):
            x = getattr(self, f"res{i}")(x)
        x = F.relu(self.in4(self.deconv1(x)))
        return self.deconv3(F.relu(self.in5(self.deconv2(x))))


def conv_norm_lrelu(i, o, k=3, stride=1, pad=1, groups=1, bias=False):
    """AnimeGANv2's unit; a stride-2 unit pads only right and bottom."""
    pads = (0, 1, 0, 1) if stride == 2 else (pad,) * 4
    return nn.Sequential(nn.ReflectionPad2d(pads), nn.Conv2d(i, o, k, stride, 0, groups=groups, bias=bias),
                         nn.GroupNorm(1, o), nn.LeakyReLU(0.2))


class InvertedResidual(nn.Module):
    def __init__(self, i, o, expansion=2):
        super().__init__()
        m = round(i * expansion)
        self.use_res = i == o
        layers = [conv_norm_lrelu(i, m, 1, pad=0)] if expansion != 1 else []
        layers += [conv_norm_lrelu(m, m, groups=m, bias=True), nn.Conv2d(m, o, 1, bias=False), nn.GroupNorm(1, o)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        y = self.layers(x)
        return x + y if self.use_res else y


class AnimeGanV2(nn.Module):
    """AnimeGANv2's generator; RGB in [-1, 1]. `width` 32 is the published one."""

    def __init__(self, width=32):
        super().__init__()
        w, cnl = width, conv_norm_lrelu
        self.block_a = nn.Sequential(cnl(3, w, 7, pad=3), cnl(w, 2 * w, stride=2), cnl(2 * w, 2 * w))
        self.block_b = nn.Sequential(cnl(2 * w, 4 * w, stride=2), cnl(4 * w, 4 * w))
        self.block_c = nn.Sequential(cnl(4 * w, 4 * w), InvertedResidual(4 * w, 8 * w), InvertedResidual(8 * w, 8 * w),
                                     InvertedResidual(8 * w, 8 * w), InvertedResidual(8 * w, 8 * w), cnl(8 * w, 4 * w))
        self.block_d = nn.Sequential(cnl(4 * w, 4 * w), cnl(4 * w, 4 * w))
        self.block_e = nn.Sequential(cnl(4 * w, 2 * w), cnl(2 * w, 2 * w), cnl(2 * w, w, 7, pad=3))
        self.out_layer = nn.Sequential(nn.Conv2d(w, 3, 1, bias=False), nn.Tanh())

    def forward(self, x):
        up = lambda v: F.interpolate(v, scale_factor=2, mode="bilinear", align_corners=False)
        x = self.block_c(self.block_b(self.block_a(x)))
        return self.out_layer(self.block_e(up(self.block_d(up(x)))))


def vgg(depth=16, last="conv4_2"):
    """VGG's convolutional trunk up to and including `last`, with torchvision's names below `features.`."""
    plan = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}[depth]
    layers, channels = [], 3
    for block, (count, width) in enumerate(zip(plan, (64, 128, 256, 512, 512)), 1):
        for i in range(1, count + 1):
            layers.append(nn.Conv2d(channels, width, 3, padding=1))
            channels = width
            if last == f"conv{block}_{i}":
                return nn.Sequential(*layers)
            layers.append(nn.ReLU())
            if last == f"relu{block}_{i}":
                return nn.Sequential(*layers)
        layers.append(nn.MaxPool2d(2))
    raise ValueError(f"vgg{depth} has no layer {last}")
