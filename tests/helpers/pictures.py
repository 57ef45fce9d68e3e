"""Pictures and files to make, byte by byte where no library would, and how they are judged."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms

from resnet_viz.errors import ImageError
from resnet_viz.images import decoding
from resnet_viz.images.decoding import Picture, load_image

Array = npt.NDArray[Any]
Build = Callable[[], bytes]

# Pillow warns about some malformed files and goes on: users see the picture, and so do these.
as_users_run_it = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

H, W = 20, 28
Y, X = np.mgrid[0:H, 0:W]
GREY: Array = (X * 8 + Y).astype(np.uint8)
RGB: Array = np.stack([GREY, 255 - Y * 10, X * 3 + Y * 5], axis=-1).astype(np.uint8)
ALPHA: Array = (Y * 13).astype(np.uint8)  # 0 in the first row, 247 in the last
DEEP: Array = (X * 2300 + Y * 170).astype(np.uint16)
UNIT: Array = (GREY / 255).astype(np.float32)
BITS: Array = ((X + Y) % 3 == 0).astype(np.uint8) * 255


def over_white(pixels: Array, alpha: Array) -> Array:
    if pixels.ndim == 3:
        alpha = alpha[..., np.newaxis]
    part = alpha / 255
    return np.rint(pixels * part + 255 * (1 - part)).astype(np.uint8)


def stretched(values: Array) -> Array:
    values = values.astype(np.float64)
    span = values.max() - values.min()
    scaled: Array = np.rint((values - values.min()) * (255 / span))
    return scaled


def encode(image: Image.Image | Array, kind: str, **options: Any) -> bytes:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    stream = BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def mode(name: str) -> Image.Image:
    """The RGB test picture in one of Pillow's modes."""
    return Image.fromarray(RGB).convert(name)


def with_alpha(pixels: Array, alpha: Array = ALPHA) -> Image.Image:
    image = Image.fromarray(pixels)
    image.putalpha(Image.fromarray(alpha))
    return image


def exif(orientation: int) -> bytes:
    values = Image.Exif()
    values[274] = orientation
    return values.tobytes()


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def chunk(name: bytes, body: bytes = b"", crc: int | None = None) -> bytes:
    check = zlib.crc32(name + body) if crc is None else crc
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)


def png(
    width: int,
    height: int,
    depth: int,
    colour: int,
    data: bytes,
    before: Sequence[bytes] = (),
    interlace: int = 0,
) -> bytes:
    """A PNG chunk by chunk; `data` is the filtered scan lines, not yet compressed."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            *before,
            chunk(b"IDAT", zlib.compress(data, 9)),
            chunk(b"IEND"),
        ]
    )


def lines(rows: Array) -> bytes:
    """Scan lines with filter 0."""
    return b"".join(b"\0" + row.tobytes() for row in rows)


def adam7(pixels: Array) -> bytes:
    """Scan lines in the seven passes of PNG's interlacing (PNG 1.2, section 2.6)."""
    starts = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
    passes = [pixels[y::down, x::right] for y, x, down, right in [*starts, (1, 0, 2, 1)]]
    return b"".join(lines(part) for part in passes if part.size)


def tiff(tags: dict[int, tuple[int, Sequence[int]]], data: bytes = b"", big: bool = False) -> bytes:
    """A TIFF tag by tag: tag -> (type, values); tag 273 (strip offset) is filled in."""
    order = ">" if big else "<"
    sizes = {1: "B", 3: "H", 4: "I", 8: "h", 11: "f"}
    start_of_data = 8
    extra_at = start_of_data + len(data) + len(data) % 2
    extra, entries = b"", b""
    for tag, (kind, values) in sorted({273: (4, [start_of_data]), **tags}.items()):
        packed = struct.pack(f"{order}{len(values)}{sizes[kind]}", *values)
        if len(packed) > 4:
            entries += struct.pack(f"{order}HHII", tag, kind, len(values), extra_at + len(extra))
            extra += packed + b"\0" * (len(packed) % 2)
        else:
            entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    header = (b"MM\0\x2a" if big else b"II\x2a\0") + struct.pack(f"{order}I", extra_at + len(extra))
    body = header + data + b"\0" * (len(data) % 2) + extra
    return body + struct.pack(f"{order}H", len(entries) // 12) + entries + b"\0" * 4


def raw_tiff(
    width: int,
    height: int,
    bits: Sequence[int],
    photometric: int,
    data: bytes,
    more: dict[int, tuple[int, Sequence[int]]] | None = None,
    big: bool = False,
) -> bytes:
    tags: dict[int, tuple[int, Sequence[int]]] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, bits),
        259: (3, [1]),
        262: (3, [photometric]),
        277: (3, [len(bits)]),
        278: (4, [height]),
        279: (4, [len(data)]),
    }
    return tiff(tags | (more or {}), data, big)


