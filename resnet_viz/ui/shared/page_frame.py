"""What every page shares: the navigation, the title and the headline metrics."""

from __future__ import annotations

from typing import Final

import streamlit as st
from streamlit.navigation.page import Page

from resnet_viz.app_files import app_script
from resnet_viz.costs.profile_records import Profile, Totals
from resnet_viz.costs.profiling import profile
from resnet_viz.network.display_names import network_at
from resnet_viz.network.layer_graph import INPUT, trace
from resnet_viz.ui.shared import reference_choice, sidebar
from resnet_viz.ui.shared.messages import plain
from resnet_viz.ui.state import link, session
from resnet_viz.ui.state.choice import Choice
from resnet_viz.units import shape_text, si

__all__ = ["KEPT_KEYS", "begin", "dark", "navigate"]

# What a visitor has set up on Feature maps; Streamlit would forget it with the page or the panel.
KEPT_KEYS: Final = (
    *("sample", "fit", "normalise", "panel", "first_conv", "upload"),
    *("own_scale", "order", "channel", "overlay", "opacity"),
    *("every_channel", "part_channel", "convolution", "conv_out", "conv_in"),
    *("class", "class_number", "where", "where_opacity"),
    *("compare", "other_picture", "other_network", "other_weights"),
)

_UNDER_APP: Final = "_under_app"  # the pages are declared in this run
_ADOPTED: Final = "_adopted"  # a page that ran without the app has had its second run

# Streamlit keeps six rem free above a page, and these pages have much to show.
_LESS_PADDING: Final = """<style>
.stMainBlockContainer {padding: 3rem 2.5rem 2rem}
@media (max-width: 640px) {.stMainBlockContainer {padding: 3rem 1rem 2rem}}
</style>"""

# Not relative to the script that runs, which may be a page.
_FOLDER: Final = app_script().parent / "pages"

# No material icons: the browser would fetch them from the web for its tab.
_PAGES: Final = (
    ("architecture", "Architecture"),
    ("layers", "Layers"),
    ("input_size", "Input size"),
    ("feature_maps", "Feature maps"),
)


def navigate() -> Page:
    """Declare the pages and draw the sidebar.

    The sidebar's links are our own, since they carry the choice along: the address is then
    right at once, and the browser's back button finds one entry a page.
    """
    pages = [
        st.Page(
            _FOLDER / f"{name}.py",
            title=title,
            url_path=name if index else "home",
            default=not index,
        )
        for index, (name, title) in enumerate(_PAGES)
    ]
    # The default page lives at "/"; links may also call it by its name.
    first, title = _PAGES[0]
    named = st.Page(_FOLDER / f"{first}.py", title=title, url_path=first)
    page = st.navigation([*pages, named], position="hidden")
    st.set_page_config(page_title=f"{page.title} · resnet_viz", page_icon="🧱", layout="wide")
    st.html(_LESS_PADDING)
    st.session_state[_UNDER_APP] = True
    session.keep(KEPT_KEYS)
    links = st.sidebar.container(gap="xsmall")
    sidebar.draw()
    query = link.query_of(session.current(), session.base_preset())
    for each in (page if page.title == title else pages[0], *pages[1:]):
        links.page_link(each, query_params=query)
    return page


def begin(title: str) -> tuple[Choice, Profile]:
    """Draw the head of a page: title, news and headline metrics.

    A link to a page of a server that nobody has visited yet runs the page's file without
    `app.py`; declaring the pages and running again brings it under the app, link and all.
    """
    state = st.session_state
    if not state.pop(_UNDER_APP, False):
        navigate()
        del state[_UNDER_APP]
        if not state.get(_ADOPTED):
            state[_ADOPTED] = True
            st.rerun()
    st.title(title, anchor=False)
    for sentence in session.news():
        st.warning(plain(sentence))
    choice = session.current()
    place = st.container()
    with place, st.spinner("Building the network …", show_time=False):
        report = profile(choice.spec, choice.input)
        usual, problems = reference_choice.find(choice)
    for sentence in problems:
        place.warning(plain(sentence))
    if sidebar.device_is_absent():
        st.rerun()
    known = choice.layer in (None, INPUT) or choice.layer in trace(choice.spec).outputs
    if not known and choice.layer is not None:
        name = choice.layer[:80]
        place.warning(plain(f"This network has no layer {name}; it was left out."))
        session.focus(None)
    if choice.opening.toggled and (fitting := choice.opening.within(report)) != choice.opening:
        session.set_opening(fitting)
    with place:
        _metrics(report.totals, usual)
    return session.current(), report


def dark() -> bool:
    """Whether the visitor's page is dark."""
    return st.context.theme.type == "dark"


def _metrics(totals: Totals, other: Profile) -> None:
    before = other.totals
    memory = (
        f"All outputs of one pass, float32: {totals.activation_bytes:,} B. At most "
        f"{totals.peak_activation_bytes:,} B are alive at once, at {totals.peak_path}."
    )
    shown: tuple[tuple[str, str, int | str | None, str], ...] = (
        ("Depth", str(totals.depth), totals.depth - before.depth, "Layers with weights."),
        ("Parameters", si(totals.params), totals.params - before.params, f"{totals.params:,}"),
        ("MACs", si(totals.macs), totals.macs - before.macs, f"{totals.macs:,}"),
        (
            "Activations",
            si(totals.activation_bytes, "B"),
            totals.activation_bytes - before.activation_bytes,
            memory,
        ),
        (
            "Receptive field",
            f"{shape_text(totals.receptive_field)}",
            _was(totals.receptive_field, before.receptive_field),
            "Input pixels that one cell of the last map sees.",
        ),
        (
            "Final grid",
            shape_text(totals.final_grid),
            _was(totals.final_grid, before.final_grid),
            "Rows and columns of the last map before the global pooling.",
        ),
    )
    changed = False
    with st.container(horizontal=True, gap="small", key="metrics"):
        for label, value, change, text in shown:
            difference = _change(change, "B" if label == "Activations" else "")
            changed = changed or difference is not None
            st.metric(
                label,
                value,
                difference,
                delta_color="off",
                delta_arrow="off",
                help=text,
                width=140,
            )
    if changed:
        st.caption(f"Differences from {network_at(other.spec, other.input)}.")


def _was(now: tuple[int, int], before: tuple[int, int]) -> str | None:
    return None if now == before else f"was {shape_text(before)}"


def _change(change: int | str | None, unit: str) -> str | None:
    if isinstance(change, int):
        return f"{'+' if change > 0 else '−'}{si(abs(change), unit)}" if change else None
    return change
