"""Two networks side by side: which operations are the same one, and whose weights still fit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import prod
from typing import Final, Literal, NamedTuple

from resnet_viz.network.layer_graph import LayerGraph, Operation, trace
from resnet_viz.network.spec import ResNetSpec

__all__ = ["AlignedOperation", "Alignment", "Fate", "Shapes", "align", "state_shapes"]

Fate = Literal["loads", "reshaped", "only in reference", "only here"]
Shape = tuple[int, ...]
Shapes = tuple[tuple[str, Shape], ...]

_BUFFERS: Final = ("running_mean", "running_var", "num_batches_tracked")


class AlignedOperation(NamedTuple):
    """An operation of either network, or of both.

    Attributes:
        path: Its name, by which the two are one.
        before: Its place in the reference's order of execution; None where it has none.
        after: Its place in the chosen network's.
        weights: ``loads``: all it keeps has the name and shape that it has in the reference;
            ``reshaped``: something has another shape; ``only in reference`` or ``only here``;
            None where nothing is kept.
        shapes_before: Parameters and buffers in the reference: their names in the module, and
            their shapes.
        shapes_after: Those in the chosen network.
    """

    path: str
    before: int | None
    after: int | None
    weights: Fate | None
    shapes_before: Shapes
    shapes_after: Shapes


class Alignment(NamedTuple):
    """Two networks, operation by operation.

    Attributes:
        operations: All of both, in the order of execution.
        loading_params: Learned numbers of the chosen network whose name and shape the reference
            has: what loading the reference's weights fills.
        unused_params: Learned numbers of the reference that are not among them.
    """

    operations: tuple[AlignedOperation, ...]
    loading_params: int
    unused_params: int


def state_shapes(operation: Operation) -> Shapes:
    """A module's entries in the network's state dict: their names in the module, their shapes.

    As torch lays them out: a convolution's weight is ``[out, in / groups, kernel, kernel]``, a
    linear layer's ``[out, in]``.
    """
    shapes: dict[str, Shape] = {}
    if operation.op == "conv2d":
        entering = operation.in_channels // (operation.groups or 1)
        shapes["weight"] = (operation.out_channels, entering, *(operation.kernel or ()))
    elif operation.op == "linear":
        shapes["weight"] = (operation.out_channels, operation.in_channels)
    elif operation.op == "batch_norm":
        shapes["weight"] = (operation.out_channels,)
    if operation.params > sum(map(prod, shapes.values())):
        shapes["bias"] = (operation.out_channels,)
    if operation.buffers:
        channels = (operation.out_channels,)
        shapes |= zip(_BUFFERS, (channels, channels, ()), strict=True)
    return tuple(shapes.items())


@lru_cache(maxsize=16)
def align(first: ResNetSpec, second: ResNetSpec) -> Alignment:
    """Put two networks side by side; made once per pair, then remembered.

    Args:
        first: The reference.
        second: The chosen network.
    """
    before, after = trace(first), trace(second)
    places = {operation.path: place for place, operation in enumerate(before)}
    others = {operation.path: place for place, operation in enumerate(after)}
    operations = []
    for path in _order(before, after):
        old, new = before.by_path.get(path), after.by_path.get(path)
        shapes_before, shapes_after = (state_shapes(one) if one else () for one in (old, new))
        operations.append(
            AlignedOperation(
                path,
                places.get(path),
                others.get(path),
                _fate(shapes_before, shapes_after),
                shapes_before,
                shapes_after,
            )
        )
    loading = sum(map(_loading, operations))
    unused = sum(operation.params for operation in before) - loading
    return Alignment(tuple(operations), loading, unused)


def _order(before: LayerGraph, after: LayerGraph) -> Iterator[str]:
    """The chosen network's order, what only the reference has behind what it follows there."""
    follows: dict[str | None, list[str]] = {}
    anchor = None
    for operation in before:
        other = after.by_path.get(operation.path)
        if other is None:
            follows.setdefault(anchor, []).append(operation.path)
        elif other.branch == operation.branch:
            # One name can stand before the sum in one network and behind it in the other: the
            # second ReLU of a bottleneck and of a basic block.
            anchor = operation.path
    yield from follows.get(None, ())
    for operation in after:
        yield operation.path
        yield from follows.get(operation.path, ())


def _fate(before: Shapes, after: Shapes) -> Fate | None:
    if not before and not after:
        return None
    if not before:
        return "only here"
    if not after:
        return "only in reference"
    return "loads" if before == after else "reshaped"


def _loading(operation: AlignedOperation) -> int:
    """Learned numbers that have the same name and shape in both."""
    both = set(operation.shapes_before) & set(operation.shapes_after)
    return sum(prod(shape) for name, shape in both if name not in _BUFFERS)
