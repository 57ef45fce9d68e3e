"""The staircase: resolution above and channels below, from the input to the last stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import log2
from typing import Any, Final

import plotly.graph_objects as go

from resnet_viz.costs.profile_records import Profile
from resnet_viz.network.display_names import network_at
from resnet_viz.units import shape_text
from resnet_viz.views.charts.base_figure import figure
from resnet_viz.views.charts.resolution_changes import Stop, along, names_of, stops
from resnet_viz.views.palette import mix, stage_colour, theme
from resnet_viz.views.row_groups import chw

__all__ = ["staircase_chart", "staircase_table"]

_ABSENT: Final = "–"
_HEIGHT: Final = 340  # pixels
_VEIL: Final = "E6"  # opacity, in hexadecimal
_WIDE: Final = 8  # with more columns a phone has no room for whole words
_TEXT: Final = 10.5  # pixels
_SHAPES: Final = {
    ("stride",): "triangle-down",
    ("channels",): "diamond",
    ("stride", "channels"): "star",
}


def staircase_table(report: Profile, reference: Profile) -> dict[str, list[str]]:
    """What the chart shows, as text: a row for each stop, from the input to the last stage.

    Shapes are C × H × W; a part that a network lacks has none. ``Differs in`` says
    what of a stop is not as in the reference.

    Args:
        report: The chosen network at its input.
        reference: What it is compared with.
    """
    own, other = stops(report), stops(reference)
    names = names_of(own, other)
    here, there = along(own, names), along(other, names)
    return {
        "Stop": names,
        "Reference": list(map(_shape, there)),
        "Here": list(map(_shape, here)),
        "Differs in": list(map(_difference, here, there)),
        "Blocks, reference": list(map(_blocks, there)),
        "Blocks, here": list(map(_blocks, here)),
        "Downsample point, reference": list(map(_reasons, there)),
        "Downsample point, here": list(map(_reasons, here)),
    }


def _shape(stop: Stop | None) -> str:
    return chw(stop.shape) if stop and stop.path else _ABSENT


def _blocks(stop: Stop | None) -> str:
    return str(stop.blocks) if stop and stop.blocks else _ABSENT


def _reasons(stop: Stop | None) -> str:
    return " + ".join(stop.reasons) if stop and stop.reasons else _ABSENT


def _difference(here: Stop | None, there: Stop | None) -> str:
    """What of a stop is not as in the reference."""
    if not (here and here.path):
        return "only in the reference"
    if not (there and there.path):
        return "only here"
    differs = {
        "resolution": here.shape[2:] != there.shape[2:],
        "channels": here.shape[1] != there.shape[1],
        "blocks": here.blocks != there.blocks,
        "downsample point": here.reasons != there.reasons,
    }
    return ", ".join(name for name, holds in differs.items() if holds) or _ABSENT


def staircase_chart(report: Profile, reference: Profile, dark: bool) -> go.Figure:
    """Resolution above the axis and channels below it, from the input to the last stage.

    Each doubling is a step of one height, for both. Bars are the network, in the colours of its
    stages; a dotted outline is the reference, where it is another. Where the map is not square
    the darker part of a bar is its shorter side. Markers stand where a shortcut changes the
    shape, each reason with its own shape.

    Args:
        report: The chosen network at its input.
        reference: What it is compared with.
        dark: Colours for a dark page.
    """
    own, other = stops(report), stops(reference)
    names = names_of(own, other)
    here, there = along(own, names), along(other, names)
    drawn = figure("Resolution above, channels below", dark, _HEIGHT)
    _bars(drawn, here, there, dark)
    _outline(drawn, here, there, network_at(reference.spec, reference.input), dark)
    _markers(drawn, here, dark)
    # One by one they would take Plotly longer than all the rest.
    drawn.update_layout(annotations=list(_sizes(here, dark)), **_axes(here, there, names, dark))
    return drawn


def _level(size: int) -> float:
    """The height of a size on the chart: a unit for each doubling, one for a size of 1."""
    return log2(size) + 1


def _sides(stop: Stop) -> tuple[int, int]:
    """The shorter and the longer side of the map, in cells."""
    low, high = sorted(stop.shape[2:])
    return low, high


def _bars(
    drawn: go.Figure, here: Sequence[Stop | None], there: Sequence[Stop | None], dark: bool
) -> None:
    """One column for each stop, upwards for the map's sides, downwards for the channels."""
    columns = [(place, stop) for place, stop in enumerate(here) if stop is not None]
    hover = [_hover(stop, there[place]) for place, stop in columns]
    shorter, longer, channels = _edges(here)
    paper = theme(dark).paper
    for levels, strength in ((longer, 0.35), (shorter, 0.85), (channels, 0.55)):
        drawn.add_bar(
            x=[place for place, _ in columns],
            y=list(levels),
            width=1,
            marker={
                "color": [mix(stage_colour(stop.stage), paper, strength) for _, stop in columns],
                "line": {"color": paper, "width": 1},
            },
            customdata=hover,
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )


def _hover(stop: Stop, reference: Stop | None) -> str:
    lines = [f"<b>{stop.name}</b> {chw(stop.shape)}"]
    if stop.path is None:
        lines = [f"no {stop.name} here: {chw(stop.shape)}"]
    if stop.blocks:
        lines.append(f"{stop.blocks} block{'' if stop.blocks == 1 else 's'}")
    if stop.reasons:
        lines.append(f"downsample point: {' and '.join(stop.reasons)}")
    if reference is not None:
        lines.append(f"reference: {chw(reference.shape)}")
    return "<br>".join(lines)


