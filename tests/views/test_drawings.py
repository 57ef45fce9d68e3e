"""Drawings as DOT text: their nodes and edges are the network's, each in a place given."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile, trace
from resnet_viz.errors import SpecError
from resnet_viz.graph import INPUT, LayerGraph
from resnet_viz.records import Profile
from resnet_viz.spec import preset_input
from resnet_viz.units import shape_text
from resnet_viz.views.canvas import Canvas
from resnet_viz.views.dot import LEVELS, draw
from resnet_viz.views.palette import stage_colour, theme
from tests.strategies import inputs, specs

_WORD = r'"(?:[^"\\]|\\.)*"|[\w.\-]+'
_LINE = re.compile(rf"^\t({_WORD})(?: -> ({_WORD}))? \[(.*)\]$")
_ATTRIBUTE = re.compile(rf"(\w+)=({_WORD})(?: |$)")
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?"
_POINT = re.compile(rf"{_NUMBER},{_NUMBER}")


class Edge(NamedTuple):
    source: str
    target: str
    attributes: dict[str, str]


class Drawing(NamedTuple):
    nodes: dict[str, dict[str, str]]
    edges: list[Edge]
    graph: dict[str, str]

    @property
    def pairs(self) -> Counter[tuple[str, str]]:
        return Counter((edge.source, edge.target) for edge in self.edges)


def _plain(word: str) -> str:
    if not word.startswith('"'):
        return word
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nl" else m[1], word[1:-1])


def parse(source: str) -> Drawing:
    """Reads what the graphviz package writes; every line must be understood."""
    lines = source.splitlines()
    assert lines[0] == "digraph {"
    assert lines[-1] == "}"
    drawing = Drawing({}, [], {})
    for line in lines[1:-1]:
        if _ATTRIBUTE.sub("", line.removeprefix("\t")) == "":
            drawing.graph.update({key: _plain(value) for key, value in _ATTRIBUTE.findall(line)})
            continue
        match = _LINE.match(line)
        assert match, line
        name, target, inside = match.groups()
        attributes = {key: _plain(value) for key, value in _ATTRIBUTE.findall(inside)}
        assert _ATTRIBUTE.sub("", inside) == "", line
        if target is not None:
            drawing.edges.append(Edge(_plain(name), _plain(target), attributes))
        elif name not in ("node", "edge"):
            assert _plain(name) not in drawing.nodes
            drawing.nodes[_plain(name)] = attributes
    return drawing


def _bands(graph: LayerGraph) -> int:
    return 2 + len(graph.spec.blocks)


def _expected_blocks(graph: LayerGraph) -> tuple[set[str], int]:
    """Nodes and the number of edges of the block graph, from the layer graph alone."""
    stages = [f"layer{i}" for i in range(1, len(graph.spec.blocks) + 1)]
    nodes = {INPUT, "conv1", "avgpool", "fc", "stem", "head", *stages}
    edges = 3  # into conv1, avgpool and fc
    if "maxpool" in graph.by_path:
        nodes.add("maxpool")
        edges += 1
    for stage, count in zip(stages, graph.spec.blocks, strict=True):
        drawn = [f"{stage}.{i}" for i in range(count)]
        adds = [f"{path}.add" for path in drawn]
        if count > 6:
            drawn = [*drawn[:3], drawn[-1]]
            adds = [*adds[:2], adds[-2], adds[-1]]
        nodes |= {*drawn, *adds}
        edges += 3 * len(drawn)  # into the box, into the addition, and the shortcut
    points = [point.path for point in graph.downsample_points]
    return nodes | set(points), edges + len(points)


def _check_all(drawing: Drawing, dark: bool) -> None:
    assert drawing.graph["layout"] == "nop2"
    for name, attributes in drawing.nodes.items():
        assert attributes["id"] == name
        assert _POINT.fullmatch(attributes["pos"]), name
        assert attributes["label"].strip()
        assert attributes["tooltip"].strip()
        assert attributes["fontcolor"] == theme(dark).ink
    for edge in drawing.edges:
        assert {edge.source, edge.target} <= set(drawing.nodes)
        head, *points = edge.attributes["pos"].split(" ")
        assert re.fullmatch(rf"e,{_POINT.pattern}", head)
        assert all(map(_POINT.fullmatch, points))
        assert len(points) % 3 == 1  # a start, then cubic curves
        assert edge.attributes["tooltip"]
        assert ("label" in edge.attributes) == ("lp" in edge.attributes)


def _check_stages(drawing: Drawing, report: Profile) -> None:
    names = [INPUT, *dict.fromkeys(row.stage for row in report.layers)]
    assert list(drawing.nodes) == names
    assert list(drawing.pairs) == list(pairwise(names))
    into = [edge.attributes["label"] for edge in drawing.edges]
    ends = {row.stage: row.output_shape for row in report.layers}
    shapes = [report.layers[0].input_shapes[0], *ends.values()][:-1]
    assert into == [shape_text(shape[1:]) for shape in shapes]


def _check_blocks(drawing: Drawing, report: Profile) -> None:
    graph = trace(report.spec)
    nodes, edges = _expected_blocks(graph)
    assert set(drawing.nodes) == nodes
    assert len(drawing.edges) == edges
    for point in report.downsample_points:
        badge = drawing.nodes[point.path]
        assert badge["label"] == " + ".join(point.reasons)
        assert badge["shape"] == "hexagon"
        (after,) = [edge for edge in drawing.edges if edge.source == point.path]
        (before,) = [edge for edge in drawing.edges if edge.target == point.path]
        assert after.target == f"{point.block}.add"
        assert before.attributes["style"] == after.attributes["style"] == "dashed"
        assert shape_text(point.input_shape[1:]) in before.attributes["tooltip"]
        assert shape_text(point.output_shape[1:]) in after.attributes["tooltip"]
    for name in drawing.nodes:
        if name.endswith(".add"):
            styles = sorted(e.attributes["style"] for e in drawing.edges if e.target == name)
            assert styles == ["dashed", "solid"]
    solid = [e for e in drawing.edges if e.attributes["style"] == "solid"]
    for edge in solid:
        assert ("label" in edge.attributes) == (not edge.target.endswith(".add"))


def _check_operations(drawing: Drawing, report: Profile) -> None:
    graph = trace(report.spec)
    operations = {INPUT, *graph.by_path}
    assert operations <= set(drawing.nodes)
    bands = set(drawing.nodes) - operations
    rows = sum(-(-count // 6) for count in report.spec.blocks) + 2
    assert len(bands) == rows
    stages = {row.stage for row in report.layers}
    assert bands >= stages
    later = {f"layer{i}.{first}" for i, count in enumerate(report.spec.blocks, start=1)
             for first in range(6, count, 6)}  # fmt: skip
    assert bands - stages == later
    assert drawing.pairs == Counter((source, op.path) for op in graph for source in op.inputs)
    for row in report.layers:
        assert shape_text(row.output_shape[1:]) in drawing.nodes[row.path]["label"]
        if row.branch == "shortcut":
            assert drawing.nodes[row.path]["shape"] == "hexagon"
    for edge in drawing.edges:
        row = report.layer(edge.target)
        shape = shape_text(row.input_shapes[row.inputs.index(edge.source)][1:])
        assert edge.attributes.get("label", shape) == shape
        assert shape in edge.attributes["tooltip"]


_CHECKS = {"stage": _check_stages, "block": _check_blocks, "op": _check_operations}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_drawn(name: str, level: str, dark: bool) -> None:
    report = profile(PRESETS[name], preset_input(name))
    drawing = parse(draw(report, level, dark).source)

    _check_all(drawing, dark)
    _CHECKS[level](drawing, report)


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=40)
@given(spec=specs(max_stages=8, max_blocks=13), size=inputs())
def test_any_network_is_drawn(level: str, spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    drawing = parse(draw(report, level).source)

    _check_all(drawing, dark=False)
    _CHECKS[level](drawing, report)


@pytest.mark.parametrize("level", LEVELS)
def test_the_themes_differ_in_colours_alone(level: str) -> None:
    report = profile(PRESETS["resnet50"])
    light, dark = (draw(report, level, dark).source for dark in (False, True))

    assert light != dark
    assert re.sub(r"#[0-9A-F]{6}", "", light) == re.sub(r"#[0-9A-F]{6}", "", dark)


@pytest.mark.parametrize("level", LEVELS)
def test_stages_have_the_palette_s_colours(level: str) -> None:
    drawing = parse(draw(profile(PRESETS["resnet50"]), level).source)

    for stage in ("stem", "layer1", "layer2", "layer3", "layer4", "head"):
        assert drawing.nodes[stage]["color"] == stage_colour(stage)


def test_a_drawing_keeps_its_places_when_only_numbers_change() -> None:
    first, second = (
        parse(draw(profile(PRESETS["resnet18"], InputSpec(side, side))).source)
        for side in (224, 96)
    )

    places = [{n: a["pos"] for n, a in drawing.nodes.items()} for drawing in (first, second)]
    assert places[0] == places[1]
    assert first.nodes["layer4"]["label"] != second.nodes["layer4"]["label"]


def test_a_folded_run_says_how_many() -> None:
    drawing = parse(draw(profile(PRESETS["resnet152"])).source)

    folded = drawing.nodes["layer3.2"]
    assert folded["label"] == "layer3.2 … 34\n× 33"
    assert folded["peripheries"] == "2"


@pytest.mark.parametrize(
    ("spec", "texts"),
    [
        (PRESETS["resnet18"], ("3×3, 3×3", "3×3/2, 3×3")),
        (PRESETS["resnet50"], ("1×1, 3×3, 1×1", "1×1, 3×3/2, 1×1")),
        (ResNetSpec(stride_in="1x1"), ("1×1, 3×3, 1×1", "1×1/2, 3×3, 1×1")),
    ],
)
def test_a_block_s_windows_are_read_off_its_main_branch(
    spec: ResNetSpec, texts: tuple[str, str]
) -> None:
    drawing = parse(draw(profile(spec)).source)

    for path, text in zip(("layer1.0", "layer2.0"), texts, strict=True):
        assert drawing.nodes[path]["label"] == f"{path}\n{text}"
        assert drawing.nodes[path.replace(".0", ".1")]["label"].endswith(f"\n{texts[0]}")


# Adobe's metrics of Helvetica, in thousandths of the size.
_WIDE = {"×": 584, "…": 1000, ".": 278, ",": 278, "/": 278, " ": 278, "l": 222, "r": 333, "y": 500}


@pytest.mark.parametrize("stem", ["imagenet", "deep"])
@pytest.mark.parametrize("name", ["resnet34", "resnet50", "resnet152"])
def test_text_stays_in_its_box(name: str, stem: Any) -> None:
    spec = replace(PRESETS[name], stem=stem)
    for name, attributes in parse(draw(profile(spec)).source).nodes.items():
        if attributes["shape"] == "box" and name not in ("stem", "head", *_stage_names(spec)):
            for line in attributes["label"].split("\n"):
                width = 11 / 1000 * sum(_WIDE.get(letter, 556) for letter in line)
                assert width < 72 * float(attributes["width"]), (name, line)


def _stage_names(spec: ResNetSpec) -> list[str]:
    return [f"layer{i}" for i in range(1, len(spec.blocks) + 1)]


def test_boxes_of_a_row_do_not_overlap() -> None:
    for level in LEVELS:
        drawing = parse(draw(profile(PRESETS["resnet50"]), level).source)
        bands = {"stem", "head", *(f"layer{i}" for i in range(1, 5))} if level != "stage" else set()
        boxes = []
        for name, attributes in drawing.nodes.items():
            if name not in bands:
                x, y = map(float, attributes["pos"].split(","))
                width, height = 72 * float(attributes["width"]), 72 * float(attributes["height"])
                boxes.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
        for i, one in enumerate(boxes):
            for other in boxes[i + 1 :]:
                apart = (
                    *(one[2] <= other[0] + 1, other[2] <= one[0] + 1),
                    *(one[3] <= other[1] + 1, other[3] <= one[1] + 1),
                )
                assert any(apart), (level, one, other)


@pytest.mark.parametrize("level", ["", "blocks", "Block", "<b>"])
def test_another_level_is_refused(level: str) -> None:
    with pytest.raises(SpecError, match="level must be one of stage, block, op"):
        draw(profile(PRESETS["resnet18"]), level)


@pytest.mark.parametrize(
    "text", ["<b>bold</b>", 'a "quoted" word', "back\\slash", "\\N \\G", "{a|b}", "node"]
)
def test_text_is_text(text: str) -> None:
    canvas = Canvas.new(text, theme(False))
    canvas.node(text, text, (0, 0), (10, 10), colour="#000000", tooltip=text)
    canvas.node("other", "x", (50, 0), (10, 10), colour="#000000")
    canvas.edge("other", "other", [(45, 0), (5, 0)], label=text, label_at=(25, 0), tooltip=text)
    drawing = parse(canvas.finish().source)

    assert drawing.nodes[text]["id"] == text
    assert drawing.nodes[text]["label"] == text
    assert drawing.nodes[text]["tooltip"] == text
    (edge,) = drawing.edges
    assert (edge.attributes["label"], edge.attributes["tooltip"]) == (text, text)
    assert drawing.graph["tooltip"] == text
