"""The sidebar: presets, edits, one-click sizes and what cannot be built."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.ui.state.choice import CUSTOM
from resnet_viz.units import si
from tests.ui.pages.driver import assert_alive, assert_shows, fields, link, metrics, open_page, said

PAGE = "layers"


def _choose(app: AppTest, **values: Any) -> AppTest:
    """Fill in fields of the sidebar one after another, each with a run."""
    for key, value in values.items():
        for widgets in (app.selectbox, app.text_input, app.number_input, app.toggle):
            if key in [widget.key for widget in widgets]:
                widgets(key=key).set_value(value).run()
                break
        else:
            raise AssertionError(f"no field {key}")
    return app


@pytest.mark.parametrize("name", ["resnet18", "resnet152", "wide_resnet50_2", "resnext50_32x4d"])
def test_another_preset_brings_its_numbers(name: str) -> None:
    app = _choose(open_page(PAGE), model=name)

    assert_shows(app, PAGE, PRESETS[name], InputSpec())
    assert link(app) == {"model": name}


def test_a_cifar_preset_brings_its_input_and_takes_it_away() -> None:
    app = _choose(open_page(PAGE), model="resnet20")
    assert_shows(app, PAGE, PRESETS["resnet20"], InputSpec(32, 32))

    _choose(app, model="resnet18")
    assert_shows(app, PAGE, PRESETS["resnet18"], InputSpec(224, 224))


@pytest.mark.parametrize("text", ["h=96&w=96", "h=32&w=32", "h=224&w=225", "model=resnet20&h=40"])
def test_an_input_of_ones_own_stays_with_another_preset(text: str) -> None:
    app = open_page(PAGE, text)
    before = fields(app)
    other = "resnet56" if before["model"] == "resnet50" else "resnet34"
    _choose(app, model=other)

    size = InputSpec(int(str(before["h"])), int(str(before["w"])))
    assert_shows(app, PAGE, PRESETS[other], size)


def test_channels_and_ones_own_classes_stay_with_another_preset() -> None:
    app = _choose(open_page(PAGE, "c=8&classes=7"), model="resnet20")

    shown = fields(app)
    assert (shown["c"], shown["classes"]) == (8, 7)
    assert_shows(
        app, PAGE, ResNetSpec.from_query({"model": "resnet20", "c": "8", "classes": "7"}),
        InputSpec(32, 32),
    )  # fmt: skip


def test_a_presets_own_classes_follow_the_preset() -> None:
    app = _choose(open_page(PAGE), model="resnet20")
    assert fields(app)["classes"] == 10

    assert fields(_choose(app, model="resnet50"))["classes"] == 1000


def test_editing_the_blocks_makes_the_network_custom_and_editing_back_names_it() -> None:
    app = _choose(open_page(PAGE), blocks="3,4,6,4")

    assert fields(app)["model"] == CUSTOM
    assert_shows(app, PAGE, ResNetSpec(blocks=(3, 4, 6, 4)), InputSpec())
    assert link(app) == {"model": "custom", "block": "bottleneck", "blocks": "3,4,6,4"}
    assert next(m.delta for m in app.metric if m.label == "Depth") == "+3"

    _choose(app, blocks="3,4,23,3")
    assert fields(app)["model"] == "resnet101"
    assert link(app) == {"model": "resnet101"}


def test_custom_alone_is_no_network() -> None:
    app = _choose(open_page(PAGE, "model=resnet34"), model=CUSTOM)

    assert fields(app)["model"] == "resnet34"
    assert_shows(app, PAGE, PRESETS["resnet34"], InputSpec())


@pytest.mark.parametrize(
    ("edits", "spec"),
    [
        ({"shortcut": "zero_pad"}, ResNetSpec(shortcut="zero_pad")),
        ({"shortcut": "avgpool_projection"}, ResNetSpec(shortcut="avgpool_projection")),
        ({"stem": "deep"}, ResNetSpec(stem="deep")),
        ({"stem": "small"}, ResNetSpec(stem="small")),
        ({"groups": 32, "width_per_group": 4}, PRESETS["resnext50_32x4d"]),
        ({"groups": 2}, ResNetSpec(groups=2)),
        ({"width_per_group": 128}, PRESETS["wide_resnet50_2"]),
        ({"base_width": 32}, ResNetSpec(base_width=32)),
        ({"stride_in": "1x1"}, ResNetSpec(stride_in="1x1")),
        ({"zero_init": True}, ResNetSpec(zero_init_residual=True)),
        ({"block": "basic"}, PRESETS["resnet34"]),
        ({"groups": 2, "block": "basic", "blocks": "2,2,2,2"}, PRESETS["resnet18"]),
    ],
)
def test_each_field_changes_the_network(edits: dict[str, object], spec: ResNetSpec) -> None:
    app = _choose(open_page(PAGE), **edits)

    assert_shows(app, PAGE, spec, InputSpec())
    assert link(app) == spec.to_query()
    assert fields(app)["model"] == spec.to_query()["model"]


@pytest.mark.parametrize(
    ("name", "channels", "height", "width"),
    [
        ("224", 4, 224, 224),
        ("CIFAR 32", 3, 32, 32),
        ("MNIST 28", 1, 28, 28),
        ("64", 4, 64, 64),
        ("512", 4, 512, 512),
        ("1080p", 4, 1080, 1920),
    ],
)
def test_one_click_sizes(name: str, channels: int, height: int, width: int) -> None:
    app = open_page(PAGE, "c=4&h=100&w=50")
    app.pills(key="size").set_value(name).run()

    assert_shows(app, PAGE, ResNetSpec(in_channels=channels), InputSpec(height, width))
    assert app.pills(key="size").value is None


BAD_BLOCKS = (
    *("", "1,,2", "0", "3,4,6,-3", "501", "1,1,1,1,1,1,1,1,1"),
    *("<b>3</b>", "3;4", "９", "1e3", "9" * 99),
)


@pytest.mark.parametrize("text", BAD_BLOCKS)
def test_blocks_that_cannot_be_built_are_one_sentence_and_the_page_lives_on(text: str) -> None:
    app = _choose(open_page(PAGE, "model=resnet34&h=64&w=64"), blocks=text)

    assert_alive(app, PAGE)
    (sentence,) = said(app)
    assert sentence.endswith("Shown is the last network that could be built.")
    assert metrics(app)["Parameters"] == si(profile(PRESETS["resnet34"]).totals.params)
    assert fields(app)["blocks"] == text  # to be mended by the visitor
    assert link(app) == {"model": "resnet34", "h": "64", "w": "64"}

    _choose(app, blocks="2,2,2,2")
    assert_shows(app, PAGE, PRESETS["resnet18"], InputSpec(64, 64))


@pytest.mark.parametrize(
    "text",
    ["imagenet:v3", "patterns.safetensors", "random:", "random:x", "random:-1", "/etc/passwd"],
)
def test_weights_that_do_not_exist_are_one_sentence(text: str) -> None:
    app = _choose(open_page(PAGE), weights=text)

    assert_alive(app, PAGE)
    assert len(said(app)) == 1
    assert "weights" not in link(app)


def test_widths_that_leave_no_channel_are_one_sentence() -> None:
    app = _choose(open_page(PAGE, "base_width=8"), width_per_group=4)

    assert_alive(app, PAGE)
    (sentence,) = said(app)
    assert "use at least 8" in sentence
