"""Files that are a picture and something else besides, very thin ones, and very talkative ones."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from resnet_viz.errors import ImageError
from resnet_viz.images.decoding import load_image
from resnet_viz.images.preprocessing import FITS, prepare
from resnet_viz.network.spec import InputSpec
from tests.helpers.pictures import RGB, encode, one_sentence

KINDS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 90},
    "GIF": {},
    "BMP": {},
    "TIFF": {},
    "WEBP": {"lossless": True},
}


def _archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("evil.py", "raise SystemExit")
    return data.getvalue()


class _Canary:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (pytest.fail, ("a pickle was run",))


TAILS: dict[str, Callable[[], bytes]] = {
    "zip": _archive,
    "html": lambda: b"<script>alert(1)</script>",
    "pickle": lambda: pickle.dumps(_Canary()),
    "shell": lambda: b"\n#!/bin/sh\nexit 1\n",
    "pdf": lambda: b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "another picture": lambda: encode(255 - RGB, "PNG"),
    "zeros": lambda: bytes(100_000),
}


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_a_picture_is_left_alone(kind: str, tail: str) -> None:
    alone = encode(RGB, kind, **KINDS[kind])
    plain = load_image(alone)
    both = load_image(alone + TAILS[tail]())
    assert both.format.upper() == plain.format.upper() == kind
    assert np.array_equal(both.pixels, plain.pixels)


@pytest.mark.parametrize("head", TAILS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_before_a_picture_decides(kind: str, head: str) -> None:
    data = TAILS[head]() + encode(RGB, kind, **KINDS[kind])
    if head == "another picture":
        assert load_image(data).format == "PNG"
        return
    with pytest.raises(ImageError) as caught:
        load_image(data)
    one_sentence(caught.value)


SIZES = [
    (kind, *size)
    for kind in KINDS
    for size in ((1, 20_000), (20_000, 1), (1, 16_383), (16_383, 1), (1, 1))
    if kind != "WEBP" or max(size) < 20_000  # a WebP holds 16,383 a side
]


@pytest.mark.parametrize(("kind", "height", "width"), SIZES)
def test_thin_pictures(kind: str, height: int, width: int) -> None:
    """20,000 is more than any network's input may have; it is brought to an input all the same."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    picture = load_image(encode(pixels, kind, **KINDS[kind]))
    assert (picture.height, picture.width) == (height, width)
    for fit in FITS[:3]:
        assert prepare(picture, InputSpec(9, 7), 3, fit).shape == (1, 3, 9, 7)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_huge_exif_is_no_reason_to_refuse(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" * 60_000
    data = encode(RGB, kind, exif=exif.tobytes(), **KINDS[kind])
    assert len(data) > 60_000
    assert load_image(data).pixels.shape == RGB.shape


@pytest.mark.parametrize("length", [0, 1, 2, 7, 12])
@pytest.mark.parametrize("kind", KINDS)
def test_hardly_a_file(kind: str, length: int) -> None:
    with pytest.raises(ImageError) as caught:
        load_image(encode(RGB, kind, **KINDS[kind])[:length])
    one_sentence(caught.value)
