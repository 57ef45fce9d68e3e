"""List when each tensor of an inference pass or a training step is allocated and freed.

The order is that of PyTorch: the forward pass as `model.py` writes it, then autograd, which
goes through the operations backwards. What an operation saves for its backward pass stands in
PyTorch's ``derivatives.yaml``; each rule below is tested against the real thing.

============================  ==========================================================
operation                     kept for the backward pass
============================  ==========================================================
conv2d, linear, avg_pool2d    the input
batch_norm                    the input; mean and inverse deviation of each channel
relu                          the output
max_pool2d                    the input; the places of the maxima, as int64
add, flatten, pad, pooling    nothing (the global pooling to 1 x 1 is a mean)
cross-entropy                 the logarithms of the probabilities, the labels, the weight
============================  ==========================================================

A tensor that several save is there once, until the last of them has run backwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_viz.costs.cost_plan import Plan, make_plan
from resnet_viz.network.layer_graph import INPUT, LayerGraph, Pair
from resnet_viz.network.spec import ResNetSpec

__all__ = ["LOSS", "OPTIMIZER", "PARTS", "Lifetime", "Schedule", "make_schedule"]

PARTS: Final = ("weights", "gradients", "optimizer", "kept", "working")
"""What memory is for, in the order in which it is stacked."""

LOSS: Final = "cross-entropy"
"""The path of the loss, which is no operation of the network."""

OPTIMIZER: Final = "optimizer"
"""The path of the optimizer's step, and the name of its phase."""

_GRADIENTS, _KEPT, _WORKING = (PARTS.index(part) for part in ("gradients", "kept", "working"))
_SAVES_ITS_INPUT: Final = frozenset({"conv2d", "batch_norm", "max_pool2d", "avg_pool2d", "linear"})
_CELL: Final = (-1, -1)  # the space of what has one value a picture


class Lifetime(NamedTuple):
    """A tensor, as it is for every input size.

    Attributes:
        part: What it is for: a place in `PARTS`.
        elements: Numbers in it, for each cell of `space` and each picture.
        first: The step that makes it.
        last: The last step in which it is there.
        space: The grids that give its rows and its columns; ``(-1, -1)`` for one cell; None for
            what does not grow with the batch.
        integers: Whether its numbers are int64 whatever the network's type is.
    """

    part: int
    elements: int
    first: int
    last: int
    space: Pair | None
    integers: bool = False


@dataclass(frozen=True)
class Schedule:
    """The tensors of an execution, as columns.

    Attributes:
        plan: The network's.
        paths: The operation of each step; `LOSS` and `OPTIMIZER` for what is none.
        phases: ``forward``, ``backward`` or ``optimizer``, one a step.
        spaces: The grids of rows and columns that occur.
        part, elements, first, last, integers: Of each tensor, as in `Lifetime`.
        space: Its place in `spaces`, -1 for one cell.
        per_picture: Whether it grows with the batch.
    """

    plan: Plan
    paths: tuple[str, ...]
    phases: tuple[str, ...]
    spaces: tuple[Pair, ...]
    part: NDArray[np.int64]
    elements: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    space: NDArray[np.int64]
    per_picture: NDArray[np.bool_]
    integers: NDArray[np.bool_]


@lru_cache(maxsize=16)
def make_schedule(spec: ResNetSpec, training: bool) -> Schedule:
    """The tensors of a network in the order of execution; made once, then remembered.

    Args:
        spec: The network.
        training: A step of training; else a pass of inference.
    """
    plan = make_plan(spec)
    forward = [operation.path for operation in plan.graph]
    if not training:
        phases = ("forward",) * len(forward)
        return _columns(plan, tuple(forward), phases, list(_inference(plan)))
    there, back = [*forward, LOSS], [LOSS, *reversed(forward)]
    phases = ("forward",) * len(there) + ("backward",) * len(back) + (OPTIMIZER,)
    lifetimes = [*_kept(plan), *_passed_on(plan), *_loss(plan), *_backward(plan)]
    return _columns(plan, (*there, *back, OPTIMIZER), phases, lifetimes)


