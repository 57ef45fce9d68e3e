"""A profile's rows gathered into stages, blocks and runs of equal blocks, with their sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from resnet_viz.costs.profile_records import DownsampleProfile, LayerProfile, Profile
from resnet_viz.units import shape_text, si

__all__ = ["COSTS", "Group", "blocks", "chw", "describe", "stages", "window_text", "windows_text"]

COSTS: Final = {"macs": "MACs", "output_bytes": "activations", "params": "parameters"}
"""What can be summed over rows, and what people call it."""


@dataclass(frozen=True, slots=True)
class Group:
    """A stage, a block, or neighbouring blocks that are all alike.

    Attributes:
        path: ``stem``, ``layer1``, ``layer1.0`` or ``head``; the first block of several.
        layers: Its rows, in order.
        downsample: The downsample point that it has or, a stage, begins with.
        count: How many blocks it is; 0 for stem and head, which have none.
    """

    path: str
    layers: tuple[LayerProfile, ...]
    downsample: DownsampleProfile | None = None
    count: int = 0

    @property
    def source(self) -> str:
        """The operation whose output enters."""
        return self.layers[0].inputs[0]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """What enters, ``[N, C, H, W]``."""
        return self.layers[0].input_shapes[0]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """What leaves."""
        return self.layers[-1].output_shape

    @property
    def add(self) -> str:
        """The last addition in it."""
        return next(layer.path for layer in reversed(self.layers) if layer.op == "add")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all its operations."""
        return self.total("macs")

    @property
    def params(self) -> int:
        """Learned numbers of all its operations."""
        return self.total("params")

    def total(self, cost: str) -> int:
        """The sum of one of `COSTS`."""
        return sum(getattr(layer, cost) for layer in self.layers)

    def describe(self) -> str:
        """One line for a tooltip."""
        return (
            f"{self.path}: {chw(self.input_shape)} to {chw(self.output_shape)}, "
            f"{si(self.macs)} MACs, {si(self.params)} parameters"
        )


def describe(layer: LayerProfile) -> str:
    """One line about an operation, for a tooltip."""
    name = " ".join(filter(None, (layer.op, window_text(layer))))
    entering = " + ".join(map(chw, layer.input_shapes))
    costs = [f"{si(layer.macs)} MACs"] if layer.macs else []
    costs += [f"{si(layer.params)} parameters"] if layer.params else []
    return ", ".join([f"{layer.path} ({name}): {entering} to {chw(layer.output_shape)}", *costs])


def chw(shape: tuple[int, ...]) -> str:
    """A shape without its batch: ``64 × 56 × 56``."""
    return shape_text(shape[1:])


def stages(report: Profile) -> tuple[Group, ...]:
    """Stem, stages and head, in order."""
    points = {point.block: point for point in report.downsample_points}
    found = []
    for name, rows in groupby(report.layers, key=lambda layer: layer.stage):
        layers = tuple(rows)
        members = dict.fromkeys(layer.block for layer in layers if layer.block is not None)
        found.append(Group(name, layers, points.get(layers[0].block or ""), len(members)))
    return tuple(found)


def blocks(report: Profile, stage: Group) -> tuple[Group, ...]:
    """The residual blocks of a stage, in order; none in stem and head."""
    points = {point.block: point for point in report.downsample_points}
    return tuple(
        Group(path, tuple(layers), points.get(path), 1)
        for path, layers in groupby(stage.layers, key=lambda layer: layer.block)
        if path is not None
    )


def window_text(layer: LayerProfile) -> str:
    """The window of a convolution or pooling: ``7×7/2``, or ``3×3 d2`` with dilation 2.

    A stride and a dilation of 1 are left out.
    """
    if layer.kernel is None or layer.stride is None:
        return ""
    stride = "×".join(map(str, dict.fromkeys(layer.stride)))
    if layer.op == "adaptive_avg_pool2d":  # one window, which goes nowhere
        stride = "1"
    dilation = layer.dilation[0] if layer.dilation else 1
    return (
        f"{layer.kernel[0]}×{layer.kernel[1]}"
        + (f"/{stride}" if stride != "1" else "")
        + (f" d{dilation}" if dilation != 1 else "")
    )


def windows_text(layers: Iterable[LayerProfile]) -> str:
    """The convolutions of a path, one after the other: ``1×1, 3×3/2, 1×1``."""
    return ", ".join(window_text(layer) for layer in layers if layer.op == "conv2d")
