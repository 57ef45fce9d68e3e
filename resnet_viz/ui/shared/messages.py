"""Errors as sentences on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

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


# Escaped or not, Streamlit's Markdown makes links of what looks like an address; an invisible
# word joiner inside or after these keeps it from doing so.
_BEFORE_ADDRESSES: Final = re.compile(r"(://|www|@)", re.IGNORECASE)


def plain(text: str) -> str:
    """Text that Markdown shows as it stands: names in it may come from users."""
    text = _BEFORE_ADDRESSES.sub(lambda found: found[0][:1] + "\u2060" + found[0][1:], text)
    return "".join(f"\\{char}" if char in r"\`*_{}[]<>()#+-!|$~:&" else char for char in text)
