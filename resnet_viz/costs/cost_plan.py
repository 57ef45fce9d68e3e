"""Express the costs of a network as formulas of the input size (a `Plan`).

Everything a ResNet computes is linear in the areas of a few grids. A convolution or pooling
with padding p, stride s and a window of k rows (those that a dilation skips included) turns n
rows into ``floor((n + 2p - k) / s) + 1`` of them (torch.nn.Conv2d), which depends on ``2p - k``
and s alone; so all operations between two strides share one grid, and ResNet-152 has seven. A
plan names the grid of each operation and the factor in front of its area; `profile` and `sweep`
put the numbers in.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_viz.network.layer_graph import INPUT, LayerGraph, Operation, Pair, trace
from resnet_viz.network.spec import ResNetSpec

__all__ = [
    "Field",
    "Grid",
    "Plan",
    "Step",
    "build_plan",
    "make_plan",
    "sides",
    "sight",
    "weighted_sum",
]


class Grid(NamedTuple):
    """A resolution: `parent`'s rows and columns n become ``(n + offset) // step + 1``.

    Without a parent it is the input (step 0) or the single cell left by pooling (step 1).
    """

    parent: int | None
    offset: Pair
    step: Pair


_INPUT_GRID: Final = Grid(None, (0, 0), (0, 0))
_CELL: Final = Grid(None, (0, 0), (1, 1))


class Field(NamedTuple):
    """The receptive field of an output along one axis, in input pixels.

    Cell i of the output sees the input from ``start + i * jump`` on, `size` pixels wide; pixels
    below 0 or past the edge are padding. The recursion is that of Araujo, Norris and Sim 2019,
    "Computing Receptive Fields of Convolutional Neural Networks", Distill,
    doi:10.23915/distill.00021; where paths meet, their union counts.
    """

    start: int
    size: int
    jump: int

    def through(self, kernel: int, stride: int, padding: int) -> Field:
        """The field one window further."""
        return Field(
            self.start - padding * self.jump,
            self.size + (kernel - 1) * self.jump,
            self.jump * stride,
        )

    def union(self, other: Field) -> Field:
        """The field of a sum of two maps on one grid."""
        start = min(self.start, other.start)
        end = max(self.start + self.size, other.start + other.size)
        return Field(start, end - start, self.jump)


class Step(NamedTuple):
    """One operation of a plan.

    Attributes:
        operation: What is done.
        grid: The grid of its output.
        macs_per_cell: Multiply-accumulates for each cell of that grid, one picture.
        fields: Its receptive field by axis; after pooling, that of one cell of the pooled map.
        pooled: Whether the whole map was pooled into one cell before or here.
        names: The part of its row that says what and where it is, made once for all sizes.
        window: The part of its row about its window and parameters.
        sight: Sizes, jumps and starts of its fields.
    """

    operation: Operation
    grid: int
    macs_per_cell: int
    fields: tuple[Field, Field]
    pooled: bool
    names: tuple[Any, ...]
    window: tuple[Any, ...]
    sight: tuple[Pair, Pair, Pair]


@dataclass(frozen=True)
class Plan:
    """A graph with its grids and factors.

    Attributes:
        graph: The network.
        grids: All resolutions, each after its parent; the input first.
        steps: One per operation, in order.
        final_grid: The grid of the input of the global pooling.
        mac_factors: MACs of one picture as factors of the grids' areas, shape [grids].
        output_factors: Elements of all outputs of one picture, likewise.
        live_factors: Elements in memory at once during an operation, a row for each distinct
            case, shape [cases, grids].
        live_steps: The first operation of each case.
    """

    graph: LayerGraph
    grids: tuple[Grid, ...]
    steps: tuple[Step, ...]
    final_grid: int
    mac_factors: tuple[int, ...]
    output_factors: tuple[int, ...]
    live_factors: tuple[tuple[int, ...], ...]
    live_steps: tuple[int, ...]

    def sides(self, size: Any, axis: int) -> list[Any]:
        """Rows (axis 0) or columns (axis 1) of each grid, for an int or an array of ints."""
        return sides(self.grids, size, axis)

    @property
    def final_fields(self) -> tuple[Field, Field]:
        """The receptive field of the map that the global pooling sees, by axis."""
        return next(step.fields for step in self.steps if step.pooled)


def sides(grids: Iterable[Grid], size: Any, axis: int) -> list[Any]:
    """Rows (axis 0) or columns (axis 1) of grids at an input of `size`, an int or an array."""
    found: list[Any] = []
    for grid in grids:
        if grid.parent is not None:
            found.append((found[grid.parent] + grid.offset[axis]) // grid.step[axis] + 1)
        else:
            found.append(size if grid.step == (0, 0) else 1)
    return found


def weighted_sum(factors: Iterable[int], areas: Iterable[int]) -> int:
    """The sum of the grids' areas, each times its factor."""
    return sum(map(operator.mul, factors, areas))


@lru_cache(maxsize=16)
def make_plan(spec: ResNetSpec) -> Plan:
    """Return the plan of a network; the plans of the last 16 specs are cached."""
    return build_plan(trace(spec))


