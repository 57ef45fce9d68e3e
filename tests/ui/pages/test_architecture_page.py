"""The Architecture page: what is drawn, what is open, what is in focus."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from resnet_viz import PRESETS, profile
from resnet_viz.network.spec import preset_input
from resnet_viz.views.graph.open_parts import LEVELS, Opening, parts
from tests.ui.pages.driver import assert_alive, go_to, link, open_page, said


def graph(app: AppTest) -> Any:
    """What the page sends to the block graph."""
    (component,) = app.get("bidi_component")
    return json.loads(component.proto.json)


def drawn(app: AppTest) -> set[str]:
    """The nodes of the drawing."""
    found = re.findall(r'<g id="([^"]+)" class="node">', graph(app)["svg"])
    assert len(found) == len(set(found))
    return {path.replace("&#45;", "-") for path in found}


def opened(app: AppTest) -> dict[str, bool]:
    """What can be opened or closed, and whether it is open."""
    return {handle["key"]: handle["open"] for handle in graph(app)["handles"]}


def test_the_app_starts_with_the_blocks_of_resnet_50() -> None:
    app = open_page("architecture")

    assert {"layer4.2", "layer2.0.downsample"} <= drawn(app)
    assert "layer1.0.conv1" not in drawn(app)
    assert graph(app)["focus"] is None
    assert graph(app)["label"].startswith("The graph of resnet50 on 3 × 224 × 224")


@pytest.mark.parametrize("name", ["resnet18", "resnet152", "resnet1202"])
def test_each_level_of_small_and_large_networks(name: str) -> None:
    app = open_page("architecture", f"model={name}")
    report = profile(PRESETS[name], preset_input(name))
    for level in LEVELS:
        app.segmented_control(key="level").set_value(level).run()

        assert_alive(app, "architecture")
        assert said(app) == []
        assert len(drawn(app)) == 1 + sum(part.nodes for part in parts(report, Opening(level)))
        assert link(app).get("level", "block") == level


@pytest.mark.parametrize("level", LEVELS)
def test_every_part_has_a_handle_on_a_node_that_is_drawn(level: str) -> None:
    app = open_page("architecture", f"model=resnet152&level={level}")
    handles = graph(app)["handles"]

    assert {handle["node"] for handle in handles} <= drawn(app)
    labels = [handle["label"] for handle in handles]
    assert len(labels) == len(set(labels))
    # Two on one node stand on different corners.
    places = [(handle["node"], handle["corner"]) for handle in handles]
    assert len(places) == len(set(places))


def test_what_a_link_opens_stays_open_from_page_to_page() -> None:
    app = open_page("architecture", "model=resnet18&open=layer1.0,layer3")
    wanted = {"model": "resnet18", "open": "layer1.0,layer3"}

    for _ in range(2):
        assert "layer1.0.conv2" in drawn(app)
        assert "layer3.0" not in drawn(app)
        assert (opened(app)["layer1.0"], opened(app)["layer3"]) == (True, False)
        assert link(app) == wanted
        go_to(app, "layers")
        assert link(app) == wanted
        go_to(app, "architecture")


def test_a_link_says_what_the_bars_show() -> None:
    app = open_page("architecture", "model=resnet18&cost=params")

    assert "of the parameters" in graph(app)["svg"]
    assert link(app) == {"model": "resnet18", "cost": "params"}


def test_a_level_closes_what_was_opened_by_hand() -> None:
    app = open_page("architecture", "model=resnet18&open=layer1.0")
    app.segmented_control(key="level").set_value("stage").run()

    assert link(app) == {"model": "resnet18", "level": "stage"}
    assert not any(opened(app).values())


def test_another_network_keeps_the_level_and_what_it_has() -> None:
    app = open_page("architecture", "model=resnet50&level=stage&open=layer3,layer3.5")
    app.text_input(key="blocks").set_value("3,4,2,3").run()
    assert said(app) == []
    assert link(app)["open"] == "layer3"
    assert "layer3.1" in drawn(app)

    app.selectbox(key="model").set_value("resnet18").run()
    assert link(app) == {"model": "resnet18", "level": "stage"}


def test_a_link_that_opens_too_much_is_answered_with_the_blocks() -> None:
    keys = [f"{stage}.1-199" for stage in ("layer1", "layer2", "layer3")]
    for stage in ("layer1", "layer2", "layer3"):
        keys += [f"{stage}.{i}-{min(i + 39, 199)}" for i in range(1, 200, 40)]
    app = open_page("architecture", f"model=resnet1202&level=op&open={','.join(keys)}")

    assert_alive(app, "architecture")
    (sentence,) = said(app)
    assert "at most 3,000 are drawn" in sentence
    assert "layer1.1" in drawn(app)
    assert len(drawn(app)) < 40


@pytest.mark.parametrize(
    ("query", "key"),
    [("open=%3Cb%3E", "open"), ("level=all", "level"), ("cost=time", "cost")],
)
def test_a_bad_value_is_named_and_left_out(query: str, key: str) -> None:
    app = open_page("architecture", f"model=resnet18&{query}")

    (sentence,) = said(app)
    assert sentence.startswith(f"The link's {key} was left out: ")
    assert link(app) == {"model": "resnet18"}


@pytest.mark.parametrize(
    ("layer", "node"),
    [
        ("layer1.0.conv1", "layer1.0"),
        ("layer2.0.downsample", "layer2.0.downsample"),
        ("layer2.0.downsample.1", "layer2.0"),
        ("layer3", "layer3"),
        ("bn1", "stem"),
        ("head", "head"),
        ("input", "input"),
        ("layer1.1.add", "layer1.1.add"),
    ],
)
def test_what_is_in_focus_is_ringed_where_it_can_be_seen(layer: str, node: str) -> None:
    app = open_page("architecture", f"model=resnet18&layer={layer}")

    assert graph(app)["focus"] == node
    assert node in drawn(app)
    assert link(app)["layer"] == layer
    app.button(key="inspector_clear").click().run()
    assert graph(app)["focus"] is None
    assert "layer" not in link(app)


def test_dark_pages_get_a_dark_drawing() -> None:
    light, dark = (graph(open_page("architecture", theme=theme)) for theme in ("light", "dark"))

    assert "#0e1117" not in light["svg"]
    assert "#0e1117" in dark["svg"]
