"""What the charts of trade-offs are made of: axes, names that keep apart, the chosen one's star."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import log10
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from resnet_viz.sizing.tradeoffs.series import Point
from resnet_viz.units import shape_text, si
from resnet_viz.views.palette import theme

__all__ = ["NAME_ROOM", "NEVER_PALE", "TOTALS", "Axis", "Name", "star", "texts", "written"]

TOTALS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "macs": ("MACs", ""),
        "peak_activation_bytes": ("Peak memory", "B"),
        "params": ("Parameters", ""),
        "final_grid": ("Final grid (shorter side)", ""),
        "receptive_field": ("Receptive field (pixels)", ""),
    }
)
"""Label and unit of the totals that are drawn, by their fields in `Totals`."""

_GOLD: Final = "#E69F00"
_LOG_FROM: Final = 30  # times the smallest: from here on the small ones vanish on a linear axis
_BEST_TICKS: Final = 5
_MOST_TICKS: Final = 8
_TICK_STEPS: Final = ((1, 2, 5), (1, 3), (1,))
NAME_ROOM: Final = (0.27, 0.07)  # of the axes' lengths: names nearer than this run together
# Plotly pales what is not selected; here a click chooses, and nothing stays selected.
NEVER_PALE: Final[Mapping[str, Any]] = MappingProxyType(
    {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 1}}}
)


class Axis(NamedTuple):
    """An axis for some values: logarithmic where the small ones would vanish on a linear one."""

    low: int
    high: int

    @classmethod
    def of(cls, values: Iterable[int]) -> Axis:
        """The axis that holds some values, each at least 1."""
        listed = list(values)
        return cls(min(listed), max(listed))

    @property
    def log(self) -> bool:
        """Whether it is logarithmic."""
        return self.high >= _LOG_FROM * self.low

    def share(self, value: int) -> float:
        """Where a value lies, 0 to 1."""
        low, high, here = map(log10 if self.log else float, (self.low, self.high, value))
        return (here - low) / ((high - low) or 1)

    def settings(self, unit: str) -> dict[str, Any]:
        """What Plotly is told of it; left to itself it writes bare digits between powers of ten."""
        if not self.log:
            return {"rangemode": "tozero", "exponentformat": "SI", "ticksuffix": unit}
        ticks = min(map(self._ticks, _TICK_STEPS), key=lambda found: abs(len(found) - _BEST_TICKS))
        ticks = ticks[:: -(-len(ticks) // _MOST_TICKS)]
        return {"type": "log", "tickvals": ticks, "tickformat": "~s", "ticksuffix": unit}

    def _ticks(self, steps: tuple[int, ...]) -> list[float]:
        every = (step * 10**power for power in range(len(str(self.high))) for step in steps)
        return [float(tick) for tick in every if self.low <= tick <= self.high]


class Name(NamedTuple):
    """A name beside a point, and where the point lies along the axes, 0 to 1."""

    x: int
    y: int
    text: str
    position: str
    share: tuple[float, float]


def written(point: Point, total: str) -> str:
    """A total as people write it: ``4.089 G``, ``7 × 7``."""
    value = getattr(point.totals, total)
    return shape_text(value) if isinstance(value, tuple) else si(value, TOTALS[total][1])


def texts(names: Iterable[Name]) -> dict[str, Any]:
    """The names that do not run together; of two that would, the first."""
    kept: list[Name] = []
    for name in names:
        if not any(_run_together(name.share, other.share) for other in kept):
            kept.append(name)
    return {
        "x": [name.x for name in kept],
        "y": [float(name.y) for name in kept],
        "mode": "markers+text",  # unseen markers keep the names off what they stand beside
        "marker": {"size": 12, "color": "rgba(0,0,0,0)"},
        "text": [name.text for name in kept],
        "textposition": [name.position for name in kept],
        "textfont": {"size": 11},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _run_together(one: tuple[float, float], other: tuple[float, float]) -> bool:
    pairs = zip(one, other, NAME_ROOM, strict=True)
    return all(abs(here - there) < room for here, there, room in pairs)


def star(dark: bool) -> dict[str, Any]:
    """How the chosen network looks; it hides nothing from the pointer."""
    return {
        "name": "chosen",
        "mode": "markers",
        "marker": {
            "symbol": "star",
            "size": 17,
            "color": _GOLD,
            "line": {"color": theme(dark).ink, "width": 1.5},
        },
        "hoverinfo": "skip",
        **NEVER_PALE,
    }
