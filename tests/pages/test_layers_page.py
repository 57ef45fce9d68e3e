"""The Layers page: the table is the profile, and torchinfo agrees."""

from __future__ import annotations

import pytest

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.spec import preset_input
from resnet_viz.units import shape_text
from tests.pages.driver import assert_shows, link, open_page, table

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
def test_the_table_is_the_profile(text: str) -> None:
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


@pytest.mark.parametrize("text", SPECS)
def test_torchinfo_agrees(text: str) -> None:
    spec, size = SPECS[text]
    app = open_page("layers", text)

    (sentence,) = [success.value for success in app.success]
    report = profile(spec, size)
    assert sentence.startswith(f"All {len(report.layers)} shapes, parameter counts")
    assert f"{report.totals.macs:,} MACs" in sentence
    assert "Total params" in app.code[0].value


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("conv2d", lambda row: row.op == "conv2d"),
        ("CONV2D layer3", lambda row: row.op == "conv2d" and "layer3" in row.path),
        ("layer2 shortcut", lambda row: "layer2" in row.path and row.branch == "shortcut"),
        ("downsample", lambda row: "downsample" in row.path),
        ("nothing such", lambda row: False),
        (".*", lambda row: False),
        ("[", lambda row: False),
        ("  ", lambda row: True),
    ],
)
def test_search(words: str, wanted: object) -> None:
    app = open_page("layers", "model=resnet34")
    app.text_input(key="search").set_value(words).run()

    assert_shows(app, "layers", PRESETS["resnet34"], InputSpec())
    expected = [row.path for row in profile(PRESETS["resnet34"]).layers if wanted(row)]  # type: ignore[operator]
    assert list(table(app)["Layer"]) == expected


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


def test_the_downsample_points_stand_under_the_graph() -> None:
    app = open_page("architecture", "model=resnet50")

    shown, points = table(app), profile(PRESETS["resnet50"]).downsample_points
    assert list(shown["Downsample point"]) == [point.path for point in points]
    assert list(shown["Reason"]) == ["channels", *["stride + channels"] * 3]


def test_a_network_without_downsample_points_shows_no_table() -> None:
    app = open_page("architecture", "block=basic&blocks=4&h=64&w=64")

    assert_shows(app, "architecture", ResNetSpec(block="basic", blocks=(4,)), InputSpec(64, 64))
    assert len(app.dataframe) == 0


@pytest.mark.parametrize(
    ("text", "compared"), [("h=224&w=224", False), ("h=512&w=512", True), ("h=7&w=300", True)]
)
def test_the_resolution_table_stands_beside_224(text: str, compared: bool) -> None:
    app = open_page("input_size", f"model=resnet18&{text}")

    shown = table(app)
    assert list(shown["Stage"]) == ["stem", "layer1", "layer2", "layer3", "layer4"]
    assert ("Output at 224 × 224" in shown) == compared
    assert len(app.get("plotly_chart")) == 4
