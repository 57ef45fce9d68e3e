"""What the coach looks at in a network at an input, quick enough to try many of them.

Layers are counted in a network of two blocks a stage (`shortened_networks`), whatever the depth of
the one it stands for, and the counts are those of all its layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from resnet_viz.costs.cost_plan import Plan, Step
from resnet_viz.costs.profile_records import Totals
from resnet_viz.costs.shortened_networks import TELLING_BLOCKS, field_growth, short_plan
from resnet_viz.costs.total_costs import totals
from resnet_viz.network.layer_graph import INPUT, Pair
from resnet_viz.network.spec import InputSpec, ResNetSpec

__all__ = [
    "Found",
    "Measures",
    "first_below",
    "first_convolution",
    "first_overhanging",
    "measure",
    "outgrown_at",
    "productive_blocks",
]


@dataclass(frozen=True, slots=True)
class Found:
    """Layers of which something is true.

    Attributes:
        count: How many.
        first: The path of the first; None where there is none.
    """

    count: int
    first: str | None


@dataclass(frozen=True, slots=True)
class Measures:
    """A network at one input.

    Attributes:
        totals: What one picture costs, in float32.
        convolutions: How many it has, those on shortcuts included.
        one_cell: Convolutions whose input is a map of 1 x 1.
        outgrown: Convolutions that see more than the whole input, by rows and by columns.
        lone_norms: Batch norms whose input has one value per channel, the batch included.
    """

    totals: Totals
    convolutions: int
    one_cell: Found
    outgrown: Found
    lone_norms: Found


class _Part(NamedTuple):
    """One operation of the short network, for all blocks that it stands for.

    Attributes:
        step: The operation.
        source: The grid of its input.
        blocks: How many blocks it stands for, its own included.
        field: The size of its receptive field in the first of them, in the network itself.
        growth: By how much that grows from one of them to the next.
    """

    step: Step
    source: int
    blocks: int
    field: Pair
    growth: Pair

    def path(self, later: int) -> str:
        """The path of the operation in a block so many after its own."""
        path = self.step.operation.path
        if not later:
            return path
        stage, block, rest = path.split(".", 2)
        return f"{stage}.{int(block) + later}.{rest}"


class _Short(NamedTuple):
    """A network of at most two blocks a stage, and how it stands for one with more."""

    plan: Plan
    parts: tuple[_Part, ...]
    convolutions: tuple[_Part, ...]


@lru_cache(maxsize=256)
def _short(spec: ResNetSpec) -> _Short:
    """Remembered: a mend is looked at again at every size."""
    plan = short_plan(spec)
    grids = {INPUT: 0} | {step.operation.path: step.grid for step in plan.steps}
    growth = field_growth(plan)
    first = TELLING_BLOCKS - 1  # of those that are alike
    alike = {
        f"layer{place}.{first}": count - first for place, count in enumerate(spec.blocks, start=1)
    }
    left_out: Pair = (0, 0)  # pixels that the blocks left out so far would have added
    parts, block = [], ""
    for step in plan.steps:
        operation = step.operation
        if operation.block != block:
            if block in growth:
                left_out = _plus(left_out, growth[block], alike[block] - 1)
            block = operation.block or ""
        field = _plus((step.fields[0].size, step.fields[1].size), left_out)
        blocks, grown = alike.get(block, 1), growth.get(block, (0, 0))
        parts.append(_Part(step, grids[operation.inputs[0]], blocks, field, grown))
    convolutions = tuple(part for part in parts if part.step.operation.op == "conv2d")
    return _Short(plan, tuple(parts), convolutions)


def _plus(size: Pair, growth: Pair, times: int = 1) -> Pair:
    return (size[0] + growth[0] * times, size[1] + growth[1] * times)


def measure(spec: ResNetSpec, input: InputSpec) -> Measures:  # noqa: A002 - as in profile
    """A network at an input.

    Raises:
        SpecError: The input's channels are not the network's.
    """
    short = _short(spec)
    rows, columns = _sides(short.plan, input)

    def cells(part: _Part) -> int:
        return rows[part.source] * columns[part.source]

    return Measures(
        totals=totals(spec, replace(input, batch=1)),
        convolutions=sum(part.blocks for part in short.convolutions),
        one_cell=_found(short.convolutions, lambda part: cells(part) == 1),
        outgrown=_outgrown(short.convolutions, (input.height, input.width)),
        lone_norms=_found(
            (part for part in short.parts if part.step.operation.op == "batch_norm"),
            lambda part: input.batch * cells(part) == 1,
        ),
    )


def first_convolution(spec: ResNetSpec) -> str:
    """The path of the convolution that reads the picture."""
    return _short(spec).convolutions[0].path(0)


def outgrown_at(spec: ResNetSpec, height: int, width: int) -> int:
    """How many convolutions see more than an input of this size, by rows and by columns."""
    return _outgrown(_short(spec).convolutions, (height, width)).count


def first_below(spec: ResNetSpec, input: InputSpec, side: int) -> str | None:  # noqa: A002
    """The first operation whose output has fewer than `side` rows or columns, before pooling."""
    short = _short(spec)
    rows, columns = _sides(short.plan, input)
    small = _found(
        (part for part in short.parts if not part.step.pooled),
        lambda part: min(rows[part.step.grid], columns[part.step.grid]) < side,
    )
    return small.first


def first_overhanging(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002
    axes: Iterable[int],
) -> str | None:
    """The first operation before pooling whose stride reaches past its input.

    Args:
        spec: The network.
        input: Its input.
        axes: Those that count: 0 for rows, 1 for columns.
    """
    short = _short(spec)
    sides, counted = _sides(short.plan, input), tuple(axes)

    def hangs_over(part: _Part) -> bool:
        stride, into, out_of = part.step.operation.stride, part.step.grid, part.source
        return stride is not None and any(
            sides[axis][into] * stride[axis] > sides[axis][out_of] for axis in counted
        )

    return _found((part for part in short.parts if not part.step.pooled), hangs_over).first


def productive_blocks(spec: ResNetSpec, input: InputSpec) -> tuple[int, ...]:  # noqa: A002
    """Blocks per stage without those whose first convolution sees more than the whole input.

    A stage keeps at least one.
    """
    kept = dict.fromkeys((f"layer{place}" for place in range(1, len(spec.blocks) + 1)), 0)
    for part in _short(spec).parts:
        operation = part.step.operation
        if operation.stage in kept and operation.path.endswith(".conv1"):
            kept[operation.stage] += _blocks_within(part, (input.height, input.width))
    return tuple(max(1, count) for count in kept.values())


def _sides(plan: Plan, input: InputSpec) -> tuple[list[int], list[int]]:  # noqa: A002
    """Rows and columns of each grid."""
    return plan.sides(input.height, 0), plan.sides(input.width, 1)


def _found(parts: Iterable[_Part], holds: Callable[[_Part], bool]) -> Found:
    """Those of which something is true that depends on their grids, alike in all their blocks."""
    true = [part for part in parts if holds(part)]
    return Found(sum(part.blocks for part in true), true[0].path(0) if true else None)


def _outgrown(convolutions: Iterable[_Part], size: Pair) -> Found:
    """Those whose receptive field is larger than `size`, by rows and by columns."""
    count, first, block, least = 0, None, None, 0
    for part in convolutions:
        within = _blocks_within(part, size)
        if within >= part.blocks:
            continue
        count += part.blocks - within
        # The parts of a short block stand for conv1, conv2, conv1, conv2 … in turns.
        if first is None or (part.step.operation.block == block and within < least):
            first, block, least = part.path(within), part.step.operation.block, within
    return Found(count, first)


def _blocks_within(part: _Part, size: Pair) -> int:
    """In how many of its blocks an operation sees at most `size`, by rows or by columns."""
    within = (
        _terms_within(field, grown, side)
        for field, grown, side in zip(part.field, part.growth, size, strict=True)
    )
    return min(part.blocks, max(within))


def _terms_within(field: int, growth: int, side: int) -> int:
    """How many of the sizes ``field + k * growth``, k = 0, 1 …, are at most `side`."""
    if field > side:
        return 0
    return (side - field) // growth + 1 if growth else 1
