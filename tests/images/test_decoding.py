"""`resnet_viz.images.decoding`: every file is shown as it should be."""

from __future__ import annotations

import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from resnet_viz.errors import ImageError
from resnet_viz.images import decoding
from resnet_viz.images.decoding import Picture, load_image
from tests.helpers.pictures import (
    DEEP,
    GREY,
    RGB,
    Array,
    as_users_run_it,
    encode,
    exif,
    names_are_sorted,
    one_sentence,
)
from tests.helpers.pictures_shown import SHOWN


@as_users_run_it
@pytest.mark.parametrize("name", SHOWN)
def test_is_shown(name: str) -> None:
    build, expected, tolerance = SHOWN[name]
    picture = load_image(build())
    if expected.ndim == 2:
        expected = expected[..., np.newaxis]
    assert picture.pixels.shape == expected.shape
    assert not picture.pixels.flags.writeable
    assert picture.format.lower() == name.split()[0]
    assert picture.mode
    difference = np.abs(picture.pixels.astype(float) - expected)
    assert difference.mean() <= tolerance
    if tolerance < 0.1:
        assert difference.max() <= 1


@as_users_run_it
def test_eight_threads_decode_at_once() -> None:
    files = [build() for build, _, _ in SHOWN.values()]

    def work(data: bytes) -> Array:
        return load_image(data).pixels

    alone = [work(data) for data in files]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            together = list(pool.map(work, files))
            assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


# ---------------------------------------------------------------- orientation

# EXIF 2.32, 4.6.4 A, tag 274: where row 0 and column 0 of what is stored lie when seen.
SEEN_AS: dict[int, Callable[[Array], Array]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", SEEN_AS)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG"])
@pytest.mark.parametrize("stored", [RGB, GREY], ids=["colour", "grey"])
def test_orientation(orientation: int, kind: str, stored: Array) -> None:
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 98}
    if kind == "JPEG":
        options["subsampling"] = 0
    picture = load_image(encode(stored, kind, exif=exif(orientation), **options))
    expected = SEEN_AS[orientation](stored).astype(int)
    if expected.ndim == 2:
        expected = expected[..., np.newaxis]
    assert picture.pixels.shape[:2] == expected.shape[:2]
    assert np.abs(picture.pixels - expected).mean() <= (2 if kind == "JPEG" else 0)


@pytest.mark.parametrize("orientation", SEEN_AS)
def test_orientation_of_deep_grey(orientation: int) -> None:
    picture = load_image(encode(DEEP, "PNG", exif=exif(orientation)))
    assert np.array_equal(picture.pixels[..., 0], np.rint(SEEN_AS[orientation](DEEP) / 257))


def test_orientation_beside_a_broken_tag() -> None:
    values = Image.Exif()
    values[274] = 6
    values[271] = "a maker"
    block = values.tobytes().replace(struct.pack("<HH", 271, 2), struct.pack("<HH", 271, 99))
    picture = load_image(encode(RGB, "PNG", exif=block))
    assert np.array_equal(picture.pixels, np.rot90(RGB, -1))


# ---------------------------------------------------------------- Picture


@pytest.mark.parametrize(
    "array",
    [GREY, RGB.astype(np.float32), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4, 3), np.uint8)],
    ids=["two axes", "float", "two channels", "no rows"],
)
def test_a_picture_of_another_form_is_refused(array: Array) -> None:
    with pytest.raises(ImageError) as caught:
        Picture(array)
    assert "uint8 [height, width, 1 or 3]" in one_sentence(caught.value)


def test_a_picture_cannot_be_written_through() -> None:
    source = RGB.copy()
    picture = Picture(source)
    assert source.flags.writeable  # the caller's own array stays as it was
    with pytest.raises(ValueError, match="read-only"):
        picture.pixels[0, 0, 0] = 1


def test_names() -> None:
    names_are_sorted(decoding)
