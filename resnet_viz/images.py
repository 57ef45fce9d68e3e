"""Bytes to tensor, safely; and sample pictures.

`load_image` turns the bytes of a file into a `Picture`, or refuses them with an `ImageError`;
`framed` cuts and scales a picture to a network's input; `prepare` makes that the tensor the
network receives. What `framed` shows is what `prepare` normalises.

Nothing here changes a global of Pillow or of `warnings`, since sessions are threads of one
process: a decompression bomb is refused by the size its header claims, before it is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from resnet_viz.errors import ImageError
from resnet_viz.spec import InputSpec

if TYPE_CHECKING:  # torch takes seconds to import: `prepare` does so when it is called
    import torch

__all__ = [
    "FITS",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "MAX_BYTES",
    "MAX_PICTURE_SIDE",
    "MAX_PIXELS",
    "SAMPLES",
    "Fit",
    "Picture",
    "Sample",
    "channel_rule",
    "framed",
    "load_image",
    "prepare",
    "sample_bytes",
    "sample_names",
]

Fit = Literal["crop", "letterbox", "stretch"]
FITS: Final[tuple[Fit, ...]] = get_args(Fit)

MAX_BYTES: Final = 50_000_000  # of the encoded file
MAX_PIXELS: Final = 64_000_000  # decoded; below Pillow's own MAX_IMAGE_PIXELS, so it never warns
MAX_PICTURE_SIDE: Final = 65_535  # no JPEG, GIF or WebP can be longer
# A JPEG may hold any number of scans, each a pass over all its pixels ("Two Issues with the
# JPEG Standard", libjpeg-turbo.org); encoders write about ten.
_MAX_JPEG_SCANS: Final = 100

# Of ImageNet's training pictures, R, G, B in [0, 1]: docs.pytorch.org/vision, "Models and
# pre-trained weights"; they also go with torchvision's ResNet weights.
IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)

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

_FILTER: Final = Image.Resampling.BILINEAR  # with antialiasing, like torchvision's default

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
Box = tuple[float, float, float, float]


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
            f"The file has {len(data) / 1e6:.1f} MB, but at most {MAX_BYTES / 1e6:.0f} MB are "
            "read; save a smaller copy, or as JPEG."
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


def framed(picture: Picture, input: InputSpec, fit: Fit = "crop") -> Pixels:  # noqa: A002
    """The picture as the network receives it, before normalisation.

    ``"crop"``: scaled until it covers the input, then cropped at the centre, rounded as
    torchvision's ``Resize`` and ``CenterCrop`` round; ``"letterbox"``: scaled until it fits
    inside, centred on ImageNet's mean colour, about zero once normalised; ``"stretch"``:
    resized to the input, whatever its shape. Resizing is Pillow's antialiased bilinear. A
    picture of exactly the input's size passes unchanged.

    Args:
        picture: What to show the network.
        input: Its height and width; with one channel the luminance is taken (ITU-R 601-2).
        fit: One of `FITS`.

    Returns:
        uint8 ``[height, width, 1 or 3]``, read-only.

    Raises:
        ImageError: `fit` is not one of `FITS`, or the input has more than `MAX_PIXELS` pixels.
    """
    if fit not in FITS:
        raise ImageError(f"fit must be one of {', '.join(FITS)}, not {str(fit)[:40]!r}.")
    size = height, width = input.height, input.width
    if height * width > MAX_PIXELS:
        raise ImageError(
            f"An input of {height} × {width} has more than the {MAX_PIXELS:,} pixels to which a "
            "picture is brought; choose a smaller height or width."
        )
    rows, columns = picture.height, picture.width
    box = (0.0, 0.0, float(columns), float(rows))
    if fit == "crop":
        box = _covering_box(rows, columns, height, width)
    elif fit == "letterbox":
        scale = min(height / rows, width / columns)
        size = max(1, round(rows * scale)), max(1, round(columns * scale))
    pixels = _resized(picture.pixels, size, box)
    if input.channels == 1 and pixels.shape[2] == 3:
        pixels = np.asarray(Image.fromarray(pixels).convert("L"))[..., np.newaxis]
    if size != (height, width):
        pixels = _padded(pixels, height, width)
    pixels.flags.writeable = False
    return pixels


def _covering_box(rows: int, columns: int, height: int, width: int) -> Box:
    """The part of the picture that stays, so that the rest need never be scaled.

    Equal to scaling the whole and cropping: the whole has the input's size on one side, the
    other rounded down; half of what is over goes, rounded to even.
    """
    if columns * height >= rows * width:
        whole = columns * height // rows
        left = round((whole - width) / 2)
        return left * columns / whole, 0.0, (left + width) * columns / whole, float(rows)
    whole = rows * width // columns
    top = round((whole - height) / 2)
    return 0.0, top * rows / whole, float(columns), (top + height) * rows / whole


def _resized(pixels: Pixels, size: tuple[int, int], box: Box) -> Pixels:
    """A box ``(left, top, right, bottom)`` of the picture at a size ``(height, width)``."""
    rows, columns = pixels.shape[:2]
    height, width = size
    if size == (rows, columns):  # the box is then the whole picture
        return pixels
    left, top, right, bottom = box
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
    # Pillow widens before it shortens: for a tall thin picture that is far too much memory.
    if rows * width > max(MAX_PIXELS, height * columns):
        image = image.resize((columns, height), _FILTER, box=(0, top, columns, bottom))
        top, bottom = 0.0, float(height)
    resized = np.asarray(image.resize((width, height), _FILTER, box=(left, top, right, bottom)))
    return resized.reshape(height, width, -1)


def _padded(pixels: Pixels, height: int, width: int) -> Pixels:
    """The picture at the centre of ImageNet's mean colour; an odd row goes below, or right."""
    rows, columns, channels = pixels.shape
    colour = IMAGENET_MEAN if channels == 3 else (_mean(IMAGENET_MEAN),)
    canvas = np.empty((height, width, channels), np.uint8)
    canvas[:] = [round(255 * part) for part in colour]
    top, left = (height - rows) // 2, (width - columns) // 2
    canvas[top : top + rows, left : left + columns] = pixels
    return canvas


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values)


