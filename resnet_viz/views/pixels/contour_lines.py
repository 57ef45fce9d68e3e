"""Lines on a map of sizes: between those that stay below a value and those that do not."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Line", "border_lines"]

_SLOPES: Final = (2.0, 1.4)  # heights to widths at which lines have their labels, if they can


class Line(NamedTuple):
    """Where a value is crossed: on its lower right all sizes are beyond it, or none is.

    Attributes:
        label: The value; empty for an edge between tiles.
        path: An SVG path, in cells.
        at: Where its label stands, in cells from the left and from the top; None for nowhere.
    """

    label: str
    path: str
    at: tuple[float, float] | None


def border_lines(sides: Iterable[tuple[str, NDArray[np.bool_]]]) -> tuple[Line, ...]:
    """The lines around the sizes of the upper left corner, as far as there are any.

    Args:
        sides: Values, and whether a size is on the corner's side of each, ``[heights, widths]``.
    """
    lines = (_border_line(label, before) for label, before in sides)
    return tuple(line for line in lines if line is not None)


def _border_line(label: str, before: NDArray[np.bool_]) -> Line | None:
    """The line around the sizes of the upper left corner.

    Costs never fall with height or width, and the counts never rise, so the sizes on one side
    of a value fill that corner, each row at most as far as the one above.

    Returns:
        None if all sizes or none are.
    """
    height, width = before.shape
    border = before.sum(axis=1)
    # Rows that are full come first, rows that are empty last.
    first, last = int((border == width).sum()), int((border > 0).sum())
    if first == last and first in (0, height):
        return None
    path = [f"M{border[first] if first == 0 else width} {first}"]
    changes = (np.flatnonzero(np.diff(border[first:last])) + 1 + first).tolist()
    for top, bottom in pairwise([first, *changes, last]):
        path.append(f"H{border[top]}V{bottom}")
    if last < height:
        path.append("H0")
    return Line(label, "".join(path), _label_place(border) if label else None)


def _label_place(border: NDArray[np.int64]) -> tuple[float, float] | None:
    """Where a line crosses a slope on which it has room for its label, if it crosses one."""
    edges = np.append(border, border[-1])
    for slope in _SLOPES:
        below = np.flatnonzero(slope * edges <= np.arange(len(edges)))
        if len(below) and below[0] > 0:
            row = int(below[0])
            across = min(max(row / slope, float(edges[row])), float(edges[row - 1]))
            return across, float(row)
    return None
