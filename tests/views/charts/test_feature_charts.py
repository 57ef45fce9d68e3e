"""Charts of feature maps: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from resnet_viz.views.charts.feature_charts import bar_chart, histogram, ratio_chart
from resnet_viz.views.palette import stage_colour

BOTH = pytest.mark.parametrize("dark", [False, True])
floats = st.floats(-1e6, 1e6, width=32)


@given(st.lists(floats, min_size=1, max_size=300))
def test_a_histogram_counts_every_value(values: list[float]) -> None:
    drawn = histogram(np.array(values, np.float32), "values", False)

    (bars,) = drawn.data
    assert sum(bars.y) == len(values)
    low, high = bars.customdata[:, 0].min(), bars.customdata[:, 1].max()
    assert low <= min(values)
    assert high >= max(values)


def test_a_histogram_leaves_out_what_is_not_finite() -> None:
    values = np.array([1, 2, np.nan, np.inf, -np.inf], np.float32)
    assert sum(histogram(values, "values", True).data[0].y) == 2
    assert len(histogram(values[2:], "values", True).data) == 0


@BOTH
def test_bars_stand_in_order_with_their_names_even_if_two_are_the_same(dark: bool) -> None:
    drawn = bar_chart(["crane", "crane", "x" * 60], [3.0, 2.0, -1.0], "top", dark, unit="%")

    (bars,) = drawn.data
    assert list(bars.x) == [3.0, 2.0, -1.0]
    assert list(bars.y) == [0, 1, 2]
    assert list(drawn.layout.yaxis.ticktext)[:2] == ["crane", "crane"]
    assert drawn.layout.yaxis.ticktext[2].endswith("…")
    assert drawn.layout.yaxis.autorange == "reversed"
    assert bars.text[0] == "3%"


def test_bars_can_stand_beside_what_they_were() -> None:
    drawn = bar_chart(["a", "b"], [1.0, 2.0], "top", False, before=[4.0, 0.5])

    before, now = drawn.data
    assert list(before.x) == [4.0, 0.5]
    assert list(now.x) == [1.0, 2.0]
    assert drawn.layout.showlegend


@BOTH
def test_ratios_are_coloured_by_stage_and_mark_the_focus(dark: bool) -> None:
    blocks = ["layer1.0", "layer1.1", "layer2.0"]
    (bars,) = ratio_chart(blocks, [0.5, 0.25, 2.0], "layer1.1", dark).data

    assert list(bars.x) == blocks
    assert list(bars.y) == [0.5, 0.25, 2.0]
    assert list(bars.marker.color) == [stage_colour(block[:6]) for block in blocks]
    assert list(bars.marker.line.width) == [0, 2, 0]
