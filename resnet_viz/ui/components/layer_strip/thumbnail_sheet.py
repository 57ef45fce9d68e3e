"""All thumbnails of a strip on one sheet, at the size in which they are drawn."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from resnet_viz.ui.components.encoding import array_digest
from resnet_viz.views.pixels.mosaics import png_bytes

__all__ = ["MAX_SIDE", "MIN_SIDE", "SHEET_WIDTH", "places", "sheet", "thumb_size"]

MAX_SIDE: Final = 72  # CSS pixels of a thumbnail's longer side
MIN_SIDE: Final = 14
SHEET_WIDTH: Final = 2048  # pixels

_Pixels = NDArray[np.uint8]


def thumb_size(shape: tuple[int, ...], side: float) -> tuple[int, int]:
    """Height and width of a thumbnail in CSS pixels.

    Args:
        shape: Of the picture ``[h, w, 3]``, for its proportions.
        side: Its resolution relative to the input's, from 0 to 1.
    """
    longer = min(max(round(MAX_SIDE * side), MIN_SIDE), MAX_SIDE)
    height, width = shape[:2]
    scale = longer / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def places(sizes: Iterable[tuple[int, int]]) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Where thumbnails lie on the sheet: in rows, in order.

    Args:
        sizes: Height and width of each.

    Returns:
        The upper left corners ``(x, y)``, and the sheet's height and width.
    """
    corners: list[tuple[int, int]] = []
    x = y = tallest = widest = 0
    for height, width in sizes:
        if x + width > SHEET_WIDTH:
            x, y, tallest = 0, y + tallest, 0
        corners.append((x, y))
        x, tallest = x + width, max(tallest, height)
        widest = max(widest, x)
    return corners, (max(1, y + tallest), max(1, widest))


def sheet(thumbs: Sequence[_Pixels], sizes: Sequence[tuple[int, int]]) -> tuple[str, str]:
    """The sheet as base64 of a PNG file, kept between runs, and a name for what is on it."""
    digest = array_digest([*thumbs, np.array(sizes, np.uint8)])
    return _sheet(thumbs, sizes, digest), digest


@st.cache_data(max_entries=32, show_spinner=False)
def _sheet(
    _thumbs: Sequence[_Pixels],
    _sizes: Sequence[tuple[int, int]],
    digest: str,  # noqa: ARG001 - it is the key
) -> str:
    corners, size = places(_sizes)
    canvas = np.zeros((*size, 3), np.uint8)
    for thumb, (height, width), (x, y) in zip(_thumbs, _sizes, corners, strict=True):
        canvas[y : y + height, x : x + width] = _resized(thumb, height, width)
    return base64.b64encode(png_bytes(canvas)).decode("ascii")


def _resized(thumb: _Pixels, height: int, width: int) -> _Pixels:
    """Values stay squares where they are enlarged, and are averaged where they are not."""
    larger = height >= thumb.shape[0] and width >= thumb.shape[1]
    how = Image.Resampling.NEAREST if larger else Image.Resampling.BOX
    return np.asarray(Image.fromarray(thumb).resize((width, height), how))
