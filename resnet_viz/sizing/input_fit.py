"""How an input's size suits a network, layer by layer: arithmetic on the rows of a profile."""

from __future__ import annotations

import numpy as np

from resnet_viz.costs.profile_records import LayerProfile, Profile
from resnet_viz.network.layer_graph import Pair

__all__ = ["convolutions", "field_exceeds", "overhang", "reads_one_cell", "unread"]


def convolutions(report: Profile) -> tuple[LayerProfile, ...]:
    """The convolutions, in the order of execution; what "layers" means where layers are counted."""
    return tuple(layer for layer in report.layers if layer.op == "conv2d")


def overhang(layer: LayerProfile) -> Pair:
    """Rows and columns by which the steps of a strided window reach past its input.

    Each cell of the output stands for `stride` rows; n rows in give ``ceil(n / stride)`` rows
    out, so where the stride does not divide n the last cell stands for less than its cost: 225
    rows become 113, as 226 would. Times the jump of the layer's input, and summed along a path,
    this is the final grid times the output stride, less the input (in pixels). Zero without a
    stride, and for the global pooling.
    """
    if layer.stride is None or layer.op == "adaptive_avg_pool2d":
        return (0, 0)
    (rows, columns), (high, wide) = layer.input_shapes[0][2:], layer.output_shape[2:]
    return (high * layer.stride[0] - rows, wide * layer.stride[1] - columns)


def unread(layer: LayerProfile) -> Pair:
    """Rows and columns of its input that no window of a layer reads.

    A 1x1 convolution with stride 2, and the subsampling of a shortcut of zeros, read every
    second row and column; a 3x3 with stride 2 and padding 1 reads them all.
    """
    if layer.stride in (None, (1, 1)) or layer.op == "adaptive_avg_pool2d":
        return (0, 0)
    rows, columns = (_unread(layer, axis) for axis in (0, 1))
    return (rows, columns)


def _unread(layer: LayerProfile, axis: int) -> int:
    """How many rows (axis 0) or columns no window reads."""
    kernel, stride = (layer.kernel or (1, 1))[axis], (layer.stride or (1, 1))[axis]
    padding, dilation = (layer.padding or (0, 0))[axis], (layer.dilation or (1, 1))[axis]
    entered = np.zeros(layer.input_shapes[0][2 + axis], dtype=bool)
    first = np.arange(layer.output_shape[2 + axis]) * stride - padding
    for tap in range(kernel):
        places = first + tap * dilation
        entered[places[(places >= 0) & (places < len(entered))]] = True
    return int(len(entered) - entered.sum())


def reads_one_cell(layer: LayerProfile) -> bool:
    """Whether a layer's input is a map of 1 x 1: a 3x3 kernel then sees one value, eight zeros."""
    return layer.input_shapes[0][2:] == (1, 1)


def field_exceeds(layer: LayerProfile, report: Profile) -> bool:
    """Whether each of a layer's cells sees more than the whole input, by rows and by columns.

    Such layers add little where the input was made small and the network was not (Richter et
    al. 2021, "Should You Go Deeper?", arXiv 2106.12307); shortcuts carry smaller fields past
    them, so for a ResNet that is a hint and not a law.
    """
    field, size = layer.receptive_field, report.input
    return field[0] > size.height and field[1] > size.width
