"""The axes of a size map: how far it reaches, which sizes it shows, which ones have names."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_viz.network.spec import MAX_SIDE

__all__ = ["MAX_SAMPLES", "Mark", "marks", "reach", "samples"]

MAX_SAMPLES: Final = 512
"""Sizes along an axis."""

_LEAST_REACH: Final = 32  # pixels


class Mark(NamedTuple):
    """An input size that people use."""

    height: int
    width: int
    name: str


# Those whose names matter most first: where there is no room, later ones go without.
_USUAL: Final = (
    Mark(224, 224, "224"),
    Mark(1080, 1920, "1080p"),
    Mark(32, 32, "32"),
    Mark(512, 512, "512"),
    Mark(720, 1280, "720p"),
    Mark(480, 640, "VGA"),
    *(Mark(side, side, str(side)) for side in (64, 128, 384, 299, 256, 448, 96, 28)),
)


def reach(height: int, width: int, stride: int, quantity: str) -> int:
    """The greatest height and width of a map that shows a size: a power of two, in pixels.

    At least 512, but for the layers that work on 1 x 1: they do at sizes of about the output
    stride, which a map of 512 would hide in its corner.

    Args:
        height: The size's rows.
        width: Its columns.
        stride: The network's output stride in pixels.
        quantity: What is shown.
    """
    least = max(4 * stride, _LEAST_REACH) if quantity == "one_cell" else MAX_SAMPLES
    most = max(height, width, min(least, MAX_SIDE))
    return 1 << (most - 1).bit_length()


def samples(reached: int) -> NDArray[np.int64]:
    """The sizes along an axis: all, or so many that they are no more than `MAX_SAMPLES`.

    Args:
        reached: The greatest, a power of two.
    """
    step = max(1, reached // MAX_SAMPLES)
    return np.arange(step, reached + 1, step)


def marks(reached: int) -> tuple[Mark, ...]:
    """The sizes that people use, as far as a map reaches, the most important first."""
    return tuple(mark for mark in _USUAL if max(mark.height, mark.width) <= reached)
