"""The parts of a residual block, by the names of the layers that yield them."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_viz.errors import LayerError
from resnet_viz.network.layer_graph import LayerGraph

__all__ = ["BlockParts", "block_parts"]


@dataclass(frozen=True, slots=True)
class BlockParts:
    """The operations whose outputs meet in a block, ``relu(F(x) + x)``.

    Attributes:
        input: Yields x.
        residual: Yields F(x).
        shortcut: Yields what is added to it: x itself (then it equals `input`), or x brought to
            the shape of F(x).
        total: Yields their sum.
        output: Yields the block's output.
    """

    input: str
    residual: str
    shortcut: str
    total: str
    output: str


def block_parts(graph: LayerGraph, block: str) -> BlockParts:
    """The parts of a block, read off the graph.

    Args:
        graph: The network.
        block: A residual block, such as ``layer1.0``.

    Raises:
        LayerError: The network has no such block.
    """
    total = graph.by_path.get(f"{block}.add")
    if total is None or total.block != block:
        first, last = graph.blocks[0].path, graph.blocks[-1].path
        raise LayerError(
            f"This network has no residual block {block[:80]!r}; its blocks are {first} to {last}."
        )
    residual, shortcut = total.inputs
    source = residual
    while graph.by_path[source].block == block:
        source = graph.by_path[source].inputs[0]
    return BlockParts(source, residual, shortcut, total.path, graph.outputs[block])
