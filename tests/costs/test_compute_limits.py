"""Refusals of what takes too much: the size that they name is one that is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, strategies as st

from resnet_viz.costs.compute_limits import Cost, picture_bytes, require_cost, require_macs, smaller
from resnet_viz.errors import BudgetError
from resnet_viz.features.capturing import capture_cost
from resnet_viz.features.gradients import effective_field_cost, grad_cam_cost
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.spec import InputSpec, ResNetSpec
from tests.helpers.oracles import assert_one_sentence
from tests.helpers.strategies import specs

CPU = torch.device("cpu")
PRICES: tuple[Callable[[ResNetSpec, InputSpec, str], Cost], ...] = (
    capture_cost,
    effective_field_cost,
    grad_cam_cost,
)


def _named(error: BaseException) -> InputSpec:
    """The size in the sentence of a refusal."""
    found = re.search(r"about (\d+) × (\d+)\.$", str(error))
    assert found, str(error)
    return InputSpec(int(found[1]), int(found[2]))


@given(
    specs(max_stages=4),
    st.integers(1, 400),
    st.integers(1, 400),
    st.sampled_from(PRICES),
    st.floats(0.01, 0.999),
    st.booleans(),
    st.data(),
)
def test_the_size_that_is_named_is_allowed(
    spec: ResNetSpec,
    height: int,
    width: int,
    price: Callable[[ResNetSpec, InputSpec, str], Cost],
    share: float,
    of_memory: bool,
    data: st.DataObject,
) -> None:
    layer = data.draw(st.sampled_from([block.path for block in trace(spec).blocks]))

    def cost(size: InputSpec) -> Cost:
        return price(spec, size, layer)

    size, whole = InputSpec(height, width), cost(InputSpec(height, width))
    least = cost(InputSpec(1, 1))
    macs = whole.macs if of_memory else int(share * whole.macs)
    memory = int(share * whole.peak_bytes) if of_memory else whole.peak_bytes
    require = partial(
        require_cost,
        cost,
        device=CPU,
        what="This",
        remedy="choose about {size}",
        budget_bytes=memory,
        max_macs=macs,
    )
    with pytest.raises(BudgetError) as caught:
        require(size)
    assert_one_sentence(caught.value)
    said = "of memory on cpu" if of_memory else "multiply-accumulates"
    assert f"This at {height} × {width} would" in str(caught.value)
    assert said in str(caught.value)
    named = _named(caught.value)
    assert named.height <= height
    assert named.width <= width
    if least.macs <= macs and least.peak_bytes <= memory:
        require(named)
    else:
        assert (named.height, named.width) == (1, 1)


def test_the_size_is_the_largest_of_its_kind_where_the_price_is_the_area() -> None:
    def area(size: InputSpec) -> int:
        return size.height * size.width

    mend = smaller(InputSpec(300, 200), "take {size}", area)
    assert mend(0.25) == "take 150 × 100"
    assert mend(1e-9) == "take 1 × 1"


def test_what_is_just_allowed() -> None:
    def never(_: float) -> str:
        raise AssertionError("nothing is wrong")

    require_macs(9, 9, "This", never)
    with pytest.raises(BudgetError, match=r"at most 8 .*; halve it"):
        require_macs(16, 8, "This", {0.5: "halve it"}.__getitem__)


def test_a_picture_is_as_large_as_its_tensor() -> None:
    spec, size = ResNetSpec(blocks=(1,), in_channels=5), InputSpec(7, 9, batch=2)
    assert picture_bytes(spec, size) == torch.zeros(2, 5, 7, 9).nbytes
