"""Mosaics against painting by hand: one pixel at a time, in plain Python."""

from __future__ import annotations

import io
import math
import time
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from PIL import Image

from resnet_viz.views.pixels.colour_maps import DIVERGING, GAP, NOT_FINITE, SEQUENTIAL
from resnet_viz.views.pixels.mosaics import (
    MAX_SIDE,
    Mosaic,
    Scale,
    channel_image,
    channel_scales,
    colour_bar,
    mosaic,
    png_bytes,
    shared_scale,
)

Array = NDArray[Any]

_SHAPES = npst.array_shapes(min_dims=3, max_dims=3, max_side=9)


def _maps(**limits: Any) -> st.SearchStrategy[Array]:
    numbers = st.floats(-1e6, 1e6, width=32, **limits) | st.sampled_from((0.0, 1.0))
    return npst.arrays(np.float32, _SHAPES, elements=numbers)


def _wild() -> st.SearchStrategy[Array]:
    """Any floats at all, among them NaN, infinities and the greatest."""
    dtype = st.sampled_from((np.float32, np.float64))
    return dtype.flatmap(lambda kind: npst.arrays(kind, _SHAPES))


def _entry(value: float, scale: Scale) -> float:
    """Where on the colour map a value belongs, 0 to 255, not rounded."""
    if scale.high == scale.low:
        return 0.0 if value <= scale.low else 255.0
    place = 255 * (value - scale.low) / (scale.high - scale.low)
    return min(255.0, max(0.0, place))


@cache
def _entries(diverging: bool) -> dict[tuple[int, ...], list[int]]:
    """Where on the colour map each of its colours stands."""
    entries: dict[tuple[int, ...], list[int]] = {}
    for index, colour in enumerate(Scale(-1, 1, diverging).colours.tolist()):
        entries.setdefault(tuple(colour), []).append(index)
    return entries


def _assert_colour(pixel: list[int], value: float, scale: Scale) -> None:
    if not math.isfinite(value):
        assert tuple(pixel) == NOT_FINITE
        return
    nearest = _entries(scale.diverging).get(tuple(pixel))
    assert nearest, f"{pixel} is not on the map"
    entry = _entry(value, scale)
    assert min(abs(index - entry) for index in nearest) <= 0.51


def _assert_painted(picture: Mosaic, maps: Array, scales: list[Scale]) -> None:
    """Each pixel shows the value that its place stands for; the rest is gap."""
    height, width = picture.image.shape[:2]
    assert picture.reduced == 1
    pixels, values = picture.image.tolist(), maps.tolist()  # a number of Python's is read faster
    seen = set()
    for y in range(height):
        for x in range(width):
            channel = picture.channel_at(x, y)
            if channel is None:
                assert tuple(pixels[y][x]) == GAP
                continue
            left, top = picture.corner(channel)
            row, column = (y - top) // picture.zoom, (x - left) // picture.zoom
            seen.add((channel, row, column))
            if (y - top) % picture.zoom == 0 == (x - left) % picture.zoom:
                _assert_colour(pixels[y][x], values[channel][row][column], scales[channel])
            else:
                corner = pixels[top + row * picture.zoom][left + column * picture.zoom]
                assert pixels[y][x] == corner
    assert len(seen) == maps.size  # every value of every channel is shown


@given(maps=_maps(), gap=st.integers(0, 3), columns=st.none() | st.integers(1, 12))
def test_every_pixel_shows_its_value(maps: Array, gap: int, columns: int | None) -> None:
    side = 120
    picture = mosaic(maps, gap=gap, columns=columns, max_side=side)
    assert max(picture.image.shape) <= side
    _assert_painted(picture, maps, [shared_scale(maps)] * len(maps))


@given(maps=_maps())
@example(maps=np.full((1, 1, 1), 1e-45, np.float32))
def test_every_channel_by_its_own_scale(maps: Array) -> None:
    _assert_painted(mosaic(maps, "channel", max_side=120), maps, channel_scales(maps))


@given(maps=_maps(), low=st.floats(-100, 100), span=st.floats(0.5, 100), diverging=st.booleans())
def test_a_scale_of_ones_own_is_kept_to(
    maps: Array, low: float, span: float, diverging: bool
) -> None:
    scale = Scale(float(np.float32(low)), float(np.float32(low + span)), diverging)
    _assert_painted(mosaic(maps, scale, max_side=120), maps, [scale] * len(maps))


