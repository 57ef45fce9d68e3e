"""A comparison as tables, as text and as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from textwrap import wrap
from typing import Any, Final

from resnet_viz.costs.profile_records import LayerProfile, Profile
from resnet_viz.sizing.comparison.comparing import ComparedLayer, Comparison
from resnet_viz.sizing.comparison.wording import multiple, share_text
from resnet_viz.sizing.input_fit import (
    convolutions,
    field_exceeds,
    overhang,
    reads_one_cell,
    unread,
)
from resnet_viz.units import shape_text, si
from resnet_viz.views.row_groups import chw
from resnet_viz.views.tables.layer_tables import count_column
from resnet_viz.views.tables.profile_text import by_x

__all__ = [
    "CHANGE",
    "LAYER",
    "TOTAL",
    "change_table",
    "csv_columns",
    "text",
    "to_dict",
    "total_table",
]

LAYER: Final = "Layer"
"""The heading of the paths."""

CHANGE: Final = "What changed"
"""The heading of the remarks."""

TOTAL: Final = "Total"
"""The heading of the totals' names."""

_ABSENT: Final = "–"
_WHOLE: Final = 100  # columns of a terminal
_COUNTS: Final = ("MACs", "Output bytes")
_WEIGHTS: Final = {"loads": "load", "reshaped": "reshaped", None: _ABSENT}


def change_table(comparison: Comparison, only_different: bool = True) -> dict[str, list[Any]]:
    """One row per operation of either network: what changed, and both sides of it.

    Shapes are C × H × W as text. Counts are integers, None where a network lacks the operation,
    or text: see `resnet_viz.views.tables.layer_tables.count_column`.

    Args:
        comparison: The two networks.
        only_different: Leave out the operations that are the same in both.
    """
    rows = _rows(comparison, only_different)
    table: dict[str, list[Any]] = {
        LAYER: [row.path for row in rows],
        CHANGE: [row.remark or _ABSENT for row in rows],
    }
    both: dict[str, Callable[[LayerProfile, Profile], Any]] = {
        "Output": lambda layer, _: chw(layer.output_shape),
        "MACs": lambda layer, _: layer.macs,
        "Output bytes": lambda layer, _: layer.output_bytes,
        "Input": lambda layer, _: chw(layer.input_shapes[0]),
        "Receptive field": lambda layer, _: shape_text(layer.receptive_field),
        "Field ÷ picture": lambda layer, report: _times(_field_share(layer, report)),
        "Rounded up": lambda layer, _: _some(overhang(layer)),
        "Not read": lambda layer, _: _some(unread(layer)),
        "On 1 × 1": lambda layer, _: "yes" if _small(layer) else _ABSENT,
    }
    for name, value in both.items():
        counts = name in _COUNTS
        absent: Any = None if counts else _ABSENT
        before = [value(row.before, comparison.first) if row.before else absent for row in rows]
        after = [value(row.after, comparison.second) if row.after else absent for row in rows]
        table[f"{name}, reference"] = count_column(before) if counts else before
        table[f"{name}, here"] = count_column(after) if counts else after
    return table | {
        "Weights": [_WEIGHTS.get(row.weights, row.weights) for row in rows],
        "Operation": [row.layer.op for row in rows],
        "Stage": [row.stage for row in rows],
    }


def _rows(comparison: Comparison, only_different: bool) -> tuple[ComparedLayer, ...]:
    return comparison.different if only_different else comparison.layers


def _field_share(layer: LayerProfile, report: Profile) -> tuple[float, float]:
    """The receptive field as a multiple of the picture's height and width."""
    rows, columns = layer.receptive_field
    return rows / report.input.height, columns / report.input.width


def _times(pair: tuple[float, float]) -> str:
    return " × ".join(f"{value:,.2f}" for value in pair)


def _some(pair: tuple[int, int]) -> str:
    """Rows × columns, nothing for none."""
    return shape_text(pair) if any(pair) else _ABSENT


def _small(layer: LayerProfile) -> bool:
    return layer.op == "conv2d" and reads_one_cell(layer)


def total_table(comparison: Comparison) -> dict[str, list[str]]:
    """What the networks come to, side by side; all as text, ready to be read."""
    first, second = comparison.first, comparison.second
    rows = list(_totals(first, second))
    share = share_text(comparison.loading_params, second.totals.params)
    rows.insert(1, ("Parameters that load", _ABSENT, share, ""))
    return {
        name: [row[place] for row in rows]
        for place, name in enumerate((TOTAL, "Reference", "Here", "Change"))
    }


def _totals(first: Profile, second: Profile) -> Iterator[tuple[str, str, str, str]]:
    for name, field, unit in (
        ("Parameters", "params", ""),
        ("MACs", "macs", ""),
        ("Activations", "activation_bytes", "B"),
        ("Peak memory", "peak_activation_bytes", "B"),
    ):
        old, new = getattr(first.totals, field), getattr(second.totals, field)
        change = "" if old == new else multiple(new, old)
        yield name, si(old, unit), si(new, unit), change
    for name, field in (
        ("Final grid", "final_grid"),
        ("Receptive field", "receptive_field"),
        ("Output stride", "output_stride"),
    ):
        old, new = (shape_text(getattr(report.totals, field)) for report in (first, second))
        yield name, old, new, ""
    counts: dict[str, Callable[[LayerProfile, Profile], bool]] = {
        "Convolutions on 1 × 1": lambda layer, _: reads_one_cell(layer),
        "Fields past the picture": field_exceeds,
    }
    for name, holds in counts.items():
        yield name, _share(first, holds), _share(second, holds), ""


