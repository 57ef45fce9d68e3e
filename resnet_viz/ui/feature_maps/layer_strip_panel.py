"""The strip: thumbnails from the stem to the head, and the layer in focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st

from resnet_viz.costs.profile_records import Profile
from resnet_viz.errors import BudgetError
from resnet_viz.network.layer_graph import INPUT, LayerGraph, trace
from resnet_viz.ui.caching.feature_results import survey
from resnet_viz.ui.components.layer_strip import StripStop, layer_strip
from resnet_viz.ui.shared import page_frame
from resnet_viz.ui.shared.image_and_weights import Pass
from resnet_viz.ui.shared.messages import plain
from resnet_viz.units import shape_text
from resnet_viz.views.palette import stage_outline
from resnet_viz.views.pixels.colour_maps import Picture, Scale
from resnet_viz.views.pixels.mosaics import channel_image

if TYPE_CHECKING:
    from resnet_viz.features.overview import Stop, Survey

__all__ = ["choose_layer", "draw"]

_THUMB_SIDE: Final = 72  # pixels


def draw(of: Pass, layer: str | None) -> None:
    """The strip; a click on it, or an arrow key, sets the focus.

    Raises:
        ResNetVizError: The network cannot be run; a pass that would take too much is none.
    """
    try:
        with st.spinner("Running the network …", show_time=True):
            whole = survey(of)
    except BudgetError as error:
        st.caption(plain(f"No overview: {error}"))
        return
    graph = trace(of.spec)
    if wild := next((stop.path for stop in whole.stops if not np.isfinite(stop.mean)), None):
        st.caption(
            f"From {wild} on there are values that are not finite: they outgrow float32. Trained "
            "weights, or fewer blocks, keep them small."
        )
    layer_strip(
        _stops(of, whole, graph, page_frame.dark()),
        key="strip",
        selected=_stop_of(whole, graph, layer),
        alt="Through the network: the mean of each block's maps",
        on_select=lambda path: st.session_state.update(layer=path),
    )


def _stop_of(whole: Survey, graph: LayerGraph, layer: str | None) -> str | None:
    """The stop that a layer belongs to."""
    if layer is None:
        return graph.blocks[0].path
    paths = [stop.path for stop in whole.stops]
    if layer in paths:
        return layer
    operation = graph.by_path.get(graph.outputs.get(layer, ""))
    if operation is None:
        return None
    if operation.block is not None:
        return operation.block
    return paths[0] if operation.stage == "stem" else paths[-1]


def _stops(of: Pass, whole: Survey, graph: LayerGraph, dark: bool) -> list[StripStop]:
    most = max(stop.shape[0] for stop in whole.stops)
    points = {point.block for point in graph.downsample_points}
    return [
        StripStop(
            path=stop.path,
            label=stop.path,
            shape_text=shape_text(stop.shape),
            thumb=_thumb(stop),
            width=stop.shape[0] / most,
            # Its root: drawn to scale, the last maps would be points.
            side=max(stop.shape[1] / of.size.height, stop.shape[2] / of.size.width) ** 0.5,
            colour=stage_outline(stop.path.partition(".")[0], dark),
            downsample=stop.path in points,
        )
        for stop in whole.stops
    ]


def _thumb(stop: Stop) -> Picture:
    """A thumbnail on its own scale: resolution and place are to be seen, not values."""
    finite = np.nan_to_num(stop.thumb, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    return channel_image(stop.thumb, Scale(low, high, False), max_side=_THUMB_SIDE)


def choose_layer(report: Profile, wanted: str | None) -> str:
    """Any block or operation; the one in focus, else the first block."""
    graph = trace(report.spec)
    labels = _labels(graph)
    if wanted in graph.outputs:  # a stage or a shortcut can be in focus too
        labels.setdefault(str(wanted), f"{wanted}  (its output)")
    elif wanted != INPUT:
        wanted = graph.blocks[0].path
    state = st.session_state
    state["layer"] = state.get("layer") or wanted
    if state["layer"] not in labels:
        state["layer"] = wanted
    chosen_layer: str = st.selectbox(
        "Layer",
        labels,
        key="layer",
        format_func=labels.__getitem__,
        label_visibility="collapsed",
        width=300,
    )
    return chosen_layer


def _labels(graph: LayerGraph) -> dict[str, str]:
    """Labels by path: each block ahead of its operations."""
    labels = {INPUT: "input  (what the network receives)"}
    for operation in graph:
        if operation.block is not None:
            labels.setdefault(operation.block, f"{operation.block}  (block output)")
        labels[operation.path] = operation.path
    return labels
