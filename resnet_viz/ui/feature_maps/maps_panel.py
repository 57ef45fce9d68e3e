"""The maps of the layer in focus: one mosaic, its order and scale, and files to take along."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np
import streamlit as st

from resnet_viz.features.channel_statistics import ORDERS, LayerStatistics, ranked, statistics
from resnet_viz.network.spec import preset_name
from resnet_viz.ui.caching.feature_results import Maps, maps
from resnet_viz.ui.components.image_view import Grid, image_view
from resnet_viz.ui.feature_maps import channel_and_cell
from resnet_viz.ui.feature_maps.channel_choice import (
    busiest,
    by_hand,
    choose_channel,
    settle_channel,
)
from resnet_viz.ui.shared.download_button import Download, downloads
from resnet_viz.ui.shared.image_and_weights import Pass
from resnet_viz.ui.shared.messages import plain
from resnet_viz.units import shape_text, si
from resnet_viz.views.pixels.colour_maps import Scale, shared_scale
from resnet_viz.views.pixels.mosaics import Mosaic, colour_bar, mosaic, png_bytes
from resnet_viz.views.tables.layer_tables import channel_table, csv_text

__all__ = ["Layer", "bar", "captured", "common_scale", "draw", "drawn_mosaic"]

# More is more than a screen shows, and has to travel to the browser.
_MAX_MOSAIC_SIDE: Final = 1460


class Layer(NamedTuple):
    """The maps of a layer, and what they are like.

    Attributes:
        path: Its name.
        maps: ``[C, H, W]`` or ``[features]``.
        numbers: Their statistics.
    """

    path: str
    maps: Maps
    numbers: LayerStatistics


def captured(of: Pass, layer: str) -> Layer:
    """Run the network, if it must be run, and tell so.

    Raises:
        ResNetVizError: The maps cannot be had; the text says why.
    """
    with st.spinner(f"Running the network up to {layer} …", show_time=True):
        values = maps(of, layer)
    return Layer(layer, values, statistics(values))


def draw(of: Pass, path: str) -> None:
    """The whole panel.

    Raises:
        ResNetVizError: The maps cannot be had; the text says why.
    """
    layer = captured(of, path)
    _caption(of, layer)
    with st.container(horizontal=True, vertical_alignment="center"):
        own = st.toggle(
            "A scale for each channel",
            key="own_scale",
            help="Off: one scale for the whole layer, so that channels can be compared.",
        )
        order = st.selectbox(
            "Channels",
            list(ORDERS),
            key="order",
            format_func=ORDERS.__getitem__,
            label_visibility="collapsed",
            width=160,
        )
        places = ranked(layer.numbers.channels, order)
        downloads("Take along", "take_maps", lambda: _files(of, layer, own, places))
    scale = shared_scale(layer.maps)
    first = busiest(layer.maps)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        bar(scale, own)
        _mosaic(layer, scale, own, places, first)
    with right:
        channel = choose_channel("Channel", "channel", range(len(places)), lambda: first)
        channel_and_cell.draw(of, layer.path, layer.maps, scale, own, channel)
    with left:
        channel_and_cell.draw_numbers(of, layer.path, layer.maps, channel)


def _caption(of: Pass, layer: Layer) -> None:
    total = layer.numbers.total
    bad = f", {total.not_finite:,} values are not finite" if total.not_finite else ""
    dead = layer.numbers.dead_channels
    st.caption(
        plain(
            f"{layer.path}: {shape_text(layer.maps.shape)}, weights {of.weights.label}, "
            f"mean {total.mean:.3g}, {total.sparsity:.0%} zeros, "
            f"{dead} dead channel{'' if dead == 1 else 's'}, {si(layer.maps.nbytes, 'B')}{bad}"
        )
    )


def bar(scale: Scale, own: bool) -> None:
    """The colours of a scale with the values at its ends."""
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


def common_scale(several: Iterable[Maps]) -> Scale:
    """One scale for several arrays of maps."""
    ends = [shared_scale(each) for each in several]
    low, high = min(scale.low for scale in ends), max(scale.high for scale in ends)
    if any(scale.diverging for scale in ends):
        reach = max(-low, high)
        return Scale(-reach, reach, True)
    return Scale(low, high, False)


def drawn_mosaic(layer: Layer, scale: Scale, own: bool, places: tuple[int, ...]) -> Mosaic:
    """The mosaic with its channels in an order."""
    in_order = places == tuple(range(len(places)))
    values = layer.maps if in_order else layer.maps[list(places)]
    return mosaic(values, "channel" if own else scale, max_side=_MAX_MOSAIC_SIDE)


def _mosaic(layer: Layer, scale: Scale, own: bool, places: tuple[int, ...], first: int) -> None:
    """All channels; a click chooses one."""
    channel = settle_channel("channel", range(len(places)), lambda: first)

    def choose(tile: int) -> None:
        by_hand("channel")
        st.session_state["channel"] = places[tile]

    drawn = drawn_mosaic(layer, scale, own, places)
    image_view(
        drawn.image,
        key="mosaic",
        alt=f"All {drawn.channels} channels of {layer.path}, "
        + ("in reading order" if places == tuple(range(len(places))) else "sorted"),
        grid=Grid(
            rows=drawn.rows,
            columns=drawn.columns,
            cell=drawn.cell,
            gap=drawn.gap,
            count=drawn.channels,
            labels=tuple(_label(layer, channel) for channel in places),
        ),
        marks=[i for i, channel in enumerate(places) if layer.numbers.channels[channel].dead],
        selected=places.index(channel),
        on_select=choose,
    )


def _label(layer: Layer, channel: int) -> str:
    numbers = layer.numbers.channels[channel]
    dead = " · dead: 0 everywhere" if numbers.dead else ""
    return f"channel {channel} · mean {numbers.mean:.3g} · max {numbers.max:.3g}{dead}"


def _files(of: Pass, layer: Layer, own: bool, places: tuple[int, ...]) -> Iterator[Download]:
    """The mosaic as it is shown; the maps and numbers in the channels' own order."""
    name = f"{preset_name(of.spec) or 'resnet'}_{layer.path}"
    picture = png_bytes(drawn_mosaic(layer, shared_scale(layer.maps), own, places).image)
    yield Download("The mosaic, PNG", picture, f"{name}.png", "image/png")
    array = io.BytesIO()
    np.save(array, layer.maps)
    yield Download("The maps, NPY", array.getvalue(), f"{name}.npy", "application/octet-stream")
    archive = io.BytesIO()
    np.savez_compressed(archive, maps=layer.maps)
    yield Download("The maps, NPZ", archive.getvalue(), f"{name}.npz", "application/octet-stream")
    table = csv_text(channel_table(layer.numbers))
    yield Download("The numbers, CSV", table, f"{name}.csv", "text/csv")
