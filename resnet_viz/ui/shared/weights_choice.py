"""The weights: by name, downloaded, or a checkpoint of one's own; and the receipt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from resnet_viz.errors import WeightsError
from resnet_viz.images import drawn_patterns
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.spec import ResNetSpec, preset_input, preset_name
from resnet_viz.sizing.comparison.alignment import align
from resnet_viz.ui.caching.feature_results import loaded
from resnet_viz.ui.shared.image_and_weights import Pass, Weights
from resnet_viz.ui.shared.messages import plain
from resnet_viz.ui.state import session, uploads
from resnet_viz.ui.state.choice import Choice
from resnet_viz.units import si
from resnet_viz.weights.published.fetching import cached, fetch
from resnet_viz.weights.published.imagenet import (
    PUBLISHED,
    WeightsFile,
    published_name,
    weights_file,
)
from resnet_viz.weights.sources import DEFAULT_WEIGHTS, Source, parse_source

if TYPE_CHECKING:
    from resnet_viz.weights.checkpoints.receipt import Receipt

__all__ = [
    "adapted",
    "choose_weights",
    "is_here",
    "keep_fitting",
    "offer_patterns",
    "offer_random",
    "receipt",
    "set_network",
]

_KIND: Final = "weights_kind"
_PARTIAL: Final = "_partial_weights"  # the key of the weights of which what fits is kept
_NOTES: Final = 3  # as many stand on the page
_FIRST_CONV: Final = "first_conv"
_FIRST_CONV_NAMES: Final = {
    "sum": "summed to one",
    "repeat": "repeated, rescaled",
    "average": "averaged",
    "fresh": "initialised anew",
}


def choose_weights(choice: Choice) -> Weights:
    """The weights by name, or a checkpoint, which goes before."""
    source = parse_source(choice.weights)
    names = _names(choice.spec, source)
    if st.session_state.get(_KIND) != source.text:
        st.session_state[_KIND] = source.text if source.text in names else None
    label = "your checkpoint" if uploads.stored("checkpoint") else choice.weights
    with st.expander(plain(f"Weights: {label}")):
        st.pills(
            "Weights by name",
            list(names),
            key=_KIND,
            format_func=names.__getitem__,
            on_change=_named,
            disabled=bool(uploads.stored("checkpoint")),
            label_visibility="collapsed",
        )
        st.file_uploader(
            "A checkpoint of your own",
            type=["safetensors", "pth", "pt"],
            key="checkpoint",
            help="A state dict, as torch.save or safetensors write it, also inside a training "
            "checkpoint. Reading it runs none of its code.",
            on_change=uploads.store,
            args=("checkpoint",),
        )
        own = uploads.stored("checkpoint")
        if own and not st.session_state.get("checkpoint"):
            st.button(
                "Forget the checkpoint",
                key="forget_checkpoint",
                on_click=uploads.forget,
                args=("checkpoint",),
            )
    if own:
        weights = Weights(own[0].data, own[0].sha256, "your checkpoint")
    else:
        weights = Weights(choice.weights, source.text, source.text)
    if st.session_state.get(_PARTIAL) != weights.key:
        st.session_state.pop(_PARTIAL, None)  # others came in between: the wish was not for them
        return weights
    return replace(weights, partial=True)


def is_here(spec: ResNetSpec, weights: Weights) -> bool:
    """Whether the weights can be loaded; ImageNet's may have to be downloaded first.

    Where they cannot, the page has a sentence, and a button that downloads them: nothing else
    on the page does.
    """
    if isinstance(weights.source, bytes):
        return True
    source = parse_source(weights.source)
    if source.kind != "imagenet":
        return True
    try:
        file = weights_file(spec, source.version)
    except WeightsError as error:
        st.error(plain(str(error)))
        return False
    return cached(file) is not None or _downloaded(file)


def set_network(spec: ResNetSpec, label: str = "Set the network to it") -> None:
    """A button that makes the network that of a checkpoint."""

    def change() -> None:
        now, name = session.current(), preset_name(spec)
        size, usual = now.input, preset_input(session.base_preset())
        if name and (size.height, size.width) == (usual.height, usual.width):
            size = preset_input(name)
        size = replace(size, channels=spec.in_channels)
        session.fill(replace(now, spec=spec, input=size, layer=None))

    st.button(label, key="set_network", on_click=change, type="primary")


def keep_fitting(weights: Weights, found: ResNetSpec, spec: ResNetSpec) -> None:
    """A button that keeps what fits of another network's weights, where anything of a block does.

    Args:
        weights: The weights.
        found: Their network.
        spec: The network that is to have them.
    """

    def take() -> None:
        st.session_state[_PARTIAL] = weights.key

    fitting = (
        shape
        for operation in align(found, spec).operations
        if operation.path.startswith("layer")
        for _, shape in set(operation.shapes_before) & set(operation.shapes_after)
    )
    if not weights.partial and any(fitting):  # a counter, whose shape is empty, fits any network
        st.button("Keep what fits", key="keep_fitting", on_click=take)


def offer_random() -> None:
    """A way back from weights that cannot be used."""

    def take() -> None:
        uploads.forget("checkpoint")
        st.session_state["weights"] = DEFAULT_WEIGHTS

    if st.session_state.get("checkpoint"):
        return  # its own cross takes it away
    st.button("Use random weights", key="use_random", on_click=take)


def _names(spec: ResNetSpec, source: Source) -> dict[str, str]:
    """What can be chosen by name, with its label."""
    random = source.text if source.kind == "random" else DEFAULT_WEIGHTS
    names = {random: "Random", "patterns": "Patterns (trained)"}
    for version in PUBLISHED.get(published_name(spec) or "", {}):
        names[Source("imagenet", version=version).text] = f"ImageNet {version.upper()}"
    return names


def _named() -> None:
    """Take the weights by name, and the network that they need."""
    picked = st.session_state[_KIND]
    if picked is None:  # a second click on a pill takes it back
        return
    if picked == "patterns":
        _take_patterns()
    st.session_state["weights"] = picked


def _take_patterns() -> None:
    now = session.current()
    last = trace(drawn_patterns.SPEC).blocks[-1].path
    session.fill(
        replace(
            now,
            spec=drawn_patterns.SPEC,
            input=drawn_patterns.INPUT,
            weights="patterns",
            layer=last,
        )
    )


def offer_patterns() -> None:
    """A way from random weights to a network that has learned something."""

    def take() -> None:
        _take_patterns()
        st.session_state["sample"] = "pattern_star"

    st.button(
        "Use the trained network",
        key="use_patterns",
        on_click=take,
        help=f"A ResNet-20 that tells {len(drawn_patterns.CLASSES)} drawn patterns apart comes "
        "with the app: with random weights, maps and predictions mean little.",
    )


def _downloaded(file: WeightsFile) -> bool:
    """Offer the download, and make it; whether the file is here now."""
    place = st.empty()
    with place.container():
        st.info(
            plain(
                f"These ImageNet weights are not on this machine yet: {file.name}, "
                f"{si(file.about_bytes, 'B')}, as PyTorch publishes them."
            )
        )
        if not st.button(f"Download {si(file.about_bytes, 'B')}", key="download_weights"):
            return False
        bar = st.progress(0.0, "Connecting …")

        def show(done: int, total: int) -> None:
            text = f"{si(done, 'B')} of {si(total, 'B')}"
            bar.progress(min(1.0, done / total) if total else 0.0, text)

        try:
            fetch(file, show)
        except WeightsError as error:
            bar.empty()
            st.error(plain(str(error)))
            return False
    place.empty()
    return True


def adapted(of: Pass) -> Pass:
    """The pass with the first convolution adapted as chosen, where channels differ.

    Raises:
        ResNetVizError: The weights cannot be had, or do not fit.
    """
    from resnet_viz.weights.checkpoints.adaptation import first_conv_choices

    found = loaded(of).receipt.found
    if found is None or found.in_channels == of.spec.in_channels:
        return of
    if (found.stem, found.base_width) != (of.spec.stem, of.spec.base_width):
        return of  # drawn anew in any case
    options = first_conv_choices(found.in_channels, of.spec.in_channels)
    if st.session_state.get(_FIRST_CONV) not in options:
        st.session_state[_FIRST_CONV] = options[0]
    picked = st.selectbox(
        f"First convolution, {found.in_channels} to {of.spec.in_channels} channels",
        options,
        key=_FIRST_CONV,
        format_func=_FIRST_CONV_NAMES.__getitem__,
    )
    if picked == options[0]:
        return of
    return replace(of, weights=replace(of.weights, first_conv=picked))


def receipt(of: Pass) -> None:
    """What was kept, adapted, initialised anew or left out, key by key.

    Raises:
        ResNetVizError: The weights cannot be had, or do not fit.
    """
    from resnet_viz.weights.checkpoints.recognition import same_architecture

    found = loaded(of).receipt
    other = found.found
    if other is not None and of.weights.partial and not same_architecture(other, of.spec):
        set_network(other)
    elif (
        other is not None and not loaded(of).head_kept and other.num_classes != of.spec.num_classes
    ):
        set_network(
            replace(of.spec, num_classes=other.num_classes),
            f"Take its {other.num_classes:,} classes",
        )
    st.caption(plain(". ".join((found.summary, *found.notes[:_NOTES]))))
    if st.button("Receipt", key="receipt", help="What became of each tensor."):
        _table(found)


@st.dialog("What became of each tensor", width="large")
def _table(found: Receipt) -> None:
    for note in found.notes:
        st.caption(plain(note))
    rows: list[dict[str, Any]] = [
        {
            "key": entry.key,
            "what became of it": entry.fate,
            "why": entry.why,
            "shape": " × ".join(map(str, entry.shape)),
        }
        for entry in found.entries
    ]
    st.dataframe(rows, hide_index=True, height=480)
