"""One number of a feature map, taken apart: the window, the kernel, and their products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resnet_viz.errors import DeviceError, LayerError, SpecError
from resnet_viz.network.layer_graph import Pair, trace
from resnet_viz.network.validation import integer

if TYPE_CHECKING:  # torch takes seconds to import, and only the model's own tensor is needed
    from resnet_viz.network.model import ResNet

__all__ = ["ConvolutionStep", "conv_weight", "convolve_at"]


@dataclass(frozen=True, slots=True, eq=False)
class ConvolutionStep:
    """How a convolution makes one output value; all arrays are read-only.

    Attributes:
        channels: The input channels that the output channel sees, those of its group.
        patch: What the window covers, float64 ``[C / groups, k_h, k_w]``; zeros where it sticks
            out over the maps.
        padded: Where it does, bool ``[k_h, k_w]``.
        kernel: The weights of the output channel, float64 like `patch`.
        products: `patch` times `kernel`.
        per_channel: The products' sum over each input channel, float64 ``[C / groups]``.
        total: The output value: the sum of all products.
    """

    channels: range
    patch: NDArray[np.float64]
    padded: NDArray[np.bool_]
    kernel: NDArray[np.float64]
    products: NDArray[np.float64]
    per_channel: NDArray[np.float64]
    total: float


def convolve_at(
    inputs: NDArray[Any],
    weight: NDArray[Any],
    stride: Pair,
    padding: Pair,
    groups: int,
    channel: int,
    row: int,
    column: int,
    dilation: Pair = (1, 1),
) -> ConvolutionStep:
    """One value of a convolution without bias, as torch.nn.Conv2d defines it.

    Args:
        inputs: The maps that enter, ``[C, H, W]``.
        weight: ``[O, C / groups, k_h, k_w]``.
        stride: Step of the window, rows and columns.
        padding: Zeros on each side, rows and columns.
        groups: Groups of channels; each output channel sees those of its own.
        channel: The output channel, from 0.
        row: Row of the output cell, from 0.
        column: Column of the output cell, from 0.
        dilation: Step between the places of the window, rows and columns.

    Raises:
        SpecError: The arrays do not fit together, or there is no such channel or cell.
    """
    outputs, depth, *window = weight.shape if weight.ndim == 4 else (0, 0, 1, 1)
    taps = [np.arange(window[axis]) * dilation[axis] for axis in (0, 1)]
    reach = [dilation[axis] * (window[axis] - 1) + 1 for axis in (0, 1)]
    _check_shapes(inputs, weight, padding, groups, reach)
    channel = integer("channel", channel, 0, outputs - 1)
    cell = []
    for name, place, axis in (("row", row, 0), ("column", column, 1)):
        room = inputs.shape[axis + 1] + 2 * padding[axis] - reach[axis]
        cell.append(integer(name, place, 0, room // stride[axis]))
    first = channel // (outputs // groups) * depth
    channels = range(first, first + depth)
    down, across = (cell[axis] * stride[axis] - padding[axis] + taps[axis] for axis in (0, 1))
    height, width = inputs.shape[1:]
    seen = ((down >= 0) & (down < height))[:, None] & ((across >= 0) & (across < width))
    covered = inputs[first : channels.stop][
        :, down.clip(0, height - 1)[:, None], across.clip(0, width - 1)
    ]
    patch = np.where(seen, covered, 0).astype(np.float64)
    kernel = weight[channel].astype(np.float64)
    products = patch * kernel
    per_channel = products.sum((1, 2))
    padded = ~seen
    for array in (patch, padded, kernel, products, per_channel):
        array.flags.writeable = False
    return ConvolutionStep(
        channels, patch, padded, kernel, products, per_channel, float(per_channel.sum())
    )


def _check_shapes(
    inputs: NDArray[Any], weight: NDArray[Any], padding: Pair, groups: int, reach: list[int]
) -> None:
    """Refuse arrays that no convolution takes together.

    Raises:
        SpecError: One is of another shape.
    """
    fits = (
        inputs.ndim == 3
        and weight.ndim == 4
        and groups >= 1
        and weight.shape[0] % groups == 0
        and inputs.shape[0] == weight.shape[1] * groups
        and all(inputs.shape[1 + axis] + 2 * padding[axis] >= reach[axis] for axis in (0, 1))
    )
    if not fits:
        raise SpecError(
            f"Maps {list(inputs.shape)} do not fit a weight {list(weight.shape)} in {groups} "
            "groups; give maps [C, H, W], as large as the window, and a weight [O, C / groups, "
            "height, width]."
        )


def conv_weight(model: ResNet, path: str) -> NDArray[np.float32]:
    """The weight of a convolution, a copy: float32 ``[O, C / groups, k_h, k_w]``.

    Args:
        model: The network.
        path: The convolution, such as ``layer1.0.conv1``.

    Raises:
        LayerError: The network has no such layer, or it is no convolution.
        DeviceError: The network is on the device `meta`, without values.
    """
    graph = trace(model.spec)
    graph.output_of(path)
    convolutions = [operation.path for operation in graph if operation.op == "conv2d"]
    if path not in convolutions:
        near = next((name for name in convolutions if name.startswith(path)), convolutions[0])
        raise LayerError(f"{path!r} is no convolution; choose one, such as {near}.")
    weight: Any = model.get_submodule(path).weight
    if weight.is_meta:
        raise DeviceError("A network on the device meta has no values; build it on another.")
    values: NDArray[np.float32] = weight.detach().float().cpu().numpy().copy()
    return values
