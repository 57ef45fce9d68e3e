"""How long a network and each of its operations take on a device: measured, within limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, NamedTuple

import torch

from resnet_viz.costs.compute_limits import require_cost
from resnet_viz.costs.latency.stopwatch import Clock, conditions, dtype_name, measure
from resnet_viz.costs.latency.timings import (
    BATCHES,
    MAX_SECONDS,
    BatchTiming,
    Latency,
    NetworkTimings,
    OperationTiming,
    OperationTimings,
    bytes_moved,
    representatives,
)
from resnet_viz.costs.profile_records import Profile
from resnet_viz.costs.profiling import profile
from resnet_viz.errors import BudgetError, DeviceError, SpecError
from resnet_viz.network.model import ResNet
from resnet_viz.network.private_copies import borrowing_copy
from resnet_viz.network.spec import InputSpec, ResNetSpec

__all__ = [
    "WHOLE_NETWORK",
    "MeasurementCost",
    "Progress",
    "measure_network",
    "measure_operations",
    "measurement_cost",
    "require_measurable",
]

WHOLE_NETWORK: Final = "the whole network"
"""What progress is told where it is no operation that is measured."""

Progress = Callable[[int, int, str], object]

# What is measured at the least, twice over: about ten seconds on two CPU cores, and on GPUs.
_MAX_MACS: Final = {"cpu": 10**12, "mps": 10**13, "cuda": 10**14}

_OPERATION_SECONDS: Final = 0.25  # more makes the quartiles of one operation no steadier
_NETWORK_SECONDS: Final = 2.0
_CALLS: Final = 2  # at the least: one to warm up, one to time


class MeasurementCost(NamedTuple):
    """What `measure_operations` takes at the least.

    Attributes:
        operations: How many the network has.
        measured: How many of them differ, and are measured.
        macs: Multiply-accumulates.
        peak_bytes: The most memory alive at once on the device, beside the weights.
    """

    operations: int
    measured: int
    macs: int
    peak_bytes: int


def measurement_cost(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002
    dtype: str = "float32",
) -> MeasurementCost:
    """The least that `measure_operations` takes, from the closed formulas.

    Raises:
        SpecError: The input's channels are not the network's, or the dtype is unknown.
    """
    report = profile(spec, input, dtype)
    measured = set(representatives(report).values())
    alone = sum(report.by_path[path].macs for path in measured)
    totals = report.totals
    macs = _CALLS * (alone + totals.macs)
    return MeasurementCost(len(report.layers), len(measured), macs, totals.peak_activation_bytes)


def require_measurable(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002
    device: torch.device,
    *,
    dtype: str = "float32",
    budget_bytes: int | None = None,
    max_macs: int | None = None,
) -> None:
    """Refuse what the measurements below would refuse, before a network is built for them.

    Args:
        spec: The network.
        input: Its input.
        device: Where.
        dtype: The type of weights and activations.
        budget_bytes: Memory that it may take; left out, half of what is free.
        max_macs: Multiply-accumulates that it may take; left out, what the kind of device does
            in about ten seconds.

    Raises:
        SpecError: The input's channels are not the network's, or the dtype is unknown.
        BudgetError: It would take more memory or arithmetic than allowed.
        DeviceError: The device is `meta`, which computes nothing.
    """
    if device.type == "meta":
        raise DeviceError("A network on the device meta has no values; build it on another.")
    fewer = "a smaller batch or " if input.batch > 1 else ""
    require_cost(
        lambda size: measurement_cost(spec, size, dtype),
        input,
        device,
        "Measuring this network",
        f"choose {fewer}an input of about {{size}}",
        budget_bytes=budget_bytes,
        max_macs=_MAX_MACS[device.type] if max_macs is None else max_macs,
    )


def measure_operations(
    model: ResNet,
    input: InputSpec,  # noqa: A002
    *,
    max_seconds: float = MAX_SECONDS,
    progress: Progress | None = None,
    budget_bytes: int | None = None,
    max_macs: int | None = None,
) -> OperationTimings:
    """The latency of each operation of a network by itself, and of the network as a whole.

    Each operation runs on random values of its input's shape, in evaluation mode, again and
    again: what fits into the caches of the device is found there. Operations that are the same
    in all but place and values are measured once. Times are those of
    `torch.utils.benchmark.Timer`, which warms up and waits for the device; none repeats exactly.

    The compute lock is held for one operation at a time: other sessions compute between two
    operations, never during one.

    Args:
        model: A network of `build_model`; it is not changed.
        input: Its input.
        max_seconds: What all may take; once it is spent, an operation is called
            twice: to warm up, and timed.
        progress: Told, before each measurement, how many are done, how many there are, and the
            path of the operation (`WHOLE_NETWORK` for the last); and once at the end. What it
            raises ends the measurement.
        budget_bytes: Memory that it may take; left out, half of what is free.
        max_macs: Multiply-accumulates that it may take at the least; left out, what the kind of
            device does in about ten seconds.

    Raises:
        SpecError: The input's channels are not the network's, the network's dtype is unknown,
            or the time is no positive number.
        BudgetError: It would take more memory or arithmetic than allowed.
        DeviceError: The device ran out of memory all the same, or is `meta`, without values.
    """
    clock, weight = Clock(max_seconds), model.fc.weight
    dtype = dtype_name(weight)
    require_measurable(
        model.spec,
        input,
        weight.device,
        dtype=dtype,
        budget_bytes=budget_bytes,
        max_macs=max_macs,
    )
    report, network = profile(model.spec, input, dtype), borrowing_copy(model)
    measured_as = representatives(report)
    paths = tuple(dict.fromkeys(measured_as.values()))
    total, tell = len(paths) + 1, progress or _silent
    found: dict[str, Latency] = {}
    for done, path in enumerate(paths):
        tell(done, total, path)
        ahead = _OPERATION_SECONDS * (len(paths) - done) + _NETWORK_SECONDS
        seconds = clock.share(_OPERATION_SECONDS, ahead)
        layer, run = report.by_path[path], network.get_submodule(path)
        needed = bytes_moved(layer)
        found[path] = measure(run, layer.input_shapes, weight, seconds, needed, path, budget_bytes)
    tell(len(paths), total, WHOLE_NETWORK)
    seconds = clock.share(_NETWORK_SECONDS, _NETWORK_SECONDS)
    whole = _measure_pass(network, report, seconds, budget_bytes)
    tell(total, total, WHOLE_NETWORK)
    rows = tuple(
        OperationTiming(layer, measured_as[layer.path], found[measured_as[layer.path]])
        for layer in report.layers
    )
    return OperationTimings(report, conditions(weight), rows, whole)


def measure_network(
    model: ResNet,
    input: InputSpec,  # noqa: A002
    *,
    batches: Iterable[int] = BATCHES,
    max_seconds: float = MAX_SECONDS,
    progress: Progress | None = None,
    budget_bytes: int | None = None,
    max_macs: int | None = None,
) -> NetworkTimings:
    """The latency of whole forward passes by batch size, measured as by `measure_operations`.

    Sizes are tried from the smallest on, and no further than the first that would take more
    memory or time than is left; the result says why.

    Args:
        model: A network of `build_model`; it is not changed.
        input: Its input, whose batch does not count.
        batches: Pictures at once, at least one size.
        max_seconds: What all may take.
        progress: As for `measure_operations`; told ``batch 8`` in place of a path.
        budget_bytes: Memory that it may take; left out, half of what is free.
        max_macs: Multiply-accumulates that the smallest batch may take at the least.

    Raises:
        SpecError: A batch, the time, or the input's channels cannot be used.
        BudgetError: Not even the smallest batch is allowed.
        DeviceError: The device is `meta`, or ran out of memory at the smallest batch.
    """
    clock, weight = Clock(max_seconds), model.fc.weight
    sizes = _sizes(input, batches)
    dtype = dtype_name(weight)
    require_measurable(
        model.spec,
        sizes[0],
        weight.device,
        dtype=dtype,
        budget_bytes=budget_bytes,
        max_macs=max_macs,
    )
    network, tell = borrowing_copy(model), progress or _silent
    rows: list[BatchTiming] = []
    stopped = None
    for done, size in enumerate(sizes):
        if rows and (stopped := _too_slow(rows[-1], size.batch, clock)):
            break
        tell(done, len(sizes), f"batch {size.batch}")
        seconds = clock.share(_NETWORK_SECONDS, _NETWORK_SECONDS * (len(sizes) - done))
        try:
            report = profile(model.spec, size, dtype)
            latency = _measure_pass(network, report, seconds, budget_bytes)
        except (BudgetError, DeviceError) as error:
            if not rows:
                raise
            stopped = str(error)
            break
        rows.append(BatchTiming(size.batch, latency))
    tell(len(sizes), len(sizes), f"batch {rows[-1].batch}")
    smallest = sizes[0].for_network(model.spec)
    return NetworkTimings(model.spec, smallest, conditions(weight), tuple(rows), stopped)


def _silent(_done: int, _total: int, _what: str) -> None:
    """Ignore progress."""


def _sizes(input: InputSpec, batches: Iterable[int]) -> list[InputSpec]:  # noqa: A002
    sizes = {replace(input, batch=batch) for batch in batches}
    if not sizes:
        raise SpecError("batches must hold at least one number of pictures, such as 1.")
    return sorted(sizes, key=lambda size: size.batch)


def _too_slow(last: BatchTiming, batch: int, clock: Clock) -> str | None:
    """Why a larger batch is not tried, if it would take longer than is left."""
    pass_seconds = last.latency.median_seconds * batch / last.batch
    if _CALLS * pass_seconds <= clock.left:
        return None
    return (
        f"A batch of {batch} would take about {pass_seconds:.2g} s a pass, and of the "
        f"{clock.max_seconds:g} s for this measurement {clock.left:.2g} s were left."
    )


def _measure_pass(
    network: ResNet, report: Profile, seconds: float, budget_bytes: int | None
) -> Latency:
    """A whole forward pass."""
    shape, peak = report.layers[0].input_shapes[0], report.totals.peak_activation_bytes
    what = f"{WHOLE_NETWORK} on a batch of {report.input.batch}"
    return measure(network, [shape], network.fc.weight, seconds, peak, what, budget_bytes)
