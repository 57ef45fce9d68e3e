"""What the chosen network and input are compared with."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from resnet_viz.costs.profile_records import Profile
from resnet_viz.costs.profiling import profile
from resnet_viz.network.display_names import model_name, network_at
from resnet_viz.network.spec import (
    MAX_SIDE,
    PRESETS,
    InputSpec,
    ResNetSpec,
    preset_input,
    preset_name,
)
from resnet_viz.ui.shared.messages import plain
from resnet_viz.ui.state import session
from resnet_viz.ui.state.choice import LINK_KEYS, Choice
from resnet_viz.weights.sources import parse_source

__all__ = ["choose", "find", "query_of"]

_FOLLOWED = "_reference_followed"  # the reference that the fields were filled with


def query_of(spec: ResNetSpec, input: InputSpec) -> str:  # noqa: A002
    """A network and an input as the parameters of a link."""
    return urlencode(Choice(spec, input).to_query(), safe=",")


def find(choice: Choice) -> tuple[Profile, tuple[str, ...]]:
    """The reference, and a sentence for each part of it that had to be left out.

    It is the one of the link, or the preset at its usual input.
    """
    if not choice.lab.ref:
        name = session.base_preset()
        return profile(PRESETS[name], preset_input(name)), ()
    # A repeated parameter counts once, so that there are never more than the known ones to try.
    query = {
        key: value
        for key, value in parse_qsl(choice.lab.ref, keep_blank_values=True)
        if key in LINK_KEYS
    }
    other, problems = Choice.from_query(query, parse_source)
    said = tuple(problem.replace("The link's", "The reference's", 1) for problem in problems)
    return profile(other.spec, other.input), said


def choose(choice: Choice, reference: Profile) -> None:
    """Controls to compare with something else."""

    def pin() -> None:
        _set(query_of(choice.spec, choice.input))

    def take_preset() -> None:
        name, state = st.session_state["reference_model"], st.session_state
        size = replace(preset_input(name), height=state["reference_h"], width=state["reference_w"])
        _set(query_of(PRESETS[name], size))

    def usual() -> None:
        _set("")

    with st.popover(plain(f"Compared with {_text(reference)}"), type="tertiary"):
        st.button("Compare from here on with what is chosen now", on_click=pin, key="pin")
        if choice.lab.ref:
            name = session.base_preset()
            usual_text = _text(profile(PRESETS[name], preset_input(name)))
            st.button(f"Back to {usual_text}", on_click=usual, key="unpin")
        _follow(reference)
        st.selectbox("Network", list(PRESETS), key="reference_model", format_func=model_name)
        left, right = st.columns(2)
        left.number_input("Height", 1, MAX_SIDE, key="reference_h", step=1)
        right.number_input("Width", 1, MAX_SIDE, key="reference_w", step=1)
        st.button("Compare with this", on_click=take_preset, key="take_reference")


def _follow(reference: Profile) -> None:
    """Fill the fields with the reference, each time it is another, and keep them till then."""
    state, now = st.session_state, (reference.spec, reference.input)
    if state.get(_FOLLOWED) != now:
        state[_FOLLOWED] = now
        state["reference_model"] = preset_name(reference.spec) or "resnet50"
        state["reference_h"] = reference.input.height
        state["reference_w"] = reference.input.width
    session.keep(("reference_model", "reference_h", "reference_w"))


def _set(ref: str) -> None:
    st.session_state["ref"] = ref


def _text(reference: Profile) -> str:
    return network_at(reference.spec, reference.input)
