"""The totals of a network at an input size from at most two blocks of each stage.

Each further block of a stage adds what the second adds to MACs, parameters and outputs, widens
the receptive field as much, and never needs more memory at once (`shortened_networks`). So networks
that differ only in the number of their blocks share one short plan, and hundreds of depths cost
little more than one.
"""

from __future__ import annotations

from functools import lru_cache
from operator import mul
from typing import Final, NamedTuple

from resnet_viz.costs.cost_plan import Grid, Plan, sides, weighted_sum
from resnet_viz.costs.profile_records import Totals
from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.costs.shortened_networks import TELLING_BLOCKS, field_growth, short_plan, short_spec
from resnet_viz.network.layer_graph import Pair
from resnet_viz.network.spec import InputSpec, ResNetSpec

__all__ = ["totals"]

_ITEM_BYTES: Final = DTYPE_BYTES["float32"]


class _Part(NamedTuple):
    """What a part of a network adds to its totals.

    Attributes:
        macs: Multiply-accumulates of one picture, as factors of the grids' areas.
        outputs: Elements of its outputs, likewise.
        params: Learned numbers.
        buffers: Kept numbers that are not learned.
        field: Rows and columns by which the receptive field grows.
    """

    macs: tuple[int, ...]
    outputs: tuple[int, ...]
    params: int
    buffers: int
    field: Pair


class _Short(NamedTuple):
    """A network with at most two blocks a stage, ready to be evaluated.

    Attributes:
        grids: All resolutions, each after its parent; the input first.
        final_grid: The grid that the global pooling sees.
        live: Elements alive at once, a row of factors for each distinct case.
        live_paths: The first operation of each case.
        output_stride: Input pixels between the cells of the last map.
        parts: The whole, then one more block of each stage; None for a stage of one block.
    """

    grids: tuple[Grid, ...]
    final_grid: int
    live: tuple[tuple[int, ...], ...]
    live_paths: tuple[str, ...]
    output_stride: Pair
    parts: tuple[_Part | None, ...]


def totals(spec: ResNetSpec, input: InputSpec | None = None) -> Totals:  # noqa: A002 - as in profile
    """The totals of `resnet_viz.costs.profiling.profile` in float32, without its rows.

    Args:
        spec: The network.
        input: The input; left out, 224 x 224.

    Raises:
        SpecError: The input's channels are not the network's.
    """
    size = (input or InputSpec()).for_network(spec)
    short = _short(short_spec(spec))
    counts = (1, *(n - TELLING_BLOCKS for n in spec.blocks))
    parts = [(n, part) for n, part in zip(counts, short.parts, strict=True) if part is not None]
    rows, columns = sides(short.grids, size.height, 0), sides(short.grids, size.width, 1)
    areas = list(map(mul, rows, columns))
    macs = size.batch * sum(n * weighted_sum(part.macs, areas) for n, part in parts)
    outputs = size.batch * sum(n * weighted_sum(part.outputs, areas) for n, part in parts)
    params = sum(n * part.params for n, part in parts)
    live = [weighted_sum(factors, areas) for factors in short.live]
    peak = max(range(len(live)), key=live.__getitem__)
    return Totals(
        depth=spec.depth,
        params=params,
        buffers=sum(n * part.buffers for n, part in parts),
        macs=macs,
        flops=2 * macs,
        weight_bytes=params * _ITEM_BYTES,
        activation_bytes=outputs * _ITEM_BYTES,
        peak_activation_bytes=live[peak] * size.batch * _ITEM_BYTES,
        peak_path=short.live_paths[peak],
        final_grid=(rows[short.final_grid], columns[short.final_grid]),
        output_stride=short.output_stride,
        receptive_field=(
            sum(n * part.field[0] for n, part in parts),
            sum(n * part.field[1] for n, part in parts),
        ),
    )


@lru_cache(maxsize=1024)
def _short(spec: ResNetSpec) -> _Short:
    """The numbers of a network with at most two blocks a stage; a few kilobytes each."""
    plan = short_plan(spec)
    growth = field_growth(plan)
    down, across = plan.final_fields
    whole = _Part(
        plan.mac_factors,
        plan.output_factors,
        sum(operation.params for operation in plan.graph),
        sum(operation.buffers for operation in plan.graph),
        (down.size, across.size),
    )
    seconds = (f"layer{place}.{TELLING_BLOCKS - 1}" for place in range(1, len(spec.blocks) + 1))
    return _Short(
        grids=plan.grids,
        final_grid=plan.final_grid,
        live=plan.live_factors,
        live_paths=tuple(plan.steps[first].operation.path for first in plan.live_steps),
        output_stride=(down.jump, across.jump),
        parts=(whole, *(_second_block(plan, block, growth.get(block)) for block in seconds)),
    )


def _second_block(plan: Plan, block: str, growth: Pair | None) -> _Part | None:
    """What the second block of a stage adds, if there is one."""
    if growth is None:
        return None
    macs, outputs = [0] * len(plan.grids), [0] * len(plan.grids)
    steps = [step for step in plan.steps if step.operation.block == block]
    for step in steps:
        macs[step.grid] += step.macs_per_cell
        outputs[step.grid] += step.operation.out_channels
    return _Part(
        tuple(macs),
        tuple(outputs),
        sum(step.operation.params for step in steps),
        sum(step.operation.buffers for step in steps),
        growth,
    )
