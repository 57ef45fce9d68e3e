"""What networks cost and see, over size, depth or width, and the front of those worth it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import plotly.graph_objects as go

from resnet_viz.network.spec import PRESETS
from resnet_viz.sizing.tradeoffs.network_candidates import pareto_front
from resnet_viz.sizing.tradeoffs.series import Point, Series, number
from resnet_viz.views.charts.base_figure import figure
from resnet_viz.views.charts.tradeoff_labels import (
    NAME_ROOM,
    NEVER_PALE,
    TOTALS,
    Axis,
    Name,
    star,
    texts,
    written,
)
from resnet_viz.views.palette import stage_outline, theme

__all__ = ["GROUPS", "front_chart", "series_chart"]

GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {"presets": "presets", "depths": "other depths", "variants": "variants"}
)
"""What the groups of `sizing.tradeoffs.candidates` are called, the chosen network left out."""

Titles = Callable[[str], str]

_HEIGHT: Final = 440  # pixels
_VARIABLES: Final = {
    "size": "input height, pixels",
    "depth": "layers with weights",
    "width": "planes of the first stage",
}
_DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x")
_EDGE: Final = 0.3  # of an axis: nearer to its end a name would be cut off


def series_chart(
    series: Sequence[Series], total: str, chosen: Point, dark: bool, title: Titles = str
) -> go.Figure:
    """A line a network, all over one variable, and the chosen network as a star.

    Trace i shows series i, its marker j that series' point j.

    Args:
        series: At least one, all over the same variable; the first is the chosen network's.
        total: A key of `TOTALS`; of rows and columns the smaller is drawn.
        chosen: The chosen network at its input.
        dark: Colours for a dark page.
        title: How the name of a preset is written.
    """
    over = series[0].over
    drawn = _figure(f"{TOTALS[total][0]} over {over}", dark)
    for place, each in enumerate(series):
        drawn.add_scatter(**_line(each, place, total, dark, title))
    points = [chosen, *(point for each in series for point in each.points)]
    up = Axis.of(number(point.totals, total) for point in points)
    if over == "depth":
        drawn.add_scatter(**texts(_published(series, total, up, title)))
    here = _variable(over, chosen)
    drawn.add_scatter(x=[here], y=[float(number(chosen.totals, total))], **star(dark))
    drawn.update_yaxes(up.settings(TOTALS[total][1]))
    drawn.update_xaxes(title=_VARIABLES[over])
    if up.log and over != "depth":
        drawn.update_xaxes(type="log", tickvals=[2**power for power in range(15)])
    return drawn


def _figure(title: str, dark: bool) -> go.Figure:
    drawn = figure(title, dark, _HEIGHT)
    return drawn.update_layout(legend={"y": -0.22})  # below the title of the axis


def _variable(over: str, point: Point) -> int:
    """Where a point lies on the axis of a variable."""
    if over == "size":
        return point.input.height
    return point.totals.depth if over == "depth" else point.spec.base_width


def _line(each: Series, place: int, total: str, dark: bool, title: Titles) -> dict[str, Any]:
    """A network's line; the first, in the ink, is broader, so that it is seen beneath others."""
    hue = theme(dark).ink if place == 0 else stage_outline(f"layer{place}", dark)
    published = [each.over == "depth" and point.name in PRESETS for point in each.points]
    return {
        "name": each.name,
        "x": each.x.tolist(),
        "y": [float(number(point.totals, total)) for point in each.points],
        "mode": "lines+markers",
        "line": {
            "color": hue,
            "width": 2 if place else 3.5,
            "dash": _DASHES[place % len(_DASHES)],
            "shape": "hv" if total == "final_grid" else "linear",
        },
        "marker": {
            "size": [10 if known else 5 for known in published],
            "symbol": _SYMBOLS[place % len(_SYMBOLS)],
        },
        "customdata": [(title(point.name), written(point, total)) for point in each.points],
        "hovertemplate": "%{customdata[0]}: %{customdata[1]}<extra>%{fullData.name}</extra>",
        **NEVER_PALE,
    }


