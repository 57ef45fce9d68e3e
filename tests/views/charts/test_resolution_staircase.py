"""The staircase, tested as the plain data it is."""

from __future__ import annotations

from dataclasses import replace
from math import log2
from typing import Any

import plotly.graph_objects as go
import pytest
from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.views.charts.resolution_changes import stops
from resnet_viz.views.charts.resolution_staircase import staircase_chart, staircase_table
from resnet_viz.views.palette import mix, stage_colour, theme
from tests.helpers.strategies import inputs, specs

R50 = PRESETS["resnet50"]
SMALL = {"max_stages": 4, "max_blocks": 2, "max_width": 6}


def _bars(figure: go.Figure) -> list[dict[str, Any]]:
    return [trace.to_plotly_json() for trace in figure.data if trace.type == "bar"]


def _lines(figure: go.Figure) -> list[dict[str, Any]]:
    scatters = figure.select_traces({"type": "scatter", "mode": "lines"})
    return [trace.to_plotly_json() for trace in scatters]


def _markers(figure: go.Figure) -> dict[str, dict[str, Any]]:
    scatters = figure.select_traces({"type": "scatter", "mode": "markers"})
    traces = [trace.to_plotly_json() for trace in scatters]
    return {str(trace["name"]): trace for trace in traces}


def _sizes(levels: Any) -> list[int]:
    """The sizes of which bars of these heights speak: a unit a doubling, one for 1."""
    return [round(2 ** (abs(level) - 1)) for level in levels]


