"""Bytes to a `Picture`, safely.

`load_image` turns the bytes of a file into a `Picture`, or refuses them with an `ImageError`;
`preparation` makes the tensor that a network receives.

Nothing here changes a global of Pillow or of `warnings`, since sessions are threads of one
process: a decompression bomb is refused by the size its header claims, before it is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from resnet_viz.errors import ImageError

__all__ = [
    "MAX_BYTES",
    "MAX_PICTURE_SIDE",
    "MAX_PIXELS",
    "Picture",
    "Pixels",
    "load_image",
]

MAX_BYTES: Final = 50_000_000  # of the encoded file
MAX_PIXELS: Final = 64_000_000  # decoded; below Pillow's own MAX_IMAGE_PIXELS, so it never warns
MAX_PICTURE_SIDE: Final = 65_535  # no JPEG, GIF or WebP can be longer
# A JPEG may hold any number of scans, each a pass over all its pixels ("Two Issues with the
# JPEG Standard", libjpeg-turbo.org); encoders write about ten.
_MAX_JPEG_SCANS: Final = 100

_ADVICE: Final = "choose a JPEG, PNG, WebP, BMP, GIF or TIFF file"
_SIGNATURES: Final = (
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("WEBP", 8, b"WEBP"),
    ("GIF", 0, b"GIF87a"),
    ("GIF", 0, b"GIF89a"),
    ("BMP", 0, b"BM"),
    ("TIFF", 0, b"II\x2a\x00"),
    ("TIFF", 0, b"MM\x00\x2a"),
    ("TIFF", 0, b"II\x2b\x00"),  # BigTIFF
    ("TIFF", 0, b"MM\x00\x2b"),
)
# What people try most often, so that the refusal can name it.
_FOREIGN: Final = (
    ("a HEIC, AVIF or video file", 4, b"ftyp"),
    ("a PDF document", 0, b"%PDF"),
    ("a PostScript document", 0, b"%!PS"),
    ("a ZIP archive or office document", 0, b"PK\x03\x04"),
    ("an SVG, XML or HTML text", 0, b"<"),
)
_NAMES: Final = MappingProxyType({"WEBP": "WebP"})

_UPRIGHT: Final = MappingProxyType(  # EXIF 2.32, tag 274: how to turn what is stored
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)

Pixels = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.integer | np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture, upright, opaque and eight bits deep.

    Attributes:
        pixels: uint8 ``[height, width, channels]``, read-only; one channel (grey) or three
            (R, G, B).
        format: What the file was, such as ``"JPEG"``.
        mode: Pillow's name for the colours of the file, such as ``"CMYK"``.

    Raises:
        ImageError: The array has another shape or type.
    """

    pixels: Pixels
    format: str = "array"
    mode: str = ""

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape:
            raise ImageError(
                "A picture must be uint8 [height, width, 1 or 3] with at least one pixel, "
                f"not {self.pixels.dtype} {list(shape)}."
            )
        view = self.pixels.view()
        view.flags.writeable = False
        object.__setattr__(self, "pixels", view)

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (red, green, blue)."""
        return int(self.pixels.shape[2])


def load_image(data: bytes) -> Picture:
    """Decode a JPEG, PNG, WebP, BMP, GIF or TIFF file; of several frames or pages, the first.

    The picture is turned upright as its EXIF says and laid over white where it is
    transparent. Grey stays grey; palettes, CMYK, YCbCr and LAB become RGB (as Pillow converts
    them, colour profiles left aside). Deeper grey is brought to eight bits: 16-bit integers
    ``v`` are ``v / 257``, 12-bit ones ``v / 4095 * 255``; 32-bit integers likewise ``v / 257``
    if all fit 16 bits, floating point ``v * 255`` if all lie in [0, 1]; otherwise the least
    value becomes 0 and the greatest 255.

    Args:
        data: The whole file, at most `MAX_BYTES`; the picture at most `MAX_PIXELS` and
            `MAX_PICTURE_SIDE` a side.

    Raises:
        ImageError: Whatever else the bytes are.
    """
    kind = _recognise(data)
    with _pillow(kind, "its header cannot be read"):
        image: Image.Image = Image.open(BytesIO(data), formats=(kind,))
    if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_PICTURE_SIDE:
        raise _too_large(f" ({image.width} × {image.height} pixels)")
    with _pillow(kind, "its pixels are broken or cut short"):
        image.load()
    mode = image.mode
    deep = mode.startswith("I") or mode == "F"  # more than eight bits, and grey
    with _pillow(kind, "its colours cannot be read"):
        deepest = 4095 if _is_twelve_bit(image) else 65_535
        image = _upright(image)
        numbers: Numbers = np.asarray(image) if deep else _opaque(image)
    if deep:
        grey = _eight_bits(numbers, deepest)
        if "transparency" in image.info:
            grey[numbers == image.info["transparency"]] = 255
        numbers = grey[..., np.newaxis]
    return Picture(numbers.astype(np.uint8, copy=False), _NAMES.get(kind, kind), mode)


def _recognise(data: bytes) -> str:
    """Pillow's name of the format, by the file's first bytes."""
    if not data:
        raise ImageError(f"The file is empty; {_ADVICE}.")
    if len(data) > MAX_BYTES:
        raise ImageError(
            f"The file is too large: at most {MAX_BYTES / 1e6:.0f} MB are read; save a smaller "
            "copy, or as JPEG."
        )
    for kind, start, magic in _SIGNATURES:
        if data[start : start + len(magic)] == magic:
            if kind == "JPEG" and data.count(b"\xff\xda") > _MAX_JPEG_SCANS:
                raise ImageError(
                    f"The JPEG file has more than {_MAX_JPEG_SCANS} scans and would take too "
                    "long to read; save the picture again."
                )
            return kind
    start_of_text = data[:256].removeprefix(b"\xef\xbb\xbf").lstrip()
    for name, start, magic in _FOREIGN:
        if start_of_text[start : start + len(magic)] == magic:
            raise ImageError(f"The file is {name}, which cannot be read; {_ADVICE}.")
    raise ImageError(f"The file is not a picture that can be read; {_ADVICE}.")


@contextmanager
def _pillow(kind: str, problem: str) -> Iterator[None]:
    """Any exception of Pillow as an `ImageError`: malformed files raise all kinds, and warnings.

    Only calls of Pillow may stand inside, so that no bug of ours hides here.
    """
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large() from error
    except MemoryError as error:
        raise ImageError(
            "There is not enough memory to decode the picture; save a smaller copy."
        ) from error
    except Exception as error:
        raise ImageError(
            f"The {_NAMES.get(kind, kind)} file is damaged or unusual: {problem}; "
            "save the picture again as PNG or JPEG, or choose another."
        ) from error


def _too_large(size: str = "") -> ImageError:
    return ImageError(
        f"The picture is too large{size}: at most {MAX_PIXELS // 1_000_000} million pixels and "
        f"{MAX_PICTURE_SIDE} a side are decoded; save a smaller copy."
    )


def _upright(image: Image.Image) -> Image.Image:
    # Not ImageOps.exif_transpose: it writes the EXIF back, and fails where another tag is bad.
    try:
        method = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # EXIF that cannot be read turns nothing
        method = None
    return image if method is None else image.transpose(method)


def _opaque(image: Image.Image) -> Pixels:
    """uint8 ``[height, width, 1 or 3]``, laid over white; for every mode up to eight bits."""
    grey = image.mode in ("1", "L", "LA", "La")
    base = "L" if grey else "RGB"
    if image.has_transparency_data:
        image = _converted(image, "LA" if grey else "RGBA")
        canvas = Image.new(base, image.size, "white")
        canvas.paste(image, mask=image)
        image = canvas
    pixels = np.asarray(_converted(image, base))
    return pixels.reshape(*pixels.shape[:2], -1)


def _converted(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)  # which would copy


def _is_twelve_bit(image: Image.Image) -> bool:
    return getattr(image, "tag_v2", {}).get(ExifTags.Base.BitsPerSample) == (12,)


def _eight_bits(numbers: Numbers, deepest: int) -> Pixels:
    """Grey numbers of any range as uint8; the rule stands in `load_image`."""
    low, high = float(numbers.min()), float(numbers.max())
    if not np.isfinite([low, high]).all():
        raise ImageError(
            "The picture holds values that are not finite numbers; replace NaN and infinity "
            "and save it again."
        )
    agreed = deepest if np.issubdtype(numbers.dtype, np.integer) else 1
    start, span = (0.0, agreed) if low >= 0 and high <= agreed else (low, (high - low) or 1.0)
    grey = np.empty(numbers.shape, np.uint8)
    for row, line in zip(grey, numbers, strict=True):  # a row at a time, to spare memory
        row[:] = np.rint((line.astype(np.float64) - start) / span * 255)
    return grey
