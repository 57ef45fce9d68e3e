"""The panel What changed, alone on a page."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.sizing.comparison.comparing import Comparison, compare
from resnet_viz.ui.input_size.panel_inputs import Bench
from resnet_viz.ui.state.choice import Choice
from resnet_viz.ui.state.input_size_options import Lab
from resnet_viz.views.tables.comparison_tables import change_table, total_table

R18 = PRESETS["resnet18"]
CHANGED = replace(R18, stem="small", num_classes=10)


def _page(bench, rows):  # type: ignore[no-untyped-def]
    import streamlit as st

    from resnet_viz.ui.input_size import what_changed_panel

    st.session_state.setdefault("rows", rows)
    what_changed_panel.draw(bench)


def _open(
    spec: ResNetSpec, size: InputSpec, rows: str = "different", focus: str | None = None
) -> tuple[AppTest, Comparison]:
    reference, report = profile(R18), profile(spec, size)
    bench = Bench(Choice(spec, size, layer=focus), report, reference, Lab(rows=rows), dark=True)
    app = AppTest.from_function(_page, kwargs={"bench": bench, "rows": rows}, default_timeout=60)
    app.run()
    assert [error.value for error in app.exception] == []
    return app, compare(reference, report)


def _shown(app: AppTest, index: int) -> pd.DataFrame:
    frame = app.dataframe[index].value
    assert isinstance(frame, pd.DataFrame)
    return frame


@pytest.mark.parametrize(
    ("rows", "focus"),
    [("different", None), ("different", "layer2"), ("all", "layer2.0.downsample"), ("all", "fc")],
)
def test_the_tables_are_those_of_the_comparison(rows: str, focus: str | None) -> None:
    app, comparison = _open(CHANGED, InputSpec(33, 32), rows, focus)
    shown = _shown(app, 1)
    for name, column in change_table(comparison, rows == "different").items():
        values = [None if value is pd.NA else value for value in shown[name]]
        assert values == column, name
    totals = _shown(app, 0)
    assert {name: list(totals[name]) for name in totals} == total_table(comparison)
    caption = app.caption[0].value
    assert caption.startswith(
        f"{len(comparison.different)} of {len(comparison.layers)} operations differ"
    )


def test_the_summary_stands_first_and_plain() -> None:
    app, comparison = _open(CHANGED, InputSpec(33, 32))
    lines = [re.sub(r"\\(.)", r"\1", line) for line in app.markdown[0].value.splitlines()]
    assert lines == [f"- {sentence}" for sentence in comparison.summary]


def test_all_layers_can_be_asked_for() -> None:
    dilated = replace(R18, dilations=(1, 1, 1, 2))
    app, comparison = _open(dilated, InputSpec())
    assert len(_shown(app, 1)) == len(comparison.different) < len(comparison.layers)
    (control,) = app.segmented_control
    control.set_value("all").run()
    assert len(_shown(app, 1)) == len(comparison.layers)
    assert app.session_state["rows"] == "all"


def test_one_sentence_and_all_layers_where_nothing_differs() -> None:
    app, _ = _open(R18, InputSpec())
    (line,) = [text.value for text in app.markdown]
    assert line.startswith("Nothing differs: this is the reference.")
    assert list(_shown(app, 0)["Layer"]) == [layer.path for layer in profile(R18).layers]


def test_counts_that_no_data_frame_holds_are_shown() -> None:
    spec = ResNetSpec(blocks=(1,) * 8, base_width=1024, width_per_group=1024)
    app, comparison = _open(spec, InputSpec(16_384, 16_384, batch=4096))
    shown = _shown(app, 1)
    assert list(shown["MACs, here"]) == change_table(comparison)["MACs, here"]
    assert isinstance(shown["MACs, here"][0], str)
