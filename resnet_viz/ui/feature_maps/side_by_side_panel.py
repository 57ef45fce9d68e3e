"""Two pictures, or two networks, side by side in the same layer on the same scale."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import streamlit as st

from resnet_viz.errors import LayerError, WeightsError
from resnet_viz.images.sample_images import SAMPLES, sample_bytes
from resnet_viz.network.display_names import model_name
from resnet_viz.network.layer_graph import INPUT, trace
from resnet_viz.network.spec import PRESETS
from resnet_viz.ui.feature_maps.image_choice import Subject, received, subject
from resnet_viz.ui.feature_maps.maps_panel import Layer, bar, captured, common_scale, drawn_mosaic
from resnet_viz.ui.shared.image_and_weights import Pass, Weights
from resnet_viz.ui.shared.messages import errors_as_sentences, plain
from resnet_viz.ui.shared.weights_choice import is_here
from resnet_viz.ui.state import session, uploads
from resnet_viz.units import shape_text
from resnet_viz.views.pixels.colour_maps import Scale
from resnet_viz.weights.sources import parse_source

__all__ = ["draw"]

_WITH: Final = {"picture": "Another picture", "network": "Another network"}


def draw(of: Pass, layer: str, name: str) -> None:
    """The whole panel.

    Args:
        of: The pass on the left.
        layer: The layer in focus.
        name: What its picture is called.

    Raises:
        ResNetVizError: The maps cannot be had; the text says why.
    """
    session.first("compare", "picture")
    what = st.segmented_control(
        "Compare with",
        list(_WITH),
        key="compare",
        required=True,
        format_func=_WITH.__getitem__,
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if what == "network":
            other, title, other_title = _other_network(of)
        else:
            found = _other_picture()
            other = replace(of, picture=found.picture, picture_key=found.key)
            title, other_title = name, found.name
    pair = [captured(of, layer)]
    titles = [title]
    with errors_as_sentences():
        pair.append(_second(other, layer, other_title))
        titles.append(other_title)
    scale = common_scale(each.maps for each in pair)
    bar(scale, own=False)
    sides = zip(st.columns(2, gap="medium"), (of, other), pair, titles, strict=False)
    for place, each, found_layer, label in sides:
        with place:
            _side(each, found_layer, scale, label)
    if len(pair) == 2:
        _difference(pair)


def _second(other: Pass, layer: str, title: str) -> Layer:
    """The maps of the other pass.

    Raises:
        ResNetVizError: They cannot be had; the text says why.
    """
    if layer != INPUT and layer not in trace(other.spec).outputs:
        raise LayerError(f"{title} has no layer {layer}; choose a layer that both networks have.")
    if not is_here(other.spec, other.weights):
        raise WeightsError("The second network waits for its weights; get them or name others.")
    return captured(other, layer)


def _other_picture() -> Subject:
    """One of the visitor's own, or a sample."""
    given = uploads.stored("picture")
    own = [f"upload:{index}" for index in range(len(given))]
    names = {key: f"{index + 1}: {given[index].name}" for index, key in enumerate(own)}
    names |= {key: sample.title for key, sample in SAMPLES.items()}
    if st.session_state.get("other_picture") not in names:
        st.session_state["other_picture"] = "coffee"
    key = st.selectbox("Picture", list(names), key="other_picture", format_func=names.__getitem__)
    if key in own:
        upload = given[own.index(key)]
        return subject(upload.data, upload.name)
    return subject(sample_bytes(key), SAMPLES[key].title)


def _other_network(of: Pass) -> tuple[Pass, str, str]:
    """Another preset or other weights, for the same picture and input size."""
    now = "now"
    names = {now: "This network"} | {key: model_name(key) for key in PRESETS}
    key = st.selectbox("Network", list(names), key="other_network", format_func=names.__getitem__)
    session.first("other_weights", "random:1")
    text = st.text_input(
        "Its weights", key="other_weights", help="random:<seed>, patterns, imagenet or imagenet:v2."
    )
    source = parse_source(text)
    spec = of.spec
    if key != now:
        spec = replace(PRESETS[key], in_channels=of.spec.in_channels)
    weights = Weights(source.text, source.text, source.text)
    other = replace(of, spec=spec, weights=weights, without=())
    return other, f"This network, {of.weights.label}", f"{names[key]}, {source.text}"


def _side(of: Pass, layer: Layer, scale: Scale, label: str) -> None:
    st.markdown(plain(label))
    drawn = drawn_mosaic(layer, scale, False, tuple(range(len(layer.maps))))
    st.image(
        drawn.image,
        width="stretch",
        output_format="PNG",
        alt=f"All {drawn.channels} channels of {layer.path} for {label}",
    )
    total = layer.numbers.total
    st.caption(
        plain(
            f"{shape_text(layer.maps.shape)}, mean {total.mean:.3g}, {total.sparsity:.0%} zeros, "
            f"{layer.numbers.dead_channels} dead channels"
        )
    )
    st.image(
        received(of.picture, of.size, of.fit),
        width=160,
        output_format="PNG",
        alt=f"What the network receives: {label}",
    )


def _difference(pair: list[Layer]) -> None:
    """How far the two are apart, where they have one shape."""
    first, second = (each.maps for each in pair)
    if first.shape != second.shape:
        return
    apart = float(np.linalg.norm((first - second).ravel()))
    size = float(np.linalg.norm(first.ravel()))
    share = f", {apart / size:.3g} of the first's own norm" if size else ""
    st.caption(plain(f"The norm of their difference is {apart:.4g}{share}."))
