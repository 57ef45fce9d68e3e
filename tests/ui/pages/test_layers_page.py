"""The Layers page: the table is the profile, the ledger counts, and torchinfo agrees."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.costs.flop_counters import LIKE, Ledger, count_rows, counted
from resnet_viz.costs.profile_records import LayerProfile, Profile
from resnet_viz.network.spec import preset_input
from resnet_viz.units import shape_text
from tests.ui.pages.driver import assert_shows, go_to, link, open_page, table

SPECS = {
    "model=resnet18": (PRESETS["resnet18"], InputSpec()),
    "model=resnet20": (PRESETS["resnet20"], preset_input("resnet20")),
    "model=resnext50_32x4d&h=33&w=65": (PRESETS["resnext50_32x4d"], InputSpec(33, 65)),
    "stem=deep&shortcut=avgpool_projection&stride_in=1x1&c=12&classes=3&h=1&w=1": (
        ResNetSpec(
            stem="deep",
            shortcut="avgpool_projection",
            stride_in="1x1",
            in_channels=12,
            num_classes=3,
        ),
        InputSpec(1, 1),
    ),
}


@pytest.mark.parametrize("text", SPECS)
def test_the_table_is_the_profile_and_torchinfo_agrees(text: str) -> None:
    spec, size = SPECS[text]
    app = open_page("layers", text)
    assert_shows(app, "layers", spec, size)

    shown, rows = table(app), profile(spec, size).layers
    expected = {
        "Layer": [row.path for row in rows],
        "Operation": [row.op for row in rows],
        "Stage": [row.stage for row in rows],
        "Branch": [row.branch for row in rows],
        "Output": [shape_text(row.output_shape[1:]) for row in rows],
        "Parameters": [row.params for row in rows],
        "MACs": [row.macs for row in rows],
        "Output bytes": [row.output_bytes for row in rows],
        "Receptive field": [shape_text(row.receptive_field) for row in rows],
    }
    assert {name: list(shown[name]) for name in expected} == expected
    assert any(f"{len(rows)} of {len(rows)} operations" in text.value for text in app.caption)
    _assert_torchinfo_agrees(app, profile(spec, size))


def _assert_torchinfo_agrees(app: AppTest, report: Profile) -> None:
    (sentence,) = [success.value for success in app.success]
    assert sentence.startswith(f"All {len(report.layers)} shapes, parameter counts")
    assert f"{report.totals.macs:,} MACs" in sentence
    assert "Total params" in app.code[0].value


SEARCHES: dict[str, Callable[[LayerProfile], bool]] = {
    "conv2d": lambda row: row.op == "conv2d",
    "CONV2D layer3": lambda row: row.op == "conv2d" and "layer3" in row.path,
    "layer2 shortcut": lambda row: "layer2" in row.path and row.branch == "shortcut",
    "downsample": lambda row: "downsample" in row.path,
    "nothing such": lambda row: False,
    ".*": lambda row: False,
    "[": lambda row: False,
    "  ": lambda row: True,
}


def test_search() -> None:
    app = open_page("layers", "model=resnet34")
    rows = profile(PRESETS["resnet34"]).layers
    for words, wanted in SEARCHES.items():
        app.text_input(key="search").set_value(words).run()

        assert_shows(app, "layers", PRESETS["resnet34"], InputSpec())
        assert list(table(app)["Layer"]) == [row.path for row in rows if wanted(row)], words


def test_stages_can_be_picked_and_searched_together() -> None:
    app = open_page("layers", "model=resnet34")
    app.pills(key="stages_shown").set_value(["layer2", "head"]).run()
    rows = profile(PRESETS["resnet34"]).layers
    assert list(table(app)["Layer"]) == [
        row.path for row in rows if row.stage in ("layer2", "head")
    ]

    app.text_input(key="search").set_value("linear").run()
    assert list(table(app)["Layer"]) == ["fc"]


def test_a_stage_that_the_next_network_lacks_is_let_go() -> None:
    app = open_page("layers", "model=resnet18")
    app.pills(key="stages_shown").set_value(["layer4"]).run()
    app.selectbox(key="model").set_value("resnet20").run()

    assert_shows(app, "layers", PRESETS["resnet20"], InputSpec(32, 32))
    assert set(table(app)["Stage"]) >= {"stem", "layer3", "head"}
    assert link(app) == {"model": "resnet20"}


# --- the columns --------------------------------------------------------------------------------

USUAL = ["Layer", "Operation", "Output", "Kernel", "Stride", "Parameters", "MACs", "Output bytes"]


def shown_columns(app: AppTest) -> list[str]:
    return list(app.dataframe[0].proto.column_order)


def test_the_usual_columns_and_all_others() -> None:
    app = open_page("layers", "model=resnet18")
    assert shown_columns(app) == USUAL
    every = list(table(app))
    assert {"Stage", "Branch", "Input", "Groups", "Receptive field", "Jump", "Counted"} <= set(
        every
    )

    app.pills(key="columns").set_value(["MACs", "Jump", "Counted"]).run()
    assert shown_columns(app) == ["Layer", "MACs", "Jump", "Counted"]
    app.pills(key="columns").set_value(every).run()
    assert shown_columns(app) == every
    app.pills(key="columns").set_value([]).run()
    assert shown_columns(app) == ["Layer"]
    assert_shows(app, "layers", PRESETS["resnet18"], InputSpec())


# --- the focus ----------------------------------------------------------------------------------


def marked(app: AppTest) -> list[int]:
    """The rows of the table that are set off, by their style."""
    css = app.dataframe[0].proto.arrow_data.styler.styles
    rules = [part.split("{")[0] for part in css.split("}") if "font-weight: bold" in part]
    return sorted({int(row) for rule in rules for row in re.findall(r"_row(\d+)_col0\b", rule)})


def sentence(app: AppTest) -> str:
    (text,) = [m.value for m in app.markdown if m.value.startswith("In focus")]
    return re.sub(r"\\(.)", r"\1", text)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("layer2.0.conv1", "conv2d, 64 × 56 × 56 to 128 × 28 × 28, 57.80 M MACs"),
        ("layer2.0", "9 operations, 64 × 56 × 56 to 128 × 28 × 28"),
        ("layer2.0.downsample", "2 operations, 64 × 56 × 56 to 128 × 28 × 28"),
        ("layer3", "16 operations, 128 × 28 × 28 to 256 × 14 × 14"),
        ("fc", "linear, 512 to 1000, 512.0 k MACs, 513.0 k parameters, 4.000 kB"),
    ],
)
def test_the_focus_of_a_link_is_named_and_marked(path: str, words: str) -> None:
    app = open_page("layers", f"model=resnet18&layer={path}")
    rows = profile(PRESETS["resnet18"]).layers
    expected = [i for i, row in enumerate(rows) if f"{row.path}.".startswith(f"{path}.")]
    assert marked(app) == expected
    assert f"**{path}**" in sentence(app)
    assert words in sentence(app)

    app.toggle(key="only_focus").set_value(True).run()
    assert list(table(app)["Layer"]) == [rows[i].path for i in expected]
    app.button(key="clear_focus").click().run()
    assert_shows(app, "layers", PRESETS["resnet18"], InputSpec())
    assert link(app) == {"model": "resnet18"}
    assert marked(app) == []
    assert len(table(app)) == len(rows)
    assert not [m for m in app.markdown if m.value.startswith("In focus")]


def test_a_focus_outside_what_is_shown_is_still_named() -> None:
    app = open_page("layers", "model=resnet18&layer=fc")
    app.text_input(key="search").set_value("layer1").run()
    assert "**fc**" in sentence(app)
    assert any("What is in focus is not among them." in text.value for text in app.caption)


def test_another_search_is_another_table_to_select_in() -> None:
    app = open_page("layers", "model=resnet18")
    keys = [app.dataframe[0].key]
    for words in ("conv2d", "", "layer1"):
        app.text_input(key="search").set_value(words).run()
        keys.append(app.dataframe[0].key)
    assert keys[0] == keys[2]
    assert len(set(keys)) == 3


@pytest.mark.parametrize("model", ["resnet18", "resnet1202"])
def test_the_map_of_each_cost(model: str) -> None:
    app = open_page("layers", f"model={model}&layer=layer2")
    maps = set()
    for cost in ("macs", "output_bytes", "params"):
        app.segmented_control(key="map_cost").set_value(cost).run()
        assert_shows(app, "layers", PRESETS[model], preset_input(model))
        (chart,) = app.get("plotly_chart")
        assert len(chart.proto.spec) < 200_000
        maps.add(chart.proto.spec)
    assert len(maps) == 3


# --- the ledger ---------------------------------------------------------------------------------

SWITCHES = ("per_mac", "bias", "batch_norm", "activation", "addition", "pooling", "stride_in")


def switches(app: AppTest) -> dict[str, object]:
    values = {name: app.session_state[f"ledger_{name}"] for name in SWITCHES}
    return values | {"stride_in": None if values["stride_in"] == "network" else values["stride_in"]}


def total_said(app: AppTest) -> int:
    (text,) = [m.value for m in app.markdown if " operations, " in m.value and "×" in m.value]
    return int(text.split("**")[1].replace(",", ""))


@pytest.mark.parametrize("text", ["", "model=resnext50_32x4d&h=33&w=65&shortcut=zero_pad"])
def test_every_convention(text: str) -> None:
    app = open_page("layers", text)
    report = profile(PRESETS["resnet50"])
    if text:
        spec = replace(PRESETS["resnext50_32x4d"], shortcut="zero_pad")
        report = profile(spec, InputSpec(33, 65))
    assert total_said(app) == report.totals.macs
    for name, convention in LIKE.items():
        app.selectbox(key="like").set_value(name).run()
        assert Ledger(**switches(app)) == convention.ledger  # type: ignore[arg-type]
        assert total_said(app) == counted(report, convention.ledger)
        assert tuple(table(app)["Counted"]) == count_rows(report, convention.ledger)
        about = [re.sub(r"\\(.)", r"\1", text.value).replace("\u2060", "") for text in app.caption]
        assert convention.about in about
    totals = [counted(report, convention.ledger) for convention in LIKE.values()]
    assert list(table(app, 1)["Total"]) == totals
    assert [error.value for error in app.error] == []


def test_switching_makes_a_convention_custom_until_it_has_a_name_again() -> None:
    app = open_page("layers", "model=resnet18")
    report = profile(PRESETS["resnet18"])
    app.segmented_control(key="ledger_addition").set_value(1).run()
    assert app.selectbox(key="like").value == "custom"
    assert total_said(app) == counted(report, Ledger(addition=1))
    app.segmented_control(key="ledger_addition").set_value(0).run()
    assert app.selectbox(key="like").value == "torchvision"
    app.segmented_control(key="ledger_bias").set_value(True).run()
    assert app.selectbox(key="like").value == "ptflops-aten"
    app.selectbox(key="ledger_batch_norm").set_value("parameters").run()
    assert app.selectbox(key="like").value == "torchinfo"
    app.selectbox(key="like").set_value("custom").run()  # it is not
    assert app.selectbox(key="like").value == "torchinfo"
    assert_shows(app, "layers", PRESETS["resnet18"], InputSpec())


def test_the_ledger_stays_while_the_visitor_looks_elsewhere() -> None:
    app = open_page("layers", "model=resnet18")
    app.selectbox(key="like").set_value("thop").run()
    go_to(app, "input_size")
    go_to(app, "layers")
    assert app.selectbox(key="like").value == "thop"
    assert total_said(app) == counted(profile(PRESETS["resnet18"]), LIKE["thop"].ledger)


# --- the tables of other pages ------------------------------------------------------------------


def test_the_downsample_points_stand_under_the_graph() -> None:
    app = open_page("architecture", "model=resnet50")

    shown, points = table(app), profile(PRESETS["resnet50"]).downsample_points
    assert list(shown["Downsample point"]) == [point.path for point in points]
    assert list(shown["Reason"]) == ["channels", *["stride + channels"] * 3]


def test_a_network_without_downsample_points_shows_no_table() -> None:
    app = open_page("architecture", "block=basic&blocks=4&h=64&w=64")

    assert_shows(app, "architecture", ResNetSpec(block="basic", blocks=(4,)), InputSpec(64, 64))
    assert len(app.dataframe) == 0