def _share(report: Profile, holds: Callable[[LayerProfile, Profile], bool]) -> str:
    layers = convolutions(report)
    return f"{sum(holds(layer, report) for layer in layers):,} of {len(layers):,}"


def text(comparison: Comparison, only_different: bool = True) -> str:
    """The summary, the totals and the layers by stage, for a terminal.

    Shapes are those of one picture, MACs those of the whole batch.

    Args:
        comparison: The two networks.
        only_different: Leave out the operations that are the same in both.
    """
    lines = [
        f"Reference  {_title(comparison.first)}",
        f"Here       {_title(comparison.second)}",
        "",
        *(line for sentence in comparison.summary for line in _wrapped(sentence)),
        "",
    ]
    totals = total_table(comparison)
    lines += _aligned([list(totals), *zip(*totals.values(), strict=True)], "lrrr")
    rows = _rows(comparison, only_different)
    if rows:
        headings = (LAYER, "Reference", "Here", "MACs", "Here", CHANGE)
        table = _aligned([headings, *map(_words, rows)], "lrrrrl")
        whole = max(map(len, table))
        lines += ["", table[0]]
        staged = groupby(zip(rows, table[1:], strict=True), key=lambda pair: pair[0].stage)
        for stage, pairs in staged:
            lines.append(f"── {stage} ".ljust(min(whole, _WHOLE), "─"))
            lines += [line for _, line in pairs]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _wrapped(sentence: str) -> list[str]:
    return wrap(
        sentence,
        _WHOLE,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _title(report: Profile) -> str:
    spec = report.spec
    sizes = by_x(side for side in report.input.to_dict().values() if side is not None)
    blocks = ", ".join(map(str, spec.blocks))
    return f"{spec.depth} layers: {spec.block} blocks {blocks}; input {sizes}, {report.dtype}"


def _words(row: ComparedLayer) -> tuple[str, ...]:
    sides = (row.before, row.after)
    shapes = (by_x(side.output_shape[1:]) if side else "-" for side in sides)
    macs = (si(side.macs) if side and side.macs else "-" for side in sides)
    return (row.path, *shapes, *macs, row.remark or "-")


def _aligned(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Columns apart by two spaces, to the left or right as `sides` says, ``l`` or ``r``."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            word.rjust(width) if side == "r" else word.ljust(width)
            for word, width, side in zip(row, widths, sides, strict=True)
        )
        for row in rows
    ]


def to_dict(comparison: Comparison, only_different: bool = False) -> dict[str, Any]:
    """Plain JSON values: the document of ``compare --format json``, schema 1.

    Each of ``layers`` holds ``reference`` and ``here``, null where a network lacks the operation.

    Args:
        comparison: The two networks.
        only_different: Leave out the operations that are the same in both.
    """
    first, second = comparison.first, comparison.second
    return {
        "schema": 1,
        "reference": _network(first),
        "here": _network(second),
        "loading_params": comparison.loading_params,
        "unused_params": comparison.unused_params,
        "summary": list(comparison.summary),
        "layers": [
            {
                "path": row.path,
                "differs": row.differs,
                "change": row.remark or None,
                "weights": row.weights,
                "reference": _side(row.before, first, row.shapes_before),
                "here": _side(row.after, second, row.shapes_after),
            }
            for row in _rows(comparison, only_different)
        ],
    }


def _network(report: Profile) -> dict[str, Any]:
    return {
        "spec": report.spec.to_dict(),
        "input": report.input.to_dict(),
        "dtype": report.dtype,
        "totals": asdict(report.totals),
    }


def _side(
    layer: LayerProfile | None, report: Profile, shapes: Iterable[tuple[str, tuple[int, ...]]]
) -> dict[str, Any] | None:
    if layer is None:
        return None
    return layer.to_dict() | {
        "field_ratio": _field_share(layer, report),
        "overhang": overhang(layer),
        "unread": unread(layer),
        "on_one_cell": _small(layer),
        "state": dict(shapes),
    }


_CSV: Final = (
    *("op", "input_shapes", "output_shape", "kernel", "stride", "padding", "dilation"),
    *("params", "macs", "output_bytes", "receptive_field", "overhang", "unread", "on_one_cell"),
)


def csv_columns(comparison: Comparison, only_different: bool = False) -> dict[str, list[Any]]:
    """One row per operation, for programs: the values of `to_dict`, flat.

    Shapes and pairs are written ``1x64x56x56``; what a network lacks is left empty.

    Args:
        comparison: The two networks.
        only_different: Leave out the operations that are the same in both.
    """
    rows = to_dict(comparison, only_different)["layers"]
    columns: dict[str, list[Any]] = {
        name: [_cell(row[name]) for row in rows] for name in ("path", "differs", "weights")
    }
    for name in _CSV:
        for side in ("reference", "here"):
            columns[f"{name}_{side}"] = [_cell((row[side] or {}).get(name)) for row in rows]
    return columns | {"change": [_cell(row["change"]) for row in rows]}


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if not isinstance(value, tuple):
        return value
    if value and isinstance(value[0], tuple):
        return " ".join(map(by_x, value))
    return by_x(value)
