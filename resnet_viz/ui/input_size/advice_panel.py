"""The coach at the top of the page: what does not suit, and buttons that mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from resnet_viz.costs.profile_records import Profile
from resnet_viz.errors import SpecError
from resnet_viz.images import drawn_patterns
from resnet_viz.network.display_names import model_name
from resnet_viz.network.spec import InputSpec, ResNetSpec, preset_name
from resnet_viz.sizing.advice.advice_records import Kind
from resnet_viz.sizing.advice.diagnosing import Conditions, Diagnosis, Mend, diagnose
from resnet_viz.ui.input_size.panel_inputs import Bench
from resnet_viz.ui.shared.messages import plain
from resnet_viz.ui.state.choice import CUSTOM, SPEC_KEYS
from resnet_viz.ui.state.input_size_options import Lab
from resnet_viz.ui.state.layer_focus import focus_on
from resnet_viz.ui.state.widget_values import fields as widget_values
from resnet_viz.units import shape_text
from resnet_viz.views.words.advice_text import KINDS, effect, effects_text
from resnet_viz.weights.sources import parse_source

__all__ = ["Step", "conditions", "draw"]

_OPEN: Final = 1  # diagnoses that stand open; on a phone more would be a wall
_STEPS: Final = "_coach_steps"  # mends that can be taken back, the last one last
_MOST_STEPS: Final = 20
_COLOURS: Final[Mapping[Kind, Literal["blue", "orange"]]] = {
    "arithmetic": "blue",
    "advice": "orange",
}
_IMAGENET_CHANNELS: Final = 3
_GIB: Final = 2**30

State = tuple[ResNetSpec, InputSpec]
Values = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """A mend that was made.

    Attributes:
        label: What it was.
        effect: What it changed, on one line.
        back: What taking it back leads to.
        spec_before: The fields of the network that it changed, as they were.
        spec_after: As they are since.
        input_before: Likewise of the input.
        input_after: Likewise.
    """

    label: str
    effect: str
    back: str
    spec_before: Values
    spec_after: Values
    input_before: Values
    input_after: Values

    @classmethod
    def of(cls, mend: Mend, before: State) -> Step:
        """The step from a network and input to a mend's."""
        (spec_before, spec_after) = _differences(before[0], mend.spec)
        (input_before, input_after) = _differences(before[1], mend.input)
        return cls(
            mend.label,
            effect(mend),
            _name(before, spec_before, input_before),
            spec_before,
            spec_after,
            input_before,
            input_after,
        )

    def undone(self, now: State) -> State | None:
        """The network and input without this mend; None where it is no longer there.

        What else was changed since stays.
        """
        spec, size = now
        if not (_holds(spec, self.spec_after) and _holds(size, self.input_after)):
            return None
        try:
            return replace(spec, **self.spec_before), replace(size, **self.input_before)
        except SpecError:  # what was changed since does not go with it
            return None


def _differences(before: Any, after: Any) -> tuple[Values, Values]:
    """The fields in which two records differ, as they are in each."""
    names = [
        field.name
        for field in fields(before)
        if getattr(before, field.name) != getattr(after, field.name)
    ]
    was, now = ({name: getattr(one, name) for name in names} for one in (before, after))
    return was, now


def _holds(record: Any, values: Values) -> bool:
    return all(getattr(record, name) == value for name, value in values.items())


def _name(before: State, spec: Values, size: Values) -> str:
    """What a mend led away from."""
    if spec:
        name = preset_name(before[0])
        return model_name(name) if name else "the network before"
    if "batch" in size:
        return f"batch {size['batch']}"
    return shape_text((before[1].height, before[1].width))


def conditions(lab: Lab, weights: str) -> Conditions:
    """What matters beside the network: the weights' channels, and what Memory is set to."""
    kind = parse_source(weights).kind
    channels = {"imagenet": _IMAGENET_CHANNELS, "patterns": drawn_patterns.SPEC.in_channels}
    return Conditions(
        weights_channels=channels.get(kind),
        memory_bytes=int(lab.memory * _GIB),
        training=lab.mode == "training",
        dtype=lab.dtype,
        optimizer=lab.optimizer,
    )


