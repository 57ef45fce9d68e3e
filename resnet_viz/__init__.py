"""Any ResNet at any input size: its graph, its shapes and costs, its feature maps.

The names below are the library; `docs` of each say shapes, units and errors. torch is imported
only by the calls that need it, since that takes seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_viz.costs.profiling import profile, sweep
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec

if TYPE_CHECKING:
    from resnet_viz.features.capturing import capture
    from resnet_viz.network.model import build_model

__all__ = [
    "PRESETS",
    "InputSpec",
    "ResNetSpec",
    "build_model",
    "capture",
    "profile",
    "sweep",
    "trace",
]

_NEEDS_TORCH = {
    "build_model": "resnet_viz.network.model",
    "capture": "resnet_viz.features.capturing",
}


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_NEEDS_TORCH[name]), name)
    globals()[name] = value
    return value
