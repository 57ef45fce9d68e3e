"""What changed: the chosen network and input beside the reference, layer by layer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from resnet_viz.costs.profile_records import Profile
from resnet_viz.sizing.comparison.comparing import Comparison, compare
from resnet_viz.ui.input_size.panel_inputs import Bench
from resnet_viz.ui.shared.download_button import Download, downloads
from resnet_viz.ui.shared.messages import plain
from resnet_viz.ui.state.layer_focus import focus_on, rounds
from resnet_viz.views.palette import stage_tint, theme
from resnet_viz.views.tables.comparison_tables import (
    CHANGE,
    LAYER,
    TOTAL,
    change_table,
    csv_columns,
    total_table,
)
from resnet_viz.views.tables.layer_tables import csv_text

__all__ = ["draw"]

_TABLE: Final = "changes"
_HEIGHT: Final = 460  # pixels
_MAX_TINTED: Final = 5_000  # rows; pandas styles no more than 262,144 cells, and slowly
_ROWS: Final = {"different": "What differs", "all": "All layers"}


def draw(bench: Bench) -> None:
    """The summary, the totals side by side, and the layers."""
    comparison = compare(bench.reference, bench.report)
    if not comparison.different:
        st.markdown(
            "Nothing differs: this is the reference. Move the slider, or choose another size, stem "
            "or depth."
        )
        _show_layers(comparison, False, bench.choice.layer, bench.dark)
        return
    left, right = st.columns([7, 6], gap="medium")
    with left:
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in comparison.summary))
    with right:
        _show_totals(comparison)
    with st.container(horizontal=True, vertical_alignment="center"):
        rows = st.segmented_control(
            "Layers",
            list(_ROWS),
            key="rows",
            format_func=_ROWS.__getitem__,
            required=True,
            label_visibility="collapsed",
        )
        downloads("Download", "download_changes", lambda: _files(comparison, bench))
    only_different = (rows or bench.lab.rows) == "different"
    _show_layers(comparison, only_different, bench.choice.layer, bench.dark)
    st.caption(
        f"{len(comparison.different):,} of {len(comparison.layers):,} operations differ; "
        "a click on one puts it in focus."
    )


def _show_totals(comparison: Comparison) -> None:
    table = pd.DataFrame(total_table(comparison))
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            name: st.column_config.TextColumn(alignment="right")
            for name in table.columns
            if name != TOTAL
        },
        alt="What the reference and the chosen network come to, side by side",
    )


def _show_layers(
    comparison: Comparison, only_different: bool, focus: str | None, dark: bool
) -> None:
    columns = change_table(comparison, only_different)
    table = pd.DataFrame({name: _column(values) for name, values in columns.items()})
    paths = columns[LAYER]
    key = f"changes_{_digest(paths)}_{rounds(_TABLE, focus)}"
    configured: dict[str, Any] = {
        name: st.column_config.NumberColumn(format="localized")
        if table[name].dtype == "Int64"
        else st.column_config.TextColumn(alignment="right")
        for name in table.columns
        if name.endswith(("reference", "here"))
    }
    configured[CHANGE] = st.column_config.TextColumn(width=460)
    st.dataframe(
        _styled(table, focus, dark),
        hide_index=True,
        height=_HEIGHT,
        column_config=configured,
        placeholder="–",
        key=key,
        on_select=lambda: _row_clicked(comparison.second, key, paths),
        selection_mode="single-cell",  # a row could only be selected by its check box
        alt="One row per operation, in the order of execution; a click on one sets the focus",
    )


def _column(values: Sequence[Any]) -> Any:
    """Whole numbers stay whole beside places where there is none."""
    whole = any(isinstance(value, int) for value in values)
    return pd.array(list(values), dtype="Int64") if whole else list(values)


def _styled(table: pd.DataFrame, focus: str | None, dark: bool) -> pd.DataFrame | Styler:
    """Each stage in its colour, what is in focus in the colour of badges."""
    if len(table) > _MAX_TINTED:
        return table
    css = pd.DataFrame("", index=table.index, columns=table.columns)
    css[LAYER] = [f"background-color: {stage_tint(stage, dark, 0.3)}" for stage in table["Stage"]]
    if focus is not None:
        path, stage = table[LAYER], table["Stage"]
        marked = (path == focus) | (stage == focus) | path.str.startswith(f"{focus}.")
        css.loc[marked] = f"background-color: {theme(dark).badge}; font-weight: bold"
    return table.style.apply(lambda _: css, axis=None)


def _digest(paths: Sequence[str]) -> str:
    """A name of the rows shown: Streamlit keeps a selection by number, whatever stands there."""
    return hashlib.sha256("\n".join(paths).encode()).hexdigest()[:16]


def _row_clicked(report: Profile, key: str, paths: Sequence[str]) -> None:
    cells = st.session_state[key].selection.cells
    focus_on(report, paths[cells[0][0]] if cells else None, _TABLE)


def _files(comparison: Comparison, bench: Bench) -> Iterator[Download]:
    """The table for programs: all operations, with exact integers."""
    table = csv_text(csv_columns(comparison))
    yield Download("CSV", table, f"{bench.choice.model}-changes.csv", "text/csv")
