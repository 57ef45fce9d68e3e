"""Memory over the steps of inference or training, as a picture and as tables."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from resnet_viz.costs.memory_use import Memory
from resnet_viz.costs.tensor_lifetimes import PARTS
from resnet_viz.network.spec import MAX_BATCH
from resnet_viz.units import percent, si
from resnet_viz.views.charts.base_figure import figure
from resnet_viz.views.palette import mix, stage_outline, theme
from resnet_viz.views.tables.layer_tables import Columns

__all__ = [
    "DRAWN_STEPS",
    "fitting_text",
    "memory_chart",
    "part_names",
    "parts_table",
    "peak_text",
    "steps_table",
]

DRAWN_STEPS: Final = 1200
"""The most steps that are drawn; of longer executions each neighbourhood's largest."""

_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "weights": "Weights",
        "gradients": "Gradients",
        "optimizer": "Optimizer states",
        "kept": "Kept for backward",
        "working": "Working memory",
    }
)
_HELD: Final = "Held, read no more"  # what is kept in inference

# A part's hue, named by the stage that has it, and its hatching: either tells the parts apart.
_LOOKS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "weights": ("stem", ""),
        "gradients": ("layer3", "\\"),
        "optimizer": ("layer4", "x"),
        "kept": ("layer1", ""),
        "working": ("layer6", "/"),
    }
)
_FILL: Final = 0.7  # of the hue upon the page
_LAST_STEP: Final = 25  # the optimizer's step, drawn as wide as this part of the execution
_HEADROOM: Final = 1.18  # above the peak, for its name
_FAR: Final = 1.6  # times the peak: a limit beyond it is left out


def part_names(use: Memory) -> dict[str, str]:
    """What people call the parts that are not nothing, in the order in which they are stacked."""
    names = dict(_NAMES) if use.optimizer else {**_NAMES, "kept": _HELD}
    return {part: names[part] for part, most in use.most_parts.items() if most}


def peak_text(use: Memory) -> str:
    """Where the peak is, such as ``layer1.0.conv1, backward``."""
    if use.peak_path == use.peak_phase:
        return use.peak_path
    return f"{use.peak_path}, {use.peak_phase}" if use.optimizer else use.peak_path


