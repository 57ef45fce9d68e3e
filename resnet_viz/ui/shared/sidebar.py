"""The sidebar: the choice that all pages share. Its widgets' keys are the link's parameters."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, get_args

import streamlit as st

from resnet_viz.errors import ResNetVizError
from resnet_viz.network.display_names import model_name
from resnet_viz.network.spec import (
    MAX_CHANNELS,
    MAX_CLASSES,
    MAX_SIDE,
    PRESETS,
    BlockKind,
    InputSpec,
    ResNetSpec,
    ShortcutKind,
    StemKind,
    StrideIn,
    parse_blocks,
    parse_stages,
    preset_input,
    preset_name,
    stages_text,
)
from resnet_viz.ui.state import link
from resnet_viz.ui.state.choice import BASE_KEY, CUSTOM, LINK_KEYS, PAGE_KEYS, Choice
from resnet_viz.ui.state.input_size_options import Lab
from resnet_viz.ui.state.session import (
    add_news,
    adopt,
    base_preset,
    changes,
    current,
    fill,
    forget_news,
    settle,
)
from resnet_viz.views.graph.open_parts import Opening
from resnet_viz.views.row_groups import COSTS
from resnet_viz.weights.sources import parse_source

__all__ = ["device_is_absent", "devices_known", "draw"]

_DRAWN: Final = "_drawn"  # the widgets' values as the last run left them

_WIDGETS: Final = tuple(key for key in LINK_KEYS if key not in (*PAGE_KEYS, BASE_KEY))

_SIZES: Final[Mapping[str, tuple[int | None, int, int]]] = {
    "224": (None, 224, 224),
    "CIFAR 32": (3, 32, 32),
    "MNIST 28": (1, 28, 28),
    "64": (None, 64, 64),
    "512": (None, 512, 512),
    "1080p": (None, 1080, 1920),
}

_STEMS: Final = {
    "imagenet": "ImageNet: 7×7/2, max-pool/2",
    "small": "small: 3×3, no pooling",
    "deep": "deep: three 3×3, max-pool/2",
}
_SHORTCUTS: Final = {
    "projection": "projection: 1×1 (option B)",
    "avgpool_projection": "average pool, 1×1 (ResNet-D)",
    "zero_pad": "zero padding (option A)",
}


def draw() -> None:
    """Draw the sidebar and settle this run's choice."""
    state = st.session_state
    state.update(changes())
    edited = _edits()
    if edited:
        forget_news()
    query = link.read(edited)
    if query is not None:
        _adopt(query)
    _drop_absent_device()
    with st.sidebar:
        _network()
        _input()
        _run()
    choice, problems = _settled()
    add_news(problems)
    state[_DRAWN] = {key: state[key] for key in _WIDGETS}
    settle(choice)


def _edits() -> bool:
    """Whether a widget has another value than the last run left it with."""
    state = st.session_state
    if _DRAWN not in state:
        return False
    before = current().looks | state[_DRAWN]
    return any(state.get(key, old) != old for key, old in before.items())


def _adopt(query: Mapping[str, str]) -> None:
    """Take over a link."""
    choice, problems = Choice.from_query(query, parse_source)
    base = query.get(BASE_KEY)
    if base is not None and base not in PRESETS:
        problems = (*problems, f"The link's base was left out: there is no model {base[:40]!r}.")
        base = None
    adopt(choice, problems, base or query.get("model"))
    st.session_state[_DRAWN] = {key: st.session_state[key] for key in _WIDGETS}


def _drop_absent_device() -> None:
    """Fall back to auto, once it is known which devices there are."""
    state = st.session_state
    if devices_known() and state.device not in _devices():
        listed = ", ".join(_devices())
        sentence = (
            f"There is no device {state.device[:40]} here, so it is auto; there are {listed}."
        )
        add_news([sentence])
        state.device = "auto"


def _network() -> None:
    state = st.session_state
    st.selectbox(
        "Network",
        [*PRESETS, CUSTOM],
        key="model",
        format_func=model_name,
        on_change=_preset_chosen,
        help="Editing the fields below turns a preset into a custom network.",
    )
    left, right = st.columns(2)
    left.selectbox("Block", get_args(BlockKind), key="block", on_change=_block_chosen)
    right.text_input(
        "Blocks per stage",
        key="blocks",
        on_change=_edited,
        placeholder="3,4,6,3",
    )
    st.selectbox(
        "Stem", get_args(StemKind), key="stem", format_func=_STEMS.__getitem__, on_change=_edited
    )
    with st.expander("Width, groups, shortcuts"):
        left, right = st.columns(2)
        for where, key, label in (
            (left, "base_width", "Base width"),
            (right, "groups", "Groups"),
            (left, "width_per_group", "Width per group"),
        ):
            where.number_input(label, 1, MAX_CHANNELS, key=key, step=1, on_change=_edited)
        right.selectbox(
            "Stride in",
            get_args(StrideIn),
            key="stride_in",
            on_change=_edited,
            disabled=state.block == "basic",
            help="Which convolution of a bottleneck strides: 3×3 in torchvision, 1×1 in the paper.",
        )
        st.selectbox(
            "Shortcut",
            get_args(ShortcutKind),
            key="shortcut",
            format_func=_SHORTCUTS.__getitem__,
            on_change=_edited,
        )
        left, right = st.columns(2)
        left.text_input(
            "Strides",
            key="strides",
            placeholder=stages_text(current().spec.stage_strides),
            on_change=_edited,
            help="The step of each stage, 1 or 2, like 1,2,2,1; empty for the usual.",
        )
        right.text_input(
            "Dilations",
            key="dilations",
            placeholder=stages_text(current().spec.stage_dilations),
            on_change=_edited,
            help="Of each stage's 3×3, like 1,1,2,4; where one is larger than the one before, it "
            "replaces the stride. Empty for none.",
        )
        st.toggle(
            "Zero-init residuals",
            key="zero_init",
            help="Start each block as the identity: the last batch norm begins at 0.",
        )


