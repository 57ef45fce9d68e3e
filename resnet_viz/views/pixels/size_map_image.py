"""The size map as a picture: a colour for each height and width, lines of equal value.

Heights grow downwards and widths to the right, as in a picture. Positions are counted in cells
of the map: cell k of an axis is its k-th size and reaches from k to k + 1.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from resnet_viz.sizing.costs_by_size import SizeMap
from resnet_viz.units import shape_text, si
from resnet_viz.views.pixels.colour_maps import SEQUENTIAL
from resnet_viz.views.pixels.contour_lines import Line, border_lines

__all__ = ["QUANTITIES", "Bar", "SizePicture", "Tick", "size_picture"]

QUANTITIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "final_grid": "Final grid",
        "macs": "MACs",
        "peak_activation_bytes": "Peak memory",
        "one_cell": "On 1 × 1",
        "outgrown": "Beyond input",
        "rounding": "Rounding",
    }
)
"""What a map can show, and what it is called."""

_STOPS: Final = 17  # colours that a colour bar is drawn through
_FAINTEST: Final = 200  # lines of equal cost are drawn down to this fraction of the greatest
_MAX_PARTS: Final = 7  # between lines of equal counts
_LEAST_TILE: Final = 6  # cells; the edges of smaller ones would hide their colours


class Tick(NamedTuple):
    """A label of a colour bar, and its place from 0 to 1."""

    label: str
    at: float


class Bar(NamedTuple):
    """A colour bar.

    Attributes:
        title: What the colours stand for, with the unit.
        colours: Colours from left to right, as ``#rrggbb``.
        stepped: Whether each colour is a field of its own; else they run into each other.
        ticks: In order.
    """

    title: str
    colours: tuple[str, ...]
    stepped: bool
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, eq=False)
class SizePicture:
    """A size map in colours.

    Attributes:
        entries: The entry of each size in the colour map `SEQUENTIAL`, uint8
            ``[heights, widths]``.
        lines: Lines over it.
        bar: What the colours mean.
    """

    entries: NDArray[np.uint8]
    lines: tuple[Line, ...]
    bar: Bar

    @cached_property
    def png(self) -> bytes:
        """The colours as the bytes of a PNG file, a pixel for each size."""
        image = Image.fromarray(self.entries)
        image.putpalette(SEQUENTIAL.tobytes())
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        return buffer.getvalue()


def size_picture(table: SizeMap, quantity: str) -> SizePicture:
    """Draw one quantity of a map.

    Args:
        table: The map, its heights and widths in ascending order.
        quantity: A key of `QUANTITIES`.
    """
    return _DRAWERS[quantity](table)


def _final_grid(table: SizeMap) -> SizePicture:
    """Colours by the square root of the cells: the side of a square grid."""
    cells = table.final_cells.astype(float)
    most = float(cells.max()) ** 0.5
    sides = sorted({max(1, int(most) * part // 4) for part in range(5)})
    ticks = tuple(Tick(shape_text((side, side)), side / most) for side in sides)
    return SizePicture(
        _entries(cells**0.5 / most),
        _tile_edges(table),
        _bar("cells of the final grid", ticks),
    )


def _tile_edges(table: SizeMap) -> tuple[Line, ...]:
    """Edges between sizes with different grids, where the tiles are large enough."""
    down = np.flatnonzero(np.diff(table.final_heights)) + 1
    across = np.flatnonzero(np.diff(table.final_widths)) + 1
    if max(len(down), len(across)) * _LEAST_TILE > len(table.heights):
        return ()
    paths = [f"M0 {row}H{len(table.widths)}" for row in down.tolist()]
    paths += [f"M{column} 0V{len(table.heights)}" for column in across.tolist()]
    return (Line("", "".join(paths), None),) if paths else ()


def _macs(table: SizeMap) -> SizePicture:
    return _cost(table.macs, "multiply-accumulates", "")


def _peak(table: SizeMap) -> SizePicture:
    return _cost(table.peak_activation_bytes, "bytes alive at once", "B")


def _cost(costs: NDArray[Any], title: str, unit: str) -> SizePicture:
    """Colours by the square root of a cost, which grows as the side of a square does."""
    values = costs.astype(float)
    most = float(values.max())
    levels = _round_numbers(most)
    ticks = tuple(Tick(_short(level, unit), (level / most) ** 0.5) for level in levels)
    lines = border_lines((_short(level, unit), values < level) for level in levels)
    return SizePicture(
        _entries((values / most) ** 0.5),
        lines,
        _bar(title, ticks),
    )


def _one_cell(table: SizeMap) -> SizePicture:
    """Few numbers of layers, a colour for each."""
    found, place = np.unique(table.one_cell, return_inverse=True)
    shares = np.linspace(0, 1, len(found))
    lines = border_lines(("", table.one_cell >= count) for count in found[1:].tolist())
    bar = Bar(
        f"convolutions that work on 1 × 1, of {table.convolutions}",
        tuple(map(_hex, shares)),
        stepped=True,
        ticks=tuple(
            Tick(str(count), (index + 0.5) / len(found)) for index, count in enumerate(found)
        ),
    )
    return SizePicture(_entries(shares[place].reshape(table.one_cell.shape)), lines, bar)


def _outgrown(table: SizeMap) -> SizePicture:
    counts, every = table.outgrown, table.convolutions
    low, high = int(counts.min()), int(counts.max())
    step = _round_step(high - low)
    levels = range(step * (low // step + 1), high + 1, step)
    step = _round_step(every)
    ticks = tuple(Tick(str(level), level / every) for level in range(0, every + 1, step))
    return SizePicture(
        _entries(counts / every),
        border_lines((str(level), counts >= level) for level in levels),
        _bar(f"convolutions whose receptive field exceeds the input, of {every}", ticks),
    )


def _rounding(table: SizeMap) -> SizePicture:
    """Colours by the square root of the loss, since most sizes lose a few percent."""
    ticks = tuple(Tick(f"{share} %", (share / 100) ** 0.5) for share in (0, 1, 5, 10, 25, 50, 100))
    return SizePicture(
        _entries(table.rounding**0.5),
        (),
        _bar("share of the final grid beyond the input", ticks),
    )


_DRAWERS: Final[Mapping[str, Callable[[SizeMap], SizePicture]]] = MappingProxyType(
    {
        "final_grid": _final_grid,
        "macs": _macs,
        "peak_activation_bytes": _peak,
        "one_cell": _one_cell,
        "outgrown": _outgrown,
        "rounding": _rounding,
    }
)


def _entries(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Entries of the colour map for values from 0 to 1."""
    return np.rint(255 * shares).astype(np.uint8)


def _bar(title: str, ticks: tuple[Tick, ...]) -> Bar:
    shares = np.linspace(0, 1, _STOPS)
    return Bar(title, tuple(map(_hex, shares)), stepped=False, ticks=ticks)


def _hex(share: float) -> str:
    red, green, blue = SEQUENTIAL[round(255 * share)].tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


def _one_two_five() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50 …, without end."""
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _round_step(span: int) -> int:
    """The least round number that divides a span into few parts."""
    return next(step for step in _one_two_five() if span / step < _MAX_PARTS)


def _round_numbers(most: float) -> list[int]:
    """The round numbers from a small part of the greatest value up to it."""
    levels = takewhile(lambda level: level <= most, _one_two_five())
    return [level for level in levels if level * _FAINTEST >= most]


def _short(level: int, unit: str) -> str:
    """A round number without digits that say nothing: ``5 G``."""
    number, _, prefix = si(level, unit).partition(" ")
    return f"{float(number):g} {prefix}".rstrip()
