"""Drawings as DOT text: their nodes and edges are the network's, each in a place given."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings, strategies as st

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile, trace
from resnet_viz.costs.profile_records import Profile
from resnet_viz.errors import SpecError
from resnet_viz.network.layer_graph import INPUT, Operation
from resnet_viz.network.spec import preset_input
from resnet_viz.units import percent, shape_text
from resnet_viz.views.graph.dot_canvas import Canvas
from resnet_viz.views.graph.network_drawing import COSTS, LEVELS, draw
from resnet_viz.views.graph.open_parts import Opening, Part, parts
from resnet_viz.views.palette import mix, stage_outline, theme
from tests.helpers.strategies import inputs, specs
from tests.views.test_palette import contrast

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
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nlr" else m[1], word[1:-1])


def parse(source: str) -> Drawing:
    """Reads what the graphviz package writes; every line must be understood."""
    lines = source.splitlines()
    assert lines[0] == "digraph {"
    assert lines[-1] == "}"
    drawing = Drawing({}, [], {})
    usual: dict[str, dict[str, str]] = {}
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
        elif name in ("node", "edge"):
            usual[name] = attributes
        else:
            assert _plain(name) not in drawing.nodes
            drawing.nodes[_plain(name)] = usual["node"] | attributes
    edges = [edge._replace(attributes=usual["edge"] | edge.attributes) for edge in drawing.edges]
    return drawing._replace(edges=edges)


# --- what must be drawn, told from the layer graph ----------------------------------------------


def _drawn(report: Profile, found: tuple[Part, ...]) -> tuple[set[str], set[tuple[str, str]]]:
    """Nodes and edges: the layer graph, with what is closed drawn together into one node."""
    nodes, stands_for = _nodes(found)
    badges = {point.block: point.path for point in report.downsample_points}
    edges = set()
    for operation in trace(report.spec):
        badge = badges.get(operation.block or "")
        for source in operation.inputs:
            ends = (stands_for[source], stands_for[operation.path])
            closed = ends[1] == operation.stage
            if badge and operation.branch == "shortcut" and not closed:
                edges |= _through_badge(badge, ends, operation)
            elif ends[0] != ends[1]:
                edges.add(ends)
    runs = [run for stage in found for run in stage.parts if run.kind == "run"]
    # The shortcut of a closed run stands for all of theirs.
    return nodes, edges | {(stands_for[run.group.source], run.group.add) for run in runs}


def _nodes(found: tuple[Part, ...]) -> tuple[set[str], dict[str, str]]:
    """All nodes, and the one that each operation is drawn as."""
    nodes, stands_for = {INPUT}, {INPUT: INPUT}
    for stage in found:
        nodes.add(stage.path)
        for part in stage.parts or (stage,):
            nodes |= _opened(part, stands_for) if part.is_open else _closed(part, stands_for)
    return nodes, stands_for


def _through_badge(badge: str, ends: tuple[str, str], operation: Operation) -> set[tuple[str, str]]:
    """The first operation of a shortcut is reached by way of its badge."""
    source, target = ends
    if source == target:
        return set()
    if target == badge or operation.path == badge:
        return {(source, badge)}
    return {ends} if source.startswith(badge) else {(source, badge), (badge, target)}


def _closed(part: Part, stands_for: dict[str, str]) -> set[str]:
    group, point = part.group, part.group.downsample
    last = {} if part.kind == "stage" else {group.add: group.add}
    for row in group.layers:
        on_badge = row.branch == "shortcut" and part.kind != "stage"
        stands_for[row.path] = point.path if on_badge and point else part.path
        if last and row.block == group.layers[-1].block and row.branch == "merge":
            stands_for[row.path] = group.add
    return {part.path, *last, *({point.path} if point else ())}


def _opened(part: Part, stands_for: dict[str, str]) -> set[str]:
    point = part.group.downsample
    stands_for |= {row.path: row.path for row in part.group.layers}
    rows = {row.path for row in part.group.layers}
    return {part.path, *rows, *({point.path} if point else ())}


def _check(drawing: Drawing, report: Profile, found: tuple[Part, ...], dark: bool) -> None:
    nodes, edges = _drawn(report, found)
    assert set(drawing.nodes) == nodes
    assert drawing.pairs == Counter(edges)
    assert len(nodes) == 1 + sum(part.nodes for part in found)
    _check_marks(drawing, dark)
    _check_badges(drawing, report)
    _check_shapes(drawing, report)
    _check_places(drawing)


def _check_marks(drawing: Drawing, dark: bool) -> None:
    assert drawing.graph["layout"] == "nop2"
    assert drawing.graph["bgcolor"] == theme(dark).paper
    for name, attributes in drawing.nodes.items():
        assert attributes["id"] == name
        assert _POINT.fullmatch(attributes["pos"]), name
        assert attributes["label"].strip()
        assert attributes["tooltip"].strip()
        assert attributes["fontcolor"] == theme(dark).ink
        assert float(attributes["fontsize"]) > 4
    for edge in drawing.edges:
        assert edge.attributes["id"] == f"{edge.source}->{edge.target}"
        first, *points = edge.attributes["pos"].split(" ")
        assert re.fullmatch(rf"e,{_POINT.pattern}", first)
        assert all(map(_POINT.fullmatch, points))
        assert len(points) % 3 == 1  # a start, then cubic curves
        assert edge.attributes["tooltip"]
        assert ("label" in edge.attributes) == ("lp" in edge.attributes)
        assert 0.7 < float(edge.attributes["penwidth"]) < 3.5


def _check_badges(drawing: Drawing, report: Profile) -> None:
    """A hexagon for each point, with its reasons, and the addition that would not fit."""
    for point in report.downsample_points:
        badge = drawing.nodes.get(point.path)
        if badge is None:  # its block is in a closed run of a stage; the first block never is
            continue
        assert badge["label"].split("\n")[0] == " + ".join(point.reasons)
        assert badge["shape"] == "hexagon"
        before, after = (
            shape_text(shape[1:]).replace(" ", "")
            for shape in (point.input_shape, point.output_shape)
        )
        assert f"{before} + {after}" in badge["tooltip"]
        assert before != after
        for edge in drawing.edges:
            if point.path in (edge.source, edge.target):
                assert edge.attributes["style"] == "dashed"
    hexagons = {name for name, node in drawing.nodes.items() if node["shape"] == "hexagon"}
    assert hexagons == {point.path for point in report.downsample_points}
    for name, node in drawing.nodes.items():
        if node["shape"] == "circle":
            into = [edge for edge in drawing.edges if edge.target == name]
            assert sorted(edge.attributes["style"] for edge in into) == ["dashed", "solid"]


def _check_shapes(drawing: Drawing, report: Profile) -> None:
    """Nodes and arrows say what leaves and what flows."""
    for name, node in drawing.nodes.items():
        if node["shape"] == "box" and name != INPUT:
            leaving = report.layer(name).output_shape
            assert shape_text(leaving[1:]) in node["label"] or node["labelloc"] == "t", name
    for edge in drawing.edges:
        shape = _flowing(edge, report)
        assert shape in edge.attributes["tooltip"]
        assert edge.attributes.get("label", shape) == shape
        # Short arrows and shortcuts say it under the pointer only.
        short = edge.attributes["style"] == "dashed" or edge.target.endswith(".add")
        assert "label" in edge.attributes or short


def _flowing(edge: Edge, report: Profile) -> str:
    """The shape of what leaves an arrow's source."""
    if edge.source == INPUT:
        return shape_text(report.layers[0].input_shapes[0][1:])
    points = {point.path: point for point in report.downsample_points}
    if edge.source in points:
        point = points[edge.source]
        row = report.by_path.get(edge.target)
        shape = row.input_shapes[0] if row and row.branch == "shortcut" else point.output_shape
        return shape_text(shape[1:])
    return shape_text(report.layer(edge.source).output_shape[1:])