def bmp(width: int, height: int, bits: int, data: bytes, compression: int = 0) -> bytes:
    palette = b"".join(bytes([i, i, i, 0]) for i in range(256)) if bits == 8 else b""
    offset = 54 + len(palette)
    info = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 0, 0
    )
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + info + palette + data


def gif(screen: tuple[int, int], frame: tuple[int, int, int, int] | None, body: bytes) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + b"\x00\x00\x00\xff\xff\xff"
    if frame is None:
        return head + body
    return head + b"," + struct.pack("<HHHHB", *frame, 0) + body + b";"


GIF_BODY = b"\x02\x02\x4c\x01\x00"  # one pixel of index 1


def webp_vp8x(width: int, height: int, then: bytes = b"") -> bytes:
    sizes = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + sizes + then
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_sof(data: bytes | bytearray) -> int:
    """Where the frame header's precision byte stands."""
    return re.search(rb"\xff[\xc0\xc2]\0[\x0b\x11\x14]", data).start() + 4  # type: ignore[union-attr]


def jpeg_sized(width: int, height: int) -> bytes:
    data = bytearray(encode(RGB, "JPEG"))
    at = jpeg_sof(data)
    data[at + 1 : at + 5] = struct.pack(">HH", height, width)
    return bytes(data)


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def many_scans() -> bytes:
    data = encode(RGB, "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * 200 + data[-2:]


def zipped() -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("cat.png", encode(RGB, "PNG"))
    return stream.getvalue()


def npy() -> bytes:
    stream = BytesIO()
    np.save(stream, RGB)
    return stream.getvalue()


PALETTED = Image.fromarray(RGB).quantize(32)
PALETTED_RGB: Array = np.asarray(PALETTED.convert("RGB"))
INDICES: Array = np.asarray(PALETTED)
TABLE_ALPHA = bytes(range(0, 256, 8))


def transparent_index() -> Array:
    return np.where((INDICES == 3)[..., np.newaxis], 255, PALETTED_RGB)


def lab_of_white_and_black() -> bytes:
    """Lightness 100 and 0, a = b = 0 (TIFF 6.0, section 23: a and b are signed)."""
    pixels = np.array([[[255, 0, 0], [0, 0, 0]]], np.uint8)
    return raw_tiff(2, 1, (8, 8, 8), 8, pixels.tobytes())


CMYK_RGB: Array = np.asarray(mode("CMYK").convert("RGB"))
PX16: Array = (RGB.astype(">u2") * 257).astype(">u2")
TRNS_DEEP = chunk(b"tRNS", struct.pack(">H", int(DEEP[2, 3])))
RLE8 = b"".join(bytes([4, 10, 3, 200]) + b"\0\0" for _ in range(2)) + b"\0\1"


def pack12(values: Array) -> bytes:
    pairs = values.reshape(-1, 2).astype(int)
    return b"".join(bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in pairs.tolist())


TWELVE: Array = (DEEP[:, :28] >> 4).astype(np.uint16)


def with_alpha_palette() -> Image.Image:
    image = Image.merge("PA", (PALETTED.copy(), Image.fromarray(ALPHA)))
    image.putpalette(PALETTED.getpalette() or [])
    return image


def one_sentence(error: ImageError) -> str:
    text = str(error)
    assert text.endswith(".")
    assert len(re.findall(r"[.!?](?=\s|$)", text)) == 1
    assert "\n" not in text
    assert len(text) < 300
    return text


def seen(data: bytes) -> Picture | None:
    """The picture, or None where it was refused as it should be."""
    try:
        picture = load_image(data)
    except ImageError as error:
        one_sentence(error)
        return None
    assert picture.pixels.dtype == np.uint8
    assert picture.channels in (1, 3)
    assert picture.height * picture.width <= decoding.MAX_PIXELS
    return picture


def names_are_sorted(module: ModuleType) -> None:
    names = module.__all__
    assert names == sorted(names, key=lambda n: (not n.isupper(), n[0].islower(), n))
    assert all(hasattr(module, name) for name in names)
