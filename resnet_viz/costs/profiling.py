"""Shapes and costs at an input size: `profile` for one, with every layer; `sweep` for many.

Both evaluate the closed formulas of a `Plan`; no tensor is made and torch is not called, so
the time does not depend on the size. All integers are exact.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_viz.costs.cost_plan import Field, Plan, make_plan, sight, weighted_sum
from resnet_viz.costs.profile_records import (
    DownsampleProfile,
    Integers,
    LayerProfile,
    Profile,
    Shape,
    Sweep,
    Totals,
)
from resnet_viz.errors import SpecError
from resnet_viz.network.layer_graph import INPUT
from resnet_viz.network.spec import MAX_SIDE, InputSpec, ResNetSpec

__all__ = [
    "DTYPE_BYTES",
    "MAX_SWEEP_SIZES",
    "PrefixCost",
    "prefix_cost",
    "profile",
    "sweep",
]

DTYPE_BYTES: Final[Mapping[str, int]] = MappingProxyType(
    {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}
)
MAX_SWEEP_SIZES: Final = 1_000_000


class PrefixCost(NamedTuple):
    """What a forward pass takes that ends early.

    Attributes:
        macs: Multiply-accumulates.
        peak_bytes: The most that is alive at once.
        output_bytes: The size of the outputs for whose sake it runs, together.
        last: The operation that ends it.
    """

    macs: int
    peak_bytes: int
    output_bytes: int
    last: str


def _item_bytes(dtype: str) -> int:
    try:
        return DTYPE_BYTES[dtype]
    except (KeyError, TypeError):
        known = ", ".join(DTYPE_BYTES)
        raise SpecError(f"dtype must be one of {known}, not {str(dtype)[:40]!r}.") from None


def profile(
    spec: ResNetSpec,
    input: InputSpec | None = None,  # noqa: A002 - the contract's name
    dtype: str = "float32",
) -> Profile:
    """Shapes and costs of every operation of a network at one input size.

    Args:
        spec: The network.
        input: The input; left out, 224 x 224.
        dtype: The type in which bytes are counted: a key of `DTYPE_BYTES`.

    Raises:
        SpecError: The input's channels are not the network's, or the dtype is unknown.
    """
    size = (input or InputSpec()).for_network(spec)
    plan, item_bytes = make_plan(spec), _item_bytes(dtype)
    layers = _layers(plan, size, item_bytes)
    by_path = {layer.path: layer for layer in layers}
    points = tuple(
        DownsampleProfile(
            point.path,
            point.block,
            point.reasons,
            by_path[point.source].output_shape,
            by_path[point.target].output_shape,
        )
        for point in plan.graph.downsample_points
    )
    return Profile(spec, size, dtype, _totals(plan, size, layers, item_bytes), layers, points)


def prefix_cost(spec: ResNetSpec, input: InputSpec, paths: Iterable[str]) -> PrefixCost:  # noqa: A002
    """What a forward pass takes in float32 that ends when some operations have run.

    The same numbers as in `profile`, without a row for each operation of the network.

    Args:
        spec: The network.
        input: The input.
        paths: The operations, at least one.

    Raises:
        SpecError: The input's channels are not the network's.
        KeyError: The network has no such operation.
    """
    size, plan = input.for_network(spec), make_plan(spec)
    _, _, areas = _grids(plan, size)
    places = {step.operation.path: place for place, step in enumerate(plan.steps)}
    ends = [places[path] for path in paths]
    run = plan.steps[: max(ends) + 1]
    live = zip(plan.live_steps, plan.live_factors, strict=True)
    peak = max(weighted_sum(factors, areas) for first, factors in live if first < len(run))
    kept = [plan.steps[place] for place in ends]
    scale = size.batch * _item_bytes("float32")
    return PrefixCost(
        macs=size.batch * sum(step.macs_per_cell * areas[step.grid] for step in run),
        peak_bytes=scale * peak,
        output_bytes=scale * sum(step.operation.out_channels * areas[step.grid] for step in kept),
        last=run[-1].operation.path,
    )


def _layers(plan: Plan, size: InputSpec, item_bytes: int) -> tuple[LayerProfile, ...]:
    """A row per operation: what the plan keeps of it, and what the size makes of it."""
    rows, columns, areas = _grids(plan, size)
    batch, here = size.batch, (rows[plan.final_grid], columns[plan.final_grid])
    shapes: dict[str, Shape] = {
        INPUT: (batch, plan.graph.spec.in_channels, size.height, size.width)
    }
    layers = []
    for operation, grid, macs_per_cell, fields, pooled, names, window, seen in plan.steps:
        channels = operation.out_channels
        shape: Shape = (batch, channels, rows[grid], columns[grid])
        if pooled:
            if operation.op == "adaptive_avg_pool2d":
                window = (here, here, (0, 0), *window[3:])
            else:
                shape = (batch, channels)
            # One cell stands for the whole map.
            seen = sight((_pooled(fields[0], here[0]), _pooled(fields[1], here[1])))
        shapes[operation.path] = shape
        entering = tuple([shapes[source] for source in operation.inputs])
        cells = batch * areas[grid]
        costs = (macs_per_cell * cells, channels * cells * item_bytes)
        layers.append(LayerProfile._make((*names, entering, shape, *window, *costs, *seen)))
    return tuple(layers)


def _grids(plan: Plan, size: InputSpec) -> tuple[list[int], list[int], list[int]]:
    """Rows, columns and areas of the plan's grids at an input size."""
    rows, columns = plan.sides(size.height, 0), plan.sides(size.width, 1)
    return rows, columns, list(map(operator.mul, rows, columns))


