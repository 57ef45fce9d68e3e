"""Sizes that the strides do not divide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import prod
from typing import Final, NamedTuple

from resnet_viz.network.spec import MAX_SIDE
from resnet_viz.sizing.advice import candidate_fixes
from resnet_viz.sizing.advice.advice_records import Diagnosis
from resnet_viz.sizing.advice.fit_measures import first_overhanging
from resnet_viz.sizing.advice.topics import Proposal, Situation, Topic
from resnet_viz.units import shape_text

__all__ = ["MAX_OVERHANG", "ROUNDING"]

MAX_OVERHANG: Final = Fraction(5, 100)
"""Of the last map's area, that may lie past the picture's edge: 1080 x 1920 (0.7 % for a stride
of 32) is no matter, 240 x 240 (12 %) and 225 x 225 (23 %) are."""


class _Axis(NamedTuple):
    """A side of the picture and of the last map.

    Attributes:
        place: 0 for rows, 1 for columns.
        pixels: Of the picture.
        cells: Of the last map.
        reached: Pixels for which there would be as many cells.
    """

    place: int
    pixels: int
    cells: int
    reached: int


def _overhanging(at: Situation) -> list[_Axis]:
    """The sides that round up; one of a single cell has nothing to round to."""
    sides = zip((at.input.height, at.input.width), at.measures.totals.final_grid, strict=True)
    axes = [_Axis(i, pixels, cells, cells * at.stride) for i, (pixels, cells) in enumerate(sides)]
    return [axis for axis in axes if axis.cells > 1 and axis.reached > axis.pixels]


def _rounding(at: Situation) -> Diagnosis | None:
    axes = _overhanging(at)
    share = 1 - Fraction(prod(axis.pixels for axis in axes), prod(axis.reached for axis in axes))
    if share <= MAX_OVERHANG:
        return None
    what, reason = _words(at, axes)
    percent = f"{100 * float(share):.3g} %"
    return Diagnosis(
        code="rounding",
        title=f"{at.size} rounds badly",
        kind="arithmetic",
        path=first_overhanging(at.spec, at.input, [axis.place for axis in axes]),
        number=float(share),
        measured=f"{percent} of the last map{what} lies past the edge",
        reason=f"The strides round up: {reason} would; {percent} of that is not in the picture.",
        source="torch.nn.Conv2d: the output has ⌊(n + 2 padding − dilation (kernel − 1) − 1) / "
        "stride⌋ + 1 rows",
    )


def _words(at: Situation, axes: Sequence[_Axis]) -> tuple[str, str]:
    """Which extent of the last map counts, empty for both; and who gets as much as whom."""
    if len(axes) > 1:
        grid = shape_text(axis.cells for axis in axes)
        reached = shape_text(axis.reached for axis in axes)
        return "", f"{at.size} pixels get a last map of {grid} cells, as {reached}"
    (axis,) = axes
    side, lines = (("height", "rows"), ("width", "columns"))[axis.place]
    how = f"{axis.pixels} {lines} get {axis.cells} cells, as many as {axis.reached}"
    return f"'s {side}", how


def _even(at: Situation) -> Iterator[Proposal]:
    """The nearest sizes that the stride divides, the nearest first."""
    choices = [
        sorted({n // at.stride * at.stride or n, min(-(-n // at.stride) * at.stride, MAX_SIDE)})
        for n in (at.input.height, at.input.width)
    ]
    sizes = sorted(
        product(*choices),
        key=lambda size: abs(size[0] - at.input.height) + abs(size[1] - at.input.width),
    )
    for height, width in sizes:
        # A square stays a square.
        if height == width or at.input.height != at.input.width:
            yield from candidate_fixes.resized(at, replace(at.input, height=height, width=width))


def _multiples(at: Situation) -> str:
    return f"crop or pad to multiples of {at.stride} pixels"


ROUNDING: Final = Topic(_rounding, _even, _multiples)