def _outline(
    drawn: go.Figure,
    here: Sequence[Stop | None],
    there: Sequence[Stop | None],
    name: str,
    dark: bool,
) -> None:
    """The reference's steps, dotted, where they are others: both sides, the channels."""
    pairs = zip(_edges(here), _edges(there), strict=True)
    others = dict.fromkeys(theirs for mine, theirs in pairs if theirs != mine)
    for index, levels in enumerate(others):
        x = [place + edge for place in range(len(levels)) for edge in (-0.5, 0.5)]
        y = [level for level in levels for _ in range(2)]
        drawn.add_scatter(
            x=[x[0], *x, x[-1]],
            y=[0, *y, 0],
            mode="lines",
            line={"dash": "dot", "width": 2, "color": theme(dark).ink},
            name=name,
            legendgroup=name,
            showlegend=index == 0,
            hoverinfo="skip",
        )


def _edges(network: Sequence[Stop | None]) -> tuple[tuple[float, ...], ...]:
    """The levels of the shorter side, of the longer one and of the channels, stop by stop."""
    found = [stop for stop in network if stop is not None]
    return (
        tuple(_level(_sides(stop)[0]) for stop in found),
        tuple(_level(_sides(stop)[1]) for stop in found),
        tuple(-_level(stop.shape[1]) for stop in found),
    )


def _markers(drawn: go.Figure, here: Sequence[Stop | None], dark: bool) -> None:
    """The downsample points, on the steps that they bridge."""
    for reasons, symbol in _SHAPES.items():
        places = [
            (place - 0.5, level)
            for place, stop in enumerate(here)
            if stop is not None and stop.reasons == reasons
            for level in _bridged(here[place - 1], stop)
        ]
        if not places:
            continue
        drawn.add_scatter(
            x=[x for x, _ in places],
            y=[y for _, y in places],
            mode="markers",
            marker={
                "symbol": symbol,
                "size": 9,
                "color": theme(dark).badge,
                "line": {"color": theme(dark).badge_edge, "width": 1.5},
            },
            name=" + ".join(reasons),
            hovertemplate=f"downsample point: {' and '.join(reasons)}<extra></extra>",
        )


def _bridged(before: Stop | None, after: Stop) -> Iterator[float]:
    """The middle of each step at a downsample point: of the sides, of the channels."""
    if before is None:
        return
    if "stride" in after.reasons:
        yield (_level(_sides(before)[0]) + _level(_sides(after)[0])) / 2
    if "channels" in after.reasons:
        yield -(_level(before.shape[1]) + _level(after.shape[1])) / 2


def _sizes(here: Sequence[Stop | None], dark: bool) -> Iterator[dict[str, Any]]:
    """Each size once, where it begins to hold: sides above their step, channels below."""
    columns = [(place, stop) for place, stop in enumerate(here) if stop is not None]
    for size, run in groupby(columns, key=lambda column: column[1].shape[2:]):
        yield _note(next(run)[0], _level(max(size)), _area(size, len(here)), dark)
    for channels, run in groupby(columns, key=lambda column: column[1].shape[1]):
        yield _note(next(run)[0], -_level(channels), f"{channels}", dark)


def _area(size: tuple[int, ...], columns: int) -> str:
    """A map's sides; one stands for both of a square where the columns are many."""
    if columns <= _WIDE:
        return shape_text(size)
    return "×".join(map(str, dict.fromkeys(size)))


def _note(place: int, level: float, words: str, dark: bool) -> dict[str, Any]:
    return {
        "x": place,
        "y": level,
        "text": words,
        "showarrow": False,
        "yanchor": "bottom" if level > 0 else "top",
        "borderpad": 1,
        "bgcolor": f"{theme(dark).paper}{_VEIL}",  # the reference's line runs behind
        "font": {"size": _TEXT, "color": theme(dark).ink},
    }


def _axes(
    here: Sequence[Stop | None],
    there: Sequence[Stop | None],
    names: Sequence[str],
    dark: bool,
) -> dict[str, Any]:
    every = [stop for stop in (*here, *there) if stop is not None]
    top = max(_level(max(stop.shape[2:])) for stop in every)
    bottom = max(_level(stop.shape[1]) for stop in every)
    powers = [4**exponent for exponent in range(1, 11)]
    ticks = [(_level(power), power) for power in powers if _level(power) <= top]
    ticks += [(-_level(power), power) for power in powers if _level(power) <= bottom]
    faint = {"size": 10, "color": theme(dark).faint}
    return {
        "barmode": "overlay",
        "bargap": 0,
        "hovermode": "closest",
        "dragmode": False,
        "title": {"y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 8}},
        "margin": {"t": 84},
        "legend": {"y": 1, "yanchor": "bottom", "font": {"size": 11}},
        "yaxis": {
            "range": [-bottom - 1.4, top + 1.3],
            "tickvals": [level for level, _ in ticks],
            "ticktext": [f"{power}" for _, power in ticks],
            "tickfont": faint,
            "fixedrange": True,
        },
        "xaxis": {
            "range": [-0.5, len(names) - 0.5],
            "tickvals": list(range(len(names))),
            "ticktext": list(names) if len(names) > _WIDE else list(map(_tick, names, here)),
            "tickfont": {"size": _TEXT},
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
    }


def _tick(name: str, stop: Stop | None) -> str:
    return f"{name}<br>× {stop.blocks}" if stop is not None and stop.blocks else name
