"""List and choose devices, check free memory, and let one session compute at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psutil
import torch

from resnet_viz.errors import BudgetError, DeviceError
from resnet_viz.network.cgroup_memory import cgroup_free_bytes
from resnet_viz.units import si

__all__ = [
    "Device",
    "available_devices",
    "compute",
    "free_bytes",
    "require_memory",
    "resolve_device",
]

# Sessions are threads of one process: with one forward pass at a time, the memory that was
# free when a pass was checked is still free when it runs.
_COMPUTE: Final = threading.Lock()

# The share of the free memory that a computation may use; the rest is for buffers of the
# kernels and for other programs.
_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Device:
    """A device that the user can choose.

    Attributes:
        name: Its name for `resolve_device` and the URL: ``cpu``, ``cuda:0``, ``mps``.
        label: Its name on the page.
    """

    name: str
    label: str


def available_devices() -> tuple[Device, ...]:
    """Return the devices of this machine, the CPU first."""
    found = [Device("cpu", "CPU")]
    if torch.cuda.is_available():
        found += [
            Device(f"cuda:{index}", torch.cuda.get_device_name(index))
            for index in range(torch.cuda.device_count())
        ]
    if torch.backends.mps.is_available():
        found.append(Device("mps", "Apple GPU"))
    return tuple(found)


def resolve_device(choice: str | torch.device) -> torch.device:
    """Return the torch device for ``auto`` (the first GPU, else the CPU) or for a device's name.

    Raises:
        DeviceError: This machine has no such device; the message lists those it has.
    """
    if str(choice) == "meta":
        return torch.device("meta")
    names = [device.name for device in available_devices()]
    if choice == "auto":
        return torch.device(names[1] if len(names) > 1 else "cpu")
    wanted = "cuda:0" if str(choice) == "cuda" else str(choice)
    if wanted not in names:
        raise DeviceError(
            f"There is no device {str(choice)[:40]!r} on this machine; choose auto or one of: "
            f"{', '.join(names)}."
        )
    return torch.device(wanted)


def free_bytes(device: torch.device) -> int:
    """Return the memory that a new computation could allocate on a device, in bytes.

    On the CPU a container's limit counts too: see `resnet_viz.network.cgroup_memory`.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # Memory in torch's cache that is not in use is free as well.
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + cached)
    host = int(psutil.virtual_memory().available)
    container = cgroup_free_bytes()
    return host if container is None else min(host, container)


def require_memory(
    needed_bytes: int,
    device: torch.device,
    what: str,
    budget_bytes: int | None = None,
    remedy: Callable[[float], str] | None = None,
) -> None:
    """Raise an error if a computation would not fit into memory, before it starts.

    Args:
        needed_bytes: Memory that it needs, in bytes.
        device: The device on which it runs.
        what: The subject of the sentence, such as ``"The weights of this network"``.
        budget_bytes: Memory that it may use, in bytes. By default half of the free memory.
        remedy: Returns what to do, given the budget divided by the need. By default general
            advice.

    Raises:
        BudgetError: It needs more than the budget.
    """
    budget = int(free_bytes(device) * _SHARE) if budget_bytes is None else budget_bytes
    if needed_bytes > budget:
        advice = "choose a smaller input, fewer layers or a smaller network"
        if remedy is not None:
            advice = remedy(budget / needed_bytes)
        raise BudgetError(
            f"{what} would need {si(needed_bytes, 'B')} of memory on {device}, and at most "
            f"{si(budget, 'B')} may be used; {advice}."
        )


@contextmanager
def compute(device: torch.device) -> Iterator[None]:
    """Hold the compute lock: only one session computes at a time.

    An out-of-memory error of the device becomes a `DeviceError`.

    Raises:
        DeviceError: The device ran out of memory.
    """
    with _COMPUTE:
        try:
            yield
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise _out_of_memory(device) from error
        except RuntimeError as error:
            # The CPU allocator has no exception class of its own.
            if "can't allocate memory" not in str(error):
                raise
            raise _out_of_memory(device) from error


def _out_of_memory(device: torch.device) -> DeviceError:
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return DeviceError(
        f"The device {device} ran out of memory; choose a smaller input, a smaller network or "
        "another device."
    )
