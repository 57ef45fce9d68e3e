"""A survey against captured maps, reduced in NumPy."""

from __future__ import annotations

import math
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor, nn
from torch.nn.functional import interpolate

from resnet_viz.errors import BudgetError, DeviceError, LayerError, SpecError
from resnet_viz.features.capturing import capture, capture_cost
from resnet_viz.features.overview import Residual, Survey, survey
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.model import ResNet, build_model
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from tests.helpers.oracles import assert_one_sentence, picture
from tests.helpers.strategies import inputs, specs

SMALL = ResNetSpec(block="bottleneck", blocks=(1, 2), base_width=4, num_classes=3)


def _assert_surveyed(
    found: Survey, model: ResNet, image: Tensor, side: int, without: tuple[str, ...] = ()
) -> None:
    """Everything in a survey, from whole maps."""
    blocks = [block.path for block in trace(model.spec).blocks]
    layers = ["stem", *blocks, "avgpool", "fc"]
    inner = {block: (f"{block}.{_last(model)}", f"{block}.add") for block in blocks}
    shortcuts = {block: f"{block}.downsample" for block in blocks if _has(model, block)}
    names = [*layers, *(name for pair in inner.values() for name in pair), *shortcuts.values()]
    maps = {
        path: value[0].double().numpy()
        for path, value in capture(model, image, names, without=without).items()
    }
    assert [stop.path for stop in found.stops] == layers[:-1]
    for stop in found.stops:
        values = maps[stop.path]
        assert stop.shape == values.shape
        scale = np.abs(values).max() + 1e-30
        assert stop.min == values.min()
        assert stop.max == values.max()
        assert stop.mean == pytest.approx(values.mean(), rel=1e-4, abs=1e-5 * scale)
        assert stop.thumb.dtype == np.float32
        size = tuple(min(side, length) for length in values.shape[1:])
        area = interpolate(torch.from_numpy(values.mean(0))[None, None], size, mode="area")
        assert stop.thumb.shape == size
        assert np.allclose(stop.thumb, area[0, 0].numpy(), rtol=1e-4, atol=1e-5 * scale)
    entering = dict(zip(blocks, layers, strict=False))
    assert [residual.block for residual in found.residuals] == blocks
    for residual in found.residuals:
        block = residual.block
        branch, total = inner[block]
        places = (entering[block], branch, shortcuts.get(block, entering[block]), total)
        norms = [float(np.sqrt((maps[path] ** 2).sum())) for path in places]
        assert residual[1:] == pytest.approx(norms, rel=1e-4)
        if norms[0]:
            assert residual.ratio == pytest.approx(norms[1] / norms[0], rel=2e-4)
    assert found.logits.dtype == np.float32
    assert np.array_equal(found.logits, maps["fc"].astype(np.float32))


def _last(model: ResNet) -> str:
    return "bn2" if model.spec.block == "basic" else "bn3"


def _has(model: ResNet, block: str) -> bool:
    return model.get_submodule(block).downsample is not None


@pytest.mark.parametrize(
    "spec",
    [
        PRESETS["resnet18"],
        PRESETS["resnet20"],
        ResNetSpec(blocks=(2, 1), stem="deep", shortcut="avgpool_projection", base_width=8),
    ],
    ids=["resnet18", "resnet20", "deep"],
)
def test_networks(spec: ResNetSpec, device: str) -> None:
    model = build_model(spec, device, seed=1)
    image = picture(model, InputSpec(150, 117))
    _assert_surveyed(survey(model, image, thumb_side=16), model, image, 16)


@settings(max_examples=15)
@given(
    spec=specs(max_stages=2, max_blocks=2, max_width=8),
    size=inputs(most=40),
    side=st.integers(1, 50),
)
def test_any_network(spec: ResNetSpec, size: InputSpec, side: int) -> None:
    model = build_model(spec)
    image = picture(model, InputSpec(size.height, size.width))
    _assert_surveyed(survey(model, image, thumb_side=side), model, image, side)


def test_without_branches() -> None:
    model = build_model(PRESETS["resnet20"])
    image = picture(model, InputSpec(20, 24))
    without = ("layer1.1", "layer3.0")
    found = survey(model, image[0], without=without)
    _assert_surveyed(found, model, image, 64, without)
    for residual in found.residuals:
        assert (residual.total_norm == residual.shortcut_norm) == (residual.block in without)
    assert not np.array_equal(found.logits, survey(model, image).logits)


