"""The files that a visitor has uploaded, kept when the page with their widget is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from resnet_viz.ui.caching.shared_caches import digest

__all__ = ["Upload", "forget", "store", "stored"]


class Upload(NamedTuple):
    """A file.

    Attributes:
        name: What its owner calls it.
        data: Its bytes.
        sha256: Their digest.
    """

    name: str
    data: bytes
    sha256: str


def store(key: str) -> None:
    """Take over what an uploader has, known by its key; for its callback."""
    given = st.session_state[key] or []
    files = given if isinstance(given, list) else [given]
    known = {upload.data: upload.sha256 for upload in stored(key)}
    found = []
    for file in files:
        data = file.getvalue()
        found.append(Upload(file.name, data, known.get(data) or digest(data)))
    st.session_state[_place(key)] = tuple(found)


def stored(key: str) -> Sequence[Upload]:
    """What an uploader has got, or had when its page was left."""
    found: tuple[Upload, ...] = st.session_state.get(_place(key), ())
    return found


def forget(key: str) -> None:
    """Let go of what an uploader had; for callbacks."""
    st.session_state.pop(_place(key), None)


def _place(key: str) -> str:
    return f"_uploaded_{key}"
