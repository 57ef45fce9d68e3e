"""Which channel is looked at: the number's field, and the one to begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import streamlit as st

from resnet_viz.ui.caching.feature_results import Maps

__all__ = ["busiest", "by_hand", "choose_channel", "settle_channel"]

_BY_HAND: Final = "_channels_by_hand"


def busiest(values: Maps) -> int:
    """The channel that varies most, ``[C, H, W]``; of a vector the greatest feature."""
    finite = np.nan_to_num(values.reshape(len(values), -1), posinf=0, neginf=0)
    return int((finite.var(axis=1) if finite.shape[1] > 1 else finite[:, 0]).argmax())


def settle_channel(key: str, numbers: Sequence[int], first: Callable[[], int]) -> int:
    """The channel that a field will show: the visitor's own, else the first one to look at.

    Args:
        key: The field's.
        numbers: The channels that there are, in order.
        first: The one to begin with, anew for each map.
    """
    state = st.session_state
    if key not in state.get(_BY_HAND, ()):
        state[key] = first()
    state[key] = min(max(state.get(key, numbers[0]), numbers[0]), numbers[-1])
    return int(state[key])


def choose_channel(
    label: str, key: str, numbers: Sequence[int], first: Callable[[], int] | None = None
) -> int:
    """Draw the field and return its number; `settle_channel` has the arguments."""
    settle_channel(key, numbers, first or (lambda: numbers[0]))
    if len(numbers) == 1:  # a widget needs a choice
        return numbers[0]
    return int(
        st.number_input(
            label,
            numbers[0],
            numbers[-1],
            key=key,
            step=1,
            on_change=by_hand,
            args=(key,),
        )
    )


def by_hand(key: str) -> None:
    """Let a channel stay as the visitor has chosen it; for callbacks."""
    st.session_state.setdefault(_BY_HAND, set()).add(key)
