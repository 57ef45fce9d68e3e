"""The presets' names as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["model_name"]

_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "wide_resnet50_2": "Wide ResNet-50-2",
        "wide_resnet101_2": "Wide ResNet-101-2",
        "resnext50_32x4d": "ResNeXt-50 32×4d",
        "resnext101_32x8d": "ResNeXt-101 32×8d",
    }
)


def model_name(name: str) -> str:
    """``ResNet-50`` for ``resnet50``; what is no preset's name stays as it is."""
    return _NAMES.get(name, name.replace("resnet", "ResNet-"))
