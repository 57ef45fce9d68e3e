"""Measured times as text and as tables: name to values, ready for a data frame or a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from resnet_viz.costs.latency.timings import (
    KINDS,
    Latency,
    NetworkTimings,
    OperationTimings,
    TimingSum,
    kind,
    sums,
)
from resnet_viz.units import percent, shape_text
from resnet_viz.views.row_groups import chw

__all__ = [
    "BY",
    "batch_table",
    "conditions_text",
    "operation_table",
    "share_table",
    "shares",
    "spread_text",
    "sum_text",
    "time_text",
    "unsteady_text",
    "verdict",
    "with_conditions",
]

BY: Final = {"kind": "Operation", "stage": "Stage"}
"""What times can be summed by, and what people call it."""

_UNSTEADY: Final = 0.5  # of the medians; samples are taken until a tenth is reached or time is up
_UNITS: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def time_text(seconds: float) -> str:
    """A time with three significant digits: ``1.23 ms``."""
    fitting = (pair for pair in _UNITS if float(f"{seconds / pair[0]:.3g}") >= 1)
    size, unit = next(fitting, _UNITS[-1])
    value = seconds / size
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def spread_text(latency: Latency) -> str:
    """The median, with the quartiles where there is more than one sample."""
    if latency.samples == 1:
        return f"{time_text(latency.median_seconds)} (once)"
    low, high = time_text(latency.low_seconds), time_text(latency.high_seconds)
    return f"{time_text(latency.median_seconds)} ({low} to {high})"


def conditions_text(timings: OperationTimings | NetworkTimings) -> str:
    """What the times depend on, in one line."""
    parts = [*_conditions(timings).values()]
    if isinstance(timings, OperationTimings):
        parts.append(f"batch {timings.report.input.batch}")
    return ", ".join(parts)


def _conditions(timings: OperationTimings | NetworkTimings) -> dict[str, str]:
    conditions, size = timings.conditions, timings.input
    threads = f"{conditions.threads} thread{'s' if conditions.threads > 1 else ''}"
    return {
        "Device": f"{conditions.device_name} ({conditions.device})",
        "Threads": threads,
        "PyTorch": f"torch {conditions.torch_version}",
        "Type": conditions.dtype + (", convolutions in TF32" if conditions.tf32 else ""),
        "Input": shape_text((timings.spec.in_channels, size.height, size.width)),
    }


def verdict(timings: OperationTimings) -> str:
    """What the convolutions are of the arithmetic, and what of the time."""
    convolutions = [row for row in timings.operations if row.layer.op == "conv2d"]
    seconds = sum(row.latency.median_seconds for row in convolutions)
    macs = sum(row.layer.macs for row in convolutions)
    return (
        f"Convolutions: {percent(macs / timings.report.totals.macs)} of the MACs, "
        f"{percent(seconds / timings.sum_seconds)} of the time."
    )


def sum_text(timings: OperationTimings) -> str:
    """The operations one by one beside the whole network."""
    ratio = timings.network.median_seconds / timings.sum_seconds
    return (
        f"The {len(timings.operations):,} operations one by one: "
        f"{time_text(timings.sum_seconds)}. The whole network: "
        f"{spread_text(timings.network)}, {ratio:.2f} × their sum."
    )


def unsteady_text(timings: OperationTimings) -> str:
    """That the times are not to be trusted, where their quartiles lie far apart; else nothing."""
    rows = [row.latency for row in timings.operations]
    apart = sum(latency.high_seconds - latency.low_seconds for latency in rows)
    ratio = apart / timings.sum_seconds
    if ratio <= _UNSTEADY:
        return ""
    return (
        f"The middle half of the samples spans {ratio:.0%} of the medians: something else keeps "
        "this device busy."
    ).replace("%", " %")


def shares(timings: OperationTimings, by: str) -> tuple[TimingSum, ...]:
    """Sums by kind of operation, in the order of `KINDS`, or by stage, in that of execution.

    Args:
        timings: What was measured.
        by: A key of `BY`.
    """
    if by == "stage":
        return sums(timings.operations, lambda row: row.layer.stage)
    found = sums(timings.operations, lambda row: kind(row.layer))
    return tuple(sorted(found, key=lambda each: KINDS.index(each.name)))


def share_table(timings: OperationTimings, by: str) -> dict[str, list[Any]]:
    """One row per kind or stage: its part of arithmetic, memory traffic and time, in per cent."""
    rows = shares(timings, by)
    macs, moved = timings.report.totals.macs, sum(row.bytes_moved for row in rows)
    return {
        BY[by]: [row.name for row in rows],
        "Operations": [row.operations for row in rows],
        "MACs, %": [100 * row.macs / macs for row in rows],
        "Bytes, %": [100 * row.bytes_moved / moved for row in rows],
        "Time, %": [100 * row.seconds / timings.sum_seconds for row in rows],
        "Time, ms": [1e3 * row.seconds for row in rows],
    }


def operation_table(timings: OperationTimings) -> dict[str, list[Any]]:
    """One row per operation: what it costs, what it takes, and the rates that it reaches."""
    rows = timings.operations
    return {
        "Layer": [row.layer.path for row in rows],
        "Operation": [kind(row.layer) for row in rows],
        "Stage": [row.layer.stage for row in rows],
        "Output": [chw(row.layer.output_shape) for row in rows],
        "Median, ms": [1e3 * row.latency.median_seconds for row in rows],
        "First quartile, ms": [1e3 * row.latency.low_seconds for row in rows],
        "Third quartile, ms": [1e3 * row.latency.high_seconds for row in rows],
        "Runs": [row.latency.runs for row in rows],
        "MACs": [row.layer.macs for row in rows],
        "Bytes moved": [row.bytes_moved for row in rows],
        "GMAC/s": [row.macs_per_second / 1e9 for row in rows],
        "GB/s": [row.bytes_per_second / 1e9 for row in rows],
        "Measured as": [row.measured_as for row in rows],
    }


def batch_table(timings: NetworkTimings) -> dict[str, list[Any]]:
    """One row per batch size: what a pass takes, and how many pictures a second."""
    rows = timings.batches
    return {
        "Batch": [row.batch for row in rows],
        "Median, ms": [1e3 * row.latency.median_seconds for row in rows],
        "First quartile, ms": [1e3 * row.latency.low_seconds for row in rows],
        "Third quartile, ms": [1e3 * row.latency.high_seconds for row in rows],
        "Runs": [row.latency.runs for row in rows],
        "Pictures per second": [row.pictures_per_second for row in rows],
    }


def with_conditions(
    timings: OperationTimings | NetworkTimings, table: Mapping[str, Sequence[Any]]
) -> dict[str, list[Any]]:
    """A table that leaves the page, with the conditions as further columns, alike in each row."""
    rows = len(next(iter(table.values())))
    known = dict[str, Any](_conditions(timings))
    if isinstance(timings, OperationTimings):
        known["Batch"] = timings.report.input.batch
    return {name: list(values) for name, values in table.items()} | {
        name: [value] * rows for name, value in known.items()
    }
