"""A strip of thumbnails through the network, one of which is picked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from resnet_viz.ui.components import TIP_CSS
from resnet_viz.ui.components.layer_strip.thumbnail_sheet import places, sheet, thumb_size
from resnet_viz.ui.components.picking import PICKING_JS, mount

__all__ = ["MAX_SHEETS", "StripStop", "layer_strip"]

MAX_SHEETS: Final = 5  # behind the thumbnail of the layer with the most channels

_FOLDER: Final = Path(__file__).parent
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


# Once a process: a name that is registered again would log a warning at each run.
_component: Final = st.components.v2.component(
    "resnet_viz.layer_strip",
    html=_asset("layer_strip.html"),
    css=TIP_CSS + _asset("layer_strip.css"),
    js=PICKING_JS + _asset("layer_strip.js"),
)


@dataclass(frozen=True, slots=True, eq=False)
class StripStop:
    """One layer or block of the strip.

    Attributes:
        path: What it is known by; no two stops have the same.
        label: Its name, such as ``layer1.0``.
        shape_text: Its shape, such as ``64 × 56 × 56``.
        thumb: uint8 ``[h, w, 3]``.
        width: Its channels relative to the most, from 0 to 1: the sheets behind the thumbnail.
        side: Its resolution relative to the input's, from 0 to 1: the size of the thumbnail.
        colour: Its stage's, as ``#rrggbb``; neighbours of one colour are drawn as one group.
        downsample: Whether it is a downsample point.
    """

    path: str
    label: str
    shape_text: str
    thumb: NDArray[np.uint8]
    width: float
    side: float
    colour: str
    downsample: bool


def layer_strip(
    stops: Sequence[StripStop],
    *,
    key: str,
    selected: str | None,
    alt: str,
    on_select: Callable[[str], None] | None = None,
) -> str | None:
    """Show a strip that scrolls sideways, and hear which stop is picked.

    The choice is the caller's: a pick is told once, either as what is returned or to
    `on_select`, and what `selected` says is shown; `components.picking` has the details. The
    arrow keys move the ring at once, and Python hears where they led when they rest.

    Args:
        stops: In the order of the network.
        key: The component's key in the session state.
        selected: The path of the stop with the ring; None, or one that is not there, for none.
        alt: What the strip shows, for those who do not see it.
        on_select: Called with a picked path before the run that it causes.

    Returns:
        The path picked since the last run, once; None without one, or with `on_select`.

    Raises:
        ValueError: A thumbnail has another shape, a colour is not ``#rrggbb``, or two stops have
            the same path.
    """
    _require(stops)
    sizes = [thumb_size(stop.thumb.shape, stop.side) for stop in stops]
    picture, pixels = sheet([stop.thumb for stop in stops], sizes)
    corners, _ = places(sizes)
    sent = [
        {
            "path": stop.path,
            "label": stop.label,
            "shape": stop.shape_text,
            "colour": stop.colour,
            "downsample": stop.downsample,
            "sheets": round(MAX_SHEETS * min(max(stop.width, 0.0), 1.0)),
            "x": x,
            "y": y,
            "width": width,
            "height": height,
        }
        for stop, (height, width), (x, y) in zip(stops, sizes, corners, strict=True)
    ]
    known = {stop.path for stop in stops}
    digest = hashlib.sha256((pixels + json.dumps(sent)).encode()).hexdigest()

    def read(message: Any) -> str | None:
        return message if isinstance(message, str) and message in known else None

    data = {"stops": sent, "sheet": picture, "digest": digest, "alt": alt}
    picked: str | None = mount(
        _component, data, key=key, selected=selected, read=read, on_select=on_select
    )
    return picked


def _require(stops: Sequence[StripStop]) -> None:
    for stop in stops:
        thumb = stop.thumb
        if thumb.dtype != np.uint8 or thumb.ndim != 3 or thumb.shape[2] != 3 or not thumb.size:
            raise ValueError(f"thumb must be uint8 [h, w, 3], not {list(thumb.shape)}")
        if not _COLOUR.fullmatch(stop.colour):
            raise ValueError(f"colour must be #rrggbb, not {stop.colour!r}")
    if len({stop.path for stop in stops}) < len(stops):
        raise ValueError("no two stops may have the same path")