def _columns(
    plan: Plan, paths: tuple[str, ...], phases: tuple[str, ...], lifetimes: list[Lifetime]
) -> Schedule:
    spaces = {_CELL: -1}
    for lifetime in lifetimes:
        if lifetime.space is not None and lifetime.space not in spaces:
            spaces[lifetime.space] = len(spaces) - 1
    part, elements, first, last, space, integers = zip(*lifetimes, strict=True)
    places = [spaces[_CELL if pair is None else pair] for pair in space]
    growing = [pair is not None for pair in space]
    columns = [np.array(each) for each in (part, elements, first, last, places, growing, integers)]
    for column in columns:
        column.setflags(write=False)  # one schedule serves all sessions
    return Schedule(plan, paths, phases, tuple(spaces)[1:], *columns)


class _Output(NamedTuple):
    """A tensor of the forward pass: the input, or what an operation makes.

    Attributes:
        channels: Its channels.
        grid: Its resolution.
        made: The step that makes it.
        read: The last step that reads it.
        held: The last step in which a variable of the running program names it.
        saved: The first operation that keeps it for its backward pass, None if none does.
    """

    channels: int
    grid: int
    made: int
    read: int
    held: int
    saved: int | None


def _outputs(plan: Plan) -> list[_Output]:
    """All tensors of the forward pass; a view is none, and reading it reads its source."""
    owner, made, grids = {INPUT: INPUT}, {INPUT: 0}, {INPUT: 0}
    channels, read, saved = {INPUT: plan.graph.spec.in_channels}, {INPUT: 0}, dict[str, int]()
    for index, (operation, grid, *_) in enumerate(plan.steps):
        path, sources = operation.path, [owner[source] for source in operation.inputs]
        read.update(dict.fromkeys(sources, index))
        if operation.op == "flatten":
            owner[path] = sources[0]
            continue
        owner[path] = path
        made[path] = read[path] = index
        channels[path], grids[path] = operation.out_channels, grid
        if operation.op in _SAVES_ITS_INPUT:
            saved.setdefault(sources[0], index)
        elif operation.op == "relu":
            saved[path] = index
    held = _held(plan.graph)
    return [
        _Output(
            channels[path],
            grids[path],
            step,
            read[path],
            max(read[path], held.get(path, 0)),
            saved.get(path),
        )
        for path, step in made.items()
    ]


def _held(graph: LayerGraph) -> dict[str, int]:
    """The last step in which a variable of the program names a tensor, where it is not read.

    The caller holds the pictures, `forward` of the network the input of the stage that runs,
    that of a block its input and what its shortcut made of it.
    """
    places = {operation.path: place for place, operation in enumerate(graph)}
    held = {INPUT: len(graph) - 1}
    stages: dict[str, str] = {}  # the input of each
    for block in graph.blocks:
        stages.setdefault(block.stage, block.source)
        held[block.source] = max(held.get(block.source, 0), places[block.output])
        if block.downsample is not None:
            held[block.downsample.target] = places[block.output]
    for stage, source in stages.items():
        held[source] = max(held[source], places[graph.outputs[stage]])
    return held


def _inference(plan: Plan) -> Iterator[Lifetime]:
    """Nothing is saved; what is held and no longer read counts as kept."""
    for output in _outputs(plan):
        space = (output.grid, output.grid)
        yield Lifetime(_WORKING, output.channels, output.made, output.read, space)
        if output.held > output.read:
            yield Lifetime(_KEPT, output.channels, output.read + 1, output.held, space)


def _backward_step(plan: Plan, place: int) -> int:
    """When an operation runs backwards: after all forward steps, the loss and the loss's own."""
    return 2 * len(plan.steps) + 1 - place