@given(maps=_wild(), kind=st.sampled_from(("shared", "channel")))
def test_any_floats_at_all_are_painted(maps: Array, kind: Any) -> None:
    picture = mosaic(maps, kind, gap=0, max_side=100)
    finite = np.isfinite(maps)
    for channel in range(len(maps)):
        x, y = picture.corner(channel)
        tile = picture.image[y : y + picture.cell[0], x : x + picture.cell[1]]
        marked = (tile == NOT_FINITE).all(axis=2)[:: picture.zoom, :: picture.zoom]
        assert (marked == ~finite[channel]).all()


@given(maps=_wild())
def test_scales_hold_all_finite_values(maps: Array) -> None:
    scale = shared_scale(maps)
    finite = maps[np.isfinite(maps)].astype(float)
    if finite.size:
        assert scale.low <= finite.min()
        assert scale.high >= finite.max()
        assert scale.diverging == (finite.min() < 0)
    else:
        assert (scale.low, scale.high, scale.diverging) == (0, 0, False)
    if scale.diverging:
        assert scale.low == -scale.high
        assert scale.high == np.abs(finite).max()
    for one, channel in zip(channel_scales(maps), maps, strict=True):
        assert one.diverging == scale.diverging
        values = channel[np.isfinite(channel)].astype(float)
        assert (values >= one.low).all()
        assert (values <= one.high).all()


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, Scale(0, 0, False)), (3.0, Scale(0, 3, False)), (-3.0, Scale(-3, 3, True))],
)
def test_constant_maps_are_measured_from_zero(value: float, expected: Scale) -> None:
    maps = np.full((2, 3, 3), value)
    assert shared_scale(maps) == expected
    assert channel_scales(maps) == [expected] * 2
    colour = {0.0: SEQUENTIAL[0], 3.0: SEQUENTIAL[255], -3.0: DIVERGING[0]}[value]
    x, y = mosaic(maps).corner(1)
    assert (mosaic(maps).image[y, x] == colour).all()


