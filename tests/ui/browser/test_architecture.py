"""The Architecture page's graph: it fits, opens in place, and what is clicked is explained."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from resnet_viz import PRESETS, InputSpec, profile, trace
from resnet_viz.units import shape_text
from scripts.browser_harness import settled, visit
from tests.ui.browser.conftest import NewPage
from tests.ui.browser.reading import download, fill, node_ids, parameters
from tests.views.test_palette import contrast

pytestmark = pytest.mark.browser


def node(page: Page, path: str) -> Locator:
    return page.locator(f"g.node[id='{path}']")


def handle(page: Page, path: str) -> Locator:
    """What opens or closes a part."""
    return page.locator(f"[data-key='{path}']")


def inspector(page: Page) -> Locator:
    return page.locator(".st-key-inspector")


def click(page: Page, path: str) -> None:
    """Click into a node's upper left corner, where nothing lies over it."""
    node(page, path).click(position={"x": 14, "y": 8})
    expect(inspector(page)).to_contain_text(path)
    settled(page)


def test_every_preset_is_whole_and_legible_without_scrolling(page: Page, address: str) -> None:
    for name in PRESETS:
        visit(page, address, f"/?model={name}")
        expect(node(page, "head")).to_be_visible()
        bottoms, sizes = page.locator("g.node").evaluate_all(
            "nodes => [nodes.map(n => n.getBoundingClientRect().bottom),"
            " nodes.flatMap(n => [...n.querySelectorAll('text')]"
            ".map(t => t.getBoundingClientRect().height))]"
        )
        assert max(bottoms) <= 900, name
        assert min(size for size in sizes if size) > 8, name
        rights = page.locator("g.node").evaluate_all(
            "nodes => nodes.map(n => n.getBoundingClientRect().right)"
        )
        assert max(rights) <= 1440, name


def test_a_part_opens_in_place_and_stays_so(page: Page, address: str, new_page: NewPage) -> None:
    visit(page, address, "/?model=resnet18&cost=params")
    before = set(node_ids(page))
    handle(page, "layer2.0").click()
    expect(node(page, "layer2.0.downsample.1")).to_be_visible()
    settled(page)
    operations = {op.path for op in trace(PRESETS["resnet18"]) if op.block == "layer2.0"}
    assert set(node_ids(page)) == before | operations
    assert parameters(page) == {"model": "resnet18", "open": "layer2.0", "cost": "params"}
    for source in ("layer2.0.bn2", "layer2.0.downsample.1"):  # two ways into the addition
        expect(page.locator(f"g.edge[id='{source}->layer2.0.add']")).to_have_count(1)

    handle(page, "layer3").click()
    expect(node(page, "layer3.0")).to_have_count(0)
    settled(page)
    assert parameters(page)["open"] == "layer2.0,layer3"

    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_role("link", name="Layers").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Layers")
    sidebar.get_by_role("link", name="Architecture").click()
    expect(node(page, "layer2.0.conv1")).to_be_visible()
    expect(node(page, "layer3.0")).to_have_count(0)
    expect(page.get_by_role("radio", name="Parameters")).to_be_checked()
    settled(page)
    assert parameters(page)["cost"] == "params"

    other = new_page()
    visit(other, address, "/?model=resnet18&open=layer2.0,layer3")
    expect(node(other, "layer2.0.conv1")).to_be_visible()
    assert set(node_ids(other)) == set(node_ids(page))

    handle(page, "layer2.0").click()
    expect(node(page, "layer2.0.conv1")).to_have_count(0)
    handle(page, "layer3").click()
    expect(node(page, "layer3.0")).to_be_visible()
    settled(page)
    assert set(node_ids(page)) == before


def test_a_run_unfolds_and_folds(page: Page, address: str) -> None:
    visit(page, address, "/?model=resnet152")
    expect(node(page, "layer3.1")).to_contain_text("× 35")
    handle(page, "layer3.1-35").click()
    expect(node(page, "layer3.35")).to_have_count(1)
    settled(page)
    handle(page, "layer3.1-35").click()
    expect(node(page, "layer3.35")).to_have_count(0)
    expect(node(page, "layer3.1")).to_contain_text("× 35")


def test_everything_opens_and_closes_at_once(page: Page, address: str) -> None:
    visit(page, address, "/?model=resnet152&layer=layer3.20.conv2")
    page.get_by_role("radio", name="Operations").click()
    expect(node(page, "layer4.2.relu3")).to_have_count(1)
    settled(page)
    assert len(node_ids(page)) > 500
    assert set(node_ids(page)) >= set(trace(PRESETS["resnet152"]).by_path)
    assert parameters(page)["level"] == "op"

    page.get_by_role("radio", name="Stages").click()
    expect(node(page, "layer4.0")).to_have_count(0)
    settled(page)
    assert node_ids(page)[0] == "input"
    assert parameters(page) == {
        "model": "resnet152", "level": "stage", "layer": "layer3.20.conv2"
    }  # fmt: skip
    expect(node(page, "layer3")).to_have_attribute("aria-pressed", "true")  # it is in there