def build_plan(graph: LayerGraph) -> Plan:
    """Compute the plan of a graph, without a cache."""
    grids: list[Grid] = [_INPUT_GRID]
    grid_of = {INPUT: 0}
    fields_of = {INPUT: (Field(0, 1, 1), Field(0, 1, 1))}
    steps: list[Step] = []
    pooled = False
    final_grid = 0
    for operation in graph:
        source = operation.inputs[0]
        if operation.op == "adaptive_avg_pool2d":
            pooled, final_grid = True, grid_of[source]
            grid = _CELL
        else:
            grid = _next_grid(operation, grid_of[source])
        if grid.step == (1, 1) and grid.offset == (-1, -1):
            grid = grids[grid_of[source]]  # n - 1 + 1 rows: the same grid
        elif grid not in grids:
            grids.append(grid)
        index = grids.index(grid)
        grid_of[operation.path] = index
        fields_of[operation.path] = _fields(
            operation, [fields_of[path] for path in operation.inputs]
        )
        steps.append(_step(operation, index, fields_of[operation.path], pooled))
    live = _live_elements(steps, grid_of, len(grids), graph.spec.in_channels)
    distinct: dict[tuple[int, ...], int] = {}
    for index, row in enumerate(live):
        distinct.setdefault(row, index)
    return Plan(
        graph=graph,
        grids=tuple(grids),
        steps=tuple(steps),
        final_grid=final_grid,
        mac_factors=_by_grid(steps, len(grids), lambda step: step.macs_per_cell),
        output_factors=_by_grid(steps, len(grids), lambda step: step.operation.out_channels),
        live_factors=tuple(distinct),
        live_steps=tuple(distinct.values()),
    )


def _step(operation: Operation, grid: int, fields: tuple[Field, Field], pooled: bool) -> Step:
    o = operation
    return Step(
        operation,
        grid,
        _macs_per_cell(operation),
        fields,
        pooled,
        names=(o.path, o.op, o.stage, o.block, o.branch, o.inputs),
        window=(o.kernel, o.stride, o.padding, o.dilation, o.groups, o.ceil_mode, o.params),
        sight=sight(fields),
    )


def sight(fields: tuple[Field, Field]) -> tuple[Pair, Pair, Pair]:
    """Sizes, jumps and starts of a receptive field, rows and columns."""
    down, across = fields
    return (down.size, across.size), (down.jump, across.jump), (down.start, across.start)


def _next_grid(operation: Operation, parent: int) -> Grid:
    """The grid that a windowed operation makes of its input's grid."""
    stride = operation.stride or (1, 1)
    kernel = operation.extent or (1, 1)
    padding = operation.padding or (0, 0)
    # A partial last window (ceil_mode) counts as if stride - 1 more rows were there. It must
    # begin inside the map (torch.nn.AvgPool2d), which it does while stride <= kernel.
    extra = [s - 1 if operation.ceil_mode else 0 for s in stride]
    offset = [2 * p - k + e for p, k, e in zip(padding, kernel, extra, strict=True)]
    return Grid(parent, (offset[0], offset[1]), stride)


def _fields(operation: Operation, inputs: list[tuple[Field, Field]]) -> tuple[Field, Field]:
    stride = operation.stride or (1, 1)
    kernel = operation.extent or (1, 1)
    padding = operation.padding or (0, 0)
    axes = []
    for axis in (0, 1):
        field = inputs[0][axis]
        for other in inputs[1:]:
            field = field.union(other[axis])
        axes.append(field.through(kernel[axis], stride[axis], padding[axis]))
    return (axes[0], axes[1])


def _macs_per_cell(operation: Operation) -> int:
    """Multiply-accumulates for one cell of the output, biases left out."""
    if operation.op == "conv2d" and operation.kernel and operation.groups:
        window = operation.kernel[0] * operation.kernel[1]
        return operation.out_channels * (operation.in_channels // operation.groups) * window
    if operation.op == "linear":
        return operation.out_channels * operation.in_channels
    return 0


def _by_grid(steps: list[Step], grids: int, factor: Callable[[Step], int]) -> tuple[int, ...]:
    """The sum of a factor over all operations of each grid."""
    totals = [0] * grids
    for step in steps:
        totals[step.grid] += factor(step)
    return tuple(totals)


def _live_elements(
    steps: list[Step], grid_of: dict[str, int], grids: int, in_channels: int
) -> list[tuple[int, ...]]:
    """Return the elements in memory while each operation runs, as factors of the grids' areas.

    A tensor is in memory from the operation that computes it to the last that reads it, both
    included; the network's input is there from the start.
    Flattening returns a view, which allocates nothing but keeps its source in memory.
    """
    owner = {INPUT: INPUT}
    born = {INPUT: 0}
    last_use = {INPUT: 0}
    channels = {INPUT: in_channels}
    for index, step in enumerate(steps):
        operation = step.operation
        for path in operation.inputs:
            last_use[owner[path]] = index
        if operation.op == "flatten":
            owner[operation.path] = owner[operation.inputs[0]]
            last_use[owner[operation.path]] = index
            continue
        owner[operation.path] = operation.path
        born[operation.path] = last_use[operation.path] = index
        channels[operation.path] = operation.out_channels
    change = np.zeros((len(steps) + 1, grids), dtype=np.int64)
    for path, first in born.items():
        change[first, grid_of[path]] += channels[path]
        change[last_use[path] + 1, grid_of[path]] -= channels[path]
    live: NDArray[np.int64] = change.cumsum(axis=0)[:-1]
    return [tuple(row) for row in live.tolist()]
