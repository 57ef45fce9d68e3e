"""The table of operations on the Layers page, and the layer in focus."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from resnet_viz.costs.flop_counters import Ledger
from resnet_viz.costs.profile_records import Profile
from resnet_viz.network.layer_graph import INPUT
from resnet_viz.ui.shared.messages import plain
from resnet_viz.ui.state.layer_focus import focus_on, rounds
from resnet_viz.units import si
from resnet_viz.views.palette import stage_tint, theme
from resnet_viz.views.row_groups import chw
from resnet_viz.views.tables.layer_tables import COUNTED, USUAL_COLUMNS, layer_table, rows_of

__all__ = ["show", "show_focus"]

_TABLE: Final = "table"
_ONLY: Final = "only_focus"

_MAX_TINTED: Final = 5_000  # rows; pandas styles no more than 262,144 cells, and slowly
_HEIGHT: Final = 460  # pixels
_NUMBERS: Final = ("Parameters", "MACs", "Output bytes", COUNTED)


def show_focus(report: Profile, focus: str | None) -> None:
    """Name the layer in focus, with its costs and a button that lets it go."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if focus is None:
            st.caption("Nothing is in focus; click a row or an area, and every page shows it.")
            return
        if focus == INPUT:
            shape = chw(report.layers[0].input_shapes[0])
            st.markdown(f"In focus: **{focus}** ({plain(shape)})", width="content")
        else:
            st.markdown(
                f"In focus: **{plain(focus)}** ({plain(_costs(report, focus))})", width="content"
            )
        st.button(
            "Clear",
            key="clear_focus",
            icon=":material/close:",
            type="tertiary",
            on_click=focus_on,
            args=(report, None, "button"),
        )
        if focus != INPUT:
            st.toggle("Only its rows", key=_ONLY)


def _costs(report: Profile, focus: str) -> str:
    """What a part is and costs, in one line."""
    rows = [report.layers[index] for index in rows_of(report, focus)]
    what = rows[0].op if len(rows) == 1 else f"{len(rows)} operations"
    return (
        f"{what}, {chw(rows[0].input_shapes[0])} to {chw(report.layer(focus).output_shape)}, "
        f"{si(sum(row.macs for row in rows))} MACs, "
        f"{si(sum(row.params for row in rows))} parameters, "
        f"{si(sum(row.output_bytes for row in rows), 'B')}"
    )


def show(report: Profile, ledger: Ledger, focus: str | None, dark: bool) -> None:
    """Draw the filters and the table; a click on a row sets the focus."""
    table = pd.DataFrame(layer_table(report, ledger))
    marked = set(rows_of(report, focus)) if focus is not None else set[int]()
    order, shown = _filtered(table)
    if marked and st.session_state.get(_ONLY):
        shown = shown[shown.index.isin(marked)]
    paths = list(shown["Layer"])
    key = f"rows_{_digest(paths)}_{rounds(_TABLE, focus)}"
    st.dataframe(
        _styled(shown, marked, dark),
        hide_index=True,
        height=_HEIGHT,
        column_order=order,
        column_config={
            name: st.column_config.NumberColumn(format="localized")
            for name in _NUMBERS
            if table[name].dtype.kind == "i"  # what is too large for a data frame comes as text
        },
        key=key,
        on_select=lambda: _row_clicked(report, key, paths),
        selection_mode="single-cell",  # a row could only be selected by its check box
        alt="One row per operation, in the order of execution; a click on one sets the focus",
    )
    caption = f"{len(shown):,} of {len(table):,} operations; bytes are float32."
    if marked and marked.isdisjoint(shown.index):
        caption += " What is in focus is not among them."
    st.caption(caption)


def _filtered(table: pd.DataFrame) -> tuple[list[str], pd.DataFrame]:
    """The chosen columns, and the rows that the visitor looks for."""
    stages = list(dict.fromkeys(table["Stage"]))
    left, right, last = st.columns([4, 4, 1], vertical_alignment="bottom")
    wanted = left.pills("Stages", stages, selection_mode="multi", key="stages_shown", wrap=True)
    words = right.text_input("Search", key="search", placeholder="conv2d, layer3, downsample …")
    with last.popover("Columns", width="stretch"):
        columns = st.pills(
            "Columns",
            list(table.columns),
            selection_mode="multi",
            default=USUAL_COLUMNS,
            key="columns",
            wrap=True,
            label_visibility="collapsed",
        )
    if wanted:
        table = table[table["Stage"].isin(wanted)]
    for word in words.lower().split():
        text = table["Layer"] + " " + table["Operation"] + " " + table["Branch"]
        table = table[text.str.lower().str.contains(word, regex=False)]
    # A table without names would be of no use.
    return [name for name in table.columns if name in columns or name == "Layer"], table


def _styled(table: pd.DataFrame, marked: set[int], dark: bool) -> pd.DataFrame | Styler:
    """Each stage in its colour, what is in focus in the colour of badges."""
    if len(table) > _MAX_TINTED:
        return table
    tints = [f"background-color: {stage_tint(stage, dark, 0.3)}" for stage in table["Stage"]]
    css = pd.DataFrame("", index=table.index, columns=table.columns)
    css.loc[table.index.isin(marked)] = f"background-color: {theme(dark).badge}; font-weight: bold"
    css["Layer"] = np.where(table.index.isin(marked), css["Layer"], tints)
    css["Stage"] = tints
    return table.style.apply(lambda _: css, axis=None)


def _digest(paths: list[str]) -> str:
    """A name of the rows shown: Streamlit keeps a selection by number, whatever stands there."""
    return hashlib.sha256("\n".join(paths).encode()).hexdigest()[:16]


def _row_clicked(report: Profile, key: str, paths: list[str]) -> None:
    cells = st.session_state[key].selection.cells
    focus_on(report, paths[cells[0][0]] if cells else None, _TABLE)
