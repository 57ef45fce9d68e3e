"""The network, written once: everything the app shows is read off the modules below.

Deep Residual Learning for Image Recognition, He et al. 2015, arXiv 1512.03385. Modules with
parameters bear torchvision's names, so its state dicts load strictly. Each ReLU and each
addition is a module of its own and nothing works in place, so every intermediate tensor has a
name and keeps its values.

Shape comments follow ResNet-50 on 3 x 224 x 224.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_viz.network.devices import compute, require_memory, resolve_device
from resnet_viz.network.spec import EXPANSION, PRESETS, ResNetSpec, StrideIn

__all__ = [
    "Add",
    "BasicBlock",
    "Bottleneck",
    "ResNet",
    "ZeroPad",
    "build_model",
    "conv1x1",
    "conv3x3",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
]


def conv3x3(
    in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1
) -> nn.Conv2d:
    """3x3 convolution; padding as wide as the dilation keeps height and width at stride 1."""
    return nn.Conv2d(
        in_planes,
        out_planes,
        kernel_size=3,
        stride=stride,
        padding=dilation,
        dilation=dilation,
        groups=groups,
        bias=False,
    )


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    """1x1 convolution: mixes channels; with a stride it also skips pixels."""
    return nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, bias=False)


class Add(nn.Module):
    """The residual addition, F(x) + x."""

    def forward(self, residual: Tensor, identity: Tensor) -> Tensor:
        """Add two tensors of one shape."""
        return residual + identity


class ZeroPad(nn.Module):
    """Shortcut option A: keep every `stride`-th pixel and append channels of zeros."""

    def __init__(self, in_planes: int, out_planes: int, stride: int) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.stride = in_planes, out_planes, stride

    def forward(self, x: Tensor) -> Tensor:
        """``[N, in, H, W]`` to ``[N, out, ceil(H / stride), ceil(W / stride)]``."""
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.out_channels - self.in_channels))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut around them: ResNet-18 and 34."""

    expansion = EXPANSION["basic"]

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        *,
        dilation: int = 1,
        first_dilation: int | None = None,
    ) -> None:
        super().__init__()
        self.conv1 = conv3x3(inplanes, planes, stride, dilation=first_dilation or dilation)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu1 = nn.ReLU()
        self.conv2 = conv3x3(planes, planes, dilation=dilation)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample
        self.add = Add()
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """``relu(F(x) + x)``, with F two 3x3 convolutions."""
        identity = x

        out = self.conv1(x)
        out = self.bn1(out)
        out = self.relu1(out)
        out = self.conv2(out)
        out = self.bn2(out)

        # Where F(x) has another shape than x, the sum needs x in that shape too.
        if self.downsample is not None:
            identity = self.downsample(x)

        out = self.add(out, identity)
        return self.relu2(out)  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    """1x1 down, 3x3, 1x1 up to four times the planes: ResNet-50, 101 and 152."""

    expansion = EXPANSION["bottleneck"]

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        *,
        width: int | None = None,
        groups: int = 1,
        stride_in: StrideIn = "3x3",
        dilation: int = 1,
        first_dilation: int | None = None,
    ) -> None:
        super().__init__()
        width = width or planes  # other than the planes in wide and in grouped networks
        # The paper puts the stride on the first 1x1; torchvision on the 3x3 ("ResNet v1.5").
        stride_1x1, stride_3x3 = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.conv1 = conv1x1(inplanes, width, stride_1x1)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = conv3x3(width, width, stride_3x3, groups, first_dilation or dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.downsample = downsample
        self.add = Add()
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """``relu(F(x) + x)``, with F a 1x1, a 3x3 and a 1x1 convolution."""
        identity = x

        out = self.conv1(x)
        out = self.bn1(out)
        out = self.relu1(out)
        out = self.conv2(out)
        out = self.bn2(out)
        out = self.relu2(out)
        out = self.conv3(out)
        out = self.bn3(out)

        if self.downsample is not None:
            identity = self.downsample(x)

        out = self.add(out, identity)
        return self.relu3(out)  # type: ignore[no-any-return]


class ResNet(nn.Module):
    """A ResNet for classification: stem, stages of residual blocks, pooled linear head.

    Built on the default device with torch's own initial values; `build_model` gives a seeded
    network on a device of your choice.
    """

    def __init__(self, spec: ResNetSpec) -> None:
        super().__init__()
        self.spec = spec
        self.stages: list[str] = []
        # Why a block has a module on its shortcut, noted where the shortcut is made.
        self.downsample_reasons: dict[str, tuple[str, ...]] = {}

        self.inplanes = spec.base_width
        self._make_stem()  # 3 x 224 x 224 -> 64 x 56 x 56
        for stage, blocks in enumerate(spec.blocks):
            # The first stage keeps the resolution; each later one halves it, doubling the planes,
            # unless the spec says otherwise.
            self._make_layer(stage, spec.planes(stage), blocks, spec.stage_strides[stage])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))  # 2048 x 7 x 7 -> 2048 x 1 x 1
        self.flatten = nn.Flatten(1)
        self.fc = nn.Linear(self.inplanes, spec.num_classes)

    def _make_stem(self) -> None:
        width = self.spec.base_width
        self.conv1: nn.Module
        if self.spec.stem == "imagenet":
            self.conv1 = nn.Conv2d(
                self.spec.in_channels, width, kernel_size=7, stride=2, padding=3, bias=False
            )
        elif self.spec.stem == "small":
            self.conv1 = conv3x3(self.spec.in_channels, width)
        else:
            half = max(1, width // 2)
            self.conv1 = nn.Sequential(
                conv3x3(self.spec.in_channels, half, stride=2),
                nn.BatchNorm2d(half),
                nn.ReLU(),
                conv3x3(half, half),
                nn.BatchNorm2d(half),
                nn.ReLU(),
                conv3x3(half, width),
            )
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = (
            None if self.spec.stem == "small" else nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        )

    def _make_layer(self, stage: int, planes: int, blocks: int, stride: int) -> None:
        """A stage: its first block strides, the others keep the shape."""
        name, block = f"layer{stage + 1}", self._block(stage)
        outplanes = planes * self.spec.expansion
        # The stage's first 3x3 reads a map that is still as dense as the stage before left it.
        before, dilation = (1, *self.spec.stage_dilations)[stage : stage + 2]

        downsample = None
        reasons = (("stride",) if stride != 1 else ()) + (
            ("channels",) if self.inplanes != outplanes else ()
        )
        if reasons:
            downsample = self._make_shortcut(self.inplanes, outplanes, stride)
            self.downsample_reasons[f"{name}.0"] = reasons

        # Bottleneck(64, 64, 1, downsample)
        layers = [
            block(
                self.inplanes,
                planes,
                stride,
                downsample,
                dilation=dilation,
                first_dilation=before,
            )
        ]
        self.inplanes = outplanes
        # Bottleneck(256, 64)
        layers += [block(outplanes, planes, dilation=dilation) for _ in range(1, blocks)]
        self.stages.append(name)
        self.add_module(name, nn.Sequential(*layers))

    def _block(self, stage: int) -> Callable[..., BasicBlock | Bottleneck]:
        """The kind of block that stage `stage` is made of."""
        if self.spec.block == "basic":
            return BasicBlock
        return partial(
            Bottleneck,
            width=self.spec.inner_width(stage),
            groups=self.spec.groups,
            stride_in=self.spec.stride_in,
        )

    def _make_shortcut(self, inplanes: int, outplanes: int, stride: int) -> nn.Module:
        """What brings x to the shape of F(x)."""
        if self.spec.shortcut == "zero_pad":
            return ZeroPad(inplanes, outplanes, stride)
        if self.spec.shortcut == "avgpool_projection" and stride != 1:
            # ceil_mode gives odd sizes the shape that the strided 3x3 of F(x) gives them.
            pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)
            return nn.Sequential(pool, conv1x1(inplanes, outplanes), nn.BatchNorm2d(outplanes))
        return nn.Sequential(conv1x1(inplanes, outplanes, stride), nn.BatchNorm2d(outplanes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[N, num_classes]`` of pictures ``[N, in_channels, H, W]`` of any H and W."""
        x = self.conv1(x)  # 64 x 112 x 112
        x = self.bn1(x)
        x = self.relu(x)
        if self.maxpool is not None:
            x = self.maxpool(x)  # 64 x 56 x 56

        for name in self.stages:  # 256 x 56 x 56, 512 x 28 x 28, 1024 x 14 x 14, 2048 x 7 x 7
            x = getattr(self, name)(x)

        x = self.avgpool(x)  # whatever the size was, 2048 x 1 x 1
        x = self.flatten(x)
        return self.fc(x)  # type: ignore[no-any-return]

    def initialise(self, generator: torch.Generator | None = None) -> None:
        """Draw all parameters anew, and reset the running statistics.

        Convolutions: Kaiming normal by fan-out (He et al. 2015, arXiv 1502.01852); batch norms:
        weight 1, bias 0; the classifier: torch's default for linear layers, uniform within
        1 / sqrt(fan-in).
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(
                    module.weight, mode="fan_out", nonlinearity="relu", generator=generator
                )
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
            elif isinstance(module, nn.Linear):
                bound = module.in_features**-0.5
                nn.init.uniform_(module.weight, -bound, bound, generator=generator)
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)
        # The last batch norm of each block at weight 0, after all have been set to 1: the block
        # starts as the identity (Goyal et al. 2017, arXiv 1706.02677).
        if self.spec.zero_init_residual:
            for module in self.modules():
                if isinstance(module, BasicBlock | Bottleneck):
                    last = module.bn2 if isinstance(module, BasicBlock) else module.bn3
                    nn.init.zeros_(last.weight)


def build_model(
    spec: ResNetSpec, device: str | torch.device = "cpu", seed: int | None = 0
) -> ResNet:
    """The network of a spec, in evaluation mode, with reproducible random weights.

    Args:
        spec: What to build.
        device: ``"auto"``, ``"cpu"``, ``"cuda:0"``, ``"mps"``; or ``"meta"``, shapes alone
            without memory or values.
        seed: Seed of the weights, the same on every device; None leaves them uninitialised.

    Raises:
        DeviceError: The device is not there, or ran out of memory all the same.
        BudgetError: The weights alone need more memory than is free.
    """
    with torch.device("meta"):
        model = ResNet(spec).eval()
    target = resolve_device(device)
    if target.type == "meta":
        return model
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    with compute(target):
        require_memory(size, target, "The weights of this network")
        model.to_empty(device="cpu")
        if seed is not None:
            # A generator of our own: the global one is shared by all sessions.
            model.initialise(torch.Generator().manual_seed(seed))
        return model.to(target)


def _preset(name: str, choices: dict[str, Any]) -> ResNet:
    return build_model(replace(PRESETS[name], **choices)).train()


def resnet18(**choices: Any) -> ResNet:
    """2 * (2 + 2 + 2 + 2) + 2 = 18 layers; `choices` are fields of `ResNetSpec`."""
    return _preset("resnet18", choices)


def resnet34(**choices: Any) -> ResNet:
    """2 * (3 + 4 + 6 + 3) + 2 = 34 layers; `choices` are fields of `ResNetSpec`."""
    return _preset("resnet34", choices)


def resnet50(**choices: Any) -> ResNet:
    """3 * (3 + 4 + 6 + 3) + 2 = 50 layers; `choices` are fields of `ResNetSpec`."""
    return _preset("resnet50", choices)


def resnet101(**choices: Any) -> ResNet:
    """3 * (3 + 4 + 23 + 3) + 2 = 101 layers; `choices` are fields of `ResNetSpec`."""
    return _preset("resnet101", choices)


def resnet152(**choices: Any) -> ResNet:
    """3 * (3 + 8 + 36 + 3) + 2 = 152 layers; `choices` are fields of `ResNetSpec`."""
    return _preset("resnet152", choices)
