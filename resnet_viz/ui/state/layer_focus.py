"""Setting the layer in focus by a click, on a page with several things to click."""

from __future__ import annotations

from typing import Final

import streamlit as st

from resnet_viz.costs.profile_records import Profile
from resnet_viz.network.layer_graph import INPUT, trace

__all__ = ["focus_on", "rounds"]

_SET_BY: Final = "_focus_set_by"  # what each thing has set, as long as it is in focus
_ROUNDS: Final = "_focus_rounds"


def focus_on(report: Profile, path: str | None, source: str) -> None:
    """Set the focus, from a callback; what is no layer of the network is ignored.

    The sidebar takes it over at the next run, and the address with it.

    Args:
        report: The network at its input.
        path: An operation, a block, a stage or a container; None leaves nothing in focus.
        source: What was clicked.
    """
    if path in (None, INPUT) or path in trace(report.spec).outputs:
        st.session_state["layer"] = path
        st.session_state.setdefault(_SET_BY, {})[source] = path


def rounds(source: str, focus: str | None) -> int:
    """A number for the key of what can be clicked; it grows when a selection has had its day.

    Streamlit reports a click only where it changes a selection. Once the focus has gone
    elsewhere, the next click on the same place must count again.
    """
    set_by = st.session_state.setdefault(_SET_BY, {})
    numbers: dict[str, int] = st.session_state.setdefault(_ROUNDS, {})
    if set_by.get(source) not in (None, focus):
        set_by[source] = None
        numbers[source] = numbers.get(source, 0) + 1
    return numbers.get(source, 0)
