"""Links: what is wrong in them is named and left out, and nothing of it is interpreted."""

from __future__ import annotations

import pytest

from resnet_viz import PRESETS, InputSpec
from tests.ui.pages.driver import (
    assert_alive,
    assert_shows,
    fields,
    has_component,
    link,
    open_page,
    said,
)

HOSTILE = (
    "base=<b>",
    "lab=<script>",
    "nets=" + ",".join(["resnet18"] * 500 + ["x"]),
    "memory=1e308",
    "strides=1,2",
    "dilations=1,1,1,1000",
    "h=abc",
    "h=0",
    "h=-1",
    "w=16385",
    "w=1e3",
    "h=٣",
    "h=" + "9" * 5000,
    "c=0",
    "c=1025",
    "classes=999999999999",
    "classes=0",
    "blocks=1,,2",
    "blocks=",
    "blocks=501",
    "block=basic' OR 1=1",
    "stem=../..",
    "model=<script>alert(1)</script>",
    "model=resnet51",
    "model=[a](javascript:alert(1))",
    "model=![a](https://example.org/a.png)",
    "model=$\\sqrt{2}$",
    "model=:material/home: :red[a] *b* _c_ `d` ~e~",
    "model=a\u202eb\x00c\nd",
    "groups=3.5",
    "shortcut=none",
    "stride_in=5x5",
    "zero_init=maybe",
    "weights=../../etc/passwd",
    "weights=imagenet:v3",
    "weights=random:99999999999",
    "width_per_group=0",
    "base_width=%3Cimg%20src=x%3E",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_wrong_value_falls_back_and_says_so(text: str) -> None:
    key = text.partition("=")[0]
    app = open_page("layers", text.replace("%3C", "<").replace("%20", " "))

    assert_shows(app, "layers", PRESETS["resnet50"], InputSpec())
    (sentence,) = said(app)
    assert sentence.startswith(f"The link's {key} w")
    assert link(app) == {"model": "resnet50"}
    assert app.error == []


def test_the_other_values_of_a_link_are_kept() -> None:
    app = open_page("layers", "model=resnet18&h=abc&w=64&c=0&classes=5&weights=x&stem=deep")

    assert len(said(app)) == 3
    assert link(app) == {"model": "custom", "block": "basic", "blocks": "2,2,2,2"} | {
        "stem": "deep", "classes": "5", "w": "64", "base": "resnet18"
    }  # fmt: skip
    assert_alive(app, "layers")
    assert (fields(app)["h"], fields(app)["w"]) == (224, 64)


def test_values_that_do_not_go_together_are_named() -> None:
    app = open_page("layers", "model=resnet18&groups=4")

    (sentence,) = said(app)
    assert "groups and width_per_group belong to bottleneck blocks" in sentence
    assert link(app) == {"model": "resnet18"}


def test_a_complaint_about_a_link_ends_with_the_link() -> None:
    app = open_page("layers", "h=abc")
    assert len(said(app)) == 1

    app.query_params = {"model": "resnet18", "h": "40"}
    app.run()
    assert_shows(app, "layers", PRESETS["resnet18"], InputSpec(40, 224))
    assert said(app) == []


def test_parameters_of_others_stay_in_the_address() -> None:
    app = open_page("layers", "model=resnet18&embed_options=x&utm=1")

    assert link(app) == {"model": "resnet18", "utm": "1", "embed_options": "x"}


@pytest.mark.parametrize("layer", ["nope", "<b>x</b>", "layer9.0", "../x", "a" * 5000, "*x*"])
def test_a_layer_that_is_not_there_is_named_and_another_shown(layer: str) -> None:
    app = open_page("feature_maps", f"model=resnet18&h=32&w=32&layer={layer}")

    assert_alive(app, "feature_maps")
    (sentence,) = said(app)
    assert sentence == f"This network has no layer {layer[:80]}; it was left out."
    assert app.selectbox(key="layer").value == "layer1.0"
    assert link(app)["layer"] == "layer1.0"
    assert has_component(app, "mosaic")


@pytest.mark.parametrize("name", ["cuda:9", "<i>gpu</i>", "meta", "", "cpu:7", "tpu"])
def test_a_device_that_is_not_there_is_one_sentence_and_the_page_lives_on(name: str) -> None:
    app = open_page("feature_maps", f"model=resnet18&h=32&w=32&device={name}")

    assert_alive(app, "feature_maps")
    assert len(said(app)) == 1

    app.selectbox(key="device").set_value("cpu").run()
    assert_shows(app, "feature_maps", PRESETS["resnet18"], InputSpec(32, 32))
    assert said(app) == []
    assert link(app)["device"] == "cpu"


@pytest.mark.parametrize("page", ["architecture", "layers", "input_size"])
def test_what_other_pages_need_does_not_disturb_this_one(page: str) -> None:
    app = open_page(page, "device=cuda:9&layer=layer2.1.conv2")

    assert_shows(app, page, PRESETS["resnet50"], InputSpec())
    assert link(app)["layer"] == "layer2.1.conv2"
