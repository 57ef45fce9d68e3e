"""A profile as text: a table for people, comma-separated values for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from resnet_viz.costs.flop_counters import LIKE, count_rows, counted
from resnet_viz.costs.profile_records import LayerProfile, Profile, Totals
from resnet_viz.units import si
from resnet_viz.views.tables.layer_tables import csv_text

__all__ = ["by_x", "csv_layers", "table"]

_HEADINGS: Final = ("Layer", "Operation", "Output", "Params", "MACs", "Bytes", "Sees")
_NUMBERS_FROM: Final = 3  # columns to the right of this one are aligned right


def by_x(sizes: Iterable[int]) -> str:
    """Sizes as the command line writes them, ``1x64x56x56``."""
    return "x".join(str(size) for size in sizes)


def table(report: Profile, like: str | None = None) -> str:
    """All operations by stage, then the totals and the downsample points.

    Shapes are those of one picture, costs those of the whole batch. A hundred columns are
    enough for every preset at its usual input.

    Args:
        report: The network at its input.
        like: A name of `flop_counters.LIKE`, whose count then stands among the totals.
    """
    rows = [_row(layer) for layer in report.layers]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    whole = sum(widths) + 2 * (len(widths) - 1)
    lines = [_title(report), "", _aligned(_HEADINGS, widths)]
    staged = groupby(zip(report.layers, rows, strict=True), key=lambda pair: pair[0].stage)
    for stage, pairs in staged:
        lines.append(f"── {stage} ".ljust(whole, "─"))
        lines += [_aligned(row, widths) for _, row in pairs]
    lines.append("── total ".ljust(whole, "─"))
    lines += [f"{name:<18}{value}" for name, value in _totals(report.totals)]
    if like is not None:
        lines.append(f"Counted like {like}  {_exact(counted(report, LIKE[like].ledger))}")
    if report.downsample_points:
        lines += ["", "Downsample points"]
        lines += [
            f"{point.path:<22}{by_x(point.input_shape[1:])} → {by_x(point.output_shape[1:])}"
            f"  ({' and '.join(point.reasons)})"
            for point in report.downsample_points
        ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _title(report: Profile) -> str:
    spec, size = report.spec, report.input.to_dict().values()
    sizes = by_x(side for side in size if side is not None)
    blocks = ", ".join(map(str, spec.blocks))
    return f"{spec.depth} layers: {spec.block} blocks {blocks}; input {sizes}, {report.dtype}"


def _row(layer: LayerProfile) -> tuple[str, ...]:
    """One operation, as the words of `_HEADINGS`."""
    operation = layer.op
    if layer.kernel and layer.stride and layer.op != "adaptive_avg_pool2d":
        operation += f" {by_x(layer.kernel)}/{layer.stride[0]}"
        if layer.dilation not in (None, (1, 1)):
            operation += f" d{layer.dilation[0]}"
    if layer.groups and layer.groups > 1:
        operation += f" g{layer.groups}"
    return (
        layer.path,
        operation,
        by_x(layer.output_shape[1:]),
        si(layer.params) if layer.params else "-",
        si(layer.macs) if layer.macs else "-",
        si(layer.output_bytes, "B"),
        by_x(layer.receptive_field),
    )


def _aligned(words: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        word.rjust(width) if index >= _NUMBERS_FROM else word.ljust(width)
        for index, (word, width) in enumerate(zip(words, widths, strict=True))
    )
    return "  ".join(cells)


def _totals(totals: Totals) -> Iterator[tuple[str, str]]:
    yield "Depth", str(totals.depth)
    yield "Parameters", _exact(totals.params)
    yield "Buffers", _exact(totals.buffers)
    yield "MACs", _exact(totals.macs)
    yield "FLOPs", _exact(totals.flops)
    yield "Weights", _exact(totals.weight_bytes, "B")
    yield "Activations", _exact(totals.activation_bytes, "B")
    peak = _exact(totals.peak_activation_bytes, "B")
    yield "Most alive", f"{peak} at {totals.peak_path}"
    yield "Final grid", by_x(totals.final_grid)
    yield "Output stride", by_x(totals.output_stride)
    yield "Receptive field", by_x(totals.receptive_field)


def _exact(value: int, unit: str = "") -> str:
    """With a prefix, and to the last digit where the prefix leaves some out."""
    short = si(value, unit)
    return short if abs(value) < 1000 else f"{short} ({value:,})"


def csv_layers(report: Profile, like: str | None = None) -> str:
    """One row per operation, with the columns of ``profile --format json``.

    Shapes and pairs are written ``1x64x56x56``, several of them apart by a space, and what has
    no meaning is left empty. With `like`, a name of `flop_counters.LIKE`, a last column
    ``counted`` holds what each row contributes to that count.
    """
    rows = [layer.to_dict() for layer in report.layers]
    columns = {name: [_cell(row[name]) for row in rows] for name in rows[0]}
    if like is not None:
        columns["counted"] = list(count_rows(report, LIKE[like].ledger))
    return csv_text(columns)


def _cell(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    if value and isinstance(value[0], int):
        return by_x(value)
    return " ".join(part if isinstance(part, str) else by_x(part) for part in value)
