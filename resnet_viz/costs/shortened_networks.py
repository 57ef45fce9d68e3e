"""Shorten networks to two blocks a stage; costs of longer ones follow from these.

From its second block on, a stage repeats itself: each further block works on the same grid with
the same channels as the second, and widens the receptive field as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from resnet_viz.costs.cost_plan import Plan, build_plan
from resnet_viz.network.layer_graph import Pair, read_graph
from resnet_viz.network.spec import ResNetSpec

__all__ = ["TELLING_BLOCKS", "field_growth", "short_plan", "short_spec"]

TELLING_BLOCKS: Final = 2
"""Of a stage: the first may stride, the second is like all others."""


def short_spec(spec: ResNetSpec) -> ResNetSpec:
    """The network with at most `TELLING_BLOCKS` blocks a stage."""
    return replace(spec, blocks=tuple(min(count, TELLING_BLOCKS) for count in spec.blocks))


def short_plan(spec: ResNetSpec) -> Plan:
    """The plan of `short_spec`.

    These plans have a cache of their own. Code that tries many networks would otherwise evict
    the plans of the networks on display from the cache of `make_plan`.
    """
    return _plan(short_spec(spec))


@lru_cache(maxsize=32)  # some hundred kilobytes each
def _plan(short: ResNetSpec) -> Plan:
    return build_plan(read_graph(short))


def field_growth(short: Plan) -> Mapping[str, Pair]:
    """Pixels that each stage's second block adds to the receptive field, rows and columns.

    Args:
        short: A plan of `short_plan`.

    Returns:
        By the block's path, such as ``layer1.1``; stages of one block have none.
    """
    fields = {step.operation.path: step.fields for step in short.steps}
    second = f".{TELLING_BLOCKS - 1}"
    return MappingProxyType(
        {
            block.path: (
                fields[block.output][0].size - fields[block.source][0].size,
                fields[block.output][1].size - fields[block.source][1].size,
            )
            for block in short.graph.blocks
            if block.path.endswith(second)
        }
    )
