"""How much of a window falls on the map, and how much on the padding around it."""

from __future__ import annotations

from functools import lru_cache
from math import prod

from resnet_viz.costs.profile_records import LayerProfile

__all__ = ["seen_values"]


def seen_values(layer: LayerProfile) -> tuple[int, bool]:
    """How many values of its input the window of a layer sees at most; the rest is padding.

    Returns:
        The number, and whether every window of the layer sees as many.
    """
    if layer.kernel is None or layer.stride is None or layer.padding is None:
        return 1, True
    dilation = layer.dilation or (1, 1)
    counts = [
        _axis(entered, left, k, step, pad, spread)
        for entered, left, k, step, pad, spread in zip(
            layer.input_shapes[0][2:],
            layer.output_shape[2:],
            layer.kernel,
            layer.stride,
            layer.padding,
            dilation,
            strict=True,
        )
    ]
    return prod(most for most, _ in counts), all(alike for _, alike in counts)


@lru_cache(maxsize=1024)
def _axis(
    entered: int, windows: int, kernel: int, stride: int, padding: int, dilation: int
) -> tuple[int, bool]:
    """The most rows that a window sees, and whether all see as many."""
    # The windows of a large map are alike but for those that reach over an edge.
    edge = padding // stride + dilation * kernel // stride + 2
    first = range(min(windows, edge))
    last = range(max(len(first), windows - edge), windows)
    middle = range(len(first), min(last.start, len(first) + 1))
    counts = [
        sum(0 <= window * stride - padding + tap * dilation < entered for tap in range(kernel))
        for some in (first, middle, last)
        for window in some
    ]
    return max(counts), min(counts) == max(counts)
