"""Shapes and costs at an input size: `profile` for one, with every layer; `sweep` for many.

Both evaluate the closed formulas of a `Plan`; no tensor is made and torch is not called, so
the time does not depend on the size. All integers are exact.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_viz.errors import SpecError
from resnet_viz.graph import INPUT, Pair, trace
from resnet_viz.plan import Field, Plan, make_plan, sight
from resnet_viz.spec import MAX_SIDE, InputSpec, ResNetSpec

__all__ = [
    "DTYPE_BYTES",
    "MAX_SWEEP_SIZES",
    "DownsampleProfile",
    "LayerProfile",
    "Profile",
    "Sweep",
    "Totals",
    "profile",
    "sweep",
]

DTYPE_BYTES: Final[Mapping[str, int]] = MappingProxyType(
    {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}
)
MAX_SWEEP_SIZES: Final = 1_000_000

Shape = tuple[int, ...]
Integers = NDArray[Any]  # int64 where the largest result fits, else Python ints


class LayerProfile(NamedTuple):
    """One operation at one input size.

    Attributes:
        path: The module's name, such as ``layer1.0.conv1``.
        op: What it does; the names stand in `resnet_viz.graph.Operation`.
        stage: ``stem``, ``layer1`` … or ``head``.
        block: The residual block, or None.
        branch: ``stem``, ``main``, ``shortcut``, ``merge`` or ``head``.
        inputs: Paths of the producers; ``input`` for the picture.
        input_shapes: ``[N, C, H, W]`` of each input.
        output_shape: ``[N, C, H, W]``, or ``[N, C]`` once flattened.
        kernel: Height and width of the window in pixels, None where there is none; the global
            pooling's is its whole input.
        stride: Step of the window in pixels.
        padding: Zeros on each side in pixels.
        groups: Groups of a convolution.
        params: Learned numbers.
        macs: Multiply-accumulates of convolutions and linear layers, biases left out, for the
            whole batch: half of what `torch.utils.flop_counter.FlopCounterMode` counts.
        output_bytes: Size of the output.
        receptive_field: Input pixels that one output cell sees, rows and columns, padding
            included.
        jump: Input pixels between neighbouring output cells, rows and columns.
        field_start: First row and column that the first output cell sees; negative in padding.
    """

    path: str
    op: str
    stage: str
    block: str | None
    branch: str
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    kernel: Pair | None
    stride: Pair | None
    padding: Pair | None
    groups: int | None
    params: int
    macs: int
    output_bytes: int
    receptive_field: Pair
    jump: Pair
    field_start: Pair

    @property
    def flops(self) -> int:
        """Twice the MACs: a multiplication and an addition."""
        return 2 * self.macs

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with the keys of the command line's contract."""
        values = self._asdict()
        start = values.pop("field_start")
        size = values.pop("output_bytes")
        field, jump = values.pop("receptive_field"), values.pop("jump")
        costs = {"flops": self.flops, "output_bytes": size}
        return values | costs | {"receptive_field": field, "jump": jump, "field_start": start}


@dataclass(frozen=True, slots=True)
class DownsampleProfile:
    """A downsample point at one input size.

    Attributes:
        path: The module on the shortcut, such as ``layer2.0.downsample``.
        block: Its residual block.
        reasons: ``stride``, ``channels`` or both.
        input_shape: What enters the shortcut, ``[N, C, H, W]``.
        output_shape: What leaves it.
    """

    path: str
    block: str
    reasons: tuple[str, ...]
    input_shape: Shape
    output_shape: Shape


@dataclass(frozen=True, slots=True)
class Totals:
    """What the network costs as a whole.

    Attributes:
        depth: Layers with weights, as its name counts them.
        params: Learned numbers.
        buffers: Kept numbers that are not learned.
        macs: Multiply-accumulates of the whole batch.
        flops: Twice that.
        weight_bytes: Size of the parameters.
        activation_bytes: Size of all outputs together.
        peak_activation_bytes: The most that is alive at once in a forward pass without
            gradients: each tensor from the operation that makes it to the last that reads it,
            the input included until it is read.
        peak_path: The operation during which that is.
        final_grid: Rows and columns of the last map before the global pooling.
        output_stride: Input pixels between its cells, by rows and columns.
        receptive_field: Input pixels that one of its cells sees, by rows and columns.
    """

    depth: int
    params: int
    buffers: int
    macs: int
    flops: int
    weight_bytes: int
    activation_bytes: int
    peak_activation_bytes: int
    peak_path: str
    final_grid: Pair
    output_stride: Pair
    receptive_field: Pair


