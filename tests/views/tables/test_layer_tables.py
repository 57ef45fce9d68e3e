"""Tables: the profile's rows, no more and no less."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.costs.flop_counters import LIKE, count_rows, counted
from resnet_viz.features.channel_statistics import statistics
from resnet_viz.views.tables.layer_tables import (
    COUNTED,
    USUAL_COLUMNS,
    channel_table,
    count_column,
    csv_text,
    downsample_table,
    layer_table,
    ledger_table,
    rows_of,
)
from tests.helpers.strategies import inputs, specs


@settings(max_examples=60)
@given(specs(), inputs())
def test_a_row_an_operation(spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    table = layer_table(report)

    assert {len(column) for column in table.values()} == {len(report.layers)}
    assert table["Layer"] == [row.path for row in report.layers]
    assert sum(table["MACs"]) == report.totals.macs
    assert sum(table["Parameters"]) == report.totals.params
    assert sum(table["Output bytes"]) == report.totals.activation_bytes
    for row, shown in zip(report.layers, table["Output"], strict=True):
        assert tuple(map(int, shown.split(" × "))) == row.output_shape[1:]
    for row, shown in zip(report.layers, table["Input"], strict=True):
        sizes, _, count = shown.partition(" (")
        assert count == ("2)" if row.op == "add" else "")
        assert {tuple(map(int, sizes.split(" × ")))} == {s[1:] for s in row.input_shapes}


@settings(max_examples=60)
@given(specs(), inputs())
def test_the_csv_reads_back(spec: ResNetSpec, size: InputSpec) -> None:
    table = layer_table(profile(spec, size))

    header, *rows = csv.reader(io.StringIO(csv_text(table)))
    assert header == list(table)
    assert rows == [list(map(str, row)) for row in zip(*table.values(), strict=True)]


def test_csv_quotes_what_needs_it() -> None:
    text = csv_text({"a,b": ['say "x"', "two\nlines"], "c": [1, 2]})

    assert list(csv.reader(io.StringIO(text))) == [
        ["a,b", "c"], ['say "x"', "1"], ["two\nlines", "2"]
    ]  # fmt: skip


def test_downsample_points_of_resnet_50() -> None:
    assert downsample_table(profile(PRESETS["resnet50"])) == {
        "Downsample point": [f"layer{number}.0.downsample" for number in (1, 2, 3, 4)],
        "Reason": ["channels", *["stride + channels"] * 3],
        "Input": ["64 × 56 × 56", "256 × 56 × 56", "512 × 28 × 28", "1024 × 14 × 14"],
        "Output": ["256 × 56 × 56", "512 × 28 × 28", "1024 × 14 × 14", "2048 × 7 × 7"],
    }


def test_an_addition_names_its_inputs_once() -> None:
    table = layer_table(profile(PRESETS["resnet18"]))

    index = table["Layer"].index("layer1.0.add")
    assert (table["Input"][index], table["Output"][index]) == ("64 × 56 × 56 (2)", "64 × 56 × 56")


def test_a_column_of_counts() -> None:
    largest = 2**63 - 1
    assert count_column([]) == []
    assert count_column(iter([1, None, largest])) == [1, None, largest]
    assert count_column([1, None, largest + 1]) == ["1", "–", "9,223,372,036,854,775,808"]
    for counts in ([1, None, largest], [1, None, largest + 1]):
        pa.table({"Count": count_column(counts)})


def test_counts_that_no_data_frame_holds_are_text() -> None:
    report = profile(PRESETS["resnet18"])
    small, large = (
        replace(report, layers=(report.layers[0]._replace(macs=macs), *report.layers[1:]))
        for macs in (2**63 - 1, 2**63)
    )

    assert layer_table(small)["MACs"][0] == 2**63 - 1
    column = layer_table(large)["MACs"]
    assert column[0] == "9,223,372,036,854,775,808"
    assert [int(text.replace(",", "")) for text in column] == [r.macs for r in large.layers]
    assert layer_table(large)["Parameters"] == [row.params for row in report.layers]
    for table in (layer_table(large), layer_table(small)):
        pd.DataFrame(table)
        pa.table(table)  # as Streamlit sends it


def test_the_largest_network_at_the_largest_input_has_a_table() -> None:
    spec = ResNetSpec(blocks=(1,) * 8, base_width=1024, width_per_group=1024)
    table = layer_table(profile(spec, InputSpec(16_384, 16_384, batch=4096)))

    assert isinstance(table["MACs"][0], str)
    pa.table(table)


@settings(max_examples=40)
@given(specs(), inputs())
def test_a_ledgers_column_and_the_table_of_all_ledgers(spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    ledgers = ledger_table(report)
    kinds = [name for name in ledgers if name[0] != "×" and name not in list(ledgers)[:3]]
    for row, convention in enumerate(LIKE.values()):
        table = layer_table(report, convention.ledger)
        assert table.pop(COUNTED) == list(count_rows(report, convention.ledger))
        assert table == layer_table(report)
        assert ledgers["Counts like"][row] == convention.title
        assert ledgers["Calls them"][row] == convention.unit
        assert ledgers["Total"][row] == counted(report, convention.ledger)
        assert ledgers["Total"][row] == sum(ledgers[kind][row] for kind in kinds)
        assert ledgers["× MACs"][row] == ledgers["Total"][row] / report.totals.macs
    assert "Additions" not in ledgers  # nobody counts them
    assert set(USUAL_COLUMNS) < set(layer_table(report))


def test_the_rows_of_a_path() -> None:
    report = profile(PRESETS["resnet18"])
    rows = report.layers
    assert rows_of(report, "layer1") == [i for i, row in enumerate(rows) if row.stage == "layer1"]
    assert rows_of(report, "layer2.0") == [
        i for i, row in enumerate(rows) if row.block == "layer2.0"
    ]
    assert [rows[i].path for i in rows_of(report, "conv1")] == ["conv1"]
    assert [rows[i].path for i in rows_of(report, "layer2.0.downsample")] == [
        "layer2.0.downsample.0", "layer2.0.downsample.1"
    ]  # fmt: skip
    assert rows_of(report, "layer") == []


def test_a_row_a_channel_and_nothing_where_there_is_no_number() -> None:
    maps = np.array([[[0.0, 2.0]], [[np.nan, np.nan]], [[0.0, 0.0]]], np.float32)
    table = channel_table(statistics(maps))
    assert table["channel"] == [0, 1, 2]
    assert table["mean"] == [1.0, "", 0.0]
    assert table["dead"] == [False, False, True]
    assert table["not_finite"] == [0, 2, 0]
    rows = list(csv.DictReader(io.StringIO(csv_text(table))))
    assert [row["max"] for row in rows] == ["2.0", "", "0.0"]
