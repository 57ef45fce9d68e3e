"""A picture to the tensor that a network receives.

`framed` cuts and scales a picture to a network's input; `prepare` makes that the tensor the
network receives. What `framed` shows is what `prepare` normalises.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from PIL import Image

from resnet_viz.errors import ImageError
from resnet_viz.images.decoding import MAX_PIXELS, Picture, Pixels
from resnet_viz.network.spec import InputSpec

if TYPE_CHECKING:  # torch takes seconds to import: `prepare` does so when it is called
    import torch

__all__ = [
    "FITS",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "Fit",
    "channel_rule",
    "framed",
    "native_input",
    "prepare",
    "require_fit",
]

Fit = Literal["crop", "letterbox", "stretch", "native"]
FITS: Final[tuple[Fit, ...]] = get_args(Fit)

# Of ImageNet's training pictures, R, G, B in [0, 1]: docs.pytorch.org/vision, "Models and
# pre-trained weights"; they also go with torchvision's ResNet weights.
IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)

_FILTER: Final = Image.Resampling.BILINEAR  # with antialiasing, like torchvision's default

Box = tuple[float, float, float, float]


def framed(picture: Picture, input: InputSpec, fit: Fit = "crop") -> Pixels:  # noqa: A002
    """The picture as the network receives it, before normalisation.

    ``"crop"``: scaled until it covers the input, then cropped at the centre, rounded as
    torchvision's ``Resize`` and ``CenterCrop`` round; ``"letterbox"``: scaled until it fits
    inside, centred on ImageNet's mean colour, about zero once normalised; ``"stretch"``:
    resized to the input, whatever its shape; ``"native"``: not resized at all, so the input
    must have the picture's size (`native_input`). Resizing is Pillow's antialiased bilinear.
    A picture of exactly the input's size passes unchanged.

    Args:
        picture: What to show the network.
        input: Its height and width; with one channel the luminance is taken (ITU-R 601-2).
        fit: One of `FITS`.

    Returns:
        uint8 ``[height, width, 1 or 3]``, read-only.

    Raises:
        ImageError: `fit` is not one of `FITS`, the input has more than `MAX_PIXELS` pixels, or
            is not of a native picture's size.
    """
    require_fit(fit)
    size = height, width = input.height, input.width
    if height * width > MAX_PIXELS:
        raise ImageError(
            f"An input of {height} × {width} has more than the {MAX_PIXELS:,} pixels to which a "
            "picture is brought; choose a smaller height or width."
        )
    rows, columns = picture.height, picture.width
    if fit == "native" and size != (rows, columns):
        raise ImageError(
            f"A picture at its native size needs an input of {rows} × {columns}, not "
            f"{height} × {width}; set the input to that, or fit the picture another way."
        )
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


def require_fit(fit: str) -> Fit:
    """The way to fit a picture that a text names.

    Raises:
        ImageError: `fit` is not one of `FITS`.
    """
    if fit not in FITS:
        raise ImageError(f"fit must be one of {', '.join(FITS)}, not {str(fit)[:40]!r}.")
    return fit


def native_input(picture: Picture, input: InputSpec) -> InputSpec:  # noqa: A002
    """The input with the picture's height and width.

    Raises:
        SpecError: The picture is larger than any input may be.
    """
    return replace(input, height=picture.height, width=picture.width)


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


def channel_rule(channels: int, normalise: bool = True) -> str:
    """One sentence on how a picture fills a network's input channels."""
    if channels == 1:
        what = "The one channel is the picture's luminance (ITU-R 601-2)"
        how = "normalised with the mean of ImageNet's three means and of its three deviations"
    else:
        what = "The three channels are red, green and blue"
        if channels == 2:
            what = "The two channels are red and green"
        elif channels > 3:
            what = f"The {channels} channels are red, green and blue in turn, over and over"
        how = "each normalised with ImageNet's mean and deviation of that colour"
    return f"{what}, {how if normalise else 'from 0 to 1'}."


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
        ImageError: As for `framed`.
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
