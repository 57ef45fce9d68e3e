"""The marks that a drawing of the network is made of: boxes, additions, badges, arrows, slabs.

They know how things look and what they say, not where they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt
from typing import Literal

from resnet_viz.costs.profile_records import DownsampleProfile, LayerProfile, Profile
from resnet_viz.network.layer_graph import INPUT
from resnet_viz.units import percent, si
from resnet_viz.views.graph.dot_canvas import Canvas, Point
from resnet_viz.views.graph.layout import (
    BADGE,
    BOX,
    GROUND_SLAB,
    IMAGE,
    NAME,
    OP,
    PLUS,
    SLAB,
    STAGE,
)
from resnet_viz.views.inspector.filled_formulas import mismatch
from resnet_viz.views.palette import Theme, mix, stage_colour, stage_outline, theme
from resnet_viz.views.row_groups import COSTS, Group, chw, describe, window_text, windows_text

__all__ = ["Marks"]

_THIN, _THICK = 0.8, 3.4  # points: an arrow that carries nothing, and the one that carries most


class Marks:
    """Draws onto a canvas what belongs to one profile.

    Args:
        report: What is drawn.
        dark: Colours for a dark page.
        cost: What the bars in the nodes show: a key of `COSTS`.
        closed: The closed groups of the drawing: the dearest has the longest bar.
        grounds: The open stages, whose slabs stand on narrow ground.
    """

    def __init__(
        self,
        report: Profile,
        dark: bool,
        cost: str,
        closed: Sequence[Group],
        grounds: Sequence[Group],
    ) -> None:
        self.report, self.dark, self.cost = report, dark, cost
        self.theme: Theme = theme(dark)
        self.canvas = Canvas.new("ResNet, from the image to the classes", self.theme)
        costs = [getattr(row, cost) for row in report.layers]
        self._whole, self._most_operation = max(1, sum(costs)), max(1, *costs)
        self._most_closed = max([1, *(group.total(cost) for group in closed)])
        shapes = [report.layers[0].input_shapes[0], *(row.output_shape for row in report.layers)]
        self._largest = max(map(prod, shapes))
        self._side = max(max(shape[2:], default=1) for shape in shapes)
        self._channels = max(shape[1] for shape in shapes)
        opened = [max(group.output_shape[2:], default=0) for group in grounds]
        share = sqrt(max([1, *opened]) / self._side)
        self._slab_height = min(SLAB[1], GROUND_SLAB / share)

    # --- nodes ----------------------------------------------------------------------------

    def image(self, centre: Point, shape: tuple[int, ...]) -> None:
        """The input."""
        text, paper = f"image\n{chw(shape)}", self.theme.paper
        self.canvas.node(INPUT, text, centre, IMAGE, colour=self.theme.ink, fill=paper)

    def stage(self, group: Group, centre: Point) -> None:
        """A closed stage."""
        lines = (group.path, self._kind(group), chw(group.output_shape), self._cost_text(group))
        self._closed(group, "\n".join(lines), centre, STAGE)

    def block(self, group: Group, centre: Point) -> None:
        """A closed block, or a run of equal ones with two outlines."""
        if group.count == 1:
            what = windows_text(row for row in group.layers if row.branch == "main")
            text = f"{group.path}\n{what}\n{chw(group.output_shape)}"
            self._closed(group, text, centre, BOX)
            return
        last = str(group.layers[-1].block).split(".")[1]
        text = f"{group.path} … {last}\n× {group.count}\n{chw(group.output_shape)}"
        inner = (BOX[0] - 8, BOX[1] - 6)  # Graphviz draws the second outline 4 points outside
        self._closed(group, text, centre, inner, font=9.0, outlines=2)

    def _closed(
        self,
        group: Group,
        text: str,
        centre: Point,
        size: Point,
        font: float = 10.0,
        outlines: int = 1,
    ) -> None:
        value, stage = group.total(self.cost), group.layers[0].stage
        self.canvas.node(
            group.path,
            text,
            centre,
            size,
            colour=stage_outline(stage, self.dark),
            fill=self._bar(value / self._most_closed, stage),
            tooltip=group.describe() + self._share(value),
            font=font,
            outlines=outlines,
        )

    def ground(
        self,
        group: Group,
        centre: Point,
        size: Point,
        title: Literal["left", "right"] = "left",
        *,
        wide: bool = False,
    ) -> None:
        """What an open stage or block stands on, with its name; `wide`, on fewer lines."""
        stage = group.layers[0].stage
        is_stage = group.path == stage
        name, colour = group.path, stage_colour(stage)
        if is_stage:
            between = " · " if wide else "\n"
            facts = (self._kind(group), self._cost_text(group))
            name = "\n".join((f"{group.path}{between}{chw(group.output_shape)}", *facts))
        self.canvas.node(
            group.path,
            name,
            centre,
            size,
            colour=stage_outline(stage, self.dark),
            # The stage's tint is a veil, through which its slab is seen.
            fill=f"{colour}1F" if is_stage else mix(self.theme.paper, colour, 0.95),
            tooltip=group.describe() + self._share(group.total(self.cost)),
            title=title,
            room=NAME if is_stage and not wide else None,
        )

    def operation(self, row: LayerProfile, centre: Point) -> None:
        """An operation of an open part."""
        name = row.path.removeprefix(f"{row.block}.").replace("downsample.", "down.")
        value, shortcut = getattr(row, self.cost), row.branch == "shortcut"
        self.canvas.node(
            row.path,
            f"{name} {window_text(row)}".strip() + f"\n{chw(row.output_shape)}",
            centre,
            OP,
            colour=self.theme.badge_edge if shortcut else stage_outline(row.stage, self.dark),
            fill=self._bar(value / self._most_operation, row.stage),
            tooltip=describe(row) + self._share(value),
            font=9.0,
        )

    def plus(self, path: str, centre: Point) -> None:
        """The addition at the end of a block."""
        row = self.report.by_path[path]
        self.canvas.node(
            path,
            "+",
            centre,
            (PLUS, PLUS),
            colour=stage_outline(row.stage, self.dark),
            fill=self.theme.paper,
            shape="circle",
            style="filled",
            tooltip=f"{path}: F(x) + shortcut, {chw(row.output_shape)}",
            font=12.0,
        )

    def badge(
        self, point: DownsampleProfile, centre: Point, size: Point = BADGE, *, itself: bool = False
    ) -> None:
        """A hexagon with the reason of a downsample point; `itself`, its operation as well."""
        reasons = " + ".join(point.reasons)
        misfit = mismatch(self.report, point.block).replace(" ", "").replace("+", " + ")
        self.canvas.node(
            point.path,
            f"{reasons}\n{chw(point.output_shape)}" if itself else reasons,
            centre,
            size,
            colour=self.theme.badge_edge,
            fill=self.theme.badge,
            shape="hexagon",
            style="filled",
            tooltip=f"{point.path} ({reasons}): without it the addition would be {misfit}",
            font=9.0,
        )

    # --- what is no node ------------------------------------------------------------------

    def slab(self, centre: Point, shape: tuple[int, ...], stage: str) -> None:
        """A tensor: as high as its map and as wide as its channels, by their square roots."""
        height = self._slab_height * sqrt(max(shape[2:]) / self._side)
        width = SLAB[0] * sqrt(shape[1] / self._channels)
        fill = mix(stage_colour(stage), self.theme.paper, 0.45)
        outline = stage_outline(stage, self.dark)
        self.canvas.slab(centre, (max(width, 2.0), max(height, 2.0)), outline, fill)

    def arrow(
        self,
        source: str,
        target: str,
        points: Sequence[Point],
        shape: tuple[int, ...],
        *,
        dashed: bool = False,
        label: tuple[Point, float] | None = None,
    ) -> None:
        """What flows; its thickness follows the bytes. A `label` has a place and a size."""
        thickness = _THIN + (_THICK - _THIN) * sqrt(prod(shape) / self._largest)
        place, size = label or (None, 9.0)
        self.canvas.edge(
            source,
            target,
            points,
            label=chw(shape) if place else "",
            label_at=place,
            thickness=thickness,
            dashed=dashed,
            tooltip=f"{source} to {target}: {chw(shape)}",
            font=size,
        )

    # --- texts and tints ------------------------------------------------------------------

    def _kind(self, group: Group) -> str:
        if group.count:
            return f"{group.count} × {self.report.spec.block}"
        if group.path == "head":
            return "mean · fc"
        return ", ".join(window_text(row) for row in group.layers if row.kernel)

    def _cost_text(self, group: Group) -> str:
        value = group.total(self.cost)
        if self.cost == "output_bytes":
            return si(value, "B")
        return f"{si(value)} {'MACs' if self.cost == 'macs' else 'params'}"

    def _share(self, value: int) -> str:
        return f", {percent(value / self._whole)} of the {COSTS[self.cost]}"

    def _bar(self, share: float, stage: str) -> str:
        """A fill from the left: the cost as a share of the dearest node of its kind."""
        paper = self.theme.paper
        bar = mix(stage_colour(stage), paper, 0.3)
        if share <= 0.005:
            return paper
        return bar if share >= 0.995 else f"{bar};{share:.3f}:{paper}"
