"""The panel for a thing in focus, drawn by a script of its own."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from streamlit.testing.v1 import AppTest

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile, trace
from resnet_viz.network.layer_graph import INPUT
from resnet_viz.network.source_lines import code_of
from resnet_viz.network.spec import preset_input
from resnet_viz.ui.state.choice import Choice
from resnet_viz.units import si
from resnet_viz.views.inspector.filled_formulas import formulas, mismatch
from resnet_viz.views.inspector.inspector_card import heading, input_numbers, kind, numbers, reasons
from resnet_viz.views.inspector.part_costs import find, parts
from tests.helpers.strategies import inputs, specs


def _script(choice, path):  # type: ignore[no-untyped-def]
    """Two pages to link to, and the panel alone on a third."""
    from pathlib import Path

    import streamlit as st

    import resnet_viz
    from resnet_viz.ui.architecture import inspector_panel

    def alone() -> None:
        focus = st.session_state.setdefault("layer", path)
        if focus:
            inspector_panel.show(choice, resnet_viz.profile(choice.spec, choice.input), focus)

    folder = Path(resnet_viz.__file__).parents[1] / "pages"
    others = [st.Page(folder / f"{name}.py") for name in ("layers", "feature_maps")]
    st.navigation([st.Page(alone, default=True), *others], position="hidden").run()


def _open(choice: Choice, path: str) -> AppTest:
    app = AppTest.from_function(_script, default_timeout=60, args=(choice, path)).run()
    assert [error.value for error in app.exception] == []
    return app


def _choice(name: str, **fields: Any) -> Choice:
    return Choice(PRESETS[name], preset_input(name), **fields)


def _read(markup: str) -> str:
    """The text of some HTML, once its tags are seen to close."""
    text, depth = [], 0
    for part in re.split(r"(<[^>]*>)", markup):
        if part.startswith("<") and part != "<br>":
            depth += -1 if part.startswith("</") else 1
        else:
            assert "<" not in part or part == "<br>"
            text.append(part if part != "<br>" else "\n")
    assert depth == 0
    return html.unescape("\n".join(text))


def _said(app: AppTest) -> str:
    """All HTML that is not style, as text."""
    parts = [str(each.proto.body) for each in app.get("html")]
    return "\n".join(_read(part) for part in parts if "<style>" not in part)


def _links(app: AppTest) -> dict[str, dict[str, str]]:
    return {
        each.proto.page: dict(parse_qsl(each.proto.query_string)) for each in app.get("page_link")
    }


PLACES = (
    INPUT, "stem", "conv1", "bn1", "maxpool", "layer1", "layer1.0", "layer2.0.conv2",
    "layer2.0.add", "layer2.0.downsample", "layer2.0.downsample.0", "layer4.2", "head", "avgpool",
    "flatten", "fc",
)  # fmt: skip


@pytest.mark.parametrize("path", PLACES)
def test_the_panel_shows_numbers_and_code(path: str) -> None:
    choice = _choice("resnet50")
    report = profile(choice.spec, choice.input)
    app = _open(choice, path)
    text = _said(app)
    assert path in text.split("\n")
    if path in report.by_path:
        for formula in formulas(report, path):
            assert formula.text in text
    if path != INPUT:
        last = find(report, path).layers[-1]
        assert f"{last.receptive_field[0]} × {last.receptive_field[1]} px" in text
    excerpts = code_of(trace(choice.spec), path)
    assert [code.value for code in app.code] == [excerpt.text for excerpt in excerpts]
    captions = " ".join(re.sub(r"\\(.)", r"\1", caption.value) for caption in app.caption)
    for excerpt in excerpts:
        assert f"{excerpt.place} · {excerpt.title}" in captions


def test_a_field_beyond_the_input_is_said() -> None:
    beyond = "more than the input's"
    assert f"{beyond} 32 × 32" in _said(_open(_choice("resnet20"), "layer3"))
    assert beyond not in _said(_open(_choice("resnet20"), "layer1"))


@pytest.mark.parametrize(
    "path", ["layer2", "layer2.0", "layer2.0.downsample", "layer2.0.add", "layer2.1"]
)
def test_a_downsample_point_has_its_reasons(path: str) -> None:
    choice = _choice("resnet50")
    text = _said(_open(choice, path))
    fits_not = mismatch(profile(choice.spec, choice.input), "layer2.0")
    assert (fits_not in text) == (path != "layer2.1")
    assert ("layer2.0 strides from 56 × 56 to 28 × 28" in text) == (path != "layer2.1")
    assert ("makes 512 channels of 256" in text) == (path != "layer2.1")


def test_sums_of_a_stage_with_its_share() -> None:
    choice = _choice("resnet18")
    report = profile(choice.spec, choice.input)
    text = _said(_open(choice, "layer4"))
    rows = [row for row in report.layers if row.stage == "layer4"]
    macs = sum(row.macs for row in rows)
    assert f"{macs:,}" in text
    assert si(macs) in text
    assert f"{macs / report.totals.macs:.1%}".replace("%", " %") in text
    assert f"{sum(row.output_bytes for row in rows):,} B" in text


@pytest.mark.parametrize(
    ("path", "layer", "maps"),
    [
        ("stem", "stem", "maxpool"),
        ("layer2", "layer2", "layer2.5"),
        ("layer2.1", "layer2.1", "layer2.1"),
        ("layer2.0.conv1", "layer2.0.conv1", "layer2.0.conv1"),
        ("layer2.0.downsample", "layer2.0.downsample", "layer2.0.downsample.1"),
        ("head", "head", "fc"),
    ],
)
def test_links_carry_the_choice_and_the_thing(path: str, layer: str, maps: str) -> None:
    spec = ResNetSpec(blocks=(2, 6, 1), in_channels=4)
    choice = Choice(spec, InputSpec(96, 65, channels=4), "cpu", "random:7", "fc")
    links = _links(_open(choice, path))
    for page, focus in (("layers", layer), ("feature_maps", maps)):
        there, problems = Choice.from_query(links[page], str)
        assert problems == ()
        assert there == Choice(spec, choice.input, "cpu", "random:7", focus)


def test_the_input_has_no_links() -> None:
    assert _links(_open(_choice("resnet18"), INPUT)) == {}


def test_clear_leaves_nothing_in_focus() -> None:
    app = _open(_choice("resnet18"), "layer1.0")
    app.button(key="inspector_clear").click().run()
    assert app.session_state["layer"] is None
    assert len(app.get("html")) == 0


def _click(app: AppTest, row: int) -> None:
    """What the browser sends for a click into a row of the first table."""
    states = app._tree.get_widget_states()
    state = states.widgets.add()
    state.id = app.dataframe[0].proto.id
    cells = {"rows": [], "columns": [], "cells": [[row, "Output"]]}
    state.string_value = json.dumps({"selection": cells})
    app._run(states)
    assert [error.value for error in app.exception] == []


@pytest.mark.parametrize("path", ["stem", "layer2", "layer2.0", "layer2.0.downsample", "head"])
def test_a_click_on_a_part_focuses_it(path: str) -> None:
    choice = _choice("resnet34")
    report = profile(choice.spec, choice.input)
    members = parts(report, find(report, path))
    app = _open(choice, path)
    assert len(app.dataframe[0].value) == len(members)
    for row in (1, 0):
        _click(app, row)
        assert app.session_state["layer"] == members[row].path
        assert members[row].path in _said(app).split("\n")
        app.session_state["layer"] = path
        app.run()


@settings(max_examples=40)
@given(specs(), inputs())
def test_every_place_of_any_network_has_a_card(spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    assert _read(heading(report, INPUT, None) + input_numbers(report))
    for path in ("stem", "head", *trace(spec).outputs):
        group = find(report, path)
        text = _read(heading(report, path, group) + numbers(report, group))
        assert kind(report, path, group) in text
        assert " × ".join(map(str, group.output_shape[1:])) in text
        why = reasons(report, group)
        assert bool(why) == bool(
            group.downsample
            or any(
                point.block == group.layers[0].block
                and len(group.layers) == 1
                and group.layers[0].branch in ("shortcut", "merge")
                and group.layers[0].op != "relu"
                for point in report.downsample_points
            )
        )
        _read(why)