@dataclass(frozen=True)
class Profile:
    """A network at one input size.

    Attributes:
        spec: The network.
        input: The input, its channels filled in.
        dtype: The type in which bytes are counted.
        totals: The sums.
        layers: One row per operation, in the order of execution.
        downsample_points: The shortcuts that change a shape, in order.
    """

    spec: ResNetSpec
    input: InputSpec
    dtype: str
    totals: Totals
    layers: tuple[LayerProfile, ...]
    downsample_points: tuple[DownsampleProfile, ...]

    @cached_property
    def by_path(self) -> Mapping[str, LayerProfile]:
        """The rows by their paths."""
        return MappingProxyType({layer.path: layer for layer in self.layers})

    def layer(self, path: str) -> LayerProfile:
        """The row of an operation, or of the last one of a block, a stage or a container.

        Raises:
            LayerError: The network has no such layer.
        """
        return self.by_path[trace(self.spec).output_of(path).path]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: the document of ``profile --format json``, schema 1."""
        return {
            "schema": 1,
            "spec": self.spec.to_dict(),
            "input": self.input.to_dict(),
            "dtype": self.dtype,
            "totals": asdict(self.totals),
            "layers": [layer.to_dict() for layer in self.layers],
            "downsample_points": [asdict(point) for point in self.downsample_points],
        }


@dataclass(frozen=True)
class Sweep:
    """The totals of a network over many input sizes; arrays of one shape.

    Attributes:
        spec: The network.
        batch: Pictures at once.
        dtype: The type in which bytes are counted.
        heights: Rows of the input.
        widths: Columns of the input.
        macs: Multiply-accumulates of the batch.
        activation_bytes: Size of all outputs together.
        peak_activation_bytes: The most alive at once.
        final_heights: Rows of the last map before the global pooling.
        final_widths: Columns of it.
        params: Learned numbers, the same at every size.
    """

    spec: ResNetSpec
    batch: int
    dtype: str
    heights: Integers
    widths: Integers
    macs: Integers
    activation_bytes: Integers
    peak_activation_bytes: Integers
    final_heights: Integers
    final_widths: Integers
    params: int

    @property
    def flops(self) -> Integers:
        """Twice the MACs."""
        return 2 * self.macs

    def __len__(self) -> int:
        return int(self.heights.size)

    def columns(self) -> dict[str, list[int]]:
        """The table, flat, as lists of Python integers by column name."""
        arrays = {
            "height": self.heights,
            "width": self.widths,
            "params": np.full(self.heights.shape, self.params),
            "macs": self.macs,
            "flops": self.flops,
            "activation_bytes": self.activation_bytes,
            "peak_activation_bytes": self.peak_activation_bytes,
            "final_height": self.final_heights,
            "final_width": self.final_widths,
        }
        return {name: [int(value) for value in array.ravel()] for name, array in arrays.items()}


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
    live = [_weighted_sum(factors, areas) for factors in plan.live_factors]
    peak = max(range(len(live)), key=live.__getitem__)
    params = sum(layer.params for layer in layers)
    macs = _weighted_sum(plan.mac_factors, areas) * size.batch
    down, across = plan.final_fields
    return Totals(
        depth=plan.graph.spec.depth,
        params=params,
        buffers=sum(operation.buffers for operation in plan.graph),
        macs=macs,
        flops=2 * macs,
        weight_bytes=params * item_bytes,
        activation_bytes=_weighted_sum(plan.output_factors, areas) * size.batch * item_bytes,
        peak_activation_bytes=live[peak] * size.batch * item_bytes,
        peak_path=layers[plan.live_steps[peak]].path,
        final_grid=(rows[plan.final_grid], columns[plan.final_grid]),
        output_stride=(down.jump, across.jump),
        receptive_field=(down.size, across.size),
    )


def _weighted_sum(factors: tuple[int, ...], areas: list[int]) -> int:
    return sum(map(operator.mul, factors, areas))


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
    return 2 * max(_weighted_sum(factors, areas) for factors in sums)


def _weighted(factors: tuple[int, ...], areas: list[Integers]) -> Integers:
    """The sum of the areas, each times its factor; grids without a factor cost nothing."""
    total: Integers = np.zeros(1, dtype=np.int64)
    for factor, area in zip(factors, areas, strict=True):
        if factor:
            total = total + area * factor
    return total
