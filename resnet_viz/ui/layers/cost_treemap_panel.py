"""Where the cost is, on the Layers page: a map whose parts can be clicked."""

from __future__ import annotations

from typing import Final

import streamlit as st

from resnet_viz.costs.profile_records import Profile
from resnet_viz.ui.shared.cost_choice import choose_cost
from resnet_viz.ui.state.layer_focus import focus_on, rounds
from resnet_viz.views.charts.cost_treemap import ROOT, cost_map, sectors
from resnet_viz.views.row_groups import COSTS

__all__ = ["show"]

_MAP: Final = "map"
_LEVEL: Final = "_map_level"  # the sector that fills the map


def show(report: Profile, focus: str | None, dark: bool) -> None:
    """Draw the choice of a cost and its map; a click on a part sets the focus."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        cost = choose_cost("map", "Where the cost is", "visible")
        outside = st.container(width="content")
    parents = {sector.path: sector.parent for sector in sectors(report, cost)}
    level = st.session_state.get(_LEVEL, ROOT)
    if level not in parents.values():  # of another network, or not divided
        level = ROOT
    if level != ROOT:
        outside.button("Whole network", key="map_out", on_click=_enter, args=(ROOT,))
    key = f"map_{cost}_{rounds(_MAP, focus)}"
    st.plotly_chart(
        cost_map(report, cost, dark, focus, level),
        config={"displayModeBar": False},
        key=key,
        on_select=lambda: _clicked(report, key, parents, level),
        selection_mode="points",
        alt=f"Shares of stages, blocks and operations in the {COSTS[cost]}",
    )


def _clicked(report: Profile, key: str, parents: dict[str, str], level: str) -> None:
    """Set focus and level as Plotly, which zooms by itself, has drawn them already."""
    points = st.session_state[key].selection.points
    if not points:
        return
    path = points[0]["id"]
    if path == level:  # its heading leads out of it
        path = parents.get(path, ROOT)
    if path == ROOT or path in parents.values():
        _enter(path)
    focus_on(report, None if path == ROOT else path, _MAP)


def _enter(level: str) -> None:
    st.session_state[_LEVEL] = level
