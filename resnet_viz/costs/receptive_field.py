"""Find the input pixels that one cell of a feature map depends on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resnet_viz.costs.profile_records import LayerProfile, Profile, Shape
from resnet_viz.network.layer_graph import Pair
from resnet_viz.network.validation import integer

__all__ = ["Box", "ReceptiveField", "receptive_field_of"]

Places = NDArray[np.int64]  # rows or columns, from 0, in order


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
    """The receptive field of one cell of a feature map.

    Attributes:
        whole: The receptive field, which may extend past the image into the padding.
        inside: The smallest box around the pixels of the picture that the cell depends on. It
            can be smaller than the part of `whole` inside the picture: what an inner layer pads
            with zeros does not depend on any pixel.
    """

    whole: Box
    inside: Box


def receptive_field_of(report: Profile, path: str, row: int, column: int) -> ReceptiveField:
    """Return the receptive field of one cell of a layer.

    The whole field is the closed formula of the profile (Araujo, Norris and Sim 2019,
    doi:10.23915/distill.00021). The part inside is found backwards through the operations: the
    places of a window that lie in its input count, which with a dilation are not neighbours;
    where two ways meet in an addition, the union counts.

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
    rows, columns = (_pixels(report, last, cell[axis], axis) for axis in (0, 1))
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def _pixels(report: Profile, last: LayerProfile, place: int, axis: int) -> Places:
    """The rows (axis 0) or columns of the picture that one of `last`'s depends on, in order.

    The axes can be followed apart: each window has a place inside its input on both.
    """
    needed = {last.path: np.array([place])}
    for layer in reversed(report.layers[: report.layers.index(last) + 1]):
        if (places := needed.pop(layer.path, None)) is None:
            continue
        for source, shape in zip(layer.inputs, layer.input_shapes, strict=True):
            entered = _entered(layer, places, _sides(shape)[axis], axis)
            needed[source] = np.union1d(entered, needed.get(source, entered))
    (pixels,) = needed.values()
    return pixels


def _entered(layer: LayerProfile, places: Places, side: int, axis: int) -> Places:
    """The rows or columns of an operation's input that some of its output depend on."""
    # Without a window a cell stands under its own; the shortcut of zeros has a step alone.
    kernel, stride = (layer.kernel or (1, 1))[axis], (layer.stride or (1, 1))[axis]
    padding, dilation = (layer.padding or (0, 0))[axis], (layer.dilation or (1, 1))[axis]
    taps = np.arange(kernel) * dilation - padding
    windows = (places[:, None] * stride + taps).ravel()
    return np.unique(windows[(windows >= 0) & (windows < side)])
