"""`images.decoding`: a damaged file is shown or refused, and never does anything else."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image, ImageFile

from resnet_viz.errors import ImageError
from resnet_viz.images import decoding
from resnet_viz.images.decoding import load_image
from tests.helpers.pictures import (
    DEEP,
    PALETTED,
    RGB,
    TABLE_ALPHA,
    UNIT,
    as_users_run_it,
    encode,
    exif,
    lab_of_white_and_black,
    profile,
    seen,
    with_alpha,
)
from tests.helpers.pictures_shown import SHOWN

_SOUND = {
    "png": lambda: encode(RGB, "PNG"),
    "png deep": lambda: encode(DEEP, "PNG"),
    "png palette": lambda: encode(PALETTED, "PNG", transparency=TABLE_ALPHA),
    "png animated": SHOWN["png animated"][0],
    "jpeg": lambda: encode(RGB, "JPEG", exif=exif(6), icc_profile=profile()),
    "jpeg progressive": lambda: encode(RGB, "JPEG", progressive=True),
    "jpeg of two pictures": SHOWN["jpeg of two pictures (MPO)"][0],
    "webp": lambda: encode(RGB, "WEBP"),
    "webp lossless": lambda: encode(with_alpha(RGB), "WEBP", lossless=True, exif=exif(3)),
    "webp animated": SHOWN["webp animated"][0],
    "bmp": lambda: encode(RGB, "BMP"),
    "bmp run-length": SHOWN["bmp run-length"][0],
    "gif": lambda: encode(PALETTED, "GIF"),
    "gif animated": SHOWN["gif animated"][0],
    "tiff": lambda: encode(RGB, "TIFF"),
    "tiff float": lambda: encode(UNIT, "TIFF"),
    "tiff LZW": lambda: encode(RGB, "TIFF", compression="tiff_lzw"),
    "tiff deflate": lambda: encode(DEEP, "TIFF", compression="tiff_deflate"),
    "tiff JPEG": lambda: encode(RGB, "TIFF", compression="jpeg"),
    "tiff LAB": lab_of_white_and_black,
    "tiff 12-bit": SHOWN["tiff 12-bit"][0],
}
SOUND: dict[str, bytes] = {name: build() for name, build in _SOUND.items()}


@as_users_run_it
@pytest.mark.parametrize("name", SOUND)
def test_cut_short(name: str) -> None:
    data = SOUND[name]
    assert seen(data) is not None
    for length in {*range(1, min(len(data), 160)), *range(160, len(data), 37), len(data) - 1}:
        picture = seen(data[:length])
        if picture is not None:  # then the pixels were all there
            assert picture.pixels.shape == load_image(data).pixels.shape


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_deflate"}),
    ],
)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
@as_users_run_it
def test_half_a_picture_is_no_picture(kind: str, options: dict[str, Any], part: float) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (40, 50, 3), np.uint8)
    data = encode(Image.fromarray(noise).quantize(256) if kind == "GIF" else noise, kind, **options)
    assert seen(data) is not None
    with pytest.raises(ImageError, match="is damaged or unusual: "):
        load_image(data[: int(len(data) * part)])


@as_users_run_it
@pytest.mark.parametrize("name", SOUND)
def test_flipped_bytes_as_users_run_it(name: str) -> None:
    _flip(name, seed=1)


@pytest.mark.parametrize("name", SOUND)
def test_flipped_bytes_where_warnings_are_errors(name: str) -> None:
    _flip(name, seed=2)


def _flip(name: str, seed: int) -> None:
    rng = random.Random(f"{name} {seed}")
    for _ in range(150):
        data = bytearray(SOUND[name])
        for _ in range(rng.choice([1, 1, 2, 8])):
            # Half of them where the headers are.
            at = rng.randrange(min(len(data), 200) if rng.random() < 0.5 else len(data))
            data[at] = rng.choice([0, 255, 127, data[at] ^ (1 << rng.randrange(8))])
        seen(bytes(data))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(SOUND)), st.data())
def test_no_mutation_raises_anything_else(name: str, data: st.DataObject) -> None:
    mutant = SOUND[name]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(mutant)))
        end = data.draw(st.integers(start, min(len(mutant), start + 40)))
        mutant = mutant[:start] + data.draw(st.binary(max_size=40)) + mutant[end:]
    seen(mutant)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([magic for _, start, magic in decoding._SIGNATURES if not start]), st.binary()
)
def test_no_bytes_after_a_magic_raise_anything_else(magic: bytes, rest: bytes) -> None:
    seen(magic + rest)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    assert seen(data) is None


def test_memory_that_runs_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(self: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", exhausted)
    with pytest.raises(ImageError, match="not enough memory to decode the picture; save a small"):
        load_image(encode(RGB, "BMP"))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_no_fault_of_the_file_passes(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(self: object) -> None:
        raise error

    monkeypatch.setattr(ImageFile.ImageFile, "load", stopped)
    with pytest.raises(error):
        load_image(encode(RGB, "BMP"))
