"""Tables as columns: name to values, ready for a data frame or a CSV file."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from resnet_viz.records import Profile
from resnet_viz.units import shape_text
from resnet_viz.views.outline import chw, stages

__all__ = ["csv_text", "downsample_table", "layer_table", "resolution_table"]

Columns = dict[str, list[Any]]

_ABSENT: Final = "–"


def layer_table(report: Profile) -> Columns:
    """One row per operation; shapes as text, counts as integers."""
    rows = report.layers
    return {
        "Layer": [row.path for row in rows],
        "Operation": [row.op for row in rows],
        "Stage": [row.stage for row in rows],
        "Branch": [row.branch for row in rows],
        "Input": [" + ".join(map(chw, row.input_shapes)) for row in rows],
        "Output": [chw(row.output_shape) for row in rows],
        "Kernel": [_window(row.kernel) for row in rows],
        "Stride": [_window(row.stride) for row in rows],
        "Groups": [_ABSENT if row.groups is None else str(row.groups) for row in rows],
        "Parameters": [row.params for row in rows],
        "MACs": [row.macs for row in rows],
        "Output bytes": [row.output_bytes for row in rows],
        "Receptive field": [shape_text(row.receptive_field) for row in rows],
        "Jump": [shape_text(row.jump) for row in rows],
    }


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


def resolution_table(report: Profile, reference: Profile) -> Columns:
    """Stem and stages: the map each ends with, here and at the reference input."""
    here, there = stages(report)[:-1], stages(reference)[:-1]
    last = [part.layers[-1] for part in here]
    columns: Columns = {
        "Stage": [part.path for part in here],
        "Output": [chw(row.output_shape) for row in last],
        "MACs": [part.macs for part in here],
    }
    if reference.input != report.input:
        size = shape_text((reference.input.height, reference.input.width))
        columns[f"Output at {size}"] = [chw(part.output_shape) for part in there]
        columns[f"MACs at {size}"] = [part.macs for part in there]
    return columns | {
        "Jump": [shape_text(row.jump) for row in last],
        "Receptive field": [shape_text(row.receptive_field) for row in last],
    }


def csv_text(columns: Columns) -> str:
    """The table as CSV with a header row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()
