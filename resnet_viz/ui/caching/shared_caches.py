"""What is kept between runs and shared by all sessions, each bounded.

Keys are frozen specs and digests of bytes. What is shared is never written to: arrays are
read-only, and `capture` works on a copy of the network.
"""

from __future__ import annotations

import hashlib
from typing import Final

import streamlit as st

from resnet_viz.costs.profiling import profile
from resnet_viz.costs.torchinfo_check import Witness, call_witness
from resnet_viz.errors import ImageError
from resnet_viz.images.decoding import Picture, load_image
from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.ui.caching.lru_cache import Kept
from resnet_viz.views.graph.network_drawing import draw
from resnet_viz.views.graph.open_parts import Opening
from resnet_viz.views.graph.rendering import render

__all__ = [
    "digest",
    "drawing",
    "picture",
    "witness",
]


def digest(data: bytes) -> str:
    """What a cache knows bytes by."""
    return hashlib.sha256(data).hexdigest()


@st.cache_resource(max_entries=16, show_spinner=False)
def witness(spec: ResNetSpec, size: InputSpec) -> Witness:
    """The count that torchinfo makes of a network at an input size."""
    return call_witness(profile(spec, size))


@st.cache_data(max_entries=64, show_spinner=False)
def drawing(
    spec: ResNetSpec, size: InputSpec, level: str, opened: str, dark: bool, cost: str, column: bool
) -> str:
    """The SVG of a network's graph."""
    report = profile(spec, size)
    opening = Opening.parse(level, opened)
    return render(draw(report, opening, dark=dark, cost=cost, column=column), "svg").decode()


_PICTURES: Final[Kept[Picture]] = Kept(10**8, lambda picture: picture.pixels.nbytes)


def picture(data: bytes, sha256: str) -> Picture:
    """A decoded picture.

    Args:
        data: The file.
        sha256: Its `digest`.

    Raises:
        ImageError: It is none.
    """
    return _PICTURES.get(sha256, lambda: load_image(data), (ImageError,))
