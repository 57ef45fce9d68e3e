"""What flows through a network on its way from the picture to the logits, in one forward pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resnet_viz.costs.compute_limits import MAX_MACS
from resnet_viz.features.capturing import require_affordable, require_single
from resnet_viz.network.layer_graph import LayerGraph, trace
from resnet_viz.network.model import ResNet
from resnet_viz.network.private_copies import private_pass, run_and_record
from resnet_viz.network.residual_blocks import block_parts
from resnet_viz.network.spec import MAX_SIDE, InputSpec
from resnet_viz.network.validation import integer

__all__ = ["Residual", "Stop", "Survey", "survey"]

# Between these, neither the squares of float32 numbers nor their sums leave its range.
_LEAST_NORM: Final = 1e-15
_GREATEST_NORM: Final = 1e18


@dataclass(frozen=True, slots=True, eq=False)
class Stop:
    """The maps at one place of the way, reduced to what can be shown small.

    Attributes:
        path: ``stem``, a block, or the pooled features, ``avgpool``.
        shape: Channels, rows and columns.
        thumb: The mean over the channels, float32 ``[rows, columns]``, averaged over areas down
            to the size asked for; read-only.
        min: The least value; NaN where a value is NaN, as the next two.
        max: The greatest.
        mean: The mean.
    """

    path: str
    shape: tuple[int, int, int]
    thumb: NDArray[np.float32]
    min: float
    max: float
    mean: float


class Residual(NamedTuple):
    """How much a block adds to what it receives; L2 norms over all values of a map.

    Attributes:
        block: The block.
        input_norm: Of x.
        residual_norm: Of F(x).
        shortcut_norm: Of what F(x) is added to: x, or x brought to its shape.
        total_norm: Of the sum, before the ReLU.
    """

    block: str
    input_norm: float
    residual_norm: float
    shortcut_norm: float
    total_norm: float

    @property
    def ratio(self) -> float:
        """The norm of F(x) over that of x; NaN where x is zero or not finite."""
        if not 0 < self.input_norm < math.inf:
            return math.nan
        return self.residual_norm / self.input_norm


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """One picture's way through a network.

    Attributes:
        stops: The stem, each block, and the pooled features, in order.
        residuals: One for each block, in order.
        logits: float32 ``[num_classes]``, read-only.
    """

    stops: tuple[Stop, ...]
    residuals: tuple[Residual, ...]
    logits: NDArray[np.float32]


class _View(NamedTuple):
    """A `Stop` without its name."""

    shape: tuple[int, int, int]
    thumb: NDArray[np.float32]
    min: float
    max: float
    mean: float


class _Seen(NamedTuple):
    """What is kept of an operation's output."""

    norm: float
    view: _View | None


def survey(
    model: ResNet,
    image: Tensor,
    *,
    without: str | Iterable[str] = (),
    thumb_side: int = 64,
    budget_bytes: int | None = None,
    max_macs: int = MAX_MACS,
) -> Survey:
    """One forward pass in which every output is reduced at once, so that nothing large is kept.

    Args:
        model: A network of `build_model`; it is not touched.
        image: ``[C, H, W]`` or ``[1, C, H, W]``, float.
        without: Blocks whose residual branch is left out, as for `capture`.
        thumb_side: The most rows and columns of a thumb.
        budget_bytes: Memory that the pass may take; left out, half of what is free.
        max_macs: Multiply-accumulates that the pass may take.

    Raises:
        LayerError: A block that the network does not have.
        SpecError: The picture does not fit the network, or there is more than one.
        BudgetError: It would take more memory or arithmetic than allowed.
        DeviceError: The device ran out of memory all the same, or is `meta`, without values.
    """
    side = integer("thumb_side", thumb_side, 1, MAX_SIDE)
    graph = trace(model.spec)
    last = graph.operations[-1].path

    def check(entry: InputSpec, device: torch.device) -> None:
        require_single(entry)
        require_affordable(
            model.spec, entry, last, device, budget_bytes=budget_bytes, max_macs=max_macs
        )

    keep = _wanted(graph, side)
    with private_pass(model, image, check, without) as (network, batch), torch.inference_mode():
        seen = run_and_record(network, batch, keep | {last: _logits})
    return Survey(
        stops=tuple(Stop(name, *seen[path].view) for name, path in graph.stops.items()),
        residuals=tuple(_residuals(graph, seen)),
        logits=seen[last],
    )


def _wanted(graph: LayerGraph, side: int) -> dict[str, Callable[[Tensor], Any]]:
    """What to keep of each operation's output."""
    keep: dict[str, Callable[[Tensor], Any]] = {}
    for block in graph.blocks:
        parts = block_parts(graph, block.path)
        keep |= dict.fromkeys((parts.residual, parts.shortcut, parts.total), _norm_alone)
    # The input of a block is the stop before it.
    return keep | dict.fromkeys(graph.stops.values(), partial(_seen, side))


def _residuals(graph: LayerGraph, seen: dict[str, _Seen]) -> Iterable[Residual]:
    for block in graph.blocks:
        parts = block_parts(graph, block.path)
        places = (parts.input, parts.residual, parts.shortcut, parts.total)
        yield Residual(block.path, *(seen[path].norm for path in places))


def _logits(output: Tensor) -> NDArray[np.float32]:
    return _frozen(output[0])


def _norm_alone(output: Tensor) -> _Seen:
    return _Seen(_norm(output.float()), None)


def _seen(side: int, output: Tensor) -> _Seen:
    """The norm and the view of ``[1, C, H, W]``."""
    maps = output[0].float()
    channels, height, width = maps.shape
    low, high = maps.aminmax()
    mean = maps.mean(0)
    thumb = _averaged(_averaged(mean, side).T, side).T
    view = _View(
        (channels, height, width),
        _frozen(thumb),
        float(low.item()),
        float(high.item()),
        float(mean.mean().item()),
    )
    return _Seen(_norm(maps), view)


def _averaged(values: Tensor, side: int) -> Tensor:
    """``[rows, columns]`` with at most `side` columns, the means of areas that cover all."""
    # Two of these, one along each axis, are what torch calls interpolation by area.
    return torch.adaptive_avg_pool1d(values, side) if values.shape[1] > side else values


def _frozen(values: Tensor) -> NDArray[np.float32]:
    """A copy as float32 on the CPU that nobody can change."""
    array: NDArray[np.float32] = values.float().cpu().numpy().copy()
    array.flags.writeable = False
    return array


def _norm(values: Tensor) -> float:
    """The L2 norm of all values, also where their squares leave the range of float32."""
    norm = float(torch.linalg.vector_norm(values).item())
    if _LEAST_NORM < norm < _GREATEST_NORM:
        return norm
    largest = float(values.abs().amax().item())
    if not 0 < largest < math.inf:
        return largest
    return largest * float(torch.linalg.vector_norm(values / largest).item())
