"""Occlusion against a loop written out on the plain model."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from resnet_viz.costs.profiling import profile
from resnet_viz.errors import BudgetError, DeviceError, SpecError
from resnet_viz.features.occluding import occlusion, occlusion_cost
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.model import ResNet, build_model
from resnet_viz.network.spec import InputSpec, ResNetSpec
from tests.helpers.oracles import assert_one_sentence, picture

SMALL = ResNetSpec(block="bottleneck", blocks=(1, 2), base_width=4, num_classes=3)
ONE = torch.ones(3, 20, 20)


@pytest.mark.parametrize(("window", "stride"), [(8, 8), (7, 3), (20, 11), (24, 24), (5, 5)])
def test_occlusion_is_a_loop(window: int, stride: int, device: str) -> None:
    model = build_model(replace(SMALL, num_classes=4), device, seed=2)
    height, width = 24, 31
    image = picture(model, InputSpec(height, width))
    drops, covers = np.zeros((height, width)), np.zeros((height, width))
    with torch.no_grad():
        whole = model(image)[0, 1].item()
        down = math.ceil((height - window) / stride) + 1
        across = math.ceil((width - window) / stride) + 1
        for row, column in product(range(down), range(across)):
            where = np.s_[
                row * stride : row * stride + window, column * stride : column * stride + window
            ]
            covered = image.clone()
            covered[:, :, where[0], where[1]] = 0
            drops[where] += whole - model(covered)[0, 1].item()
            covers[where] += 1
    found = occlusion(model, image, 1, window=window, stride=stride)
    assert found.dtype == np.float32
    assert np.allclose(found, drops / covers, rtol=1e-3, atol=1e-5 * abs(whole))
    passes = down * across + 1
    size = InputSpec(height, width)
    macs = profile(model.spec, size).totals.macs
    assert occlusion_cost(model.spec, size, window, stride) == passes * macs


@settings(max_examples=6)
@given(height=st.integers(1, 30), width=st.integers(1, 30), data=st.data())
def test_the_cost_of_occlusion_is_what_is_computed(height: int, width: int, data: Any) -> None:
    model = build_model(SMALL)
    window = data.draw(st.integers(1, min(height, width)))
    stride = data.draw(st.integers(max(1, window // 2), window))
    if height * width > 12 * stride**2:
        window = stride = min(height, width)
    image = torch.ones(3, height, width)
    with FlopCounterMode(display=False) as counter:
        occlusion(model, image, 0, window=window, stride=stride)
    cost = occlusion_cost(SMALL, InputSpec(height, width), window, stride)
    assert counter.get_total_flops() == 2 * cost


def test_several_threads_on_one_model() -> None:
    model = build_model(SMALL, seed=4)
    images = [picture(model, InputSpec(33, 40), seed) for seed in range(3)]

    def work(image: Tensor) -> NDArray[np.float32]:
        return occlusion(model, image, 2, window=20, stride=20)

    alone = [work(image) for image in images]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(work, images))
    for one, other in zip(alone, together, strict=True):
        assert np.allclose(one, other, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("image", "changes", "error", "says"),
    [
        (ONE, {"window": 21, "stride": 1}, SpecError, "window must lie"),
        (ONE, {"stride": 5}, SpecError, "stride must lie"),
        (ONE, {"target": 3}, SpecError, "target must lie"),
        (ONE[None].repeat(2, 1, 1, 1), {}, SpecError, "One picture"),
        (ONE, {"max_macs": 9}, BudgetError, "greater stride"),
        (ONE, {"budget_bytes": 9}, BudgetError, "of memory"),
    ],
)
def test_refusals(
    image: Tensor,
    changes: dict[str, int],
    error: type[Exception],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: Any) -> Tensor:
        raise AssertionError("the network ran")

    model = build_model(SMALL)
    trace(model.spec)  # runs the network once, with proxies, unless it is remembered
    monkeypatch.setattr(ResNet, "forward", never)
    options: dict[str, Any] = {"target": 0, "window": 4, "stride": 4} | changes
    with pytest.raises(error, match=says) as caught:
        occlusion(model, image, **options)
    assert_one_sentence(caught.value)


def test_a_network_without_values() -> None:
    with pytest.raises(DeviceError, match="no values"):
        occlusion(build_model(SMALL, "meta"), ONE, 0, window=4, stride=4)
