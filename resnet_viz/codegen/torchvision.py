"""The network in terms of torchvision: its call, and the lines that change what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Final

from resnet_viz.codegen.layout import LINE_LENGTH, formatted
from resnet_viz.network.spec import ResNetSpec, preset_name

__all__ = ["INDENT", "torchvision_lines"]

INDENT: Final = "    "  # that a docstring has room for

_STAGES: Final = 4
_CLASSES: Final = {"basic": "BasicBlock", "bottleneck": "Bottleneck"}
# The 3x3 convolutions of a block; the first has the stride.
_CONVS: Final = {"basic": ("conv1", "conv2"), "bottleneck": ("conv2",)}
_NEW_CONV: Final = 'nn.init.kaiming_normal_({}.weight, mode="fan_out", nonlinearity="relu")'


def torchvision_lines(spec: ResNetSpec) -> str | None:
    """Python that builds the network with torchvision, its state dict the same key by key.

    torchvision's ResNets have four stages from 64 planes on, the stride on the 3x3 of a
    bottleneck, and 1x1 convolutions on shortcuts. Channels, classes, a small stem, strides and
    dilations can be set once such a network has been built.

    Returns:
        The lines, ``model`` the last that they define; None for other networks.
    """
    if (
        len(spec.blocks) != _STAGES
        or spec.base_width != 64
        or spec.stem == "deep"
        or spec.stride_in != "3x3"
        or spec.shortcut != "projection"
    ):
        return None
    flags = _replaced(spec)
    needed, call = _call(spec, flags)
    changes = [*_stem(spec), *([] if flags is not None else _resolution(spec))]
    imports = [needed]
    if any("nn." in line for line in changes):
        # ``import torchvision`` goes before it, ``from torchvision…`` after.
        imports.insert(needed.startswith("import"), "from torch import nn")
    lines = "\n".join([*imports, "", f"model = {call}", *changes])
    return formatted(lines, LINE_LENGTH - len(INDENT)).rstrip()


def _replaced(spec: ResNetSpec) -> tuple[bool, bool, bool] | None:
    """The strides that torchvision replaces by dilation to the same effect; None if it cannot."""
    for flags in product((False, True), repeat=_STAGES - 1):
        dilations, strides = [1], [1]
        for replaces in flags:
            dilations.append(dilations[-1] * (2 if replaces else 1))
            strides.append(1 if replaces else 2)
        known = spec.block == "bottleneck" or not any(flags)
        like = replace(spec, strides=tuple(strides), dilations=tuple(dilations))
        if known and like == spec:
            return (flags[0], flags[1], flags[2])
    return None


def _call(spec: ResNetSpec, flags: tuple[bool, bool, bool] | None) -> tuple[str, str]:
    """What to import, and the call."""
    plain = ResNetSpec(
        block=spec.block,
        blocks=spec.blocks,
        groups=spec.groups,
        width_per_group=spec.width_per_group,
    )
    name = preset_name(plain)
    options = {"groups": spec.groups, "width_per_group": spec.width_per_group} if not name else {}
    given = [f"{key}={value}" for key, value in options.items() if value != getattr(_USUAL, key)]
    if spec.num_classes != _USUAL.num_classes:
        given.append(f"num_classes={spec.num_classes}")
    if spec.zero_init_residual:
        given.append("zero_init_residual=True")
    if flags is not None and any(flags):
        given.append(f"replace_stride_with_dilation={list(flags)}")
    if name is not None:
        return "import torchvision", f"torchvision.models.{name}({', '.join(given)})"
    block = _CLASSES[spec.block]
    arguments = ", ".join([block, str(list(spec.blocks)), *given])
    return f"from torchvision.models.resnet import {block}, ResNet", f"ResNet({arguments})"


_USUAL: Final = ResNetSpec()


def _stem(spec: ResNetSpec) -> Iterator[str]:
    """The first convolution for other channels or small pictures."""
    size = "3, 1, 1" if spec.stem == "small" else "7, 2, 3"
    if spec.in_channels != _USUAL.in_channels or spec.stem == "small":
        yield f"model.conv1 = nn.Conv2d({spec.in_channels}, {spec.base_width}, {size}, bias=False)"
        yield _NEW_CONV.format("model.conv1")
    if spec.stem == "small":
        yield "model.maxpool = nn.Identity()"


def _resolution(spec: ResNetSpec) -> Iterator[str]:
    """Strides and dilations, set on the convolutions that have them."""
    before = 1
    for stage, stride in enumerate(spec.stage_strides):
        dilation, layer = spec.stage_dilations[stage], f"model.layer{stage + 1}"
        first, *_ = convs = _CONVS[spec.block]
        if stride != (1 if stage == 0 else 2):
            yield f"{layer}[0].{first}.stride = ({stride}, {stride})"
            yield f"{layer}[0].downsample[0].stride = ({stride}, {stride})"
        if dilation != 1:
            yield f"for block in {layer}:"
            for conv in convs:
                yield f"    {_dilated(f'block.{conv}', dilation)}"
        if before != dilation:
            yield _dilated(f"{layer}[0].{first}", before)
        before = dilation


def _dilated(conv: str, dilation: int) -> str:
    return f"{conv}.dilation = {conv}.padding = ({dilation}, {dilation})"
