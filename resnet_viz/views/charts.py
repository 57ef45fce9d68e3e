"""Charts: records in, Plotly figures out."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from resnet_viz.records import Profile, Sweep
from resnet_viz.units import shape_text, si
from resnet_viz.views.colours import Scale
from resnet_viz.views.outline import chw, stages
from resnet_viz.views.palette import stage_colour, theme

__all__ = ["channel_chart", "resolution_chart", "sweep_chart"]

_HEIGHT: Final = 320  # pixels
_MARGIN: Final = {"l": 8, "r": 8, "t": 36, "b": 8}


def _figure(title: str, dark: bool, height: int = _HEIGHT) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        height=height,
        margin=_MARGIN,
        font={"color": theme(dark).ink},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0, "xanchor": "left"},
    )
    grid = "rgba(128,128,128,0.25)"
    figure.update_xaxes(gridcolor=grid, zerolinecolor=grid)
    figure.update_yaxes(gridcolor=grid, zerolinecolor=grid)
    return figure


def resolution_chart(report: Profile, reference: Profile, dark: bool) -> go.Figure:
    """The shorter side of the map after each stage, at this input and at the reference."""
    figure = _figure("Resolution through the depth", dark)
    drawn = [(report, "solid", theme(dark).ink)]
    if reference.input != report.input:
        drawn.insert(0, (reference, "dot", theme(dark).faint))
    for profile, dash, colour in drawn:
        name = shape_text((profile.input.height, profile.input.width))
        parts = stages(profile)[:-1]
        shapes = [profile.layers[0].input_shapes[0], *(part.output_shape for part in parts)]
        figure.add_scatter(
            name=name,
            x=["input", *(part.path for part in parts)],
            y=[min(shape[2:]) for shape in shapes],
            mode="lines+markers",
            line={"shape": "hv", "dash": dash, "color": colour},
            marker={
                "size": 10,
                "color": ["#7A7F87", *(stage_colour(part.path) for part in parts)],
            },
            customdata=[chw(shape) for shape in shapes],
            hovertemplate="%{x}: %{customdata}<extra></extra>",
        )
    figure.update_yaxes(type="log", title="shorter side, pixels", tickvals=_powers_of_two())
    return figure


def _powers_of_two() -> list[int]:
    return [2**exponent for exponent in range(15)]


def sweep_chart(
    table: Sweep, values: NDArray[Any], here: int, label: str, unit: str, dark: bool
) -> go.Figure:
    """One total over the input's height.

    Args:
        table: The sizes.
        values: What to draw, one number a size.
        here: The chosen height, marked with a line.
        label: What the numbers are, such as ``"MACs"``.
        unit: What follows their prefix, such as ``"B"``; empty for counts.
        dark: Colours for a dark page.
    """
    figure = _figure(label, dark, 260)
    figure.add_scatter(
        x=table.heights,
        y=values.astype(float),
        mode="lines",
        line={"color": "#0072B2" if not dark else "#56B4E9", "width": 2},
        customdata=[
            (shape_text((int(h), int(w))), si(int(v), unit))
            for h, w, v in zip(table.heights, table.widths, values, strict=True)
        ],
        hovertemplate="%{customdata[0]}: %{customdata[1]}<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=here, line={"dash": "dash", "color": theme(dark).faint})
    figure.update_xaxes(title="input height, pixels")
    figure.update_yaxes(rangemode="tozero", exponentformat="SI", ticksuffix=unit)
    return figure


def channel_chart(values: NDArray[Any], scale: Scale, title: str, dark: bool) -> go.Figure:
    """One channel, large, with its values under the pointer.

    Args:
        values: ``[H, W]``.
        scale: The layer's scale, or the channel's own.
        title: What it is.
        dark: Colours for a dark page.
    """
    figure = _figure(title, dark, 460)
    stops = np.linspace(0, 255, 17).astype(int)
    colours = [
        [float(stop) / 255, "rgb({},{},{})".format(*scale.colours[stop].tolist())] for stop in stops
    ]
    figure.add_heatmap(
        z=values,
        zmin=scale.low,
        zmax=scale.high if scale.high > scale.low else scale.low + 1,
        colorscale=colours,
        hovertemplate="row %{y}, column %{x}: %{z:.5g}<extra></extra>",
        colorbar={"thickness": 12, "outlinewidth": 0},
    )
    figure.update_xaxes(constrain="domain", showgrid=False, visible=False)
    figure.update_yaxes(
        autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, visible=False
    )
    return figure
