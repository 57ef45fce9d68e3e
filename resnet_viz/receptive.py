"""Which input pixels one cell of a feature map can depend on."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_viz.checks import integer
from resnet_viz.graph import Pair
from resnet_viz.records import LayerProfile, Profile, Shape

__all__ = ["Box", "ReceptiveField", "receptive_field_of"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of input pixels, half open: `bottom` and `right` are the first outside.

    Attributes:
        top: The first row.
        left: The first column.
        bottom: The row after the last.
        right: The column after the last.
    """

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """What one cell of a feature map sees.

    Attributes:
        whole: The receptive field, which may stick out over the picture into the padding.
        inside: The smallest box around the pixels of the picture that the cell depends on. It
            can be smaller than the part of `whole` inside the picture: what an inner layer pads
            with zeros does not depend on any pixel.
    """

    whole: Box
    inside: Box


def receptive_field_of(report: Profile, path: str, row: int, column: int) -> ReceptiveField:
    """The receptive field of one cell of a layer.

    The whole field is the closed formula of the profile (Araujo, Norris and Sim 2019,
    doi:10.23915/distill.00021). The part inside is found backwards through the operations: a
    window over an interval of cells covers an interval of its input, cut at the edges of that
    input; where two ways meet in an addition, the union counts.

    Args:
        report: The network at an input size.
        path: An operation, a block or a stage; a vector counts as maps of one cell.
        row: Row of the cell, from 0.
        column: Column of the cell, from 0.

    Raises:
        LayerError: The network has no such layer.
        SpecError: The layer has no such cell.
    """
    layer = report.layer(path)
    sides = _sides(layer.output_shape)
    cell = integer("row", row, 0, sides[0] - 1), integer("column", column, 0, sides[1] - 1)
    top, left = (
        start + jump * place
        for start, jump, place in zip(layer.field_start, layer.jump, cell, strict=True)
    )
    height, width = layer.receptive_field
    return ReceptiveField(Box(top, left, top + height, left + width), _inside(report, layer, cell))


def _sides(shape: Shape) -> Pair:
    """Rows and columns of ``[N, C, H, W]``; one of each of ``[N, features]``."""
    return (shape[2], shape[3]) if len(shape) == 4 else (1, 1)


def _inside(report: Profile, last: LayerProfile, cell: Pair) -> Box:
    row, column = cell
    needed = {last.path: Box(row, column, row + 1, column + 1)}
    for layer in reversed(report.layers[: report.layers.index(last) + 1]):
        if (box := needed.pop(layer.path, None)) is None:
            continue
        for source, shape in zip(layer.inputs, layer.input_shapes, strict=True):
            entered = _entered(layer, box, _sides(shape))
            needed[source] = _union(entered, needed.get(source, entered))
    (box,) = needed.values()  # the picture's
    return box


def _entered(layer: LayerProfile, box: Box, sides: Pair) -> Box:
    """The part of an operation's input that a box of its output depends on."""
    # Without a window a cell stands under its own; the shortcut of zeros has a step alone.
    kernel = layer.kernel or (1, 1)
    stride = layer.stride or (1, 1)
    padding = layer.padding or (0, 0)
    top = box.top * stride[0] - padding[0]
    left = box.left * stride[1] - padding[1]
    bottom = (box.bottom - 1) * stride[0] - padding[0] + kernel[0]
    right = (box.right - 1) * stride[1] - padding[1] + kernel[1]
    return Box(max(top, 0), max(left, 0), min(bottom, sides[0]), min(right, sides[1]))


def _union(one: Box, other: Box) -> Box:
    return Box(
        min(one.top, other.top),
        min(one.left, other.left),
        max(one.bottom, other.bottom),
        max(one.right, other.right),
    )
