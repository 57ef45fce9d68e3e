"""List the published networks (`PRESETS`), with their names and usual inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from resnet_viz.network.spec.architecture import BlockKind, ResNetSpec
from resnet_viz.network.spec.input_spec import InputSpec

__all__ = ["PRESETS", "preset_input", "preset_name"]


def _imagenet(block: BlockKind, *blocks: int, **choices: Any) -> ResNetSpec:
    return ResNetSpec(block=block, blocks=blocks, **choices)


def _cifar(blocks: int) -> ResNetSpec:
    """He et al. 2015, section 4.2: 6n + 2 layers, stages of 16, 32, 64 planes, option A."""
    return ResNetSpec(
        block="basic",
        blocks=(blocks,) * 3,
        stem="small",
        base_width=16,
        shortcut="zero_pad",
        num_classes=10,
    )


PRESETS: Final[Mapping[str, ResNetSpec]] = MappingProxyType(
    {
        "resnet18": _imagenet("basic", 2, 2, 2, 2),
        "resnet34": _imagenet("basic", 3, 4, 6, 3),
        "resnet50": _imagenet("bottleneck", 3, 4, 6, 3),
        "resnet101": _imagenet("bottleneck", 3, 4, 23, 3),
        "resnet152": _imagenet("bottleneck", 3, 8, 36, 3),
        "wide_resnet50_2": _imagenet("bottleneck", 3, 4, 6, 3, width_per_group=128),
        "wide_resnet101_2": _imagenet("bottleneck", 3, 4, 23, 3, width_per_group=128),
        "resnext50_32x4d": _imagenet("bottleneck", 3, 4, 6, 3, groups=32, width_per_group=4),
        "resnext101_32x8d": _imagenet("bottleneck", 3, 4, 23, 3, groups=32, width_per_group=8),
        "resnet20": _cifar(3),
        "resnet32": _cifar(5),
        "resnet44": _cifar(7),
        "resnet56": _cifar(9),
        "resnet110": _cifar(18),
        "resnet1202": _cifar(200),
    }
)


def preset_input(name: str) -> InputSpec:
    """Return the usual input of a preset: 32 x 32 for the CIFAR networks, else 224 x 224."""
    side = 32 if PRESETS[name].stem == "small" else 224
    return InputSpec(height=side, width=side, channels=PRESETS[name].in_channels)


def preset_name(spec: ResNetSpec) -> str | None:
    """Return the preset with this architecture, ignoring channels, classes and initialisation."""
    for name, preset in PRESETS.items():
        if (
            replace(
                spec,
                in_channels=preset.in_channels,
                num_classes=preset.num_classes,
                zero_init_residual=preset.zero_init_residual,
            )
            == preset
        ):
            return name
    return None
