"""What networks cost and what they see, over the size of the input, the depth or the width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from resnet_viz.costs.profile_records import Integers, Totals
from resnet_viz.costs.total_costs import totals
from resnet_viz.errors import SpecError
from resnet_viz.network.spec import (
    CONVS_PER_BLOCK,
    MAX_CHANNELS,
    MAX_SIDE,
    InputSpec,
    ResNetSpec,
    preset_name,
)

__all__ = [
    "MAX_POINTS",
    "Over",
    "Point",
    "Series",
    "depth_series",
    "measure",
    "number",
    "series_over",
]

Over = Literal["size", "depth", "width"]

MAX_POINTS: Final = 100
"""The most points of a series."""

_MAX_DEPTH: Final = 200  # layers of a depth series, at most, unless its network has more
# Planes of the first stage in a width series.
_WIDTHS: Final = (16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256)
_SIZES: Final = 64  # points of a size series, at most
_LEAST_REACH: Final = 256  # pixels: a size series goes at least so far
_LEAST_BLOCKS: Final = 4  # one for each of the usual stages


@dataclass(frozen=True, slots=True)
class Point:
    """A network at an input, with its totals.

    Attributes:
        name: What it is called among others; a preset bears the preset's name.
        spec: The network.
        input: The input, its channels filled in.
        totals: What it costs and sees, in float32.
    """

    name: str
    spec: ResNetSpec
    input: InputSpec
    totals: Totals


@dataclass(frozen=True)
class Series:
    """Totals along one variable.

    Attributes:
        name: Whose they are.
        over: ``size`` (x is the input's height in pixels), ``depth`` (layers with weights) or
            ``width`` (planes of the first stage).
        x: The variable, increasing, shape [points].
        points: The network and the input at each x.
    """

    name: str
    over: Over
    x: NDArray[np.int64]
    points: tuple[Point, ...]

    def values(self, total: str) -> Integers:
        """One of the totals at each point, exact: a field of `Totals`.

        Returns:
            Shape [points], or [points, 2] for what has rows and columns; int64, or Python's
            integers where one of them does not fit.
        """
        listed = [getattr(point.totals, total) for point in self.points]
        return np.array(listed, dtype=np.int64 if _fits(listed) else object)


def _fits(listed: Iterable[Any]) -> bool:
    return all(np.max(value) < 2**63 for value in listed)


def number(point: Totals, total: str) -> int:
    """A total as one number: of rows and columns, the smaller.

    Args:
        point: The totals.
        total: The name of one of their fields.
    """
    value = getattr(point, total)
    return min(value) if isinstance(value, tuple) else int(value)


def _size_series(name: str, spec: ResNetSpec, input: InputSpec) -> Series:  # noqa: A002
    """A network over input sizes of one proportion, from a few pixels to twice as many as here.

    Heights are multiples of a round step, so that strides divide most of them; the input's own
    height is among them.

    Args:
        name: What the network is called.
        spec: The network.
        input: The size whose proportion is kept, and its batch.
    """
    height, width = input.height, input.width
    most = min(max(_LEAST_REACH, 2 * height), max(1, MAX_SIDE * height // width), MAX_SIDE)
    step = 1
    while step * _SIZES < most:
        step *= 2
    heights = sorted({*range(step, most + 1, step), height})
    sizes = [
        replace(input, height=h, width=min(max(1, round(h * width / height)), MAX_SIDE))
        for h in heights
    ]
    named = ((f"{size.height} × {size.width}", spec, size) for size in sizes)
    return _series(name, "size", heights, named)


def depth_series(
    name: str,
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002
    most_points: int = MAX_POINTS,
) -> Series:
    """A network with every number of blocks, from four on, as `ResNetSpec.from_depth` spreads them.

    They go to 200 layers, or as far as the network does. Kind of block, stem, width and all else
    are kept; strides and dilations that are not the usual ones, where the number of stages is.

    Args:
        name: What the networks are called.
        spec: The network whose kind of block and other fields they have.
        input: The input of all.
        most_points: Where there are more depths, every second is taken, or every third, and so on.
    """
    deepest = max(_MAX_DEPTH, spec.depth)
    depths = range(_least_depth(spec), deepest + 1, CONVS_PER_BLOCK[spec.block])
    depths = depths[:: -(-len(depths) // most_points)]
    return _series(name, "depth", depths, ((*_of_depth(spec, depth), input) for depth in depths))


def _least_depth(spec: ResNetSpec) -> int:
    return _LEAST_BLOCKS * CONVS_PER_BLOCK[spec.block] + 2


@lru_cache(maxsize=4096)
def _of_depth(spec: ResNetSpec, depth: int) -> tuple[str, ResNetSpec]:
    """A network of another depth, and its name."""
    blocks = ResNetSpec.from_depth(depth, spec.block).blocks
    if len(blocks) != len(spec.blocks):
        spec = replace(spec, blocks=blocks, strides=None, dilations=None)
    made = replace(spec, blocks=blocks)
    return preset_name(made) or f"{depth} layers", made


def _width_series(name: str, spec: ResNetSpec, input: InputSpec) -> Series:  # noqa: A002
    """A network with other numbers of planes: `_WIDTHS`, and its own.

    Widths that leave no channel in a group are left out.

    Args:
        name: What the network is called.
        spec: The network.
        input: The input of all.
    """
    made = {width: _of_width(spec, width) for width in sorted({*_WIDTHS, spec.base_width})}
    widths = [width for width, network in made.items() if network is not None]
    named = ((f"{w} planes", network, input) for w, network in made.items() if network is not None)
    return _series(name, "width", widths, named)


def _of_width(spec: ResNetSpec, width: int) -> ResNetSpec | None:
    try:
        return replace(spec, base_width=width)
    except SpecError:
        return None


def series_over(
    over: Over,
    networks: Mapping[str, ResNetSpec],
    input: InputSpec,  # noqa: A002
) -> tuple[Series, ...]:
    """A series for each network, all over one variable.

    Networks that differ in nothing but the variable (ResNet-50 and ResNet-101 over depth) share
    one, which bears their names. Sizes keep the input's proportion and go from a few pixels to
    twice its height; depths are those of `depth_series`; widths are round numbers of planes, and
    the network's own.

    Args:
        over: The variable.
        networks: The networks by name.
        input: Their input.
    """
    families: dict[ResNetSpec, list[str]] = {}
    for name, spec in networks.items():
        families.setdefault(_family(over, spec), []).append(name)
    make = {"size": _size_series, "depth": depth_series, "width": _width_series}[over]
    return tuple(make(" · ".join(names), networks[names[0]], input) for names in families.values())


def _family(over: Over, spec: ResNetSpec) -> ResNetSpec:
    """Equal for networks that differ in nothing but the variable."""
    if over == "depth":
        # With two blocks a stage: the dilation of a single last bottleneck has no effect.
        return _of_depth(spec, 2 * _LEAST_BLOCKS * CONVS_PER_BLOCK[spec.block] + 2)[1]
    return (over == "width" and _of_width(spec, MAX_CHANNELS)) or spec


def _series(
    name: str,
    over: Over,
    x: Sequence[int],
    named: Iterable[tuple[str, ResNetSpec, InputSpec]],
) -> Series:
    return Series(name, over, np.array(x, dtype=np.int64), tuple(measure(*each) for each in named))


def measure(name: str, spec: ResNetSpec, input: InputSpec) -> Point:  # noqa: A002
    """A network at an input, with its totals.

    Args:
        name: What it is called.
        spec: The network.
        input: The input; its channels are the network's, whatever it says.
    """
    size = replace(input, channels=spec.in_channels)
    return Point(name, spec, size, totals(spec, size))
