"""A profile's rows gathered into stages and blocks, with their sums and texts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from resnet_viz.records import DownsampleProfile, LayerProfile, Profile
from resnet_viz.units import shape_text, si

__all__ = ["Group", "Run", "blocks", "chw", "runs", "stages", "window_text"]

# A stage of more blocks than fit a row shows its first two and its last.
_ROW = 6


@dataclass(frozen=True, slots=True)
class Group:
    """A stage or a block.

    Attributes:
        path: ``stem``, ``layer1``, ``layer1.0`` or ``head``.
        layers: Its rows, in order.
        downsample: The downsample point of a block that has one.
    """

    path: str
    layers: tuple[LayerProfile, ...]
    downsample: DownsampleProfile | None = None

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
    def macs(self) -> int:
        """Multiply-accumulates of all its operations."""
        return sum(layer.macs for layer in self.layers)

    @property
    def params(self) -> int:
        """Learned numbers of all its operations."""
        return sum(layer.params for layer in self.layers)

    def describe(self) -> str:
        """One line for a tooltip."""
        return (
            f"{self.path}: {chw(self.input_shape)} to {chw(self.output_shape)}, "
            f"{si(self.macs)} MACs, {si(self.params)} parameters"
        )


@dataclass(frozen=True, slots=True)
class Run:
    """Blocks drawn as one node: a single one, or neighbours that are all alike."""

    blocks: tuple[Group, ...]

    @property
    def path(self) -> str:
        """The first block's path, which stands for all of them."""
        return self.blocks[0].path


def chw(shape: tuple[int, ...]) -> str:
    """A shape without its batch: ``64 × 56 × 56``."""
    return shape_text(shape[1:])


def stages(report: Profile) -> tuple[Group, ...]:
    """Stem, stages and head, in order."""
    return tuple(
        Group(name, tuple(layers))
        for name, layers in groupby(report.layers, key=lambda layer: layer.stage)
    )


def blocks(report: Profile, stage: Group) -> tuple[Group, ...]:
    """The residual blocks of a stage, in order; none in stem and head."""
    points = {point.block: point for point in report.downsample_points}
    return tuple(
        Group(path, tuple(layers), points.get(path))
        for path, layers in groupby(stage.layers, key=lambda layer: layer.block)
        if path is not None
    )


def runs(report: Profile, stage: Group) -> tuple[Run, ...]:
    """The blocks of a stage, a long middle of equal ones folded into one run."""
    members = blocks(report, stage)
    if len(members) <= _ROW:
        return tuple(Run((block,)) for block in members)
    return (Run(members[:1]), Run(members[1:2]), Run(members[2:-1]), Run(members[-1:]))


def window_text(layer: LayerProfile) -> str:
    """The window of a convolution or pooling: ``7×7/2``, the stride left out where it is 1."""
    if layer.kernel is None or layer.stride is None:
        return ""
    stride = "×".join(map(str, dict.fromkeys(layer.stride)))
    return f"{layer.kernel[0]}×{layer.kernel[1]}" + (f"/{stride}" if stride != "1" else "")
