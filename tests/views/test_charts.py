"""Figures, tested as the plain data they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile, sweep
from resnet_viz.spec import preset_input
from resnet_viz.views.charts import channel_chart, cost_chart, resolution_chart, sweep_chart
from resnet_viz.views.mosaic import shared_scale
from resnet_viz.views.palette import stage_colour, theme
from tests.strategies import inputs, specs
from tests.views.test_palette import contrast

BOTH = pytest.mark.parametrize("dark", [False, True])


def _data(figure: go.Figure) -> list[dict[str, Any]]:
    return [trace.to_plotly_json() for trace in figure.data]


@settings(max_examples=40)
@given(specs(), inputs())
def test_shares_add_up(spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    bars = _data(cost_chart(report, dark=False))

    assert [bar["name"] for bar in bars] == list(dict.fromkeys(r.stage for r in report.layers))
    assert [bar["marker"]["color"] for bar in bars] == [stage_colour(bar["name"]) for bar in bars]
    for index, kind in enumerate(bars[0]["y"]):
        total = sum(bar["x"][index] for bar in bars)
        whole = {"MACs": report.totals.macs, "Parameters": report.totals.params}.get(kind, 1)
        assert total == pytest.approx(100 if whole else 0)


def test_the_cost_of_a_stage_can_be_read() -> None:
    bar = next(
        b for b in _data(cost_chart(profile(PRESETS["resnet50"]), False)) if b["name"] == "layer3"
    )

    assert dict(zip(bar["y"], bar["customdata"], strict=True)) == {
        "Activations": "29.90 MB", "Parameters": "7.098 M", "MACs": "1.464 G"
    }  # fmt: skip


@pytest.mark.parametrize("name", ["resnet18", "resnet152", "resnet20"])
def test_a_bar_bears_its_name_where_there_is_room(name: str) -> None:
    figure = cost_chart(profile(PRESETS[name], preset_input(name)), dark=False)

    bars = _data(figure)
    for bar in bars:
        assert list(bar["text"]) == [bar["name"] if x >= 5 else "" for x in bar["x"]]
        assert contrast(bar["insidetextfont"]["color"], bar["marker"]["color"]) >= 4.5
    assert "" in {text for bar in bars for text in bar["text"]}
    low, high = figure.layout.xaxis.range
    assert low == 0
    assert high > 100
    assert figure.layout.margin.r > 20


def test_resolutions_step_down_beside_the_reference() -> None:
    reference = profile(PRESETS["resnet50"])
    here = profile(PRESETS["resnet50"], InputSpec(512, 300))
    before, after = _data(resolution_chart(here, reference, False))

    assert (before["name"], after["name"]) == ("224 × 224", "512 × 300")
    assert list(after["x"]) == ["input", "stem", "layer1", "layer2", "layer3", "layer4"]
    assert list(before["y"]) == [224, 56, 56, 28, 14, 7]
    assert list(after["y"]) == [300, 75, 75, 38, 19, 10]
    assert after["customdata"][-1] == "2048 × 16 × 10"
    assert before["line"]["dash"] != after["line"]["dash"]
    assert len(_data(resolution_chart(reference, reference, False))) == 1


@BOTH
def test_a_sweep_is_its_numbers_with_the_chosen_height_marked(dark: bool) -> None:
    table = sweep(PRESETS["resnet18"], range(32, 200))
    figure = sweep_chart(table, table.macs, 64, "MACs", "", dark)

    (line,) = _data(figure)
    np.testing.assert_array_equal(line["x"], table.heights)
    np.testing.assert_array_equal(line["y"], table.macs.astype(float))
    assert list(line["customdata"][0]) == ["32 × 32", "37.52 M"]
    (mark,) = figure.layout.shapes
    assert (mark.x0, mark.x1) == (64, 64)
    assert figure.layout.font.color == theme(dark).ink


def test_memory_has_a_unit_and_grids_have_none() -> None:
    table = sweep(PRESETS["resnet18"], [32, 64])

    memory = sweep_chart(table, table.peak_activation_bytes, 32, "Peak alive", "B", False)
    grid = sweep_chart(table, table.final_heights, 32, "Rows in memory of the grid", "", False)
    assert memory.layout.yaxis.ticksuffix == "B"
    assert memory.data[0].customdata[0][1].endswith("B")
    assert grid.layout.yaxis.ticksuffix == ""
    assert grid.data[0].customdata[1][1] == "2"


@BOTH
@pytest.mark.parametrize("low", [0.0, -3.0])
def test_a_channel_keeps_its_values_and_its_layer_s_scale(low: float, dark: bool) -> None:
    values = np.linspace(low, 2, 35, dtype=np.float32).reshape(5, 7)
    scale = shared_scale(values[None])
    figure = channel_chart(values, scale, "layer1.0, channel 0", dark)

    (heat,) = figure.data
    np.testing.assert_array_equal(heat.z, values)
    assert (heat.zmin, heat.zmax) == (scale.low, scale.high)
    assert heat.colorscale[0][0] == 0
    assert heat.colorscale[-1][0] == 1
    assert "%{z" in heat.hovertemplate
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.title.text == "layer1.0, channel 0"


def test_a_channel_of_zeros_still_has_a_scale() -> None:
    zeros = np.zeros((3, 3), np.float32)
    (heat,) = channel_chart(zeros, shared_scale(zeros[None]), "dead", False).data

    assert heat.zmax > heat.zmin