def draw(bench: Bench) -> None:
    """Draw the diagnoses for what is chosen, each with its mends."""
    spec, size = bench.choice.spec, replace(bench.choice.input, batch=bench.lab.batch)
    _last_step((spec, size))
    found = diagnose(spec, size, conditions=conditions(bench.lab, bench.choice.weights))
    if not found:
        st.caption(f"Nothing to mend at {shape_text((size.height, size.width))}.")
        return
    shown: set[State] = set()
    for diagnosis in found[:_OPEN]:
        _card(diagnosis, bench.report, (spec, size), shown)
    if rest := found[_OPEN:]:
        with st.expander(f"{len(rest)} more: {', '.join(each.title for each in rest)}"):
            for diagnosis in rest:
                _card(diagnosis, bench.report, (spec, size), shown)


def _card(diagnosis: Diagnosis, report: Profile, now: State, shown: set[State]) -> None:
    """One diagnosis; mends that stand above are only named."""
    code, path = diagnosis.code, diagnosis.path
    with st.container(border=True, gap="xsmall", key=f"coach_{code}"):
        with _row():
            st.badge(KINDS[diagnosis.kind], color=_COLOURS[diagnosis.kind])
            st.markdown(f"**{plain(diagnosis.title)}**", width="content")
        with _row():
            st.markdown(plain(diagnosis.measured), width="content")
            if path is not None:
                st.button(
                    f":primary[{plain(path)}]",
                    key=f"coach_focus_{code}",
                    type="tertiary",
                    on_click=focus_on,
                    args=(report, path, "coach"),
                    help="The first layer concerned: put it in focus, on all pages.",
                )
            with st.popover("Why", type="tertiary", key=f"coach_why_{code}"):
                st.markdown(plain(diagnosis.reason))
                st.caption(plain(diagnosis.source))
        if diagnosis.otherwise is not None:
            st.caption(plain(diagnosis.otherwise))
        above = [mend for mend in diagnosis.mends if (mend.spec, mend.input) in shown]
        for place, mend in enumerate(diagnosis.mends):
            if mend not in above:
                _mend(f"coach_mend_{code}_{place}", mend, now)
        shown.update((mend.spec, mend.input) for mend in diagnosis.mends)
        if above:
            labels = "; ".join(mend.label for mend in above)
            st.caption(plain(f"What stands above helps here too: {labels}."))


def _row() -> DeltaGenerator:
    return st.container(horizontal=True, vertical_alignment="center", gap="xsmall")


def _mend(key: str, mend: Mend, now: State) -> None:
    with st.container(gap="xxsmall"):
        st.button(
            f"Use {plain(mend.label)}",
            key=key,
            on_click=_use,
            args=(mend, now),
            help=plain(effects_text(mend)),
        )
        st.caption(plain(effect(mend)))


def _use(mend: Mend, now: State) -> None:
    """Make a mend, from a callback; it can be taken back."""
    steps: list[Step] = st.session_state.get(_STEPS, [])
    st.session_state[_STEPS] = [*steps, Step.of(mend, now)][-_MOST_STEPS:]
    _choose(now, (mend.spec, mend.input))


def _choose(now: State, then: State) -> None:
    """Give the widgets that differ new values; what was typed before the click stays."""
    was, state = _widgets(now), st.session_state
    state.update({key: value for key, value in _widgets(then).items() if value != was[key]})
    spelt = {key: str(state[key]) for key in SPEC_KEYS} | {"model": CUSTOM}
    try:
        state.model = preset_name(ResNetSpec.from_query(spelt)) or CUSTOM
    except SpecError:
        return  # the sidebar says what is wrong


def _widgets(state: State) -> Values:
    """The values of the widgets that a mend may change, by key."""
    spec, size = state
    return widget_values(spec, size) | {"batch": size.batch}


def _last_step(now: State) -> None:
    """Say what was mended last, as long as it is, and offer to take it back."""
    steps: list[Step] = st.session_state.get(_STEPS, [])
    while steps and steps[-1].undone(now) is None:
        steps = steps[:-1]
    st.session_state[_STEPS] = steps
    if not steps:
        return
    step, before = steps[-1], steps[-1].undone(now)
    with st.container(border=True, gap="xsmall", key="coach_mended"):
        with _row():
            st.badge("mended", color="green")
            st.markdown(f"**{plain(step.label)}**", width="content")
            st.button(
                f"Back to {plain(step.back)}",
                key="coach_back",
                on_click=_take_back,
                args=(now, before, steps[:-1]),
            )
        st.caption(plain(step.effect))


def _take_back(now: State, before: State, steps: list[Step]) -> None:
    st.session_state[_STEPS] = steps
    _choose(now, before)
