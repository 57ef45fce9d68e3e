"""Rows gathered into stages, blocks and runs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.views.row_groups import blocks, chw, describe, stages, window_text
from tests.helpers.strategies import inputs, specs


@settings(max_examples=60)
@given(specs(max_blocks=9, max_stages=3), inputs())
def test_groups_partition_the_rows(spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    parts = stages(report)

    assert [row for part in parts for row in part.layers] == list(report.layers)
    assert [part.path for part in parts] == [
        "stem", *(f"layer{number}" for number in range(1, len(spec.blocks) + 1)), "head"
    ]  # fmt: skip
    assert sum(part.macs for part in parts) == report.totals.macs
    assert sum(part.params for part in parts) == report.totals.params

    points = []
    for part, count in zip(parts[1:-1], spec.blocks, strict=True):
        members = blocks(report, part)
        assert [member.path for member in members] == [f"{part.path}.{i}" for i in range(count)]
        assert [row for member in members for row in member.layers] == list(part.layers)
        points += [member.downsample for member in members if member.downsample]
        assert part.count == count
        assert part.downsample == members[0].downsample
        assert all(member.count == 1 for member in members)
        assert members[-1].add == part.add == f"{part.path}.{count - 1}.add"
    assert points == list(report.downsample_points)
    assert blocks(report, parts[0]) == blocks(report, parts[-1]) == ()


def test_what_enters_and_leaves() -> None:
    stem, first, *_, head = stages(profile(PRESETS["resnet50"]))

    assert (stem.source, stem.input_shape, stem.output_shape) == (
        "input", (1, 3, 224, 224), (1, 64, 56, 56)
    )  # fmt: skip
    assert (first.source, chw(first.output_shape)) == ("maxpool", "256 × 56 × 56")
    assert head.output_shape == (1, 1000)
    assert first.describe() == (
        "layer1: 64 × 56 × 56 to 256 × 56 × 56, 667.9 M MACs, 215.8 k parameters"
    )


def test_an_operation_in_one_line() -> None:
    report = profile(PRESETS["resnet50"])

    assert describe(report.layer("conv1")) == (
        "conv1 (conv2d 7×7/2): 3 × 224 × 224 to 64 × 112 × 112, 118.0 M MACs, 9.408 k parameters"
    )
    assert describe(report.layer("layer1.0.add")) == (
        "layer1.0.add (add): 256 × 56 × 56 + 256 × 56 × 56 to 256 × 56 × 56"
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("conv1", "7×7/2"),
        ("maxpool", "3×3/2"),
        ("layer1.0.conv1", "1×1"),
        ("bn1", ""),
        ("fc", ""),
        ("avgpool", "7×7"),
    ],
)
def test_windows(path: str, text: str) -> None:
    assert window_text(profile(PRESETS["resnet50"]).layer(path)) == text
