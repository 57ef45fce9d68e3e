"""The size map, against `profile` and `sizing` one size at a time."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from resnet_viz.costs.profile_records import Profile
from resnet_viz.costs.profiling import DTYPE_BYTES, profile
from resnet_viz.errors import SpecError
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from resnet_viz.sizing import input_fit
from resnet_viz.sizing.costs_by_size import Formulas, SizeMap, formulas, size_map
from tests.helpers.oracles import assert_one_sentence
from tests.helpers.strategies import large_specs, specs

TINY = ResNetSpec(blocks=(1, 2), base_width=4, num_classes=5)
AWKWARD = ((1, 1), (7, 300), (225, 225), (1023, 1023), (16_384, 3))
SIDES = st.one_of(st.sampled_from((1, 2, 3, 225, 16_383, 16_384)), st.integers(1, 600))
AXES = st.lists(SIDES, min_size=1, max_size=3)


def _counts(report: Profile) -> tuple[int, int, int]:
    """Convolutions that work on 1 x 1, that see more than the input, and all of them."""
    layers = input_fit.convolutions(report)
    one_cell = sum(input_fit.reads_one_cell(layer) for layer in layers)
    outgrown = sum(input_fit.field_exceeds(layer, report) for layer in layers)
    return one_cell, outgrown, len(layers)


def _assert_equals_profile(table: SizeMap, row: int, column: int) -> None:
    height, width = int(table.heights[row]), int(table.widths[column])
    report = profile(table.spec, InputSpec(height, width, batch=table.batch), table.dtype)
    totals = report.totals
    assert table.macs[row, column] == totals.macs
    assert table.peak_activation_bytes[row, column] == totals.peak_activation_bytes
    grid = (table.final_heights[row], table.final_widths[column])
    assert grid == totals.final_grid
    assert table.final_cells[row, column] == totals.final_grid[0] * totals.final_grid[1]
    assert table.output_stride == totals.output_stride
    counts = (table.one_cell[row, column], table.outgrown[row, column], table.convolutions)
    assert counts == _counts(report)
    assert table.rounding[row, column] == pytest.approx(_hanging_over(report))


def _hanging_over(report: Profile) -> float:
    """The final grid's share beyond the input, summed over the strides on the way to it."""
    over = [0, 0]
    path = next(layer for layer in report.layers if layer.op == "adaptive_avg_pool2d").inputs[0]
    while path != "input":
        layer = report.by_path[path]
        jumps = (1, 1) if layer.inputs[0] == "input" else report.by_path[layer.inputs[0]].jump
        for axis in (0, 1):
            over[axis] += input_fit.overhang(layer)[axis] * jumps[axis]
        path = layer.inputs[0]
    height, width = report.input.height, report.input.width
    return 1 - height * width / ((height + over[0]) * (width + over[1]))


@settings(max_examples=25)
@given(specs(), AXES, AXES, st.sampled_from((1, 3)), st.sampled_from(list(DTYPE_BYTES)))
def test_equals_profile_at_each_size(
    spec: ResNetSpec, heights: list[int], widths: list[int], batch: int, dtype: str
) -> None:
    table = size_map(spec, heights, widths, batch, dtype)
    assert table.heights.tolist() == heights
    assert table.widths.tolist() == widths
    for row, column in itertools.product(range(len(heights)), range(len(widths))):
        _assert_equals_profile(table, row, column)


@pytest.mark.parametrize("name", ["resnet18", "resnet152", "resnext50_32x4d", "resnet110"])
def test_equals_profile_at_awkward_sizes(name: str) -> None:
    heights, widths = zip(*AWKWARD, strict=True)
    table = size_map(PRESETS[name], heights, widths)
    for place in range(len(AWKWARD)):
        _assert_equals_profile(table, place, place)


def _shallower(spec: ResNetSpec) -> ResNetSpec:
    return replace(spec, blocks=tuple(min(count, 3) for count in spec.blocks))


@settings(max_examples=10)
@given(large_specs().map(_shallower), SIDES)
def test_is_exact_beyond_64_bits(spec: ResNetSpec, side: int) -> None:
    table = size_map(spec, [16_384, side], batch=4_096, dtype="float64")
    for row, column in itertools.product((0, 1), (0, 1)):
        _assert_equals_profile(table, row, column)


def test_the_largest_network_leaves_64_bits() -> None:
    spec = ResNetSpec(blocks=(1,) * 8, stem="small", base_width=1024)
    table = size_map(spec, [16_384], batch=4_096)
    assert table.macs.dtype == object
    assert table.macs[0, 0] > 2**63
    assert table.nbytes > 0
    assert table.columns()["macs"] == [table.macs[0, 0]]


