"""A drawing as a file: SVG, PNG or PDF, by the Graphviz that comes with pygraphviz."""

from __future__ import annotations

import threading
from typing import Final, Literal

import graphviz
import pygraphviz

__all__ = ["Format", "render"]

Format = Literal["svg", "png", "pdf"]

# Graphviz keeps global state: one drawing at a time in this process.
_GRAPHVIZ: Final = threading.Lock()


def render(drawing: graphviz.Digraph, form: Format) -> bytes:
    """The picture, in this process; no Graphviz program is needed."""
    with _GRAPHVIZ:
        graph = pygraphviz.AGraph(string=drawing.source)
        # Every position is given; without this, large graphs get a warning on standard error.
        graph.has_layout = True
        picture: bytes = graph.draw(format=form)
        graph.close()
    return picture