def _published(series: Sequence[Series], total: str, up: Axis, title: Titles) -> list[Name]:
    """The presets among the points."""
    across = Axis.of(int(x) for each in series for x in each.x)
    names = []
    for each in series:
        for x, point in zip(each.x.tolist(), each.points, strict=True):
            if point.name in PRESETS:
                y = number(point.totals, total)
                share = ((x - across.low) / (across.high - across.low), up.share(y))
                # The lines rise, so there is room below them.
                names.append(Name(x, y, title(point.name), "bottom right", share))
    return names


def front_chart(
    groups: Mapping[str, Sequence[Point]], price: str, gain: str, dark: bool, title: Titles = str
) -> go.Figure:
    """Networks by what they cost and what they give, with the Pareto front as a step line.

    Trace i shows the i-th of `GROUPS`, its marker j that group's point j; the front, the names of
    its members and the star of the chosen network follow.

    Args:
        groups: As `sizing.tradeoffs.candidates` gives them.
        price: A key of `TOTALS`, to be small.
        gain: A key of `TOTALS`, to be large.
        dark: Colours for a dark page.
        title: How the name of a preset is written.
    """
    drawn = _figure(f"{TOTALS[gain][0]} for {TOTALS[price][0]}", dark)
    for place, group in enumerate(GROUPS):
        drawn.add_scatter(**_cloud(groups[group], place, price, gain, dark, title))
        drawn.data[-1].name = GROUPS[group]
    points = [point for group in groups.values() for point in group]
    costs = [number(point.totals, price) for point in points]
    gains = [number(point.totals, gain) for point in points]
    across, up = Axis.of(costs), Axis.of(gains)
    members = [int(place) for place in pareto_front(costs, gains)]
    drawn.add_scatter(
        name="Pareto front",
        x=[float(costs[place]) for place in members],
        y=[float(gains[place]) for place in members],
        mode="lines",
        line={"shape": "hv", "color": theme(dark).faint, "width": 2},
        hoverinfo="skip",
    )
    names = []
    for place in members:
        share = (across.share(costs[place]), up.share(gains[place]))
        text = title(points[place].name).replace(", ", ",<br>")
        names.append(Name(costs[place], gains[place], text, _above_front(share), share))
    drawn.add_scatter(**texts(names))
    (chosen,) = groups["chosen"]
    drawn.add_scatter(
        x=[float(number(chosen.totals, price))],
        y=[float(number(chosen.totals, gain))],
        **star(dark),
    )
    drawn.update_xaxes(title=TOTALS[price][0], **across.settings(TOTALS[price][1]))
    drawn.update_yaxes(up.settings(TOTALS[gain][1]))
    return drawn


def _cloud(
    points: Sequence[Point], place: int, price: str, gain: str, dark: bool, title: Titles
) -> dict[str, Any]:
    """A group's networks, as markers."""
    return {
        "x": [float(number(point.totals, price)) for point in points],
        "y": [float(number(point.totals, gain)) for point in points],
        "mode": "markers",
        "marker": {
            "size": 9,
            "color": stage_outline(f"layer{place + 1}", dark),
            "symbol": _SYMBOLS[place],
            "line": {"color": theme(dark).paper, "width": 1},
        },
        "customdata": [
            (title(point.name), written(point, price), written(point, gain)) for point in points
        ],
        "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}, %{customdata[2]}<extra></extra>",
        **NEVER_PALE,
    }


def _above_front(share: tuple[float, float]) -> str:
    """Where a name of the front stands: above it, where there are no points, but on the chart."""
    if share[1] > 1 - NAME_ROOM[1]:
        return "middle left" if share[0] > _EDGE else "middle right"
    return "top left" if share[0] > _EDGE else "top right"
