"""Residual branches taken out of the network, for all panels of the page."""

from __future__ import annotations

from typing import Final

import streamlit as st

from resnet_viz.network.layer_graph import trace
from resnet_viz.network.spec import ResNetSpec
from resnet_viz.ui.shared.messages import plain

__all__ = ["choose", "remind", "removed"]

_REMOVED: Final = "_removed"
_FIELD: Final = "removed"
_NAMED: Final = 6  # as many are listed


def removed(spec: ResNetSpec) -> tuple[str, ...]:
    """The blocks without their branch, in the order of the network."""
    network, wanted = st.session_state.get(_REMOVED, (None, ()))
    if network != spec:
        return ()
    return tuple(block.path for block in trace(spec).blocks if block.path in wanted)


def choose(spec: ResNetSpec, block: str) -> None:
    """Take out the branch of this block, or of several."""
    state = st.session_state
    now = removed(spec)
    state[_FIELD] = list(now)

    def turn() -> None:
        state[_REMOVED] = spec, set(now) ^ {block}

    def several() -> None:
        state[_REMOVED] = spec, set(state[_FIELD])

    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = "Put F(x) back" if block in now else "Remove F(x)"
        st.button(
            f"{label} of {block}",
            key="remove_this",
            on_click=turn,
            help="Without it the block passes on its shortcut alone.",
        )
        st.multiselect(
            "Removed branches",
            [each.path for each in trace(spec).blocks],
            key=_FIELD,
            on_change=several,
            placeholder="Remove others too",
            label_visibility="collapsed",
        )


def remind(spec: ResNetSpec) -> None:
    """Say on every panel that the network is not whole, with a way back."""
    now = removed(spec)
    if not now:
        return

    def restore() -> None:
        del st.session_state[_REMOVED]

    rest = f" and {len(now) - _NAMED} more" if len(now) > _NAMED else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(plain(f"Without F(x) of {', '.join(now[:_NAMED])}{rest}."), width="content")
        st.button("Restore", key="restore", on_click=restore, type="tertiary")
