"""Drawn pictures of twelve patterns, and the small network that ships trained on them.

Pictures of known content and place: what the network says, and where it looks, can be held
against what was drawn. Of 1,800 fresh pictures it names 98.7 % rightly at 64 x 64, the size it is
made for, with no class below 94 %; at 48 x 48 95.9 %, at 96 x 96 98.3 % and at 128 x 128 90.8 %,
where crosses fall to 69 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from resnet_viz.errors import ImageError, short_repr
from resnet_viz.images.decoding import Pixels
from resnet_viz.images.pattern_shapes import OBJECTS, PATTERNS, Floats, Mask
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec

__all__ = [
    "CLASSES",
    "FIRST_FRESH_SEED",
    "INPUT",
    "MAX_SIDE",
    "SPEC",
    "Drawing",
    "drawing",
    "picture",
    "pictures",
]

CLASSES: Final[tuple[str, ...]] = (*OBJECTS, *PATTERNS, "noise")
"""Names of the network's outputs, in order."""

SPEC: Final[ResNetSpec] = replace(PRESETS["resnet20"], num_classes=len(CLASSES))
INPUT: Final = InputSpec(64, 64)
FIRST_FRESH_SEED: Final = 1_000_000
"""No picture of this seed or a higher one was used in training."""

MAX_SIDE: Final = 512
"""Pixels along each side of a picture, at most."""

_SAMPLES: Final = 3  # a pixel's edge is cut into so many samples, against jagged edges


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawn picture, and where its subject is.

    Attributes:
        pixels: The picture, uint8 ``[side, side, 3]``.
        label: Index of its class in `CLASSES`.
        subject: Which pixels the object or the pattern takes up, bool ``[side, side]``; strokes
            may hide a part of them.
    """

    pixels: Pixels
    label: int
    subject: Mask

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The subject's first column and row, and the ones after its last, in pixels."""
        rows, columns = np.nonzero(self.subject)
        left, right = int(columns.min()), int(columns.max())
        return left, int(rows.min()), right + 1, int(rows.max()) + 1


def picture(label: int | str, seed: int, side: int = 64) -> Pixels:
    """One picture of a class, uint8 ``[side, side, 3]``; see `drawing`."""
    return drawing(label, seed, side).pixels


def pictures(seeds: Iterable[int], side: int = 64) -> tuple[Pixels, NDArray[np.int64]]:
    """One picture of each class for each seed, the classes in order within a seed.

    Returns:
        uint8 ``[seeds * classes, side, side, 3]``, and the labels ``[seeds * classes]``.
    """
    drawn = [picture(label, seed, side) for seed in seeds for label in range(len(CLASSES))]
    labels = np.arange(len(drawn), dtype=np.int64) % len(CLASSES)
    return np.array(drawn, np.uint8).reshape(-1, side, side, 3), labels


def drawing(label: int | str, seed: int, side: int = 64) -> Drawing:
    """Draw a picture of a class.

    Place, size, turn, colours, ground, blur and noise all follow from the class and the seed;
    at another side they stay as they are, but for the finest noise. The same NumPy and Pillow
    draw the same picture on every machine, up to the last digit of its sines and cosines.

    Args:
        label: A name in `CLASSES`, or its index.
        seed: At least 0.
        side: Height and width in pixels, 8 to `MAX_SIDE`.

    Raises:
        ImageError: There is no such class, seed or side.
    """
    index = _index(label)
    if seed < 0:
        raise ImageError(f"The seed of a pattern must be at least 0, not {short_repr(seed)}.")
    if not 8 <= side <= MAX_SIDE:
        raise ImageError(
            f"A pattern's side must be 8 to {MAX_SIDE} pixels, not {short_repr(side)}; "
            "choose another."
        )
    random = Generator(PCG64(SeedSequence((index, seed))))
    name = CLASSES[index]
    cover, subject = _subject(name, side, random)
    ground, ink = _colours(random)
    # So that the subject stands out, its ground varies less than the two differ.
    contrast = float(np.linalg.norm(ink - ground))
    spread = random.uniform(0.12, 0.3) if name == "noise" else random.uniform(0.02, 0.28) * contrast
    image = _ground(ground, spread, side, random)
    for _ in range(random.integers(0, 4)):
        _add_stroke(image, random)
    shade = 1 + random.uniform(-0.15, 0.15) * _ramp(side, random)
    image += cover[..., None] * (ink * shade[..., None] - image)
    if random.random() < 0.3:
        _add_stroke(image, random)
    return Drawing(_finished(image, random), index, subject)


def _index(label: int | str) -> int:
    """The index of a class.

    Raises:
        ImageError: There is no such class.
    """
    if isinstance(label, str):
        if label in CLASSES:
            return CLASSES.index(label)
    elif 0 <= label < len(CLASSES):
        return label
    raise ImageError(
        f"There is no pattern {short_repr(label)}; choose one of {', '.join(CLASSES)}, "
        f"or 0 to {len(CLASSES) - 1}."
    )


# Below, lengths are in sides of the picture, (0, 0) is its centre, and colours are red, green and
# blue in [0, 1].


@cache
def _grid(side: int, samples: int) -> tuple[Floats, Floats]:
    """Places ``x [1, n]`` and ``y [n, 1]``, -0.5 to 0.5, with `samples` along a pixel's edge."""
    count = side * samples
    line: Floats = (np.arange(count, dtype=np.float32) + np.float32(0.5)) / np.float32(count)
    line -= np.float32(0.5)
    line.flags.writeable = False
    return line[None, :], line[:, None]


