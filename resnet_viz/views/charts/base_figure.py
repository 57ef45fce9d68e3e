"""The ground that all Plotly figures stand on."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go

from resnet_viz.views.palette import theme

__all__ = ["figure"]

_HEIGHT: Final = 320  # pixels
_MARGIN: Final = {"l": 8, "r": 8, "t": 36, "b": 8}


def figure(title: str, dark: bool, height: int = _HEIGHT) -> go.Figure:
    """An empty figure in the manner of all: no ground of its own, the theme's ink.

    Args:
        title: What it shows.
        dark: Colours for a dark page.
        height: In pixels.
    """
    grid = {"gridcolor": "rgba(128,128,128,0.25)", "zerolinecolor": "rgba(128,128,128,0.25)"}
    # All at once: each update of a figure that is there already costs milliseconds.
    return go.Figure(
        layout={
            "title": {"text": title, "font": {"size": 15}},
            "height": height,
            "margin": _MARGIN,
            "font": {"color": theme(dark).ink},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "legend": {"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0, "xanchor": "left"},
            "xaxis": grid,
            "yaxis": grid,
        }
    )
