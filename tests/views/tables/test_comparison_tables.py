"""A comparison as tables and text: no more and no less than it holds."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.sizing.comparison.comparing import Comparison, compare
from resnet_viz.sizing.input_fit import overhang, unread
from resnet_viz.views.tables.comparison_tables import (
    CHANGE,
    LAYER,
    change_table,
    csv_columns,
    text,
    to_dict,
    total_table,
)
from resnet_viz.views.tables.layer_tables import csv_text
from tests.helpers.strategies import inputs, specs

R18 = PRESETS["resnet18"]
SMALL = {"max_stages": 3, "max_blocks": 2, "max_width": 6}
NETWORKS = (specs(**SMALL), inputs(), specs(**SMALL), inputs())


def _small_stem() -> Comparison:
    return compare(profile(R18), profile(replace(R18, stem="small"), InputSpec(33, 32)))


@settings(max_examples=8)
@given(*NETWORKS)
def test_a_row_an_operation(
    first: ResNetSpec, size: InputSpec, second: ResNetSpec, other: InputSpec
) -> None:
    comparison = compare(profile(first, size), profile(second, other))
    for only_different, rows in ((True, comparison.different), (False, comparison.layers)):
        table = change_table(comparison, only_different)
        assert {len(column) for column in table.values()} == {len(rows)}
        assert table[LAYER] == [row.path for row in rows]
        assert table[CHANGE] == [row.remark or "–" for row in rows]
        for heading, side in (("reference", "before"), ("here", "after")):
            layers = [getattr(row, side) for row in rows]
            assert table[f"MACs, {heading}"] == [row and row.macs for row in layers]
            assert table[f"Output bytes, {heading}"] == [row and row.output_bytes for row in layers]
            for row, shown in zip(layers, table[f"Output, {heading}"], strict=True):
                expected = " × ".join(map(str, row.output_shape[1:])) if row else "–"
                assert shown == expected
    whole = change_table(comparison, only_different=False)
    for heading, report in (("reference", comparison.first), ("here", comparison.second)):
        assert sum(filter(None, whole[f"MACs, {heading}"])) == report.totals.macs


def test_columns_about_the_size() -> None:
    table = change_table(_small_stem())
    rows = dict(zip(table[LAYER], range(len(table[LAYER])), strict=True))

    assert table["Rounded up, here"][rows["layer2.0.conv1"]] == "1 × 0"
    assert table["Rounded up, reference"][rows["layer2.0.conv1"]] == "–"
    assert table["Not read, here"][rows["layer2.0.downsample.0"]] == "16 × 16"
    assert table["Field ÷ picture, here"][rows["layer3.0.conv2"]] == "1.12 × 1.16"
    assert table["Weights"][rows["conv1"]] == "reshaped"
    assert table["Weights"][rows["bn1"]] == "load"
    assert table["Weights"][rows["relu"]] == "–"
    tiny = change_table(compare(profile(R18), profile(R18, InputSpec(32, 32))))
    small = [
        path for path, yes in zip(tiny[LAYER], tiny["On 1 × 1, here"], strict=True) if yes == "yes"
    ]
    assert small == ["layer4.0.conv2", "layer4.1.conv1", "layer4.1.conv2"]


def test_what_one_network_lacks_is_absent() -> None:
    table = change_table(_small_stem())
    place = table[LAYER].index("maxpool")

    assert table["MACs, here"][place] is None
    assert table["MACs, reference"][place] == 0
    assert table["Output, here"][place] == "–"
    assert pd.DataFrame(table)[CHANGE][place].startswith("stands only in the reference")


def test_counts_that_no_data_frame_holds_are_text() -> None:
    spec = ResNetSpec(blocks=(1,) * 8, base_width=1024, width_per_group=1024)
    huge = compare(profile(spec), profile(spec, InputSpec(16_384, 16_384, batch=4096)))
    table = change_table(huge)

    assert all(isinstance(count, int) for count in table["MACs, reference"])
    shown = [int(count.replace(",", "")) for count in table["MACs, here"]]
    assert shown == [row.after.macs for row in huge.different if row.after]
    pd.DataFrame(table)


def test_totals_side_by_side() -> None:
    table = total_table(_small_stem())
    rows = list(zip(*table.values(), strict=True))

    assert list(table) == ["Total", "Reference", "Here", "Change"]
    assert ("Parameters", "11.69 M", "11.68 M", "99.9 %") in rows
    assert ("Parameters that load", "–", "99.99 %", "") in rows
    assert ("MACs", "1.814 G", "619.4 M", "34.1 %") in rows
    assert ("Final grid", "7 × 7", "5 × 4", "") in rows
    assert ("Output stride", "32 × 32", "8 × 8", "") in rows
    assert ("Receptive field", "435 × 435", "109 × 109", "") in rows
    assert ("Convolutions on 1 × 1", "0 of 20", "0 of 20", "") in rows
    assert ("Fields past the picture", "4 of 20", "8 of 20", "") in rows


@settings(max_examples=8)
@given(*NETWORKS)
def test_values_for_programs(
    first: ResNetSpec, size: InputSpec, second: ResNetSpec, other: InputSpec
) -> None:
    comparison = compare(profile(first, size), profile(second, other))
    document = to_dict(comparison)
    read = json.loads(json.dumps(document))

    assert [row["path"] for row in read["layers"]] == [row.path for row in comparison.layers]
    assert [row["differs"] for row in read["layers"]] == [r.differs for r in comparison.layers]
    assert read["summary"] == list(comparison.summary)
    for side, report in (("reference", comparison.first), ("here", comparison.second)):
        rows = [row[side] for row in read["layers"] if row[side]]
        assert {row["path"]: row["macs"] for row in rows} == {
            layer.path: layer.macs for layer in report.layers
        }
        for row in rows:
            own = report.layer(row["path"])
            assert (row["overhang"], row["unread"]) == (list(overhang(own)), list(unread(own)))
        assert ResNetSpec.from_dict(read[side]["spec"]) == report.spec
        assert read[side]["totals"]["macs"] == report.totals.macs

    header, *lines = csv.reader(io.StringIO(csv_text(csv_columns(comparison))))
    assert len(lines) == len(comparison.layers)
    for line, row in zip(lines, comparison.layers, strict=True):
        cells = dict(zip(header, line, strict=True))
        assert cells["path"] == row.path
        assert cells["change"] == row.remark
        for side, layer in (("reference", row.before), ("here", row.after)):
            shape = "x".join(map(str, layer.output_shape)) if layer else ""
            assert cells[f"output_shape_{side}"] == shape
            assert cells[f"macs_{side}"] == (str(layer.macs) if layer else "")
    different = csv_columns(comparison, only_different=True)
    assert different["path"] == [row.path for row in comparison.different]
    assert len(to_dict(comparison, only_different=True)["layers"]) == len(comparison.different)


def test_text_for_the_terminal() -> None:
    comparison = _small_stem()
    lines = text(comparison).splitlines()

    assert lines[0] == "Reference  18 layers: basic blocks 2, 2, 2, 2; input 1x3x224x224, float32"
    assert lines[1] == "Here       18 layers: basic blocks 2, 2, 2, 2; input 1x3x33x32, float32"
    summary = lines[3 : lines.index("", 3)]
    assert max(map(len, summary)) <= 100
    assert " ".join(" ".join(summary).split()).split(" - ") == [
        f"{'- ' * (place == 0)}{sentence}" for place, sentence in enumerate(comparison.summary)
    ]
    assert ["Final", "grid", "7", "×", "7", "5", "×", "4"] in [line.split() for line in lines]
    (row,) = [line for line in lines if line.startswith("conv1 ")]
    assert row.split("  ")[-1] == "does not load its weights: 64 × 3 × 7 × 7 became 64 × 3 × 3 × 3"
    assert "64x112x112" in row
    assert "64x33x32" in row
    assert all(line == line.rstrip() for line in lines)
    stages = [line.split()[1] for line in lines if line.startswith("──")]
    assert stages == ["stem", "layer1", "layer2", "layer3", "layer4", "head"]


@pytest.mark.parametrize(("only_different", "rows"), [(True, 0), (False, 69)])
def test_text_where_nothing_differs(only_different: bool, rows: int) -> None:
    same = compare(profile(R18), profile(R18))
    lines = text(same, only_different).splitlines()

    assert "- Nothing differs." in lines
    paths = {layer.path for layer in same.layers}
    assert sum(line.split(" ")[0] in paths for line in lines) == rows