def _input() -> None:
    st.pills("Input", list(_SIZES), key="size", on_change=_size_chosen)
    for column, key, label, most in zip(
        st.columns(3),
        ("c", "h", "w"),
        ("Channels", "Height", "Width"),
        (MAX_CHANNELS, MAX_SIDE, MAX_SIDE),
        strict=True,
    ):
        column.number_input(label, 1, most, key=key, step=1)


def _run() -> None:
    left, right = st.columns(2)
    left.number_input("Classes", 1, MAX_CLASSES, key="classes", step=1)
    devices = {st.session_state.device: st.session_state.device} | _devices()
    right.selectbox("Device", list(devices), key="device", format_func=devices.__getitem__)
    st.text_input(
        "Weights",
        key="weights",
        help="random:<seed>, the same network for the same seed; patterns, trained on drawn "
        "shapes; imagenet or imagenet:v2, downloaded on the page Feature maps.",
    )


def devices_known() -> bool:
    """Whether torch is there to tell: before, a GPU cannot be seen."""
    return "resnet_viz.network.devices" in sys.modules


def device_is_absent() -> bool:
    """Whether the chosen device is known not to exist; the next run falls back to auto."""
    return devices_known() and current().device not in _devices()


def _devices() -> dict[str, str]:
    """Labels by name."""
    found = {"auto": "auto", "cpu": "CPU"}
    if devices_known():
        from resnet_viz.network.devices import available_devices

        found |= {device.name: device.label for device in available_devices()}
    return found


def _spec() -> ResNetSpec:
    """The network that the widgets spell.

    Raises:
        SpecError: They spell none.
    """
    state = st.session_state
    return ResNetSpec(
        block=state.block,
        blocks=parse_blocks(state.blocks),
        stem=state.stem,
        base_width=state.base_width,
        groups=state.groups,
        width_per_group=state.width_per_group,
        stride_in=state.stride_in,
        shortcut=state.shortcut,
        strides=parse_stages("strides", state.strides),
        dilations=parse_stages("dilations", state.dilations),
        in_channels=state.c,
        num_classes=state.classes,
        zero_init_residual=state.zero_init,
    )


def _settled() -> tuple[Choice, list[str]]:
    """The widgets' choice, and what is wrong with them; a part that is wrong stays as it was."""
    state, before = st.session_state, current()
    spec, size, weights = before.spec, before.input, before.weights
    problems = []
    try:
        spec = replace(spec, in_channels=state.c, num_classes=state.classes)
        size = InputSpec(height=state.h, width=state.w, channels=state.c)
        spec = _spec()
    except ResNetVizError as error:
        problems.append(f"{error} Shown is the last network that could be built.")
    try:
        parse_source(state.weights)
        weights = state.weights
    except ResNetVizError as error:
        problems.append(f"{error} The weights stay as they were.")
    # Their widgets stand on some pages only.
    looks = {key: state.get(key, value) for key, value in before.looks.items()}
    opening, cost = before.opening, before.cost
    try:
        opening = Opening.parse(looks["level"] or opening.level, looks["open"] or "")
    except ResNetVizError as error:
        problems.append(f"{error} What is open stays as it was.")
    cost = looks["cost"] if looks["cost"] in COSTS else cost
    lab = Lab.from_values(looks)
    choice = Choice(spec, size, state.device, weights, looks["layer"], opening, cost, lab)
    return choice, problems


def _preset_chosen() -> None:
    """Fill in the preset; what the visitor has set beside it stays.

    Size and classes that are the last preset's usual ones follow the new preset's.
    """
    state = st.session_state
    if state.model == CUSTOM:
        state.model = current().model
        return
    preset, last = PRESETS[state.model], base_preset()
    size, usual = preset_input(state.model), preset_input(last)
    classes, usual_classes = preset.num_classes, PRESETS[last].num_classes
    if (state.h, state.w) != (usual.height, usual.width):
        size = replace(size, height=state.h, width=state.w)
    if state.classes != usual_classes:
        classes = state.classes
    spec = replace(
        preset, in_channels=state.c, num_classes=classes, zero_init_residual=state.zero_init
    )
    now = current()
    opening = Opening(now.opening.level)
    size = replace(size, channels=state.c)
    fill(Choice(spec, size, state.device, state.weights, None, opening, now.cost, now.lab))


def _block_chosen() -> None:
    """Basic blocks know no groups: go back to what they can be."""
    if st.session_state.block == "basic":
        st.session_state.update(groups=1, width_per_group=64)
    _edited()


def _edited() -> None:
    """Name the network that the fields now spell, if it has a name."""
    try:
        st.session_state.model = preset_name(_spec()) or CUSTOM
    except ResNetVizError:
        return  # `draw` says what is wrong


def _size_chosen() -> None:
    name = st.session_state.size
    if name is not None:
        channels, height, width = _SIZES[name]
        st.session_state.update(h=height, w=width)
        if channels is not None:
            st.session_state.c = channels
    st.session_state.size = None
