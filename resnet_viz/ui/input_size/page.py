"""The page Input size: one file for each of its panels."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import streamlit as st

from resnet_viz.costs.profile_records import Profile
from resnet_viz.network.spec import MAX_SIDE
from resnet_viz.ui.input_size import (
    advice_panel,
    export_panel,
    latency_panel,
    memory_panel,
    size_map_panel,
    sweeps_panel,
    what_changed_panel,
)
from resnet_viz.ui.input_size.panel_inputs import Bench
from resnet_viz.ui.shared import page_frame, reference_choice
from resnet_viz.ui.shared.messages import errors_as_sentences
from resnet_viz.ui.state import session
from resnet_viz.ui.state.choice import Choice
from resnet_viz.ui.state.input_size_options import PANELS
from resnet_viz.views.charts.resolution_staircase import staircase_chart, staircase_table

__all__ = ["draw"]

_SIDE: Final = "side"
_SHAPE: Final = "_shape"  # the size that the slider set, and the one whose proportions it keeps
# A browser that has not heard yet that the slider was set anew sends what it stood at, or was set
# to a moment ago, which is no move: those values, and until when they may come.
_ECHOES: Final = "_side_echoes"
_ECHO_SECONDS: Final = 5.0

_DRAWERS: Final[Mapping[str, Callable[[Bench], None]]] = MappingProxyType(
    {
        "changes": what_changed_panel.draw,
        "map": size_map_panel.draw,
        "sweeps": sweeps_panel.draw,
        "memory": memory_panel.draw,
        "latency": latency_panel.draw,
        "code": export_panel.draw,
    }
)


def draw(choice: Choice, report: Profile) -> None:
    """The page below its head."""
    # A widget that the last run did not draw has lost its value.
    for key, value in choice.lab.values.items():
        session.first(key, value)
    left, right = st.columns([7, 5], gap="medium")
    with left:
        _slider(choice)
    compared, _ = reference_choice.find(choice)
    bench = Bench(choice, report, compared, choice.lab, page_frame.dark())
    with left:
        st.plotly_chart(
            staircase_chart(report, bench.reference, bench.dark),
            config={"displayModeBar": False},
            key="staircase",
            alt="Resolution and channels through the depth, here and in the reference",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            reference_choice.choose(choice, bench.reference)
            with st.popover("As a table", type="tertiary"):
                st.table(staircase_table(report, bench.reference), border="horizontal")
    with right, errors_as_sentences():
        advice_panel.draw(bench)
    panel = st.segmented_control(
        "Panel",
        list(PANELS),
        key="lab",
        format_func=PANELS.__getitem__,
        required=True,
        wrap=True,
        label_visibility="collapsed",
    )
    with errors_as_sentences():
        _DRAWERS[panel or choice.lab.lab](bench)


def _slider(choice: Choice) -> None:
    """The input's height, its proportions kept as long as nothing else sets the size."""
    size, state = choice.input, st.session_state
    here = (size.height, size.width)
    at, shape = state.get(_SHAPE, (None, here))
    if at != here:
        shape = here
    high = max(1024, 1 << (max(*here, *shape) - 1).bit_length())
    # Not so high that the width would be out of its limits; a slider needs two values.
    most = max(2, size.height, min(high, MAX_SIDE * shape[0] // max(shape)))
    if state.get(_SIDE) != size.height:
        known = [(side, until) for side, until in state.get(_ECHOES, []) if _later(until)]
        until = time.monotonic() + _ECHO_SECONDS
        state[_ECHOES] = [*known, (state.get(_SIDE), until), (size.height, until)]
        state[_SIDE] = size.height

    def resize() -> None:
        side = state[_SIDE]
        if any(side == old and _later(until) for old, until in state.get(_ECHOES, [])):
            return
        width = min(MAX_SIDE, max(1, round(side * shape[1] / shape[0])))
        state.update({"h": side, "w": width, _SHAPE: ((side, width), shape), _ECHOES: []})

    label = "Height and width" if size.height == size.width else "Height, width in proportion"
    st.slider(label, 1, most, key=_SIDE, on_change=resize)


def _later(moment: float) -> bool:
    return time.monotonic() < moment
