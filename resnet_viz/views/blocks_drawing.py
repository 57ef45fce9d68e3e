"""The block graph: one row a stage, read like a book."""

from __future__ import annotations

from typing import Final

import graphviz

from resnet_viz.graph import INPUT
from resnet_viz.records import LayerProfile, Profile
from resnet_viz.units import si
from resnet_viz.views.canvas import Canvas, Point
from resnet_viz.views.outline import Group, Run, chw, runs, stages, window_text
from resnet_viz.views.palette import Theme, stage_colour, stage_tint

__all__ = ["draw_blocks"]

_GUTTER: Final = 22.0  # left of the rows: the way down from row to row
_LEFT: Final = _GUTTER + 30  # where every row's first box begins
_BOX: Final[Point] = (84.0, 38.0)
_PLUS: Final = 18.0
_ASIDE: Final = 4.0  # shortcuts enter an addition left of its middle and leave right of it
_BADGE: Final[Point] = (112.0, 20.0)
_TO_PLUS: Final = 13.0  # from a box to its addition
_GAP: Final = 71.0  # from an addition to the next box: room for a shape
_CELL: Final = _BOX[0] + _TO_PLUS + _PLUS + _GAP
_ABOVE: Final = 49.0  # from a row's top, past its name, to its axis: the main path
_BELOW: Final = 33.0  # from the axis down to the shortcuts
_FLAT: Final = _ABOVE + 27  # height of a row without shortcuts
_TALL: Final = _ABOVE + _BELOW + 16
_BETWEEN: Final = 25.0  # from row to row: the way of what flows on, and its shape