def _words(figure: go.Figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


@settings(max_examples=10)
@given(specs(**SMALL), inputs())
def test_stops_are_all_places_at_which_the_shape_changes(spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    found = stops(report)
    stem = ["conv1"] + ["maxpool"] * (spec.stem != "small")
    layers = [f"layer{number}" for number in range(1, len(spec.blocks) + 1)]
    assert [stop.name for stop in found] == ["input", *stem, *layers]
    assert [stop.blocks for stop in found[-len(layers) :]] == list(spec.blocks)
    assert found[-1].shape[2:] == report.totals.final_grid
    points = {point.block: point.reasons for point in report.downsample_points}
    for stop in found[1:]:
        assert stop.path is not None
        if stop.blocks:
            assert stop.reasons == points.get(f"{stop.name}.0", ())
            last = [layer for layer in report.layers if layer.stage == stop.name]
            blocks = {layer.output_shape for layer in last if layer.op == "add"}
            assert blocks == {stop.shape}
        else:
            assert report.layer(stop.path).output_shape == stop.shape


def test_the_table_says_what_the_chart_shows() -> None:
    here = profile(replace(PRESETS["resnet101"], dilations=(1, 1, 1, 2)), InputSpec(224, 300))
    table = staircase_table(here, profile(R50))
    rows = {row[0]: row[1:] for row in zip(*table.values(), strict=True)}
    assert list(table)[1:] == [
        *("Reference", "Here", "Differs in", "Blocks, reference", "Blocks, here"),
        *("Downsample point, reference", "Downsample point, here"),
    ]
    both = "stride + channels"
    assert rows["input"] == ("3 × 224 × 224", "3 × 224 × 300", "resolution", *"––––")
    assert rows["layer3"][2:] == ("resolution, blocks", "6", "23", both, both)
    assert rows["layer4"][2:] == ("resolution, downsample point", "3", "3", both, "channels")


def test_the_table_says_what_one_network_lacks() -> None:
    table = staircase_table(profile(PRESETS["resnet20"]), profile(R50))
    difference = dict(zip(table["Stop"], table["Differs in"], strict=True))
    assert difference["input"] == "–"
    assert difference["maxpool"] == difference["layer4"] == "only in the reference"
    assert difference["layer1"] == "resolution, channels, downsample point"
    back = staircase_table(profile(R50), profile(PRESETS["resnet20"]))
    assert back["Differs in"][2] == back["Differs in"][-1] == "only here"
    assert set(staircase_table(profile(R50), profile(R50))["Differs in"]) == {"–"}


@settings(max_examples=10)
@given(specs(**SMALL), inputs(), specs(**SMALL), inputs())
def test_bars_are_the_shapes(
    spec: ResNetSpec, size: InputSpec, other: ResNetSpec, at: InputSpec
) -> None:
    report, reference = profile(spec, size), profile(other, at)
    longer, shorter, channels = _bars(staircase_chart(report, reference, False))
    columns = staircase_table(report, reference)
    shapes = [stop.shape for stop in stops(report)]
    if "maxpool" in columns["Stop"] and spec.stem == "small":
        shapes.insert(2, shapes[1])  # the map passes
    assert _sizes(longer["y"]) == [max(shape[2:]) for shape in shapes]
    assert _sizes(shorter["y"]) == [min(shape[2:]) for shape in shapes]
    assert _sizes(channels["y"]) == [shape[1] for shape in shapes]
    assert min(shorter["y"]) >= 1
    assert max(channels["y"]) <= -1
    assert list(shorter["x"]) == list(range(len(shapes)))
    for side, network in (("Here", report), ("Reference", reference)):
        own = {stop.name: stop.shape[1:] for stop in stops(network)}
        for name, shown in zip(columns["Stop"], columns[side], strict=True):
            assert shown == (" × ".join(map(str, own[name])) if name in own else "–")


def test_the_reference_is_drawn_where_it_is_another() -> None:
    reference = profile(R50)
    small = staircase_chart(profile(R50, InputSpec(32, 32)), reference, False)
    (sides,) = _lines(small)  # the channels are the same
    assert sides["name"] == "ResNet-50 at 224 × 224"
    assert sides["line"]["dash"] == "dot"
    assert _sizes(sides["y"][1:-1:2]) == [224, 112, 56, 56, 28, 14, 7]
    assert list(sides["x"][1:5]) == [-0.5, 0.5, 0.5, 1.5]

    own = profile(ResNetSpec(blocks=(1, 2), base_width=4), InputSpec(7, 300))
    assert _lines(staircase_chart(reference, own, False))[0]["name"] == (
        "a ResNet of depth 11 at 7 × 300"
    )

    assert _lines(staircase_chart(reference, reference, False)) == []
    narrow = profile(R50, InputSpec(224, 300))
    (width,) = _lines(staircase_chart(narrow, reference, False))
    assert _sizes(width["y"][1:-1:2])[0] == 224
    both = _lines(staircase_chart(reference, profile(R50, InputSpec(99, 300)), False))
    assert [_sizes(line["y"])[1] for line in both] == [99, 300]
    assert [line["showlegend"] for line in both] == [True, False]
    cifar = _lines(
        staircase_chart(profile(PRESETS["resnet20"], InputSpec(32, 32)), reference, False)
    )
    assert [len(line["x"]) for line in cifar] == [16, 16]  # four stages, here three


def test_each_reason_has_its_shape_on_its_step() -> None:
    dilated = profile(replace(R50, dilations=(1, 1, 2, 4)))
    marks = _markers(staircase_chart(dilated, profile(R50), False))
    assert set(marks) == {"channels", "stride + channels"}
    assert list(marks["channels"]["x"]) == [2.5, 4.5, 5.5]
    assert marks["channels"]["y"][0] == -(log2(64) + log2(256) + 2) / 2
    both = marks["stride + channels"]
    assert list(both["x"]) == [3.5, 3.5]
    assert list(both["y"]) == [(log2(56) + log2(28) + 2) / 2, -(log2(256) + log2(512) + 2) / 2]

    spec = ResNetSpec(block="basic", blocks=(1, 1), base_width=4)
    same = profile(replace(spec, blocks=(1,)))
    assert _markers(staircase_chart(same, same, False)) == {}
    shapes = {name: mark["marker"]["symbol"] for name, mark in marks.items()}
    assert len(set(shapes.values())) == 2


def test_sizes_stand_on_their_steps_once() -> None:
    figure = staircase_chart(profile(R50), profile(R50), False)
    assert _words(figure) == [
        *("224 × 224", "112 × 112", "56 × 56", "28 × 28", "14 × 14", "7 × 7"),
        *("3", "64", "256", "512", "1024", "2048"),
    ]
    oblong = staircase_chart(profile(R50, InputSpec(64, 48)), profile(R50), False)
    assert _words(oblong)[0] == "64 × 48"
    long = profile(ResNetSpec(blocks=(1,) * 8), InputSpec(16_384, 16_384))
    assert _words(staircase_chart(long, long, False))[:2] == ["16384", "8192"]
    wide = profile(ResNetSpec(blocks=(1,) * 8), InputSpec(64, 48))
    assert _words(staircase_chart(wide, wide, False))[0] == "64×48"


def test_stages_are_named_with_their_blocks() -> None:
    figure = staircase_chart(profile(PRESETS["resnet1202"]), profile(R50), False)
    assert list(figure.layout.xaxis.ticktext) == [
        *("input", "conv1", "maxpool"),
        *("layer1<br>× 200", "layer2<br>× 200", "layer3<br>× 200", "layer4"),
    ]
    hovers = list(figure.data[0].customdata)
    assert hovers[2] == "no maxpool here: 16 × 224 × 224<br>reference: 64 × 56 × 56"
    assert hovers[4] == (
        "<b>layer2</b> 32 × 112 × 112<br>200 blocks<br>downsample point: stride and channels<br>"
        "reference: 512 × 28 × 28"
    )


@pytest.mark.parametrize("dark", [False, True])
def test_colours_are_those_of_the_stages_and_the_theme(dark: bool) -> None:
    figure = staircase_chart(profile(R50, InputSpec(33, 70)), profile(R50), dark)
    paper = theme(dark).paper
    _, shorter, _ = _bars(figure)
    stages = ["input", "stem", "stem", "layer1", "layer2", "layer3", "layer4"]
    assert list(shorter["marker"]["color"]) == [
        mix(stage_colour(stage), paper, 0.85) for stage in stages
    ]
    assert figure.layout.font.color == theme(dark).ink
    assert {line["line"]["color"] for line in _lines(figure)} == {theme(dark).ink}
    assert {note.font.color for note in figure.layout.annotations} == {theme(dark).ink}
    assert {m["marker"]["color"] for m in _markers(figure).values()} == {theme(dark).badge}
