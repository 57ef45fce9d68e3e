"""Time one call repeatedly within a time limit, and record the conditions."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.utils.benchmark import Timer

from resnet_viz.costs.latency.timings import Latency, MeasurementConditions
from resnet_viz.costs.profile_records import Shape
from resnet_viz.errors import SpecError, short_repr
from resnet_viz.network.devices import compute, require_memory

__all__ = ["Clock", "conditions", "dtype_name", "measure"]

_LEAST_SECONDS: Final = 0.001  # what is left when all has been spent: one call after another
_FIRST_SHARE: Final = 0.25  # of the time, before the samples may be found steady enough


class Clock:
    """How much of a time is left.

    Attributes:
        max_seconds: How much there was.

    Raises:
        SpecError: It is no positive number.
    """

    def __init__(self, max_seconds: float) -> None:
        if not 0 < max_seconds < math.inf:
            raise SpecError(
                f"max_seconds must be a positive number of seconds, not {short_repr(max_seconds)}."
            )
        self.max_seconds = max_seconds
        self._end = time.monotonic() + max_seconds

    @property
    def left(self) -> float:
        """Seconds, 0 once the time has passed."""
        return max(0.0, self._end - time.monotonic())

    def share(self, seconds: float, ahead: float) -> float:
        """The seconds for one thing: as many as it wants, or its part of those that are left.

        Args:
            seconds: What it wants.
            ahead: What all that lies ahead want together, it included.
        """
        return max(_LEAST_SECONDS, min(seconds, self.left * seconds / ahead))


def measure(
    run: Callable[..., object],
    shapes: Sequence[Shape],
    like: Tensor,
    seconds: float,
    needed_bytes: int,
    what: str,
    budget_bytes: int | None,
) -> Latency:
    """Time repeated calls on random inputs, while holding the compute lock.

    Args:
        run: What is called.
        shapes: Of its inputs.
        like: A tensor of the device and the type of the inputs.
        seconds: What the samples may take; one call to warm up and one timed there are always.
        needed_bytes: Memory that it takes.
        what: What it is called in a refusal.
        budget_bytes: Memory that it may take; None for half of what is free.

    Raises:
        BudgetError: It needs more memory.
        DeviceError: The device ran out of memory all the same.
    """
    device = like.device
    with compute(device), _current(device), torch.inference_mode():
        require_memory(needed_bytes, device, f"Measuring {what}", budget_bytes)
        generator = torch.Generator(device).manual_seed(0)
        inputs = [
            torch.randn(shape, generator=generator, device=device, dtype=like.dtype)
            for shape in shapes
        ]
        timer = Timer(
            "run()", globals={"run": partial(run, *inputs)}, num_threads=torch.get_num_threads()
        )
        found = timer.adaptive_autorange(min_run_time=seconds * _FIRST_SHARE, max_run_time=seconds)
    samples = torch.tensor(found.times, dtype=torch.float64)
    quartiles = torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
    low, median, high = samples.quantile(quartiles).tolist()
    count = len(found.times)
    return Latency(median, low, high, count, count * found.number_per_run)


def _current(device: torch.device) -> AbstractContextManager[object]:
    """The device for which the timer waits: that of this thread."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def conditions(weight: Tensor) -> MeasurementConditions:
    """The conditions of what is measured in this thread on a tensor's device, in its type."""
    device = weight.device
    return MeasurementConditions(
        device=str(device),
        device_name=_device_name(device),
        threads=torch.get_num_threads(),
        torch_version=torch.__version__,
        dtype=dtype_name(weight),
        tf32=_rounds_to_tf32(device),
    )


def dtype_name(weight: Tensor) -> str:
    """A tensor's type as `resnet_viz.costs.profiling` calls it, such as ``float32``."""
    return str(weight.dtype).removeprefix("torch.")


def _rounds_to_tf32(device: torch.device) -> bool:
    if device.type != "cuda":
        return False
    major, _ = torch.cuda.get_device_capability(device)
    return major >= 8 and bool(torch.backends.cudnn.allow_tf32)


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    return _cpu_name()


def _cpu_name() -> str:
    """The processor's model where the system tells, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine()
