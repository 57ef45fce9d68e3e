"""The network itself: torchvision's names and outputs, what each choice builds, its weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor, nn

from resnet_viz.errors import DeviceError, SpecError
from resnet_viz.network import devices, model as model_module
from resnet_viz.network.model import BasicBlock, Bottleneck, ResNet, ZeroPad, build_model
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from tests.helpers.oracles import leaves, picture, record_forward
from tests.helpers.strategies import inputs, specs

TORCHVISION = [name for name, spec in PRESETS.items() if spec.stem == "imagenet"]  # all nine
TINY = ResNetSpec(blocks=(1, 2), base_width=4, num_classes=5)


def same_weights(one: ResNet, other: ResNet) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return list(a) == list(b) and all(torch.equal(a[key], b[key]) for key in a)


def picture_of(channels: int, seed: int) -> Tensor:
    return torch.randn(2, channels, 5, 4, generator=torch.Generator().manual_seed(seed))


def residual_blocks(model: ResNet) -> list[BasicBlock | Bottleneck]:
    return [part for part in model.modules() if isinstance(part, BasicBlock | Bottleneck)]


# --- beside torchvision -------------------------------------------------------------------------


@pytest.mark.parametrize("name", TORCHVISION)
def test_state_dict_is_torchvisions_in_keys_order_and_shapes(
    name: str, reference: Callable[[str], Any]
) -> None:
    theirs = reference("torchvision_state_dicts")["models"][name]
    ours = build_model(PRESETS[name], "meta").state_dict()
    assert [(key, list(value.shape)) for key, value in ours.items()] == list(theirs.items())


@pytest.mark.oracle
@pytest.mark.parametrize("name", TORCHVISION)
def test_outputs_equal_torchvisions_for_equal_weights(name: str) -> None:
    from torchvision import models

    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = models.get_model(name, weights=None).eval()
    for key, value in theirs.state_dict().items():
        if key.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5, generator=generator)
    ours = build_model(PRESETS[name], seed=1)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    for height, width in ((64, 64), (75, 61)):
        x = torch.randn(2, 3, height, width, generator=generator)
        with torch.inference_mode():
            assert torch.equal(ours(x), theirs(x))


# --- the forward pass ---------------------------------------------------------------------------


@settings(max_examples=60)
@given(specs(max_planes=32), inputs(most=40), st.integers(0, 99))
def test_nothing_works_in_place(spec: ResNetSpec, size: InputSpec, seed: int) -> None:
    model = build_model(spec, seed=seed)
    x = picture(model, size, seed)
    before = x.clone()
    seen: list[tuple[Tensor, Tensor]] = []
    for part in leaves(model).values():
        part.register_forward_hook(lambda _m, _a, out: seen.append((out, out.clone())))
    with torch.no_grad():
        y = model(x)
    assert y.shape == (size.batch, spec.num_classes)
    assert torch.equal(x, before)
    assert len(seen) == len(leaves(model))
    for output, copy in seen:
        assert output._version == 0
        assert torch.equal(output, copy)


def test_each_sum_is_what_its_path_says() -> None:
    model = build_model(replace(TINY, zero_init_residual=False))
    outputs = {call.path: call.output for call in record_forward(model, torch.randn(2, 3, 33, 32))}
    for path in ("layer1.0", "layer2.0", "layer2.1"):
        identity = outputs.get(f"{path}.downsample.1", outputs["layer2.0.relu3"])
        assert torch.equal(outputs[f"{path}.add"], outputs[f"{path}.bn3"] + identity)
        assert torch.equal(outputs[f"{path}.relu3"], outputs[f"{path}.add"].clamp(min=0))


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_helpers_build_the_presets_ready_for_training(depth: int) -> None:
    helper: Callable[..., ResNet] = getattr(model_module, f"resnet{depth}")
    # A narrow one: the full networks are compared with torchvision's above.
    model = helper(base_width=1, width_per_group=64, in_channels=2, num_classes=7, stem="small")
    wanted = replace(
        PRESETS[f"resnet{depth}"], base_width=1, in_channels=2, num_classes=7, stem="small"
    )
    assert model.spec == wanted
    assert model.training
    assert all(part.training for part in model.modules())
    assert model(torch.zeros(2, 2, 8, 8)).shape == (2, 7)
    assert same_weights(helper(base_width=1, num_classes=3), helper(base_width=1, num_classes=3))
    with pytest.raises(SpecError, match=r"^num_classes must lie between"):
        helper(num_classes=0)


# --- what each choice builds --------------------------------------------------------------------


def test_stride_placement() -> None:
    for stride_in, on_1x1, on_3x3 in (("3x3", 1, 2), ("1x1", 2, 1)):
        model = build_model(replace(TINY, stride_in=stride_in), "meta")  # type: ignore[arg-type]
        for index, block in enumerate(residual_blocks(model)):
            assert isinstance(block, Bottleneck)
            strided = index == 1  # layer2.0
            assert block.conv1.stride == ((on_1x1,) * 2 if strided else (1, 1))
            assert block.conv2.stride == ((on_3x3,) * 2 if strided else (1, 1))
            assert block.conv3.stride == (1, 1)


def test_stems() -> None:
    def described(stem: str, width: int) -> list[tuple[str, Tensor]]:
        spec = replace(TINY, stem=stem, base_width=width, width_per_group=64)  # type: ignore[arg-type]
        model = build_model(spec)
        calls = record_forward(model, torch.zeros(1, 3, 64, 64))
        return [(c.path, c.output) for c in calls if not c.path.startswith(("layer", "avg"))][:-2]

    def shapes(stem: str, width: int) -> dict[str, tuple[int, ...]]:
        return {path: tuple(output.shape[1:]) for path, output in described(stem, width)}

    assert shapes("imagenet", 6) == {
        "conv1": (6, 32, 32),
        "bn1": (6, 32, 32),
        "relu": (6, 32, 32),
        "maxpool": (6, 16, 16),
    }
    assert shapes("small", 6) == dict.fromkeys(("conv1", "bn1", "relu"), (6, 64, 64))
    # ResNet-C (He et al. 2018): 3x3/2 and 3x3 at half the width, then 3x3 to the full width.
    half = {f"conv1.{index}": (3, 32, 32) for index in range(6)}
    full = dict.fromkeys(("conv1.6", "bn1", "relu"), (6, 32, 32))
    assert shapes("deep", 6) == half | full | {"maxpool": (6, 16, 16)}
    assert shapes("deep", 1)["conv1.0"] == (1, 32, 32)
    kernels = [part.kernel_size for part in build_model(replace(TINY, stem="deep"), "meta").conv1
               .modules() if isinstance(part, nn.Conv2d)]  # fmt: skip
    assert kernels == [(3, 3)] * 3


def test_option_a_has_no_parameters_and_equals_numpy() -> None:
    spec = replace(TINY, shortcut="zero_pad")
    model = build_model(spec)
    assert not [key for key in model.state_dict() if "downsample" in key]
    fewer = sum(p.numel() for p in model.parameters())
    more = sum(p.numel() for p in build_model(TINY, "meta").parameters())
    # Projections: 4 to 16 and 16 to 32 channels, each with a batch norm.
    assert more - fewer == 4 * 16 + 2 * 16 + 16 * 32 + 2 * 32
    for height, width, stride, extra in ((5, 8, 2, 3), (1, 1, 2, 4), (6, 7, 1, 1), (2, 9, 2, 0)):
        x = np.random.default_rng(0).normal(size=(2, 3, height, width))
        wanted = np.zeros((2, 3 + extra, -(-height // stride), -(-width // stride)))
        for row in range(wanted.shape[2]):
            for column in range(wanted.shape[3]):
                wanted[:, :3, row, column] = x[:, :, row * stride, column * stride]
        got = ZeroPad(3, 3 + extra, stride)(torch.from_numpy(x))
        np.testing.assert_array_equal(got.numpy(), wanted)


@pytest.mark.parametrize("stride_in", ["3x3", "1x1"])
@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_average_pooling_shortcut_fits_the_main_branch_at_every_size(
    block: Any, stride_in: Any
) -> None:
    spec = ResNetSpec(
        block=block,
        blocks=(1, 1, 1),
        stem="small",
        base_width=2,
        stride_in=stride_in,
        shortcut="avgpool_projection",
        num_classes=2,
    )
    model = build_model(spec, "meta")
    for side in range(1, 41):
        calls = record_forward(model, torch.empty(1, 3, side, 41 - side, device="meta"))
        sums = [call for call in calls if call.path.endswith("add")]
        assert len(sums) == 3
        assert all(a == b == tuple(call.output.shape) for call in sums for a, b in
                   [call.input_shapes])  # fmt: skip


def test_average_pooling_leaves_the_padding_out_of_the_mean() -> None:
    spec = replace(TINY, shortcut="avgpool_projection")
    pool = build_model(spec).get_submodule("layer2.0.downsample.0")
    x = np.random.default_rng(0).normal(size=(1, 2, 5, 4)).astype(np.float32)
    wanted = [
        [x[0, c, row : row + 2, column : column + 2].mean() for column in (0, 2)]
        for c in (0, 1)
        for row in (0, 2, 4)
    ]
    got = pool(torch.from_numpy(x))
    np.testing.assert_allclose(got.numpy().reshape(6, 2), wanted, rtol=1e-6)


# --- weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resnet18", "resnext50_32x4d"])
def test_initial_weights_are_drawn_as_published(name: str) -> None:
    model = build_model(PRESETS[name])
    model.requires_grad_(requires_grad=False)
    for path, part in model.named_modules():
        if isinstance(part, nn.Conv2d):
            fan_out = part.out_channels * math.prod(part.kernel_size)
            std = math.sqrt(2 / fan_out)
            count = part.weight.numel()
            error = 6 / math.sqrt(count)  # six standard errors, and more
            assert float(part.weight.std()) == pytest.approx(std, rel=error), path
            assert abs(float(part.weight.mean())) < std * error, path
            assert float(part.weight.abs().max()) > 3 * std, path  # normal, not uniform
        elif isinstance(part, nn.BatchNorm2d):
            assert part.weight.eq(1).all()
            assert part.bias.eq(0).all()
            assert part.running_mean is not None
            assert part.running_mean.eq(0).all()
            assert part.running_var is not None
            assert part.running_var.eq(1).all()
            assert part.num_batches_tracked == 0
    bound = model.fc.in_features**-0.5
    for values in (model.fc.weight, model.fc.bias):
        assert float(values.abs().max()) <= bound
        assert float(values.std()) == pytest.approx(bound / math.sqrt(3), rel=0.1)


@settings(max_examples=40)
@given(specs(max_planes=32), st.integers(0, 99))
def test_zero_init_residual_makes_blocks_the_identity(spec: ResNetSpec, seed: int) -> None:
    model = build_model(replace(spec, zero_init_residual=True), seed=seed)
    for block in residual_blocks(model):
        x = picture_of(block.conv1.in_channels, seed)
        shortcut = x if block.downsample is None else block.downsample(x)
        assert torch.equal(block(x), shortcut.clamp(min=0))
    plain = build_model(replace(spec, zero_init_residual=False), seed=seed).state_dict()
    last = f".{'bn2' if spec.block == 'basic' else 'bn3'}.weight"
    for key, value in model.state_dict().items():
        if key.startswith("layer") and key.endswith(last):
            assert not value.any()
        else:
            assert torch.equal(value, plain[key])


def test_a_seed_gives_the_same_weights_and_leaves_the_global_generator_alone() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        before = torch.random.get_rng_state()
        first = build_model(TINY, seed=7)
        assert torch.equal(torch.random.get_rng_state(), before)
        torch.manual_seed(2)
        assert same_weights(build_model(TINY, seed=7), first)
        build_model(TINY, "meta")
    other = build_model(TINY, seed=8)
    for (key, a), b in zip(first.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b) == ("bn" in key or "downsample.1" in key)
    assert not first.training


def test_threads_build_the_same_weights_at_once() -> None:
    alone = [build_model(TINY, seed=seed) for seed in range(4)]
    start = Barrier(8)

    def build(index: int) -> list[ResNet]:
        start.wait()
        return [build_model(TINY, seed=(index + step) % 4) for step in range(8)]

    with ThreadPoolExecutor(8) as pool:
        for index, built in enumerate(pool.map(build, range(8))):
            for step, model in enumerate(built):
                assert same_weights(model, alone[(index + step) % 4])


def test_weights_are_the_same_on_every_device(device: str) -> None:
    model = build_model(TINY, device)
    assert {p.device.type for p in model.parameters()} == {torch.device(device).type}
    assert same_weights(model.cpu(), build_model(TINY))
    assert build_model(TINY, "auto").spec == TINY


def test_meta_network_has_shapes_alone_and_absent_devices_are_refused() -> None:
    model = build_model(PRESETS["resnet152"], "meta")
    assert all(value.is_meta for value in model.state_dict().values())
    with pytest.raises(DeviceError, match=r"^There is no device 'cuda:99' on this machine"):
        build_model(TINY, "cuda:99")


def test_memory_is_checked_while_the_place_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []
    monkeypatch.setattr(
        "resnet_viz.network.model.require_memory", lambda *_: held.append(devices._COMPUTE.locked())
    )
    build_model(TINY)
    assert held == [True]
    build_model(TINY, "meta")  # has no values, and waits for nobody
    assert held == [True]
    assert not devices._COMPUTE.locked()
