"""The whole network in one row: input, stem, stages, head."""

from __future__ import annotations

import graphviz

from resnet_viz.graph import INPUT
from resnet_viz.records import Profile
from resnet_viz.units import si
from resnet_viz.views.canvas import Canvas
from resnet_viz.views.outline import Group, chw, stages
from resnet_viz.views.palette import Theme, stage_colour, stage_tint

__all__ = ["draw_stages"]

_WIDTH, _HEIGHT, _GAP = 122.0, 64.0, 84.0


def draw_stages(report: Profile, theme: Theme, dark: bool) -> graphviz.Digraph:
    """One node a stage, an edge with the shape between neighbours."""
    canvas = Canvas.new("ResNet by stages", theme)
    parts = stages(report)
    entry = parts[0].input_shape
    canvas.node(INPUT, f"image\n{chw(entry)}", (0, 0), (_WIDTH, 40), colour=theme.ink)
    before, shape = INPUT, entry
    for index, part in enumerate(parts, start=1):
        x = index * (_WIDTH + _GAP)
        canvas.node(
            part.path,
            _text(report, part),
            (x, 0),
            (_WIDTH, _HEIGHT),
            colour=stage_colour(part.path),
            fill=stage_tint(part.path, dark),
            tooltip=part.describe(),
        )
        left = x - _WIDTH / 2 - _GAP
        canvas.edge(
            before,
            part.path,
            [(left, 0), (left + _GAP, 0)],
            label=chw(shape),
            label_at=(left + _GAP / 2 - 2, -8),
        )
        before, shape = part.path, part.output_shape
    return canvas.finish()


def _text(report: Profile, part: Group) -> str:
    blocks = len({layer.block for layer in part.layers})
    kind = {"stem": f"stem · {report.spec.stem}", "head": "pool · fc"}.get(
        part.path, f"{blocks} × {report.spec.block}"
    )
    name = part.path if part.path.startswith("layer") else ""
    lines = (name, kind, f"{chw(part.output_shape)} out", f"{si(part.macs)} MACs")
    return "\n".join(line for line in lines if line)
