"""Every page alone: on a cold server, with any network, in light and dark."""

from __future__ import annotations

import pytest

from resnet_viz import PRESETS, InputSpec, ResNetSpec
from resnet_viz.network.spec import preset_input
from tests.ui.pages.driver import (
    TITLES,
    assert_alive,
    assert_shows,
    fields,
    go_to,
    link,
    metrics,
    open_page,
    said,
)

PAGES = tuple(TITLES)


@pytest.mark.usefixtures("cold")
@pytest.mark.parametrize("page", PAGES)
def test_a_page_starts_alone_on_a_cold_server(page: str) -> None:
    app = open_page(page, "model=resnet18&h=64&w=96&c=1")

    assert_shows(
        app, page, ResNetSpec(block="basic", blocks=(2, 2, 2, 2), in_channels=1), InputSpec(64, 96)
    )
    shown = fields(app)
    assert [shown[key] for key in ("model", "c", "h", "w")] == ["resnet18", 1, 64, 96]
    assert link(app).items() >= {"model": "resnet18", "c": "1", "h": "64", "w": "96"}.items()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_starts_without_a_link(page: str, theme: str) -> None:
    app = open_page(page, theme=theme)

    assert_shows(app, page, PRESETS["resnet50"], InputSpec())
    assert said(app) == []


def test_the_default_metrics_are_those_of_the_contract() -> None:
    assert metrics(open_page("architecture")) == {
        "Depth": "50",
        "Parameters": "25.56 M",
        "MACs": "4.089 G",
        "Activations": "150.2 MB",
        "Receptive field": "427 × 427",
        "Final grid": "7 × 7",
    }


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_has_the_metrics_of_its_profile(name: str) -> None:
    app = open_page("layers", f"model={name}")

    assert_shows(app, "layers", PRESETS[name], preset_input(name))
    assert link(app) == {"model": name}
    assert {metric.delta for metric in app.metric} == {""}


def test_the_choice_goes_along_from_page_to_page() -> None:
    app = open_page("architecture", "model=resnet34&h=48&w=80&classes=7")
    spec = ResNetSpec(block="basic", blocks=(3, 4, 6, 3), num_classes=7)

    for page in (*PAGES[1:], PAGES[0]):
        go_to(app, page)
        assert_shows(app, page, spec, InputSpec(48, 80))
        assert link(app).items() >= {"model": "resnet34", "h": "48", "w": "80"}.items()


def test_the_metrics_tell_the_difference_from_the_preset() -> None:
    app = open_page("input_size", "model=resnet50&h=448&w=448")

    deltas = {metric.label: metric.delta for metric in app.metric}
    assert deltas == {
        "Depth": "",
        "Parameters": "",
        "MACs": "+12.26 G",
        "Activations": "+450.7 MB",
        "Receptive field": "",
        "Final grid": "was 7 × 7",
    }
    assert any("Differences from ResNet-50 at 224 × 224" in text.value for text in app.caption)


def test_the_exact_numbers_stand_in_the_tooltips() -> None:
    app = open_page("layers", "model=resnet18")

    tooltips = {metric.label: metric.help for metric in app.metric}
    assert tooltips["Parameters"] == "11,689,512"
    assert tooltips["MACs"] == "1,814,073,344"


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "text", ["h=16384&w=1", "h=1&w=16384", "h=1&w=1", "blocks=1&block=basic&stem=small&h=7&w=3"]
)
def test_a_page_lives_at_the_limits(page: str, text: str) -> None:
    app = open_page(page, text)

    assert_alive(app, page)
    said(app)


@pytest.mark.parametrize("layer", ["stem", "head", "input", "layer2", "layer2.0.downsample", "fc"])
@pytest.mark.parametrize("page", PAGES)
def test_whatever_is_in_focus_every_page_stands(page: str, layer: str) -> None:
    app = open_page(page, f"model=resnet18&layer={layer}")

    assert_alive(app, page)
    assert said(app) == []
    if page == "layers":
        assert any("In focus: " in text.value for text in app.markdown)
    if (page, layer) != ("feature_maps", "input"):  # which has no maps
        assert link(app)["layer"] == layer


def test_an_empty_focus_is_none() -> None:
    app = open_page("layers", "model=resnet18&layer=")

    assert said(app) == []
    assert link(app) == {"model": "resnet18"}


def test_the_cost_of_the_link_is_mapped_and_kept() -> None:
    app = open_page("layers", "model=resnet18&cost=params")

    assert "Parameters" in str(app.get("plotly_chart")[0].proto.spec)
    assert link(app) == {"model": "resnet18", "cost": "params"}
