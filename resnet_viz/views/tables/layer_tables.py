"""Tables as columns: name to values, ready for a data frame or a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from resnet_viz.costs.flop_counters import LIKE, Ledger, count_rows, entries
from resnet_viz.costs.profile_records import Profile
from resnet_viz.features.channel_statistics import LayerStatistics
from resnet_viz.units import shape_text
from resnet_viz.views.row_groups import chw

__all__ = [
    "COUNTED",
    "USUAL_COLUMNS",
    "channel_table",
    "count_column",
    "csv_text",
    "downsample_table",
    "layer_table",
    "ledger_table",
    "rows_of",
]

Columns = dict[str, list[Any]]

COUNTED: Final = "Counted"
"""The heading of what a ledger counts."""

USUAL_COLUMNS: Final = (
    "Layer",
    "Operation",
    "Output",
    "Kernel",
    "Stride",
    "Parameters",
    "MACs",
    "Output bytes",
)
"""The columns of `layer_table` that fit beside one another on a page."""

_ABSENT: Final = "–"
_FRAMES_TO: Final = 2**63  # a data frame's integers end below


def count_column(counts: Iterable[int | None]) -> list[Any]:
    """Counts as a column that a data frame can hold; None for no count.

    Returns:
        The integers as they are or, where one is 2**63 or more, all as text, with separators.
    """
    column = list(counts)
    if all(count is None or count < _FRAMES_TO for count in column):
        return column
    return [_ABSENT if count is None else f"{count:,}" for count in column]


def layer_table(report: Profile, ledger: Ledger | None = None) -> Columns:
    """One row per operation; shapes as text, counts as integers.

    Counts that no data frame holds are text: see `count_column`.

    Args:
        report: The network at its input.
        ledger: What a last column, `COUNTED`, counts; left out, there is none.
    """
    rows = report.layers
    counts = {} if ledger is None else {COUNTED: count_column(count_rows(report, ledger))}
    return {
        "Layer": [row.path for row in rows],
        "Operation": [row.op for row in rows],
        "Stage": [row.stage for row in rows],
        "Branch": [row.branch for row in rows],
        "Input": [_inputs(row.input_shapes) for row in rows],
        "Output": [chw(row.output_shape) for row in rows],
        "Kernel": [_window(row.kernel) for row in rows],
        "Stride": [_window(row.stride) for row in rows],
        "Dilation": [_window(row.dilation) for row in rows],
        "Groups": [_ABSENT if row.groups is None else str(row.groups) for row in rows],
        "Parameters": count_column(row.params for row in rows),
        "MACs": count_column(row.macs for row in rows),
        "Output bytes": count_column(row.output_bytes for row in rows),
        "Receptive field": [shape_text(row.receptive_field) for row in rows],
        "Jump": [shape_text(row.jump) for row in rows],
        **counts,
    }


def rows_of(report: Profile, path: str) -> list[int]:
    """The rows of `layer_table` that an operation, a block, a stage or a container is."""
    return [
        index
        for index, row in enumerate(report.layers)
        if path in (row.path, row.stage) or row.path.startswith(f"{path}.")
    ]


def ledger_table(report: Profile) -> Columns:
    """One row per convention of `LIKE`: its total, and what it is made of.

    "× MACs" is the total as a multiple of the MACs of the network as it is. A kind that
    nobody counts has no column. Totals as in `layer_table`.
    """
    sums = [entries(report, convention.ledger) for convention in LIKE.values()]
    totals = [sum(kinds.values()) for kinds in sums]
    return {
        "Counts like": [convention.title for convention in LIKE.values()],
        "Calls them": [convention.unit for convention in LIKE.values()],
        "Total": count_column(totals),
        "× MACs": [total / report.totals.macs for total in totals],
    } | {
        kind: count_column(kinds[kind] for kinds in sums)
        for kind in sums[0]
        if any(kinds[kind] for kinds in sums)
    }


def _inputs(shapes: Sequence[tuple[int, ...]]) -> str:
    """The shape of what enters, with the number of inputs where it is not one: all are alike."""
    return chw(shapes[0]) + (f" ({len(shapes)})" if len(shapes) > 1 else "")


def _window(pair: tuple[int, int] | None) -> str:
    return _ABSENT if pair is None else shape_text(pair)


def downsample_table(report: Profile) -> Columns:
    """One row per downsample point."""
    points = report.downsample_points
    return {
        "Downsample point": [point.path for point in points],
        "Reason": [" + ".join(point.reasons) for point in points],
        "Input": [chw(point.input_shape) for point in points],
        "Output": [chw(point.output_shape) for point in points],
    }


def channel_table(numbers: LayerStatistics) -> Columns:
    """One row per channel of a layer's maps; what is no number is left empty."""
    rows = [channel.to_dict() for channel in numbers.channels]
    columns: Columns = {"channel": list(range(len(rows)))}
    for name in rows[0]:
        columns[name] = ["" if row[name] is None else row[name] for row in rows]
    return columns


def csv_text(columns: Mapping[str, Sequence[Any]]) -> str:
    """Columns of equal length as CSV, under a row of their names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()