def _end(plan: Plan) -> int:
    """The optimizer's step, which is the last."""
    return 2 * len(plan.steps) + 2


def _kept(plan: Plan) -> Iterator[Lifetime]:
    """What the forward pass keeps for the backward pass; the caller holds the batch to the end."""
    pictures, *others = _outputs(plan)
    yield Lifetime(_KEPT, pictures.channels, 0, _end(plan), (pictures.grid, pictures.grid))
    yield Lifetime(_KEPT, 1, 0, _end(plan), _CELL, integers=True)  # the labels
    for output in others:
        if output.saved is not None:
            last = _backward_step(plan, output.saved)
            yield Lifetime(_KEPT, output.channels, output.made, last, (output.grid, output.grid))
    for place, (operation, grid, *_) in enumerate(plan.steps):
        last = _backward_step(plan, place)
        if operation.op == "batch_norm":
            yield Lifetime(_KEPT, 2 * operation.out_channels, place, last, None)
        elif operation.op == "max_pool2d":
            yield Lifetime(_KEPT, operation.out_channels, place, last, (grid, grid), integers=True)


def _passed_on(plan: Plan) -> Iterator[Lifetime]:
    """The forward pass's tensors that nothing saves; the loss reads the last."""
    *others, logits = _outputs(plan)
    for output in others:
        if output.saved is None:
            space = (output.grid, output.grid)
            yield Lifetime(_WORKING, output.channels, output.made, output.held, space)
    yield Lifetime(_WORKING, logits.channels, logits.made, logits.made + 1, _CELL)


def _loss(plan: Plan) -> Iterator[Lifetime]:
    """Cross-entropy of the mean over the batch, forwards and backwards."""
    classes, here = plan.graph.spec.num_classes, len(plan.steps)
    yield Lifetime(_KEPT, classes, here, here + 1, _CELL)  # log_softmax
    yield Lifetime(_KEPT, 1, here, here, None)  # the weight of all labels, freed first
    yield Lifetime(_WORKING, 1, here, _end(plan), None)  # the loss itself
    yield Lifetime(_WORKING, 1, here + 1, _end(plan) - 1, None)  # its gradient, 1
    yield Lifetime(_WORKING, classes, here + 1, here + 1, _CELL)  # of nll_loss


def _backward(plan: Plan) -> Iterator[Lifetime]:
    """The gradients: those of parameters stay for the optimizer, the others flow.

    Autograd takes the operation that ran last among those whose gradient is complete, which is
    the forward order reversed. An addition hands one gradient to both of its inputs, as one
    tensor; where two gradients meet, the second is added to the first in place.
    """
    grids = {INPUT: 0} | {step.operation.path: step.grid for step in plan.steps}
    last_operation = plan.steps[-1].operation
    # The gradient that waits for each operation, and until when each is needed.
    flows = [[last_operation.out_channels, len(plan.steps) + 1, 0, -1]]
    waiting = {last_operation.path: 0}
    for place in reversed(range(len(plan.steps))):
        operation, grid = plan.steps[place].operation, plan.steps[place].grid
        now = _backward_step(plan, place)
        if operation.params:
            yield Lifetime(_GRADIENTS, operation.params, now, _end(plan), None)
        arriving = waiting.pop(operation.path)
        flows[arriving][2] = now
        source = grids[operation.inputs[0]]
        if operation.op == "pad" and operation.stride != (1, 1):
            # Slicing goes backwards axis by axis: columns first, in a tensor of their own.
            yield Lifetime(_WORKING, operation.in_channels, now, now, (grid, source))
        for path in operation.inputs:
            if path == INPUT:
                continue  # pictures need no gradient
            flow = arriving
            if operation.op not in ("add", "flatten"):
                flow = len(flows)
                flows.append([operation.in_channels, now, now, source])
            waiting.setdefault(path, flow)
    for elements, first, last, grid in flows:
        yield Lifetime(_WORKING, elements, first, last, (grid, grid))
