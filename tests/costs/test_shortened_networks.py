"""Short networks: what they tell of deep ones, and that they displace no other plans."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.costs.cost_plan import build_plan, make_plan
from resnet_viz.costs.shortened_networks import field_growth, short_plan, short_spec
from resnet_viz.costs.total_costs import totals
from resnet_viz.network.layer_graph import read_graph, trace
from resnet_viz.sizing.advice.diagnosing import Conditions, diagnose
from tests.helpers.strategies import specs


@settings(max_examples=15)
@given(specs(max_stages=4, max_blocks=5))
def test_each_further_block_widens_the_field_as_the_second_does(spec: ResNetSpec) -> None:
    growth = field_growth(short_plan(spec))
    stages = [f"layer{place}" for place in range(1, len(spec.blocks) + 1)]
    report = profile(spec)
    several = [stage for stage, count in zip(stages, spec.blocks, strict=True) if count > 1]
    assert list(growth) == [f"{stage}.1" for stage in several]
    for stage, count in zip(stages, spec.blocks, strict=True):
        ends = [report.layer(f"{stage}.{block}").receptive_field for block in range(count)]
        for before, after in pairwise(ends):
            assert growth[f"{stage}.1"] == (after[0] - before[0], after[1] - before[1])


def test_networks_that_differ_in_depth_share_a_plan() -> None:
    deep = PRESETS["resnet152"]
    assert short_spec(deep) == replace(deep, blocks=(2, 2, 2, 2))
    assert short_spec(replace(deep, blocks=(1, 9, 2, 1))).blocks == (1, 2, 2, 1)
    assert short_plan(deep) is short_plan(PRESETS["resnet101"])
    assert short_plan(deep) == make_plan(short_spec(deep))


def test_graphs_and_plans_made_anew_are_those_that_are_remembered() -> None:
    spec = ResNetSpec(blocks=(1, 2), base_width=4)
    assert read_graph(spec) == trace(spec)
    assert read_graph(spec) is not trace(spec)
    assert build_plan(trace(spec)) == make_plan(spec)


def test_many_networks_displace_no_plan_that_somebody_looks_at() -> None:
    # Channels that no other test has, so that nothing is remembered.
    spec = ResNetSpec(blocks=(1, 2, 1, 2), base_width=4, num_classes=971, in_channels=7)
    before = trace.cache_info(), make_plan.cache_info()

    for width in range(5, 13):
        totals(replace(spec, base_width=width))
    found = diagnose(spec, InputSpec(33, 40), conditions=Conditions(weights_channels=3))

    assert any(diagnosis.mends for diagnosis in found)
    assert (trace.cache_info(), make_plan.cache_info()) == before
