"""Where the parts of a drawing stand: along the way of the data, and across it.

Wide, the way runs in lines like a book, each open stage on lines of its own under a common
band; narrow, for a phone, it is one column from top to bottom.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from resnet_viz.costs.profile_records import LayerProfile
from resnet_viz.views.graph.dot_canvas import Point
from resnet_viz.views.graph.open_parts import Part

__all__ = [
    "BADGE",
    "BOX",
    "GROUND_SLAB",
    "IMAGE",
    "NAME",
    "OP",
    "PLUS",
    "SLAB",
    "STAGE",
    "TITLE",
    "Flow",
    "Item",
    "Line",
    "Placed",
    "lay_out",
]

# Sizes in points: width, height.
BOX: Final[Point] = (86.0, 44.0)  # a closed block
OP: Final[Point] = (72.0, 30.0)
STAGE: Final[Point] = (98.0, 58.0)
IMAGE: Final[Point] = (86.0, 34.0)
BADGE: Final[Point] = (92.0, 18.0)
SLAB: Final[Point] = (88.0, 50.0)  # the largest picture of a tensor
GROUND_SLAB: Final = 26.0  # the height of the highest one on the ground of an open stage
PLUS: Final = 16.0
NAME: Final = 94.0  # width of what stands before the lines of an open stage
TITLE: Final = 15.0  # height of the name of an open block

_EDGE: Final = 4.0  # around everything
_BETWEEN: Final = 20.0  # from line to line: the way of what flows on, and its shape


@dataclass(frozen=True, slots=True)
class Flow:
    """The two directions on the page.

    Attributes:
        column: Whether the way runs from top to bottom, else from left to right.
    """

    column: bool

    def along(self, size: Point) -> float:
        """How long a shape is in the direction of the way."""
        return size[1] if self.column else size[0]

    def across(self, size: Point) -> float:
        """How far it reaches to both sides of the way."""
        return size[0] if self.column else size[1]

    def at(self, axis: float, along: float, across: float) -> Point:
        """A place on the page; shortcuts run at a positive distance across."""
        return (axis - across, along) if self.column else (along, axis + across)

    @property
    def gap(self) -> float:
        """From an addition to the next part: room for an arrow and a shape."""
        return 26.0 if self.column else 50.0

    @property
    def stage_gap(self) -> float:
        """From a closed stage to the next: room for a shape without an addition beside it."""
        return 26.0 if self.column else 59.0

    @property
    def small_gap(self) -> float:
        """Between operations."""
        return 21.0

    @property
    def after_plus(self) -> float:
        """From the addition to what follows it in an open block: two shapes stand above."""
        return self.small_gap if self.column else 55.0

    @property
    def reach(self) -> float:
        """From a box to its addition."""
        return 10.0 if self.column else 9.0

    @property
    def pad(self) -> float:
        """Inside the frame of an open block, before its first and after its last operation."""
        return 28.0 if self.column else 16.0

    @property
    def identity_lane(self) -> float:
        """Across, from the way to the shortcut of an open block that changes nothing."""
        return self.across(OP) / 2 + 8

    @property
    def lane(self) -> float:
        """Across, from the way to the shortcut beneath a closed block."""
        return (self.across(BOX) + self.across(BADGE)) / 2 + (6 if self.column else 4)

    @property
    def op_lane(self) -> float:
        """Across, from the way to the shortcut's operations in an open block."""
        return self.across(OP) + (self._label + 6)

    @property
    def _label(self) -> float:
        return 6.0 if self.column else 13.0

    @property
    def start(self) -> float:
        """Where a line's first part begins; before it stand the stage's name and the way in."""
        return 2 * _EDGE if self.column else 130.0

    @property
    def gutter(self) -> float:
        """The way down from line to line."""
        return 108.0

    @property
    def end(self) -> float:
        """Where lines end at the latest."""
        return 1050.0


