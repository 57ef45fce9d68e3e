"""Define the records of measured times, next to the predicted costs, and sum them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from resnet_viz.costs.profile_records import LayerProfile, Profile
from resnet_viz.network.operation_names import OPERATION_NAMES
from resnet_viz.network.spec import InputSpec, ResNetSpec

__all__ = [
    "BATCHES",
    "KINDS",
    "MAX_SECONDS",
    "BatchTiming",
    "Latency",
    "MeasurementConditions",
    "NetworkTimings",
    "OperationTiming",
    "OperationTimings",
    "TimingSum",
    "bytes_moved",
    "kind",
    "representatives",
    "sums",
]

BATCHES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""The batch sizes that are measured unless others are asked for."""

MAX_SECONDS: Final = 20.0
"""The default time limit of a measurement; slow operations may exceed it."""

KINDS: Final = (
    *("1×1 convolution", "3×3 convolution", "7×7 convolution", "grouped convolution"),
    *("linear layer", "batch norm", "ReLU", "addition", "pooling", "zero padding", "flattening"),
)
"""What `kind` can be."""


class Latency(NamedTuple):
    """How long one call takes.

    Attributes:
        median_seconds: Half of the samples are shorter.
        low_seconds: The first quartile.
        high_seconds: The third quartile.
        samples: How many there are; one is the mean of some calls made in a row.
        runs: Calls in all samples together.
    """

    median_seconds: float
    low_seconds: float
    high_seconds: float
    samples: int
    runs: int


@dataclass(frozen=True, slots=True)
class MeasurementConditions:
    """The conditions of a measurement: where and how the network ran.

    Attributes:
        device: Its name, such as ``cpu`` or ``cuda:0``.
        device_name: What its maker calls it.
        threads: Threads of torch for one operation on the CPU.
        torch_version: The version of torch.
        dtype: The type of weights and activations.
        tf32: Whether convolutions may round their factors to TF32, as on NVIDIA's GPUs since
            Ampere.
    """

    device: str
    device_name: str
    threads: int
    torch_version: str
    dtype: str
    tf32: bool = False


class OperationTiming(NamedTuple):
    """One operation with its measured time.

    Attributes:
        layer: What it is and what it costs.
        measured_as: The operation that was measured: itself, or an earlier one that is the same
            in all but its place and its values.
        latency: Of one call, by itself, on an input that is there already.
    """

    layer: LayerProfile
    measured_as: str
    latency: Latency

    @property
    def bytes_moved(self) -> int:
        """As `bytes_moved` counts them."""
        return bytes_moved(self.layer)

    @property
    def macs_per_second(self) -> float:
        """Multiply-accumulates per second that it reaches."""
        return self.layer.macs / self.latency.median_seconds

    @property
    def bytes_per_second(self) -> float:
        """Bytes moved per second that it reaches."""
        return self.bytes_moved / self.latency.median_seconds


@dataclass(frozen=True)
class OperationTimings:
    """The operations of a network, each measured by itself.

    Attributes:
        report: The network at its input.
        conditions: Where and how it was measured.
        operations: One row per operation, in the order of execution.
        network: A whole forward pass.
    """

    report: Profile
    conditions: MeasurementConditions
    operations: tuple[OperationTiming, ...]
    network: Latency

    @property
    def spec(self) -> ResNetSpec:
        """The network's spec."""
        return self.report.spec

    @property
    def input(self) -> InputSpec:
        """Its input."""
        return self.report.input

    @property
    def sum_seconds(self) -> float:
        """The medians of all operations together."""
        return math.fsum(row.latency.median_seconds for row in self.operations)

    @property
    def measured(self) -> tuple[OperationTiming, ...]:
        """Those that were measured themselves."""
        return tuple(row for row in self.operations if row.measured_as == row.layer.path)


class BatchTiming(NamedTuple):
    """A whole forward pass of several pictures at once.

    Attributes:
        batch: Pictures.
        latency: Of the pass.
    """

    batch: int
    latency: Latency

    @property
    def pictures_per_second(self) -> float:
        """The throughput."""
        return self.batch / self.latency.median_seconds


@dataclass(frozen=True)
class NetworkTimings:
    """Whole forward passes by batch size.

    Attributes:
        spec: The network.
        input: The input, with the smallest of the batches.
        conditions: Where and how it was measured.
        batches: One row per batch size, the smallest first.
        stopped: Why larger batches that were asked for are missing, in one sentence; None if
            none is.
    """

    spec: ResNetSpec
    input: InputSpec
    conditions: MeasurementConditions
    batches: tuple[BatchTiming, ...]
    stopped: str | None


class TimingSum(NamedTuple):
    """Several operations together.

    Attributes:
        name: What they have in common.
        operations: How many they are.
        macs: Their multiply-accumulates.
        bytes_moved: Their bytes.
        seconds: Their medians.
    """

    name: str
    operations: int
    macs: int
    bytes_moved: int
    seconds: float


def bytes_moved(layer: LayerProfile) -> int:
    """The size of inputs, parameters and output, each once; 0 for flattening, which is a view."""
    if layer.op == "flatten":
        return 0
    item_bytes = layer.output_bytes // math.prod(layer.output_shape)
    read = sum(map(math.prod, layer.input_shapes)) + layer.params
    return read * item_bytes + layer.output_bytes


def kind(layer: LayerProfile) -> str:
    """Return the kind of an operation for comparing speeds: one of `KINDS`."""
    if layer.op != "conv2d" or layer.kernel is None:
        return OPERATION_NAMES[layer.op].family
    if layer.groups != 1:
        return "grouped convolution"
    return f"{layer.kernel[0]}×{layer.kernel[1]} convolution"


def representatives(report: Profile) -> dict[str, str]:
    """Each operation's path, with that of the first that does the same to the same shapes."""
    first: dict[LayerProfile, str] = {}
    found = {}
    for layer in report.layers:
        anywhere = layer._replace(
            path="",
            inputs=(),
            stage="",
            block=None,
            branch="",
            receptive_field=(0, 0),
            jump=(0, 0),
            field_start=(0, 0),
        )
        found[layer.path] = first.setdefault(anywhere, layer.path)
    return found


def sums(
    operations: Iterable[OperationTiming], name: Callable[[OperationTiming], str]
) -> tuple[TimingSum, ...]:
    """Operations gathered by what `name` calls them, in the order in which names appear."""
    members: dict[str, list[OperationTiming]] = {}
    for row in operations:
        members.setdefault(name(row), []).append(row)
    return tuple(
        TimingSum(
            called,
            len(rows),
            sum(row.layer.macs for row in rows),
            sum(row.bytes_moved for row in rows),
            math.fsum(row.latency.median_seconds for row in rows),
        )
        for called, rows in members.items()
    )
