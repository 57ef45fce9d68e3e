"""What a visitor has chosen, in the session: read by all pages, settled by the sidebar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, NoReturn

import streamlit as st

from resnet_viz.network.spec import PRESETS
from resnet_viz.ui.state import link
from resnet_viz.ui.state.choice import Choice
from resnet_viz.ui.state.widget_values import fields
from resnet_viz.views.graph.open_parts import Opening

__all__ = [
    "add_news",
    "adopt",
    "base_preset",
    "change",
    "changes",
    "current",
    "fill",
    "first",
    "focus",
    "forget_news",
    "keep",
    "news",
    "say",
    "set_opening",
    "settle",
]

_CHOICE: Final = "_choice"  # the last choice that could be built
_BASE: Final = "_base_preset"  # the preset that the choice started from
_NEWS: Final = "_news"  # what could not be used or done
_CHANGES: Final = "_changes"  # values for the sidebar's fields in the next run
_KEPT: Final = "_news_kept"  # it was said after the last run, by a callback


def current() -> Choice:
    """The choice of this run; the sidebar has made it."""
    choice: Choice = st.session_state[_CHOICE]
    return choice


def base_preset() -> str:
    """The name of the preset that the choice is, or was before it was edited."""
    name: str = st.session_state.get(_BASE, "resnet50")
    return name


def news() -> list[str]:
    """A sentence for each value that could not be used, to be shown at the top of the page."""
    sentences: list[str] = st.session_state[_NEWS]
    return sentences


def add_news(sentences: Sequence[str]) -> None:
    """Put sentences above those that are there, each once."""
    st.session_state[_NEWS] = [*sentences, *(text for text in news() if text not in sentences)]


def say(sentence: str) -> None:
    """Let the next run begin with a sentence; for callbacks."""
    st.session_state[_NEWS] = [sentence]
    st.session_state[_KEPT] = True


def forget_news() -> None:
    """The visitor has gone on; what a callback just said stays."""
    if not st.session_state.pop(_KEPT, False):
        st.session_state[_NEWS] = []


def adopt(choice: Choice, problems: Sequence[str], base: str | None) -> None:
    """Take over the choice of a link, and the preset that it names."""
    st.session_state[_CHOICE] = choice
    st.session_state[_NEWS] = list(problems)
    if base in PRESETS:
        st.session_state[_BASE] = base
    fill(choice)


def settle(choice: Choice) -> None:
    """Keep what this run has chosen, in the address too."""
    st.session_state[_CHOICE] = choice
    if choice.model in PRESETS:
        st.session_state[_BASE] = choice.model
    link.write(choice, base_preset())


def focus(layer: str | None) -> None:
    """Set the layer in focus, for all pages."""
    _look(replace(current(), layer=layer))


def set_opening(opening: Opening) -> None:
    """Set what is open in the graph."""
    _look(replace(current(), opening=opening))


def _look(choice: Choice) -> None:
    state = st.session_state
    # A widget that stands already has its value and could not be given one.
    state.update({k: value for k, value in choice.looks.items() if state.get(k) != value})
    settle(choice)


def change(**values: Any) -> NoReturn:
    """Give fields of the sidebar, known by their keys, new values, and run again.

    In this run they stand already and can be given none.
    """
    st.session_state[_CHANGES] = values
    st.rerun()


def changes() -> dict[str, Any]:
    """What `change` has asked for; the sidebar takes it once."""
    values: dict[str, Any] = st.session_state.pop(_CHANGES, {})
    return values


def first(key: str, value: Any) -> None:
    """Give a widget that will be kept its first value.

    A default of its own besides would make Streamlit complain.
    """
    st.session_state.setdefault(key, value)


def keep(keys: Iterable[str]) -> None:
    """Let widgets keep their values while they do not stand on the page.

    Streamlit forgets the value of a widget that a run has not drawn, unless it is set anew.
    """
    for key in keys:
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


def fill(choice: Choice) -> None:
    """Put a choice into the widgets."""
    runs = {"device": choice.device, "weights": choice.weights}
    st.session_state.update(fields(choice.spec, choice.input) | runs | choice.looks)
