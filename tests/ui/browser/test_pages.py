"""Every page in a real browser: state, navigation, themes, narrow screens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from resnet_viz import PRESETS, InputSpec, ResNetSpec, trace
from resnet_viz.network.layer_graph import INPUT
from scripts.browser_harness import settled, visit
from tests.ui.browser.conftest import NewPage
from tests.ui.browser.reading import choose, fill, node_ids, parameters, shown_metrics
from tests.ui.pages.driver import TITLES, expected_metrics

pytestmark = pytest.mark.browser

PATHS = ("/", "/layers", "/input_size", "/feature_maps")


def _expected_nodes(spec: ResNetSpec) -> set[str]:
    """The block graph's nodes by the network's own graph; for stages of at most six blocks."""
    graph = trace(spec)
    return (
        {INPUT}
        | {operation.stage for operation in graph}
        | {block.path for block in graph.blocks}
        | {f"{block.path}.add" for block in graph.blocks}
        | {point.path for point in graph.downsample_points}
    )


def test_the_headline_metrics_stand_in_one_row(page: Page, address: str) -> None:
    visit(page, address)

    assert shown_metrics(page) == {
        "Depth": "50",
        "Parameters": "25.56 M",
        "MACs": "4.089 G",
        "Activations": "150.2 MB",
        "Receptive field": "427 × 427",
        "Final grid": "7 × 7",
    }
    expect(page).to_have_title("Architecture · resnet_viz")
    boxes = [metric.bounding_box() for metric in page.get_by_test_id("stMetric").all()]
    assert len({box["y"] for box in boxes if box}) == 1
    for value in page.get_by_test_id("stMetricValue").all():
        assert value.evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet20"])
def test_the_graph_s_nodes_are_the_network_s_paths(name: str, page: Page, address: str) -> None:
    visit(page, address, f"/?model={name}")

    expect(page.locator("g.node").first).to_be_visible()
    found = node_ids(page)
    assert len(found) == len(set(found))
    assert set(found) == _expected_nodes(PRESETS[name])
    downsampling = page.locator("g.node", has_text="stride + channels")
    assert downsampling.count() == sum(
        point.reasons == ("stride", "channels") for point in trace(PRESETS[name]).downsample_points
    )
    expect(page.locator("g.edge", has_text="56 × 56" if name != "resnet20" else "32 × 32").first)


def test_every_node_keeps_its_shape_from_level_to_level(page: Page, address: str) -> None:
    visit(page, address, "/?model=resnet18")
    expect(page.locator("g.node[id='layer1.0.add'] ellipse")).to_be_visible()

    for level, last, count in (
        ("Operations", "fc", 1),
        ("Stages", "head", 0),
        ("Blocks", "layer4.1", 1),
    ):
        page.get_by_role("radio", name=level).click()
        expect(page.locator(f"g.node[id='{last}']")).to_have_count(1)
        expect(page.locator("g.node[id='layer1.0.add'] ellipse")).to_have_count(count)
        settled(page)
        shapes = page.locator("g.node:has(path, polygon, ellipse)")
        assert shapes.count() == page.locator("g.node").count() > 6


def test_choices_change_numbers_graph_and_address(page: Page, address: str) -> None:
    visit(page, address)
    expect(page.locator("g.node").first).to_be_visible()

    choose(page, "model", "ResNet-18")
    expect(page.locator("g.node[id='layer3.1']")).to_be_visible()
    expect(page.locator("g.node[id='layer3.5']")).to_have_count(0)
    settled(page)
    assert shown_metrics(page) == expected_metrics(PRESETS["resnet18"], InputSpec())
    assert parameters(page) == {"model": "resnet18"}

    fill(page, "h", "64")
    expect(page.get_by_test_id("stMetricValue").last).to_have_text("2 × 7")
    expect(page.locator("g.edge", has_text="64 × 16 × 56").first).to_be_visible()
    settled(page)
    assert shown_metrics(page) == expected_metrics(PRESETS["resnet18"], InputSpec(64, 224))
    assert parameters(page) == {"model": "resnet18", "h": "64"}

    fill(page, "blocks", "1,1,1,1")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("10")
    settled(page)
    custom = {"model": "custom", "block": "basic", "blocks": "1,1,1,1", "base": "resnet18"}
    assert parameters(page) == custom | {"h": "64"}


def test_navigation_keeps_the_choice(page: Page, address: str) -> None:
    visit(page, address, "/?model=resnet18")
    fill(page, "w", "100")
    expect(page.get_by_test_id("stMetricValue").last).to_have_text("7 × 4")

    for title in (*list(TITLES.values())[1:], "Architecture"):
        page.get_by_test_id("stSidebar").get_by_role("link", name=title).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.get_by_test_id("stMetric")).to_have_count(6)
        settled(page)
        assert shown_metrics(page) == expected_metrics(PRESETS["resnet18"], InputSpec(224, 100))
        assert parameters(page).items() >= {"model": "resnet18", "w": "100"}.items()


def test_a_reload_restores_the_state_from_the_address(page: Page, address: str) -> None:
    visit(page, address, "/layers")
    choose(page, "model", "ResNet-34")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("34")
    fill(page, "h", "65")
    expect(page.get_by_test_id("stMetricValue").last).to_have_text("3 × 7")
    settled(page)

    page.reload()
    expect(page.get_by_test_id("stMetric")).to_have_count(6)
    settled(page)
    assert shown_metrics(page) == expected_metrics(PRESETS["resnet34"], InputSpec(65, 224))
    expect(page.locator(".st-key-h input")).to_have_value("65")
    assert parameters(page) == {"model": "resnet34", "h": "65"}


def test_quick_edits_one_after_another_all_arrive(page: Page, address: str) -> None:
    visit(page, address, "/input_size?model=resnet18")
    for key, value in (("h", "100"), ("w", "90"), ("c", "5"), ("classes", "11")):
        fill(page, key, value)

    spec = ResNetSpec(block="basic", blocks=(2, 2, 2, 2), in_channels=5, num_classes=11)
    expected = expected_metrics(spec, InputSpec(100, 90))
    expect(page.get_by_test_id("stMetricValue").nth(1)).to_have_text(expected["Parameters"])
    expect(page.get_by_test_id("stMetricValue").nth(2)).to_have_text(expected["MACs"])
    settled(page)
    assert shown_metrics(page) == expected
    assert parameters(page) == {
        "model": "resnet18",
        "c": "5",
        "classes": "11",
        "h": "100",
        "w": "90",
    }


def test_hostile_text_in_a_link_is_shown_as_text(page: Page, address: str) -> None:
    evil = '<img src=x onerror="document.title=1">'
    link = "h=[a](https://example.org)&w=www.example.org&c=someone@example.org"
    visit(page, address, f"/input_size?model={evil}&{link}")

    alerts = page.get_by_test_id("stMain").get_by_test_id("stAlert")
    expect(alerts).to_have_count(4)
    expect(alerts.first).to_contain_text("<img src=x")
    expect(alerts.filter(has_text="[a](https:")).to_have_count(1)
    assert page.locator("img[src='x']").count() == 0
    assert page.locator("[data-testid=stAlert] a").count() == 0
    assert shown_metrics(page)["Depth"] == "50"


def _brightness(page: Page, what: str, style: str) -> float:
    value: str = page.locator(what).first.evaluate(f"e => getComputedStyle(e).{style}")
    red, green, blue = map(int, re.findall(r"\d+", value)[:3])
    return 0.299 * red + 0.587 * green + 0.114 * blue


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("width", "dark"), [(390, False), (768, True)])
def test_a_narrow_page_can_be_read_in_its_theme_and_does_not_scroll_sideways(
    path: str, width: int, dark: bool, new_page: NewPage, address: str
) -> None:
    page = new_page(width=width, height=844, dark=dark)
    page.goto(f"{address}{path}?model=resnet50")
    expect(page.get_by_test_id("stMetric")).to_have_count(6)
    settled(page)

    # A frame between two layouts may be wider; what stays must not be.
    for part in ("html", "[data-testid=stMain]", "[data-testid=stMainBlockContainer]"):
        page.wait_for_function(
            "what => (e => e.scrollWidth <= e.clientWidth)(document.querySelector(what))", arg=part
        )
    for metric in page.get_by_test_id("stMetricValue").all():
        box = metric.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    _assert_readable(page, dark)


def _assert_readable(page: Page, dark: bool) -> None:
    """Ground and ink are those of the theme, and far apart."""
    ground = _brightness(page, "[data-testid=stApp]", "backgroundColor")
    text = _brightness(page, "h1", "color")
    assert (ground < 40) == dark
    assert (text > 200) == dark
    assert abs(ground - text) > 150
    for label in page.locator("g.node text").all()[:20]:
        ink = _brightness_of_fill(label.evaluate("e => getComputedStyle(e).fill"))
        assert (ink > 128) == dark


def _brightness_of_fill(value: str) -> float:
    return sum(map(int, re.findall(r"\d+", value)[:3])) / 3
