"""The network as a drawing: the walk from the image to the classes, part by part.

`flow` says where things stand, `marks` what they look like; here they are joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import graphviz

from resnet_viz.costs.profile_records import DownsampleProfile, LayerProfile, Profile
from resnet_viz.network.layer_graph import INPUT
from resnet_viz.views.graph.dot_canvas import Point
from resnet_viz.views.graph.layout import (
    BADGE,
    BOX,
    IMAGE,
    OP,
    PLUS,
    SLAB,
    STAGE,
    Flow,
    Item,
    Line,
    Placed,
    lay_out,
)
from resnet_viz.views.graph.node_shapes import Marks
from resnet_viz.views.graph.open_parts import Part
from resnet_viz.views.row_groups import Group, chw

__all__ = ["draw_parts"]

_FORK = 13.0  # before a closed block, where its shortcut leaves the way


class _Pen:
    """Where the drawing is, and what flows out of the last thing drawn."""

    def __init__(
        self, report: Profile, parts: Sequence[Part], dark: bool, cost: str, column: bool
    ) -> None:
        self.flow = Flow(column)
        opened = [part.group for part in parts if part.is_open]
        self.marks = Marks(report, dark, cost, list(_closed(parts)), opened)
        self.lines = lay_out(parts, self.flow)
        self.line = self.lines[0]
        self.source, self.shape = INPUT, parts[0].group.input_shape
        self.end = self.end_axis = 0.0  # where on the way the last thing ends

    def draw(self) -> graphviz.Digraph:
        """Everything, from the image to the classes."""
        for stage in {line.stage.path: line.stage for line in self.lines if line.stage}.values():
            self._stage_ground(stage.group)
        for line in self.lines:
            self.line = line
            for placed in line.placed:
                self._item(placed)
        return self.marks.canvas.finish()

    def _item(self, placed: Placed) -> None:
        item, along = placed.item, placed.along
        if item.layer is not None:
            self._operation(item.layer, along, near=along - self.end <= self.flow.small_gap)
        elif item.part is None:
            self.marks.image(self._middle(along, IMAGE), self.shape)
            self._slab_beside(along, IMAGE, self.shape, "")
            self._leave(INPUT, along + self.flow.along(IMAGE), self.shape)
        elif item.part.kind == "stage":
            self._closed_stage(item.part.group, along)
        elif item.part.is_open:
            self._open_block(item.part.group, along, item)
        else:
            self._closed_block(item.part.group, along)

    # --- places ---------------------------------------------------------------------------

    def _at(self, along: float, across: float = 0.0) -> Point:
        """A place in the present line."""
        return self.flow.at(self.line.axis, along, across)

    def _middle(self, along: float, size: Point, across: float = 0.0) -> Point:
        return self._at(along + self.flow.along(size) / 2, across)

    def _leave(self, path: str, along: float, shape: tuple[int, ...]) -> None:
        self.source, self.end, self.end_axis, self.shape = path, along, self.line.axis, shape

    # --- parts ----------------------------------------------------------------------------

    def _closed_stage(self, group: Group, along: float) -> None:
        self._arrive(group.path, along)
        self.marks.stage(group, self._middle(along, STAGE))
        if len(group.output_shape) == 4:
            self._slab_beside(along, STAGE, group.output_shape, group.path)
        if group.downsample:
            across = (self.flow.across(STAGE) + self.flow.across(BADGE)) / 2 + 3
            self.marks.badge(group.downsample, self._middle(along, STAGE, across))
        self._leave(group.path, along + self.flow.along(STAGE), group.output_shape)

    def _closed_block(self, group: Group, along: float) -> None:
        """A box, its addition, and the shortcut beneath both."""
        flow, source, entering = self.flow, self.source, self.shape
        self._arrive(group.path, along)
        self.marks.block(group, self._middle(along, BOX))
        end = along + flow.along(BOX)
        plus = end + flow.reach + PLUS / 2
        self._arrow(group.path, group.add, [(end, 0), (plus - PLUS / 2, 0)], group.output_shape)
        self.marks.plus(group.add, self._at(plus))
        fork, middle = along - _FORK, along + flow.along(BOX) / 2
        way = [(fork, 0), (fork, flow.lane), (plus, flow.lane), (plus, PLUS / 2)]
        if group.downsample is None:
            self._arrow(source, group.add, way, entering, dashed=True)
        else:
            point, half = group.downsample, flow.along(BADGE) / 2
            self.marks.badge(point, self._at(middle, flow.lane))
            way_in, way_out = (middle - half, flow.lane), (middle + half, flow.lane)
            self._arrow(source, point.path, [*way[:2], way_in], entering, dashed=True)
            self._arrow(point.path, group.add, [way_out, *way[2:]], point.output_shape, dashed=True)
        self._leave(group.add, plus + PLUS / 2, group.output_shape)

    def _open_block(self, group: Group, along: float, item: Item) -> None:
        """Its operations: the main path, and beside it the shortcut, both into the addition."""
        flow, source, entering = self.flow, self.source, self.shape
        self._block_ground(group, along, item)
        rows = [row for row in group.layers if row.branch != "shortcut"]
        start = along + flow.pad
        for row in rows:
            if row.path == group.add:
                self._arrive(row.path, start, near=True)
                self.marks.plus(row.path, self._at(start + PLUS / 2))
                self._shortcut(group, source, entering, along + 6, start + PLUS / 2)
                self._leave(row.path, start + PLUS, row.output_shape)
                start += PLUS + flow.after_plus
            else:
                self._operation(row, start, near=row is not rows[0])
                start += flow.along(OP) + flow.small_gap

    def _operation(self, row: LayerProfile, along: float, *, near: bool) -> None:
        self._arrive(row.path, along, near=near)
        self.marks.operation(row, self._middle(along, OP))
        self._leave(row.path, along + self.flow.along(OP), row.output_shape)

    def _shortcut(
        self, group: Group, source: str, entering: tuple[int, ...], fork: float, plus: float
    ) -> None:
        """The second way into the addition of an open block."""
        if group.downsample is None:
            lane = self.flow.identity_lane
            way = [(fork, 0), (fork, lane), (plus, lane), (plus, PLUS / 2)]
            self._arrow(source, group.add, way, entering, dashed=True)
            return
        lane, point = self.flow.op_lane, group.downsample
        last, end = self._projection(group, point, source, entering, fork)
        way = [(end, lane), (plus, lane), (plus, PLUS / 2)]
        self._arrow(last, group.add, way, point.output_shape, dashed=True)

    def _projection(
        self,
        group: Group,
        point: DownsampleProfile,
        source: str,
        entering: tuple[int, ...],
        fork: float,
    ) -> tuple[str, float]:
        """The badge and the operations of a shortcut; the last one and where it ends."""
        flow, begin, lane = self.flow, fork + 14, self.flow.op_lane
        rows = [row for row in group.layers if row.branch == "shortcut"]
        itself = rows[0].path == point.path  # the zero padding is one operation
        size = (BADGE[0], OP[1]) if itself else BADGE
        self.marks.badge(point, self._middle(begin, size, lane), size, itself=itself)
        way = [(fork, 0), (fork, lane), (begin, lane)]
        self._arrow(source, point.path, way, entering, dashed=True)
        last, end = point.path, begin + flow.along(size)
        for row in [] if itself else rows:
            begin = end + flow.small_gap
            shape = row.input_shapes[0]
            # In a column there is no room beside; the box before says it, too.
            label = None if flow.column else self._label(end, begin, shape, lane, near=True)
            self._arrow(last, row.path, [(end, lane), (begin, lane)], shape, True, label)
            self.marks.operation(row, self._middle(begin, OP, lane))
            last, end = row.path, begin + flow.along(OP)
        return last, end

    # --- arrows ---------------------------------------------------------------------------

    def _arrow(
        self,
        source: str,
        target: str,
        way: Sequence[Point],
        shape: tuple[int, ...],
        dashed: bool = False,
        label: tuple[Point, float] | None = None,
    ) -> None:
        """Along places in the present line."""
        points = [self._at(*stop) for stop in way]
        self.marks.arrow(source, target, points, shape, dashed=dashed, label=label)

    def _arrive(self, target: str, along: float, *, near: bool = False) -> None:
        """The arrow from the last thing to a box that begins here; `near`, boxes stand close."""
        if self.end_axis == self.line.axis:
            label = self._label(self.end, along, self.shape, 0.0, near=near)
            way = [(self.end, 0.0), (along, 0.0)]
            self._arrow(self.source, target, way, self.shape, False, label)
            return
        # From the end of the last line to the start of this one, through the space between.
        gutter, back = self.flow.gutter, self.end_axis - self.line.axis
        turn, between = self.end + 9, -self.line.before - 5
        way = [(self.end, back), (turn, back), (turn, between)]
        way += [(gutter, between), (gutter, 0.0), (along, 0.0)]
        label = (self._at(gutter + 42, between - 7), 9.0)
        self._arrow(self.source, target, way, self.shape, False, label)

    def _label(
        self, start: float, end: float, shape: tuple[int, ...], across: float, *, near: bool
    ) -> tuple[Point, float]:
        """Where the shape on a straight arrow stands, and in which size."""
        width, middle = 4.6 * len(chw(shape)), (start + end) / 2
        after_plus = self.source.endswith(".add")
        if self.flow.column:
            return self._at(max(middle, end - 13), across - 5 - width / 2), 9.0
        if near:  # above the boxes, which stand close
            if after_plus and across == 0:
                # Clear of the shape that enters the addition.
                return self._at(end - 4, -OP[1] / 2 - 6), min(9.0, 9 * 70 / width)
            return self._at(middle, across - OP[1] / 2 - 6), min(9.0, 9 * 86 / width)
        # Above the arrow, and above the addition at its start if there is one.
        # The button that opens the box before is at its corner.
        room = end - start + (PLUS + self.flow.reach - 8 if after_plus else -2)
        return self._at(end - room / 2, across - PLUS / 2 - 5), min(9.0, 9 * room / width)

    # --- grounds --------------------------------------------------------------------------

    def _stage_ground(self, group: Group) -> None:
        """An open stage's tinted ground, its name and its tensor."""
        column = self.flow.column
        left, top, right, bottom = self._extent(group)
        if len(group.output_shape) == 4:
            across = right - SLAB[0] / 2 - 8 if column else left + 52
            self.marks.slab((across, top + (26 if column else 74)), group.output_shape, group.path)
        centre, size = ((left + right) / 2, (top + bottom) / 2), (right - left, bottom - top)
        self.marks.ground(group, centre, size, wide=column)

    def _extent(self, group: Group) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the lines of an open stage."""
        lines = [line for line in self.lines if line.stage and line.stage.path == group.path]
        if self.flow.column:
            return 4.0, lines[0].placed[0].along - 50, 340.0, lines[0].last + 8
        top, bottom = lines[0].axis - lines[0].before, lines[-1].axis + lines[-1].beyond
        own = [placed for line in lines for placed in line.placed if _is_inside(placed, line)]
        right = max(placed.along + placed.item.length(self.flow) for placed in own)
        return 4.0, top, right + 4, bottom

    def _block_ground(self, group: Group, along: float, item: Item) -> None:
        before, beyond = item.extent(self.flow)
        (x0, y0), (x1, y1) = (
            self._at(along, -before),
            self._at(along + item.length(self.flow), beyond),
        )
        centre, size = ((x0 + x1) / 2, (y0 + y1) / 2), (abs(x1 - x0), abs(y1 - y0))
        # In a column, the shortcut forks off at the left.
        self.marks.ground(group, centre, size, "right" if self.flow.column else "left")

    def _slab_beside(self, along: float, size: Point, shape: tuple[int, ...], stage: str) -> None:
        """A tensor's picture above a box, or right of it in a column."""
        away = -(self.flow.across(size) + self.flow.across(SLAB)) / 2 - 8
        self.marks.slab(self._middle(along, size, away), shape, stage)


def _closed(parts: Sequence[Part]) -> Iterator[Group]:
    for part in parts:
        if part.is_open:
            yield from _closed(part.parts)
        else:
            yield part.group


def _is_inside(placed: Placed, line: Line) -> bool:
    """Whether it is the line's stage's own: a short line is shared with closed stages."""
    part = placed.item.part
    return part is None or part.kind != "stage" or part is line.stage


def draw_parts(
    report: Profile, parts: Sequence[Part], dark: bool, cost: str, column: bool
) -> graphviz.Digraph:
    """The drawing of `parts`, with bars for one of `COSTS`; a single column for a phone."""
    return _Pen(report, parts, dark, cost, column).draw()
