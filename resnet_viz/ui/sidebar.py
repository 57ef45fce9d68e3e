"""The sidebar: the choice that all pages share, and its link.

The widgets' keys are the link's parameters. The link is read when it changes from outside (a
new visit, an edited address) and written after each run. Streamlit's own binding of widgets to
parameters is not used: a preset changes many of them together, and a bad value must be named,
not dropped in silence.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, get_args

import streamlit as st

from resnet_viz.errors import ResNetVizError
from resnet_viz.spec import (
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
    preset_input,
    preset_name,
)
from resnet_viz.ui.choice import CUSTOM, LINK_KEYS, Choice
from resnet_viz.ui.messages import plain

__all__ = ["base_preset", "current", "draw", "focus", "model_name"]

_CHOICE: Final = "_choice"  # the last choice that could be built
_BASE: Final = "_base_preset"  # the preset that the choice started from
_WRITTEN: Final = "_link_written"
_SEEN: Final = "_link_seen"
_PROBLEMS: Final = "_link_problems"

_SIZES: Final[Mapping[str, tuple[int | None, int, int]]] = {
    "224": (None, 224, 224),
    "CIFAR 32": (3, 32, 32),
    "MNIST 28": (1, 28, 28),
    "64": (None, 64, 64),
    "512": (None, 512, 512),
    "1080p": (None, 1080, 1920),
}

_MODEL_NAMES: Final = {
    "wide_resnet50_2": "Wide ResNet-50-2",
    "wide_resnet101_2": "Wide ResNet-101-2",
    "resnext50_32x4d": "ResNeXt-50 32×4d",
    "resnext101_32x8d": "ResNeXt-101 32×8d",
    CUSTOM: "custom",
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


def current() -> Choice:
    """The choice of this run; `draw` has made it."""
    choice: Choice = st.session_state[_CHOICE]
    return choice


def base_preset() -> str:
    """The name of the preset that the choice is, or was before it was edited."""
    name: str = st.session_state.get(_BASE, "resnet50")
    return name


def model_name(name: str) -> str:
    """A preset's name as people write it."""
    return _MODEL_NAMES.get(name, name.replace("resnet", "ResNet-"))


def focus(layer: str | None) -> None:
    """Set the layer in focus, for all pages."""
    st.session_state[_CHOICE] = replace(current(), layer=layer)
    _write_link(current())


def draw() -> None:
    """Draw the sidebar and settle this run's choice."""
    _read_link()
    with st.sidebar:
        news = st.container()
        _network()
        _input()
        _run()
        choice, problem = _settled()
        st.session_state[_CHOICE] = choice
        if choice.model in PRESETS:
            st.session_state[_BASE] = choice.model
    with news:  # above the widgets, where it is seen
        if problem:
            st.error(plain(f"{problem} Shown is the last network that could be built."))
        for sentence in st.session_state[_PROBLEMS]:
            st.warning(plain(sentence))
    _write_link(choice)


def _read_link() -> None:
    query = {key: st.query_params[key] for key in LINK_KEYS if key in st.query_params}
    first = _CHOICE not in st.session_state
    known: tuple[dict[str, str] | None, ...]
    known = (st.session_state.get(_WRITTEN), st.session_state.get(_SEEN), {})
    st.session_state[_SEEN] = query
    # The address of a page just changed to is bare, and that of a quick rerun is one edit old.
    if first or query not in known:
        choice, problems = Choice.from_query(query, _check_weights)
        st.session_state[_CHOICE] = choice
        st.session_state[_PROBLEMS] = problems
        if query.get("model") in PRESETS:
            st.session_state[_BASE] = query["model"]
        _fill(choice)


def _check_weights(source: str) -> None:
    # The rule of resnet_viz.weights, which cannot be asked before torch is there.
    digits = source.removeprefix("random:")
    if digits == source or not (digits.isascii() and digits.isdigit() and int(digits[:11]) < 2**32):
        raise ResNetVizError("Weights are written random:<seed>, like random:0.")


def _write_link(choice: Choice) -> None:
    query = choice.to_query()
    st.session_state[_WRITTEN] = query
    others = {key: st.query_params[key] for key in st.query_params if key not in LINK_KEYS}
    if dict(st.query_params) != others | query:
        st.query_params.from_dict(others | query)


