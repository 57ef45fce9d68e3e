"""Feature maps as pictures: one mosaic for a layer, one tile for a channel.

Everything is a uint8 array ``[height, width, 3]``. A mosaic keeps where its tiles lie, so that
a pixel can be traced back to its channel.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Final, Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from resnet_viz.features.channel_maps import Floats, as_maps
from resnet_viz.features.channel_statistics import ChannelStatistics, LayerStatistics, statistics
from resnet_viz.views.pixels.colour_maps import (
    DIVERGING,
    GAP,
    GAP_ENTRY,
    SEQUENTIAL,
    Picture,
    Rgb,
    Scale,
    channel_limits,
    channel_scales,
    entries,
    painted,
    shared_scale,
)

__all__ = [
    "MAX_SIDE",
    "ChannelStatistics",
    "LayerStatistics",
    "Mosaic",
    "Scale",
    "channel_image",
    "channel_scales",
    "colour_bar",
    "mosaic",
    "png_bytes",
    "shared_scale",
    "statistics",
]

MAX_SIDE: Final = 4096  # pixels; browsers show no more anyway
_PLEASANT_SIDE: Final = 1024  # pixels that a mosaic of small maps is enlarged to
_LEGIBLE_CELL: Final = 28  # pixels; a 7x7 map then has 4 pixels a value


@dataclass(frozen=True, slots=True, eq=False)
class Mosaic:
    """All channels of a layer side by side, in reading order.

    Attributes:
        image: uint8 ``[height, width, 3]``.
        channels: How many there are.
        rows: Rows of tiles.
        columns: Columns of tiles; the last row may be shorter.
        cell: Height and width of a tile in pixels.
        gap: Pixels between tiles and around them.
        zoom: Pixels for each value, along each side.
        reduced: Values averaged into one pixel, along each side; 1 unless the maps are huge.
    """

    image: Picture
    channels: int
    rows: int
    columns: int
    cell: tuple[int, int]
    gap: int
    zoom: int
    reduced: int

    def channel_at(self, x: int, y: int) -> int | None:
        """The channel under a pixel, counted from the left and the top; None between tiles."""
        row, down = divmod(y - self.gap, self.cell[0] + self.gap)
        column, across = divmod(x - self.gap, self.cell[1] + self.gap)
        inside = 0 <= row < self.rows and 0 <= column < self.columns
        if not inside or down >= self.cell[0] or across >= self.cell[1]:
            return None
        channel = row * self.columns + column
        return channel if channel < self.channels else None

    def corner(self, channel: int) -> tuple[int, int]:
        """The top left pixel ``(x, y)`` of a channel's tile.

        Raises:
            IndexError: There is no such channel.
        """
        if not 0 <= channel < self.channels:
            raise IndexError(f"there is no channel {channel} of {self.channels}")
        row, column = divmod(channel, self.columns)
        return (
            self.gap + column * (self.cell[1] + self.gap),
            self.gap + row * (self.cell[0] + self.gap),
        )


def _averaged(maps: Floats, factor: int) -> Floats:
    """Means over squares of `factor` x `factor` values; those at the edges may be smaller."""
    for axis in (1, 2):
        length = maps.shape[axis]
        shape = list(maps.shape)
        shape[axis] = -(-length // factor)
        total = np.zeros(shape, maps.dtype)
        for offset in range(min(factor, length)):
            part = maps[:, offset::factor] if axis == 1 else maps[:, :, offset::factor]
            into = total[:, : part.shape[1], : part.shape[2]]
            np.add(into, part, out=into)
        counts = np.minimum(length - np.arange(shape[axis]) * factor, factor).astype(maps.dtype)
        total /= counts[:, None] if axis == 1 else counts
        maps = total
    return maps


@dataclass(frozen=True, slots=True)
class _Layout:
    """How tiles are laid out: `cell` is in pixels, after averaging and enlarging."""

    rows: int
    columns: int
    cell: tuple[int, int]
    zoom: int
    reduced: int


def _lay_out(shape: tuple[int, int, int], columns: int | None, gap: int, max_side: int) -> _Layout:
    channels, height, width = shape
    most = (max_side - gap) // (1 + gap)  # tiles of one pixel
    if most < 1 or channels > most * most:
        raise ValueError(f"{channels} channels do not fit into {max_side} x {max_side} pixels")
    if columns is None:
        columns = math.ceil(math.sqrt(channels * (height + gap) / (width + gap)))
    columns = max(-(-channels // most), min(columns, most, channels))
    rows = -(-channels // columns)
    # Pixels that a tile may have along each side.
    room = ((max_side - gap) // rows - gap, (max_side - gap) // columns - gap)
    reduced = max(-(-height // room[0]), -(-width // room[1]))
    if reduced > 1:
        cell = (-(-height // reduced), -(-width // reduced))
        return _Layout(rows, columns, cell, 1, reduced)
    pleasant = min(
        (_PLEASANT_SIDE - gap) // rows - gap, (_PLEASANT_SIDE - gap) // columns - gap
    ) // max(height, width)
    zoom = max(pleasant, -(-_LEGIBLE_CELL // max(height, width)))
    zoom = max(1, min(zoom, room[0] // height, room[1] // width))
    return _Layout(rows, columns, (height * zoom, width * zoom), zoom, 1)


def mosaic(
    maps: Floats,
    scale: Scale | Literal["shared", "channel"] = "shared",
    *,
    columns: int | None = None,
    gap: int = 1,
    gap_colour: Rgb = GAP,
    max_side: int = MAX_SIDE,
) -> Mosaic:
    """All channels of a layer in one picture.

    Small maps are enlarged by a whole factor, so that each value is a visible square; maps
    that would exceed `max_side` are averaged over squares of values.

    Args:
        maps: ``[C, H, W]``, or ``[features]`` for one square a feature.
        scale: One scale for all: ``"shared"`` (`shared_scale`) or your own; or ``"channel"``,
            each channel by its own extremes.
        columns: Tiles in a row, as far as they fit; left out, the picture is about square.
        gap: Pixels between tiles and around them.
        gap_colour: Their colour, red, green and blue.
        max_side: The most pixels along each side.

    Raises:
        ValueError: Arrays of another shape, no room, or numbers that make no sense.
    """
    if gap < 0 or max_side < 1 or (columns is not None and columns < 1):
        raise ValueError("gap must be at least 0, and columns and max_side at least 1")
    values = as_maps(maps)
    low, high, colours = _ends(values, scale)
    layout = _lay_out(cast(tuple[int, int, int], values.shape), columns, gap, max_side)
    if layout.reduced > 1:
        with np.errstate(all="ignore"):
            values = _averaged(values, layout.reduced)
    tiles = entries(values, low, high)
    if layout.zoom > 1:
        tiles = tiles.repeat(layout.zoom, axis=1).repeat(layout.zoom, axis=2)
    image = painted(_side_by_side(tiles, layout, gap), colours, gap_colour)
    return Mosaic(
        image=image,
        channels=values.shape[0],
        rows=layout.rows,
        columns=layout.columns,
        cell=layout.cell,
        gap=gap,
        zoom=layout.zoom,
        reduced=layout.reduced,
    )


def _ends(
    maps: Floats, scale: Scale | Literal["shared", "channel"]
) -> tuple[Floats | float, Floats | float, Picture]:
    """The values of the first and the last colour, and the colours."""
    if scale == "channel":
        lows, highs, diverging = channel_limits(maps)
        return lows[:, None, None], highs[:, None, None], DIVERGING if diverging else SEQUENTIAL
    if scale == "shared":
        scale = shared_scale(maps)
    return scale.low, scale.high, scale.colours


def _side_by_side(tiles: NDArray[np.uint16], layout: _Layout, gap: int) -> NDArray[np.uint16]:
    """Tiles ``[C, h, w]`` on one canvas, in reading order."""
    height, width = layout.cell
    down, across = height + gap, width + gap
    canvas = np.full(
        (layout.rows * down + gap, layout.columns * across + gap), GAP_ENTRY, np.uint16
    )
    # [rows, columns, h, w]: the canvas cut into tiles, each with its gap to the right and below.
    cut = canvas[gap:, gap:].reshape(layout.rows, down, layout.columns, across)
    cut = cut.swapaxes(1, 2)[:, :, :height, :width]
    full = tiles.shape[0] // layout.columns
    whole = tiles[: full * layout.columns]
    cut[:full] = whole.reshape(full, layout.columns, height, width)
    if rest := tiles.shape[0] - whole.shape[0]:
        cut[full, :rest] = tiles[whole.shape[0] :]
    return canvas


def channel_image(
    values: Floats, scale: Scale, *, zoom: int | None = None, max_side: int = 512
) -> Picture:
    """One channel, large: uint8 ``[H * zoom, W * zoom, 3]``.

    Args:
        values: ``[H, W]``.
        scale: Its scale, or its layer's.
        zoom: Pixels for each value, along each side; left out, as many as fit.
        max_side: Pixels to fit into when `zoom` is left out; a larger map stays as it is.

    Raises:
        ValueError: The array has another shape, or the zoom is below 1.
    """
    if values.ndim != 2 or (zoom is not None and zoom < 1):
        raise ValueError(f"values must be [H, W] and zoom at least 1, not {list(values.shape)}")
    places = entries(as_maps(values[None]), scale.low, scale.high)[0]
    zoom = zoom or max(1, max_side // max(values.shape))
    return painted(places.repeat(zoom, axis=0).repeat(zoom, axis=1), scale.colours)


def colour_bar(scale: Scale, length: int = 256, thickness: int = 12) -> Picture:
    """The colours of a scale, its low end at the left: uint8 ``[thickness, length, 3]``."""
    places = np.linspace(0, 255, length).round().astype(np.uint16)
    return painted(np.tile(places, (thickness, 1)), scale.colours)


def png_bytes(image: Picture) -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    # Level 1 takes a fifth of the time of the default and a quarter more bytes.
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
