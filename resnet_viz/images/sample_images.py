"""Sample pictures: photographs that come with scikit-image, odd inputs, and drawn patterns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from PIL import Image

from resnet_viz.errors import ImageError, short_repr
from resnet_viz.images.decoding import Pixels, load_image
from resnet_viz.images.drawn_patterns import FIRST_FRESH_SEED, picture

__all__ = ["SAMPLES", "Sample", "sample_bytes"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture to try.

    Attributes:
        title: What it shows, for people.
        source: Its name inside ``skimage/data``, or what makes its pixels,
            uint8 ``[height, width, 3]``.
    """

    title: str
    source: str | Callable[[], Pixels]


def _tiny() -> Pixels:
    """Chelsea the cat, cut to 300 x 400 pixels and shrunk to 12 x 16."""
    whole = Image.fromarray(load_image(_file_bytes("chelsea.png")).pixels[:, 25:425])
    return np.array(whole.resize((16, 12), Image.Resampling.BOX))


def _wide() -> Pixels:
    """A strip of 50 x 1000 pixels of the Hubble deep field, with a galaxy in its middle."""
    return load_image(_file_bytes("hubble_deep_field.jpg")).pixels[415:465]


def _pattern(label: str, number: int) -> Callable[[], Pixels]:
    """A picture that the patterns' network has not seen, large enough to be looked at."""
    return partial(picture, label, FIRST_FRESH_SEED + number, 256)


# The default first.
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
        "pattern_star": Sample("Pattern: a star", _pattern("star", 54)),
        "pattern_triangle": Sample("Pattern: a triangle", _pattern("triangle", 28)),
        "pattern_stripes": Sample("Pattern: stripes", _pattern("stripes", 35)),
        "pattern_dots": Sample("Pattern: dots", _pattern("dots", 27)),
        "horse": Sample("Odd: the outline of a horse", "horse.png"),
        "page": Sample("Odd: a page of print (grey)", "page.png"),
        "animation": Sample("Odd: an animation of 25 × 14 pixels", "no_time_for_that_tiny.gif"),
        "tiny": Sample("Odd: a cat of 12 × 16 pixels", _tiny),
        "wide": Sample("Odd: a strip of sky, 50 × 1000 pixels", _wide),
    }
)


def sample_bytes(name: str) -> bytes:
    """The file of a sample picture, for `images.load_image`.

    Raises:
        ImageError: No sample has this name, or it comes with scikit-image, which is not
            installed.
    """
    if name not in SAMPLES:
        raise ImageError(
            f"There is no sample picture {short_repr(name)}; choose one of {', '.join(SAMPLES)}."
        )
    source = SAMPLES[name].source
    return _file_bytes(source) if isinstance(source, str) else _png(source)


@cache
def _png(make: Callable[[], Pixels]) -> bytes:
    """What a function makes, as a PNG file; kept, since a page asks at every click."""
    stream = BytesIO()
    Image.fromarray(make()).save(stream, "PNG")
    return stream.getvalue()


def _file_bytes(name: str) -> bytes:
    """A file of ``skimage/data``.

    Raises:
        ImageError: scikit-image is not installed.
    """
    # Located, not imported: importing skimage takes longer than everything else here.
    package = find_spec("skimage")
    for folder in (package and package.submodule_search_locations) or ():
        file = Path(folder) / "data" / name
        if file.is_file():
            return file.read_bytes()
    raise ImageError("The sample pictures come with scikit-image; install it to see them.")