def _fill(choice: Choice) -> None:
    """Put a choice into the widgets."""
    spec = choice.spec
    values: dict[str, Any] = {
        "model": choice.model,
        "block": spec.block,
        "blocks": ",".join(map(str, spec.blocks)),
        "stem": spec.stem,
        "c": spec.in_channels,
        "h": choice.input.height,
        "w": choice.input.width,
        "classes": spec.num_classes,
        "device": choice.device,
        "weights": choice.weights,
        "base_width": spec.base_width,
        "groups": spec.groups,
        "width_per_group": spec.width_per_group,
        "stride_in": spec.stride_in,
        "shortcut": spec.shortcut,
        "zero_init": spec.zero_init_residual,
        "layer": choice.layer,
    }
    st.session_state.update(values)


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
        help="1 to 8 numbers of blocks, such as 3,4,6,3.",
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
    devices = _devices()
    if st.session_state.device not in devices:
        devices[st.session_state.device] = str(st.session_state.device)
    right.selectbox("Device", list(devices), key="device", format_func=devices.__getitem__)
    st.text_input(
        "Weights", key="weights", help="random:<seed>; the same seed gives the same network."
    )


def _devices() -> dict[str, str]:
    """Labels by name. Before torch is there, a GPU cannot be seen; the next run lists it."""
    found = {"auto": "auto", "cpu": "CPU"}
    if "resnet_viz.devices" in sys.modules:
        from resnet_viz.devices import available_devices

        found |= {device.name: device.label for device in available_devices()}
    return found


def _from_widgets() -> Choice:
    """The choice that the widgets spell.

    Raises:
        SpecError: They spell no network.
    """
    state = st.session_state
    spec = ResNetSpec(
        block=state.block,
        blocks=parse_blocks(state.blocks),
        stem=state.stem,
        base_width=state.base_width,
        groups=state.groups,
        width_per_group=state.width_per_group,
        stride_in=state.stride_in,
        shortcut=state.shortcut,
        in_channels=state.c,
        num_classes=state.classes,
        zero_init_residual=state.zero_init,
    )
    _check_weights(state.weights)
    size = InputSpec(height=state.h, width=state.w, channels=state.c)
    layer = state.get("layer", current().layer)  # its widget stands on one page only
    return Choice(spec, size, state.device, state.weights, layer)


def _settled() -> tuple[Choice, str]:
    """The widgets' choice, or the last good one and what is wrong with the widgets'."""
    try:
        return _from_widgets(), ""
    except ResNetVizError as error:
        return current(), str(error)


def _preset_chosen() -> None:
    """Fill in the preset; an input that was the last preset's usual one follows it."""
    state = st.session_state
    if state.model == CUSTOM:
        state.model = preset_name(current().spec) or CUSTOM
        return
    before = current()
    spec = PRESETS[state.model]
    usual = preset_input(before.model) if before.model in PRESETS else InputSpec()
    was_usual = (before.input.height, before.input.width) == (usual.height, usual.width)
    size = preset_input(state.model) if was_usual else before.input
    kept = {"in_channels": before.spec.in_channels}
    if before.model in PRESETS and before.spec.num_classes != PRESETS[before.model].num_classes:
        kept["num_classes"] = before.spec.num_classes
    spec = replace(spec, **kept)  # type: ignore[arg-type]
    _fill(replace(before, spec=spec, input=replace(size, channels=spec.in_channels), layer=None))


def _block_chosen() -> None:
    """Basic blocks know no groups: go back to what they can be."""
    if st.session_state.block == "basic":
        st.session_state.update(groups=1, width_per_group=64)
    _edited()


def _edited() -> None:
    """Name the network that the fields now spell, if it has a name."""
    choice, problem = _settled()
    if not problem:
        st.session_state.model = choice.model


def _size_chosen() -> None:
    name = st.session_state.size
    if name is not None:
        channels, height, width = _SIZES[name]
        st.session_state.update(h=height, w=width)
        if channels is not None:
            st.session_state.c = channels
    st.session_state.size = None
