"""Count operations by the conventions of papers and of other tools (fvcore, thop, ...).

A ResNet-50 has 3.8, 4.1 or 8.2 billion "FLOPs", depending on who counts: whether a
multiply-accumulate is one operation or two, and whether biases, norms, activations and pooling
count at all. A `Ledger` is one such convention; `LIKE` holds those of well-known counters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal, get_args

from resnet_viz.costs.profile_records import LayerProfile, Profile, Shape
from resnet_viz.costs.profiling import profile
from resnet_viz.errors import SpecError, short_repr
from resnet_viz.network.operation_names import OPERATION_NAMES
from resnet_viz.network.spec import StrideIn

__all__ = [
    "KINDS",
    "LIKE",
    "SWITCHES",
    "Convention",
    "Ledger",
    "as_counted",
    "count_row",
    "count_rows",
    "counted",
    "entries",
]

PerMac = Literal[1, 2]
Norm = Literal["none", "parameters", "cell", "2 per cell", "4 per cell"]
PerCell = Literal[0, 1, 2]
Pooling = Literal["none", "global", "averages", "inputs", "inputs twice"]

SWITCHES: Final[Mapping[str, tuple[object, ...]]] = MappingProxyType(
    {
        "per_mac": get_args(PerMac),
        "bias": (False, True),
        "batch_norm": get_args(Norm),
        "activation": get_args(PerCell),
        "addition": get_args(PerCell),
        "pooling": get_args(Pooling),
        "stride_in": (None, *get_args(StrideIn)),
    }
)
"""The values that each field of a `Ledger` may have."""

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        op: OPERATION_NAMES[op].heading
        for op in (
            *("conv2d", "linear", "batch_norm", "relu", "add"),
            *("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d"),
        )
    }
)
"""The heading under which `entries` lists each operation; no tool counts any other operation."""

_NORM_PER_CELL: Final = {"cell": 1, "2 per cell": 2, "4 per cell": 4}


@dataclass(frozen=True, slots=True)
class Ledger:
    """What counts as an operation, and how much.

    Attributes:
        per_mac: 1 counts a multiply-accumulate as one operation (MACs), 2 its multiplication
            and its addition apart (FLOPs).
        bias: Whether adding the classifier's bias is one operation for each output.
        batch_norm: ``none``; ``parameters``: one for each of its parameters and each picture;
            or one, two or four for each cell.
        activation: Operations for each cell of a ReLU: 0, 1 or 2.
        addition: Operations for each cell of a residual sum: 0, 1 or 2.
        pooling: ``none``; ``global``: one for each cell that enters the global pooling;
            ``averages``: that, and one for each cell that leaves an average pooling;
            ``inputs`` or ``inputs twice``: one or two for each cell that enters any pooling.
        stride_in: Where a bottleneck strides: None as the network has it, ``1x1`` as in the
            paper, ``3x3`` as in torchvision.

    Raises:
        SpecError: A value is none of `SWITCHES`.
    """

    per_mac: PerMac = 1
    bias: bool = False
    batch_norm: Norm = "none"
    activation: PerCell = 0
    addition: PerCell = 0
    pooling: Pooling = "none"
    stride_in: StrideIn | None = None

    def __post_init__(self) -> None:
        for name, allowed in SWITCHES.items():
            value = getattr(self, name)
            if not any(type(value) is type(one) and value == one for one in allowed):
                listed = ", ".join(map(str, allowed))
                raise SpecError(f"{name} must be one of {listed}, not {short_repr(value)}.")


@dataclass(frozen=True, slots=True)
class Convention:
    """The convention of a paper or a tool.

    Attributes:
        title: The counter's name as people write it.
        ledger: What it counts.
        unit: What it calls its number.
        about: One sentence: what it counts, and in which version or publication.
    """

    title: str
    ledger: Ledger
    unit: str
    about: str


LIKE: Final[Mapping[str, Convention]] = MappingProxyType(
    {
        "paper": Convention(
            "the paper",
            Ledger(stride_in="1x1"),
            "FLOPs",
            "Multiply-adds of convolutions and the classifier, with the stride of a bottleneck on "
            "its first 1×1; its tables are rounded to 0.1 billion (He et al. 2015, arXiv "
            "1512.03385, Table 1).",
        ),
        "torchvision": Convention(
            "torchvision",
            Ledger(),
            "GFLOPS",
            "Multiply-accumulates of convolutions and the classifier, published as the GFLOPS of "
            "its weights (the _ops of torchvision 0.29.1).",
        ),
        "torch": Convention(
            "PyTorch's FlopCounterMode",
            Ledger(per_mac=2),
            "FLOPs",
            "A multiplication and an addition for each multiply-accumulate of convolutions and "
            "the classifier, and nothing else (torch.utils.flop_counter of torch 2.13.0).",
        ),
        "torchinfo": Convention(
            "torchinfo",
            # Of all but convolutions it takes the parameters once a picture, wherever they are
            # used: right for the classifier, 1 / (H × W) of the work of a norm.
            Ledger(bias=True, batch_norm="parameters"),
            "mult-adds",
            "Multiply-accumulates of convolutions, and for every other layer its parameters once "
            "a picture, those of batch norms too (torchinfo 1.8.0).",
        ),
        "fvcore": Convention(
            "fvcore",
            # It knows no rule for max_pool2d and avg_pool2d.
            Ledger(batch_norm="2 per cell", pooling="global"),
            "FLOPs",
            "Multiply-accumulates as one operation each, two for each cell of a batch norm and "
            "one for each that enters the global pooling (fvcore 0.1.5.post20221221).",
        ),
        "ptflops-pytorch": Convention(
            "ptflops, its pytorch backend",
            # It counts nn.ReLU and poolings as modules, and once more as the functions of
            # torch.nn.functional that these modules call.
            Ledger(bias=True, batch_norm="2 per cell", activation=2, pooling="inputs twice"),
            "MACs",
            "Multiply-accumulates, the classifier's biases, two for each cell of a batch norm, "
            "and ReLUs and poolings counted twice, as modules and as the functions that they "
            "call (ptflops 0.7.5).",
        ),
        "ptflops-aten": Convention(
            "ptflops, its aten backend",
            Ledger(bias=True),
            "MACs",
            "Multiply-accumulates of convolutions and the classifier, and its biases (ptflops "
            "0.7.5).",
        ),
        "calflops": Convention(
            "calflops",
            Ledger(per_mac=2, batch_norm="2 per cell", activation=1, pooling="inputs"),
            "FLOPs",
            "Two for each multiply-accumulate and each cell of a batch norm, one for each cell "
            "of a ReLU and each that enters a pooling (calflops 0.3.2).",
        ),
        "thop": Convention(
            "thop",
            # Four a cell: two for the normalisation, doubled because it has weight and bias.
            Ledger(batch_norm="4 per cell", pooling="averages"),
            "MACs",
            "Multiply-accumulates, four for each cell of a batch norm, and for average poolings "
            "a division for each cell that leaves and, in the global one, an addition for each "
            "that enters (thop 0.1.1).",
        ),
    }
)
"""The conventions of well-known counters, by the names that ``--like`` takes."""


def counted(report: Profile, ledger: Ledger) -> int:
    """The operations of the whole batch under a ledger: the sum of `count_rows`."""
    return sum(count_rows(report, ledger))


def count_rows(report: Profile, ledger: Ledger) -> tuple[int, ...]:
    """What each row of a profile contributes, in the order of ``report.layers``.

    Where the ledger moves the stride, a row contributes what its operation costs then.
    """
    return tuple([count_row(row, ledger) for row in as_counted(report, ledger).layers])


def entries(report: Profile, ledger: Ledger) -> dict[str, int]:
    """The total by kind, under the headings of `KINDS`; the entries add up to `counted`."""
    sums = dict.fromkeys(KINDS.values(), 0)
    for row in as_counted(report, ledger).layers:
        if row.op in KINDS:
            sums[KINDS[row.op]] += count_row(row, ledger)
    return sums


def as_counted(report: Profile, ledger: Ledger) -> Profile:
    """The profile whose rows a ledger counts: the same operations, the stride where it says.

    It is the report itself where the network strides there already.
    """
    if ledger.stride_in is None:
        return report
    spec = replace(report.spec, stride_in=ledger.stride_in)
    return report if spec == report.spec else profile(spec, report.input, report.dtype)


def count_row(row: LayerProfile, ledger: Ledger) -> int:
    """What one operation of the whole batch counts for, its stride left where it is."""
    match row.op:
        case "conv2d":  # no convolution of a ResNet has a bias
            return ledger.per_mac * row.macs
        case "linear":
            return ledger.per_mac * row.macs + (_cells(row.output_shape) if ledger.bias else 0)
        case "batch_norm":
            if ledger.batch_norm == "parameters":
                return row.params * row.output_shape[0]
            return _NORM_PER_CELL.get(ledger.batch_norm, 0) * _cells(row.output_shape)
        case "relu":
            return ledger.activation * _cells(row.output_shape)
        case "add":
            return ledger.addition * _cells(row.output_shape)
        case "max_pool2d" | "avg_pool2d" | "adaptive_avg_pool2d":
            return _pooling(row, ledger.pooling)
    return 0  # flattening and padding move numbers


def _pooling(row: LayerProfile, kind: Pooling) -> int:
    enter, leave = _cells(row.input_shapes[0]), _cells(row.output_shape)
    whole = row.op == "adaptive_avg_pool2d"
    match kind:
        case "inputs":
            return enter
        case "inputs twice":
            return 2 * enter
        case "global":
            return enter if whole else 0
        case "averages":
            return enter + leave if whole else leave if row.op == "avg_pool2d" else 0
    return 0


def _cells(shape: Shape) -> int:
    return math.prod(shape)
