"""Charts of feature maps: arrays in, Plotly figures out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from resnet_viz.views.charts.base_figure import figure
from resnet_viz.views.palette import stage_colour, theme

__all__ = ["bar_chart", "histogram", "ratio_chart"]

_BINS: Final = 40
_LINE_PIXELS: Final = 26  # of a bar with its name


def histogram(values: NDArray[Any], title: str, dark: bool) -> go.Figure:
    """How often a channel has which value.

    Args:
        values: Of any shape; what is not finite is left out.
        title: What it is.
        dark: Colours for a dark page.
    """
    drawn = figure(title, dark, 220)
    finite = values[np.isfinite(values)].astype(float)
    if finite.size:
        low, high = float(finite.min()), float(finite.max())
        ends = (low, high) if high > low else (low - 0.5, high + 0.5)
        counts, edges = np.histogram(finite, _BINS, ends)
        drawn.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges),
            marker={"color": theme(dark).faint},
            customdata=np.stack([edges[:-1], edges[1:]], axis=1),
            hovertemplate="%{customdata[0]:.4g} to %{customdata[1]:.4g}: %{y}<extra></extra>",
        )
    drawn.update_xaxes(title="value")
    drawn.update_yaxes(title="cells")
    return drawn


def bar_chart(
    names: Sequence[str],
    values: Sequence[float],
    title: str,
    dark: bool,
    *,
    unit: str = "",
    before: Sequence[float] | None = None,
) -> go.Figure:
    """Named numbers as lying bars, the first at the top.

    Args:
        names: What each bar is.
        values: Its length.
        title: What they are.
        dark: Colours for a dark page.
        unit: What follows a number, such as ``"%"``.
        before: What the values were, as hollow bars beside.
    """
    count = len(names) * (2 if before is not None else 1)
    drawn = figure(title, dark, 70 + _LINE_PIXELS * count)
    colours = theme(dark)
    places = list(range(len(names)))
    if before is not None:
        drawn.add_bar(
            name="before",
            x=list(before),
            y=places,
            orientation="h",
            marker={"color": "rgba(0,0,0,0)", "line": {"color": colours.faint, "width": 1.5}},
            hovertemplate="before: %{x:.4g}" + unit + "<extra></extra>",
        )
    drawn.add_bar(
        name="now",
        x=list(values),
        y=places,
        orientation="h",
        marker={"color": "#56B4E9" if dark else "#0072B2"},
        text=[f"{value:.3g}{unit}" for value in values],
        textposition="auto",
        textangle=0,
        insidetextfont={"color": "#000000" if dark else "#FFFFFF"},
        hovertemplate="%{x:.4g}" + unit + "<extra></extra>",
    )
    drawn.update_layout(showlegend=before is not None, bargap=0.25)
    # By place: two classes may bear one name.
    drawn.update_yaxes(
        autorange="reversed", tickmode="array", tickvals=places, ticktext=_short(names)
    )
    return drawn


def _short(names: Sequence[str]) -> list[str]:
    return [name if len(name) <= 32 else f"{name[:31]}…" for name in names]


def ratio_chart(
    blocks: Sequence[str],
    ratios: Sequence[float],
    focus: str | None,
    dark: bool,
    without: Collection[str] = (),
) -> go.Figure:
    """How much each block adds to what it gets, through the depth.

    Args:
        blocks: Their paths, in order.
        ratios: ‖F(x)‖ over ‖x‖.
        focus: The block that is marked, if any.
        dark: Colours for a dark page.
        without: Blocks whose F(x) is removed: drawn pale.
    """
    drawn = figure("‖F(x)‖ / ‖x‖ through the depth", dark, 260)
    ink = theme(dark).ink
    drawn.add_bar(
        x=list(blocks),
        y=list(ratios),
        marker={
            "color": [stage_colour(block.partition(".")[0]) for block in blocks],
            "opacity": [0.25 if block in without else 1 for block in blocks],
            "line": {"color": ink, "width": [2 if block == focus else 0 for block in blocks]},
        },
        hovertemplate="%{x}: %{y:.4g}<extra></extra>",
    )
    drawn.update_xaxes(nticks=24)
    drawn.update_yaxes(rangemode="tozero")
    return drawn
