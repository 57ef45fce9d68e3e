"""The panel beside the graph: all about the thing in focus, numbers, reasons and code."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import streamlit as st

from resnet_viz.costs.profile_records import Profile
from resnet_viz.network.layer_graph import INPUT, trace
from resnet_viz.network.source_lines import Excerpt, code_of
from resnet_viz.ui.shared.messages import plain
from resnet_viz.ui.state.choice import Choice
from resnet_viz.views.inspector.inspector_card import CSS, heading, input_numbers, numbers, reasons
from resnet_viz.views.inspector.part_costs import find, parts, parts_table
from resnet_viz.views.row_groups import Group

__all__ = ["show"]

_PAGES: Final = Path(__file__).parents[3] / "pages"
_ROW: Final = 29  # height of a table's row in pixels
_HEADER: Final = 37  # height of its head with both borders
_ROWS: Final = 12  # a longer table scrolls

_WIDTHS: Final = {"Part": 112, "Output": 118, "MACs": 72}  # of a table's columns in pixels

_COMMENTED: Final = re.compile(r"# .*\d")

_STYLE: Final = """<style>
.st-key-inspector_panel {gap: .65rem}
.st-key-inspector_clear button {min-height: 1.4rem; padding: 0 .2rem}
.st-key-inspector_links a {border: 1px solid color-mix(in srgb, currentColor 22%, transparent);
  border-radius: .4rem; padding: .1rem .6rem}
.st-key-inspector_panel details > div {padding: .5rem .6rem .6rem}
.st-key-inspector_panel details > summary {padding: .35rem .6rem}
.st-key-inspector_code {gap: .15rem}
.st-key-inspector_code pre {padding: .4rem .55rem}
.st-key-inspector_code pre, .st-key-inspector_code code {font-size: .74rem; line-height: 1.45}
.st-key-inspector_code p {font-size: .78rem}
</style>"""


def show(choice: Choice, report: Profile, path: str) -> None:
    """Draw the panel for one thing into the current container.

    Args:
        choice: What the visitor has chosen; the links carry it along.
        report: The network at its input size.
        path: An operation, a block, a stage, a container, a downsample point, or ``input``.

    Raises:
        LayerError: The network has no such layer.
    """
    group = None if path == INPUT else find(report, path)
    excerpts = code_of(trace(report.spec), path)
    with st.container(key="inspector_panel"):
        st.html(CSS + _STYLE)
        with st.container(horizontal=True, wrap=False, gap="small"):
            st.html(heading(report, path, group))
            st.button(
                "Clear",
                key="inspector_clear",
                type="tertiary",
                help="Leave nothing in focus",
                on_click=_focus,
                args=(None,),
                width="content",
            )
        if group is None:
            st.html(input_numbers(report))
        else:
            _links(choice, group)
            why = reasons(report, group)
            if why:
                st.html(why)
            st.html(numbers(report, group))
            if len(group.layers) > 1:
                _parts(report, group)
        _code(excerpts, expanded=group is None or len(group.layers) == 1)


def _links(choice: Choice, group: Group) -> None:
    """To the other pages, with the choice and this thing in focus."""
    with st.container(key="inspector_links", horizontal=True, gap="small"):
        for name, label, layer in (
            ("layers", "Its row in Layers", group.path),
            ("feature_maps", "Its feature maps", _with_maps(group)),
        ):
            st.page_link(
                str(_PAGES / f"{name}.py"),
                label=label,
                query_params=replace(choice, layer=layer).to_query(),
            )


def _with_maps(group: Group) -> str:
    """The operation or block whose output is this thing's."""
    last = group.layers[-1]
    ends_a_block = group.path in (last.stage, last.block)
    return last.block if last.block and ends_a_block else last.path


def _parts(report: Profile, group: Group) -> None:
    """A table whose cells, when clicked, focus the part of their row."""
    key = f"inspector_parts_{group.path}"
    paths = [part.path for part in parts(report, group)]
    st.dataframe(
        parts_table(report, group),
        hide_index=True,
        height=_HEADER + _ROW * min(len(paths), _ROWS),
        row_height=_ROW,
        column_config={name: st.column_config.Column(width=w) for name, w in _WIDTHS.items()},
        key=key,
        on_select=lambda: _focus_part(key, paths),
        selection_mode="single-cell",
        alt=f"The parts of {group.path}; a click on one shows it here",
    )


def _focus_part(key: str, paths: list[str]) -> None:
    cells = st.session_state[key].selection.cells
    if cells:
        _focus(paths[cells[0][0]])


def _focus(path: str | None) -> None:
    """The sidebar takes this over at the next run, and the address with it."""
    st.session_state["layer"] = path


def _code(excerpts: tuple[Excerpt, ...], *, expanded: bool) -> None:
    with st.expander("Its code in model.py", expanded=expanded), st.container(key="inspector_code"):
        for excerpt in excerpts:
            st.caption(plain(f"{excerpt.place} · {excerpt.title}"))
            st.code(excerpt.text, language="python", wrap_lines=True)
        if any(_COMMENTED.search(excerpt.text) for excerpt in excerpts):
            st.caption("Shapes in comments: ResNet-50 at 3 × 224 × 224.")
