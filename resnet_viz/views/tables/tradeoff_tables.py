"""The numbers behind the charts of what networks cost and see, as columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from resnet_viz.sizing.tradeoffs.network_candidates import pareto_front
from resnet_viz.sizing.tradeoffs.series import Point, Series, number
from resnet_viz.units import shape_text
from resnet_viz.views.tables.layer_tables import count_column

__all__ = ["front_table", "series_table"]

Columns = dict[str, list[Any]]
Titles = Callable[[str], str]

_HEADINGS: Final = {"size": "Height", "depth": "Layers", "width": "Planes"}


def series_table(series: Sequence[Series], title: Titles = str) -> Columns:
    """One row a point, series after series: what it is, and all its totals, exact.

    Counts that no data frame holds are text: see `resnet_viz.views.tables.layer_tables`.

    Args:
        series: At least one, all over the same variable.
        title: How the name of a preset is written.
    """
    points = [point for each in series for point in each.points]
    return {
        "Series": [each.name for each in series for _ in each.points],
        _HEADINGS[series[0].over]: [int(x) for each in series for x in each.x],
        "Network": [title(point.name) for point in points],
        **_totals(points),
    }


def front_table(
    groups: Mapping[str, Sequence[Point]], price: str, gain: str, title: Titles = str
) -> Columns:
    """One row a candidate, the cheapest first: whether it is on the front, and all its totals.

    Counts as in `series_table`.

    Args:
        groups: As `resnet_viz.sizing.tradeoffs.network_candidates` gives them.
        price: A field of the totals, to be small.
        gain: A field of the totals, to be large.
        title: How the name of a preset is written.
    """
    points = sorted(
        (point for group in groups.values() for point in group),
        key=lambda point: (number(point.totals, price), -number(point.totals, gain)),
    )
    front = pareto_front(
        [number(point.totals, price) for point in points],
        [number(point.totals, gain) for point in points],
    )
    members = {int(place) for place in front}
    return {
        "Network": [title(point.name) for point in points],
        "On the front": ["yes" if place in members else "" for place in range(len(points))],
        **_totals(points),
    }


def _totals(points: Sequence[Point]) -> Columns:
    sums = [point.totals for point in points]
    return {
        "Input": [shape_text((point.input.height, point.input.width)) for point in points],
        "MACs": count_column(each.macs for each in sums),
        "Peak bytes": count_column(each.peak_activation_bytes for each in sums),
        "Activation bytes": count_column(each.activation_bytes for each in sums),
        "Parameters": count_column(each.params for each in sums),
        "Final grid": [shape_text(each.final_grid) for each in sums],
        "Receptive field": [shape_text(each.receptive_field) for each in sums],
        "Output stride": [shape_text(each.output_stride) for each in sums],
    }
