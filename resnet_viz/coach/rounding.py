"""Sizes that the strides do not divide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import prod
from typing import Final

from resnet_viz.coach import changes
from resnet_viz.coach.records import Diagnosis
from resnet_viz.coach.topics import Proposal, Situation, Topic
from resnet_viz.spec import MAX_SIDE
from resnet_viz.units import shape_text

__all__ = ["MAX_OVERHANG", "ROUNDING"]

MAX_OVERHANG: Final = Fraction(5, 100)
"""Of the last map's area, that may lie past the picture's edge: 1080 x 1920 (0.7 % for a stride
of 32) is no matter, 240 x 240 (12 %) and 225 x 225 (23 %) are."""


def _axes(at: Situation) -> Iterator[tuple[int, int]]:
    """Pixels and cells by rows and columns; a side of one cell has nothing to round to."""
    totals, sides = at.measures.totals, (at.input.height, at.input.width)
    return ((n, cells) for n, cells in zip(sides, totals.final_grid, strict=True) if cells > 1)


def _rounding(at: Situation) -> Diagnosis | None:
    axes = list(_axes(at))
    share = 1 - Fraction(prod(n for n, _ in axes), prod(cells * at.stride for _, cells in axes))
    if share <= MAX_OVERHANG:
        return None
    grid = at.measures.totals.final_grid
    full = shape_text(cells * at.stride for cells in grid)
    percent = f"{100 * float(share):.3g} %"
    return Diagnosis(
        code="rounding",
        title=f"{at.size} rounds badly",
        kind="arithmetic",
        path=at.measures.overhanging.first,
        number=float(share),
        measured=f"{percent} of the last map lies past the edge",
        reason=f"The strides round up: {at.size} pixels get a last map of {shape_text(grid)} "
        f"cells, as {full} would, and {percent} of that area is not in the picture.",
        source="torch.nn.Conv2d: the output has ⌊(n + 2 padding − dilation (kernel − 1) − 1) / "
        "stride⌋ + 1 rows",
    )


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
            yield from changes.resized(at, replace(at.input, height=height, width=width))


ROUNDING: Final = Topic(_rounding, _even)
