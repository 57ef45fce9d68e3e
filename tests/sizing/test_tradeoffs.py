"""Totals from two blocks a stage, series and fronts, against `profile` and plain definitions."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from resnet_viz.costs.profile_records import Totals
from resnet_viz.costs.profiling import profile
from resnet_viz.costs.total_costs import totals
from resnet_viz.errors import SpecError
from resnet_viz.network.spec import MAX_SIDE, PRESETS, InputSpec, ResNetSpec
from resnet_viz.sizing.tradeoffs.network_candidates import candidates, pareto_front
from resnet_viz.sizing.tradeoffs.series import (
    MAX_POINTS,
    Over,
    Series,
    depth_series,
    measure,
    number,
    series_over,
)
from tests.helpers.strategies import inputs, specs

TINY = ResNetSpec(blocks=(1, 2), base_width=4, num_classes=5, in_channels=2)
SIZE = InputSpec(37, 50)


@settings(max_examples=30)
@given(specs(max_stages=4, max_blocks=6, max_width=6), inputs())
def test_two_blocks_of_a_stage_tell_the_totals_of_all(spec: ResNetSpec, size: InputSpec) -> None:
    assert totals(spec, size) == profile(spec, size).totals


@pytest.mark.parametrize("name", ["resnet152", "resnext101_32x8d", "resnet110"])
def test_totals_of_deep_presets(name: str) -> None:
    size = InputSpec(225, 130, batch=3)
    assert totals(PRESETS[name], size) == profile(PRESETS[name], size).totals


def test_totals_of_dilated_networks() -> None:
    for dilations in ((1, 1, 2, 4), (1, 2, 2, 1)):
        spec = ResNetSpec(blocks=(3, 4, 5, 3), base_width=4, dilations=dilations)
        assert totals(spec, SIZE) == profile(spec, SIZE).totals


def test_totals_refuse_another_number_of_channels() -> None:
    with pytest.raises(SpecError, match="channels"):
        totals(TINY, InputSpec(channels=3))


def _over(over: Over, spec: ResNetSpec, size: InputSpec) -> Series:
    (series,) = series_over(over, {"one": spec}, size)
    return series


def assert_equals_profiles(series: Series, every: int = 1) -> None:
    assert len(series.x) == len(series.points)
    assert np.all(np.diff(series.x) > 0)
    columns = {field.name: series.values(field.name) for field in fields(Totals)[:-4]}
    pairs = {n: series.values(n) for n in ("final_grid", "output_stride", "receptive_field")}
    for place in range(0, len(series.points), every):
        point = series.points[place]
        expected = profile(point.spec, point.input).totals
        assert point.totals == expected
        assert {name: column[place] for name, column in columns.items()} == {
            name: getattr(expected, name) for name in columns
        }
        assert {name: tuple(column[place]) for name, column in pairs.items()} == {
            name: getattr(expected, name) for name in pairs
        }


@pytest.mark.parametrize(("over", "every"), [("size", 1), ("depth", 12), ("width", 3)])
def test_every_total_is_that_of_profile(over: Over, every: int) -> None:
    for series in series_over(over, {"tiny": TINY, "basic": replace(TINY, block="basic")}, SIZE):
        assert series.over == over
        assert_equals_profiles(series, every)


@settings(max_examples=30)
@given(st.integers(1, MAX_SIDE), st.integers(1, MAX_SIDE))
def test_sizes_keep_their_proportion_and_their_limits(height: int, width: int) -> None:
    series = _over("size", TINY, InputSpec(height, width))

    assert height in series.x
    assert np.all(np.diff(series.x) > 0)
    assert len(series.points) <= MAX_POINTS
    for point in series.points:
        assert point.spec == TINY
        assert point.input.width == max(1, round(point.input.height * width / height))
    here = series.points[series.x.tolist().index(height)]
    assert (here.input.height, here.input.width) == (height, width)


def test_sizes_are_round_and_reach_twice_as_far() -> None:
    series = _over("size", TINY, InputSpec(500, 250))
    assert series.x.tolist() == sorted([*range(16, 1001, 16), 500])
    assert _over("size", TINY, InputSpec(8, 8)).x.tolist() == list(range(4, 257, 4))


@pytest.mark.parametrize(
    ("preset", "least", "step", "published"),
    [
        ("resnet18", 10, 2, {"resnet18": 18, "resnet34": 34}),
        ("resnet101", 14, 3, {"resnet50": 50, "resnet101": 101, "resnet152": 152}),
        ("wide_resnet50_2", 14, 3, {"wide_resnet50_2": 50, "wide_resnet101_2": 101}),
    ],
)
def test_depths_are_all_that_can_be_built_and_the_published_are_named(
    preset: str, least: int, step: int, published: dict[str, int]
) -> None:
    spec = replace(PRESETS[preset], in_channels=1, num_classes=7)
    series = depth_series("deep", spec, SIZE)

    assert series.x.tolist() == list(range(least, 201, step))
    by_name = {point.name: point for point in series.points}
    assert published.items() <= {name: p.totals.depth for name, p in by_name.items()}.items()
    for depth, point in zip(series.x, series.points, strict=True):
        assert point.totals.depth == depth
        assert replace(point.spec, blocks=spec.blocks) == spec
        assert point.spec.blocks == ResNetSpec.from_depth(int(depth), spec.block).blocks
    for name in published:
        assert by_name[name].spec.blocks == PRESETS[name].blocks


def test_a_depth_series_goes_as_far_as_its_network_in_a_bounded_number_of_points() -> None:
    spec = ResNetSpec(blocks=(500,) * 4, base_width=1, width_per_group=64)
    series = depth_series("deep", spec, SIZE)
    assert len(series.points) <= MAX_POINTS
    assert series.x[-1] > 0.98 * spec.depth
    assert len(depth_series("deep", spec, SIZE, 20).points) <= 20


def test_strides_and_dilations_go_along_where_the_stages_are_as_many() -> None:
    four = ResNetSpec(blocks=(1, 1, 1, 2), base_width=4, strides=(1, 2, 1, 1))
    assert {point.spec.strides for point in depth_series("", four, SIZE).points} == {(1, 2, 1, 1)}
    three = ResNetSpec(blocks=(1, 1, 2), base_width=4, dilations=(1, 1, 2))
    assert {point.spec.dilations for point in depth_series("", three, SIZE).points} == {None}


def test_widths_change_nothing_else() -> None:
    spec = replace(TINY, base_width=20)
    series = _over("width", spec, SIZE)
    assert series.x.tolist() == [
        16,
        20,
        24,
        32,
        40,
        48,
        56,
        64,
        80,
        96,
        112,
        128,
        160,
        192,
        224,
        256,
    ]
    for width, point in zip(series.x, series.points, strict=True):
        assert point.spec == replace(spec, base_width=int(width))


def test_widths_without_a_channel_are_left_out() -> None:
    spec = ResNetSpec(blocks=(1, 1), groups=4, width_per_group=1)
    with pytest.raises(SpecError):
        replace(spec, base_width=56)
    assert _over("width", spec, SIZE).x.tolist() == [64, 80, 96, 112, 128, 160, 192, 224, 256]


def test_networks_that_differ_in_the_variable_alone_share_a_series() -> None:
    short = ResNetSpec(blocks=(1, 1, 1, 1), num_classes=5)
    networks = {
        "short": short,
        "basic": replace(short, block="basic"),
        "long": replace(short, blocks=(1, 2, 1, 1)),
        "half": replace(short, base_width=32),
    }

    def names(over: Over) -> list[str]:
        return [series.name for series in series_over(over, networks, SIZE)]

    assert names("size") == ["short", "basic", "long", "half"]
    assert names("depth") == ["short · long", "basic", "half"]
    assert names("width") == ["short · half", "basic", "long"]


def test_networks_that_only_their_shallowest_have_in_common_do_not() -> None:
    dilated = ResNetSpec(blocks=(1, 1, 1, 2), base_width=4, dilations=(1, 1, 1, 2))
    strided = replace(dilated, dilations=None, strides=(1, 2, 2, 1))
    assert replace(dilated, blocks=(1,) * 4) == replace(strided, blocks=(1,) * 4)
    assert len(series_over("depth", {"dilated": dilated, "strided": strided}, SIZE)) == 2


def test_counts_beyond_64_bits_stay_exact() -> None:
    widest = ResNetSpec(blocks=(1,) * 8, stem="small", base_width=1024, groups=1024)
    point = measure("widest", widest, InputSpec(MAX_SIDE, MAX_SIDE, batch=4096))
    values = Series("widest", "width", np.array([1024]), (point,)).values("macs")
    assert values.dtype == object
    assert values[0] == profile(widest, point.input).totals.macs >= 2**63
    assert Series("tiny", "width", np.array([4]), (measure("", TINY, SIZE),)).values(
        "macs"
    ).dtype == np.dtype(np.int64)


def test_rows_and_columns_count_as_the_smaller() -> None:
    here = totals(TINY, InputSpec(300, 20))
    assert here.final_grid[0] > here.final_grid[1]
    assert number(here, "final_grid") == here.final_grid[1]
    assert number(here, "macs") == here.macs


def test_candidates_are_every_preset_and_no_network_twice() -> None:
    spec = replace(PRESETS["resnet34"], in_channels=1, num_classes=3)
    groups = candidates(spec, SIZE)
    points = list(chain.from_iterable(groups.values()))

    assert list(groups) == ["chosen", "presets", "depths", "variants"]
    assert [point.name for point in groups["chosen"]] == ["resnet34"]
    assert groups["chosen"][0].spec == spec
    named = {point.name for point in (*groups["chosen"], *groups["presets"])}
    assert named == set(PRESETS)
    assert len({point.spec for point in points}) == len({point.name for point in points})
    assert len(points) == len({point.spec for point in points})
    assert {(point.spec.in_channels, point.spec.num_classes) for point in points} == {(1, 3)}
    assert {point.input for point in points} == {replace(SIZE, channels=1)}
    assert all(point.spec.block == "basic" for point in groups["depths"])


def test_variants_are_what_their_names_say_and_cost_what_profile_says() -> None:
    spec = replace(TINY, blocks=(1, 2, 2), stem="small", dilations=(1, 1, 2))
    groups = candidates(spec, SIZE)
    variants = {point.name: point for point in groups["variants"]}

    assert [point.name for point in groups["chosen"]] == ["chosen network"]
    assert variants["deep stem"].spec == replace(spec, stem="deep", dilations=None)
    free = variants["imagenet stem, layer2 and layer3 without stride"]
    assert free.spec.stage_strides == (1, 1, 1)
    assert free.spec.stage_dilations == (1, 1, 1)
    wide = variants["imagenet stem, layer2 and layer3 dilated"]
    assert wide.spec.stage_dilations == (1, 2, 4)
    assert wide.spec.stage_strides == (1, 1, 1)
    assert wide.totals.macs == free.totals.macs
    assert wide.totals.receptive_field > free.totals.receptive_field
    assert "small stem, layer3 dilated" not in variants  # it is the chosen one
    for point in groups["variants"]:
        assert point.totals == profile(point.spec, point.input).totals


def test_a_network_of_one_stage_varies_in_its_stem() -> None:
    groups = candidates(ResNetSpec(block="basic", blocks=(1,), base_width=4), SIZE)
    assert [point.name for point in groups["variants"]] == ["small stem", "deep stem"]


NUMBERS = st.one_of(st.integers(0, 4), st.integers(2**63, 2**63 + 3))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=30))
def test_the_front_is_what_nothing_dominates(pairs: list[tuple[int, int]]) -> None:
    def beaten(cost: int, gain: int) -> bool:
        return any(c <= cost and g >= gain and (c < cost or g > gain) for c, g in pairs)

    front = pareto_front([cost for cost, _ in pairs], [gain for _, gain in pairs])

    expected = [place for place, pair in enumerate(pairs) if not beaten(*pair)]
    assert front.tolist() == sorted(expected, key=lambda place: (pairs[place][0], place))
    assert front.dtype == np.intp


def test_the_front_takes_arrays() -> None:
    costs, gains = np.array([3, 1, 2, 1]), np.array([9, 5, 4, 5])
    assert pareto_front(costs, gains).tolist() == [1, 3, 0]