def _turned(
    side: int, centre: tuple[float, float], angle: float, stretch: float = 1
) -> tuple[Floats, Floats]:
    """Places seen from a centre, along axes turned by an angle in radians."""
    x, y = _grid(side, _SAMPLES)
    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    x, y = x - np.float32(centre[0]), y - np.float32(centre[1])
    u, v = cos * x + sin * y, cos * y - sin * x
    u *= np.float32(stretch)
    v /= np.float32(stretch)
    return u, v


def _cover(mask: Mask, side: int) -> Floats:
    """The covered part of each pixel, 0 to 1."""
    parts = mask.reshape(side, _SAMPLES, side, _SAMPLES)
    cover: Floats = parts.mean(axis=(1, 3), dtype=np.float32)
    return cover


def _subject(name: str, side: int, random: Generator) -> tuple[Floats, Mask]:
    """How far ink covers each pixel, and which pixels belong to the subject."""
    angle = random.uniform(0, 2 * math.pi)
    if name == "noise":
        return np.zeros((side, side), np.float32), np.ones((side, side), np.bool_)
    if name in OBJECTS:
        radius = random.uniform(0.12, 0.34)
        room = 0.5 - 0.85 * radius  # a little may lie outside
        centre = random.uniform(-room, room), random.uniform(-room, room)
        u, v = _turned(side, centre, angle, random.uniform(0.9, 1.1))
        cover = _cover(OBJECTS[name](u / radius, v / radius, random), side)
        return cover, cover >= 0.5
    centre = random.uniform(-0.4, 0.4), random.uniform(-0.4, 0.4)
    mask = PATTERNS[name](*_turned(side, centre, angle), random)
    patch = _patch(side, random)
    return _cover(mask & patch, side), _cover(patch, side) >= 0.5


def _patch(side: int, random: Generator) -> Mask:
    """The part of the picture that a pattern fills: all of it, or a wavy patch."""
    whole = random.random() < 0.5
    radius = random.uniform(0.34, 0.45)
    centre = random.uniform(-0.2, 0.2), random.uniform(-0.2, 0.2)
    u, v = _turned(side, centre, random.uniform(0, 2 * math.pi), random.uniform(0.85, 1.15))
    if whole:
        return np.ones((v + u).shape, np.bool_)
    waves = 1 + random.uniform(0, 0.15) * np.sin(random.integers(2, 6) * np.arctan2(v, u))
    return np.hypot(u, v) < radius * waves


def _colours(random: Generator) -> tuple[Floats, Floats]:
    """A colour for the ground and one for the ink, apart in colour and in lightness."""
    while True:
        ground, ink = random.uniform(0.05, 0.95, (2, 3)).astype(np.float32)
        if np.linalg.norm(ink - ground) > 0.4 and abs(float((ink - ground).mean())) > 0.15:
            return ground, ink


def _ramp(side: int, random: Generator) -> Floats:
    """A gradient in some direction, -0.7 to 0.7 at most: ``[side, side]``."""
    angle = random.uniform(0, 2 * math.pi)
    x, y = _grid(side, 1)
    return np.float32(math.cos(angle)) * x + np.float32(math.sin(angle)) * y


def _ground(colour: Floats, spread: float, side: int, random: Generator) -> Floats:
    """A colour that varies by a gradient or by noise of many sizes: ``[side, side, 3]``."""
    if random.random() < 0.3 and spread < 0.12:
        tints = random.uniform(-3, 3, 3).astype(np.float32) * np.float32(spread)
        return colour + _ramp(side, random)[..., None] * tints
    roughness = random.uniform(0, 1.2)
    coloured = random.random() < 0.3
    planes = [_texture(roughness, side, random) for _ in range(3 if coloured else 1)]
    return colour + np.float32(spread) * np.stack(planes, axis=-1)


def _texture(roughness: float, side: int, random: Generator) -> Floats:
    """Noise of mean 0 and deviation 1: grids of 3 to 48 random values, enlarged and summed.

    Finer grids count less, by the power `roughness` of their size, as in photographs.
    """
    total = np.zeros((side, side), np.float32)
    for cells in (3, 6, 12, 24, 48):
        values = random.standard_normal((cells, cells), np.float32)
        grown = Image.fromarray(values).resize((side, side), Image.Resampling.BICUBIC)
        total += np.asarray(grown) * np.float32((cells / 3) ** -roughness)
    total -= total.mean()
    return total / max(float(total.std()), 1e-6)


def _add_stroke(image: Floats, random: Generator) -> None:
    """Paint a thin straight line over the picture, in place: something that is not the subject."""
    side = image.shape[0]
    colour = random.uniform(0, 1, 3).astype(np.float32)
    middle = random.uniform(-0.5, 0.5), random.uniform(-0.5, 0.5)
    half, width = random.uniform(0.05, 0.3), random.uniform(0.006, 0.02)
    u, v = _turned(side, middle, random.uniform(0, math.pi))
    cover = _cover((abs(u) < half) & (abs(v) < width), side)
    image += cover[..., None] * (colour - image)


def _finished(image: Floats, random: Generator) -> Pixels:
    """The picture as a camera gives it: sometimes grey, blurred a little, noisy, in 8 bits."""
    side = image.shape[0]
    if random.random() < 0.15:
        image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    blur = max(0.0, random.uniform(-0.006, 0.012)) * side  # pixels
    grain = max(0.0, random.uniform(-0.03, 0.05))
    image = image + np.float32(grain) * random.standard_normal(image.shape, np.float32)
    pixels: Pixels = np.rint(255 * image.clip(0, 1)).astype(np.uint8)
    if blur:
        pixels = np.array(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(blur)))
    return pixels
