"""Sample pictures: photographs that come with scikit-image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

from resnet_viz.errors import ImageError

__all__ = ["SAMPLES", "Sample", "sample_bytes", "sample_names"]


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
    """The file of a sample picture, for `images.load_image`.

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
