"""Errors as sentences on the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from resnet_viz.errors import ResNetVizError

__all__ = ["errors_as_sentences", "plain"]


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Show an error of the library where it arises; what comes after this part lives on."""
    try:
        yield
    except ResNetVizError as error:
        st.error(plain(str(error)))


def plain(text: str) -> str:
    """Text that Markdown shows as it stands: names in it may come from users."""
    return "".join(f"\\{char}" if char in r"\`*_{}[]<>()#+-!|$~:&" else char for char in text)
