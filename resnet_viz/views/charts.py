"""Charts: records in, Plotly figures out."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go
from numpy.typing import NDArray

from resnet_viz.records import Profile, Sweep
from resnet_viz.units import shape_text, si
from resnet_viz.views.outline import chw, stages
from resnet_viz.views.palette import stage_colour, theme

__all__ = ["figure", "resolution_chart", "sweep_chart"]

_HEIGHT: Final = 320  # pixels
_MARGIN: Final = {"l": 8, "r": 8, "t": 36, "b": 8}


def figure(title: str, dark: bool, height: int = _HEIGHT) -> go.Figure:
    """An empty figure in the manner of all: no ground of its own, the theme's ink.

    Args:
        title: What it shows.
        dark: Colours for a dark page.
        height: In pixels.
    """
    drawn = go.Figure()
    drawn.update_layout(
        title={"text": title, "font": {"size": 15}},
        height=height,
        margin=_MARGIN,
        font={"color": theme(dark).ink},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0, "xanchor": "left"},
    )
    grid = "rgba(128,128,128,0.25)"
    drawn.update_xaxes(gridcolor=grid, zerolinecolor=grid)
    drawn.update_yaxes(gridcolor=grid, zerolinecolor=grid)
    return drawn


def resolution_chart(report: Profile, reference: Profile, dark: bool) -> go.Figure:
    """The shorter side of the map after each stage, at this input and at the reference."""
    drawn = figure("Resolution through the depth", dark)
    lines = [(report, "solid", theme(dark).ink)]
    if reference.input != report.input:
        lines.insert(0, (reference, "dot", theme(dark).faint))
    for profile, dash, colour in lines:
        name = shape_text((profile.input.height, profile.input.width))
        parts = stages(profile)[:-1]
        shapes = [profile.layers[0].input_shapes[0], *(part.output_shape for part in parts)]
        drawn.add_scatter(
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
    drawn.update_yaxes(type="log", title="shorter side, pixels", tickvals=_powers_of_two())
    return drawn


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
    drawn = figure(label, dark, 260)
    drawn.add_scatter(
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
    drawn.add_vline(x=here, line={"dash": "dash", "color": theme(dark).faint})
    drawn.update_xaxes(title="input height, pixels")
    drawn.update_yaxes(rangemode="tozero", exponentformat="SI", ticksuffix=unit)
    return drawn
