"""Shapes with a name, as masks: six objects, and five patterns that go on without end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

__all__ = ["OBJECTS", "PATTERNS", "Floats", "Mask", "Shape"]

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Shape = Callable[[Floats, Floats, Generator], Mask]
"""Which places belong to a shape: from their ``u`` and ``v``, and what it draws of its kind."""


def _disc(u: Floats, v: Floats, _random: Generator) -> Mask:
    return u * u + v * v < 0.85


def _ring(u: Floats, v: Floats, random: Generator) -> Mask:
    square = u * u + v * v
    return (square < 1) & (square > random.uniform(0.5, 0.68) ** 2)


def _triangle(u: Floats, v: Floats, _random: Generator) -> Mask:
    slope = np.float32(math.sqrt(3) / 2)
    return np.maximum(-u, u / 2 + slope * abs(v)) < 0.55


def _square(u: Floats, v: Floats, _random: Generator) -> Mask:
    return np.maximum(abs(u), abs(v)) < 0.8


def _star(u: Floats, v: Floats, random: Generator) -> Mask:
    """Five points: within a tenth of a turn, the edge is a straight line from tip to notch."""
    tenth, notch = math.pi / 5, random.uniform(0.38, 0.48)
    angle = abs((np.arctan2(v, u) + tenth) % (2 * tenth) - tenth)
    radius = np.hypot(u, v)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    rise, run = notch * math.sin(tenth), 1.1 - notch * math.cos(tenth)
    inside: Mask = rise * x + run * y < 1.1 * rise
    return inside


def _cross(u: Floats, v: Floats, random: Generator) -> Mask:
    arm = random.uniform(0.24, 0.36)
    long, short = np.maximum(abs(u), abs(v)), np.minimum(abs(u), abs(v))
    return (long < 1) & (short < arm)


def _stripes(u: Floats, _v: Floats, random: Generator) -> Mask:
    return (u / random.uniform(0.08, 0.26)) % 1 < random.uniform(0.35, 0.65)


def _checkerboard(u: Floats, v: Floats, random: Generator) -> Mask:
    cell = random.uniform(0.09, 0.2)
    odd: Mask = (np.floor(u / cell) + np.floor(v / cell)) % 2 < 0.5
    return odd


def _dots(u: Floats, v: Floats, random: Generator) -> Mask:
    pitch, radius = random.uniform(0.14, 0.27), random.uniform(0.25, 0.38)
    row = np.floor(v / pitch)
    shift = row * random.choice((0, 0.5))
    inside: Mask = np.hypot((u / pitch + shift) % 1 - 0.5, v / pitch - row - 0.5) < radius
    return inside


def _target(u: Floats, v: Floats, random: Generator) -> Mask:
    return (np.hypot(u, v) / random.uniform(0.11, 0.25)) % 1 < random.uniform(0.35, 0.65)


def _bricks(u: Floats, v: Floats, random: Generator) -> Mask:
    """Rows of long bricks, each row half a brick further; the mortar is left out."""
    height, joint = random.uniform(0.12, 0.22), random.uniform(0.12, 0.24)
    long = random.uniform(1.7, 2.3)
    row = np.floor(v / height)
    along = (u / height + row * long / 2) % long
    inside: Mask = (v / height - row > joint) & (along > joint)
    return inside


OBJECTS: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        "disc": _disc,
        "ring": _ring,
        "triangle": _triangle,
        "square": _square,
        "star": _star,
        "cross": _cross,
    }
)
"""Objects around (0, 0) that reach about 1 far."""

PATTERNS: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        "stripes": _stripes,
        "checkerboard": _checkerboard,
        "dots": _dots,
        "target": _target,
        "bricks": _bricks,
    }
)
"""Patterns over the plane, for a picture of side 1."""