def test_resnet_1202_opens_bit_by_bit(page: Page, address: str) -> None:
    visit(page, address, "/?model=resnet1202")
    assert len(node_ids(page)) < 40
    handle(page, "layer1.1-199").click()
    expect(node(page, "layer1.161")).to_be_visible()
    settled(page)
    assert len(node_ids(page)) < 60
    handle(page, "layer1.41-80").click()
    expect(node(page, "layer1.80")).to_have_count(1)
    settled(page)
    assert len(node_ids(page)) < 150


def test_a_click_explains_the_part_and_is_in_the_link(page: Page, address: str) -> None:
    visit(page, address)
    click(page, "layer2.0")
    assert parameters(page) == {"model": "resnet50", "layer": "layer2.0"}
    expect(node(page, "layer2.0")).to_have_attribute("aria-pressed", "true")
    shown = inspector(page)
    expect(shown).to_contain_text("379,392")
    expect(shown).to_contain_text("256 × 56 × 56 + 512 × 28 × 28")
    expect(shown).to_contain_text("model.py:")

    page.reload()
    expect(inspector(page)).to_contain_text("layer2.0")
    settled(page)
    inspector(page).get_by_role("link", name="Its feature maps").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Feature maps")
    settled(page)
    assert parameters(page)["layer"] == "layer2.0"
    page.go_back()
    expect(inspector(page)).to_contain_text("layer2.0")

    inspector(page).get_by_role("button", name="Clear").click()
    expect(inspector(page)).to_have_count(0)
    settled(page)
    assert parameters(page) == {"model": "resnet50"}


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("layer=conv1", "⌊(224 + 2 · 3 − 7) / 2⌋ + 1 = 112"),
        ("layer=input", "3 × 224 × 224"),
        ("layer=stem", "118,013,952"),
        ("layer=layer2.0.downsample", "stride"),
        ("layer=layer1.0.add&open=layer1.0", "256 × 56 × 56"),
    ],
)
def test_what_the_inspector_says(link: str, text: str, page: Page, address: str) -> None:
    visit(page, address, f"/?{link}")

    expect(inspector(page)).to_be_visible()
    said = inspector(page).inner_text()
    assert re.sub(r"\s", "", text) in re.sub(r"\s", "", said), said


def test_downsample_points_say_what_would_not_fit(page: Page, address: str) -> None:
    visit(page, address)
    report = profile(PRESETS["resnet50"])
    for point in report.downsample_points:
        badge = node(page, point.path)
        expect(badge).to_contain_text(" + ".join(point.reasons))
        shapes = [
            shape_text(shape[1:]).replace(" ", "")
            for shape in (point.input_shape, point.output_shape)
        ]
        expect(badge).to_have_attribute("aria-label", re.compile(re.escape(" + ".join(shapes))))
        assert badge.locator("polygon").count() == 1


def test_a_new_height_changes_only_what_it_changes(page: Page, address: str) -> None:
    page.emulate_media(reduced_motion="reduce")  # the zoom does not glide
    visit(page, address)
    page.get_by_role("button", name="Zoom in").click()
    place = _place(page, "layer1.0")
    page.locator("g.node").evaluate_all("nodes => nodes.forEach(n => { n.old = true; })")
    fill(page, "h", "216")  # other maps until layer2, the same after it
    expect(node(page, "layer1.0")).to_contain_text("54 × 56")
    settled(page)
    kept = page.locator("g.node").evaluate_all("nodes => nodes.filter(n => n.old).map(n => n.id)")

    before, after = (profile(PRESETS["resnet50"], InputSpec(side, 224)) for side in (224, 216))
    assert before.layer("layer3").output_shape == after.layer("layer3").output_shape
    assert "layer1.0" not in kept
    assert {"layer4.0.add", "layer4.2.add", "layer3.1.add"} <= set(kept)
    assert _place(page, "layer1.0") == pytest.approx(place)


def _place(page: Page, path: str) -> list[float]:
    """Where a node is in the view, and how large; the view itself may have moved on the page."""
    box, view = node(page, path).bounding_box(), page.get_by_label("Zoom in").bounding_box()
    assert box
    assert view
    return [box["x"] - view["x"], box["y"] - view["y"], box["width"], box["height"]]


