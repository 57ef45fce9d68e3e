"""A network over a whole map of input sizes, height by width: costs, grids, and what suits it.

Rows depend on the height alone and columns on the width alone, so every number of a map is made
of products and comparisons of two vectors; a map of 500 x 500 sizes takes a fraction of a second.
Each value is that of `profile` and `resnet_viz.sizing.input_fit` at its size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from resnet_viz.costs.cost_plan import Grid, Plan, Step, make_plan
from resnet_viz.costs.profile_records import Integers
from resnet_viz.costs.profiling import sweep
from resnet_viz.errors import SpecError
from resnet_viz.network.layer_graph import INPUT, Pair
from resnet_viz.network.spec import ResNetSpec

__all__ = ["Formulas", "SizeMap", "formulas", "size_map"]

_INTEGER_BYTES: Final = 36  # of an integer beyond 64 bits


@dataclass(frozen=True, slots=True)
class Formulas:
    """What the numbers of a size map are made of: few, plain, and the same at every size.

    Whoever cannot call `profile`, such as a browser, evaluates them one size at a time. Grid g
    has r rows and c columns at a size; its area is r * c.

    Attributes:
        grids: How many rows and columns each grid has; see `resnet_viz.costs.cost_plan.Grid`.
        final_grid: The grid that the global pooling sees.
        output_stride: Input pixels between its cells, by rows and columns.
        mac_factors: MACs of one picture are the sum of the areas, each times its factor.
        live_factors: Peak elements of one picture are the greatest of such sums, a row of
            factors each.
        readers: Convolutions that read each grid.
        fields: Rows and columns of a receptive field, and how many convolutions have it.
    """

    grids: tuple[Grid, ...]
    final_grid: int
    output_stride: Pair
    mac_factors: tuple[int, ...]
    live_factors: tuple[tuple[int, ...], ...]
    readers: tuple[int, ...]
    fields: tuple[tuple[int, int, int], ...]

    @property
    def convolutions(self) -> int:
        """How many the network has."""
        return sum(self.readers)


@dataclass(frozen=True, slots=True, eq=False)
class SizeMap:
    """A network over heights and widths; arrays of shape [heights, widths] unless said.

    Attributes:
        spec: The network.
        batch: Pictures at once.
        dtype: The type in which bytes are counted.
        heights: Rows of the inputs, [heights].
        widths: Columns of the inputs, [widths].
        macs: Multiply-accumulates of the batch.
        peak_activation_bytes: The most that is alive at once.
        final_heights: Rows of the last map before the global pooling, [heights].
        final_widths: Columns of it, [widths].
        one_cell: Convolutions whose input is a map of 1 x 1 (`sizing.reads_one_cell`).
        outgrown: Convolutions whose receptive field is larger than the input, by rows and by
            columns (`sizing.field_exceeds`).
        rounding: The share of the final grid that hangs over the input, 0 to 1: the input's
            area is missing from that of its cells, each as large as the output stride
            (`sizing.overhang`).
        convolutions: How many the network has.
        output_stride: Input pixels between the final grid's cells, by rows and columns.
    """

    spec: ResNetSpec
    batch: int
    dtype: str
    heights: NDArray[np.int64]
    widths: NDArray[np.int64]
    macs: Integers
    peak_activation_bytes: Integers
    final_heights: NDArray[np.int64]
    final_widths: NDArray[np.int64]
    one_cell: NDArray[np.int32]
    outgrown: NDArray[np.int32]
    rounding: NDArray[np.float64]
    convolutions: int
    output_stride: Pair

    @property
    def final_cells(self) -> NDArray[np.int64]:
        """Cells of the final grid."""
        cells: NDArray[np.int64] = self.final_heights[:, None] * self.final_widths[None, :]
        return cells

    @property
    def nbytes(self) -> int:
        """What its largest arrays take, in bytes; of Python's own integers, about that."""
        maps = (self.macs, self.peak_activation_bytes, self.one_cell, self.outgrown, self.rounding)
        beside: int = sum(array.size for array in maps if array.dtype == object) * _INTEGER_BYTES
        held: int = sum(array.nbytes for array in maps)
        return beside + held

    def columns(self) -> dict[str, list[Any]]:
        """The map as a table, a row for each size, by column name; plain Python numbers."""
        shape = self.macs.shape
        arrays = {
            "height": self.heights[:, None],
            "width": self.widths[None, :],
            "macs": self.macs,
            "peak_activation_bytes": self.peak_activation_bytes,
            "final_height": self.final_heights[:, None],
            "final_width": self.final_widths[None, :],
            "one_cell": self.one_cell,
            "outgrown": self.outgrown,
            "rounding": self.rounding,
        }
        return {
            name: np.broadcast_to(array, shape).ravel().tolist() for name, array in arrays.items()
        }


