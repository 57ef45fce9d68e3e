"""A map of input sizes that can be pointed at: one quantity in colours, all of them in words."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import streamlit as st

from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.network.layer_graph import Pair
from resnet_viz.network.spec import MAX_SIDE
from resnet_viz.sizing.costs_by_size import Formulas
from resnet_viz.ui.components import TIP_CSS
from resnet_viz.ui.components.picking import PICKING_JS, mount
from resnet_viz.views.pixels.size_map_axes import Mark
from resnet_viz.views.pixels.size_map_image import SizePicture

__all__ = ["size_map_view"]

_FOLDER: Final = Path(__file__).parent


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


# Once a process: a name that is registered again would log a warning at each run.
_component: Final = st.components.v2.component(
    "resnet_viz.sizing.costs_by_size",
    html=_asset("size_map.html"),
    css=TIP_CSS + _asset("size_map.css"),
    js=PICKING_JS + _asset("formulas.js") + _asset("size_map.js"),
)


def size_map_view(
    picture: SizePicture,
    known: Formulas,
    *,
    step: int,
    marks: Sequence[Mark],
    selected: Pair,
    batch: int,
    dtype: str,
    alt: str,
    key: str,
    on_select: Callable[[Pair], None],
) -> None:
    """Show a square map from which a height and a width can be chosen.

    The pointer and the arrow keys show all numbers of a size; the browser evaluates the formulas,
    so nothing is asked of Python. A click, Enter, or a second tap chooses the size; what
    `selected` says is shown, see `components.picking`.

    Args:
        picture: The quantity in colours.
        known: The network's formulas.
        step: Pixels between neighbouring heights and widths of the picture; its first is `step`.
        marks: Sizes with names, the most important first; the pointer finds them near by.
        selected: Height and width of the chosen input.
        batch: Pictures at once.
        dtype: The type in which bytes are counted.
        alt: What the map shows, for those who do not see it.
        key: The component's key in the session state.
        on_select: Called with a height and a width before the run that the choice causes.

    Raises:
        ValueError: The picture is not square.
    """
    height, width = picture.entries.shape
    if height != width:
        raise ValueError(f"a map must be square, not {height} x {width}")
    data = {
        "image": "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii"),
        "count": width,
        "step": int(step),
        "lines": [line._asdict() for line in picture.lines],
        "bar": picture.bar._asdict() | {"ticks": [tick._asdict() for tick in picture.bar.ticks]},
        "marks": [mark._asdict() for mark in marks],
        "formulas": _sent(known, batch, dtype),
        "alt": alt,
    }
    mount(_component, data, key=key, selected=list(selected), read=_size, on_select=on_select)


def _sent(known: Formulas, batch: int, dtype: str) -> dict[str, Any]:
    return {
        "grids": known.grids,
        "final": known.final_grid,
        "stride": known.output_stride,
        "macs": known.mac_factors,
        "live": known.live_factors,
        "readers": known.readers,
        "fields": known.fields,
        "batch": batch,
        "itemBytes": DTYPE_BYTES[dtype],
    }


def _size(message: Any) -> Pair | None:
    """The height and width that a message names; None unless they are allowed."""
    match message:
        case [int(height), int(width)] if _allowed(height) and _allowed(width):
            return height, width
    return None


def _allowed(side: int) -> bool:
    # True is an int too.
    return type(side) is int and 1 <= side <= MAX_SIDE
