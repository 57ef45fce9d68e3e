"""A drawing as a file: SVG, PNG or PDF, by the Graphviz that comes with pygraphviz."""

from __future__ import annotations

import threading
from typing import Final

import graphviz
import pygraphviz

__all__ = ["FORMATS", "render"]

FORMATS: Final = ("svg", "png", "pdf")

# Graphviz keeps global state: one drawing at a time in this process.
_GRAPHVIZ: Final = threading.Lock()


def render(drawing: graphviz.Digraph, form: str) -> bytes:
    """The picture as a file of one of `FORMATS`, made in this process.

    Raises:
        ValueError: There is no such format.
    """
    if form not in FORMATS:
        raise ValueError(f"form must be one of {', '.join(FORMATS)}, not {form!r}")
    with _GRAPHVIZ:
        graph = pygraphviz.AGraph(string=drawing.source)
        # Every position is given; without this, large graphs get a warning on standard error.
        graph.has_layout = True
        picture: bytes = graph.draw(format=form)
        graph.close()
    return picture