def size_map(
    spec: ResNetSpec,
    heights: Iterable[int] | NDArray[np.integer[Any]],
    widths: Iterable[int] | NDArray[np.integer[Any]] | None = None,
    batch: int = 1,
    dtype: str = "float32",
) -> SizeMap:
    """A network at every height with every width.

    Args:
        spec: The network.
        heights: Rows of the inputs, in any order.
        widths: Columns of the inputs; left out, the same as the heights.
        batch: Pictures at once.
        dtype: The type in which bytes are counted.

    Raises:
        SpecError: A size is out of its limits, or there are too many.
    """
    plan = make_plan(spec)
    # One axis at a time, `sweep` says in its own words what is wrong with it.
    down = _axis("heights", sweep(spec, heights, [1]).heights)
    across = down if widths is None else _axis("widths", sweep(spec, [1], widths).widths)
    table = sweep(spec, down[:, None], across[None, :], batch, dtype)
    rows, columns = plan.sides(down, 0), plan.sides(across, 1)
    final_heights, final_widths = rows[plan.final_grid], columns[plan.final_grid]
    known = formulas(spec)
    stride = known.output_stride
    covered = np.outer(final_heights * stride[0], final_widths * stride[1])
    return SizeMap(
        spec=spec,
        batch=table.batch,
        dtype=dtype,
        heights=down,
        widths=across,
        macs=table.macs,
        peak_activation_bytes=table.peak_activation_bytes,
        final_heights=final_heights,
        final_widths=final_widths,
        one_cell=_on_one_cell(known, rows, columns),
        outgrown=_outgrown(known, down, across),
        rounding=1 - np.outer(down, across) / covered,
        convolutions=known.convolutions,
        output_stride=stride,
    )


@lru_cache(maxsize=16)
def formulas(spec: ResNetSpec) -> Formulas:
    """What the numbers of a network's map are made of."""
    plan = make_plan(spec)
    grid_of = {INPUT: 0} | {step.operation.path: step.grid for step in plan.steps}
    convolutions = [step for step in plan.steps if step.operation.op == "conv2d"]
    readers = Counter(grid_of[step.operation.inputs[0]] for step in convolutions)
    fields = Counter(_field(step) for step in convolutions)
    down, across = plan.final_fields
    return Formulas(
        grids=plan.grids,
        final_grid=plan.final_grid,
        output_stride=(down.jump, across.jump),
        mac_factors=plan.mac_factors,
        live_factors=_greatest(plan),
        readers=tuple(readers[grid] for grid in range(len(plan.grids))),
        fields=tuple((*field, count) for field, count in sorted(fields.items())),
    )


def _axis(name: str, sizes: Integers) -> NDArray[np.int64]:
    if sizes.ndim != 1:
        raise SpecError(f"{name} must be one row of sizes, not {sizes.ndim} axes of them.")
    return sizes.astype(np.int64)


def _field(step: Step) -> Pair:
    down, across = step.fields
    return down.size, across.size


def _greatest(plan: Plan) -> tuple[tuple[int, ...], ...]:
    """The rows of factors that can be the peak: areas are positive, so others never are."""
    rows = np.array(plan.live_factors, dtype=object)  # Python's integers, of any size
    kept = [
        row
        for row in rows
        if not any((row <= other).all() and (row < other).any() for other in rows)
    ]
    return tuple(tuple(row.tolist()) for row in kept)


def _on_one_cell(
    known: Formulas, rows: list[NDArray[np.int64]], columns: list[NDArray[np.int64]]
) -> NDArray[np.int32]:
    """Convolutions that read a grid which is 1 x 1 at a size, [heights, widths]."""
    single = np.array([np.broadcast_to(side == 1, rows[0].shape) for side in rows])
    narrow = np.array([np.broadcast_to(side == 1, columns[0].shape) for side in columns])
    return _both(single, narrow, known.readers)


def _outgrown(
    known: Formulas, heights: NDArray[np.int64], widths: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Convolutions that see more than a size's rows and columns, [heights, widths]."""
    high, wide, counts = zip(*known.fields, strict=True)
    taller = np.array(high)[:, None] > heights[None, :]
    wider = np.array(wide)[:, None] > widths[None, :]
    return _both(taller, wider, counts)


def _both(
    down: NDArray[np.bool_], across: NDArray[np.bool_], counts: tuple[int, ...]
) -> NDArray[np.int32]:
    """The sum of the counts whose condition holds on both axes, for each pair of sizes.

    Args:
        down: Whether it holds at a height, [conditions, heights].
        across: Whether it holds at a width, [conditions, widths].
        counts: A number for each condition.
    """
    # A product of matrices; float64 holds every count of a network exactly.
    weighted = down.T * np.array(counts, dtype=np.float64)
    return (weighted @ across.astype(np.float64)).astype(np.int32)
