"""The parts of the feature-map page: the layer, the weights, the mosaic, one channel."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from resnet_viz.graph import LayerGraph
from resnet_viz.images import Picture
from resnet_viz.preparation import Fit
from resnet_viz.records import Profile
from resnet_viz.spec import InputSpec
from resnet_viz.ui import caches, frame
from resnet_viz.ui.choice import Choice
from resnet_viz.ui.messages import plain
from resnet_viz.units import shape_text, si
from resnet_viz.views.charts import channel_chart
from resnet_viz.views.mosaic import (
    Scale,
    channel_scales,
    colour_bar,
    mosaic,
    shared_scale,
    statistics,
)

__all__ = ["choose_layer", "choose_weights", "preview_size", "show"]

# st.image rescales, and so blurs, whatever is wider than this.
_MAX_SIDE: Final = 1460
_PREVIEW_SIDE: Final = 1024


def choose_layer(graph: LayerGraph, wanted: str | None) -> str:
    """A block or an operation; the one in focus, else the first block."""
    options = dict(_layers(graph))
    if wanted in graph.outputs:  # a stage or a shortcut can be in focus too
        options.setdefault(str(wanted), f"{wanted}  (its output)")
    else:
        wanted = graph.blocks[0].path
    st.session_state["layer"] = st.session_state.get("layer") or wanted
    if st.session_state["layer"] not in options:
        st.session_state["layer"] = wanted
    chosen: str = st.selectbox("Layer", options, key="layer", format_func=options.__getitem__)
    return chosen


@st.cache_data(max_entries=16, show_spinner=False)
def _layers_of(blocks: tuple[str, ...], paths: tuple[str, ...]) -> dict[str, str]:
    """Labels by path: each block ahead of its operations."""
    labels: dict[str, str] = {}
    known = set(blocks)
    for path in paths:
        block = ".".join(path.split(".")[:2])
        if block in known and block not in labels:
            labels[block] = f"{block}  (block output)"
        labels[path] = path
    return labels


def _layers(graph: LayerGraph) -> dict[str, str]:
    blocks = tuple(block.path for block in graph.blocks)
    return _layers_of(blocks, tuple(operation.path for operation in graph))


def preview_size(size: InputSpec) -> InputSpec:
    """An input of the same proportions, no larger than a page can show."""
    scale = min(1.0, _PREVIEW_SIDE / max(size.height, size.width))
    return replace(
        size,
        height=max(1, round(size.height * scale)),
        width=max(1, round(size.width * scale)),
    )


def choose_weights(choice: Choice) -> tuple[str | bytes, str]:
    """The weights of the sidebar, or a checkpoint of one's own; with its key for caches."""
    with st.expander("Weights of your own"):
        upload = st.file_uploader(
            "A state dict of this very network", type=["safetensors", "pth", "pt"], key="checkpoint"
        )
        st.caption("Saved with torch.save(model.state_dict()) or as .safetensors.")
    if upload is None:
        return choice.weights, choice.weights
    data = upload.getvalue()
    return data, caches.digest(data)


def show(
    choice: Choice,
    report: Profile,
    source: tuple[str | bytes, str],
    picture: tuple[Picture, str],
    fit: Fit,
    layer: str,
) -> None:
    """The layer's maps: one mosaic on one scale, then one channel, large.

    `source` and `picture` come with their keys for the cache.

    Raises:
        ResNetVizError: The maps cannot be had; the text says why.
    """
    row = report.layer(layer)
    with st.spinner(f"Running the network up to {layer} …", show_time=True):
        maps = caches.feature_maps(
            choice.spec,
            choice.input,
            choice.device,
            *source,
            *picture,
            fit,
            layer,
        )
    counts = statistics(maps)
    origin = choice.weights if isinstance(source[0], str) else "your checkpoint"
    st.caption(
        plain(
            f"{layer}: {shape_text(row.output_shape[1:])}, weights {origin}, "
            f"mean {counts.total.mean:.3g}, {counts.total.sparsity:.0%} zeros, "
            f"{counts.dead_channels} dead channels, {si(row.output_bytes, 'B')}"
        )
    )
    own = st.toggle(
        "A scale for each channel",
        key="own_scale",
        help="Off: one scale for the whole layer, so that channels can be compared.",
    )
    scale = shared_scale(maps)
    _bar(scale, own)
    picture_of_all = mosaic(maps, "channel" if own else scale, max_side=_MAX_SIDE)
    st.image(
        picture_of_all.image,
        width="stretch",
        output_format="PNG",  # values are not to be smeared
        alt=f"All {picture_of_all.channels} channels of {layer}, in reading order",
    )
    st.caption(
        f"{picture_of_all.channels} channels in {picture_of_all.rows} rows of "
        f"{picture_of_all.columns}, numbered from 0 in reading order."
    )
    _one_channel(maps, scale, own, layer)


def _bar(scale: Scale, own: bool) -> None:
    low = "lowest" if own else f"{scale.low:.3g}"
    high = "highest of each channel" if own else f"{scale.high:.3g}"
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        st.markdown(plain(low), width="content")
        st.image(
            colour_bar(scale, 512, 10),
            width="stretch",
            alt=f"The colour scale, from {scale.low:.3g} to {scale.high:.3g}",
        )
        st.markdown(plain(high), width="content")


def _one_channel(maps: NDArray[np.float32], scale: Scale, own: bool, layer: str) -> None:
    """A heat map with its values under the pointer."""
    if maps.ndim == 1:
        st.bar_chart(maps, height=260)
        return
    most = maps.shape[0] - 1
    st.session_state["channel"] = min(st.session_state.get("channel", 0), most)
    channel = 0
    if most:  # a widget needs a choice
        channel = int(st.number_input("Channel", 0, most, key="channel", step=1))
    scale = channel_scales(maps[channel : channel + 1])[0] if own else scale
    st.plotly_chart(
        channel_chart(maps[channel], scale, f"{layer}, channel {channel}", frame.dark()),
        config={"displayModeBar": False},
        alt=f"Channel {channel} of {layer}, enlarged",
    )
