"""Files to take along, made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import streamlit as st

__all__ = ["Download", "downloads"]


class Download(NamedTuple):
    """A file.

    Attributes:
        label: What its button says.
        data: What is in it.
        name: Its suggested name.
        mime: Its media type.
    """

    label: str
    data: str | bytes
    name: str
    mime: str


def downloads(label: str, key: str, files: Callable[[], Iterable[Download]]) -> None:
    """A button that opens onto one button a file; before, nothing is made.

    Streamlit's own way, a callable for each button, now and then never answers a click.
    """
    place = st.popover(label, key=key, on_change="rerun", width="content")
    if not place.open:
        return
    with place, st.spinner("Making the files …", show_time=False):
        for file in files():
            st.download_button(
                file.label, file.data, file.name, file.mime, on_click="ignore", width="stretch"
            )