def test_zero_is_the_middle_of_a_diverging_scale() -> None:
    maps = np.array([[[-8.0, 0.0, 2.0]]])
    picture = mosaic(maps, gap=0)
    shown = picture.image[0, :: picture.zoom]
    assert (shown == DIVERGING[[0, 128, 159]]).all()


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 60), st.integers(1, 60)),
    gap=st.integers(0, 2),
    side=st.integers(30, 90),
)
def test_large_maps_are_averaged(shape: tuple[int, int, int], gap: int, side: int) -> None:
    maps = np.random.default_rng(sum(shape)).normal(size=shape)
    picture = mosaic(maps, gap=gap, max_side=side)
    assert max(picture.image.shape) <= side
    assert picture.rows * picture.columns >= shape[0] > (picture.rows - 1) * picture.columns
    factor, scale = picture.reduced, shared_scale(maps)
    for channel in (0, shape[0] - 1):
        x, y = picture.corner(channel)
        for row in range(0, picture.cell[0] // picture.zoom, 3):
            for column in range(0, picture.cell[1] // picture.zoom, 3):
                part = maps[
                    channel,
                    row * factor : (row + 1) * factor,
                    column * factor : (column + 1) * factor,
                ]
                pixel = picture.image[y + row * picture.zoom, x + column * picture.zoom]
                _assert_colour(pixel.tolist(), float(part.mean()), scale)


def test_one_value_that_is_not_finite_marks_the_whole_average() -> None:
    maps = np.ones((1, 8, 8), np.float32)
    maps[0, 0, 0], maps[0, 7, 7] = np.nan, np.inf
    picture = mosaic(maps, gap=0, max_side=2)
    marked = (picture.image == NOT_FINITE).all(axis=2)
    assert marked.tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize(
    "shape",
    [(2048, 7, 7), (64, 512, 512), (64, 112, 112), (1000,), (512, 1, 1), (3, 5000, 20), (1, 1, 1)],
)
def test_the_picture_is_legible_and_bounded(shape: tuple[int, ...]) -> None:
    maps = np.zeros(shape, np.float32)
    picture = mosaic(maps)
    height, width = picture.image.shape[:2]
    assert max(height, width) <= MAX_SIDE
    assert picture.image.dtype == np.uint8
    assert picture.image.flags.c_contiguous
    assert picture.channels == shape[0]
    if picture.reduced == 1:
        assert max(picture.cell) >= 28
    assert (height, width) == (
        picture.rows * (picture.cell[0] + 1) + 1,
        picture.columns * (picture.cell[1] + 1) + 1,
    )
    assert picture.channel_at(*picture.corner(shape[0] - 1)) == shape[0] - 1


def test_features_are_channels_of_one_cell() -> None:
    features = np.arange(10.0)
    picture = mosaic(features)
    assert (picture.rows, picture.columns, picture.channels) == (3, 4, 10)
    assert (picture.image == mosaic(features[:, None, None]).image).all()


@pytest.mark.parametrize("place", [(-1, 5), (5, -1), (0, 5), (5, 0), (10**6, 5), (5, 10**6)])
def test_outside_the_tiles_there_is_no_channel(place: tuple[int, int]) -> None:
    assert mosaic(np.zeros((3, 4, 4))).channel_at(*place) is None


def test_the_last_row_may_be_shorter() -> None:
    picture = mosaic(np.zeros((3, 4, 4)), columns=2)
    x, _ = picture.corner(1)
    _, y = picture.corner(2)
    assert picture.channel_at(x, y) is None
    assert tuple(picture.image[y, x]) == GAP
    for missing in (-1, 3):
        with pytest.raises(IndexError, match="no channel"):
            picture.corner(missing)


def test_the_gap_takes_the_colour_of_the_page() -> None:
    assert (mosaic(np.zeros((1, 2, 2)), gap_colour=(1, 2, 3)).image[0, 0] == (1, 2, 3)).all()


@pytest.mark.parametrize(
    ("maps", "options"),
    [
        (np.zeros((2, 2)), {}),
        (np.zeros((1, 2, 2, 2)), {}),
        (np.zeros((0, 2, 2)), {}),
        (np.zeros((2, 2, 2), complex), {}),
        (np.array(["a"]), {}),
        (np.zeros((1, 2, 2)), {"gap": -1}),
        (np.zeros((1, 2, 2)), {"columns": 0}),
        (np.zeros((1, 2, 2)), {"max_side": 0}),
        (np.zeros((500, 1, 1)), {"max_side": 20}),
        (np.zeros((1, 1, 1)), {"max_side": 4, "gap": 9}),
    ],
)
def test_what_cannot_be_painted_is_refused(maps: Array, options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"maps must be|must be at least|do not fit"):
        mosaic(maps, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("ends", [(1, 0), (math.nan, 1), (0, math.inf), (-math.inf, 0)])
def test_a_scale_needs_two_ends_in_order(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="finite ends in order"):
        Scale(*ends, False)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32, np.bool_])
def test_numbers_of_every_kind(dtype: Any) -> None:
    maps = np.array([[[0, 1]]], dtype)
    image = mosaic(maps, gap=0).image
    assert (image[0, 0] == SEQUENTIAL[0]).all()
    assert (image[0, -1] == SEQUENTIAL[255]).all()


@given(values=_maps().map(lambda maps: maps[0]), zoom=st.none() | st.integers(1, 5))
def test_one_channel_large(values: Array, zoom: int | None) -> None:
    scale = shared_scale(values[None])
    image = channel_image(values, scale, zoom=zoom, max_side=50)
    factor = zoom or 50 // max(values.shape)
    assert image.shape == (values.shape[0] * factor, values.shape[1] * factor, 3)
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            pixel = image[row * factor, column * factor]
            _assert_colour(pixel.tolist(), float(values[row, column]), scale)


def test_a_channel_larger_than_the_room_stays_as_it_is() -> None:
    assert channel_image(np.zeros((600, 2)), Scale(0, 1, False)).shape == (600, 2, 3)
    for values, zoom in ((np.zeros((1, 2, 2)), 1), (np.zeros((2, 2)), 0)):
        with pytest.raises(ValueError, match="values must be"):
            channel_image(values, Scale(0, 1, False), zoom=zoom)


@pytest.mark.parametrize("diverging", [False, True])
def test_the_colour_bar_runs_from_low_to_high(diverging: bool) -> None:
    scale = Scale(-1, 1, diverging)
    bar = colour_bar(scale, thickness=3)
    assert bar.shape == (3, 256, 3)
    assert (bar == scale.colours).all()
    assert (colour_bar(scale, length=2)[0] == scale.colours[[0, 255]]).all()


def test_png_keeps_every_pixel() -> None:
    image = np.random.default_rng(0).integers(0, 256, (31, 17, 3), np.uint8)
    read = Image.open(io.BytesIO(png_bytes(image)))
    assert read.format == "PNG"
    assert (np.asarray(read) == image).all()


@pytest.mark.parametrize("shape", [(2048, 7, 7), (64, 512, 512)])
def test_a_mosaic_is_quick(shape: tuple[int, int, int]) -> None:
    maps = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    times = []
    for _ in range(4):
        start = time.perf_counter()
        mosaic(maps)
        times.append(time.perf_counter() - start)
    # A tenth of a second is asked for; thrice that leaves room for a busy machine.
    assert min(times) < 0.3
