"""`images.decoding`: what is no picture is refused in one sentence, before it costs much."""

from __future__ import annotations

import gzip
import random
import re
import struct
import subprocess
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from resnet_viz.errors import ImageError
from resnet_viz.images import decoding
from resnet_viz.images.decoding import load_image
from tests.helpers.pictures import (
    GIF_BODY,
    GREY,
    RGB,
    UNIT,
    Build,
    H,
    W,
    as_users_run_it,
    bmp,
    chunk,
    encode,
    gif,
    jpeg_sized,
    jpeg_sof,
    lines,
    many_scans,
    npy,
    one_sentence,
    patched,
    png,
    raw_tiff,
    seen,
    webp_vp8x,
    zipped,
)
from tests.helpers.pictures_shown import SHOWN

DAMAGED = "{} file is damaged or unusual: {}"
HEADER = "its header cannot be read; save the picture again as PNG or JPEG, or choose another"
PIXELS = "its pixels are broken or cut short; save the picture again as PNG or JPEG"
LARGE = r"picture is too large.*: at most 64 million pixels and 65535 a side are decoded; save"
UNKNOWN = "not a picture that can be read; choose a JPEG, PNG, WebP, BMP, GIF or TIFF file"
BOMB = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
ICO = b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0"


def header(kind: str) -> str:
    return DAMAGED.format(kind, HEADER)


def pixels(kind: str) -> str:
    return DAMAGED.format(kind, PIXELS)


