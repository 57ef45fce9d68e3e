"""The colours of values: two maps of 256 colours, and which value gets which.

Both are drawn through a few points of the OKLab colour space (Björn Ottosson 2020, "A
perceptual color space for image processing"), in equal steps of its distance, so that equal
steps of a value look equal. The lightness of one rises throughout, that of the other falls
evenly on both sides of the middle; so they are read without telling hues apart, and in grey.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from resnet_viz.features.channel_maps import Floats, as_maps

__all__ = [
    "DIVERGING",
    "GAP",
    "GAP_ENTRY",
    "NOT_FINITE",
    "NOT_FINITE_ENTRY",
    "SEQUENTIAL",
    "Picture",
    "Rgb",
    "Scale",
    "channel_limits",
    "channel_scales",
    "entries",
    "painted",
    "shared_scale",
]

Picture = NDArray[np.uint8]
Rgb = tuple[int, int, int]

NOT_FINITE: Final[Rgb] = (255, 0, 200)
"""The colour of NaN and infinity: on neither map."""

GAP: Final[Rgb] = (128, 128, 128)
"""The colour between tiles: on neither map."""

# Entries of the table that pictures are painted from, after the 256 of the colour map.
NOT_FINITE_ENTRY: Final = 256
GAP_ENTRY: Final = 257

# Between these, 255 / span and the places are good float32 numbers.
_NARROWEST: Final = 1e-30
_WIDEST: Final = 1e38

# Lightness, chroma, and hue in degrees.
_SEQUENTIAL_POINTS: Final = (
    (0.22, 0.080, 275.0),  # dark blue
    (0.40, 0.090, 245.0),
    (0.58, 0.088, 202.0),  # teal
    (0.77, 0.140, 145.0),
    (0.95, 0.130, 103.0),  # yellow
)
_DIVERGING_POINTS: Final = (
    (0.42, 0.110, 255.0),  # blue
    (0.66, 0.110, 250.0),
    (0.93, 0.000, 0.0),  # light grey
    (0.66, 0.115, 58.0),
    (0.42, 0.090, 52.0),  # brown orange
)


def _rgb(lab: NDArray[np.float64]) -> Picture:
    """OKLab ``[n, 3]`` to sRGB; the constants are those of Ottosson 2020."""
    to_cones = np.array(
        [
            [1.0, 0.3963377774, 0.2158037573],
            [1.0, -0.1055613458, -0.0638541728],
            [1.0, -0.0894841775, -1.2914855480],
        ]
    )
    to_linear = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = ((lab @ to_cones.T) ** 3 @ to_linear.T).clip(0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return cast(Picture, np.rint(255 * curved).astype(np.uint8))


def _through(points: tuple[tuple[float, float, float], ...]) -> Picture:
    """256 colours along the points, equally far from each other."""
    lightness, chroma, hue = np.array(points).T
    angle = np.radians(hue)
    lab = np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=1)
    lengths = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    along = np.concatenate([[0.0], lengths.cumsum()])
    places = np.linspace(0, along[-1], 256)
    colours = _rgb(np.stack([np.interp(places, along, axis) for axis in lab.T], axis=1))
    colours.flags.writeable = False
    return colours


SEQUENTIAL: Final = _through(_SEQUENTIAL_POINTS)
"""Dark blue over teal to yellow, uint8 ``[256, 3]``."""

DIVERGING: Final = _through(_DIVERGING_POINTS)
"""Blue over light grey to orange, uint8 ``[256, 3]``."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Which value gets which colour.

    Attributes:
        low: The value of the first colour; smaller ones get it too.
        high: The value of the last colour; greater ones get it too.
        diverging: Blue to orange, light grey halfway; else dark blue to yellow.

    Raises:
        ValueError: The ends are not finite, or the wrong way round.
    """

    low: float
    high: float
    diverging: bool

    def __post_init__(self) -> None:
        if not -math.inf < self.low <= self.high < math.inf:
            raise ValueError(f"a scale needs finite ends in order, not {self.low} and {self.high}")

    @property
    def colours(self) -> Picture:
        """The colour map, uint8 ``[256, 3]``."""
        return DIVERGING if self.diverging else SEQUENTIAL


def _extremes(maps: Floats, axis: tuple[int, ...] | None = None) -> tuple[Floats, Floats]:
    """The least and the greatest finite values; 0 and 0 where there is none."""
    low, high = maps.min(axis), maps.max(axis)
    if np.isfinite(low).all() and np.isfinite(high).all():
        return low, high
    finite = np.isfinite(maps)
    low = np.min(maps, axis, initial=np.inf, where=finite)
    high = np.max(maps, axis, initial=-np.inf, where=finite)
    return np.where(low > high, 0, low), np.where(low > high, 0, high)


def _limits(low: Floats, high: Floats, diverging: bool) -> tuple[Floats, Floats]:
    """From extremes to the ends of scales.

    Around 0 where the layer has negative values; a constant is measured from 0.
    """
    if diverging:
        reach = np.maximum(np.abs(low), np.abs(high))
        return -reach, reach
    return np.where(low == high, 0, low), high


def shared_scale(maps: Floats) -> Scale:
    """One scale for a whole layer, from its finite values.

    Args:
        maps: ``[C, H, W]`` or ``[features]``.
    """
    low, high = _extremes(as_maps(maps))
    diverging = bool(low < 0)
    low, high = _limits(low, high, diverging)
    return Scale(float(low), float(high), diverging)


def channel_scales(maps: Floats) -> list[Scale]:
    """A scale for each channel; all of one kind, so that one mosaic has one colour map.

    Args:
        maps: ``[C, H, W]`` or ``[features]``.
    """
    lows, highs, diverging = channel_limits(as_maps(maps))
    pairs = zip(lows.tolist(), highs.tolist(), strict=True)
    return [Scale(low, high, diverging) for low, high in pairs]


def channel_limits(maps: Floats) -> tuple[Floats, Floats, bool]:
    """The ends of each channel's scale, ``[C]`` each, and whether they are around 0."""
    low, high = _extremes(maps, (1, 2))
    diverging = bool((low < 0).any())
    return *_limits(low, high, diverging), diverging