def memory_chart(use: Memory, dark: bool, limit_bytes: int | None = None) -> go.Figure:
    """The parts stacked over the steps, the peak marked.

    Args:
        use: What is drawn.
        dark: Colours for a dark page.
        limit_bytes: What there is; drawn where it is not far above the peak.
    """
    pass_ = "a step of training" if use.optimizer else "inference"
    drawn = figure(f"Memory during {pass_}, batch {use.input.batch:,}", dark, 380)
    shown = _shown(use.totals)
    # Each value holds up to the next step; the last one needs an end of its own.
    width = max(1, len(use.paths) // _LAST_STEP) if use.optimizer else 1
    x = np.append(shown, len(use.paths) - 1 + width)
    steps = np.append(shown, shown[-1])
    for part, name in part_names(use).items():
        hue, hatch = _LOOKS[part]
        colour = stage_outline(hue, dark)
        drawn.add_scatter(
            name=name,
            x=x,
            y=use.parts[PARTS.index(part), steps].astype(float),
            mode="lines",
            line={"shape": "hv", "width": 1, "color": colour},
            stackgroup="parts",
            fillcolor=mix(colour, theme(dark).paper, _FILL),
            fillpattern={
                "shape": hatch,
                "fgcolor": theme(dark).paper,
                "bgcolor": mix(colour, theme(dark).paper, _FILL),
                "size": 7,
                "solidity": 0.2,
            },
            hoverinfo="skip",
        )
    _add_total(drawn, use, x, steps, dark)
    _mark_peak(drawn, use, dark)
    top = use.peak_bytes * _HEADROOM
    if limit_bytes is not None and limit_bytes <= _FAR * use.peak_bytes:
        drawn.add_hline(
            y=limit_bytes,
            line={"dash": "dash", "color": theme(dark).ink, "width": 2},
            annotation={"text": f"{limit_bytes / 2**30:g} GiB", "font": {"color": theme(dark).ink}},
        )
        top = max(top, limit_bytes * _HEADROOM)
    _mark_phases(drawn, use, int(x[-1]), dark)
    drawn.update_yaxes(range=[0, top], exponentformat="SI", ticksuffix="B")
    drawn.update_layout(hovermode="x", margin={"r": 28})
    return drawn


def _shown(totals: NDArray[Any]) -> NDArray[np.int64]:
    """The steps that are drawn: all, or the largest of each of `DRAWN_STEPS` neighbourhoods."""
    if len(totals) <= DRAWN_STEPS:
        return np.arange(len(totals))
    edges = np.linspace(0, len(totals), DRAWN_STEPS + 1).astype(int)
    return np.array([a + int(totals[a:b].argmax()) for a, b in pairwise(edges)])


def _add_total(
    drawn: go.Figure, use: Memory, x: NDArray[Any], steps: NDArray[Any], dark: bool
) -> None:
    """The outline of the stack, which says under the pointer what each step takes."""
    names = part_names(use)
    rows = [PARTS.index(part) for part in names]
    lines = "".join(
        f"<br>{name} %{{customdata[{place}]}}" for place, name in enumerate(names.values(), 2)
    )
    drawn.add_scatter(
        x=x,
        y=use.totals[steps].astype(float),
        mode="lines",
        line={"shape": "hv", "width": 1.5, "color": theme(dark).ink},
        customdata=[
            (
                use.paths[step] if use.paths[step] == use.phases[step] else
                f"{use.paths[step]}, {use.phases[step]}",
                si(int(use.totals[step]), "B"),
                *(si(int(use.parts[row, step]), "B") for row in rows),
            )
            for step in steps
        ],
        hovertemplate=f"%{{customdata[0]}}: %{{customdata[1]}}{lines}<extra></extra>",
        showlegend=False,
    )  # fmt: skip


def _mark_peak(drawn: go.Figure, use: Memory, dark: bool) -> None:
    middle = use.peak_step + 0.5
    place = middle / len(use.paths)
    drawn.add_scatter(
        x=[middle],
        y=[float(use.peak_bytes)],
        mode="markers",
        marker={"symbol": "triangle-down", "size": 12, "color": theme(dark).ink},
        hoverinfo="skip",
        showlegend=False,
    )
    drawn.add_annotation(
        x=middle,
        y=use.peak_bytes,
        text=f"<b>{si(use.peak_bytes, 'B')}</b> {peak_text(use)}",
        showarrow=False,
        xanchor="left" if place < 0.35 else "right" if place > 0.65 else "center",
        yanchor="bottom",
        yshift=6,
        bgcolor=theme(dark).paper,
    )


def _mark_phases(drawn: go.Figure, use: Memory, end: int, dark: bool) -> None:
    """The passes by name below the axis, lines between them."""
    phases = list(dict.fromkeys(use.phases))
    starts = [use.phases.index(phase) for phase in phases]
    middles = [(a + b) / 2 for a, b in pairwise([*starts, end])]
    for start in starts[1:]:
        drawn.add_vline(x=start, line={"dash": "dot", "color": theme(dark).faint, "width": 1})
    drawn.update_xaxes(
        range=[0, end], tickvals=middles, ticktext=phases, showgrid=False, zeroline=False
    )


def fitting_text(fitting: int) -> str:
    """The answer of `resnet_viz.costs.memory_use.largest_batch` as it stands on a page."""
    if fitting == 0:
        return "none"
    return f"{fitting:,} or more" if fitting == MAX_BATCH else f"{fitting:,}"


def parts_table(use: Memory) -> Columns:
    """One row per part: at the peak, its share of it, and the most at any time; then the sum."""
    names, peak, most = part_names(use), use.peak_parts, use.most_parts
    return {
        "Part": [*names.values(), "Together"],
        "At the peak": [*(si(peak[part], "B") for part in names), si(use.peak_bytes, "B")],
        "Share": [*(percent(peak[part] / use.peak_bytes) for part in names), percent(1)],
        "At most": [*(si(most[part], "B") for part in names), si(use.peak_bytes, "B")],
    }


def steps_table(use: Memory) -> Columns:
    """One row per step, in bytes as exact integers."""
    return {
        "Step": list(range(len(use.paths))),
        "Phase": list(use.phases),
        "Operation": list(use.paths),
        **{
            f"{name}, bytes": [int(value) for value in use.parts[PARTS.index(part)]]
            for part, name in part_names(use).items()
        },
        "Together, bytes": [int(value) for value in use.totals],
    }
