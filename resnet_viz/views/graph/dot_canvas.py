"""A drawing with every position given, written as DOT.

Graphviz draws; it lays nothing out and routes nothing (``layout=nop2``), so a picture is the
same wherever it is drawn and keeps its shape when a number in it changes. Positions are in
points from the top left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import graphviz

from resnet_viz.views.palette import Theme

__all__ = ["Canvas", "Point"]

Point = tuple[float, float]

_FONT = "Helvetica,Arial,sans-serif"
# How things look if nothing else is said; what is said once is neither written nor read again.
_NODE = {
    "fontname": _FONT,
    "shape": "box",
    "style": "rounded,filled",
    "peripheries": "1",
    "labelloc": "c",
    "fixedsize": "shape",
    "margin": "0",
    "penwidth": "1.3",
}
_EDGE = {"fontname": _FONT, "fontsize": "9", "arrowsize": "0.5", "style": "solid"}
_CORNER = 7.0
_ARROW = 5.0


@dataclass(slots=True)
class Canvas:
    """A graphviz digraph under construction."""

    graph: graphviz.Digraph
    theme: Theme
    edges: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    ground: list[str] = field(default_factory=list)

    @classmethod
    def new(cls, title: str, theme: Theme) -> Canvas:
        """An empty drawing with a title for screen readers."""
        graph = graphviz.Digraph(engine="neato")  # overruled by `layout`
        graph.attr(
            layout="nop2",
            bgcolor=theme.paper,
            tooltip=graphviz.escape(title),
            fontname=_FONT,
            pad="0.03",
            outputorder="nodesfirst",
        )
        graph.attr("node", **_NODE, fontcolor=theme.ink)
        graph.attr("edge", **_EDGE, fontcolor=theme.faint, color=theme.faint)
        return cls(graph, theme)

    def node(
        self,
        path: str,
        text: str,
        centre: Point,
        size: Point,
        *,
        colour: str,
        fill: str,
        shape: str = "box",
        style: str = "rounded,filled",
        tooltip: str = "",
        title: Literal["", "left", "right"] = "",
        font: float = 10.0,
        room: float | None = None,
        outlines: int = 1,
    ) -> None:
        """A shape of a width and height around its centre; its id is the path it stands for.

        The text is made as small as the shape, or the `room` in it, asks for. A `title` stands
        at the upper left or right, one line below the edge, instead of in the middle.
        """
        end = {"": "\\n", "left": "\\l", "right": "\\r"}[title]
        look = {"shape": shape, "style": style, "peripheries": str(outlines)}
        look |= {"labelloc": "t", "fixedsize": "true", "margin": "0.09,0"} if title else {}
        label = _on_lines(text, end)
        if not title or room is not None:
            font = min(font, (room or size[0] - 4) / _widest(text))
        self.graph.node(
            graphviz.escape(path),
            label=graphviz.nohtml(f" {end}{label}{end}") if title else label,
            fontsize=f"{font:.3g}",
            id=graphviz.escape(path),
            pos=_position(centre),
            width=f"{size[0] / 72:.5g}",
            height=f"{size[1] / 72:.5g}",
            color=colour,
            fillcolor=fill,
            tooltip=_on_lines(tooltip or text, " · "),
            **{name: value for name, value in look.items() if _NODE[name] != value},
        )

    def edge(
        self,
        source: str,
        target: str,
        points: Sequence[Point],
        *,
        label: str = "",
        label_at: Point | None = None,
        thickness: float = 1.1,
        dashed: bool = False,
        tooltip: str = "",
        font: float = 9.0,
    ) -> None:
        """An arrow along a polyline with rounded corners, `thickness` points wide."""
        attributes = {"pos": _spline(points), "id": graphviz.escape(f"{source}->{target}")}
        if label and label_at:
            attributes |= {"label": graphviz.escape(label), "lp": _position(label_at)}
            attributes |= {"fontsize": f"{font:.3g}"} if font != float(_EDGE["fontsize"]) else {}
        if dashed:
            attributes["style"] = "dashed"
        attributes["penwidth"] = f"{thickness:.2g}"
        drawn = attributes | {
            "tooltip": graphviz.escape(tooltip or f"{source} to {target}: {label}")
        }
        self.edges.append((_plain(source), _plain(target), drawn))

    def slab(self, centre: Point, size: Point, outline: str, fill: str) -> None:
        """A rectangle behind everything, which is no node: the picture of a tensor."""
        (x, y), (width, height) = centre, size
        corners = [(x + i * width / 2, y + j * height / 2) for i, j in _AROUND]
        path = " ".join(f"{a:.5g} {-b:.5g}" for a, b in corners)
        # Graphviz's xdot language: a fill and a pen colour, then a filled polygon.
        self.ground.append(f"C 7 -{fill} c 7 -{outline} P 4 {path}")

    def finish(self) -> graphviz.Digraph:
        """The drawing; edges come last, since a node is drawn where it is first named."""
        if self.ground:
            self.graph.attr(_background=" ".join(self.ground))
        for source, target, attributes in self.edges:
            self.graph.edge(source, target, **attributes)
        self.edges.clear()
        return self.graph


def _widest(text: str) -> float:
    """Of the text's lines, in ems, as Helvetica's digits and letters are on average."""
    return max(map(len, text.split("\n"))) * 0.51


_AROUND = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def _position(point: Point) -> str:
    return f"{point[0]:.5g},{-point[1]:.5g}"


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
    return f"e,{_position(tip)} " + " ".join(map(_position, curve))


def _straight(start: Point, end: Point) -> list[Point]:
    return [
        _toward(start, end, _length(start, end) / 3),
        _toward(end, start, _length(start, end) / 3),
        end,
    ]


def _length(a: Point, b: Point) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)