def channel_rule(channels: int) -> str:
    """One sentence on how a picture fills a network's input channels."""
    if channels == 1:
        return (
            "The one channel is the picture's luminance (ITU-R 601-2), normalised with the "
            "mean of ImageNet's three means and of its three deviations."
        )
    if channels == 3:
        what = "The three channels are red, green and blue"
    elif channels == 2:
        what = "The two channels are red and green"
    else:
        what = f"The {channels} channels are red, green and blue in turn, over and over"
    return f"{what}, each normalised with ImageNet's mean and deviation of that colour."


def prepare(
    picture: Picture,
    input: InputSpec,  # noqa: A002
    channels: int,
    fit: Fit = "crop",
    normalise: bool = True,
) -> torch.Tensor:
    """The tensor the network receives: `framed`, over 255, less the mean, over the deviation.

    Channel ``i`` takes colour ``i mod 3`` of R, G, B with that colour's `IMAGENET_MEAN` and
    `IMAGENET_STD`; a single channel takes the luminance with the means of the three, 0.449
    and 0.226. A grey picture is grey in each colour.

    Args:
        picture: What to show the network.
        input: Height and width; its batch and channels are not looked at.
        channels: Channels of the network's input.
        fit: As for `framed`.
        normalise: False leaves the values in [0, 1].

    Returns:
        float32 ``[1, channels, height, width]`` on the CPU.

    Raises:
        ImageError: `fit` is not one of `FITS`.
        SpecError: No network takes that many channels.
    """
    import torch

    pixels = framed(picture, replace(input, channels=channels), fit)
    tensor = np.empty((1, channels, input.height, input.width), np.float32)
    means, stds = IMAGENET_MEAN, IMAGENET_STD
    if channels == 1:
        means, stds = (_mean(means),) * 3, (_mean(stds),) * 3
    for index, plane in enumerate(tensor[0]):
        if index >= 3:
            plane[:] = tensor[0, index % 3]
            continue
        np.divide(pixels[..., index % pixels.shape[2]], np.float32(255), out=plane)
        if normalise:
            plane -= np.float32(means[index])
            plane /= np.float32(stds[index])
    return torch.from_numpy(tensor)


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture that comes with scikit-image.

    Attributes:
        title: What it shows, for people.
        file: Its name inside ``skimage/data``.
    """

    title: str
    file: str


SAMPLES: Final[Mapping[str, Sample]] = MappingProxyType(
    {
        "chelsea": Sample("Chelsea the cat", "chelsea.png"),
        "astronaut": Sample("Astronaut Eileen Collins", "astronaut.png"),
        "coffee": Sample("A cup of coffee", "coffee.png"),
        "camera": Sample("A photographer (grey)", "camera.png"),
        "retina": Sample("Retina of an eye", "retina.jpg"),
        "ihc": Sample("Stained tissue (histology)", "ihc.png"),
        "moon": Sample("Surface of the Moon (grey)", "moon.png"),
        "rocket": Sample("Rocket on its launch pad", "rocket.jpg"),
    }
)


def sample_names() -> tuple[str, ...]:
    """The keys of `SAMPLES`, the default first."""
    return tuple(SAMPLES)


def sample_bytes(name: str) -> bytes:
    """The file of a sample picture, for `load_image`.

    Raises:
        ImageError: No sample has this name, or scikit-image is not installed.
    """
    if name not in SAMPLES:
        raise ImageError(
            f"There is no sample picture {name[:40]!r}; choose one of {', '.join(SAMPLES)}."
        )
    # Located, not imported: importing skimage takes longer than everything else here.
    package = find_spec("skimage")
    for folder in (package and package.submodule_search_locations) or ():
        file = Path(folder) / "data" / SAMPLES[name].file
        if file.is_file():
            return file.read_bytes()
    raise ImageError("The sample pictures come with scikit-image; install it to see them.")
