"""Choose the blocks per stage for a depth: the rule of `ResNetSpec.from_depth`.

A depth counts the convolutions of the blocks (2 in a basic block, 3 in a bottleneck), the
stem and the classifier, so ``depth = convs_per_block * blocks + 2``.

The rule, for a total of n blocks:

1. Bottlenecks from 50 layers up and basic blocks below, as in He et al. 2015, Table 1; where
   the preferred kind does not divide the depth, the other kind.
2. Up to four blocks: one stage each.
3. Else four stages, interpolated between the published networks (8, 16, 33 and 50 blocks).
   Above 50 blocks the proportions of ResNet-152 go on until a stage is full; then the others
   fill up. Rounding is by largest remainder, so that the total is kept and a published depth
   gets exactly the published network.
4. Where four full stages do not hold the blocks: five stages or more, as few as do, with
   equally many blocks each; what is left over goes to the earlier stages, one block each. So
   every depth that a `ResNetSpec` can have is built.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

from resnet_viz.errors import SpecError, short_repr
from resnet_viz.network.validation import as_integer

__all__ = ["blocks_for_depth"]

_BOTTLENECK_FROM: Final = 50
_USUAL_STAGES: Final = 4

# Total blocks -> blocks per stage: the published networks between two ends.
_PUBLISHED: Final = (
    (1, 1, 1, 1),
    (2, 2, 2, 2),  # ResNet-18
    (3, 4, 6, 3),  # ResNet-34, ResNet-50
    (3, 4, 23, 3),  # ResNet-101
    (3, 8, 36, 3),  # ResNet-152
    (36, 96, 432, 36),  # twelve times ResNet-152
)


def blocks_for_depth(
    depth: int, convs_per_block: Mapping[str, int], most_blocks: int, most_stages: int
) -> tuple[str, tuple[int, ...]]:
    """Return the kind of block and the blocks per stage for a depth.

    Args:
        depth: Layers with weights.
        convs_per_block: The kinds of block to choose from, and what each adds to the depth.
        most_blocks: The maximum number of blocks of a stage.
        most_stages: The maximum number of stages, at least four.

    Raises:
        SpecError: No network has this depth; the message names the nearest depths.
    """
    whole = as_integer(depth)
    if whole is None:
        raise SpecError(f"depth must be a whole number, not {short_repr(depth)}.")
    depth = whole
    most = most_blocks * most_stages
    kinds = _kinds(depth, convs_per_block, most)
    if not kinds:
        raise SpecError(_refusal(depth, convs_per_block, most))
    preferred = "bottleneck" if depth >= _BOTTLENECK_FROM else "basic"
    kind = preferred if preferred in kinds else kinds[0]
    return kind, _spread((depth - 2) // convs_per_block[kind], most_blocks)


def _kinds(depth: int, convs_per_block: Mapping[str, int], most: int) -> list[str]:
    """The kinds of block of which a network of this depth can be made, of at most `most` blocks."""
    return [
        kind
        for kind, convs in convs_per_block.items()
        if (depth - 2) % convs == 0 and 1 <= (depth - 2) // convs <= most
    ]


def _refusal(depth: int, convs_per_block: Mapping[str, int], most: int) -> str:
    least = min(convs_per_block.values()) + 2
    deepest = max(convs_per_block.values()) * most + 2
    # No gap is wider than the largest number of convolutions in a block.
    reach = max(convs_per_block.values())
    down_from, up_from = min(depth, deepest), max(depth, least)
    below = [
        d
        for d in range(down_from, max(least, down_from - reach) - 1, -1)
        if _kinds(d, convs_per_block, most)
    ]
    above = [d for d in range(up_from, up_from + reach + 1) if _kinds(d, convs_per_block, most)]
    nearest = " and ".join(
        f"{d} ({' or '.join(_kinds(d, convs_per_block, most))})" for d in below[:1] + above[:1]
    )
    counted = ", ".join(f"{convs} per {kind} block" for kind, convs in convs_per_block.items())
    return (
        f"No ResNet has {short_repr(depth)} layers ({counted}, plus stem and fc); "
        f"the nearest that can be built: {nearest}."
    )


def _spread(total: int, most_blocks: int) -> tuple[int, ...]:
    """`total` blocks over the stages, by the rule above."""
    if total <= _USUAL_STAGES:
        return (1,) * total
    if total > _USUAL_STAGES * most_blocks:
        stages = -(-total // most_blocks)
        each, over = divmod(total, stages)
        return (each + 1,) * over + (each,) * (stages - over)
    anchors = (*_PUBLISHED, (most_blocks,) * _USUAL_STAGES)
    totals = [sum(anchor) for anchor in anchors]
    upper = bisect_left(totals, total)
    low, high = anchors[upper - 1], anchors[upper]
    span, offset = totals[upper] - totals[upper - 1], total - totals[upper - 1]
    scaled = [a * span + (b - a) * offset for a, b in zip(low, high, strict=True)]
    blocks = [value // span for value in scaled]
    # Largest remainder first; of equals, the earlier stage.
    by_remainder = sorted(range(_USUAL_STAGES), key=lambda i: -(scaled[i] % span))
    for stage in by_remainder[: total - sum(blocks)]:
        blocks[stage] += 1
    return tuple(blocks)