def _pooled(field: Field, cells: int) -> Field:
    """The field of the mean over `cells` neighbouring cells."""
    return Field(field.start, field.size + (cells - 1) * field.jump, field.jump * cells)


def _totals(
    plan: Plan, size: InputSpec, layers: tuple[LayerProfile, ...], item_bytes: int
) -> Totals:
    rows, columns, areas = _grids(plan, size)
    live = [weighted_sum(factors, areas) for factors in plan.live_factors]
    peak = max(range(len(live)), key=live.__getitem__)
    params = sum(layer.params for layer in layers)
    macs = weighted_sum(plan.mac_factors, areas) * size.batch
    down, across = plan.final_fields
    return Totals(
        depth=plan.graph.spec.depth,
        params=params,
        buffers=sum(operation.buffers for operation in plan.graph),
        macs=macs,
        flops=2 * macs,
        weight_bytes=params * item_bytes,
        activation_bytes=weighted_sum(plan.output_factors, areas) * size.batch * item_bytes,
        peak_activation_bytes=live[peak] * size.batch * item_bytes,
        peak_path=layers[plan.live_steps[peak]].path,
        final_grid=(rows[plan.final_grid], columns[plan.final_grid]),
        output_stride=(down.jump, across.jump),
        receptive_field=(down.size, across.size),
    )


def sweep(
    spec: ResNetSpec,
    heights: Iterable[int] | NDArray[np.integer[Any]],
    widths: Iterable[int] | NDArray[np.integer[Any]] | None = None,
    batch: int = 1,
    dtype: str = "float32",
) -> Sweep:
    """The totals of `profile` over many input sizes at once.

    Args:
        spec: The network.
        heights: Rows of the inputs.
        widths: Columns of the inputs; left out, the inputs are square. Heights and widths are
            paired as NumPy broadcasts them, so ``heights[:, None]`` with ``widths[None, :]``
            gives a whole map.
        batch: Pictures at once.
        dtype: The type in which bytes are counted.

    Raises:
        SpecError: A size is out of its limits, or there are too many.
    """
    plan, item_bytes = make_plan(spec), _item_bytes(dtype)
    down = _sizes("heights", heights)
    across = down if widths is None else _sizes("widths", widths)
    try:
        down, across = np.broadcast_arrays(down, across)
    except ValueError:
        raise SpecError(
            f"heights and widths must be paired, but there are {down.size} and {across.size}; "
            "give as many of each, or axes that NumPy can broadcast."
        ) from None
    if down.size > MAX_SWEEP_SIZES:
        raise SpecError(f"A sweep takes at most {MAX_SWEEP_SIZES} sizes at once; give fewer.")
    batch = InputSpec(batch=batch).batch
    scale = batch * item_bytes
    if _largest(plan, down, across) * scale >= 2**63:
        down, across = down.astype(object), across.astype(object)
    rows, columns = plan.sides(down, 0), plan.sides(across, 1)
    areas = [h * w for h, w in zip(rows, columns, strict=True)]
    peak = _weighted(plan.live_factors[0], areas)
    for factors in plan.live_factors[1:]:
        peak = np.maximum(peak, _weighted(factors, areas))
    return Sweep(
        spec=spec,
        batch=batch,
        dtype=dtype,
        heights=down,
        widths=across,
        macs=_weighted(plan.mac_factors, areas) * batch,
        activation_bytes=_weighted(plan.output_factors, areas) * scale,
        peak_activation_bytes=peak * scale,
        final_heights=rows[plan.final_grid],
        final_widths=columns[plan.final_grid],
        params=sum(operation.params for operation in plan.graph),
    )


def _sizes(name: str, values: Iterable[int] | NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    try:
        if not isinstance(values, np.ndarray):
            values = list(islice(values, MAX_SWEEP_SIZES + 1))  # a range may be endless
        array = np.atleast_1d(values)
    except (TypeError, ValueError, OverflowError):
        raise SpecError(f"{name} must be whole numbers from 1 to {MAX_SIDE}.") from None
    if array.size == 0:
        raise SpecError(f"{name} must hold at least one size.")
    if array.dtype.kind not in "iu" or array.min() < 1 or array.max() > MAX_SIDE:
        raise SpecError(f"{name} must be whole numbers from 1 to {MAX_SIDE}.")
    return array.astype(np.int64)


def _largest(plan: Plan, heights: NDArray[np.int64], widths: NDArray[np.int64]) -> int:
    """A bound on every sum in a sweep for one picture, in exact Python integers."""
    rows, columns = plan.sides(int(heights.max()), 0), plan.sides(int(widths.max()), 1)
    areas = [h * w for h, w in zip(rows, columns, strict=True)]
    sums = (plan.mac_factors, plan.output_factors, *plan.live_factors)
    return 2 * max(weighted_sum(factors, areas) for factors in sums)


def _weighted(factors: tuple[int, ...], areas: list[Integers]) -> Integers:
    """The sum of the areas, each times its factor; grids without a factor cost nothing."""
    total: Integers = np.zeros(1, dtype=np.int64)
    for factor, area in zip(factors, areas, strict=True):
        if factor:
            total = total + area * factor
    return total
