"""Measured times: of which modules, on what, within which limits; never how long exactly."""

from __future__ import annotations

import math
import platform
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings

from resnet_viz.costs.latency.measuring import (
    WHOLE_NETWORK,
    measure_network,
    measure_operations,
    measurement_cost,
    require_measurable,
)
from resnet_viz.costs.latency.stopwatch import Clock, conditions
from resnet_viz.costs.latency.timings import Latency, bytes_moved, representatives
from resnet_viz.costs.profiling import profile
from resnet_viz.errors import BudgetError, DeviceError, SpecError
from resnet_viz.network.devices import compute
from resnet_viz.network.model import ResNet, ZeroPad, build_model
from resnet_viz.network.spec import InputSpec, ResNetSpec
from tests.helpers.oracles import assert_one_sentence, leaves, picture, record_forward
from tests.helpers.strategies import inputs, specs

SMALL = ResNetSpec(
    block="basic", blocks=(3, 1), stem="small", base_width=4, shortcut="zero_pad", num_classes=3
)
SIZE = InputSpec(9, 12, batch=2)
CPU = torch.device("cpu")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few samples of a whole pass, however much time there is."""
    monkeypatch.setattr("resnet_viz.costs.latency.measuring._NETWORK_SECONDS", 0.05)


class Stopped(BaseException):
    """What a page raises when its visitor goes on."""


def _watch(model: ResNet, see: Any) -> None:
    for path, module in leaves(model).items():
        module.register_forward_hook(lambda module, args, _out, path=path: see(path, module, args))


def _assert_plausible(latency: Latency, seconds: float) -> None:
    low, high = latency.low_seconds, latency.high_seconds
    assert 0 < low <= latency.median_seconds <= high <= seconds
    assert 1 <= latency.samples <= latency.runs


def _assert_place_is_free() -> None:
    def take() -> None:
        with compute(CPU):
            pass

    with ThreadPoolExecutor(1) as pool:
        pool.submit(take).result(timeout=20)


@pytest.mark.parametrize("shortcut", ["zero_pad", "avgpool_projection"])
def test_every_operation_is_called_on_inputs_of_its_shape(shortcut: str, device: str) -> None:
    model = build_model(replace(SMALL, shortcut=shortcut), device).train()  # type: ignore[arg-type]
    real = {call.path: call.input_shapes for call in record_forward(model, picture(model, SIZE))}
    before = {key: value.clone() for key, value in model.state_dict().items()}
    calls: Counter[str] = Counter()

    def see(path: str, module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        calls[path] += 1
        assert tuple(tuple(arg.shape) for arg in args) == real[path]
        assert all(arg.device == model.fc.weight.device for arg in args)
        assert torch.is_inference_mode_enabled()
        assert not module.training

    _watch(model, see)
    start = time.monotonic()
    timings = measure_operations(model, SIZE, max_seconds=0.2)
    spent = time.monotonic() - start

    assert [row.layer.path for row in timings.operations] == list(real)
    assert {row.layer.path for row in timings.measured} < set(real)
    for row in timings.operations:
        _assert_plausible(row.latency, spent)
    _assert_plausible(timings.network, spent)
    passes = min(calls.values())  # of those that ran in the whole network alone
    for row in timings.measured:
        assert calls[row.layer.path] >= passes + row.latency.runs
    assert all(row.measured_as in real for row in timings.operations)
    assert model.training
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


def test_costs_stand_beside_the_times() -> None:
    model = build_model(SMALL)
    calls = {call.path: call for call in record_forward(model, picture(model, SIZE))}
    timings = measure_operations(model, SIZE, max_seconds=0.05)

    report = profile(SMALL, SIZE)
    assert timings.report == report
    assert sum(row.layer.macs for row in timings.operations) == report.totals.macs
    total = 0.0
    for row, layer in zip(timings.operations, report.layers, strict=True):
        call = calls[layer.path]
        numbers = [math.prod(shape) for shape in call.input_shapes]
        numbers += [value.numel() for value in (*call.module.parameters(), call.output)]
        assert row.bytes_moved == (0 if layer.op == "flatten" else 4 * sum(numbers))
        assert row.macs_per_second == pytest.approx(layer.macs / row.latency.median_seconds)
        assert row.bytes_per_second == pytest.approx(row.bytes_moved / row.latency.median_seconds)
        total += row.latency.median_seconds
    assert timings.sum_seconds == pytest.approx(total)


@settings(max_examples=12)
@given(specs(max_stages=3), inputs(most=40))
def test_only_what_is_the_same_is_measured_as_one(spec: ResNetSpec, size: InputSpec) -> None:
    report, modules = profile(spec, size), leaves(build_model(spec, "meta"))
    alike: dict[object, list[str]] = {}
    for layer in report.layers:
        module = modules[layer.path]
        own = vars(module) if isinstance(module, ZeroPad) else {}
        numbers = tuple(own.get(name) for name in ("in_channels", "out_channels", "stride"))
        alike.setdefault((repr(module), numbers, layer.input_shapes), []).append(layer.path)
    found = representatives(report)
    assert found == {path: paths[0] for paths in alike.values() for path in paths}
    cost = measurement_cost(spec, size)
    assert (cost.operations, cost.measured) == (len(report.layers), len(alike))
    alone = sum(report.by_path[paths[0]].macs for paths in alike.values())
    assert cost.macs == 2 * (alone + report.totals.macs)
    assert cost.peak_bytes == report.totals.peak_activation_bytes


def test_four_hundred_times_the_arithmetic_takes_longer(device: str) -> None:
    model = build_model(ResNetSpec(block="basic", blocks=(1,), stem="small", base_width=16), device)
    few, many = (
        measure_operations(model, InputSpec(side, side), max_seconds=0.2).operations[3]
        for side in (8, 160)
    )
    assert few.layer.path == many.layer.path == "layer1.0.conv1"
    assert many.layer.macs == 400 * few.layer.macs
    if device == "cpu":  # a GPU does both in one sweep
        assert many.latency.low_seconds > few.latency.low_seconds


def test_time_that_is_up_leaves_the_least() -> None:
    timings = measure_operations(build_model(SMALL), SIZE, max_seconds=1e-6)
    whole = measure_network(build_model(SMALL), SIZE, max_seconds=1e-6, batches=(1, 2))
    assert all(row.latency.runs >= 1 for row in timings.operations)
    assert [row.batch for row in whole.batches] == [1]
    assert whole.stopped is not None
    assert "A batch of 2 would take about" in whole.stopped


def test_all_operations_share_the_time() -> None:
    clock = Clock(100.0)
    assert clock.share(2.0, 10.0) == 2.0
    assert clock.share(2.0, 400.0) == pytest.approx(0.5, rel=0.1)
    over = Clock(1e-9)
    time.sleep(0.001)
    assert over.left == 0
    assert 0 < over.share(2.0, 2.0) < 0.01  # never 0, which Timer takes for no limit


def test_progress_tells_each_step_while_others_may_compute(quick: None) -> None:
    told: list[tuple[int, int, str]] = []

    def show(done: int, total: int, what: str) -> None:
        _assert_place_is_free()
        told.append((done, total, what))

    timings = measure_operations(build_model(SMALL), SIZE, max_seconds=0.05, progress=show)
    paths = [row.layer.path for row in timings.measured]
    steps = [*paths, WHOLE_NETWORK, WHOLE_NETWORK]
    assert told == [(done, len(paths) + 1, what) for done, what in enumerate(steps)]
    told.clear()
    measure_network(build_model(SMALL), SIZE, batches=(2, 1), max_seconds=60, progress=show)
    assert told == [(0, 2, "batch 1"), (1, 2, "batch 2"), (2, 2, "batch 2")]


@pytest.mark.parametrize("step", [0, 3])
def test_what_progress_raises_ends_it(step: int) -> None:
    told: list[int] = []

    def show(done: int, _total: int, _what: str) -> None:
        told.append(done)
        if done == step:
            raise Stopped

    with pytest.raises(Stopped):
        measure_operations(build_model(SMALL), SIZE, max_seconds=0.05, progress=show)
    assert told == list(range(step + 1))
    _assert_place_is_free()


def test_the_place_is_free_after_an_error_amid_a_measurement() -> None:
    model = build_model(SMALL)

    def see(path: str, _module: object, _args: object) -> None:
        if path == "layer1.0.add":
            raise Stopped

    _watch(model, see)
    for measure in (measure_operations, measure_network):
        with pytest.raises(Stopped):
            measure(model, SIZE, max_seconds=0.05)
        _assert_place_is_free()


def test_two_sessions_never_measure_beside_each_other() -> None:
    inside: list[int] = []

    def measure(number: int) -> set[int]:
        model, met = build_model(SMALL), set[int]()

        def leave(*_: object) -> None:
            met.update(inside)
            inside.clear()

        for module in leaves(model).values():
            module.register_forward_pre_hook(lambda *_: inside.append(number))
            module.register_forward_hook(leave)
        measure_operations(model, SIZE, max_seconds=0.2)
        return met

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(measure, (1, 2))) == [{1}, {2}]


@pytest.mark.parametrize(
    "limit", [{"budget_bytes": 20_000}, {"max_macs": 300_000}], ids=["memory", "arithmetic"]
)
@pytest.mark.parametrize("batch", [1, 3])
def test_a_refusal_names_a_size_that_is_allowed(limit: dict[str, Any], batch: int) -> None:
    size = InputSpec(60, 90, batch=batch)
    for measure in (measure_operations, measure_network):
        whole = replace(size, batch=1) if measure is measure_network else size
        with pytest.raises(BudgetError) as caught:
            measure(build_model(SMALL), whole, **limit)
        assert_one_sentence(caught.value)
        assert ("smaller batch" in str(caught.value)) == (whole.batch > 1)
        named = re.search(r"about (\d+) × (\d+)", str(caught.value))
        assert named is not None
        allowed = replace(whole, height=int(named[1]), width=int(named[2]))
        require_measurable(SMALL, allowed, CPU, **limit)
    _assert_place_is_free()


def test_what_cannot_be_measured_is_refused() -> None:
    model = build_model(SMALL)
    with pytest.raises(DeviceError, match="meta has no values") as caught:
        measure_operations(build_model(SMALL, "meta"), SIZE)
    assert_one_sentence(caught.value)
    with pytest.raises(SpecError, match="5 channels"):
        measure_operations(model, InputSpec(8, 8, channels=5))
    for batches in ((), (0,), (1, 5000)):
        with pytest.raises(SpecError, match="batch") as wrong:
            measure_network(model, SIZE, batches=batches)
        assert_one_sentence(wrong.value)
    for seconds in (0, -1, math.inf, math.nan):
        with pytest.raises(SpecError, match="max_seconds must be a positive number") as wrong:
            measure_operations(model, SIZE, max_seconds=seconds)
        assert_one_sentence(wrong.value)


def test_batches_run_in_order_until_memory_ends(device: str, quick: None) -> None:
    model = build_model(SMALL, device)
    seen: list[int] = []
    model.conv1.register_forward_hook(lambda _module, args, _out: seen.append(len(args[0])))
    enough = profile(SMALL, replace(SIZE, batch=4)).totals.peak_activation_bytes
    timings = measure_network(
        model, SIZE, batches=(4, 1, 8, 2, 2), max_seconds=60, budget_bytes=enough
    )

    assert [row.batch for row in timings.batches] == [1, 2, 4]
    assert list(dict.fromkeys(seen)) == [1, 2, 4]
    assert timings.stopped is not None
    assert timings.stopped.startswith(f"Measuring {WHOLE_NETWORK} on a batch of 8 would need")
    assert timings.input == InputSpec(9, 12, batch=1, channels=3)
    for row in timings.batches:
        _assert_plausible(row.latency, 60)
        assert row.pictures_per_second == pytest.approx(row.batch / row.latency.median_seconds)


def test_memory_that_gives_out_ends_the_batches_but_not_the_first(quick: None) -> None:
    model = build_model(SMALL)

    def run_out(_module: object, args: tuple[torch.Tensor]) -> None:
        if len(args[0]) >= 2:
            raise torch.OutOfMemoryError

    model.conv1.register_forward_pre_hook(run_out)
    timings = measure_network(model, SIZE, batches=(1, 2), max_seconds=60)
    assert [row.batch for row in timings.batches] == [1]
    assert "ran out of memory" in str(timings.stopped)
    with pytest.raises(DeviceError, match="ran out of memory"):
        measure_network(model, SIZE, batches=(2,))


def test_all_batches_that_fit_leave_nothing_to_say(quick: None) -> None:
    timings = measure_network(build_model(SMALL), SIZE, batches=range(1, 3), max_seconds=60)
    assert [row.batch for row in timings.batches] == [1, 2]
    assert timings.stopped is None


def test_conditions_are_those_of_the_model(device: str) -> None:
    model = build_model(SMALL, device)
    found = measure_network(model, SIZE, batches=(1,), max_seconds=0.05).conditions
    assert found.device == str(model.fc.weight.device)
    assert found.device_name
    assert (found.threads, found.dtype) == (torch.get_num_threads(), "float32")
    assert found.torch_version == torch.__version__


def test_bytes_and_types_follow_the_weights() -> None:
    timings = measure_operations(build_model(SMALL).double(), SIZE, max_seconds=0.05)
    assert timings.conditions.dtype == timings.report.dtype == "float64"
    usual = {layer.path: bytes_moved(layer) for layer in profile(SMALL, SIZE).layers}
    for row in timings.operations:
        assert row.bytes_moved == 2 * usual[row.layer.path]


@pytest.mark.parametrize(("major", "tf32"), [(7, False), (8, True), (9, True)])
def test_a_gpu_says_how_it_rounds(monkeypatch: pytest.MonkeyPatch, major: int, tf32: bool) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU at {device}")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (major, 0))
    weight: Any = SimpleNamespace(device=torch.device("cuda:1"), dtype=torch.float32)
    found = conditions(weight)
    assert (found.device, found.device_name) == ("cuda:1", "GPU at cuda:1")
    assert found.tf32 == tf32


def test_a_processor_has_a_name_on_any_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_args: object, **_kwargs: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert conditions(torch.zeros(1)).device_name == platform.machine()
    text = "processor : 0\nmodel name\t: Some CPU @ 2 GHz\n"
    monkeypatch.setattr(Path, "read_text", lambda *_args, **_kwargs: text)
    assert conditions(torch.zeros(1)).device_name == "Some CPU @ 2 GHz"