@dataclass(frozen=True, slots=True)
class Item:
    """What takes a place in a line: a closed part, an open block, an operation, the image."""

    part: Part | None = None
    layer: LayerProfile | None = None

    def length(self, flow: Flow) -> float:
        """Along the way."""
        if self.layer is not None:
            return flow.along(OP)
        if self.part is None:
            return flow.along(IMAGE)
        if self.part.kind == "stage":
            return flow.along(STAGE)
        if not self.part.is_open:
            return flow.along(BOX) + flow.reach + PLUS
        row = [layer for layer in self.part.group.layers if layer.branch != "shortcut"]
        # Each operation but the addition is a box; the frame has room before and after.
        boxes = (len(row) - 1) * (flow.along(OP) + flow.small_gap)
        return 2 * flow.pad + boxes + PLUS + flow.after_plus - flow.small_gap

    def extent(self, flow: Flow) -> tuple[float, float]:
        """Across, before the way and beyond it, where the shortcut is."""
        if self.layer is not None:
            half = flow.across(OP) / 2
            return half + _LABEL[flow.column], half
        if self.part is None or self.part.kind == "stage":
            shape = IMAGE if self.part is None else STAGE
            half, group = flow.across(shape) / 2, self.part.group if self.part else None
            beyond = half + (flow.across(BADGE) + 6 if group and group.downsample else 0)
            flat = group is not None and len(group.output_shape) == 2
            return half + (0 if flat else flow.across(SLAB) + 10), beyond
        if not self.part.is_open:
            half = flow.across(BOX) / 2
            return max(half, _LABEL[flow.column]), flow.lane + flow.across(BADGE) / 2
        half = flow.across(OP) / 2
        title = 0.0 if flow.column else TITLE
        point = self.part.group.downsample
        beyond = flow.op_lane + max(half, flow.across(BADGE) / 2) if point else flow.identity_lane
        return half + _LABEL[flow.column] + title, beyond + 8


_LABEL: Final = {False: 12.0, True: 72.0}  # across, where the shape on an arrow stands


@dataclass(frozen=True, slots=True)
class Placed:
    """An item and where it begins along the way."""

    item: Item
    along: float


@dataclass(slots=True)
class Line:
    """Items beside each other, of one open stage or of closed ones.

    Attributes:
        stage: The open stage whose items these are; None for closed ones.
        placed: The items.
        before: Across, from the line's edge to the way.
        beyond: Across, from the way to the other edge.
        axis: The way's own place across.
        last: Where the last item ends.
    """

    stage: Part | None
    placed: list[Placed] = field(default_factory=list)
    before: float = 0.0
    beyond: float = 0.0
    axis: float = 0.0
    last: float = 0.0


def _items(part: Part) -> Iterator[Item]:
    """What stands on the lines of a stage."""
    if not part.is_open:
        yield Item(part)
    elif part.parts:
        yield from map(Item, part.parts)
    else:
        yield from (Item(layer=layer) for layer in part.group.layers)


def lay_out(parts: Sequence[Part], flow: Flow) -> list[Line]:
    """All lines with their items' places."""
    # Without open stages there are no names before the lines.
    start = flow.start if any(part.is_open for part in parts) else min(flow.start, 14.0)
    lines = [Line(None, [Placed(Item(), start)], last=start + flow.along(IMAGE))]
    for part in parts:
        stage = part if part.is_open else None
        fresh = stage is not None or _is_tall(lines) or (flow.column and bool(lines[-1].stage))
        for item in _items(part):
            _place(lines, item, stage, flow, fresh)
            fresh = False
    place = _EDGE
    for line in lines:
        _measure(line, flow)
        if flow.column:
            line.axis = _COLUMN_AXIS
        else:
            line.axis = place + line.before
            place = line.axis + line.beyond + _BETWEEN
    return lines


_COLUMN_AXIS: Final = 190.0
_HEADER: Final = 40.0  # along a column, the name of an open stage
_SMALLEST: Final = (30.0, 58.0)  # across, of a line with a stage's name and slab at its side


def _is_tall(lines: list[Line]) -> bool:
    """Whether the last stage is open and took more than one line: nothing may join it."""
    stage = lines[-1].stage
    return stage is not None and len(lines) > 1 and lines[-2].stage is stage


def _place(lines: list[Line], item: Item, stage: Part | None, flow: Flow, fresh: bool) -> None:
    """Append an item to the last line, or to a new one."""
    line, length = lines[-1], item.length(flow)
    begin = line.last + _gap(line.placed[-1].item, item, flow)
    if flow.column:
        if fresh:
            begin += 8 + (_HEADER if stage else 0)
            line = Line(stage)
            lines.append(line)
    elif fresh or begin + length > flow.end:
        line, begin = Line(stage), flow.start
        lines.append(line)
    line.placed.append(Placed(item, begin))
    line.last = begin + length


def _gap(before: Item, item: Item, flow: Flow) -> float:
    if before.layer and item.layer:
        return flow.small_gap
    closed = before.part is None or before.part.kind == "stage"
    return flow.stage_gap if closed and before.layer is None else flow.gap


def _measure(line: Line, flow: Flow) -> None:
    for placed in line.placed:
        before, beyond = placed.item.extent(flow)
        line.before = max(line.before, before + 6)
        line.beyond = max(line.beyond, beyond + 5)
    if line.stage and not flow.column:
        # The name and the slab of the stage need room at the side of its lines.
        line.beyond = max(line.beyond, sum(_SMALLEST) - line.before)
