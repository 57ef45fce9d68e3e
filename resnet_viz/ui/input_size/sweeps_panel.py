"""The panel Sweeps: totals over size, depth or width, and the Pareto front; a click chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from resnet_viz.network.display_names import model_name
from resnet_viz.network.spec import PRESETS, ResNetSpec, preset_name
from resnet_viz.sizing.tradeoffs.network_candidates import candidates
from resnet_viz.sizing.tradeoffs.series import Over, Point, series_over
from resnet_viz.ui.input_size.panel_inputs import Bench
from resnet_viz.ui.shared.download_button import Download, downloads
from resnet_viz.ui.state.widget_values import fields
from resnet_viz.views.charts.tradeoff_charts import GROUPS, front_chart, series_chart
from resnet_viz.views.tables.layer_tables import csv_text
from resnet_viz.views.tables.tradeoff_tables import front_table, series_table

__all__ = ["draw", "networks", "pointed_at"]

_CHOSEN: Final = "chosen network"
_CLICKS: Final = "_tradeoff_clicks"  # how many points have been chosen

_OVER: Final[Mapping[str, str]] = {"size": "Size", "depth": "Depth", "width": "Width"}
_TOTALS: Final[Mapping[str, str]] = {
    "macs": "MACs",
    "peak_activation_bytes": "Peak memory",
    "params": "Parameters",
    "final_grid": "Final grid",
    "receptive_field": "Receptive field",
}


def networks(spec: ResNetSpec, names: Sequence[str]) -> dict[str, ResNetSpec]:
    """The chosen network and presets with its channels and classes, by their written names.

    Args:
        spec: The chosen network; it comes first.
        names: Presets.
    """
    listed = {model_name(preset_name(spec) or _CHOSEN): spec}
    for name in names:
        preset = replace(
            PRESETS[name],
            in_channels=spec.in_channels,
            num_classes=spec.num_classes,
            zero_init_residual=spec.zero_init_residual,
        )
        listed.setdefault(model_name(name), preset)
    return listed


def draw(bench: Bench) -> None:
    """Draw the series and the front, each with its controls, its table and its file."""
    left, right = st.columns(2, gap="medium")
    with left:
        _series(bench)
    with right:
        _front(bench)


def _series(bench: Bench) -> None:
    with st.container(horizontal=True):
        _pick("Over", "over", _OVER)
        _pick("Shown", "total", _named("macs", "peak_activation_bytes", "final_grid", "params"))
    lab, choice = bench.lab, bench.choice
    with st.spinner("Building the networks …", show_time=False):
        series = series_over(
            cast(Over, lab.over), networks(choice.spec, lab.nets), bench.report.input
        )
    here = Point(_CHOSEN, choice.spec, bench.report.input, bench.report.totals)
    _chart(
        series_chart(series, lab.total, here, bench.dark, model_name),
        "series",
        [each.points for each in series],
        f"{_TOTALS[lab.total]} over {lab.over}, a line a network; a click on a point chooses it",
    )
    st.multiselect("Beside the chosen network", list(PRESETS), key="nets", format_func=model_name)
    _table(series_table(series, model_name), f"sweep-{lab.over}")


def _front(bench: Bench) -> None:
    with st.container(horizontal=True):
        _pick("Gain", "front", _named("receptive_field", "final_grid"))
        _pick("Price", "price", _named("macs", "peak_activation_bytes", "params"))
    lab = bench.lab
    with st.spinner("Building the networks …", show_time=False):
        groups = candidates(bench.choice.spec, bench.report.input)
    _chart(
        front_chart(groups, lab.price, lab.front, bench.dark, model_name),
        "front_chart",
        [groups[group] for group in GROUPS],
        f"{_TOTALS[lab.front]} for {_TOTALS[lab.price]}: presets, other depths and variants of "
        "the chosen network, and their Pareto front; a click on a point chooses it",
    )
    _table(front_table(groups, lab.price, lab.front, model_name), "pareto-front")


def _named(*totals: str) -> dict[str, str]:
    return {total: _TOTALS[total] for total in totals}


def _pick(label: str, key: str, options: Mapping[str, str]) -> None:
    st.segmented_control(
        label, list(options), key=key, format_func=options.__getitem__, required=True, wrap=True
    )


def _chart(figure: go.Figure, name: str, places: Sequence[Sequence[Point]], alt: str) -> None:
    """A chart whose markers can be clicked.

    Args:
        figure: Its first traces have a marker for each of `places`.
        name: What tells it from the other chart.
        places: Networks by trace and marker.
        alt: What it shows.
    """
    # A new key has nothing selected, so the same marker can be clicked again.
    key = f"{name}_{st.session_state.get(_CLICKS, 0)}"
    st.plotly_chart(
        figure,
        config={"displayModeBar": False},
        key=key,
        on_select=lambda: _clicked(st.session_state[key].selection.points, places),
        selection_mode="points",
        alt=alt,
    )


def _clicked(marked: Sequence[Mapping[str, Any]], places: Sequence[Sequence[Point]]) -> None:
    """Put the network and the input of a marker into the sidebar."""
    point = pointed_at(marked, places)
    if point is not None:
        st.session_state[_CLICKS] = st.session_state.get(_CLICKS, 0) + 1
        st.session_state.update(fields(point.spec, point.input))


def pointed_at(
    marked: Sequence[Mapping[str, Any]], places: Sequence[Sequence[Point]]
) -> Point | None:
    """The network at the first of the markers that a browser says are selected, if it is there.

    Args:
        marked: Streamlit's ``selection.points``.
        places: Networks by trace and marker.
    """
    if not marked:
        return None
    trace, marker = marked[0].get("curve_number"), marked[0].get("point_index")
    if not (isinstance(trace, int) and isinstance(marker, int)):
        return None
    if not (0 <= trace < len(places) and 0 <= marker < len(places[trace])):
        return None
    return places[trace][marker]


def _table(columns: dict[str, list[Any]], name: str) -> None:
    with st.expander("Table"):
        st.dataframe(
            pd.DataFrame(columns),
            hide_index=True,
            column_config={
                heading: st.column_config.NumberColumn(format="localized")
                for heading, values in columns.items()
                if isinstance(values[0], int)
            },
            alt="The numbers of the chart above",
        )
        downloads(
            "Download",
            f"{name}_download",
            lambda: [Download("CSV", csv_text(columns), f"{name}.csv", "text/csv")],
        )
