"""Every operation: a column a block, the main path beside the shortcut into the addition."""

from __future__ import annotations

from typing import Final

import graphviz

from resnet_viz.graph import INPUT
from resnet_viz.records import LayerProfile, Profile
from resnet_viz.units import si
from resnet_viz.views.canvas import Canvas, Point
from resnet_viz.views.outline import Group, blocks, chw, stages, window_text
from resnet_viz.views.palette import Theme, stage_colour, stage_tint

__all__ = ["draw_operations"]

_BOX: Final[Point] = (104.0, 30.0)
_STEP: Final = 50.0  # from an operation down to the next
_LANE: Final = 18.0  # room at the left of a block without a downsample point
_SHORTCUT: Final = _BOX[0] + 14.0  # and of a block with one
_GAP: Final = 30.0  # between blocks: the way up to the next one's top
_TOP: Final = 62.0  # from a row's top, past its name, to its first operations
_BETWEEN: Final = 30.0
_IN_A_ROW: Final = 6  # blocks before a stage goes on in a new row
_GUTTER: Final = 22.0


class _Pen:
    """Where the drawing is, and what flows out of the last thing drawn."""

    def __init__(self, report: Profile, theme: Theme, dark: bool) -> None:
        self.report, self.theme, self.dark = report, theme, dark
        self.canvas = Canvas.new("ResNet, operation by operation", theme)
        self.parts = stages(report)
        columns = [list(map(_width, row)) for part in self.parts for row in _rows(report, part)]
        flat = max(len(self.parts[0].layers) + 1, 4) * (_BOX[0] + 2 * _GAP)
        self.width = _GUTTER + _GAP + max([flat, *map(sum, columns)])
        self.top = 0.0
        self.exit: Point = (0.0, 0.0)

    def draw(self) -> graphviz.Digraph:
        """Stem, stages and head, from top to bottom."""
        for part in self.parts:
            rows = _rows(self.report, part)
            for row in rows:
                self._draw_row(part, row)
            if not rows:
                self._draw_line(part)
        return self.canvas.finish()

    def _draw_line(self, part: Group) -> None:
        """Stem and head: operations from left to right."""
        height = _TOP + 30
        self._band(part, part.path, height)
        axis, x = self.top + _TOP, _GUTTER + _GAP
        if part.source == INPUT:
            shape = chw(part.input_shape)
            self.canvas.node(
                INPUT,
                f"image\n{shape}",
                (x + _BOX[0] / 2, axis),
                _BOX,
                colour=self.theme.ink,
                fill=self.theme.paper,
                fontsize="10",
            )
            self.exit = (x + _BOX[0], axis)
            x += _BOX[0] + 2 * _GAP
        else:
            self._down_to(part.layers[0], (_GUTTER / 2, axis), (x, axis))
            self.exit = (x, axis)
        for layer in part.layers:
            if self.exit[0] < x:
                self._edge(layer, 0, [self.exit, (x, axis)], ((self.exit[0] + x) / 2, axis - 8))
            self._box(layer, (x + _BOX[0] / 2, axis))
            self.exit = (x + _BOX[0], axis)
            x += _BOX[0] + 2 * _GAP
        self.top += height + _BETWEEN

    def _draw_row(self, part: Group, row: tuple[Group, ...]) -> None:
        most = max(len([op for op in block.layers if op.branch != "shortcut"]) for block in row)
        height = _TOP + most * _STEP
        names = row[0].path if len(row) == 1 else f"{row[0].path} … {row[-1].path}"
        # The first row of a stage stands for the stage, each other for its first block.
        first = row[0].layers[0] is part.layers[0]
        self._band(part, names, height, part.path if first else row[0].path)
        x = _GUTTER + _GAP / 2
        above = self.top + _TOP - _BOX[1] / 2 - 10
        fork: Point = (_GUTTER / 2, above)
        for block in row:
            self._draw_block(block, x, above, fork)
            x += _width(block)
            fork = (x, above)
        self.top += height + _BETWEEN

    def _draw_block(self, block: Group, x: float, above: float, fork: Point) -> None:
        """The main path downwards, the shortcut at its left, both into the addition."""
        lane = _SHORTCUT if block.downsample else _LANE
        main_x = x + _GAP / 2 + lane + _BOX[0] / 2
        short_x = x + _GAP / 2 + _BOX[0] / 2 if block.downsample else x + _GAP / 2 + 6
        first_y = above + 10 + _BOX[1] / 2
        main = [layer for layer in block.layers if layer.branch == "main"]
        shortcut = [layer for layer in block.layers if layer.branch == "shortcut"]
        merge = [layer for layer in block.layers if layer.branch == "merge"]
        self._arrive(main[0], fork, [(main_x, above), (main_x, first_y - _BOX[1] / 2)])
        self._column(main, main_x, first_y)
        add_y = first_y + len(main) * _STEP
        into_add = [(short_x, add_y), (main_x - _BOX[0] / 2, add_y)]
        if shortcut:
            top = (short_x, first_y - _BOX[1] / 2)
            self._edge(shortcut[0], 0, [(short_x, above), top], None, dashed=True)
            self._column(shortcut, short_x, first_y, dashed=True)
            last_y = first_y + (len(shortcut) - 1) * _STEP + _BOX[1] / 2
            self._edge(merge[0], 1, [(short_x, last_y), *into_add], None, dashed=True)
        else:
            self._edge(merge[0], 1, [(short_x, above), *into_add], None, dashed=True)
        tip = (main_x, add_y - _BOX[1] / 2)
        below = (main_x, add_y - _STEP + _BOX[1] / 2)
        self._edge(merge[0], 0, [below, tip], (main_x + 34, (tip[1] + below[1]) / 2))
        self._column(merge, main_x, add_y)
        self.exit = (main_x, add_y + (len(merge) - 1) * _STEP + _BOX[1] / 2)

    def _column(
        self, layers: list[LayerProfile], x: float, y: float, *, dashed: bool = False
    ) -> None:
        for index, layer in enumerate(layers):
            centre = (x, y + index * _STEP)
            self._box(layer, centre)
            if index:
                start = (x, centre[1] - _STEP + _BOX[1] / 2)
                end = (x, centre[1] - _BOX[1] / 2)
                self._edge(layer, 0, [start, end], (x + 34, (start[1] + end[1]) / 2), dashed=dashed)

    def _arrive(self, layer: LayerProfile, fork: Point, way: list[Point]) -> None:
        """From the last block to the next one's top, beside it or down a row."""
        if fork[0] > _GUTTER:
            below = self.exit[1] + 8
            start = [self.exit, (self.exit[0], below), (fork[0], below), fork]
            self._edge(layer, 0, [*start, *way], None)
        else:
            self._down_to(layer, fork, *way)

    def _down_to(self, layer: LayerProfile, fork: Point, *way: Point) -> None:
        """From the end of the last row, through the space between, to this row's start."""
        between = self.top - _BETWEEN / 2 + 4
        # Blocks end at their foot, the stem at its right.
        turn = self.exit[0] if layer.inputs[0].count(".") else self.exit[0] + 14
        start = [self.exit, (turn, self.exit[1]), (turn, between), (fork[0], between), fork]
        points = [point for i, point in enumerate(start) if i == 0 or point != start[i - 1]]
        self._edge(layer, 0, [*points, *way], (fork[0] + 46, between - 7))

    def _edge(
        self,
        layer: LayerProfile,
        index: int,
        points: list[Point],
        label_at: Point | None,
        *,
        dashed: bool = False,
    ) -> None:
        """The arrow of one of a layer's inputs; where there is no room, the shape is a tooltip."""
        shape = chw(layer.input_shapes[index])
        source = layer.inputs[index]
        tooltip = f"{source} to {layer.path}: {shape}"
        self.canvas.edge(
            source,
            layer.path,
            points,
            label=shape,
            label_at=label_at,
            dashed=dashed,
            tooltip=tooltip,
        )

    def _band(self, part: Group, name: str, height: float, path: str = "") -> None:
        self.canvas.node(
            path or part.path,
            f"{name}   ·   {chw(part.output_shape)}   ·   {si(part.macs)} MACs",
            ((self.width + _GUTTER) / 2, self.top + height / 2),
            (self.width - _GUTTER, height),
            colour=stage_colour(part.path),
            fill=stage_tint(part.path, self.dark),
            tooltip=part.describe(),
            title=True,
        )

    def _box(self, layer: LayerProfile, centre: Point) -> None:
        point = layer.branch == "shortcut"
        name = layer.path.removeprefix(f"{layer.block}.").replace("downsample.", "down ")
        text = f"{name} {window_text(layer)}".strip() if layer.op != "add" else "+"
        self.canvas.node(
            layer.path,
            f"{text}\n{chw(layer.output_shape)}",
            centre,
            _BOX,
            colour=self.theme.badge_edge if point else stage_colour(layer.stage),
            fill=self.theme.badge if point else self.theme.paper,
            shape="hexagon" if point else "box",
            style="filled" if point else "rounded,filled",
            tooltip=f"{layer.path} ({layer.op}): {chw(layer.output_shape)}, {si(layer.macs)} MACs",
            fontsize="10",
        )


def _rows(report: Profile, part: Group) -> list[tuple[Group, ...]]:
    """The blocks of a stage, as many as stand beside each other; none in stem and head."""
    members = blocks(report, part)
    return [members[i : i + _IN_A_ROW] for i in range(0, len(members), _IN_A_ROW)]


def _width(block: Group) -> float:
    return _GAP + _BOX[0] + (_SHORTCUT if block.downsample else _LANE)


def draw_operations(report: Profile, theme: Theme, dark: bool) -> graphviz.Digraph:
    """One box an operation, a column a block, nothing folded."""
    return _Pen(report, theme, dark).draw()
