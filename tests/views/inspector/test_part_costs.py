"""Places of the network, their sums and their tables."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings, strategies as st

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile, trace
from resnet_viz.errors import LayerError
from resnet_viz.units import percent
from resnet_viz.views.inspector.part_costs import costs, find, parts, parts_table
from tests.helpers.strategies import inputs, specs


@settings(max_examples=60)
@given(specs(), inputs())
def test_places_partition_the_network(spec: ResNetSpec, size: InputSpec) -> None:
    report, graph = profile(spec, size), trace(spec)
    stages = list(dict.fromkeys(row.stage for row in report.layers))
    totals = report.totals
    for kind in (stages, [row.path for row in report.layers]):
        sums = [[cost.value for cost in costs(report, find(report, path))] for path in kind]
        assert [sum(column) for column in zip(*sums, strict=True)] == [
            totals.params, totals.macs, totals.activation_bytes
        ]  # fmt: skip

    for path in (*stages, *graph.outputs):
        group = find(report, path)
        if path in graph.outputs:
            assert group.layers[-1].path == graph.outputs[path]
        members = parts(report, group)
        assert [row for member in members for row in member.layers] == list(group.layers)
        for member in members:
            assert find(report, member.path).layers == member.layers
        for cost in costs(report, group):
            assert 0 <= cost.share <= 1
            assert cost.share * cost.total == pytest.approx(cost.value)
        columns = parts_table(report, group)
        assert {len(values) for values in columns.values()} == {len(members)}
        for name, member in zip(columns["Part"], members, strict=True):
            inside = member.path in report.by_path and member.layers[0].block
            assert member.path == (f"{inside}.{name}" if inside else name)


@settings(max_examples=40)
@given(specs(), inputs())
def test_downsample_points_are_found_by_stage_block_and_path(
    spec: ResNetSpec, size: InputSpec
) -> None:
    report = profile(spec, size)
    points = {point.path: point for point in report.downsample_points}
    for path in trace(spec).outputs:
        ways = (path, f"{path}.downsample", f"{path}.0.downsample")
        point = next((points[way] for way in ways if way in points), None)
        group = find(report, path)
        assert group.downsample == point
        if path in points:
            assert group.input_shape == points[path].input_shape
            assert group.output_shape == points[path].output_shape


def test_a_block_a_stage_and_a_shortcut() -> None:
    report = profile(PRESETS["resnet50"])
    assert parts_table(report, find(report, "layer1"))["Part"] == [
        "layer1.0",
        "layer1.1",
        "layer1.2",
    ]
    block = parts_table(report, find(report, "layer1.1"))
    assert block["Part"][:2] == ["conv1", "bn1"]
    assert block["Output"][-1] == "256 × 56 × 56"
    shortcut = parts_table(report, find(report, "layer2.0.downsample"))
    assert shortcut == {
        "Part": ["downsample.0", "downsample.1"],
        "Output": ["512 × 28 × 28"] * 2,
        "MACs": ["100 %", "0 %"],
    }


def test_what_is_not_there_is_refused() -> None:
    report = profile(PRESETS["resnet18"])
    for path in ("", "layer9", "layer1.0.downsample", "input", "layer", "."):
        with pytest.raises(LayerError, match="no layer"):
            find(report, path)


@given(st.floats(0, 1))
def test_shares_never_round_to_all_or_nothing(share: float) -> None:
    text = percent(share)
    match = re.fullmatch(r"([<>] )?(\d+(?:\.\d)?) %", text)
    assert match
    assert (float(match[2]) == 0) == (share == 0)
    assert (float(match[2]) == 100) == (share == 1)
    if not match[1]:
        assert float(match[2]) == pytest.approx(share * 100, abs=0.0501)