REFUSED: dict[str, tuple[Build, str]] = {
    "empty": (lambda: b"", "The file is empty; choose a JPEG, PNG"),
    "zeros": (lambda: bytes(4096), UNKNOWN),
    "noise": (lambda: random.Random(1).randbytes(4096), UNKNOWN),
    "one byte": (lambda: b"\xff", UNKNOWN),
    "text": (lambda: b"a cat on a mat\n" * 50, UNKNOWN),
    "data URL": (lambda: b"data:image/png;base64,iVBORw0KGgo=", UNKNOWN),
    "html": (lambda: b"\r\n <!DOCTYPE html><html></html>", "is an SVG, XML or HTML text, which"),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is an SVG, XML or HTML text"),
    "xml after a byte order mark": (lambda: b"\xef\xbb\xbf<?xml?>", "is an SVG, XML or HTML text"),
    "pdf": (lambda: b"%PDF-1.7\n%\xe2\xe3\n1 0 obj", "is a PDF document, which cannot be read"),
    "eps": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is a PostScript doc"),
    "eps with a binary header": (lambda: b"\xc5\xd0\xd3\xc6" + bytes(60), UNKNOWN),
    "heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is a HEIC, AVIF or video file, which"),
    "mp4": (lambda: b"\0\0\0\x20ftypisom\0\0\2\0", "is a HEIC, AVIF or video file, which"),
    "avif": (lambda: encode(RGB, "AVIF"), "is a HEIC, AVIF or video file, which cannot be read"),
    "zip": (zipped, "is a ZIP archive or office document, which cannot be read; choose a JPEG"),
    "gzip": (lambda: gzip.compress(encode(RGB, "PNG")), UNKNOWN),
    "npy": (npy, UNKNOWN),
    "pickle": (lambda: b"\x80\x04\x95\x0b\0\0\0", UNKNOWN),
    "ico": (lambda: encode(RGB, "ICO"), UNKNOWN),
    "ico header": (lambda: ICO, UNKNOWN),
    "ppm": (lambda: encode(RGB, "PPM"), UNKNOWN),
    "tga": (lambda: encode(RGB, "TGA"), UNKNOWN),
    "jpeg 2000": (lambda: encode(RGB, "JPEG2000"), UNKNOWN),
    "psd": (lambda: b"8BPS\0\1" + bytes(40), UNKNOWN),
    "too many bytes": (
        lambda: encode(RGB, "PNG") + bytes(decoding.MAX_BYTES),
        r"The file is too large: at most 50 MB are read; save a smaller copy, or as JPEG",
    ),
    # PNG
    "png signature": (lambda: b"\x89PNG\r\n\x1a\n", header("PNG")),
    "png with Unix line ends": (lambda: encode(RGB, "PNG").replace(b"\r\n", b"\n", 1), UNKNOWN),
    "png bad header checksum": (lambda: patched(encode(RGB, "PNG"), 29, b"\0"), header("PNG")),
    "png zero width": (lambda: png(0, 4, 8, 2, b""), header("PNG")),
    "png zero height": (lambda: png(4, 0, 8, 2, b""), header("PNG")),
    "png unknown colour type": (lambda: png(2, 2, 8, 7, bytes(99)), header("PNG")),
    "png 32 bits": (lambda: png(2, 2, 32, 2, bytes(99)), header("PNG")),
    "png short header": (lambda: b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(4)), header("PNG")),
    "png without data": (
        lambda: (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
            + chunk(b"IEND")
        ),
        pixels("PNG"),
    ),
    "png broken stream": (
        lambda: patched(encode(RGB, "PNG"), encode(RGB, "PNG").index(b"IDAT") + 9, b"\xff" * 40),
        pixels("PNG"),
    ),
    "png bomb, only claimed": (
        lambda: b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", BOMB) + chunk(b"IDAT", zlib.compress(b"")),
        LARGE,
    ),
    "png bomb, just over": (
        lambda: png(8001, 8000, 1, 0, bytes(8000 * 1002)),
        r"too large \(8001 × 8000 pixels\): at most 64 million",
    ),
    "png bomb, where Pillow warns": (lambda: png(10_000, 10_000, 1, 0, b""), LARGE),
    "png too long": (
        lambda: png(70_000, 1, 8, 0, bytes(70_001)),
        r"too large \(70000 × 1 pixels\): .* 65535 a side",
    ),
    "png text bomb": (
        lambda: png(
            W, H, 8, 2, lines(RGB), [chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(9_000_000)))]
        ),
        header("PNG"),
    ),
    "png profile bomb": (
        lambda: png(
            W, H, 8, 2, lines(RGB), [chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(9_000_000)))]
        ),
        header("PNG"),
    ),
    # JPEG
    "jpeg start": (lambda: b"\xff\xd8\xff", header("JPEG")),
    "jpeg start, then text": (lambda: b"\xff\xd8\xff" + b"just text " * 40, header("JPEG")),
    "jpeg zero height": (lambda: jpeg_sized(W, 0), header("JPEG")),
    "jpeg 12 bits": (
        lambda: patched(encode(RGB, "JPEG"), jpeg_sof(encode(RGB, "JPEG")), b"\x0c"),
        header("JPEG"),
    ),
    "jpeg bomb": (lambda: jpeg_sized(65_500, 65_500), LARGE),
    "jpeg bomb, just over": (lambda: jpeg_sized(8001, 8000), LARGE),
    "jpeg scan bomb": (many_scans, "JPEG file has more than 100 scans and would take too long"),
    # WebP
    "webp header": (lambda: b"RIFF\x1a\0\0\0WEBPVP8 ", header("WebP")),
    "webp noise": (
        lambda: b"RIFF\x00\x10\0\0WEBPVP8L" + random.Random(2).randbytes(400),
        header("WebP"),
    ),
    "webp bomb": (lambda: webp_vp8x(16_384, 16_384), LARGE),
    "webp no frames": (lambda: webp_vp8x(8, 8), header("WebP")),
    # BMP
    "bmp magic": (lambda: b"BM", header("BMP")),
    "bmp zero width": (lambda: bmp(0, 4, 24, b""), header("BMP")),
    "bmp 7 bits": (lambda: bmp(4, 4, 7, bytes(99)), header("BMP")),
    "bmp unknown compression": (lambda: bmp(4, 4, 24, bytes(99), compression=77), header("BMP")),
    "bmp bomb": (lambda: bmp(30_000, 30_000, 24, b""), LARGE),
    "bmp short": (lambda: bmp(W, H, 24, RGB[:9].tobytes()), pixels("BMP")),
    "bmp minus 2 to the 31": (lambda: bmp(1, -(2**31), 24, b""), LARGE),
    # GIF
    "gif magic": (lambda: b"GIF89a", header("GIF")),
    "gif without frames": (lambda: gif((W, H), None, b";"), header("GIF")),
    "gif zero screen": (lambda: gif((0, 0), (0, 0, 0, 0), GIF_BODY), header("GIF")),
    "gif bomb": (lambda: gif((65_535, 65_535), (0, 0, 65_535, 65_535), GIF_BODY), LARGE),
    "gif bomb, in its frame": (lambda: gif((1, 1), (0, 0, 65_535, 65_535), GIF_BODY), LARGE),
    "gif bomb, just over": (lambda: gif((8001, 8000), (0, 0, 1, 1), GIF_BODY), LARGE),
    "gif without pixels": (lambda: gif((W, H), (0, 0, W, H), b"\x02\0"), pixels("GIF")),
    # TIFF
    "tiff magic": (lambda: b"II\x2a\0", header("TIFF")),
    "tiff directory beyond the end": (lambda: b"II\x2a\0\xff\xff\xff\x7f", header("TIFF")),
    "tiff directory at zero": (lambda: b"II\x2a\0" + bytes(40), header("TIFF")),
    "tiff BigTIFF directory at 2 to the 64": (
        lambda: b"II\x2b\0\x08\0\0\0" + b"\xff" * 8,
        header("TIFF"),
    ),
    "tiff zero width": (lambda: raw_tiff(0, 4, (8,), 1, b"1234"), header("TIFF")),
    "tiff bomb": (lambda: raw_tiff(60_000, 60_000, (8,), 1, b"1234"), LARGE),
    "tiff bomb, compressed": (
        lambda: raw_tiff(40_000, 4000, (8,), 1, zlib.compress(bytes(9999)), {259: (3, [8])}),
        LARGE,
    ),
    "tiff size of the largest number": (
        lambda: raw_tiff(2**32 - 1, 2**32 - 1, (8,), 1, b"1234"),
        LARGE,
    ),
    "tiff 64 bits": (lambda: raw_tiff(2, 2, (64,), 1, bytes(32)), header("TIFF")),
    "tiff 65535 samples": (
        lambda: raw_tiff(2, 2, (8,), 1, bytes(4), {277: (3, [65_535])}),
        header("TIFF"),
    ),
    "tiff unknown compression": (
        lambda: raw_tiff(2, 2, (8,), 1, bytes(4), {259: (3, [12_345])}),
        header("TIFF"),
    ),
    "tiff palette without colours": (lambda: raw_tiff(2, 2, (8,), 3, bytes(4)), header("TIFF")),
    "tiff strip beyond the end": (
        lambda: raw_tiff(W, H, (8,), 1, GREY.tobytes(), {273: (4, [2**31])}),
        pixels("TIFF"),
    ),
    "tiff broken deflate": (
        lambda: raw_tiff(W, H, (8,), 1, b"\x78\x9c" + b"\xff" * 90, {259: (3, [8])}),
        pixels("TIFF"),
    ),
    "tiff huge tiles": (
        lambda: raw_tiff(
            W,
            H,
            (8,),
            1,
            zlib.compress(GREY.tobytes()),
            {259: (3, [8]), 322: (4, [2**30]), 323: (4, [2**30]), 324: (4, [8]), 325: (4, [9])},
        ),
        pixels("TIFF"),
    ),
    "tiff NaN": (
        lambda: encode(np.where(UNIT > 0.5, np.nan, UNIT).astype(np.float32), "TIFF"),
        "holds values that are not finite numbers; replace NaN and infinity and save it again",
    ),
    "tiff infinity": (
        lambda: encode(np.where(UNIT > 0.5, np.inf, UNIT).astype(np.float32), "TIFF"),
        "holds values that are not finite numbers",
    ),
}


