"""English names of networks: ``ResNet-50``, ``ResNet-50 at 224 × 224``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from resnet_viz.network.spec import InputSpec, ResNetSpec, preset_name
from resnet_viz.units import shape_text

__all__ = ["model_name", "network_at"]

_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "wide_resnet50_2": "Wide ResNet-50-2",
        "wide_resnet101_2": "Wide ResNet-101-2",
        "resnext50_32x4d": "ResNeXt-50 32×4d",
        "resnext101_32x8d": "ResNeXt-101 32×8d",
    }
)


def model_name(name: str) -> str:
    """Return the display name of a preset: ``ResNet-50`` for ``resnet50``.

    Any other string is returned unchanged.
    """
    return _NAMES.get(name, name.replace("resnet", "ResNet-"))


def network_at(spec: ResNetSpec, input: InputSpec) -> str:  # noqa: A002
    """Return the name of a network with its input size, such as ``ResNet-50 at 224 × 224``.

    A network that is not a preset is ``a ResNet of depth 26 at 7 × 300``.

    Args:
        spec: The network.
        input: Its input; only height and width are named.
    """
    preset = preset_name(spec)
    name = model_name(preset) if preset else f"a ResNet of depth {spec.depth}"
    return f"{name} at {shape_text((input.height, input.width))}"
