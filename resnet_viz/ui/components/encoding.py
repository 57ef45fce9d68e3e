"""Pixels and numbers as text that a message to the browser can hold."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from resnet_viz.views.pixels.mosaics import png_bytes

__all__ = ["array_digest", "floats_text", "png_url"]


def array_digest(arrays: Iterable[NDArray[np.uint8]]) -> str:
    """One name for the pixels and shapes of some pictures."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def png_url(image: NDArray[np.uint8]) -> str:
    """A picture as a ``data:`` address, kept between runs.

    Args:
        image: uint8 ``[h, w, 3]``, or ``[h, w, 4]`` with alpha.
    """
    return _png_url(image, array_digest([image]))


@st.cache_data(max_entries=32, show_spinner=False)
def _png_url(_image: NDArray[np.uint8], digest: str) -> str:  # noqa: ARG001 - it is the key
    return "data:image/png;base64," + base64.b64encode(png_bytes(_image)).decode("ascii")


def floats_text(values: NDArray[np.float32]) -> str:
    """Numbers in reading order: base64 of little-endian float32, NaN and infinities included."""
    return base64.b64encode(np.ascontiguousarray(values, "<f4").data).decode("ascii")
