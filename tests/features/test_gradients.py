"""Gradients against autograd and formulas written out on the plain model."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.flop_counter import flop_registry

from resnet_viz.costs.profiling import profile
from resnet_viz.costs.receptive_field import receptive_field_of
from resnet_viz.errors import BudgetError, DeviceError, LayerError, SpecError
from resnet_viz.features.capturing import capture
from resnet_viz.features.gradients import (
    effective_field,
    effective_field_cost,
    grad_cam,
    grad_cam_cost,
)
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.model import ResNet, build_model
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from tests.helpers.oracles import LiveStorages, assert_one_sentence, picture

SMALL = ResNetSpec(block="bottleneck", blocks=(1, 2), base_width=4, num_classes=3)
NETWORKS = (
    replace(PRESETS["resnet18"], base_width=8, num_classes=6),
    replace(PRESETS["resnet20"], num_classes=6),
    ResNetSpec(blocks=(1, 2), base_width=16, groups=4, stem="deep", num_classes=6),
    replace(SMALL, shortcut="avgpool_projection", num_classes=6),
)
NAMES = ("resnet18", "resnet20", "grouped deep", "resnet-d")


def _forward(model: ResNet, image: Tensor, layer: str, *, cut: bool) -> tuple[Tensor, Tensor]:
    """A layer's output, made a leaf if it is cut off, and the logits; the hook is removed."""
    taken: list[Tensor] = []

    def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        taken.append(output.detach().requires_grad_() if cut else output)
        return taken[0]

    handle = model.get_submodule(layer).register_forward_hook(hook)
    logits = model(image)
    handle.remove()
    return taken[0], logits


def _field(
    model: ResNet, image: Tensor, layer: str, channel: int | None, row: int, column: int
) -> NDArray[Any]:
    pixels = image.clone().requires_grad_()
    maps, _ = _forward(model, pixels, layer, cut=False)
    maps = maps if maps.dim() == 4 else maps[:, :, None, None]
    cell = maps[0, :, row, column]
    (gradient,) = torch.autograd.grad(cell.sum() if channel is None else cell[channel], pixels)
    field: NDArray[Any] = np.abs(gradient[0].cpu().numpy()).sum(0)
    return field


def _cam(model: ResNet, image: Tensor, layer: str, target: int) -> NDArray[Any]:
    """The two formulas of Selvaraju et al. 2017, section 3."""
    maps, logits = _forward(model, image, layer, cut=True)
    (gradient,) = torch.autograd.grad(logits[0, target], maps)
    weights = gradient[0].cpu().double().numpy().mean((1, 2))  # alpha
    total = np.tensordot(weights, maps[0].detach().cpu().double().numpy(), axes=1)
    heat: NDArray[Any] = np.maximum(total, 0)
    return heat


def _assert_close(found: NDArray[np.float32], expected: NDArray[Any]) -> None:
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    scale = float(np.abs(expected).max())
    assert np.allclose(found, expected, rtol=1e-3, atol=1e-5 * scale + 1e-30)