def entries(maps: Floats, low: Floats | float, high: Floats | float) -> NDArray[np.uint16]:
    """The entry of each value in a colour map; `NOT_FINITE_ENTRY` for NaN and infinity.

    Args:
        maps: ``[C, H, W]``, float.
        low: The values of the first colour, ``[C, 1, 1]`` or a number.
        high: Those of the last; where not above `low`, the value gets the first colour up to
            `low` and the last above.
    """
    with np.errstate(all="ignore"):
        span = np.asarray(high - low, maps.dtype)
        if not ((span == 0) | (span > _NARROWEST) & (span < _WIDEST)).all():
            # Before they are made smaller: a quarter of the least float32 is 0.
            maps, low, high = (np.asarray(x, np.float64) * 0.25 for x in (maps, low, high))
            span = np.asarray(high - low, np.float64)
        # Without a span every difference is 0 or far out.
        factor = 255 / np.where(span > 0, span, _NARROWEST)
        places = maps - np.asarray(low, maps.dtype)
        places *= np.asarray(factor, maps.dtype)
        np.clip(places, 0, 255, out=places)
        places += 0.5
        finite = np.isfinite(maps)
        if finite.all():
            found: NDArray[np.uint16] = places.astype(np.uint16)
            return found
        found = np.where(finite, places, 0).astype(np.uint16)
    found[~finite] = NOT_FINITE_ENTRY
    return found


def painted(places: NDArray[np.uint16], colours: Picture, gap: Rgb = GAP) -> Picture:
    """The picture of a colour map's entries, ``[h, w]`` to ``[h, w, 3]``.

    Args:
        places: Entries, `NOT_FINITE_ENTRY` and `GAP_ENTRY` among them.
        colours: The colour map, uint8 ``[256, 3]``.
        gap: The colour of `GAP_ENTRY`.
    """
    table = np.zeros((258, 4), np.uint8)
    table[:256, :3] = colours
    table[NOT_FINITE_ENTRY, :3] = NOT_FINITE
    table[GAP_ENTRY, :3] = gap
    # Four bytes at once are looked up several times faster than three.
    pixels = np.take(table.view(np.uint32)[:, 0], places)
    four: Picture = pixels.view(np.uint8).reshape(*places.shape, 4)
    return np.ascontiguousarray(four[..., :3])
