"""A picture that can be pointed at: a mosaic, a map of values, or an input with overlays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from resnet_viz.ui.components import TIP_CSS
from resnet_viz.ui.components.encoding import floats_text, png_url
from resnet_viz.ui.components.picking import PICKING_JS, mount

__all__ = ["MAX_MARGIN", "MAX_VALUES", "Grid", "Outline", "Place", "image_view"]

MAX_VALUES: Final = 262_144  # of a larger map the tooltip has only row and column
MAX_MARGIN: Final = 0.25  # of the picture's side, on each side

_FOLDER: Final = Path(__file__).parent

Place = int | tuple[int, int]


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


# Once a process: a name that is registered again would log a warning at each run.
_component: Final = st.components.v2.component(
    "resnet_viz.image_view",
    html=_asset("image_view.html"),
    css=TIP_CSS + _asset("image_view.css"),
    js=PICKING_JS + _asset("lattice.js") + _asset("image_view.js"),
)


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the tiles of a mosaic lie; the fields are those of `mosaics.Mosaic`.

    Attributes:
        rows: Rows of tiles.
        columns: Columns of tiles; the last row may be shorter.
        cell: Height and width of a tile in pixels.
        gap: Pixels between tiles and around them.
        count: Tiles.
        labels: What the tooltip says, for each tile; left out, ``channel 17``.
    """

    rows: int
    columns: int
    cell: tuple[int, int]
    gap: int
    count: int
    labels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """A rectangle over the picture, in its pixels; it may stick out.

    Attributes:
        top: Its upper edge: 0 is the upper edge of the first row of pixels.
        left: Its left edge.
        bottom: Its lower edge: the height is the lower edge of the last row of pixels.
        right: Its right edge.
        label: What it is.
        dashed: Whether its line is.
    """

    top: float
    left: float
    bottom: float
    right: float
    label: str
    dashed: bool = False


def image_view(
    image: NDArray[np.uint8],
    *,
    key: str,
    alt: str,
    grid: Grid | None = None,
    values: NDArray[np.float32] | None = None,
    selected: Place | None = None,
    outlines: Sequence[Outline] = (),
    heat: NDArray[np.uint8] | None = None,
    opacity: float = 0.5,
    pixelated: bool = True,
    max_height: int | None = None,
    marks: Sequence[int] = (),
    clickable: bool = True,
    on_select: Callable[[Any], None] | None = None,
) -> Place | None:
    """Show a picture as wide as there is room, and hear which place in it is picked.

    With `grid` a place is a tile, with `values` a cell ``(row, column)``, and without either
    nothing can be picked. The choice is the caller's: a pick is told once, either as what is
    returned or to `on_select`, and what `selected` says is shown; `picking` has the details. So
    a page that keeps the choice in the session state either passes a callback that stores it, or
    stores what is returned and runs anew.

    Args:
        image: uint8 ``[h, w, 3]``.
        key: The component's key in the session state.
        alt: What the picture shows, for those who do not see it.
        grid: The tiles of a mosaic.
        values: float32 ``[rows, columns]``, for the tooltip; the cells divide the picture evenly.
            Of more than `MAX_VALUES` the tooltip has no values.
        selected: The place with the ring, None for none; one that is not there has none either.
        outlines: Rectangles. Where they stick out, the picture has a hatched margin that
            stands for the padding, at most `MAX_MARGIN` of its side; what lies beyond is cut off.
        heat: uint8 ``[h', w', 4]``, red, green, blue and alpha, stretched over the picture.
        opacity: Of `heat`, from 0 to 1.
        pixelated: Whether enlarged pixels keep their edges.
        max_height: CSS pixels that the picture with its margins is at most high.
        marks: Tiles with a small cross in their corner, such as dead channels.
        clickable: Whether places can be picked; pointing shows the tooltip in any case.
        on_select: Called with a pick before the run that it causes.

    Returns:
        The place picked since the last run, once; None without one, or with `on_select`.

    Raises:
        ValueError: The arrays have other shapes, an outline is not finite, there are not as many
            labels as tiles, or both `grid` and `values` are given.
    """
    _require(image, heat, grid, values, outlines)
    height, width = image.shape[:2]
    shape = _shape(grid, values)
    data = {
        "image": png_url(image),
        "alt": alt,
        "width": width,
        "height": height,
        "pixelated": pixelated,
        "maxHeight": max_height,
        "heat": None if heat is None else png_url(heat),
        "opacity": min(max(opacity, 0.0), 1.0),
        "margins": _margins(outlines, height, width),
        "outlines": [_sent(outline) for outline in outlines],
        "lattice": _lattice(grid, values, height, width),
        "marks": [int(mark) for mark in marks if grid is not None and 0 <= mark < grid.count],
        "clickable": clickable and shape is not None,
    }

    def read(message: Any) -> Place | None:
        return _place(message, shape)

    if selected is not None:
        selected = (
            (int(selected[0]), int(selected[1])) if isinstance(selected, tuple) else int(selected)
        )
    picked: Place | None = mount(
        _component, data, key=key, selected=selected, read=read, on_select=on_select
    )
    return picked


