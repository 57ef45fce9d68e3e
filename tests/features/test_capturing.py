"""Feature maps against hooks on a plain forward pass, bit for bit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from resnet_viz.costs import compute_limits
from resnet_viz.costs.compute_limits import MAX_MACS
from resnet_viz.costs.profiling import profile
from resnet_viz.errors import BudgetError, DeviceError, LayerError, SpecError
from resnet_viz.features.capturing import CaptureCost, capture, capture_cost, require_affordable
from resnet_viz.network import devices
from resnet_viz.network.devices import available_devices, resolve_device
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.model import ResNet, build_model, resnet18
from resnet_viz.network.private_copies import borrowing_copy
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from tests.helpers.strategies import inputs, specs

SMALL = ResNetSpec(block="bottleneck", blocks=(1, 2), base_width=4, num_classes=3)


def _picture(model: ResNet, height: int, width: int, batch: int = 1, seed: int = 0) -> Tensor:
    weight = model.fc.weight
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, model.spec.in_channels, height, width)
    return torch.randn(shape, generator=generator).to(weight.device, weight.dtype)


def _every_path(model: ResNet) -> list[str]:
    return [path for path, _ in model.named_modules() if path]


def _hooked(model: ResNet, image: Tensor) -> dict[str, Tensor]:
    """Every module's output in a forward pass of the plain model."""
    outputs: dict[str, Tensor] = {}

    def keep(path: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            outputs[path] = output.clone()

        return hook

    handles = [
        module.register_forward_hook(keep(path)) for path, module in model.named_modules() if path
    ]
    with torch.no_grad():
        model(image)
    for handle in handles:
        handle.remove()
    return outputs


def _assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert list(found) == list(expected)
    for path, output in expected.items():
        assert found[path].device.type == "cpu"
        assert found[path].dtype == output.dtype
        assert torch.equal(found[path], output.cpu()), path


@pytest.mark.parametrize(
    "spec",
    [
        PRESETS["resnet18"],
        PRESETS["resnet50"],
        PRESETS["resnext50_32x4d"],
        PRESETS["resnet20"],
        ResNetSpec(blocks=(1, 2, 1), stem="deep", shortcut="avgpool_projection", base_width=8),
        ResNetSpec(blocks=(2, 1), stride_in="1x1", shortcut="zero_pad", in_channels=5),
    ],
    ids=lambda spec: f"{spec.block}{spec.depth}",
)
def test_all_layers_equal_hooks_bit_for_bit(spec: ResNetSpec, device: str) -> None:
    model = build_model(spec, device, seed=1)
    image = _picture(model, 65, 50)
    expected = _hooked(model, image)
    # Blocks, stages and shortcuts among them; the network's order is kept.
    _assert_equal(capture(model, image, expected), expected)


WHOLE = ("resnet18", "resnet50", "resnext50_32x4d", "resnet20")  # at full width above


@pytest.mark.parametrize("name", [name for name in PRESETS if name not in WHOLE])
def test_all_layers_of_the_other_presets_made_narrow(name: str) -> None:
    model = build_model(replace(PRESETS[name], base_width=16, num_classes=5))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.fill_(4)  # type: ignore[union-attr]  # 1,202 layers stay finite
    image = _picture(model, 9, 12)
    expected = _hooked(model, image)
    _assert_equal(capture(model, image, expected), expected)


def _forward_without(model: ResNet, x: Tensor, without: tuple[str, ...]) -> dict[str, Tensor]:
    """The blocks' outputs and the logits, with the removed branches never computed."""
    found = {}
    x = model.relu(model.bn1(model.conv1(x)))
    if model.maxpool is not None:
        x = model.maxpool(x)
    for stage in model.stages:
        for name, block in model.get_submodule(stage).named_children():
            path = f"{stage}.{name}"
            if path in without:
                shortcut: Any = block.downsample
                x = (x if shortcut is None else shortcut(x)).clamp(min=0)
            else:
                x = block(x)
            found[path] = x
    return found | {"fc": model.fc(model.avgpool(x)[:, :, 0, 0])}


@pytest.mark.parametrize(
    ("spec", "without"),
    [
        (PRESETS["resnet18"], ("layer2.0", "layer3.1")),
        (PRESETS["resnet20"], ("layer1.0", "layer2.0", "layer3.2")),
        (replace(SMALL, shortcut="avgpool_projection", blocks=(2, 2)), ("layer2.0",)),
        (replace(SMALL, stem="deep", blocks=(1, 3)), ("layer1.0", "layer2.0", "layer2.1")),
    ],
    ids=lambda value: None if isinstance(value, ResNetSpec) else "+".join(value),
)
def test_without_branches(spec: ResNetSpec, without: tuple[str, ...], device: str) -> None:
    model = build_model(spec, device, seed=2)
    image = _picture(model, 41, 50)
    with torch.no_grad():
        expected = _forward_without(model, image, without)
    _assert_equal(capture(model, image, expected, without=without), expected)
    # The network itself still has them.
    whole = _hooked(model, image)
    _assert_equal(capture(model, image, whole), whole)
    assert not torch.equal(whole["fc"].cpu(), expected["fc"].cpu())


def test_a_branch_left_out_can_be_looked_at_all_the_same() -> None:
    model = build_model(SMALL)
    image = _picture(model, 20, 20)
    paths = [f"layer2.0.{part}" for part in ("conv1", "bn3", "downsample", "add", "relu3")]
    maps, plain = (capture(model, image, paths, without=way) for way in ("layer2.0", ()))
    _assert_equal(
        {path: maps[path] for path in paths[:3]}, {path: plain[path] for path in paths[:3]}
    )
    assert torch.equal(maps["layer2.0.add"], plain["layer2.0.downsample"])
    assert torch.equal(maps["layer2.0.relu3"], plain["layer2.0.downsample"].relu())


@pytest.mark.parametrize("block", ["layer1", "layer1.0.add", "layer9.0", "stem", "", "fc"])
def test_only_a_block_has_a_branch_to_leave_out(block: str) -> None:
    model = build_model(SMALL)
    with pytest.raises(LayerError, match="no residual block"):
        capture(model, _picture(model, 20, 20), "fc", without=block)


def test_a_copy_borrows_the_values_and_nothing_else() -> None:
    model = resnet18(num_classes=4, base_width=8)
    network = borrowing_copy(model)
    assert model.training
    pairs = list(zip(model.named_modules(), network.named_modules(), strict=True))
    for (path, module), (name, twin) in pairs:
        assert path == name
        assert type(module) is type(twin)
        assert module is not twin
        assert not twin.training
    # The copy sees what happens to the values, and the other way round.
    with torch.no_grad():
        model.fc.bias.add_(1)
    assert torch.equal(network.fc.bias, model.fc.bias)
    assert network.fc.bias.data_ptr() == model.fc.bias.data_ptr()
    assert not network.fc.bias.requires_grad
    assert model.fc.bias.requires_grad
    # Hooks and new parts stay on the copy.
    network.fc.register_forward_hook(lambda *_: None)
    network.layer1 = nn.Identity()
    assert not _hooks(model)
    assert not isinstance(model.layer1, nn.Identity)


@settings(max_examples=25)
@given(spec=specs(max_stages=3, max_blocks=2), size=inputs(most=40), data=st.data())
def test_some_layers_of_any_network(spec: ResNetSpec, size: InputSpec, data: Any) -> None:
    model = build_model(spec)
    image = _picture(model, size.height, size.width, size.batch)
    paths = data.draw(st.lists(st.sampled_from(_every_path(model)), min_size=1, max_size=4))
    hooked = _hooked(model, image)
    _assert_equal(capture(model, image, paths), {path: hooked[path] for path in paths})


def test_one_picture_without_a_batch_axis() -> None:
    model = build_model(SMALL)
    image = _picture(model, 20, 20)
    assert torch.equal(capture(model, image[0], ["fc"])["fc"], capture(model, image, ["fc"])["fc"])


def test_float64() -> None:
    model = build_model(SMALL).double()
    image = _picture(model, 20, 20)
    assert image.dtype == torch.float64
    expected = _hooked(model, image)
    _assert_equal(capture(model, image, expected), expected)
    assert capture(model, image.float(), ["fc"])["fc"].dtype == torch.float64


def test_eight_threads_on_one_model() -> None:
    model = build_model(PRESETS["resnet20"])
    pictures = [_picture(model, 20 + seed, 30 - seed, seed=seed) for seed in range(8)]
    expected = [_hooked(model, picture) for picture in pictures]
    barrier = threading.Barrier(8)

    def session(index: int) -> list[dict[str, Tensor]]:
        barrier.wait()
        return [capture(model, pictures[index], expected[index]) for _ in range(3)]

    with ThreadPoolExecutor(8) as pool:
        for index, rounds in enumerate(pool.map(session, range(8))):
            for found in rounds:
                _assert_equal(found, expected[index])
    assert not _hooks(model)


def _hooks(model: nn.Module) -> list[str]:
    return [path for path, module in model.named_modules() if module._forward_hooks]


@pytest.mark.parametrize(
    "register",
    [
        lambda module: module.register_forward_hook(lambda *_: None),
        lambda module: module.register_forward_hook(lambda *_: None, with_kwargs=True),
        lambda module: module.register_forward_hook(lambda *_: None, always_call=True),
        lambda module: module.register_forward_pre_hook(lambda *_: None),
        lambda module: module.register_forward_pre_hook(lambda *_: None, with_kwargs=True),
        lambda module: module.register_full_backward_hook(lambda *_: None),
        lambda module: module.register_full_backward_pre_hook(lambda *_: None),
        lambda module: module.register_state_dict_post_hook(lambda *_: None),
        lambda module: module.register_state_dict_pre_hook(lambda *_: None),
        lambda module: module.register_load_state_dict_pre_hook(lambda *_: None),
        lambda module: module.register_load_state_dict_post_hook(lambda *_: None),
    ],
)
def test_no_kind_of_hook_on_a_copy_reaches_the_model(register: Callable[[Any], Any]) -> None:
    model = resnet18(num_classes=4, base_width=8)
    before = _all_hooks(model.fc)
    network = borrowing_copy(model)
    register(network.fc)
    assert _all_hooks(network.fc) != before
    assert _all_hooks(model.fc) == before


def _all_hooks(module: Any) -> dict[str, int]:
    return {name: len(value) for name, value in vars(module).items() if "_hooks" in name and value}


def test_the_model_is_left_as_it_was() -> None:
    model = resnet18(num_classes=4, base_width=8)  # in training mode
    before = {key: value.clone() for key, value in model.state_dict().items()}
    tensors = [id(tensor) for tensor in model.state_dict(keep_vars=True).values()]
    modes = {path: module.training for path, module in model.named_modules()}
    image = _picture(model, 40, 40, batch=2)
    found = capture(model, image, ["layer1.0", "fc"])
    assert not _hooks(model)
    assert modes == {path: module.training for path, module in model.named_modules()}
    assert all(modes.values())
    assert tensors == [id(tensor) for tensor in model.state_dict(keep_vars=True).values()]
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert all(parameter.requires_grad for parameter in model.parameters())
    # In evaluation mode nonetheless.
    expected = _hooked(model.eval(), image)
    _assert_equal(found, {path: expected[path] for path in found})


def test_nothing_is_left_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_model(SMALL)

    def fail(*_: Any) -> Tensor:
        raise RuntimeError("a kernel failed")

    trace(model.spec)  # runs the network once, with proxies, unless it is remembered
    monkeypatch.setattr(type(model.layer2[0]), "forward", fail)  # type: ignore[index]
    with pytest.raises(RuntimeError, match="a kernel failed"):
        capture(model, _picture(model, 20, 20), ["fc"])
    assert not _hooks(model)
    monkeypatch.undo()
    assert capture(model, _picture(model, 20, 20), ["fc"])["fc"].shape == (1, 3)  # lock is free


@contextmanager
def _calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The kinds of leaf modules that run, in order."""
    ran: list[str] = []
    plain = nn.Module.__call__

    def counted(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if not list(module.children()):
            ran.append(type(module).__name__)
        return plain(module, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(nn.Module, "__call__", counted)
        yield ran


@pytest.mark.parametrize("path", ["conv1", "maxpool", "layer1", "layer2.0.add", "layer2", "fc"])
def test_what_comes_later_does_not_run(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, graph = build_model(SMALL), trace(SMALL)
    with _calls(monkeypatch) as ran:
        capture(model, _picture(model, 20, 20), [path])
    order = [operation.path for operation in graph]
    stop = order.index(graph.output_of(path).path) + 1
    assert ran == [type(model.get_submodule(name)).__name__ for name in order[:stop]]


@settings(max_examples=20)
@given(spec=specs(max_stages=3, max_blocks=2), size=inputs(most=40), data=st.data())
def test_the_cost_is_what_is_computed_and_kept(
    spec: ResNetSpec, size: InputSpec, data: Any
) -> None:
    model = build_model(spec)
    paths = data.draw(st.lists(st.sampled_from(_every_path(model)), min_size=1, max_size=3))
    image = _picture(model, size.height, size.width, size.batch)
    cost = capture_cost(spec, size, paths)
    with FlopCounterMode(display=False) as counter:
        found = capture(model, image, paths)
    assert 2 * cost.macs == counter.get_total_flops()
    assert cost.map_bytes == sum(maps.numel() * maps.element_size() for maps in found.values())


def test_the_cost_of_one_layer_is_in_the_profile() -> None:
    report = profile(PRESETS["resnet18"])
    cost = capture_cost(PRESETS["resnet18"], InputSpec(), ["layer1.0", "layer1.0.relu2"])
    rows = report.layers[: 1 + report.layers.index(report.layer("layer1.0"))]
    assert cost == CaptureCost(
        macs=sum(row.macs for row in rows),
        map_bytes=2 * 64 * 56 * 56 * 4,
        peak_bytes=report.totals.peak_activation_bytes + 2 * 64 * 56 * 56 * 4,
        last="layer1.0.relu2",
    )


@pytest.mark.parametrize("gpu", [d.name for d in available_devices() if "cuda" in d.name])
def test_the_maps_stay_within_the_peak_on_a_gpu(gpu: str) -> None:
    target = resolve_device(gpu)
    spec = PRESETS["resnet18"]
    model = build_model(spec, target)
    image = _picture(model, 224, 224)
    capture(model, image, ["fc"])  # the kernels' own buffers are made once
    torch.cuda.synchronize(target)
    torch.cuda.reset_peak_memory_stats(target)
    before = torch.cuda.memory_allocated(target)
    capture(model, image, ["layer1", "layer4"])
    taken = torch.cuda.max_memory_allocated(target) - before
    cost = capture_cost(spec, InputSpec(), ["layer1", "layer4"])
    # Convolutions may take a workspace of their own.
    assert taken <= cost.peak_bytes + 64 * 2**20


@pytest.mark.parametrize("path", ["layer3", "conv", "", "fc.weight", "input", "layer1.0.relu9"])
def test_a_layer_that_is_not_there(path: str) -> None:
    model = build_model(SMALL)
    with pytest.raises(LayerError, match="has no layer") as caught:
        capture(model, _picture(model, 20, 20), ["fc", path])
    assert repr(path) in str(caught.value)


def test_no_layer_at_all() -> None:
    model = build_model(SMALL)
    with pytest.raises(LayerError, match="No layer was asked for"):
        capture(model, _picture(model, 20, 20), [])


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(20, 20),
        torch.zeros(1, 1, 3, 20, 20),
        torch.zeros(3, 20, 20, dtype=torch.uint8),
        torch.zeros(3, 0, 20),
        torch.zeros(0, 3, 20, 20),
        torch.zeros(4, 20, 20),
        torch.zeros(3, 1, 16385),
    ],
    ids=lambda image: f"{image.dtype}{list(image.shape)}",
)
def test_a_picture_that_does_not_fit(image: Tensor) -> None:
    with pytest.raises(SpecError):
        capture(build_model(SMALL), image, ["fc"])


def test_too_much_memory_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_model(SMALL)
    image = _picture(model, 64, 64)
    cost = capture_cost(SMALL, InputSpec(64, 64), ["layer1"])
    with _calls(monkeypatch) as ran, pytest.raises(BudgetError, match="would need"):
        capture(model, image, ["layer1"], budget_bytes=cost.peak_bytes - 1)
    assert not ran
    assert capture(model, image, ["layer1"], budget_bytes=cost.peak_bytes)


def test_too_much_arithmetic_names_a_size_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_model(SMALL)
    cost = capture_cost(SMALL, InputSpec(64, 64), ["fc"])
    with _calls(monkeypatch) as ran, pytest.raises(BudgetError, match="about 30 × 30"):
        capture(model, _picture(model, 64, 64), ["fc"], max_macs=cost.macs // 4)
    assert not ran
    assert capture(model, _picture(model, 64, 64), ["fc"], max_macs=cost.macs)
    assert cost.macs < MAX_MACS


def test_a_network_without_values() -> None:
    model = build_model(SMALL, "meta")
    with pytest.raises(DeviceError, match="no values"):
        capture(model, torch.zeros(3, 20, 20), ["fc"])


def test_a_device_that_runs_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    model = build_model(SMALL)
    trace(model.spec)  # runs the network once, with proxies, unless it is remembered
    monkeypatch.setattr(ResNet, "forward", fail)
    with pytest.raises(DeviceError, match="ran out of memory"):
        capture(model, _picture(model, 20, 20), ["fc"])
    assert not _hooks(model)


def test_a_text_alone_is_one_layer() -> None:
    model, image = build_model(SMALL), torch.ones(3, 20, 20)
    alone, listed = capture(model, image, "conv1"), capture(model, image, ["conv1"])
    assert list(alone) == ["conv1"]
    assert torch.equal(alone["conv1"], listed["conv1"])
    size = InputSpec(20, 20)
    assert capture_cost(SMALL, size, "layer1.0") == capture_cost(SMALL, size, ["layer1.0"])
    require_affordable(SMALL, size, "layer1.0", torch.device("cpu"))
    with pytest.raises(LayerError, match="no layer 'layer'"):
        capture(model, image, "layer")


def test_maps_are_inference_tensors_and_their_clones_can_be_changed() -> None:
    value = capture(build_model(SMALL), torch.ones(3, 20, 20), "conv1")["conv1"]
    assert value.is_inference()
    with pytest.raises(RuntimeError, match="inference"):
        value.add_(1)
    copied = value.clone().requires_grad_()
    copied.sum().backward()  # type: ignore[no-untyped-call]
    assert copied.grad is not None


def test_memory_is_checked_while_the_place_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    model, held = build_model(SMALL), []

    def check(*_: Any) -> None:
        held.append(devices._COMPUTE.locked())

    monkeypatch.setattr(compute_limits, "require_memory", check)
    capture(model, torch.ones(3, 20, 20), "conv1")
    assert held == [True]
    assert not devices._COMPUTE.locked()


def test_stem_and_head_can_be_asked_for_too() -> None:
    model = build_model(PRESETS["resnet18"])
    maps = capture(model, torch.randn(3, 33, 40), ["stem", "maxpool", "head", "fc"])

    assert torch.equal(maps["stem"], maps["maxpool"])
    assert torch.equal(maps["head"], maps["fc"])
