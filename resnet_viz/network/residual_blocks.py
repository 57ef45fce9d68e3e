"""Find the operations that compute the parts of a residual block: x, F(x) and their sum."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_viz.errors import LayerError
from resnet_viz.network.layer_graph import LayerGraph

__all__ = ["BlockParts", "block_parts"]


@dataclass(frozen=True, slots=True)
class BlockParts:
    """The operations whose outputs meet in a block, ``relu(F(x) + x)``.

    Attributes:
        input: The operation that computes x.
        residual: The operation that computes F(x).
        shortcut: The operation that computes the other summand: x itself (then it equals
            `input`), or x converted to the shape of F(x).
        total: The operation that computes their sum.
        output: The operation that computes the block's output.
    """

    input: str
    residual: str
    shortcut: str
    total: str
    output: str


def block_parts(graph: LayerGraph, block: str) -> BlockParts:
    """Return the parts of a block of a graph.

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