class _Pen:
    """Where the drawing is, and what flows out of the last thing drawn."""

    def __init__(self, report: Profile, theme: Theme, dark: bool) -> None:
        self.report, self.theme, self.dark = report, theme, dark
        self.canvas = Canvas.new("ResNet, block by block", theme)
        stem, *middle, head = stages(report)
        self.rows = tuple((part, runs(report, part)) for part in middle)
        self.width = _LEFT + _CELL * max([3, *(len(folded) for _, folded in self.rows)]) - 44
        self.top = 0.0
        self.source, self.exit, self.shape = INPUT, (0.0, 0.0), stem.input_shape
        self.stem, self.head = stem, head

    @property
    def axis(self) -> float:
        """The height at which the row's main path runs."""
        return self.top + _ABOVE

    def draw(self) -> graphviz.Digraph:
        """Stem, stages and head, from top to bottom."""
        self._draw_stem()
        for part, folded in self.rows:
            self._draw_stage(part, folded)
        self._draw_head()
        return self.canvas.finish()

    def _draw_stem(self) -> None:
        self._band(self.stem, ("stem", chw(self.stem.output_shape)), _FLAT)
        self._box(INPUT, f"image\n{chw(self.shape)}", _LEFT, INPUT, f"image, {chw(self.shape)}")
        self.exit = (_LEFT + _BOX[0], self.axis)
        windows = [layer for layer in self.stem.layers if layer.kernel]
        pools = [layer for layer in windows if layer.op == "max_pool2d"]
        convs = [layer for layer in windows if layer.op == "conv2d"]
        # The convolutions of a deep stem live in one container, conv1.
        self._stem_box("conv1", convs, _LEFT + _CELL)
        if pools:
            self._stem_box("maxpool", pools, _LEFT + 2 * _CELL)
        self.top += _FLAT + _BETWEEN

    def _stem_box(self, path: str, layers: list[LayerProfile], x: float) -> None:
        self._along_axis(path, x)
        windows = _windows(layers)
        self._box(path, f"{path}\n{windows}", x, "stem", f"{path}: {windows}")
        self.source, self.exit = path, (x + _BOX[0], self.axis)
        self.shape = layers[-1].output_shape

    def _draw_stage(self, part: Group, folded: tuple[Run, ...]) -> None:
        count = sum(len(run.blocks) for run in folded)
        lines = (part.path, chw(part.output_shape), f"{count} × {self.report.spec.block}")
        self._band(part, lines, _TALL)
        self._from_last_row(folded[0].path)
        start: Point = (_GUTTER / 2, self.axis)
        x = _LEFT
        for run in folded:
            if x > _LEFT:
                self._along_axis(run.path, x)
            self._draw_run(run, x, start, part.path)
            start = (self.exit[0] - _PLUS / 2 + _ASIDE, self.axis + _PLUS / 2 - 2)
            x += _CELL
        self.top += _TALL + _BETWEEN

    def _draw_run(self, run: Run, x: float, start: Point, stage: str) -> None:
        """A box, its addition, and the shortcut from `start` beneath them."""
        first, last = run.blocks[0], run.blocks[-1]
        add, colour = f"{last.path}.add", stage_colour(stage)
        main = [row for row in first.layers if row.branch == "main" and row.op == "conv2d"]
        name, text = first.path, _windows(main)
        if len(run.blocks) > 1:
            name, text = f"{first.path} … {last.path.split('.')[1]}", f"× {len(run.blocks)}"
        tooltip = " and ".join(dict.fromkeys((first.describe(), last.describe())))
        self._box(run.path, f"{name}\n{text}", x, stage, tooltip, 2 if len(run.blocks) > 1 else 1)
        plus = (x + _BOX[0] + _TO_PLUS + _PLUS / 2, self.axis)
        shape = chw(last.output_shape)
        self.canvas.node(
            add,
            "+",
            plus,
            (_PLUS, _PLUS),
            colour=colour,
            fill=self.theme.paper,
            shape="circle",
            style="filled",
            tooltip=f"{add}: F(x) + shortcut, {shape}",
        )
        into = [(x + _BOX[0], self.axis), (plus[0] - _PLUS / 2, self.axis)]
        self.canvas.edge(run.path, add, into, tooltip=f"F(x), {shape}")
        self._draw_shortcut(first, add, x, start, (plus[0] - _ASIDE, self.axis + _PLUS / 2 - 2))
        self.source, self.exit = add, (plus[0] + _PLUS / 2, self.axis)
        self.shape = last.output_shape

    def _draw_shortcut(self, block: Group, add: str, x: float, start: Point, end: Point) -> None:
        """The second path into the addition, with a badge where it changes the shape."""
        below = self.axis + _BELOW
        point = block.downsample
        if point is None:
            way = [start, (start[0], below), (end[0], below), end]
            identity = f"identity, {chw(self.shape)}"
            self.canvas.edge(self.source, add, way, dashed=True, tooltip=identity)
            return
        centre = (x + _BOX[0] / 2, below)
        before, after = chw(point.input_shape), chw(point.output_shape)
        reasons = " + ".join(point.reasons)
        self.canvas.node(
            point.path,
            reasons,
            centre,
            _BADGE,
            colour=self.theme.badge_edge,
            fill=self.theme.badge,
            shape="hexagon",
            style="filled",
            tooltip=f"{point.path} ({reasons}): {before} to {after}",
            fontsize="10",
        )
        way_in = [start, (start[0], below), (centre[0] - _BADGE[0] / 2, below)]
        way_out = [(centre[0] + _BADGE[0] / 2, below), (end[0], below), end]
        self.canvas.edge(self.source, point.path, way_in, dashed=True, tooltip=f"x, {before}")
        self.canvas.edge(point.path, add, way_out, dashed=True, tooltip=f"shortcut, {after}")

    def _draw_head(self) -> None:
        pool, fc = self.head.layers[0], self.head.layers[-1]
        self._band(self.head, ("head", f"{self.report.spec.num_classes} classes"), _FLAT)
        self._from_last_row(pool.path)
        grid = f"mean of {pool.input_shapes[0][2]} × {pool.input_shapes[0][3]}"
        self._box(pool.path, f"{pool.path}\n{grid}", _LEFT, "head", f"{pool.path}: {grid}")
        self.source, self.exit = pool.path, (_LEFT + _BOX[0], self.axis)
        self.shape = pool.output_shape
        self._along_axis(fc.path, _LEFT + _CELL)
        linear = f"{fc.input_shapes[0][1]} → {fc.output_shape[1]}"
        self._box(fc.path, f"{fc.path}\n{linear}", _LEFT + _CELL, "head", f"{fc.path}: {linear}")

    def _band(self, part: Group, lines: tuple[str, ...], height: float) -> None:
        """A row's tinted ground, with its name at the top left."""
        self.canvas.node(
            part.path,
            "   ·   ".join((*lines, f"{si(part.macs)} MACs")),
            ((self.width + _GUTTER) / 2, self.top + height / 2),
            (self.width - _GUTTER, height),
            colour=stage_colour(part.path),
            fill=stage_tint(part.path, self.dark),
            tooltip=part.describe(),
            title=True,
        )

    def _box(
        self, path: str, text: str, x: float, stage: str, tooltip: str, outlines: int = 1
    ) -> None:
        self.canvas.node(
            path,
            text,
            (x + _BOX[0] / 2, self.axis),
            _BOX,
            colour=stage_colour(stage),
            fill=self.theme.paper,
            tooltip=tooltip,
            peripheries=str(outlines),
        )

    def _along_axis(self, target: str, x: float) -> None:
        """The arrow to the next box in the row."""
        label_at = ((self.exit[0] + x) / 2 - 4, self.axis - 8)
        way = [self.exit, (x, self.axis)]
        self.canvas.edge(self.source, target, way, label=chw(self.shape), label_at=label_at)

    def _from_last_row(self, target: str) -> None:
        """The arrow from the end of the last row to the start of this one, between the two."""
        turn, between, fork = self.exit[0] + 14, self.top - _BETWEEN / 2 + 3, _GUTTER / 2
        way = [self.exit, (turn, self.exit[1]), (turn, between), (fork, between)]
        way += [(fork, self.axis), (_LEFT, self.axis)]
        label_at = (fork + 46, between - 7)
        self.canvas.edge(self.source, target, way, label=chw(self.shape), label_at=label_at)


def _windows(layers: list[LayerProfile]) -> str:
    return ", ".join(map(window_text, layers))


def draw_blocks(report: Profile, theme: Theme, dark: bool) -> graphviz.Digraph:
    """One box a block, its addition and its shortcut; long runs of equal blocks fold."""
    return _Pen(report, theme, dark).draw()
