"""A convolution, step by step: patch, kernel, products, and the sum over the channels."""

from __future__ import annotations

from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from resnet_viz.features.convolution_steps import ConvolutionStep, convolve_at
from resnet_viz.network.layer_graph import Operation, trace
from resnet_viz.ui.caching.feature_results import Maps, all_maps, conv_weight
from resnet_viz.ui.components.image_view import image_view
from resnet_viz.ui.feature_maps.channel_and_cell import choose_cell, chosen_cell
from resnet_viz.ui.feature_maps.channel_choice import busiest, choose_channel
from resnet_viz.ui.shared import page_frame
from resnet_viz.ui.shared.image_and_weights import Pass
from resnet_viz.ui.shared.messages import plain
from resnet_viz.views.charts.feature_charts import bar_chart
from resnet_viz.views.pixels.colour_maps import shared_scale
from resnet_viz.views.pixels.mosaics import channel_image
from resnet_viz.views.tables.coloured_grids import grid

__all__ = ["draw"]

_STRONGEST: Final = 12
_STYLE: Final = """<style>
.steps, .steps div {display: flex; gap: 0.5rem; align-items: center}
.steps {flex-wrap: wrap}
.numbers {border-collapse: separate; border-spacing: 2px; font-variant-numeric: tabular-nums}
.numbers caption {caption-side: top; text-align: left; white-space: nowrap; padding: 0 0 0.25rem}
.numbers td {min-width: 2.7rem; padding: 0.2rem; text-align: right; font-size: 0.75rem;
  outline: 1px solid rgba(128, 128, 128, 0.6)}
.steps .sign {font-size: 1.6rem}
</style>"""


def draw(of: Pass, layer: str) -> None:
    """The whole panel.

    Raises:
        ResNetVizError: The maps cannot be had; the text says why.
    """
    left, right = st.columns([2, 5], gap="medium")
    with left:
        operation = _choose_convolution(of, layer)
    with st.spinner(f"Running the network up to {operation.path} …", show_time=True):
        entering, leaving = all_maps(of, [operation.inputs[0], operation.path])
        weight = conv_weight(of, operation.path)
    with left:
        channel = choose_channel(
            "Output channel", "conv_out", range(len(leaving)), lambda: busiest(leaving)
        )
        row, column = _choose_cell(operation, leaving[channel], channel)
    step = convolve_at(
        entering,
        weight,
        stride=operation.stride or (1, 1),
        padding=operation.padding or (0, 0),
        dilation=operation.dilation or (1, 1),
        groups=operation.groups or 1,
        channel=channel,
        row=row,
        column=column,
    )
    with right:
        _one_channel(step)
        _sum(step, float(leaving[channel, row, column]), (row, column), channel)


def _choose_convolution(of: Pass, layer: str) -> Operation:
    """The convolution in focus; else the first one of the block in focus, or any other."""
    graph = trace(of.spec)
    convolutions = [operation.path for operation in graph if operation.op == "conv2d"]
    wanted = next(
        (path for path in convolutions if path == layer or path.startswith(f"{layer}.")),
        convolutions[0],
    )
    state = st.session_state
    if state.get("_conv_of") != layer or state.get("convolution") not in convolutions:
        state.update({"_conv_of": layer, "convolution": wanted})
    picked = st.selectbox("Convolution", convolutions, key="convolution")
    return graph.by_path[picked]


def _choose_cell(operation: Operation, values: Maps, channel: int) -> tuple[int, int]:
    row, column = chosen_cell(values.shape[0], values.shape[1])
    image_view(
        channel_image(values, shared_scale(values[None])),
        key="conv_cell",
        alt=f"Channel {channel} of {operation.path}: choose a cell",
        values=values,
        selected=(row, column),
        max_height=320,
        on_select=choose_cell(*values.shape),
    )
    return row, column


def _one_channel(step: ConvolutionStep) -> None:
    """One input channel's patch times its kernel."""
    number = choose_channel(
        "Input channel",
        "conv_in",
        step.channels,
        lambda: step.channels[int(np.abs(step.per_channel).argmax())],
    )
    index = step.channels.index(number)
    patch, kernel, products = step.patch[index], step.kernel[index], step.products[index]
    tables: tuple[tuple[str, NDArray[np.float64], bool], ...] = (
        (f"Patch of input channel {number}", patch, True),
        ("Kernel", kernel, False),
        ("Products", products, False),
    )
    parts = [
        grid(values, title, shared_scale(values[None]), step.padded if padded else None)
        for title, values, padded in tables
    ]
    times, equals = ('<span class="sign">·</span>', '<span class="sign">=</span>')
    kernel_part, product_part = f"<div>{times}{parts[1]}</div>", f"<div>{equals}{parts[2]}</div>"
    st.html(f'{_STYLE}<div class="steps">{parts[0]}{kernel_part}{product_part}</div>')
    st.caption(
        plain(
            f"The products of this input channel add up to {step.per_channel[index]:.6g}."
            + (" Dashed cells are padding: zeros beside the map." if step.padded.any() else "")
        )
    )


def _sum(step: ConvolutionStep, value: float, cell: tuple[int, int], channel: int) -> None:
    """All input channels' sums, and that their sum is the map's value."""
    order = np.argsort(-np.abs(step.per_channel), kind="stable")
    shown = order[:_STRONGEST]
    rest = float(step.per_channel[order[_STRONGEST:]].sum())
    names = [f"channel {step.channels[index]}" for index in shown]
    values = [float(step.per_channel[index]) for index in shown]
    if len(order) > len(shown):
        names.append(f"{len(order) - len(shown)} others")
        values.append(rest)
    st.plotly_chart(
        bar_chart(names, values, "What each input channel adds", page_frame.dark()),
        config={"displayModeBar": False},
        alt="The sums of the input channels",
        key="conv_sums",
    )
    st.caption(
        plain(
            f"The sum over {len(order)} input channels is {step.total:.6g}; the map's value at "
            f"row {cell[0]}, column {cell[1]} of channel {channel} is {value:.6g}."
        )
    )
