"""A file of every kind that is shown, and what is to be seen of it."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

from tests.helpers.pictures import (
    ALPHA,
    BITS,
    CMYK_RGB,
    DEEP,
    GIF_BODY,
    GREY,
    INDICES,
    PALETTED,
    PALETTED_RGB,
    PX16,
    RGB,
    RLE8,
    TABLE_ALPHA,
    TRNS_DEEP,
    TWELVE,
    UNIT,
    Array,
    Build,
    H,
    W,
    Y,
    adam7,
    bmp,
    chunk,
    encode,
    exif,
    gif,
    jpeg_sized,
    lab_of_white_and_black,
    lines,
    mode,
    over_white,
    pack12,
    png,
    profile,
    raw_tiff,
    stretched,
    transparent_index,
    with_alpha,
    with_alpha_palette,
)

# name -> (file, what is to be seen, how far off it may be in grey levels on average)
SHOWN: dict[str, tuple[Build, Array, float]] = {
    # PNG
    "png L": (lambda: encode(GREY, "PNG"), GREY, 0),
    "png 1": (lambda: encode(Image.fromarray(BITS).convert("1"), "PNG"), BITS, 0),
    "png 2 bits": (lambda: png(4, 1, 2, 0, b"\0\x1b"), np.array([[0, 85, 170, 255]]), 0),
    "png P": (lambda: encode(PALETTED, "PNG"), PALETTED_RGB, 0),
    "png P, one transparent": (
        lambda: encode(PALETTED, "PNG", transparency=3),
        transparent_index(),
        0,
    ),
    "png P, table of alphas": (
        lambda: encode(PALETTED, "PNG", transparency=TABLE_ALPHA),
        over_white(PALETTED_RGB, np.frombuffer(TABLE_ALPHA, np.uint8)[INDICES]),
        0.01,
    ),
    "png LA": (lambda: encode(with_alpha(GREY), "PNG"), over_white(GREY, ALPHA), 0.01),
    "png RGB": (lambda: encode(RGB, "PNG"), RGB, 0),
    "png RGBA": (lambda: encode(with_alpha(RGB), "PNG"), over_white(RGB, ALPHA), 0.01),
    "png RGBA, all transparent": (
        lambda: encode(with_alpha(RGB, np.zeros_like(ALPHA)), "PNG"),
        np.full_like(RGB, 255),
        0,
    ),
    "png 16-bit grey": (lambda: encode(DEEP, "PNG"), np.rint(DEEP / 257), 0),
    "png 16-bit grey with a transparent value": (
        lambda: png(W, H, 16, 0, lines(DEEP.astype(">u2")), [TRNS_DEEP]),
        np.where(DEEP[2, 3] == DEEP, 255, np.rint(DEEP / 257)),
        0,
    ),
    "png 16-bit RGB": (lambda: png(W, H, 16, 2, lines(PX16)), RGB, 0),
    "png 16-bit RGB with a transparent colour": (
        lambda: png(W, H, 16, 2, lines(PX16), [chunk(b"tRNS", struct.pack(">3H", 65535, 1, 2))]),
        RGB,
        0,
    ),
    "png grey with a transparent value": (
        lambda: encode(GREY, "PNG", transparency=int(GREY[1, 1])),
        np.where(GREY[1, 1] == GREY, 255, GREY),
        0,
    ),
    "png RGB with a transparent colour": (
        lambda: encode(RGB, "PNG", transparency=tuple(RGB[2, 3].tolist())),
        np.where((RGB[2, 3] == RGB).all(-1, keepdims=True), 255, RGB),
        0,
    ),
    "png interlaced": (lambda: png(W, H, 8, 2, adam7(RGB), interlace=1), RGB, 0),
    "png 1 x 1": (lambda: encode(RGB[:1, :1], "PNG"), RGB[:1, :1], 0),
    "png 1 x 5000": (
        lambda: encode(np.tile(RGB[:1], (1, 179, 1))[:, :5000], "PNG"),
        np.tile(RGB[:1], (1, 179, 1))[:, :5000],
        0,
    ),
    "png 5000 x 1": (
        lambda: encode(np.tile(GREY[:, :1], (250, 1)), "PNG"),
        np.tile(GREY[:, :1], (250, 1)),
        0,
    ),
    "png with an ICC profile": (lambda: encode(RGB, "PNG", icc_profile=profile()), RGB, 0),
    "png with a broken ICC profile": (
        lambda: encode(RGB, "PNG", icc_profile=b"nonsense" * 9),
        RGB,
        0,
    ),
    "png with garbage in eXIf": (
        lambda: png(W, H, 8, 2, lines(RGB), [chunk(b"eXIf", b"II\x2a\0\xff\xff\xff\xff@@")]),
        RGB,
        0,
    ),
    "png with a broken raw EXIF profile": (
        lambda: png(
            W, H, 8, 2, lines(RGB), [chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 9\nxyz\n")]
        ),
        RGB,
        0,
    ),
    "png without IEND": (lambda: encode(RGB, "PNG")[:-12], RGB, 0),
    "png with text behind": (lambda: encode(RGB, "PNG") + b"behind" * 99, RGB, 0),
    "png with an unknown chunk": (
        lambda: png(W, H, 8, 2, lines(RGB), [chunk(b"juNk", b"1234")]),
        RGB,
        0,
    ),
    "png animated": (
        lambda: encode(RGB, "PNG", save_all=True, append_images=[Image.fromarray(255 - RGB)]),
        RGB,
        0,
    ),
    "png animated, no frames": (
        lambda: png(W, H, 8, 2, lines(RGB), [chunk(b"acTL", bytes(8))]),
        RGB,
        0,
    ),
    "png stream too short": (
        # As browsers do: the rest is black.
        lambda: png(W, H, 8, 2, lines(RGB[:5])),
        np.where(Y[..., np.newaxis] < 5, RGB, 0),
        0,
    ),
    # JPEG
    "jpeg without Huffman tables": (
        # The decoder knows the usual ones, as motion JPEG leaves them out.
        lambda: encode(RGB, "JPEG", quality=98).replace(b"\xff\xc4", b"\xff\xfe"),
        RGB,
        4,
    ),
    "jpeg of more rows than its data": (
        # As browsers do: the rest is the last colour, or grey.
        lambda: jpeg_sized(W, 21),
        np.concatenate([RGB, RGB[-1:]]),
        9,
    ),
    "jpeg RGB": (lambda: encode(RGB, "JPEG", quality=98, subsampling=0), RGB, 2),
    "jpeg L": (lambda: encode(GREY, "JPEG", quality=98), GREY, 2),
    "jpeg CMYK": (lambda: encode(mode("CMYK"), "JPEG", quality=98), CMYK_RGB, 3),
    "jpeg YCbCr": (lambda: encode(mode("YCbCr"), "JPEG", quality=98, subsampling=0), RGB, 3),
    "jpeg progressive": (
        lambda: encode(RGB, "JPEG", quality=98, subsampling=0, progressive=True),
        RGB,
        2,
    ),
    "jpeg 1 x 1": (lambda: encode(RGB[:1, :1], "JPEG", quality=98), RGB[:1, :1], 4),
    "jpeg with garbage in EXIF": (
        lambda: encode(RGB, "JPEG", quality=98, subsampling=0, exif=b"Exif\0\0" + b"\xff" * 90),
        RGB,
        2,
    ),
    "jpeg with an empty EXIF": (
        lambda: encode(RGB, "JPEG", quality=98, subsampling=0, exif=b"Exif\0\0"),
        RGB,
        2,
    ),
    "jpeg with orientation 9": (
        lambda: encode(RGB, "JPEG", quality=98, subsampling=0, exif=exif(9)),
        RGB,
        2,
    ),
    "jpeg with an ICC profile": (
        lambda: encode(RGB, "JPEG", quality=98, subsampling=0, icc_profile=profile()),
        RGB,
        2,
    ),
    "jpeg with zeros behind": (
        lambda: encode(RGB, "JPEG", quality=98, subsampling=0) + bytes(500),
        RGB,
        2,
    ),
    "jpeg of two pictures (MPO)": (
        lambda: encode(
            RGB,
            "MPO",
            quality=98,
            subsampling=0,
            save_all=True,
            append_images=[Image.fromarray(255 - RGB)],
        ),
        RGB,
        2,
    ),
    # WebP
    "webp lossless": (lambda: encode(RGB, "WEBP", lossless=True), RGB, 0),
    "webp lossy": (lambda: encode(RGB, "WEBP", quality=95), RGB, 9),
    "webp RGBA": (
        lambda: encode(with_alpha(RGB), "WEBP", lossless=True, exact=True),
        over_white(RGB, ALPHA),
        0.01,
    ),
    "webp animated": (
        lambda: encode(
            RGB, "WEBP", lossless=True, save_all=True, append_images=[Image.fromarray(255 - RGB)]
        ),
        RGB,
        0,
    ),
    "webp with an ICC profile": (
        lambda: encode(RGB, "WEBP", lossless=True, icc_profile=profile()),
        RGB,
        0,
    ),
    # BMP
    "bmp RGB": (lambda: encode(RGB, "BMP"), RGB, 0),
    "bmp L": (lambda: encode(GREY, "BMP"), GREY, 0),
    "bmp 1": (lambda: encode(Image.fromarray(BITS).convert("1"), "BMP"), BITS, 0),
    "bmp P": (lambda: encode(PALETTED, "BMP"), PALETTED_RGB, 0),
    "bmp upside down": (lambda: bmp(W, -H, 24, RGB[..., ::-1].tobytes()), RGB, 0),
    "bmp run-length": (
        lambda: bmp(7, 2, 8, RLE8, compression=1),
        np.array([[10] * 4 + [200] * 3] * 2),
        0,
    ),
    # GIF
    "gif P": (lambda: encode(PALETTED, "GIF"), PALETTED_RGB, 0),
    "gif L": (lambda: encode(GREY, "GIF"), GREY[..., np.newaxis].repeat(3, axis=2), 0),
    "gif transparent": (lambda: encode(PALETTED, "GIF", transparency=3), transparent_index(), 0),
    "gif animated": (
        lambda: encode(
            PALETTED, "GIF", save_all=True, append_images=[mode("L").convert("P")], loop=0
        ),
        PALETTED_RGB,
        0,
    ),
    "gif interlaced": (lambda: encode(PALETTED, "GIF", interlace=True), PALETTED_RGB, 0),
    "gif frame larger than its screen": (
        lambda: gif((1, 1), (2, 1, 1, 1), GIF_BODY),
        np.array([[[0, 0, 0], [0, 0, 0], [255, 255, 255]]]).repeat(2, axis=0)
        * np.array([[[0]], [[1]]]),
        0,
    ),
    # TIFF
    "tiff L": (lambda: encode(GREY, "TIFF"), GREY, 0),
    "tiff 1": (lambda: encode(Image.fromarray(BITS).convert("1"), "TIFF"), BITS, 0),
    "tiff fax": (
        lambda: encode(Image.fromarray(BITS).convert("1"), "TIFF", compression="group4"),
        BITS,
        0,
    ),
    "tiff P": (lambda: encode(PALETTED, "TIFF"), PALETTED_RGB, 0),
    "tiff PA": (
        lambda: encode(with_alpha_palette(), "TIFF"),
        over_white(PALETTED_RGB, ALPHA),
        0.01,
    ),
    "tiff LA": (lambda: encode(with_alpha(GREY), "TIFF"), over_white(GREY, ALPHA), 0.01),
    "tiff premultiplied grey": (
        lambda: raw_tiff(2, 1, (8, 8), 1, bytes([100, 255, 0, 0]), {338: (3, [1])}),
        np.array([[100, 255]]),
        0,
    ),
    "tiff RGB": (lambda: encode(RGB, "TIFF"), RGB, 0),
    "tiff RGBA": (lambda: encode(with_alpha(RGB), "TIFF"), over_white(RGB, ALPHA), 0.01),
    "tiff CMYK": (lambda: encode(mode("CMYK"), "TIFF"), CMYK_RGB, 0),
    "tiff YCbCr": (lambda: encode(mode("YCbCr"), "TIFF"), RGB, 2),
    "tiff LAB": (lab_of_white_and_black, np.array([[[255] * 3, [0] * 3]]), 2),
    "tiff 16-bit": (lambda: encode(DEEP, "TIFF"), np.rint(DEEP / 257), 0),
    "tiff 16-bit big-endian": (
        lambda: raw_tiff(W, H, (16,), 1, DEEP.astype(">u2").tobytes(), big=True),
        np.rint(DEEP / 257),
        0,
    ),
    "tiff 12-bit": (
        lambda: raw_tiff(W, H, (12,), 1, pack12(TWELVE)),
        np.rint(TWELVE * (255 / 4095)),
        0,
    ),
    "tiff signed 16-bit": (
        lambda: raw_tiff(
            W, H, (16,), 1, (DEEP.astype(np.int32) - 32768).astype("<i2").tobytes(), {339: (3, [2])}
        ),
        stretched(DEEP),
        0.01,
    ),
    "tiff 32-bit within 16": (
        lambda: encode(DEEP.astype(np.int32), "TIFF"),
        np.rint(DEEP / 257),
        0,
    ),
    "tiff 32-bit": (
        lambda: encode(DEEP.astype(np.int32) * 30000 - 5, "TIFF"),
        stretched(DEEP),
        0.01,
    ),
    "tiff 32-bit black": (lambda: encode(np.zeros((H, W), np.int32), "TIFF"), np.zeros((H, W)), 0),
    "tiff float in [0, 1]": (lambda: encode(UNIT, "TIFF"), GREY, 0),
    "tiff float": (lambda: encode(UNIT * 1e30 - 5e29, "TIFF"), stretched(GREY), 0.01),
    "tiff float of the whole range": (
        lambda: encode(np.array([[-3.4e38, 0, 3.4e38]], np.float32), "TIFF"),
        np.array([[0, 128, 255]]),
        0,
    ),
    "tiff float, tiny": (
        lambda: encode(np.array([[-1e-45, 0, 1e-45]], np.float32), "TIFF"),
        np.array([[0, 128, 255]]),
        0,
    ),
    "tiff float, one value": (
        lambda: encode(np.full((H, W), 7, np.float32), "TIFF"),
        np.zeros((H, W)),
        0,
    ),
    "tiff big-endian RGB": (lambda: raw_tiff(W, H, (8, 8, 8), 2, RGB.tobytes(), big=True), RGB, 0),
    "tiff BigTIFF": (lambda: encode(RGB, "TIFF", big_tiff=True), RGB, 0),
    "tiff LZW": (lambda: encode(RGB, "TIFF", compression="tiff_lzw"), RGB, 0),
    "tiff deflate": (lambda: encode(DEEP, "TIFF", compression="tiff_deflate"), DEEP / 257, 0.6),
    "tiff JPEG": (lambda: encode(RGB, "TIFF", compression="jpeg", quality=98), RGB, 6),
    "tiff of two pages": (
        lambda: encode(RGB, "TIFF", save_all=True, append_images=[Image.fromarray(GREY)]),
        RGB,
        0,
    ),
    "tiff turned": (
        lambda: raw_tiff(W, H, (8,), 1, GREY.tobytes(), {274: (3, [6])}),
        np.rot90(GREY, -1),
        0,
    ),
    "tiff with a tag beyond its end": (
        lambda: raw_tiff(W, H, (8,), 1, GREY.tobytes(), {270: (4, [])}).replace(
            struct.pack("<HHI", 270, 4, 0) + bytes(4), struct.pack("<HHII", 270, 4, 2**30, 2**31)
        ),
        GREY,
        0,
    ),
}
