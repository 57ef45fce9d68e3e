"""The FLOP ledger on the Layers page: what counts, what it comes to, and who counts so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from resnet_viz.costs.flop_counters import LIKE, SWITCHES, Ledger, counted
from resnet_viz.costs.profile_records import Profile
from resnet_viz.ui.shared.messages import plain
from resnet_viz.ui.state.choice import CUSTOM
from resnet_viz.units import si
from resnet_viz.views.palette import theme
from resnet_viz.views.tables.layer_tables import ledger_table

__all__ = ["current", "show"]

_USUAL: Final = "torchvision"  # counts the MACs that stand at the head of each page
_TITLES: Final = {name: convention.title for name, convention in LIKE.items()} | {CUSTOM: "custom"}

_AS_IT_IS: Final = "network"  # for None, which a select box takes for nothing chosen

_LABELS: Final[Mapping[str, tuple[str, Mapping[Any, str]]]] = {
    "per_mac": ("A multiply-accumulate", {1: "1 (MAC)", 2: "2 (FLOPs)"}),
    "batch_norm": (
        "Batch norm",
        {
            "none": "nothing",
            "parameters": "its parameters, once a picture",
            "cell": "1 per cell",
            "2 per cell": "2 per cell",
            "4 per cell": "4 per cell",
        },
    ),
    "pooling": (
        "Pooling",
        {
            "none": "nothing",
            "global": "1 per cell into the global pooling",
            "averages": "additions and divisions of averages",
            "inputs": "1 per cell into any pooling",
            "inputs twice": "2 per cell into any pooling",
        },
    ),
    "stride_in": (
        "A bottleneck strides in",
        {_AS_IT_IS: "the convolution it does", "3x3": "its 3×3", "1x1": "its first 1×1 (paper)"},
    ),
    "activation": ("Each cell of a ReLU", {0: "0", 1: "1", 2: "2"}),
    "addition": ("Each cell of a sum", {0: "0", 1: "1", 2: "2"}),
    "bias": ("The classifier's biases", {False: "0", True: "1 each"}),
}
_LISTED: Final = ("batch_norm", "pooling", "stride_in")  # the others have few values, and short


def current() -> Ledger:
    """The ledger of this run, whether its switches are drawn already or not."""
    _fill(_USUAL, only_missing=True)
    values: dict[str, Any] = {name: st.session_state[_key(name)] for name in SWITCHES}
    if values["stride_in"] == _AS_IT_IS:
        values["stride_in"] = None
    return Ledger(**values)


def show(report: Profile, dark: bool) -> None:
    """Draw the switches, their total, and what well-known counters say."""
    ledger = current()
    top = st.columns([1.4, 1, 1.4, 1.6], vertical_alignment="bottom")
    top[0].selectbox(
        "Count like",
        list(_TITLES),
        key="like",
        format_func=_TITLES.__getitem__,
        on_change=_chosen,
        persist_state="session",
        help="Changing one of the switches makes it custom.",
    )
    below = st.columns([1.4, 1, 1.4, 1.6], vertical_alignment="bottom")
    places = (top[1], top[2], top[3], *below)
    for place, name in zip(
        places,
        ("per_mac", "batch_norm", "pooling", "stride_in", "bias", "activation", "addition"),
        strict=True,
    ):
        with place:
            _switch(name)
    total = counted(report, ledger)
    name = st.session_state["like"]
    st.markdown(
        f"**{total:,}** operations, {total / report.totals.macs:.4f} × the "
        f"{si(report.totals.macs)} MACs of this network"
        + (f"; {LIKE[name].title} calls them {LIKE[name].unit}." if name in LIKE else ".")
    )
    st.caption(plain(LIKE[name].about if name in LIKE else "A convention of your own."))
    _table(report, name, dark)


def _switch(name: str) -> None:
    label, values = _LABELS[name]
    if name in _LISTED:
        st.selectbox(
            label,
            list(values),
            key=_key(name),
            format_func=values.__getitem__,
            on_change=_edited,
            persist_state="session",
        )
    else:
        st.segmented_control(
            label,
            list(values),
            key=_key(name),
            format_func=values.__getitem__,
            on_change=_edited,
            required=True,
            persist_state="session",
        )


def _table(report: Profile, name: str, dark: bool) -> None:
    """All conventions for this network at this input; the chosen one marked."""
    table = pd.DataFrame(ledger_table(report))
    chosen = list(LIKE).index(name) if name in LIKE else None
    mark = f"background-color: {theme(dark).badge}"
    style = table.style.apply(
        lambda row: [mark if row.name == chosen else ""] * len(row), axis="columns"
    )
    st.dataframe(
        style,
        hide_index=True,
        column_config={"× MACs": st.column_config.NumberColumn(format="%.4f")}
        | {
            column: st.column_config.NumberColumn(format="localized")
            for column in table.columns
            if table[column].dtype.kind == "i"
        },
        alt="What each of the named counters says about this network at this input",
    )


def _key(switch: str) -> str:
    return f"ledger_{switch}"


def _fill(name: str, *, only_missing: bool = False) -> None:
    """Set the switches as a convention has them."""
    values = {_key(switch): getattr(LIKE[name].ledger, switch) for switch in SWITCHES}
    for key, value in (values | {"like": name}).items():
        if not only_missing or key not in st.session_state:
            st.session_state[key] = _AS_IT_IS if value is None else value


def _chosen() -> None:
    if st.session_state["like"] == CUSTOM:
        _edited()  # it is custom as soon as a switch says so
    else:
        _fill(st.session_state["like"])


def _edited() -> None:
    """Name the convention that the switches now spell, if it has a name."""
    ledger = current()
    names = (name for name, convention in LIKE.items() if convention.ledger == ledger)
    st.session_state["like"] = next(names, CUSTOM)
