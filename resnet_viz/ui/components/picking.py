"""Places that a visitor picks in a component: each is heard once, and Python has the last word.

The browser numbers its picks and leaves the last one in the component's state, from where
Streamlit hands it to every run that follows. A pick counts once: its number is noted when it
is heard, and a run that something else caused does not hear it again. Of several picks while a
run is busy only the last arrives, which is the one that is meant.

Each run tells the browser what is picked, and up to which number it has heard. The browser shows
a pick at once and stays with it until its number has been heard; from then on it shows what
Python says, so that a choice made elsewhere wins over an old pick.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import streamlit as st

__all__ = ["PICKING_JS", "mount"]

# Put before the code of a component, which is one module.
PICKING_JS: Final = Path(__file__).with_name("picking.js").read_text(encoding="utf-8")

_NOTHING: Final[dict[str, Any]] = {"mount": "", "count": 0}


def mount(
    component: Callable[..., object],
    data: dict[str, Any],
    *,
    key: str,
    selected: Any,
    read: Callable[[Any], Any],
    on_select: Callable[[Any], None] | None,
) -> Any:
    """Put a component on the page and hear what was picked in it.

    Args:
        component: What Streamlit's ``component`` gave.
        data: What it shows, as far as JSON goes; ``selected`` and ``heard`` are added.
        key: The component's key in the session state.
        selected: What is picked as far as the caller knows.
        read: Makes a place of the browser's message; None if there is no such place.
        on_select: Called with a new pick, as Streamlit's callbacks are: before the run.

    Returns:
        The new pick, once; None without one, or with `on_select`.
    """
    message = _message(key)
    new = None
    if on_select is None and message != _heard(key):
        new = read(message.get("place"))

    def hear() -> None:
        latest = _message(key)
        if on_select is None or latest == _heard(key):
            return
        _note(key, latest)
        place = read(latest.get("place"))
        if place is not None:
            on_select(place)

    component(
        key=key,
        # A pick that the caller only now hears of is shown as if it were already the choice.
        data=data
        | {
            "selected": selected if new is None else new,
            "heard": {name: message[name] for name in _NOTHING},
        },
        on_picked_change=hear,
    )
    # Not before: a run that is cut short on the way has not told the caller.
    _note(key, message)
    return new


def _message(key: str) -> dict[str, Any]:
    """The last pick, heard before or not; with count 0 if there was none."""
    message = getattr(st.session_state.get(key), "picked", None)
    if isinstance(message, dict) and message.keys() >= _NOTHING.keys():
        return dict(message)
    return _heard(key)


def _heard(key: str) -> dict[str, Any]:
    heard: dict[str, Any] = st.session_state.get(_key(key), _NOTHING)
    return heard


def _note(key: str, message: dict[str, Any]) -> None:
    st.session_state[_key(key)] = message


def _key(key: str) -> str:
    return f"_{key}_heard"
