"""The address bar: the other form of the choice.

The link is written after each run, and read when it comes from outside: a new visit, a link
that was followed, the browser's back button. Streamlit's own binding of widgets to parameters
is not used: a preset changes many of them together, and a bad value must be named, not dropped
in silence.
"""

from __future__ import annotations

import time
from typing import Final

import streamlit as st

from resnet_viz.ui.state.choice import BASE_KEY, CUSTOM, LINK_KEYS, Choice

__all__ = ["query_of", "read", "write"]

_CURRENT: Final = "_link"
_PAST: Final = "_past_links"  # what the link was, and until when

# A browser may still send the address of before the last runs; this long, that is an echo.
_ECHO_SECONDS: Final = 2.0

_BARE: Final = {"model": "resnet50"}  # what an address without parameters stands for


def read(edited: bool) -> dict[str, str] | None:
    """The link's parameters if they come from outside, else None.

    Args:
        edited: Whether the visitor just changed a widget: then the address is behind.
    """
    query = {key: st.query_params[key] for key in LINK_KEYS if key in st.query_params}
    query = query or dict(_BARE)
    if _CURRENT not in st.session_state:
        return query
    recent = [past for past, until in st.session_state[_PAST] if _is_recent(until)]
    if edited or query == st.session_state[_CURRENT] or query in recent:
        return None
    # The browser went there by itself, so none of its addresses is behind any more.
    st.session_state.update({_CURRENT: query, _PAST: []})
    return query


def query_of(choice: Choice, base: str) -> dict[str, str]:
    """The parameters of the link to a choice, as for `write`."""
    made_from = {BASE_KEY: base} if choice.model == CUSTOM and base != _BARE["model"] else {}
    return choice.to_query() | made_from


def write(choice: Choice, base: str) -> None:
    """Put the choice into the address, beside parameters of other things.

    Args:
        choice: What is chosen.
        base: The preset that it was made from; said where the network is none itself.
    """
    query = query_of(choice, base)
    state = st.session_state
    if state.get(_CURRENT) != query:
        past = [(each, until) for each, until in state.get(_PAST, []) if _is_recent(until)]
        state[_PAST] = [*past, (state.get(_CURRENT), time.monotonic())]
        state[_CURRENT] = query
    shown = dict(st.query_params)
    wanted = {key: value for key, value in shown.items() if key not in LINK_KEYS} | query
    is_bare = query == _BARE and not any(key in shown for key in LINK_KEYS)
    if wanted != shown and not is_bare:
        st.query_params.from_dict(wanted)


def _is_recent(until: float) -> bool:
    return time.monotonic() - until < _ECHO_SECONDS
