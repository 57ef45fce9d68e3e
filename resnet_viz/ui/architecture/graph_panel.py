"""The Architecture page's parts: the graph that opens and is clicked, what is in focus, exports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final, Literal

import streamlit as st

from resnet_viz.costs.profile_records import Profile
from resnet_viz.costs.profiling import profile
from resnet_viz.errors import BudgetError, ResNetVizError
from resnet_viz.ui.architecture import inspector_panel
from resnet_viz.ui.caching import shared_caches
from resnet_viz.ui.components.block_graph import Handle, block_graph, is_narrow, toggles
from resnet_viz.ui.shared import page_frame
from resnet_viz.ui.shared.cost_choice import choose_cost
from resnet_viz.ui.shared.download_button import Download, downloads
from resnet_viz.ui.shared.messages import plain
from resnet_viz.ui.state import session
from resnet_viz.ui.state.choice import Choice
from resnet_viz.units import shape_text
from resnet_viz.views.graph.network_drawing import draw
from resnet_viz.views.graph.open_parts import (
    DEFAULT_OPENING,
    LEVELS,
    Opening,
    Part,
    parts,
    shown_as,
)
from resnet_viz.views.graph.rendering import render
from resnet_viz.views.palette import theme

__all__ = ["show"]

_LEVEL_NAMES: Final = {"stage": "Stages", "block": "Blocks", "op": "Operations"}
_INSPECTOR_WIDTH: Final = 330  # pixels

# On a phone it would stand below the whole graph; there it is a sheet at the foot of the window.
_SHEET: Final = """<style>@media (max-width: 640px) {.st-key-inspector {
position: fixed; inset: auto 0 0 0; z-index: 100; width: auto !important; max-width: none;
max-height: 45vh; overflow-y: auto; padding: 0.75rem 1rem;
background: %s; border-top: 1px solid gray;
}}</style>"""

_LEGEND: Final = (
    "Solid arrows: the main path F(x), as thick as their bytes. Dashed: the shortcut into the "
    "addition. Hexagon: a downsample point and why. Bars in the boxes: their share of the cost. "
    "The slabs are tensors, as high as their maps and as wide as their channels. Click a part to "
    "inspect it, + to open it; keys: arrows, Enter, Space, + − 0."
)


def show(choice: Choice, report: Profile) -> None:
    """Controls, graph, and beside it what is known about the part in focus."""
    opening = choice.opening
    try:
        found = parts(report, opening)
    except BudgetError as error:
        st.error(plain(f"{error} Shown are the blocks."))
        opening = DEFAULT_OPENING
        found = parts(report, opening)
    _controls(choice, report, opening)
    with st.container(horizontal=True, gap="medium"):
        # The graph keeps its place in the tree, and with it zoom and scroll.
        with st.container(width="stretch"):
            _graph(choice, report, opening, found)
        if choice.layer is not None:
            st.html(_SHEET % theme(page_frame.dark()).paper)
            with st.container(width=_INSPECTOR_WIDTH, key="inspector"):
                inspector_panel.show(choice, report, choice.layer)


def _controls(choice: Choice, report: Profile, opening: Opening) -> None:
    if st.session_state.get("level") is None:  # coming from another page
        st.session_state["level"] = choice.opening.level
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Open",
            LEVELS,
            key="level",
            format_func=_LEVEL_NAMES.__getitem__,
            on_change=_level_chosen,
            label_visibility="collapsed",
            required=True,
            width="content",
        )
        choose_cost("graph", "Bars", "collapsed")
        downloads("Export", "export", lambda: _files(choice, report, opening))
        st.space("stretch")
        st.caption("How to read it", help=_LEGEND, width="content")


def _level_chosen() -> None:
    """What was opened by hand belonged to the level before."""
    st.session_state["open"] = ""


def _files(choice: Choice, report: Profile, opening: Opening) -> Iterator[Download]:
    """The drawing as it is shown, and the profile."""
    drawing = draw(report, opening, dark=page_frame.dark(), cost=choice.cost, column=is_narrow())
    name = choice.model
    for form, mime in (
        ("svg", "image/svg+xml"),
        ("pdf", "application/pdf"),
        ("png", "image/png"),
    ):
        yield Download(form.upper(), render(drawing, form), f"{name}.{form}", mime)
    yield Download("DOT", drawing.source, f"{name}.dot", "text/vnd.graphviz")
    profile_text = json.dumps(report.to_dict(), indent=1)
    yield Download("Profile as JSON", profile_text, f"{name}.json", "application/json")


def _graph(choice: Choice, report: Profile, opening: Opening, found: tuple[Part, ...]) -> None:
    column = is_narrow()
    svg = shared_caches.drawing(
        choice.spec,
        choice.input,
        opening.level,
        opening.text,
        page_frame.dark(),
        choice.cost,
        column,
    )
    size = shape_text((report.spec.in_channels, report.input.height, report.input.width))
    block_graph(
        svg,
        list(_handles(found, column)),
        focus=None if choice.layer is None else shown_as(found, choice.layer),
        label=f"The graph of {choice.model} on {size}; the Layers page has it as a table.",
        view=f"{choice.spec} {opening.level} {column}",
        on_focus=_focused,
        on_toggle=_toggled,
        on_narrow=_resized,
    )


def _handles(found: Iterable[Part], column: bool) -> Iterator[Handle]:
    """What opens and closes, each on the node that stands for it.

    In a column the shapes on the arrows are at the right of the boxes, so the handles are not.
    """
    for part in found:
        verb = "Close" if part.is_open else "Unfold" if part.kind == "run" else "Open"
        what = part.key if part.kind != "run" else part.key.replace("-", " … ")
        # An open stage's, beside its name: blocks have theirs at the right.
        left = column or (part.is_open and part.kind == "stage")
        corner: Literal["left", "right"] = "left" if left else "right"
        yield Handle(part.path, part.key, part.is_open, f"{verb} {what}", corner)
        if part.within:
            run = part.within.replace("-", " … ")
            other: Literal["left", "right"] = "right" if left else "left"
            yield Handle(part.path, part.within, True, f"Fold {run}", other)
        yield from _handles(part.parts, column)


def _focused() -> None:
    """A node was clicked, or let go."""
    path = st.session_state["graph"].focus
    if path is not None:
        st.session_state["layer"] = path or None


def _toggled() -> None:
    """Parts were opened or closed, if that can be drawn."""
    choice = session.current()
    report = profile(choice.spec, choice.input)
    for key in toggles():
        try:
            # Not the choice's: a run that was cut short has not settled it.
            opened = st.session_state.get("open") or ""
            opening = Opening.parse(choice.opening.level, opened).toggle(key)
            parts(report, opening)
        except ResNetVizError as error:
            session.say(str(error))
        else:
            st.session_state["open"] = opening.text


def _resized() -> None:
    """Between a page and a phone: the next run draws the other form."""
