"""One channel, large, and one cell of it: what it sees of the picture."""

from __future__ import annotations

from typing import Final

import numpy as np
import streamlit as st

from resnet_viz.graph import INPUT
from resnet_viz.receptive import receptive_field_of
from resnet_viz.ui import frame
from resnet_viz.ui.feature_maps.passes import Maps, Pass, effective_field
from resnet_viz.ui.feature_maps.picture import received
from resnet_viz.ui.image_view import Outline, image_view
from resnet_viz.ui.messages import errors_as_sentences, plain
from resnet_viz.units import shape_text
from resnet_viz.views.colours import Scale, channel_scales
from resnet_viz.views.feature_charts import bar_chart, histogram
from resnet_viz.views.heat import heat
from resnet_viz.views.mosaic import channel_image

__all__ = ["choose_cell", "chosen_cell", "draw", "draw_numbers"]

_CELL: Final = "_cell"
_STRONGEST: Final = 8
_MAX_HEIGHT: Final = 320  # pixels
_OVERLAYS: Final = {
    "box": "Field",
    "effective": "Effective field",
    "channel": "Channel",
}


def draw(of: Pass, layer: str, maps: Maps, scale: Scale, own: bool, channel: int) -> None:
    """The channel, large, and the picture with what one of its cells sees.

    Args:
        of: The pass.
        layer: The layer in focus.
        maps: Its maps, ``[C, H, W]`` or ``[features]``.
        scale: The layer's scale.
        own: Whether each channel has its own instead.
        channel: The channel that is chosen.
    """
    if maps.ndim == 1:
        st.caption(plain(f"Feature {channel}: {maps[channel]:.5g}"))
        st.bar_chart(maps, height=260)
        return
    values = maps[channel]
    scale = channel_scales(maps[channel : channel + 1])[0] if own else scale
    row, column = chosen_cell(values.shape[0], values.shape[1])
    image_view(
        channel_image(values, scale),
        key="channel_map",
        alt=f"Channel {channel} of {layer}, enlarged",
        values=values,
        selected=(row, column),
        max_height=_MAX_HEIGHT,
        on_select=choose_cell,
    )
    overlay = (
        st.segmented_control(
            "Over the picture",
            list(_OVERLAYS),
            key="overlay",
            default="box",
            format_func=_OVERLAYS.__getitem__,
            required=True,
            help="The rectangle is what a cell can see: its theoretical receptive field. The "
            "effective field is how much each pixel moves that cell, the gradient's magnitude.",
        )
        or "box"
    )
    with errors_as_sentences():
        _on_picture(of, layer, values, channel, (row, column), overlay)


def choose_cell(cell: tuple[int, int]) -> None:
    """Make a cell the one that is looked at; for callbacks."""
    st.session_state[_CELL] = cell


def chosen_cell(rows: int, columns: int) -> tuple[int, int]:
    """The cell that is chosen, or the one in the middle; within a map of another size, too."""
    row, column = st.session_state.get(_CELL, (rows // 2, columns // 2))
    return min(row, rows - 1), min(column, columns - 1)


def _on_picture(
    of: Pass, layer: str, values: Maps, channel: int, cell: tuple[int, int], overlay: str
) -> None:
    """The picture with what the cell sees of it, or with the channel over it.

    Raises:
        ResNetVizError: The effective field would take too much.
    """
    shown = received(of.picture, of.size, of.fit)
    if shown.shape[2] == 1:
        shown = np.repeat(shown, 3, axis=2)
    size = shown.shape[:2]
    over = None
    opacity = 0.6
    if overlay != "box":
        opacity = st.slider("Opacity", 0.0, 1.0, 0.6, 0.05, key="opacity")
        field = values
        if overlay == "effective" and layer != INPUT:
            with st.spinner("Following the gradient …", show_time=True):
                field = effective_field(of, layer, channel, *cell)
            if not field.any():
                st.caption("No pixel moves this cell: a ReLU holds it at 0.")
        over = heat(field, (size[0], size[1]), smooth=overlay == "channel")
    image_view(
        shown,
        key="on_picture",
        alt=f"The picture with what cell {cell[0]}, {cell[1]} of {layer} sees of it",
        outlines=_outlines(of, layer, cell, size[0] / of.size.height, size[1] / of.size.width),
        heat=over,
        opacity=opacity,
        pixelated=max(size) < 200,
        clickable=False,
        max_height=_MAX_HEIGHT,
    )


def _outlines(
    of: Pass, layer: str, cell: tuple[int, int], down: float, across: float
) -> list[Outline]:
    """The theoretical receptive field, in pixels of the picture as it is shown."""
    if layer == INPUT:
        row, column = cell
        return [
            Outline(row * down, column * across, (row + 1) * down, (column + 1) * across, "pixel")
        ]
    box = receptive_field_of(of.report, layer, *cell).whole
    label = f"receptive field, {shape_text((box.bottom - box.top, box.right - box.left))}"
    return [
        Outline(box.top * down, box.left * across, box.bottom * down, box.right * across, label)
    ]


def draw_numbers(of: Pass, layer: str, maps: Maps, channel: int) -> None:
    """What the chosen cell sees, the channel's values, the strongest channels at the cell."""
    if maps.ndim == 1:
        return
    row, column = cell = chosen_cell(maps.shape[1], maps.shape[2])
    sees = "." if layer == INPUT else f" {_sees(of, layer, cell)}"
    value = float(maps[channel, row, column])
    text = f"Row {row}, column {column} of channel {channel}: {value:.5g}."
    st.caption(plain(f"{text}{sees}" if layer != INPUT else text))
    left, right = st.columns(2, gap="medium")
    dark = frame.dark()
    with left:
        st.plotly_chart(
            histogram(maps[channel], f"Values of channel {channel}", dark),
            config={"displayModeBar": False},
            alt=f"Histogram of channel {channel} of {layer}",
            key="histogram",
        )
    with right:
        here = maps[:, row, column]
        order = np.argsort(-np.nan_to_num(np.abs(here)), kind="stable")[:_STRONGEST]
        st.plotly_chart(
            bar_chart(
                [f"channel {index}" for index in order],
                [float(here[index]) for index in order],
                "Strongest channels at this cell",
                dark,
            ),
            config={"displayModeBar": False},
            alt=f"The strongest channels of {layer} at row {row}, column {column}",
            key="strongest",
        )


def _sees(of: Pass, layer: str, cell: tuple[int, int]) -> str:
    """Which part of the input the cell sees, and how much of that is padding."""
    field = receptive_field_of(of.report, layer, *cell)
    box, inside = field.whole, field.inside
    rows, columns = box.bottom - box.top, box.right - box.left
    seen = (inside.bottom - inside.top) * (inside.right - inside.left)
    padding = 1 - seen / (rows * columns)
    return (
        f"It sees {shape_text((rows, columns))} input pixels, rows {inside.top} to "
        f"{inside.bottom - 1} and columns {inside.left} to {inside.right - 1}; "
        f"{padding:.0%} of that is padding."
    )