def test_one_pass_in_which_nothing_large_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_model(ResNetSpec(block="basic", blocks=(20,), base_width=4, stem="small"))
    made: list[weakref.ref[Tensor]] = []
    alive: list[int] = []
    plain = nn.Conv2d.forward

    def watched(module: nn.Conv2d, x: Tensor) -> Tensor:
        output = plain(module, x)
        made.append(weakref.ref(output))
        alive.append(sum(ref() is not None for ref in made))
        return output

    monkeypatch.setattr(nn.Conv2d, "forward", watched)
    survey(model, picture(model, InputSpec(30, 30)))
    assert len(made) == 1 + 2 * 20  # each convolution once
    assert max(alive) == 1
    assert all(ref() is None for ref in made)


def test_a_very_deep_network() -> None:
    spec = PRESETS["resnet1202"]
    model = build_model(spec)
    found = survey(model, picture(model, InputSpec(8, 8)))
    assert len(found.stops) == 602
    assert len(found.residuals) == 600
    # Random weights make the maps grow until they are no numbers any more, and that is told.
    assert 0 < found.residuals[0].ratio < math.inf
    assert math.isnan(found.residuals[-1].ratio)
    assert math.isnan(found.stops[-1].mean)
    assert not np.isfinite(found.logits).any()


@pytest.mark.parametrize("scale", [1e-30, 1e-22, 1.0, 1e22, 1e30])
def test_norms_of_tiny_and_huge_maps(scale: float) -> None:
    model = build_model(ResNetSpec(block="basic", blocks=(1,), base_width=4, stem="small"))
    with torch.no_grad():
        model.bn1.bias.zero_()
        for name in ("bn1", "layer1.0.bn1", "layer1.0.bn2"):
            norm: Any = model.get_submodule(name)
            norm.running_var.fill_(1 - norm.eps)
    image = picture(model, InputSpec(12, 12))
    plain, scaled = survey(model, image), survey(model, image * scale)
    assert scaled.residuals[0][1:] == pytest.approx(
        [norm * scale for norm in plain.residuals[0][1:]], rel=1e-4
    )
    assert scaled.residuals[0].ratio == pytest.approx(plain.residuals[0].ratio, rel=1e-4)


def test_a_ratio_to_nothing() -> None:
    assert math.isnan(Residual("layer1.0", 0.0, 1.0, 0.0, 1.0).ratio)
    assert math.isnan(Residual("layer1.0", math.inf, 1.0, 0.0, 1.0).ratio)
    assert Residual("layer1.0", 4.0, 1.0, 4.0, 5.0).ratio == 0.25
    model = build_model(SMALL)
    assert math.isnan(survey(model, torch.zeros(3, 20, 20)).residuals[0].ratio)


def test_arrays_are_read_only() -> None:
    found = survey(build_model(SMALL), torch.ones(3, 20, 20))
    for array in (found.logits, *(stop.thumb for stop in found.stops)):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_several_threads_on_one_model() -> None:
    model = build_model(SMALL)
    images = [picture(model, InputSpec(20 + seed, 25), seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        surveys = pool.map(lambda one: survey(model, one), images)
        for image, found in zip(images, surveys, strict=True):
            _assert_surveyed(found, model, image, 64)
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("image", "changes", "error", "says"),
    [
        (torch.ones(2, 3, 20, 20), {}, SpecError, "One picture"),
        (torch.ones(4, 20, 20), {}, SpecError, "4 channels"),
        (torch.ones(20, 20), {}, SpecError, "float tensor"),
        (torch.ones(3, 20, 20), {"thumb_side": 0}, SpecError, "thumb_side"),
        (torch.ones(3, 20, 20), {"without": ["layer7.0"]}, LayerError, "no residual block"),
        (torch.ones(3, 20, 20), {"max_macs": 10}, BudgetError, "multiply-accumulates"),
        (torch.ones(3, 20, 20), {"budget_bytes": 10}, BudgetError, "of memory"),
    ],
)
def test_refusals(image: Tensor, changes: dict[str, Any], error: type, says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        survey(build_model(SMALL), image, **changes)
    assert_one_sentence(caught.value)


def test_the_budget_is_that_of_the_logits() -> None:
    model, image = build_model(SMALL), torch.ones(3, 40, 40)
    cost = capture_cost(SMALL, InputSpec(40, 40), "fc")
    assert survey(model, image, budget_bytes=cost.peak_bytes, max_macs=cost.macs).residuals
    with pytest.raises(BudgetError):
        survey(model, image, budget_bytes=cost.peak_bytes - 1)
    with pytest.raises(BudgetError):
        survey(model, image, max_macs=cost.macs - 1)


def test_a_network_without_values() -> None:
    with pytest.raises(DeviceError, match="no values"):
        survey(build_model(SMALL, "meta"), torch.ones(3, 20, 20))