@as_users_run_it
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str) -> None:
    build, expected = REFUSED[name]
    data = build()
    with pytest.raises(ImageError) as caught:
        load_image(data)
    assert re.search(expected, one_sentence(caught.value))


@pytest.mark.parametrize("name", [name for name in REFUSED if "bomb" in name])
def test_bombs_are_refused_where_warnings_are_errors(name: str) -> None:
    with pytest.raises(ImageError) as caught:
        load_image(REFUSED[name][0]())
    one_sentence(caught.value)


@pytest.mark.parametrize(
    "name", [name for name, (_, text) in REFUSED.items() if "bomb" in name and text == LARGE]
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bombs_are_refused_before_they_are_decoded(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exploding(self: object) -> None:
        pytest.fail("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", exploding)
    with pytest.raises(ImageError):
        load_image(REFUSED[name][0]())


def test_the_size_limits_include_their_ends() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    assert Image.MAX_IMAGE_PIXELS >= decoding.MAX_PIXELS  # or Pillow would warn below our limit
    picture = load_image(png(8000, 8000, 1, 0, bytes(8000 * 1001)))
    assert picture.pixels.shape == (8000, 8000, 1)
    assert load_image(png(65_535, 1, 8, 0, bytes(65_536))).width == 65_535
    padded = encode(RGB, "PNG").ljust(decoding.MAX_BYTES, b"\0")
    assert load_image(padded).pixels.shape == (H, W, 3)


def test_postscript_is_never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("started a program"))
    for name in ("eps", "eps with a binary header"):
        assert seen(REFUSED[name][0]()) is None


def test_there_are_files_of_many_kinds() -> None:
    assert len(SHOWN) + len(REFUSED) >= 60