def _box(node: dict[str, str]) -> tuple[float, float, float, float]:
    x, y = map(float, node["pos"].split(","))
    width, height = 72 * float(node["width"]), 72 * float(node["height"])
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _check_places(drawing: Drawing) -> None:
    """Nothing overlaps but grounds with what stands on them; arrows begin and end at nodes."""
    grounds = {n: _box(a) for n, a in drawing.nodes.items() if a["labelloc"] == "t"}
    boxes = {n: _box(a) for n, a in drawing.nodes.items() if n not in grounds}
    rows: dict[int, list[tuple[float, float, float, float]]] = {}
    for box in boxes.values():
        for row in range(int(box[1] // 60), int(box[3] // 60) + 1):
            rows.setdefault(row, []).append(box)
    for near in rows.values():
        for one, other in combinations(near, 2):
            assert _apart(one, other), (one, other)
    for ground in grounds.values():
        for box in boxes.values():
            inside = ground[0] <= box[0] and box[2] <= ground[2]
            inside = inside and ground[1] <= box[1] and box[3] <= ground[3]
            assert inside or _apart(ground, box)
    for edge in drawing.edges:
        tip = tuple(map(float, edge.attributes["pos"].split(" ")[0][2:].split(",")))
        assert _on_rim(tip, _box(drawing.nodes[edge.target])), edge.target


def _apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return (
        one[2] <= other[0] + 1
        or other[2] <= one[0] + 1
        or one[3] <= other[1] + 1
        or other[3] <= one[1] + 1
    )


def _on_rim(tip: tuple[float, ...], box: tuple[float, ...]) -> bool:
    x, y = tip
    near = 5.0  # the second outline of a run stands off by four
    return (min(abs(x - box[0]), abs(x - box[2])) < near and box[1] - near < y < box[3] + near) or (
        min(abs(y - box[1]), abs(y - box[3])) < near and box[0] - near < x < box[2] + near
    )


# --- any network, opened in any way -------------------------------------------------------------


@st.composite
def openings(draw_from: st.DrawFn, report: Profile) -> Opening:
    """A level, and some parts opened or closed by hand."""
    blocks = list(dict.fromkeys(row.block for row in report.layers if row.block))
    stages = list(dict.fromkeys(row.stage for row in report.layers))
    runs = [f"layer{i}.1-{n - 1}" for i, n in enumerate(report.spec.blocks, start=1) if n > 6]
    keys = draw_from(st.sets(st.sampled_from([*blocks, *stages, *runs]), max_size=8))
    return Opening(draw_from(st.sampled_from(LEVELS)), frozenset(keys))


@cache
def _report(name: str) -> Profile:
    return profile(PRESETS[name], preset_input(name))


@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_drawn(name: str, level: str, column: bool) -> None:
    report = _report(name)
    drawing = parse(draw(report, level, dark=column, column=column).source)

    _check(drawing, report, parts(report, Opening(level)), dark=column)


@settings(max_examples=60, deadline=None)
@given(
    spec=specs(max_stages=8, max_blocks=9),
    size=inputs(),
    data=st.data(),
    column=st.booleans(),
    cost=st.sampled_from(list(COSTS)),
)
def test_any_network_is_drawn(
    spec: ResNetSpec, size: InputSpec, data: st.DataObject, column: bool, cost: str
) -> None:
    report = profile(spec, size)
    opening = data.draw(openings(report))
    drawing = parse(draw(report, opening, column=column, cost=cost).source)

    _check(drawing, report, parts(report, opening), dark=False)


@pytest.mark.parametrize("level", LEVELS)
def test_the_themes_differ_in_colours_alone(level: str) -> None:
    report = profile(PRESETS["resnet50"])
    light, dark = (draw(report, level, dark=dark).source for dark in (False, True))

    assert light != dark
    colours = r"#[0-9A-F]{6}"
    assert re.sub(colours, "", light) == re.sub(colours, "", dark)


@pytest.mark.parametrize("level", LEVELS)
def test_stages_have_the_palette_s_colours(level: str) -> None:
    drawing = parse(draw(profile(PRESETS["resnet50"]), level).source)

    for stage in ("stem", "layer1", "layer2", "layer3", "layer4", "head"):
        assert drawing.nodes[stage]["color"] == stage_outline(stage, dark=False)


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

    folded = drawing.nodes["layer3.1"]
    assert folded["label"] == "layer3.1 … 35\n× 35\n1024 × 14 × 14"
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
        assert drawing.nodes[path]["label"].split("\n")[:2] == [path, text]
        assert drawing.nodes[path.replace(".0", ".1")]["label"].split("\n")[1] == texts[0]


# Adobe's metrics of Helvetica, in thousandths of the size.
_WIDE = {"×": 584, "…": 1000, ".": 278, ",": 278, "/": 278, " ": 278, "l": 222, "r": 333, "y": 500}


@pytest.mark.parametrize("side", [32, 224, 4096])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("stem", ["imagenet", "deep"])
@pytest.mark.parametrize("name", ["resnet34", "resnet50", "wide_resnet101_2"])
def test_text_stays_in_its_box(name: str, stem: Any, level: str, side: int) -> None:
    report = profile(replace(PRESETS[name], stem=stem), InputSpec(side, side))
    for node, attributes in parse(draw(report, level).source).nodes.items():
        if attributes["shape"] == "box" and attributes["labelloc"] != "t":
            for line in attributes["label"].split("\n"):
                size = float(attributes["fontsize"]) / 1000
                width = size * sum(_WIDE.get(letter, 556) for letter in line)
                assert width < 72 * float(attributes["width"]) + 1, (node, line)


@pytest.mark.parametrize("name", PRESETS)
def test_the_default_level_is_one_page(name: str) -> None:
    report = profile(PRESETS[name], preset_input(name))
    boxes = [_box(node) for node in parse(draw(report).source).nodes.values()]

    assert max(box[2] for box in boxes) - min(box[0] for box in boxes) < 1056
    assert max(box[3] for box in boxes) - min(box[1] for box in boxes) < 600


@pytest.mark.parametrize("name", PRESETS)
def test_a_column_is_as_narrow_as_a_phone(name: str) -> None:
    report = profile(PRESETS[name], preset_input(name))
    for level in LEVELS:
        nodes = parse(draw(report, level, column=True).source).nodes.values()
        boxes = [_box(node) for node in nodes]
        assert max(box[2] for box in boxes) - min(box[0] for box in boxes) < 345


@pytest.mark.parametrize("cost", COSTS)
def test_bars_are_shares_of_the_dearest(cost: str) -> None:
    report = profile(PRESETS["resnet18"])
    drawing = parse(draw(report, cost=cost).source)
    stages = {row.stage for row in report.layers}
    closed = [n for n, a in drawing.nodes.items() if a["shape"] == "box" and n not in stages]
    closed = [name for name in closed if name != INPUT] + ["stem", "head"]
    costs = {
        name: sum(getattr(r, cost) for r in report.layers if name in (r.block, r.stage))
        for name in closed
    }
    for name, value in costs.items():
        fill, share = drawing.nodes[name]["fillcolor"], value / max(costs.values())
        if 0.01 < share < 0.99:
            assert float(fill.split(";")[1].split(":")[0]) == pytest.approx(share, abs=0.001)
        else:
            assert ";" not in fill
        whole = sum(getattr(row, cost) for row in report.layers)
        assert f"{percent(value / whole)} of the {COSTS[cost]}" in drawing.nodes[name]["tooltip"]


def test_arrows_are_thicker_the_more_they_carry() -> None:
    report = profile(PRESETS["resnet50"])
    drawing = parse(draw(report, "op").source)
    sizes = {row.path: row.output_bytes for row in report.layers}
    carried = sorted(
        (sizes[edge.source], float(edge.attributes["penwidth"]))
        for edge in drawing.edges
        if edge.source in sizes
    )
    widths = [width for _, width in carried]
    assert widths == sorted(widths)
    assert widths[-1] > 3 * widths[0]


@pytest.mark.parametrize("level", ["", "blocks", "Block", "<b>"])
def test_another_level_is_refused(level: str) -> None:
    with pytest.raises(SpecError, match="level must be one of stage, block, op"):
        draw(profile(PRESETS["resnet18"]), level)


def test_another_cost_is_refused() -> None:
    with pytest.raises(SpecError, match="cost must be one of macs, output_bytes, params"):
        draw(profile(PRESETS["resnet18"]), cost="time")


@pytest.mark.parametrize(
    "text", ["<b>bold</b>", 'a "quoted" word', "back\\slash", "\\N \\G", "{a|b}", "node"]
)
def test_text_is_text(text: str) -> None:
    canvas = Canvas.new(text, theme(False))
    black, white = "#000000", "#FFFFFF"
    canvas.node(text, text, (0, 0), (10, 10), colour=black, fill=white, tooltip=text)
    canvas.node("other", "x", (50, 0), (10, 10), colour=black, fill=white)
    canvas.edge("other", "other", [(45, 0), (5, 0)], label=text, label_at=(25, 0), tooltip=text)
    drawing = parse(canvas.finish().source)

    assert drawing.nodes[text]["id"] == text
    assert drawing.nodes[text]["label"] == text
    assert drawing.nodes[text]["tooltip"] == text
    (edge,) = drawing.edges
    assert (edge.attributes["label"], edge.attributes["tooltip"]) == (text, text)
    assert drawing.graph["tooltip"] == text


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("level", LEVELS)
def test_text_and_lines_stand_out(level: str, dark: bool) -> None:
    """WCAG 2.2, AA: text 4.5 to 1 on whatever it stands on, lines of shapes 3 to 1."""
    report = profile(ResNetSpec(block="basic", blocks=(1, 2, 1, 1, 1, 1, 1, 7), base_width=8))
    page = theme(dark)
    drawing = parse(draw(report, level, dark=dark).source)
    grounds = [page.paper]
    for attributes in drawing.nodes.values():
        colours = re.findall(r"#[0-9A-F]{6}(?:1F)?(?![0-9A-F])", attributes["fillcolor"])
        assert colours
        for colour in colours:
            veiled = mix(colour[:7], page.paper, 0x1F / 255) if len(colour) == 9 else colour
            assert contrast(attributes["fontcolor"], veiled) >= 4.5
            if attributes["labelloc"] == "t":
                grounds.append(veiled)
        assert contrast(attributes["color"], page.paper) >= 3
    for edge in drawing.edges:
        for ground in grounds:
            assert contrast(edge.attributes["fontcolor"], ground) >= 4.5
            assert contrast(edge.attributes["color"], ground) >= 3
