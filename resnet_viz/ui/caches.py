"""What is kept between runs and shared by all sessions, each bounded.

Keys are frozen specs and digests of bytes. What is shared is never written to: arrays are
read-only, and `capture` works on a copy of the network.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from resnet_viz.errors import BudgetError
from resnet_viz.images import Picture, load_image
from resnet_viz.preparation import Fit, prepare
from resnet_viz.profile import profile
from resnet_viz.spec import InputSpec, ResNetSpec
from resnet_viz.units import si
from resnet_viz.views.dot import draw
from resnet_viz.views.opening import Opening
from resnet_viz.views.render import render
from resnet_viz.witness import Witness, call_witness

__all__ = [
    "MAX_CAPTURE_BYTES",
    "MAX_WEIGHT_BYTES",
    "digest",
    "drawing",
    "feature_maps",
    "picture",
    "witness",
]


# What one visitor's feature maps may take, of memory that all visitors share.
MAX_CAPTURE_BYTES: Final = 10**9
MAX_WEIGHT_BYTES: Final = 10**9


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


@st.cache_resource(max_entries=8, show_spinner=False)
def picture(_data: bytes, sha256: str) -> Picture:  # noqa: ARG001 - the digest is the key
    """A decoded picture."""
    return load_image(_data)


@st.cache_resource(max_entries=2, show_spinner=False)
def _network(
    spec: ResNetSpec,
    device: str,
    _source: str | bytes,
    source_key: str,  # noqa: ARG001
) -> Any:
    from resnet_viz.weights import load_weights

    size = profile(spec).totals.weight_bytes
    if size > MAX_WEIGHT_BYTES:
        raise BudgetError(
            f"The weights of this network take {si(size, 'B')}, and this page keeps at most "
            f"{si(MAX_WEIGHT_BYTES, 'B')}; choose a narrower or shallower network."
        )
    return load_weights(spec, _source, device)


@st.cache_resource(max_entries=4, show_spinner=False)
def feature_maps(
    spec: ResNetSpec,
    size: InputSpec,
    device: str,
    _source: str | bytes,
    source_key: str,
    _picture: Picture,
    picture_key: str,  # noqa: ARG001
    fit: Fit,
    layer: str,
) -> NDArray[np.float32]:
    """The maps of one layer for one picture: ``[C, H, W]``, or ``[features]``; read-only.

    `source_key` and `picture_key` stand for the weights and the picture in the cache's key.
    """
    from resnet_viz.activations import capture, require_affordable
    from resnet_viz.devices import resolve_device

    require_affordable(spec, size, [layer], resolve_device(device), budget_bytes=MAX_CAPTURE_BYTES)
    network = _network(spec, device, _source, source_key)
    tensor = prepare(_picture, size, spec.in_channels, fit)
    taken = capture(network, tensor, [layer], budget_bytes=MAX_CAPTURE_BYTES)
    maps: NDArray[np.float32] = taken[layer][0].numpy()
    maps.flags.writeable = False
    return maps
