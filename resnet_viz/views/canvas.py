"""A drawing with every position given, written as DOT.

Graphviz draws; it lays nothing out and routes nothing (``layout=nop2``), so a picture is the
same wherever it is drawn and keeps its shape when a number in it changes. Positions are in
points from the top left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import graphviz

from resnet_viz.views.palette import Theme

__all__ = ["Canvas", "Point"]

Point = tuple[float, float]

_FONT = "Helvetica,Arial,sans-serif"
_CORNER = 8.0
_ARROW = 7.0


@dataclass(slots=True)
class Canvas:
    """A graphviz digraph under construction."""

    graph: graphviz.Digraph
    theme: Theme
    edges: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    @classmethod
    def new(cls, title: str, theme: Theme) -> Canvas:
        """An empty drawing with a title for screen readers."""
        graph = graphviz.Digraph(engine="neato")  # overruled by `layout`
        graph.attr(
            layout="nop2",
            bgcolor="transparent",
            tooltip=graphviz.escape(title),
            fontname=_FONT,
            pad="0.08",
            outputorder="nodesfirst",
        )
        graph.attr("node", fontname=_FONT, fixedsize="shape", fontsize="11", penwidth="1.4")
        graph.attr("edge", fontname=_FONT, fontsize="9", arrowsize="0.7", penwidth="1.1")
        return cls(graph, theme)

    def node(
        self,
        path: str,
        text: str,
        centre: Point,
        size: Point,
        *,
        colour: str,
        fill: str = "none",
        shape: str = "box",
        style: str = "rounded,filled",
        tooltip: str = "",
        title: bool = False,
        **attributes: str,
    ) -> None:
        """A shape of a width and height around its centre; its id is the path it stands for."""
        # A title stands one line below the upper edge, clear of the outline. (An empty line
        # without the space breaks the Graphviz that st.graphviz_chart runs in the browser.)
        label = _on_lines(text, "\\n")
        self.graph.node(
            graphviz.escape(path),
            label=f" \\l{label}\\l" if title else label,
            id=graphviz.escape(path),
            pos=f"{centre[0]:g},{-centre[1]:g}",
            width=f"{size[0] / 72:g}",
            height=f"{size[1] / 72:g}",
            shape=shape,
            style=style,
            color=colour,
            fillcolor=fill,
            fontcolor=self.theme.ink,
            labelloc="t" if title else "c",
            fixedsize="true" if title else "shape",
            margin="0.12,0" if title else "0",
            tooltip=_on_lines(tooltip or text, " · "),
            **attributes,
        )

    def edge(
        self,
        source: str,
        target: str,
        points: Sequence[Point],
        *,
        label: str = "",
        label_at: Point | None = None,
        dashed: bool = False,
        tooltip: str = "",
    ) -> None:
        """An arrow along a polyline with rounded corners."""
        attributes = {"pos": _spline(points)}
        if label and label_at:
            attributes |= {
                "label": graphviz.escape(label),
                "lp": f"{label_at[0]:g},{-label_at[1]:g}",
                "fontcolor": self.theme.faint,
            }
        ends = (_plain(source), _plain(target))
        drawn = dict(
            color=self.theme.faint,
            style="dashed" if dashed else "solid",
            tooltip=graphviz.escape(tooltip or f"{source} to {target}: {label}"),
            **attributes,
        )
        self.edges.append((*ends, drawn))

    def finish(self) -> graphviz.Digraph:
        """The drawing; edges come last, since a node is drawn where it is first named."""
        for source, target, attributes in self.edges:
            self.graph.edge(source, target, **attributes)
        self.edges.clear()
        return self.graph


def _on_lines(text: str, separator: str) -> Any:
    """Escaped, with something else for line ends; `replace` forgets that it is no HTML."""
    return graphviz.nohtml(graphviz.escape(text).replace("\n", separator))


def _plain(name: str) -> str:
    return str(graphviz.escape(name))


def _toward(start: Point, end: Point, distance: float) -> Point:
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5 or 1.0
    share = min(distance / length, 1.0)
    return (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)


def _spline(points: Sequence[Point]) -> str:
    """Graphviz's ``splineType``: an end point, then cubic Béziers along rounded corners."""
    tip = points[-1]
    stops = [*points[:-1], _toward(tip, points[-2], _ARROW)]
    curve = [stops[0]]
    for before, corner, after in zip(stops, stops[1:], stops[2:], strict=False):
        radius_in = min(_CORNER, _length(before, corner) / 2)
        radius_out = min(_CORNER, _length(corner, after) / 2)
        enter, leave = _toward(corner, before, radius_in), _toward(corner, after, radius_out)
        curve += [*_straight(curve[-1], enter), corner, corner, leave]
    curve += _straight(curve[-1], stops[-1])
    return f"e,{tip[0]:g},{-tip[1]:g} " + " ".join(f"{x:.5g},{-y:.5g}" for x, y in curve)


def _straight(start: Point, end: Point) -> list[Point]:
    return [
        _toward(start, end, _length(start, end) / 3),
        _toward(end, start, _length(start, end) / 3),
        end,
    ]


def _length(a: Point, b: Point) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)