def test_without_widths_it_is_square() -> None:
    table = size_map(TINY, range(5, 8))
    assert table.widths.tolist() == table.heights.tolist() == [5, 6, 7]
    assert np.array_equal(table.macs, size_map(TINY, [5, 6, 7], [5, 6, 7]).macs)


def test_a_size_that_the_stride_divides_loses_nothing() -> None:
    stride = formulas(PRESETS["resnet50"]).output_stride
    assert stride == (32, 32)
    sizes = range(1, 130)
    loss = size_map(PRESETS["resnet50"], sizes).rounding
    whole = {(h, w) for h in sizes for w in sizes if h % 32 == w % 32 == 0}
    assert {(int(r) + 1, int(c) + 1) for r, c in np.argwhere(loss == 0)} == whole
    assert loss.min() >= 0
    assert loss.max() == loss[0, 0] == 1 - 1 / 32**2


def test_the_table_has_a_row_for_each_size() -> None:
    table = size_map(TINY, [9, 40], [33, 2, 5])
    columns = table.columns()
    assert {len(column) for column in columns.values()} == {6}
    assert columns["height"] == [9, 9, 9, 40, 40, 40]
    assert columns["width"] == [33, 2, 5, 33, 2, 5]
    assert columns["final_width"] == table.final_widths.tolist() * 2
    for name in ("macs", "peak_activation_bytes", "one_cell", "outgrown", "rounding"):
        assert columns[name] == getattr(table, name).ravel().tolist()
        assert all(type(value) in (int, float) for value in columns[name])


def _evaluated(known: Formulas, height: int, width: int) -> dict[str, Any]:
    """What the formulas say of one size, in plain Python integers."""
    grids: list[tuple[int, int]] = []
    for parent, offset, step in known.grids:
        if parent is None:
            grids.append((height, width) if step == (0, 0) else (1, 1))
        else:
            before = grids[parent]
            grids.append(
                (
                    (before[0] + offset[0]) // step[0] + 1,
                    (before[1] + offset[1]) // step[1] + 1,
                )
            )
    areas = [rows * columns for rows, columns in grids]

    def total(factors: tuple[int, ...]) -> int:
        return sum(factor * area for factor, area in zip(factors, areas, strict=True))

    return {
        "macs": total(known.mac_factors),
        "peak": max(map(total, known.live_factors)),
        "final": grids[known.final_grid],
        "one_cell": sum(n for n, grid in zip(known.readers, grids, strict=True) if grid == (1, 1)),
        "outgrown": sum(n for rows, cols, n in known.fields if rows > height and cols > width),
    }


@settings(max_examples=40)
@given(specs(), SIDES, SIDES)
def test_the_formulas_say_the_same(spec: ResNetSpec, height: int, width: int) -> None:
    known = formulas(spec)
    report = profile(spec, InputSpec(height, width))
    one_cell, outgrown, convolutions = _counts(report)
    assert _evaluated(known, height, width) == {
        "macs": report.totals.macs,
        "peak": report.totals.peak_activation_bytes // 4,
        "final": report.totals.final_grid,
        "one_cell": one_cell,
        "outgrown": outgrown,
    }
    assert known.convolutions == convolutions
    assert known.output_stride == report.totals.output_stride


def test_the_formulas_are_few() -> None:
    known = formulas(PRESETS["resnet152"])
    assert len(known.live_factors) < 20
    assert len(known.fields) == 52  # a 1x1 convolution sees what its input does
    assert sum(count for *_, count in known.fields) == known.convolutions == 155


LIMITS = "{} must be whole numbers from 1 to 16384."


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"heights": [0]}, LIMITS.format("heights")),
        ({"heights": [4], "widths": [16_385]}, LIMITS.format("widths")),
        ({"heights": [4], "widths": "32"}, LIMITS.format("widths")),
        ({"heights": []}, "heights must hold at least one size."),
        ({"heights": [4], "widths": []}, "widths must hold at least one size."),
        (
            {"heights": [[4, 5], [6, 7]]},
            "heights must be one row of sizes, not 2 axes of them.",
        ),
        (
            {"heights": range(1, 1002), "widths": range(1, 1001)},
            "A sweep takes at most 1000000 sizes at once; give fewer.",
        ),
        (
            {"heights": [4], "batch": 0},
            "batch must lie between 1 and 4096, not 0; the nearest allowed value is 1.",
        ),
        (
            {"heights": [4], "dtype": "int4"},
            "dtype must be one of float64, float32, float16, bfloat16, not 'int4'.",
        ),
    ],
)
def test_what_cannot_be_mapped_is_refused_in_one_sentence(
    arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(SpecError) as caught:
        size_map(TINY, **arguments)
    assert str(caught.value) == text
    assert_one_sentence(caught.value)