def _require(
    image: NDArray[np.uint8],
    heat: NDArray[np.uint8] | None,
    grid: Grid | None,
    values: NDArray[np.float32] | None,
    outlines: Sequence[Outline],
) -> None:
    for name, pixels, channels in (("image", image, 3), ("heat", heat, 4)):
        if pixels is None:
            continue
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != channels:
            raise ValueError(f"{name} must be uint8 [h, w, {channels}], not {list(pixels.shape)}")
        if not pixels.size:
            raise ValueError(f"{name} must have pixels, not {list(pixels.shape)}")
    if grid is not None and values is not None:
        raise ValueError("a picture has either a grid or values, not both")
    if values is not None and (values.ndim != 2 or not values.size):
        raise ValueError(f"values must be [rows, columns], not {list(values.shape)}")
    if grid is not None and grid.labels is not None and len(grid.labels) != grid.count:
        raise ValueError(f"{grid.count} tiles need as many labels, not {len(grid.labels)}")
    for outline in outlines:
        edges = (outline.top, outline.left, outline.bottom, outline.right)
        if not all(map(math.isfinite, edges)):
            raise ValueError(f"the outline {outline.label!r} must be finite")


def _shape(grid: Grid | None, values: NDArray[np.float32] | None) -> int | tuple[int, int] | None:
    """What there is to pick: a number of tiles, rows and columns of cells, or nothing."""
    if values is not None:
        return values.shape[0], values.shape[1]
    return grid.count if grid is not None else None


def _lattice(
    grid: Grid | None, values: NDArray[np.float32] | None, height: int, width: int
) -> dict[str, Any] | None:
    """What can be pointed at: cells as high and wide as `cell` says, and their texts."""
    if values is not None:
        rows, columns = values.shape
        few = values.size <= MAX_VALUES
        return {
            "kind": "cells",
            "rows": rows,
            "columns": columns,
            "cell": [height / rows, width / columns],
            "gap": 0,
            "count": rows * columns,
            "values": floats_text(values) if few else None,
        }
    return None if grid is None else {"kind": "tiles"} | asdict(grid)


def _sent(outline: Outline) -> dict[str, Any]:
    edges = ("top", "left", "bottom", "right")
    # NumPy's numbers are not JSON's.
    return asdict(outline) | {edge: float(getattr(outline, edge)) for edge in edges}


def _margins(outlines: Sequence[Outline], height: int, width: int) -> list[float]:
    """How far outlines stick out at the top, right, bottom and left, in pixels, up to the limit."""
    most = (MAX_MARGIN * height, MAX_MARGIN * width)
    out = [
        (-outline.top, outline.right - width, outline.bottom - height, -outline.left)
        for outline in outlines
    ]
    furthest = [max((each[side] for each in out), default=0.0) for side in range(4)]
    return [float(min(max(far, 0.0), most[side % 2])) for side, far in enumerate(furthest)]


def _place(message: Any, shape: int | tuple[int, int] | None) -> Place | None:
    """The place that a message names; None unless there is one."""
    if isinstance(shape, int):
        return message if type(message) is int and 0 <= message < shape else None
    match message, shape:
        case [int(row), int(column)], (rows, columns) if row in range(rows):
            return (row, column) if column in range(columns) else None
    return None