def test_a_telephone_gets_one_column(new_page: NewPage, address: str) -> None:
    page = new_page(width=390, height=844)
    visit(page, address, "/?model=resnet50")
    expect(node(page, "head")).to_be_attached()
    expect(page.locator("g.node").last).to_be_attached()
    page.wait_for_function(
        """() => { const host = [...document.querySelectorAll('*')].find(
          e => e.shadowRoot?.querySelector('g.node')); if (!host) return false;
          const at = id => host.shadowRoot.getElementById(id).getBoundingClientRect();
          return at('layer1.1').top > at('layer1.0').bottom
            && at('head').top > at('layer4.2').bottom; }"""
    )
    settled(page)
    boxes = page.locator("g.node").evaluate_all(
        "nodes => nodes.map(n => n.getBoundingClientRect()).map(box => [box.left, box.right])"
    )
    assert min(left for left, _ in boxes) >= 0
    assert max(right for _, right in boxes) <= 390
    heights = page.locator("g.node text").evaluate_all(
        "texts => texts.map(t => t.getBoundingClientRect().height)"
    )
    assert min(height for height in heights if height) > 8


def test_the_keyboard_can_do_it_all(page: Page, address: str) -> None:
    visit(page, address, "/?model=resnet18")
    node(page, "layer1.0").focus()
    page.keyboard.press("Enter")
    expect(inspector(page)).to_contain_text("layer1.0")
    settled(page)
    node(page, "layer1.0").focus()
    page.keyboard.press("Space")
    expect(node(page, "layer1.0.conv2")).to_be_visible()
    settled(page)
    assert parameters(page) == {"model": "resnet18", "layer": "layer1.0", "open": "layer1.0"}
    node(page, "layer1.0.conv2").focus()
    page.keyboard.press("Escape")
    expect(inspector(page)).to_have_count(0)
    for label in page.locator("g.node").evaluate_all(
        "nodes => nodes.map(n => n.getAttribute('aria-label'))"
    ):
        assert label
        assert len(label) > 8


def test_the_drawing_can_be_taken_along(page: Page, address: str) -> None:
    visit(page, address, "/?model=resnet18&open=layer1.0")
    page.get_by_role("button", name="Export").click()
    magic = {"SVG": b"<?xml", "PDF": b"%PDF", "PNG": b"\x89PNG", "DOT": b"digraph"}
    for form, start in magic.items():
        data = download(page, form, f"resnet18.{form.lower()}")
        assert data.startswith(start)
        if form in ("SVG", "DOT"):
            assert b"layer1.0.conv1" in data
    data = download(page, "Profile as JSON", "resnet18.json")
    assert json.loads(data) == json.loads(json.dumps(profile(PRESETS["resnet18"]).to_dict()))


@pytest.mark.parametrize("dark", [False, True])
def test_what_lies_over_the_drawing_stands_out(dark: bool, new_page: NewPage, address: str) -> None:
    page = new_page(dark=dark)
    visit(page, address, "/?model=resnet18&layer=layer1.0")
    node(page, "layer2.0").hover(position={"x": 14, "y": 8})
    expect(page.locator(".tip")).to_be_visible()
    ground = _colour(page, ".view", "backgroundColor")

    tip = _colour(page, ".tip", "color"), _colour(page, ".tip", "backgroundColor")
    assert contrast(*tip) >= 4.5
    for selector, colour in (
        (".tools button", "color"),
        (".ring", "stroke"),
        (".handle path", "stroke"),
    ):
        assert contrast(_colour(page, selector, colour), ground) >= 3, selector


def _colour(page: Page, selector: str, name: str) -> str:
    """A computed colour as ``#RRGGBB``."""
    value = page.locator(selector).first.evaluate(f"e => getComputedStyle(e).{name}")
    return "#" + "".join(f"{int(part):02X}" for part in re.findall(r"\d+", value)[:3])


def test_a_click_leaves_the_drawing_where_it_is(page: Page, address: str) -> None:
    visit(page, address)
    expect(node(page, "head")).to_be_visible()
    places = [node(page, "layer1.1").bounding_box()]
    click(page, "layer1.1")  # and the inspector takes a third of the width
    places.append(node(page, "layer1.1").bounding_box())
    inspector(page).get_by_role("button", name="Clear").click()
    expect(inspector(page)).to_have_count(0)
    places.append(node(page, "layer1.1").bounding_box())

    first, *others = [[box["x"], box["y"], box["width"]] for box in places if box]
    assert others == [pytest.approx(first, abs=1)] * 2


def test_quick_clicks_are_all_heard(page: Page, address: str) -> None:
    visit(page, address, "/?model=resnet152&level=op")
    expect(handle(page, "layer2.1")).to_be_attached()
    for path in ("layer1.0", "layer1.1", "layer1.2", "layer2.0", "layer2.1"):
        handle(page, path).dispatch_event("click")
        page.wait_for_timeout(150)
    expect(node(page, "layer2.1.conv1")).to_have_count(0)
    settled(page)
    assert parameters(page)["open"] == "layer1.0,layer1.1,layer1.2,layer2.0,layer2.1"
