"""The memory's chart, tested as the plain data it is, and its tables."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from resnet_viz import PRESETS, InputSpec, ResNetSpec
from resnet_viz.costs.memory_use import Memory, memory
from resnet_viz.costs.tensor_lifetimes import PARTS
from resnet_viz.network.spec import MAX_BATCH
from resnet_viz.views.charts.memory_charts import (
    DRAWN_STEPS,
    fitting_text,
    memory_chart,
    part_names,
    parts_table,
    peak_text,
    steps_table,
)
from resnet_viz.views.palette import theme

BOTH = pytest.mark.parametrize("dark", [False, True])
TRAINING = memory(PRESETS["resnet50"], InputSpec(batch=8), training=True, optimizer="adam")
INFERENCE = memory(PRESETS["resnet50"], InputSpec(65, 33), training=False)
LONG = memory(ResNetSpec(block="basic", blocks=(60,) * 3, base_width=4), training=True)


def _parts(use: Memory, dark: bool = False) -> dict[str, dict[str, Any]]:
    drawn = memory_chart(use, dark)
    traces = [trace.to_plotly_json() for trace in drawn.data]
    return {trace["name"]: trace for trace in traces if trace.get("stackgroup")}


@BOTH
def test_the_parts_are_stacked_up_to_the_total(dark: bool) -> None:
    drawn = memory_chart(TRAINING, dark)
    parts = _parts(TRAINING, dark)
    assert list(parts) == [
        *("Weights", "Gradients", "Optimizer states", "Kept for backward", "Working memory")
    ]
    outline = drawn.data[len(parts)]
    steps = len(TRAINING.paths)
    np.testing.assert_array_equal(sum(part["y"] for part in parts.values()), outline.y)
    np.testing.assert_array_equal(outline.y[:steps], TRAINING.totals)
    np.testing.assert_array_equal(outline.x[:steps], range(steps))
    assert outline.y[steps] == outline.y[steps - 1]
    assert len({part["line"]["color"] for part in parts.values()}) == len(parts)
    looks = {(part["fillcolor"], part["fillpattern"]["shape"]) for part in parts.values()}
    assert len(looks) == len(parts)
    hatched = [part["fillpattern"]["shape"] for part in parts.values()]
    assert all(one != other for one, other in pairwise(hatched))
    assert drawn.layout.font.color == theme(dark).ink


def test_the_pointer_is_told_the_step_and_its_bytes() -> None:
    drawn = memory_chart(INFERENCE, False)
    row = drawn.data[len(part_names(INFERENCE))].customdata[3]
    assert list(row[:2]) == ["maxpool, forward", f"{INFERENCE.totals[3] / 1e6:.1f} MB"]
    last = memory_chart(TRAINING, False).data[len(PARTS)].customdata[-1]
    assert last[0] == "optimizer"


@pytest.mark.parametrize("use", [TRAINING, INFERENCE, LONG], ids=["training", "inference", "long"])
def test_the_peak_is_marked_with_its_operation(use: Memory) -> None:
    drawn = memory_chart(use, False)
    (mark,) = [trace for trace in drawn.data if trace.mode == "markers"]
    assert mark.y == (use.peak_bytes,)
    assert mark.x == (use.peak_step + 0.5,)
    (text,) = [note.text for note in drawn.layout.annotations]
    assert peak_text(use) in text
    assert use.peak_path in peak_text(use)
    low, high = drawn.layout.yaxis.range
    assert low == 0
    assert high > use.peak_bytes


def test_a_long_execution_is_drawn_with_its_peak() -> None:
    drawn = memory_chart(LONG, False)
    outline = drawn.data[len(part_names(LONG))]
    assert len(LONG.paths) > 2 * DRAWN_STEPS
    assert len(outline.x) == DRAWN_STEPS + 1
    assert max(outline.y) == LONG.peak_bytes
    assert (np.diff(outline.x) > 0).all()
    steps = outline.x[:-1]
    np.testing.assert_array_equal(outline.y[:-1], LONG.totals[np.array(steps)])


def test_the_passes_are_named_and_parted() -> None:
    drawn = memory_chart(TRAINING, False)
    assert list(drawn.layout.xaxis.ticktext) == ["forward", "backward", "optimizer"]
    starts = [TRAINING.phases.index(phase) for phase in ("backward", "optimizer")]
    assert [line.x0 for line in drawn.layout.shapes] == starts
    assert list(memory_chart(INFERENCE, False).layout.xaxis.ticktext) == ["forward"]


def test_a_limit_is_drawn_unless_it_is_far() -> None:
    def lines(limit: int) -> list[tuple[float, str]]:
        drawn = memory_chart(INFERENCE, False, limit)
        assert drawn.layout.yaxis.range[1] > INFERENCE.peak_bytes
        texts = [note.text for note in drawn.layout.annotations if "GiB" in note.text]
        return list(zip([shape.y0 for shape in drawn.layout.shapes], texts, strict=True))

    assert lines(2**27) == [(2**27, "0.125 GiB")]
    assert lines(2**26) == [(2**26, "0.0625 GiB")]  # less than the peak
    assert lines(2**31) == []


def test_parts_that_are_nothing_are_left_out() -> None:
    assert list(part_names(INFERENCE)) == ["weights", "kept", "working"]
    assert part_names(INFERENCE)["kept"] != part_names(TRAINING)["kept"]
    assert "optimizer" not in part_names(LONG)
    assert list(_parts(INFERENCE)) == list(part_names(INFERENCE).values())


def test_the_tables_are_the_numbers() -> None:
    table = parts_table(TRAINING)
    assert table["Part"][-1] == "Together"
    assert table["At the peak"][0] == "102.4 MB"
    assert table["Share"][-1] == "100 %"
    shares = [float(share.rstrip(" %")) for share in table["Share"][:-1]]
    assert sum(shares) == pytest.approx(100, abs=0.3)

    steps = steps_table(TRAINING)
    assert len({len(column) for column in steps.values()}) == 1
    parts = [steps[f"{name}, bytes"] for name in part_names(TRAINING).values()]
    assert [sum(row) for row in zip(*parts, strict=True)] == steps["Together, bytes"]
    assert max(steps["Together, bytes"]) == TRAINING.peak_bytes
    assert (steps["Phase"][0], steps["Operation"][0]) == ("forward", "conv1")


def test_bytes_beyond_64_bits_are_drawn_and_listed() -> None:
    spec = ResNetSpec(blocks=(1,) * 8, base_width=1024, stem="small", strides=(1,) * 8)
    use = memory(spec, InputSpec(16_384, 16_384, batch=MAX_BATCH), training=True)
    assert use.peak_bytes > 2**63
    assert max(memory_chart(use, False).data[-2].y) == float(use.peak_bytes)
    assert max(steps_table(use)["Together, bytes"]) == use.peak_bytes


def test_how_many_fit_in_words() -> None:
    assert [fitting_text(count) for count in (0, 1, 1024, MAX_BATCH)] == [
        *("none", "1", "1,024", "4,096 or more")
    ]
