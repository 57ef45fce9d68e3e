"""What is open, what may be opened, and the text of it in a link."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import given, settings, strategies as st

from resnet_viz import PRESETS, ResNetSpec, profile, trace
from resnet_viz.costs.profile_records import LayerProfile, Profile
from resnet_viz.errors import BudgetError, SpecError
from resnet_viz.network.layer_graph import INPUT
from resnet_viz.network.spec import preset_input
from resnet_viz.views.graph.network_drawing import draw
from resnet_viz.views.graph.open_parts import (
    LEVELS,
    MAX_NODES,
    Opening,
    Part,
    parts,
    shown_as,
)
from tests.helpers.strategies import specs


@cache
def _report(name: str) -> Profile:
    return profile(PRESETS[name], preset_input(name))


def _leaves(found: tuple[Part, ...]) -> list[Part]:
    """Parts that are not divided any further."""
    return [leaf for part in found for leaf in (_leaves(part.parts) if part.parts else [part])]


@settings(max_examples=40)
@given(spec=specs(max_stages=4, max_blocks=12))
def test_parts_partition_the_rows(spec: ResNetSpec) -> None:
    report = profile(spec)
    for level in LEVELS:
        _check_partition(report, level)


def _check_partition(report: Profile, level: str) -> None:
    found = parts(report, Opening(level))

    rows = [row for leaf in _leaves(found) for row in leaf.group.layers]
    assert rows == list(report.layers)
    assert [part.path for part in found] == list(dict.fromkeys(row.stage for row in rows))
    for part in found:
        assert part.is_open == (level == "op" or (level == "block" and part.group.count > 0))
        for inner in part.parts:
            assert inner.is_open == (level == "op")
            assert inner.group.count == len({row.block for row in inner.group.layers})
            # Blocks drawn as one are all alike: shapes and costs.
            kinds = {
                tuple((row.op, row.output_shape, row.params, row.macs) for row in group)
                for group in _by_block(inner)
            }
            assert len(kinds) == 1


def _by_block(part: Part) -> list[list[LayerProfile]]:
    blocks: dict[str | None, list[LayerProfile]] = {}
    for row in part.group.layers:
        blocks.setdefault(row.block, []).append(row)
    return list(blocks.values())


def test_stages_of_up_to_six_blocks_stand_whole_and_longer_ones_fold() -> None:
    found = {part.path: part for part in parts(_report("resnet152"), Opening())}

    assert [(p.path, p.kind, p.group.count) for p in found["layer3"].parts] == [
        ("layer3.0", "block", 1),
        ("layer3.1", "run", 35),
    ]
    assert [p.kind for p in found["layer1"].parts] == ["block"] * 3
    assert found["layer3"].parts[1].key == "layer3.1-35"


def test_a_run_opens_and_says_how_to_fold_it_again() -> None:
    opening = Opening().toggle("layer3.1-35")
    layer3 = parts(_report("resnet152"), opening)[3]

    assert [part.path for part in layer3.parts] == [f"layer3.{i}" for i in range(36)]
    assert [part.within for part in layer3.parts] == [None, "layer3.1-35", *[None] * 34]
    assert opening.toggle("layer3.1-35") == Opening()


def test_a_very_long_run_opens_into_shorter_ones() -> None:
    report = _report("resnet1202")
    outer = Opening().toggle("layer1.1-199")
    layer1 = parts(report, outer)[1]

    assert [part.key for part in layer1.parts] == [
        "layer1.0", "layer1.1-40", "layer1.41-80", "layer1.81-120", "layer1.121-160",
        "layer1.161-199",
    ]  # fmt: skip
    assert layer1.parts[1].within == "layer1.1-199"
    inner = parts(report, outer.toggle("layer1.1-40"))[1]
    assert [part.path for part in inner.parts[:42]] == [f"layer1.{i}" for i in range(42)]
    assert inner.parts[1].within == "layer1.1-40"
    assert sum(part.nodes for part in parts(report, outer)) < 40


def test_what_is_left_of_a_long_run_is_a_block() -> None:
    report = profile(ResNetSpec(block="basic", blocks=(42,)))
    layer1 = parts(report, Opening().toggle("layer1.1-41"))[1]

    assert [(part.key, part.kind) for part in layer1.parts] == [
        ("layer1.0", "block"), ("layer1.1-40", "run"), ("layer1.41", "block")
    ]  # fmt: skip


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("level", LEVELS)
def test_no_level_of_a_preset_asks_too_much(name: str, level: str) -> None:
    report = _report(name)
    found = parts(report, Opening(level))

    nodes = 1 + sum(part.nodes for part in found)
    assert draw(report, level).source.count(" [label=") >= nodes
    assert nodes <= (700 if level == "op" else 60)


def test_too_many_nodes_are_refused_in_a_sentence() -> None:
    report = _report("resnet1202")
    opening = Opening("op")
    for stage in ("layer1", "layer2", "layer3"):
        opening = opening.toggle(f"{stage}.1-199")
        for first in range(1, 200, 40):
            opening = opening.toggle(f"{stage}.{first}-{min(first + 39, 199)}")

    with pytest.raises(BudgetError, match=rf"at most {MAX_NODES:,} are drawn") as caught:
        parts(report, opening)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("text", ["", "layer1", "layer1.0,stem", " layer3.1-35 , head ,"])
def test_the_text_of_a_link_and_back(text: str) -> None:
    opening = Opening.parse("op", text)

    assert Opening.parse("op", opening.text) == opening
    assert opening.toggled == {key.strip() for key in text.split(",") if key.strip()}


def test_the_text_is_in_reading_order() -> None:
    assert Opening.parse("block", "layer2.10,layer2.9,layer10,head,layer1.3-4".replace(
        "layer10,", "")).text == "head,layer1.3-4,layer2.9,layer2.10"  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        *("<b>", "layer9", "layer0", "layer1.x", "layer1.0.conv1", "layer1.1-", "stem.1"),
        "layer1.00000",
        ",".join(f"layer1.{i}" for i in range(101)),
    ],
)
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        Opening.parse("block", text)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 200


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        opening = Opening.parse("block", text)
    except SpecError as error:
        sentence = str(error)
    else:
        sentence = "Read."
        assert Opening.parse("block", opening.text) == opening
    assert re.fullmatch(r"[^\n]+\.", sentence)


def test_what_another_network_had_is_dropped() -> None:
    opening = Opening.parse("block", "layer3.5,layer3.1-35,layer4,layer1.1,head")

    kept = opening.within(_report("resnet18"))
    assert kept.text == "head,layer1.1,layer4"
    assert opening.within(_report("resnet152")).text == opening.text
    assert kept.level == "block"


@settings(max_examples=40)
@given(spec=specs(max_stages=3, max_blocks=9), data=st.data())
def test_every_path_is_seen_in_a_node_that_is_drawn(spec: ResNetSpec, data: st.DataObject) -> None:
    report = profile(spec)
    stages = list(dict.fromkeys(row.stage for row in report.layers))
    blocks = list(dict.fromkeys(row.block for row in report.layers if row.block))
    toggled = data.draw(st.frozensets(st.sampled_from([*stages, *blocks]), max_size=6))
    opening = Opening(data.draw(st.sampled_from(LEVELS)), toggled)
    found = parts(report, opening)
    drawn = set(re.findall(r'\bid="?([\w.]+)"? ', draw(report, opening).source))

    for path in (INPUT, *trace(spec).outputs):
        shown = shown_as(found, path)
        assert shown in drawn, path
        if path in drawn:
            assert shown == path
        elif path in report.by_path:  # a node that contains it
            row = report.by_path[path]
            point = f"{row.block}.downsample"
            first = next(block for block in blocks if block.startswith(f"{row.stage}.")) if (
                row.block
            ) else None  # fmt: skip
            assert shown in (row.stage, row.block, point, first and f"{row.stage}.1")
