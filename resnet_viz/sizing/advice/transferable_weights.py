"""Which weights go over from one network to another."""

from __future__ import annotations

from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple

from resnet_viz.costs.shortened_networks import short_plan
from resnet_viz.network.spec import ResNetSpec
from resnet_viz.sizing.comparison.alignment import Shapes, state_shapes

__all__ = ["Weights", "compare_weights"]


class Weights(NamedTuple):
    """What becomes of a network's weights in another network.

    Attributes:
        adapted: Convolutions with other input channels, and else of the same shape.
        new: Layers with weights of another shape, or that were not there, outside new blocks.
        new_blocks: How many blocks were not there.
        unused_blocks: How many blocks are gone.
    """

    adapted: tuple[str, ...]
    new: tuple[str, ...]
    new_blocks: int
    unused_blocks: int

    @property
    def load(self) -> bool:
        """Whether all load as they are."""
        return not any(self)


@lru_cache(maxsize=256)
def compare_weights(before: ResNetSpec, after: ResNetSpec) -> Weights:
    """What becomes of the weights of one network in another, told by names and shapes."""
    old, new = _shapes(before), _shapes(after)
    changed = [path for path in new if _has(before, path) and new[path] != old.get(path)]
    adapted = [path for path in changed if path in old and _only_input(old[path], new[path])]
    counts = list(zip_longest(before.blocks, after.blocks, fillvalue=0))
    return Weights(
        adapted=tuple(adapted),
        new=tuple(path for path in changed if path not in adapted),
        new_blocks=sum(max(0, now - was) for was, now in counts),
        unused_blocks=sum(max(0, was - now) for was, now in counts),
    )


def _shapes(spec: ResNetSpec) -> dict[str, Shapes]:
    """What each layer keeps in the state dict, by path; of a stage two blocks, as all others."""
    graph = short_plan(spec).graph
    return {operation.path: state_shapes(operation) for operation in graph if operation.params}


def _only_input(old: Shapes, new: Shapes) -> bool:
    """Whether one convolution's weight is another's but for its input channels."""
    (_, was), (_, now) = old[0], new[0]
    return len(was) == len(now) == 4 and (was[0], was[2:]) == (now[0], now[2:])


def _has(spec: ResNetSpec, path: str) -> bool:
    """Whether a network has the block of a path; all have a stem and a head."""
    stage, block, *_ = (*path.split("."), "")
    if not stage.startswith("layer"):
        return True
    place = int(stage.removeprefix("layer"))
    return place <= len(spec.blocks) and int(block) < spec.blocks[place - 1]
