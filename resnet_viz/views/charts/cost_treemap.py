"""Where the cost is: stages, blocks and operations as areas, a Plotly treemap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import plotly.graph_objects as go

from resnet_viz.costs.profile_records import Profile
from resnet_viz.units import si
from resnet_viz.views.palette import mix, stage_colour, text_on, theme
from resnet_viz.views.row_groups import COSTS, blocks, stages

__all__ = ["LEVELS", "MAX_SECTORS", "ROOT", "Sector", "cost_map", "sectors"]

LEVELS: Final = ("operation", "block", "stage")
"""How finely a map may be divided, the finest first."""

MAX_SECTORS: Final = 1_000
"""More are not sent to a browser: it draws them slowly, and nobody can click them."""

ROOT: Final = "network"
"""The sector that holds all others; no layer has this path."""

_UNITS: Final = {"macs": "", "output_bytes": "B", "params": ""}
_STRENGTH: Final = {"stage": 1.0, "block": 0.6, "operation": 0.4}  # of the hue, upon the page
_HEIGHT: Final = 440  # pixels
_HEADING: Final = 24  # pixels above the parts of a sector, for its name
_SMALLEST_TEXT: Final = 10  # pixels; where there is less room it stands under the pointer


class Sector(NamedTuple):
    """One area of the map.

    Attributes:
        path: Of the stage, block or operation.
        parent: The path of what it is a part of; `ROOT` for a stage.
        level: One of `LEVELS`.
        stage: The stage that gives its colour.
        value: What all its operations cost together.
    """

    path: str
    parent: str
    level: str
    stage: str
    value: int


def sectors(report: Profile, cost: str) -> list[Sector]:
    """The areas of a map, each ahead of its parts; what costs nothing has none.

    Divided as finely as `MAX_SECTORS` allows: down to operations, or blocks, or stages.

    Args:
        report: The network at its input.
        cost: A key of `resnet_viz.views.row_groups.COSTS`.
    """
    found: list[Sector] = []
    for depth in range(len(LEVELS)):
        found = [
            sector
            for sector in _divided(report, cost)
            if sector.value and sector.level in LEVELS[depth:]
        ]
        if len(found) <= MAX_SECTORS:
            break
    return found


def _divided(report: Profile, cost: str) -> Iterator[Sector]:
    for stage in stages(report):
        name = stage.path
        yield Sector(name, ROOT, "stage", name, stage.total(cost))
        for block in blocks(report, stage):
            yield Sector(block.path, name, "block", name, block.total(cost))
        for row in stage.layers:
            yield Sector(row.path, row.block or name, "operation", name, getattr(row, cost))


def cost_map(
    report: Profile, cost: str, dark: bool, focus: str | None = None, level: str = ROOT
) -> go.Figure:
    """A treemap of one cost, stages in their colours; a click goes into a sector.

    Each sector's ``id`` is its path. It bears its name and its cost; the pointer finds its
    share, too.

    Args:
        report: The network at its input.
        cost: A key of `resnet_viz.views.row_groups.COSTS`.
        dark: Colours for a dark page.
        focus: The path of a sector that is outlined.
        level: The path of the sector that fills the map.
    """
    found = sectors(report, cost)
    whole = sum(sector.value for sector in found if sector.level == "stage")
    divided = {sector.parent for sector in found}
    paper, ink = theme(dark).paper, theme(dark).ink
    colours = [mix(stage_colour(s.stage), paper, _STRENGTH[s.level]) for s in found]
    shares = [f"{100 * sector.value / whole:.2g} %" for sector in found]
    figure = go.Figure(
        go.Treemap(
            ids=[ROOT, *(sector.path for sector in found)],
            parents=["", *(sector.parent for sector in found)],
            labels=[
                f"{COSTS[cost][0].upper()}{COSTS[cost][1:]} {si(whole, _UNITS[cost])}",
                *(_label(s, _UNITS[cost] if s.path in divided else None) for s in found),
            ],
            # Plotly adds up the parts itself: as floats, sums of its own never disagree.
            values=[0, *(0 if s.path in divided else float(s.value) for s in found)],
            branchvalues="remainder",
            level=level,
            customdata=[
                (si(value, _UNITS[cost]), share, path)
                for value, share, path in zip(
                    [whole, *(sector.value for sector in found)],
                    ["all of it", *shares],
                    [ROOT, *(sector.path for sector in found)],
                    strict=True,
                )
            ],
            texttemplate="%{label}<br>%{customdata[0]}",
            hovertemplate="%{customdata[2]}: %{customdata[0]}, %{customdata[1]}<extra></extra>",
            marker={
                "colors": [paper, *colours],
                "line": {
                    "color": [paper, *(ink if s.path == focus else paper for s in found)],
                    "width": [1, *(4 if s.path == focus else 1 for s in found)],
                },
                "pad": {"t": _HEADING, "l": 2, "r": 2, "b": 2},
            },
            textfont={"color": [ink, *map(text_on, colours)], "size": 12},
            pathbar={"visible": False},  # plotly.js draws none on a map that begins inside
            tiling={"pad": 1},
            sort=False,
        )
    )
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        font={"color": ink},
        paper_bgcolor="rgba(0,0,0,0)",
        uniformtext={"minsize": _SMALLEST_TEXT, "mode": "hide"},
    )
    return figure


def _label(sector: Sector, unit: str | None) -> str:
    """The path, without what the sector around it already bears.

    A heading is one line, for which Plotly has no template: there the cost, with its unit,
    is a part of the name.
    """
    name = sector.path.removeprefix(f"{sector.parent}.")
    return name if unit is None else f"{name}  ·  {si(sector.value, unit)}"
