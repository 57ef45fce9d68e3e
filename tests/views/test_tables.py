"""Tables: the profile's rows, no more and no less."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.views.tables import csv_text, downsample_table, layer_table, resolution_table
from tests.strategies import inputs, specs


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
    additions = [
        shown for op, shown in zip(table["Operation"], table["Input"], strict=True) if op == "add"
    ]
    assert all(shown.count(" + ") == 1 for shown in additions)


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


def test_resolutions_stand_beside_the_reference() -> None:
    reference = profile(PRESETS["resnet18"])
    here = profile(PRESETS["resnet18"], InputSpec(32, 64))
    table = resolution_table(here, reference)

    assert table["Output"] == [
        "64 × 8 × 16", "64 × 8 × 16", "128 × 4 × 8", "256 × 2 × 4", "512 × 1 × 2"
    ]  # fmt: skip
    assert table["Output at 224 × 224"][-1] == "512 × 7 × 7"
    assert table["Jump"] == ["4 × 4", "4 × 4", "8 × 8", "16 × 16", "32 × 32"]
    assert table["Receptive field"][-1] == "435 × 435"
    assert sum(table["MACs"]) + 512_000 == here.totals.macs
    assert "Output at 224 × 224" not in resolution_table(reference, reference)
