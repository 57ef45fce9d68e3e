"""Figures, tested as the plain data they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from resnet_viz import PRESETS, InputSpec, profile, sweep
from resnet_viz.views.charts import resolution_chart, sweep_chart
from resnet_viz.views.palette import theme

BOTH = pytest.mark.parametrize("dark", [False, True])


def _data(figure: go.Figure) -> list[dict[str, Any]]:
    return [trace.to_plotly_json() for trace in figure.data]


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
