"""The cost that graph and map show: one choice, on every page that has use for it."""

from __future__ import annotations

from typing import Final, Literal

import streamlit as st

from resnet_viz.ui.state import session
from resnet_viz.views.row_groups import COSTS

__all__ = ["choose_cost"]

_NAMES: Final = {cost: name[0].upper() + name[1:] for cost, name in COSTS.items()}


def choose_cost(page: str, label: str, visibility: Literal["visible", "collapsed"]) -> str:
    """Draw the choice and return it.

    Args:
        page: Where it stands. A widget is forgotten when its page is left, so each page has
            one of its own, which begins as what is chosen.
        label: What it is called there.
        visibility: Whether that is shown.
    """
    key, cost = f"{page}_cost", session.current().cost
    if st.session_state.get(key) != cost:
        st.session_state[key] = cost

    def choose() -> None:
        st.session_state["cost"] = st.session_state[key]

    picked = st.segmented_control(
        label,
        list(COSTS),
        key=key,
        format_func=_NAMES.__getitem__,
        on_change=choose,
        label_visibility=visibility,
        required=True,
        width="content",
    )
    return picked or cost
