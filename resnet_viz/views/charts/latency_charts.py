"""Charts of measured times: where arithmetic alone misleads about them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import plotly.graph_objects as go

from resnet_viz.costs.latency.timings import (
    KINDS,
    NetworkTimings,
    OperationTiming,
    OperationTimings,
    kind,
)
from resnet_viz.units import percent, si
from resnet_viz.views.charts.base_figure import figure
from resnet_viz.views.palette import contrast, mix, theme
from resnet_viz.views.row_groups import chw
from resnet_viz.views.tables.latency_tables import BY, share_table, shares, spread_text, time_text

__all__ = ["ACROSS", "batch_chart", "rate_chart", "share_chart", "throughput_chart"]

ACROSS: Final = {"macs": "MACs", "bytes_moved": "bytes moved"}
"""What a time can be drawn against, and what people call it."""

# Okabe and Ito's set, as in `palette`; each kind has a shape of its own beside its colour.
_MARKS: Final = dict(
    zip(
        KINDS,
        (
            *(("#0072B2", "circle"), ("#56B4E9", "square"), ("#8A7FD6", "diamond")),
            *(("#009E73", "hexagon"), ("#7A7F87", "star"), ("#D55E00", "triangle-up")),
            *(("#E69F00", "triangle-down"), ("#CC79A7", "cross"), ("#A89A00", "x")),
            *(("#7A7F87", "bowtie"), ("#7A7F87", "hourglass")),
        ),
        strict=True,
    )
)
_SMALLEST: Final = 8  # pixels across a mark
_LARGEST: Final = 26
_ROOM: Final = 0.25  # decades around what is drawn
_INSIDE: Final = 0.02  # decades; Plotly draws no label at the very edge
_BAR_PIXELS: Final = 17
_LEGEND_PIXELS: Final = 34  # below the axis
_SERIES: Final = (("MACs, %", "MACs"), ("Bytes, %", "bytes moved"), ("Time, %", "measured time"))


class _Frame(NamedTuple):
    """The part of a logarithmic plane that is drawn: powers of ten."""

    left: float
    right: float
    bottom: float
    top: float


def rate_chart(timings: OperationTimings, across: str, dark: bool) -> go.Figure:
    """Each operation's time against its cost, on logarithmic axes, with lines of equal rate.

    Operations that are measured as one are one mark; its area is their share of the time.
    What has no such cost is left out.

    Args:
        timings: What was measured.
        across: A key of `ACROSS`.
        dark: Colours for a dark page.
    """
    drawn = figure(f"Measured time against {ACROSS[across]}, per operation", dark, 460)
    cost = _COSTS[across]
    rows = [row for row in timings.measured if cost(row) > 0]
    times = [row.latency.median_seconds for row in rows]
    frame = _frame([cost(row) for row in rows], times)
    unit = "MAC/s" if across == "macs" else "B/s"
    _rate_lines(drawn, frame, unit, dark)
    counts = _counts(timings)
    most = max(_together(row, counts) for row in rows)
    for name in KINDS:
        members = [row for row in rows if kind(row.layer) == name]
        if members:
            sizes = [_size(_together(row, counts) / most) for row in members]
            _marks(drawn, name, members, [cost(row) for row in members], sizes, dark)
            drawn.data[-1].customdata = [_hover(row, counts, unit, cost(row)) for row in members]
    suffix = "" if across == "macs" else "B"
    drawn.update_xaxes(
        type="log",
        range=[frame.left, frame.right],
        title=ACROSS[across],
        exponentformat="SI",
        ticksuffix=suffix,
        dtick=1,
    )
    drawn.update_layout(legend={"y": -0.17})  # below the axis's title, on a phone too
    _time_axis(drawn, (1,))
    drawn.update_yaxes(range=[frame.bottom, frame.top])
    return drawn


def _time_axis(drawn: go.Figure, digits: tuple[int, ...]) -> None:
    """Times on a logarithmic axis, marked at these multiples of each power of ten."""
    ticks = [digit * 10.0**power for power in range(-9, 4) for digit in digits]
    drawn.update_yaxes(type="log", tickvals=ticks, ticktext=list(map(time_text, ticks)))


_COSTS: Final[dict[str, Callable[[OperationTiming], int]]] = {
    "macs": lambda row: row.layer.macs,
    "bytes_moved": lambda row: row.bytes_moved,
}


def _frame(costs: list[int], times: list[float]) -> _Frame:
    across, up = ([math.log10(value) for value in values] for values in (costs, times))
    return _Frame(min(across) - _ROOM, max(across) + _ROOM, min(up) - _ROOM, max(up) + _ROOM)


def _rate_lines(drawn: go.Figure, frame: _Frame, unit: str, dark: bool) -> None:
    """Where each power of ten of a rate lies: time is cost over rate."""
    slowest = max(0, math.ceil(frame.left - frame.top))
    fastest = math.floor(frame.right - frame.bottom)
    for power in range(slowest, fastest + 1):
        start = max(frame.left, frame.bottom + power)
        end = min(frame.right, frame.top + power) - _INSIDE
        if end - start < _ROOM:  # it would only cut a corner
            continue
        drawn.add_scatter(
            x=[10**start, 10**end],
            y=[10 ** (start - power), 10 ** (end - power)],
            mode="lines+text",
            line={"color": theme(dark).faint, "width": 1, "dash": "dot"},
            text=["", _power(power, unit)],
            textposition="top left",
            cliponaxis=False,
            textfont={"color": theme(dark).faint, "size": 11},
            hoverinfo="skip",
            showlegend=False,
        )


def _power(power: int, unit: str) -> str:
    """A power of ten with a prefix and no decimals: ``10 GMAC/s``."""
    number, _, prefixed = si(10**power, unit).partition(" ")
    return f"{float(number):g} {prefixed}"


def _counts(timings: OperationTimings) -> dict[str, int]:
    """How many operations each measurement stands for."""
    counts: dict[str, int] = {}
    for row in timings.operations:
        counts[row.measured_as] = counts.get(row.measured_as, 0) + 1
    return counts


def _together(row: OperationTiming, counts: dict[str, int]) -> float:
    """The seconds of all operations that a measurement stands for."""
    return row.latency.median_seconds * counts[row.layer.path]


def _size(share: float) -> float:
    """Pixels across a mark whose area grows with its share."""
    return max(_SMALLEST, _LARGEST * math.sqrt(share))


def _marks(
    drawn: go.Figure,
    name: str,
    rows: list[OperationTiming],
    costs: list[int],
    sizes: list[float],
    dark: bool,
) -> None:
    hue, symbol = _MARKS[name]
    colour = _seen(hue, dark)
    times = [row.latency for row in rows]
    drawn.add_scatter(
        name=name,
        x=costs,
        y=[time.median_seconds for time in times],
        mode="markers",
        marker={
            "color": colour,
            "symbol": symbol,
            "size": sizes,
            "opacity": 0.9,
            "line": {"color": theme(dark).paper, "width": 1},
        },
        error_y={
            "array": [time.high_seconds - time.median_seconds for time in times],
            "arrayminus": [time.median_seconds - time.low_seconds for time in times],
            "symmetric": False,
            "color": colour,
            "thickness": 1,
            "width": 2,
        },
        hovertemplate="%{customdata}<extra></extra>",
    )


def _seen(colour: str, dark: bool) -> str:
    """A colour as much nearer to the ink as a mark needs (WCAG 2.2, 1.4.11: three to one)."""
    page = theme(dark)
    steps = (mix(colour, page.ink, 1 - step / 20) for step in range(21))
    return next(step for step in steps if contrast(step, page.paper) >= 3)


def _hover(row: OperationTiming, counts: dict[str, int], unit: str, cost: int) -> str:
    layer, count = row.layer, counts[row.layer.path]
    others = f" and {count - 1} like it" if count > 1 else ""
    rate = cost / row.latency.median_seconds
    return (
        f"<b>{layer.path}</b>{others} ({layer.stage})<br>{kind(layer)} to "
        f"{chw(layer.output_shape)}<br>{si(layer.macs)} MACs, {si(row.bytes_moved, 'B')}<br>"
        f"{spread_text(row.latency)}, {si(round(rate), unit)}"
    )


def share_chart(timings: OperationTimings, by: str, dark: bool) -> go.Figure:
    """What part of MACs, bytes and time the kinds of operations or the stages have.

    Args:
        timings: What was measured.
        by: A key of `BY`.
        dark: Colours for a dark page.
    """
    table, rows = share_table(timings, by), shares(timings, by)
    names = table[BY[by]]
    height = 110 + len(names) * (len(_SERIES) * _BAR_PIXELS + 8)
    drawn = figure(f"Shares by {BY[by].lower()}", dark, height)
    colours = ("#56B4E9" if dark else "#0072B2", "#E69F00", theme(dark).ink)
    for (column, name), colour in zip(_SERIES, colours, strict=True):
        drawn.add_bar(
            name=name,
            x=table[column],
            y=names,
            orientation="h",
            marker={"color": colour},
            text=[percent(value / 100) for value in table[column]],
            textposition="outside",
            cliponaxis=False,
            customdata=[f"{row.name}, {row.operations} operations" for row in rows],
            hovertemplate="%{customdata}: %{x:.3g} % of the " + name + "<extra></extra>",
        )
    drawn.update_layout(bargap=0.2, legend={"y": -_LEGEND_PIXELS / height})
    drawn.update_xaxes(range=[0, 125], ticksuffix=" %", dtick=25)
    drawn.update_yaxes(autorange="reversed", showgrid=False)
    return drawn


def throughput_chart(timings: NetworkTimings, dark: bool) -> go.Figure:
    """Pictures per second by batch size."""
    values = [row.pictures_per_second for row in timings.batches]
    labels = [f"{value:.3g} pictures per second" for value in values]
    return _by_batch("Pictures per second", timings, values, labels, dark)


def batch_chart(timings: NetworkTimings, dark: bool) -> go.Figure:
    """The latency of a pass by batch size."""
    values = [row.latency.median_seconds for row in timings.batches]
    labels = [spread_text(row.latency) for row in timings.batches]
    drawn = _by_batch("Latency of a pass", timings, values, labels, dark)
    latencies = [row.latency for row in timings.batches]
    drawn.update_traces(
        error_y={
            "array": [each.high_seconds - each.median_seconds for each in latencies],
            "arrayminus": [each.median_seconds - each.low_seconds for each in latencies],
            "symmetric": False,
            "thickness": 1,
        }
    )
    _time_axis(drawn, (1, 2, 5))
    return drawn


def _by_batch(
    title: str, timings: NetworkTimings, values: list[float], labels: list[str], dark: bool
) -> go.Figure:
    drawn = figure(title, dark, 280)
    batches = [row.batch for row in timings.batches]
    drawn.add_scatter(
        x=batches,
        y=values,
        mode="lines+markers",
        line={"color": "#56B4E9" if dark else "#0072B2", "width": 2},
        marker={"size": 8},
        customdata=labels,
        hovertemplate="batch %{x}: %{customdata}<extra></extra>",
        showlegend=False,
    )
    drawn.update_xaxes(
        type="log", title="batch", tickvals=batches, ticktext=list(map(str, batches))
    )
    drawn.update_yaxes(rangemode="tozero")
    return drawn
