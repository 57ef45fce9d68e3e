"""One channel, large, and one cell of it: what it sees of the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import streamlit as st

from resnet_viz.costs.receptive_field import receptive_field_of
from resnet_viz.network.layer_graph import INPUT
from resnet_viz.ui.caching.feature_results import Maps, effective_field, loaded
from resnet_viz.ui.components.image_view import Outline, image_view
from resnet_viz.ui.feature_maps.image_choice import in_colour, received
from resnet_viz.ui.shared import page_frame
from resnet_viz.ui.shared.image_and_weights import Pass
from resnet_viz.ui.shared.messages import errors_as_sentences, plain
from resnet_viz.ui.state import session
from resnet_viz.units import shape_text
from resnet_viz.views.charts.feature_charts import bar_chart, histogram
from resnet_viz.views.pixels.colour_maps import Scale, channel_scales
from resnet_viz.views.pixels.heat_overlay import heat
from resnet_viz.views.pixels.mosaics import channel_image

__all__ = ["choose_cell", "chosen_cell", "draw", "draw_numbers"]

_PLACE: Final = "_place"  # down and across the picture, from 0 to 1
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
        on_select=choose_cell(*values.shape),
    )
    session.first("overlay", "box")
    overlay = st.segmented_control(
        "Over the picture",
        list(_OVERLAYS),
        key="overlay",
        format_func=_OVERLAYS.__getitem__,
        required=True,
        help="The rectangle is what a cell can see: its theoretical receptive field. The "
        "effective field is how much each pixel moves that cell, the gradient's magnitude.",
    )
    with errors_as_sentences():
        _on_picture(of, layer, values, channel, (row, column), overlay or "box")


def choose_cell(rows: int, columns: int) -> Callable[[tuple[int, int]], None]:
    """A callback that makes a cell of a map the one that is looked at.

    What is remembered is its place in the picture, so that a map of another size has it too.
    """

    def choose(cell: tuple[int, int]) -> None:
        st.session_state[_PLACE] = (cell[0] + 0.5) / rows, (cell[1] + 0.5) / columns

    return choose


def chosen_cell(rows: int, columns: int) -> tuple[int, int]:
    """The cell at the place that is chosen, or in the middle."""
    down, across = st.session_state.get(_PLACE, (0.5, 0.5))
    return min(int(down * rows), rows - 1), min(int(across * columns), columns - 1)


def _on_picture(
    of: Pass, layer: str, values: Maps, channel: int, cell: tuple[int, int], overlay: str
) -> None:
    """The picture with what the cell sees of it, or with the channel over it.

    Raises:
        ResNetVizError: The effective field would take too much.
    """
    shown = in_colour(received(of.picture, of.size, of.fit))
    size = shown.shape[:2]
    over = None
    opacity = 0.6
    if overlay != "box":
        session.first("opacity", 0.6)
        opacity = st.slider("Opacity", 0.0, 1.0, step=0.05, key="opacity")
        field = values
        if overlay == "effective" and layer != INPUT:
            with st.spinner("Following the gradient …", show_time=True):
                field = effective_field(of, layer, channel, *cell)
            st.caption(f"From 0 to {field.max():.3g}")
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
        _vector_numbers(of, layer, maps)
        return
    row, column = cell = chosen_cell(maps.shape[1], maps.shape[2])
    value = float(maps[channel, row, column])
    sees = "" if layer == INPUT else f" {_sees(of, layer, cell)}"
    st.caption(plain(f"Row {row}, column {column} of channel {channel}: {value:.5g}.{sees}"))
    _charts(
        (maps[channel], f"Values of channel {channel}"),
        maps[:, row, column],
        "Strongest channels at this cell",
        [f"channel {index}" for index in range(len(maps))],
    )


def _vector_numbers(of: Pass, layer: str, maps: Maps) -> None:
    """The features of a vector, with the names of classes where it is the logits."""
    names = loaded(of).class_names if layer in ("fc", "head") else None
    labels = [f"feature {index}" for index in range(len(maps))]
    if names:
        labels = [f"{index}: {name}" for index, name in enumerate(names)]
    _charts((maps, f"Values of {layer}"), maps, "Strongest features", labels)


def _charts(counted: tuple[Maps, str], here: Maps, title: str, names: Sequence[str]) -> None:
    """How often which value comes, and the strongest of the values `here`, by name."""
    dark = page_frame.dark()
    left, right = st.columns(2, gap="medium")
    with left:
        st.plotly_chart(
            histogram(*counted, dark),
            config={"displayModeBar": False},
            alt=f"Histogram: {counted[1]}",
            key="histogram",
        )
    with right:
        order = np.argsort(-np.nan_to_num(np.abs(here)), kind="stable")[:_STRONGEST]
        st.plotly_chart(
            bar_chart(
                [names[index] for index in order],
                [float(here[index]) for index in order],
                title,
                dark,
            ),
            config={"displayModeBar": False},
            alt=title,
            key="strongest",
        )


def _share(part: float) -> str:
    """A share as a percentage, never rounded to all or nothing."""
    if 0 < part < 0.005:
        return "less than 1%"
    return "more than 99%" if 0.995 <= part < 1 else f"{part:.0%}"


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
        f"{_share(padding)} of that is padding."
    )
