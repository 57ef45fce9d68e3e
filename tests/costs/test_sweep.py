"""`sweep`, against `profile` one size at a time and plain Python integers at the extremes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from resnet_viz.costs.profile_records import Sweep
from resnet_viz.costs.profiling import DTYPE_BYTES, MAX_SWEEP_SIZES, profile, sweep
from resnet_viz.errors import SpecError
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from tests.helpers.oracles import assert_one_sentence, recompute
from tests.helpers.strategies import large_specs, specs

TINY = ResNetSpec(blocks=(1, 2), base_width=4, num_classes=5)
SIDES = st.one_of(st.sampled_from((1, 2, 3, 16_383, 16_384)), st.integers(1, 16_384))
SIZES = st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=6)


def assert_equals_profiles(table: Sweep, sizes: list[tuple[int, int]]) -> None:
    columns = table.columns()
    assert len(table) == len(sizes)
    assert all(type(value) is int for column in columns.values() for value in column)
    for index, (height, width) in enumerate(sizes):
        totals = profile(
            table.spec, InputSpec(height, width, batch=table.batch), table.dtype
        ).totals
        assert {name: column[index] for name, column in columns.items()} == {
            "height": height,
            "width": width,
            "params": totals.params,
            "macs": totals.macs,
            "flops": totals.flops,
            "activation_bytes": totals.activation_bytes,
            "peak_activation_bytes": totals.peak_activation_bytes,
            "final_height": totals.final_grid[0],
            "final_width": totals.final_grid[1],
        }


@settings(max_examples=150)
@given(specs(), SIZES, st.sampled_from((1, 2, 4_096)), st.sampled_from(list(DTYPE_BYTES)))
def test_equals_profile_at_each_size(
    spec: ResNetSpec, sizes: list[tuple[int, int]], batch: int, dtype: str
) -> None:
    heights, widths = [h for h, _ in sizes], [w for _, w in sizes]
    assert_equals_profiles(sweep(spec, heights, widths, batch, dtype), sizes)
    assert_equals_profiles(
        sweep(spec, heights, batch=batch, dtype=dtype), [(h, h) for h in heights]
    )


@settings(max_examples=80)
@given(large_specs().filter(lambda spec: sum(spec.blocks) < 100), SIZES)
def test_is_exact_beyond_64_bits(spec: ResNetSpec, sizes: list[tuple[int, int]]) -> None:
    # The largest size in each sweep decides for all of them, so the smallest are tried too.
    sizes = [*sizes, (16_384, 16_384), (1, 1)]
    heights, widths = [h for h, _ in sizes], [w for _, w in sizes]
    table = sweep(spec, heights, widths, batch=4_096, dtype="float64")
    assert_equals_profiles(table, sizes)
    for index, (height, width) in enumerate(sizes):
        costs = recompute(trace(spec), InputSpec(height, width, batch=4_096))
        assert table.macs[index] == costs.macs
        assert table.activation_bytes[index] == 8 * costs.elements
        assert table.peak_activation_bytes[index] == 8 * costs.peak_elements


def test_the_extremes_leave_64_bits_and_ordinary_sizes_do_not() -> None:
    widest = ResNetSpec(
        blocks=(1,) * 8, stem="small", base_width=1024, groups=1024, width_per_group=1024
    )
    assert sweep(widest, [16_384], batch=4_096).macs.dtype == object
    assert sweep(widest, [16_384], batch=4_096).macs[0] > 2**63
    assert sweep(PRESETS["resnet152"], [1024]).macs.dtype == np.int64
    assert sweep(PRESETS["resnet152"], [1024]).columns()["macs"] == [
        profile(PRESETS["resnet152"], InputSpec(1024, 1024)).totals.macs
    ]


def test_every_size_up_to_twice_the_usual() -> None:
    for name in ("resnet18", "resnext50_32x4d", "resnet20"):
        sizes = range(1, 449, 3)
        assert_equals_profiles(sweep(PRESETS[name], sizes), [(side, side) for side in sizes])


def test_heights_and_widths_broadcast_to_a_map() -> None:
    heights, widths = np.array([1, 7, 64, 225]), np.array([2, 33, 100])
    table = sweep(TINY, heights[:, None], widths[None, :], batch=2)
    assert table.heights.shape == table.macs.shape == table.peak_activation_bytes.shape == (4, 3)
    assert table.final_heights.shape == table.final_widths.shape == (4, 3)
    assert_equals_profiles(table, [(int(h), int(w)) for h in heights for w in widths])
    assert_equals_profiles(sweep(TINY, heights, [5]), [(int(h), 5) for h in heights])
    assert_equals_profiles(sweep(TINY, [5], iter([6, 7])), [(5, 6), (5, 7)])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64])
def test_narrow_integer_arrays_do_not_overflow(dtype: Any) -> None:
    assert_equals_profiles(sweep(TINY, np.array([255, 3], dtype)), [(255, 255), (3, 3)])


def test_a_single_number_in_an_array_is_a_sweep_of_one() -> None:
    assert_equals_profiles(sweep(TINY, np.array(9)), [(9, 9)])


SIZE_LIMITS = "{} must be whole numbers from 1 to 16384."


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"heights": []}, "heights must hold at least one size."),
        ({"heights": [4], "widths": []}, "widths must hold at least one size."),
        ({"heights": [0]}, SIZE_LIMITS.format("heights")),
        ({"heights": [32, -1]}, SIZE_LIMITS.format("heights")),
        ({"heights": [16_385]}, SIZE_LIMITS.format("heights")),
        ({"heights": [2**70]}, SIZE_LIMITS.format("heights")),
        ({"heights": [10**5_000]}, SIZE_LIMITS.format("heights")),
        ({"heights": [1.5]}, SIZE_LIMITS.format("heights")),
        ({"heights": [float("nan")]}, SIZE_LIMITS.format("heights")),
        ({"heights": [True]}, SIZE_LIMITS.format("heights")),
        ({"heights": "32"}, SIZE_LIMITS.format("heights")),
        ({"heights": [None]}, SIZE_LIMITS.format("heights")),
        ({"heights": 32}, SIZE_LIMITS.format("heights")),
        ({"heights": [[1], [2, 3]]}, SIZE_LIMITS.format("heights")),
        ({"heights": [4], "widths": ["x"]}, SIZE_LIMITS.format("widths")),
        (
            {"heights": [4, 5], "widths": [4, 5, 6]},
            (
                "heights and widths must be paired, but there are 2 and 3; "
                "give as many of each, or axes that NumPy can broadcast."
            ),
        ),
        (
            {"heights": [4], "batch": 0},
            "batch must lie between 1 and 4096, not 0; the nearest allowed value is 1.",
        ),
        (
            {"heights": [4], "dtype": "int4"},
            "dtype must be one of float64, float32, float16, bfloat16, not 'int4'.",
        ),
        (
            {"heights": np.full((1001, 1), 4), "widths": np.full((1, 1000), 4)},
            f"A sweep takes at most {MAX_SWEEP_SIZES} sizes at once; give fewer.",
        ),
    ],
    ids=lambda value: ascii(value)[:30] if isinstance(value, str) else "",
)
def test_what_cannot_be_swept_is_refused_in_one_sentence(
    arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(SpecError) as caught:
        sweep(TINY, **arguments)
    assert str(caught.value) == text
    assert_one_sentence(caught.value)


def test_sizes_without_end_are_refused_without_being_listed() -> None:
    with pytest.raises(SpecError, match=r"^heights must be whole numbers from 1 to 16384\.$"):
        sweep(TINY, range(1, 10**15))
    with pytest.raises(SpecError, match=r"^A sweep takes at most 1000000 sizes at once"):
        sweep(TINY, itertools.repeat(32))
