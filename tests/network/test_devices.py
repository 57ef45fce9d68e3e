"""Devices: which there are, what a choice means, what fits, one computation at a time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import psutil
import pytest
import torch

from resnet_viz.errors import BudgetError, DeviceError
from resnet_viz.network.devices import (
    Device,
    available_devices,
    compute,
    free_bytes,
    require_memory,
    resolve_device,
)

CPU = torch.device("cpu")


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two NVIDIA GPUs, as far as torch's questions go."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU number {index}")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def apple(monkeypatch: pytest.MonkeyPatch, no_gpu: None) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)


def test_the_cpu_alone(no_gpu: None) -> None:
    assert available_devices() == (Device("cpu", "CPU"),)
    assert resolve_device("auto") == CPU


def test_gpus_have_their_own_names(two_gpus: None) -> None:
    assert available_devices() == (
        Device("cpu", "CPU"),
        Device("cuda:0", "GPU number 0"),
        Device("cuda:1", "GPU number 1"),
    )
    assert resolve_device("auto") == torch.device("cuda:0")
    assert resolve_device("cuda") == torch.device("cuda:0")
    assert resolve_device(torch.device("cuda")) == torch.device("cuda:0")
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    assert resolve_device("cpu") == CPU


def test_an_apple_gpu(apple: None) -> None:
    assert available_devices()[1:] == (Device("mps", "Apple GPU"),)
    assert resolve_device("auto") == resolve_device("mps") == torch.device("mps")


def test_the_devices_of_this_machine_work(device: str) -> None:
    target = resolve_device(device)
    assert torch.ones(2, device=target).sum().item() == 2
    assert free_bytes(target) > 0
    assert resolve_device(target) == target


def test_meta_is_for_shapes() -> None:
    assert resolve_device("meta") == resolve_device(torch.device("meta")) == torch.device("meta")


@pytest.mark.parametrize(
    "choice", ["cuda:2", "cuda:-1", "cuda:x", "mps", "gpu", "", "CPU", "cpu:1", "xla", "é" * 500]
)
def test_a_device_that_is_not_there(choice: str, two_gpus: None) -> None:
    with pytest.raises(DeviceError) as caught:
        resolve_device(choice)
    sentence = str(caught.value)
    assert sentence.startswith("There is no device ")
    assert sentence.endswith("choose auto or one of: cpu, cuda:0, cuda:1.")
    assert len(sentence) < 200


def test_a_gpu_without_a_gpu(no_gpu: None) -> None:
    with pytest.raises(DeviceError, match="choose auto or one of: cpu"):
        resolve_device("cuda")


def test_free_memory_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=12345))
    assert free_bytes(CPU) == 12345


def test_free_memory_of_a_gpu_counts_torchs_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1000, 9000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 300)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 100)
    assert free_bytes(torch.device("cuda:0")) == 1200


def test_memory_within_the_budget() -> None:
    require_memory(100, CPU, "This", budget_bytes=100)
    require_memory(0, CPU, "This", budget_bytes=0)


def test_memory_past_the_budget_is_one_sentence() -> None:
    with pytest.raises(BudgetError) as caught:
        require_memory(25_600_000, CPU, "The maps", budget_bytes=9_999)
    assert str(caught.value) == (
        "The maps would need 25.60 MB of memory on cpu, and at most 9.999 kB may be used; "
        "choose a smaller input, fewer layers or a smaller network."
    )


def test_without_a_budget_half_of_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    require_memory(500, CPU, "This")
    with pytest.raises(BudgetError, match="at most 500 B may be used"):
        require_memory(501, CPU, "This")


def test_one_computation_at_a_time() -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def work(_: int) -> None:
        nonlocal inside, most
        with compute(CPU):
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.005)
            with guard:
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    assert most == 1


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_out_of_memory_is_said_plainly(error: Exception) -> None:
    with pytest.raises(DeviceError) as caught, compute(CPU):
        raise error
    assert caught.value.__cause__ is error
    assert str(caught.value) == (
        "The device cpu ran out of memory; choose a smaller input, a smaller network or another "
        "device."
    )
    with compute(CPU):  # the place is free again
        pass


def test_a_gpu_gives_its_cache_back(monkeypatch: pytest.MonkeyPatch) -> None:
    emptied: list[bool] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(True))
    with pytest.raises(DeviceError, match="cuda:0 ran out"), compute(torch.device("cuda:0")):
        raise torch.OutOfMemoryError
    assert emptied == [True]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ValueError("another")])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)) as caught, compute(CPU):
        raise error
    assert caught.value is error
    with compute(CPU):
        pass


def test_the_cpu_really_runs_out_of_memory() -> None:
    with pytest.raises(DeviceError, match="ran out of memory"), compute(CPU):
        torch.empty(2**60, dtype=torch.uint8)