@pytest.mark.parametrize("spec", NETWORKS, ids=NAMES)
def test_the_effective_field_is_the_gradient(spec: ResNetSpec, device: str) -> None:
    model = build_model(spec, device, seed=3)
    image = picture(model, InputSpec(40, 33))
    report = profile(spec, InputSpec(40, 33))
    lit = 0
    wanted = ("bn1", "layer1.0.conv1", "layer1.0", "layer2.0.downsample", "layer2", "avgpool", "fc")
    for layer in wanted:
        _, channels, height, width = (*report.layer(layer).output_shape, 1, 1)[:4]
        cell = (height // 2, width - 1)
        for channel in (None, channels - 1):
            found = effective_field(model, image[0], layer, channel, *cell)
            _assert_close(found, _field(model, image, layer, channel, *cell))
            # Nothing outside of what the cell can see.
            box = receptive_field_of(report, layer, *cell).inside
            assert not np.delete(found, range(box.top, box.bottom), axis=0).any()
            assert not np.delete(found, range(box.left, box.right), axis=1).any()
            lit += bool(found.any())
    assert lit > len(wanted)  # some cells are zero whatever the picture: their ReLU is off


def test_the_effective_field_without_a_branch() -> None:
    model = build_model(NETWORKS[1])
    image = picture(model, InputSpec(32, 32))
    without = ("layer1.0", "layer1.1", "layer1.2")
    found = effective_field(model, image, "layer1", None, 16, 16, without=without)
    # Only the stem's 3 x 3 is left.
    assert set(np.argwhere(found).ravel()) <= {15, 16, 17}
    assert np.count_nonzero(found) == 9
    assert np.count_nonzero(effective_field(model, image, "layer1", None, 16, 16)) > 9


@pytest.mark.parametrize("spec", NETWORKS, ids=NAMES)
def test_grad_cam_is_its_formula(spec: ResNetSpec, device: str) -> None:
    model = build_model(spec, device, seed=3)
    image = picture(model, InputSpec(40, 33))
    lit = 0
    for layer in ("conv1", "layer1.0.conv1", "layer1.0", "layer2.0.conv2", "layer2.0", "avgpool"):
        for target in range(6):
            found = grad_cam(model, image, layer, target)
            _assert_close(found, _cam(model, image, layer, target))
            lit += bool(found.any())
    assert lit > 12


def test_grad_cam_of_a_stage_is_that_of_its_last_block() -> None:
    model = build_model(NETWORKS[0])
    image = picture(model, InputSpec(64, 64))
    for target in range(6):
        heat = grad_cam(model, image, "layer3", target)
        assert np.array_equal(heat, grad_cam(model, image, "layer3.1", target))
        assert heat.shape == (4, 4)


def test_grad_cam_without_a_branch() -> None:
    model = build_model(NETWORKS[0], seed=1)
    image = picture(model, InputSpec(64, 64))
    plain = [grad_cam(model, image, "layer3.0", target) for target in range(6)]
    found = [grad_cam(model, image, "layer3.0", n, without="layer3.1") for n in range(6)]
    assert any(not np.array_equal(*pair) for pair in zip(plain, found, strict=True))
    # A branch that is zero is a branch that is not there.
    nn.init.zeros_(model.get_submodule("layer3.1.bn2").weight)  # type: ignore[arg-type]
    for target in range(6):
        _assert_close(found[target], _cam(model, image, "layer3.0", target))


class _Watch(LiveStorages):  # type: ignore[no-untyped-call]
    """The most bytes that were alive after any operation, and the operations' flops.

    `FlopCounterMode` cannot follow torch.autograd.grad; the formulas are its own.
    """

    peak = 0
    flops = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = super().__torch_dispatch__(func, types, args, kwargs)
        self.peak = max(self.peak, self.live_bytes)
        if formula := flop_registry.get(func._overloadpacket):
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        return result


@pytest.mark.parametrize("spec", NETWORKS, ids=NAMES)
@pytest.mark.parametrize("layer", ["bn1", "layer1.0", "layer2.0.conv1", "layer2"])
def test_the_costs_are_what_is_computed_and_kept(spec: ResNetSpec, layer: str) -> None:
    model, size = build_model(spec), InputSpec(48, 40)
    image = picture(model, size)
    works: tuple[tuple[Any, Any], ...] = (
        (effective_field_cost, lambda: effective_field(model, image, layer, 1, 0, 0)),
        (grad_cam_cost, lambda: grad_cam(model, image, layer, 1)),
    )
    for price, work in works:
        cost = price(spec, size, layer)
        with _Watch([*model.parameters(), *model.buffers()]) as watch:
            work()
        # What runs beside the layer, on the shortcut, is counted as if it were passed through.
        assert 0.8 * cost.macs <= watch.flops / 2 <= cost.macs
        assert 0.3 * cost.peak_bytes <= watch.peak <= cost.peak_bytes


def test_several_threads_on_one_model_leave_it_as_it_was() -> None:
    model = build_model(NETWORKS[0], seed=4).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    images = [picture(model, InputSpec(33, 40), seed) for seed in range(4)]

    def work(image: Tensor) -> list[NDArray[np.float32]]:
        return [
            grad_cam(model, image, "layer2.0", 2),
            effective_field(model, image, "layer3.0", None, 1, 1),
            capture(model, image, "fc")["fc"].numpy(),
        ]

    alone = [work(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(work, images))
    for one, other in zip(alone, together, strict=True):
        for expected, found in zip(one, other, strict=True):
            _assert_close(found, expected)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key
    for module in model.modules():
        assert module.training
        assert not module._forward_hooks
        assert not module._backward_hooks
        assert not module._forward_pre_hooks
    for parameter in model.parameters():
        assert parameter.grad is None
        assert parameter.requires_grad


def test_inside_inference_mode_and_with_its_tensors() -> None:
    model = build_model(SMALL)
    image = picture(model, InputSpec(24, 24))
    expected = (
        grad_cam(model, image, "layer1", 0),
        effective_field(model, image, "layer1", 0, 2, 2),
    )
    with torch.inference_mode():
        made = image + 0
        found = (
            grad_cam(model, made, "layer1", 0),
            effective_field(model, made, "layer1", 0, 2, 2),
        )
    for one, other in zip(expected, found, strict=True):
        assert np.array_equal(one, other)


def test_frozen_parameters() -> None:
    model = build_model(SMALL)
    image = picture(model, InputSpec(24, 24))
    expected = grad_cam(model, image, "layer1", 0)
    model.requires_grad_(False)
    assert np.array_equal(grad_cam(model, image, "layer1", 0), expected)


ONE = torch.ones(3, 20, 20)


@pytest.mark.parametrize(
    ("work", "error", "says"),
    [
        (lambda m: grad_cam(m, ONE, "fc", 0), LayerError, "yields a vector"),
        (lambda m: grad_cam(m, ONE, "head", 0), LayerError, "yields a vector"),
        (lambda m: grad_cam(m, ONE, "flatten", 0), LayerError, "yields a vector"),
        (lambda m: grad_cam(m, ONE, "layer1", 3), SpecError, "target must lie between 0 and 2"),
        (lambda m: grad_cam(m, ONE, "layer1", -1), SpecError, "target must lie between 0 and 2"),
        (
            lambda m: grad_cam(m, ONE, "layer1.0.conv1", 0, without="layer1.0"),
            LayerError,
            "left out",
        ),
        (
            lambda m: grad_cam(m, ONE, "layer1", 0, without="layer1"),
            LayerError,
            "no residual block",
        ),
        (
            lambda m: grad_cam(m, ONE[None].repeat(2, 1, 1, 1), "layer1", 0),
            SpecError,
            "One picture",
        ),
        (lambda m: grad_cam(m, ONE[:2], "layer1", 0), SpecError, "2 channels"),
        (lambda m: grad_cam(m, ONE, "layer1", 0, max_macs=9), BudgetError, "a later layer"),
        (lambda m: grad_cam(m, ONE, "layer1", 0, budget_bytes=9), BudgetError, "of memory"),
        (lambda m: effective_field(m, ONE, "layer1", 16, 0, 0), SpecError, "channel must lie"),
        (lambda m: effective_field(m, ONE, "layer1", 0, 5, 0), SpecError, "row must lie between 0"),
        (lambda m: effective_field(m, ONE, "layer1", 0, 0, -1), SpecError, "column must lie"),
        (lambda m: effective_field(m, ONE, "fc", 0, 0, 1), SpecError, "column must lie"),
        (
            lambda m: effective_field(m, ONE, "layer1", 0, 0, 0, max_macs=9),
            BudgetError,
            "an earlier layer",
        ),
        (
            lambda m: effective_field(m, ONE, "layer1", 0, 0, 0, budget_bytes=9),
            BudgetError,
            "of memory",
        ),
    ],
)
def test_refusals(
    work: Any, error: type[Exception], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> Tensor:
        raise AssertionError("the network ran")

    model = build_model(SMALL)
    trace(model.spec)  # runs the network once, with proxies, unless it is remembered
    monkeypatch.setattr(ResNet, "forward", never)
    with pytest.raises(error, match=says) as caught:
        work(model)
    assert_one_sentence(caught.value)


def test_a_layer_that_is_not_there_and_a_network_without_values() -> None:
    model, empty = build_model(SMALL), build_model(SMALL, "meta")
    with pytest.raises(LayerError, match="no layer 'layer9'"):
        grad_cam(model, ONE, "layer9", 0)
    with pytest.raises(LayerError, match="no layer 'layer9'"):
        effective_field(model, ONE, "layer9", 0, 0, 0)
    with pytest.raises(DeviceError, match="no values"):
        grad_cam(empty, ONE, "layer1", 0)
    with pytest.raises(DeviceError, match="no values"):
        effective_field(empty, ONE, "layer1", 0, 0, 0)
