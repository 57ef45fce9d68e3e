"""The block graph in a real browser, on a page of its own that prints what it reports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from scripts.browser_harness import ROOT, serving, settled
from tests.ui.browser.conftest import NewPage

# In one process, so that the server below starts once.
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("block_graph")]

# A drawing by the conventions alone: rows of two blocks with their sums in four bands.
SCRIPT: Final = """
from html import escape

import streamlit as st

from time import sleep

from resnet_viz.ui.components.block_graph import Handle, block_graph, is_narrow, toggles

state, query = st.session_state, st.query_params
state.setdefault("log", [])
state.setdefault("opened", set())
state.setdefault("chosen", query.get("focus"))


def heard(name):
    if name == "toggle":
        for key in toggles():
            state.log.append(f"toggle={key!r}")
            state.opened ^= {key}
        return
    value = st.session_state.graph[name]
    state.log.append(f"{name}={value!r}")
    if name == "focus":
        state.chosen = value or None


def quoted(text):
    return escape(text).replace("\\n", "&#10;")


def node(path, x, y, w, h, tip, text=""):
    return (
        f'<g id="{escape(path)}" class="node"><title>{escape(path)}</title>'
        f'<g><a xlink:title="{quoted(tip)}"><polygon fill="#ffffff" stroke="#0072b2" '
        f'points="{x},{y} {x + w},{y} {x + w},{y + h} {x},{y + h}"/>'
        f'<text x="{x + w / 2}" y="{y + h / 2}" text-anchor="middle">{escape(text or path)}</text>'
        "</a></g></g>"
    )


def edge(source, target, *points):
    line = " ".join(f"{x},{y}" for x, y in points)
    return (
        f'<g id="{source} to {target}" class="edge"><title>{source}-&gt;{target}</title>'
        f'<path fill="none" stroke="#59616b" d="M{line}"/></g>'
    )


def drawing():
    rows = int(query.get("rows", 4))
    step = 120
    bands, rest, last = [], [], None
    y = 300 if "layer3.1" in state.opened else 0  # something new above all else
    for row in range(1, rows + 1):
        name = f"layer{row}"
        tall = step * (4 if name in state.opened else 1)
        bands.append(node(name, 10, y + 10, 780, tall - 20, f"{name}: a stage", " "))
        for block in range(2):
            path, x = f"{name}.{block}", 60 + 360 * block
            more = " (open)" if path in state.opened else ""
            tip = query.get("tip", path + ": a block")
            rest.append(node(path, x, y + 40, 120, 40, tip, path + more))
            rest.append(node(path + ".add", x + 200, y + 45, 30, 30, path + ".add: a sum", "+"))
            if last:
                above = (x - 10, y + 60), (x - 10, y + 30), (x + 215, y + 30), (x + 215, y + 45)
                rest.append(edge(last[0], path, last[1], (x, y + 60)))
                rest.append(edge(last[0], path + ".add", last[1], *above))
            rest.append(edge(path, path + ".add", (x + 120, y + 60), (x + 200, y + 60)))
            last = path + ".add", (x + 230, y + 60)
        y += tall
    return (
        '<?xml version="1.0"?><svg width="800pt" height="%dpt" viewBox="0 0 800 %d" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<g id="graph0" class="graph">%s%s</g></svg>' % (y, y, "".join(bands), "".join(rest))
    )


st.set_page_config(layout="wide")
st.header("A graph")
names = ("layer2.0", "layer1", "layer3.1")
handles = [Handle(name, name, name in state.opened, f"Open {name}") for name in names]
handles.append(Handle("layer3.1", "more", False, "Fold more", "left"))
elsewhere = st.button("Elsewhere")
if elsewhere:
    state.chosen = f"layer{query.get('rows', 4)}.1"
block_graph(
    drawing(),
    handles,
    focus=state.chosen,
    label="A network of four stages",
    on_focus=lambda: heard("focus"),
    on_toggle=lambda: heard("toggle"),
    on_narrow=lambda: heard("narrow"),
)
st.button("Again")
sleep(float(query.get("sleep", 0)))
st.text("Heard: " + " ".join(state.log))
st.text(f"Narrow: {is_narrow()}")
st.html("<div style='height: 1500px'></div>")
"""


@pytest.fixture(scope="module")
def graph_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of the page above."""
    script = tmp_path_factory.mktemp("graph") / "page.py"
    script.write_text(SCRIPT, encoding="utf-8")
    with serving({"PYTHONPATH": str(ROOT)}, script) as started:
        yield started


def _open(page: Page, address: str, query: str = "") -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{address}/{query}")
    expect(page.locator("g.node").first).to_be_visible()
    settled(page)


def _node(page: Page, path: str) -> Locator:
    return page.locator(f"g.node[id='{path}']")


def _handle(page: Page, key: str) -> Locator:
    return page.locator(f"g.handle[data-key='{key}']")


def _heard(page: Page, *events: str) -> None:
    """What was heard since the page was opened, all of it."""
    expect(page.get_by_text(re.compile("^Heard:"))).to_have_text(" ".join(("Heard:", *events)))
    settled(page)


def _scale(page: Page) -> float:
    width: float = page.locator(".drawing").evaluate(
        "svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width"
    )
    return width


def _at(page: Page, path: str) -> tuple[float, float]:
    """Where a node's corner lies in the window."""
    box = _node(page, path).locator("polygon").bounding_box()
    assert box is not None
    return box["x"], box["y"]


def _inside(page: Page, path: str) -> bool:
    node = _node(page, path).locator("polygon").bounding_box()
    view = page.locator(".view").bounding_box()
    assert node is not None
    assert view is not None
    right = node["x"] + node["width"] <= view["x"] + view["width"] + 1
    below = node["y"] + node["height"] <= view["y"] + view["height"] + 1
    return node["x"] >= view["x"] - 1 and node["y"] >= view["y"] - 1 and right and below


def _scrolled(page: Page) -> float:
    top: float = page.get_by_test_id("stMain").evaluate("main => main.scrollTop")
    return top


def _focused(page: Page) -> Any:
    return page.evaluate(
        "() => document.querySelector('[data-testid=stBidiComponentIsolated]')"
        ".shadowRoot.activeElement?.id"
    )


def test_a_click_chooses_and_the_background_lets_go(page: Page, graph_address: str) -> None:
    _open(page, graph_address)

    _node(page, "layer2.1").click()
    _heard(page, "focus='layer2.1'")
    expect(_node(page, "layer2.1")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("g.node.focused")).to_have_count(1)
    expect(page.locator(".ring")).to_be_visible()

    page.locator(".view").click(position={"x": 15, "y": 15})
    _heard(page, "focus='layer2.1'", "focus=''")
    expect(page.locator("g.node.focused")).to_have_count(0)

    page.locator(".view").click(position={"x": 15, "y": 15})
    page.get_by_role("button", name="Again").click()
    _heard(page, "focus='layer2.1'", "focus=''")


def test_a_drag_is_no_click(page: Page, graph_address: str) -> None:
    _open(page, graph_address, "?rows=12")
    x, y = _at(page, "layer3.0")
    scale = _scale(page)

    page.mouse.move(x + 20, y + 20)
    page.mouse.down()
    page.mouse.move(x + 20, y - 80, steps=5)
    page.mouse.up()

    assert _scale(page) == scale
    assert 80 < y - _at(page, "layer3.0")[1] <= 100
    page.get_by_role("button", name="Again").click()
    settled(page)
    assert y - _at(page, "layer3.0")[1] > 80
    _node(page, "layer4.0").click()
    _heard(page, "focus='layer4.0'")


def test_handles_double_clicks_and_space_toggle(page: Page, graph_address: str) -> None:
    _open(page, graph_address)

    _handle(page, "layer2.0").click()
    _heard(page, "toggle='layer2.0'")
    expect(_node(page, "layer2.0")).to_contain_text("layer2.0 (open)")
    expect(_node(page, "layer2.0")).to_have_attribute("aria-expanded", "true")

    _node(page, "layer2.0").dblclick()
    _heard(page, "toggle='layer2.0'", "focus='layer2.0'", "toggle='layer2.0'")
    expect(_node(page, "layer2.0")).to_have_attribute("aria-expanded", "false")

    _node(page, "layer3.1").focus()
    page.keyboard.press("Shift+Space")
    heard = ("toggle='layer2.0'", "focus='layer2.0'", "toggle='layer2.0'", "toggle='more'")
    _heard(page, *heard)
    page.keyboard.press("Space")
    _heard(page, *heard, "toggle='layer3.1'")
    assert _focused(page) == "layer3.1"


def test_a_handle_is_large_enough_to_hit(page: Page, graph_address: str) -> None:
    _open(page, graph_address)

    for handle in page.locator("g.handle").all():
        box = handle.bounding_box()
        assert box is not None
        assert box["width"] >= 24
        assert box["height"] >= 24


def test_the_keyboard_walks_chooses_and_lets_go(page: Page, graph_address: str) -> None:
    _open(page, graph_address)
    assert page.locator("g.node[tabindex='0']").count() == 1

    page.get_by_role("button", name="Fit to width").focus()
    page.keyboard.press("Tab")
    assert _focused(page) == "layer1"  # a band, whose heading stands above its blocks
    expect(page.locator(".cursor")).to_be_visible()
    expect(page.locator(".tip")).to_have_text("layer1: a stage")
    for key, path in (
        ("ArrowDown", "layer1.0"),
        ("ArrowRight", "layer1.0.add"),
        ("ArrowRight", "layer1.1"),
        ("ArrowRight", "layer1.1.add"),
        ("ArrowRight", "layer2.0"),  # at the end of a row along the edge
        ("ArrowLeft", "layer1.1.add"),
        ("ArrowDown", "layer2"),
        ("ArrowDown", "layer2.0"),
        ("End", "layer4.1.add"),
        ("Home", "layer1"),
        ("ArrowDown", "layer1.0"),
    ):
        page.keyboard.press(key)
        assert _focused(page) == path, key
    page.keyboard.press("Enter")
    _heard(page, "focus='layer1.0'")
    assert _focused(page) == "layer1.0"
    page.keyboard.press("Escape")
    _heard(page, "focus='layer1.0'", "focus=''")

    page.keyboard.press("Tab")  # out of the graph at once
    assert _focused(page) is None


def test_the_wheel_and_the_buttons_zoom(page: Page, graph_address: str) -> None:
    _open(page, graph_address, "?rows=12")
    for _ in range(3):
        page.get_by_role("button", name="Zoom in").click()
    first = _scale(page)
    x, y = _at(page, "layer2.1")

    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    page.wait_for_function(_SCALE_IS_NOT, arg=first)
    assert _scale(page) > first
    assert _at(page, "layer2.1") == pytest.approx((x, y), abs=0.6)

    zoomed = _scale(page)
    assert zoomed == pytest.approx(first * 1.35, rel=0.01)  # it stays where the pointer is
    page.get_by_role("button", name="Zoom in").click()
    assert _scale(page) == pytest.approx(zoomed * 1.25, rel=1e-3)
    page.get_by_role("button", name="Zoom out").click()
    assert _scale(page) == pytest.approx(zoomed, rel=1e-3)
    page.get_by_role("button", name="Fit to width").click()
    view = page.locator(".view").evaluate("view => view.clientWidth")
    assert _scale(page) == pytest.approx(min(1.25, view / 800), rel=1e-3)

    _node(page, "layer1.0").focus()
    for _ in range(12):
        page.keyboard.press("+")
    assert _scale(page) == pytest.approx(4, rel=1e-3)
    page.keyboard.press("0")
    assert _scale(page) == pytest.approx(min(1.25, view / 800), rel=1e-3)
    for _ in range(20):
        page.keyboard.press("-")
    assert _inside(page, "layer1")
    assert _inside(page, "layer12")


_SCALE_IS_NOT: Final = """old => {
  const host = document.querySelector("[data-testid=stBidiComponentIsolated]");
  const svg = host.shadowRoot.querySelector(".drawing");
  return Math.abs(svg.getBoundingClientRect().width / svg.viewBox.baseVal.width - old) > 1e-6;
}"""


def test_at_the_smallest_zoom_the_wheel_scrolls_the_page(page: Page, graph_address: str) -> None:
    _open(page, graph_address, "?rows=12")
    first = _scale(page)

    page.locator(".view").hover(position={"x": 300, "y": 200})
    page.mouse.wheel(0, 100)
    page.wait_for_function(_SCALE_IS_NOT, arg=first)
    assert _scrolled(page) == 0
    for _ in range(10):
        page.keyboard.press("-")
        page.get_by_role("button", name="Zoom out").click()
    page.locator(".view").hover(position={"x": 300, "y": 200})
    smallest = _scale(page)
    page.mouse.wheel(0, 100)
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollTop > 50")
    assert _scale(page) == smallest


def test_shift_and_the_wheel_and_the_arrows_pan(page: Page, graph_address: str) -> None:
    _open(page, graph_address, "?rows=12")
    _, y = _at(page, "layer5.0")

    page.locator(".view").hover(position={"x": 300, "y": 200})
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 120)
    page.keyboard.up("Shift")
    page.wait_for_timeout(200)
    assert _at(page, "layer5.0")[1] == pytest.approx(y - 120, abs=1)
    page.locator(".view").click(position={"x": 5, "y": 300})
    page.keyboard.press("ArrowDown")
    assert _at(page, "layer5.0")[1] == pytest.approx(y - 180, abs=1)
    _node(page, "layer3.0").focus()
    page.keyboard.press("Shift+ArrowUp")
    assert _at(page, "layer5.0")[1] == pytest.approx(y - 120, abs=1)


def test_an_update_keeps_the_view_and_what_did_not_change(page: Page, graph_address: str) -> None:
    _open(page, graph_address, "?rows=12")
    page.get_by_role("button", name="Zoom in").click()
    scale, place = _scale(page), _at(page, "layer2.0")
    for path in ("layer2.0", "layer2.1"):
        _node(page, path).evaluate("node => { node.tag = 'mine' }")

    _node(page, "layer2.0").focus()
    page.keyboard.press("Space")
    expect(_node(page, "layer2.0")).to_contain_text("layer2.0 (open)")
    settled(page)
    assert _node(page, "layer2.1").evaluate("node => node.tag") == "mine"
    assert _node(page, "layer2.0").evaluate("node => node.tag ?? null") is None
    assert _scale(page) == pytest.approx(scale)
    assert _at(page, "layer2.0") == pytest.approx(place, abs=0.6)
    assert _focused(page) == "layer2.0"
    order = page.locator("g.node").evaluate_all("nodes => nodes.map(node => node.id)")
    assert order[:2] == ["layer1", "layer2"]
    assert order.index("layer2.0") == order.index("layer1.1.add") + 1


def test_what_is_toggled_stays_in_its_place(page: Page, graph_address: str) -> None:
    _open(page, graph_address, "?rows=12")
    place, scale = _at(page, "layer3.1"), _scale(page)

    _handle(page, "layer3.1").click()
    expect(_node(page, "layer3.1")).to_contain_text("(open)")
    settled(page)
    assert _at(page, "layer3.1") == pytest.approx(place, abs=0.6)
    assert _at(page, "layer4.0")[1] > place[1]
    assert _scale(page) == scale
    _node(page, "layer3.1").dblclick()
    expect(_node(page, "layer3.1")).not_to_contain_text("(open)")
    settled(page)
    assert _at(page, "layer3.1") == pytest.approx(place, abs=0.6)


def test_what_is_chosen_elsewhere_comes_into_view(page: Page, graph_address: str) -> None:
    _open(page, graph_address, "?rows=12")
    assert not _inside(page, "layer12.1")

    page.get_by_role("button", name="Elsewhere").click()
    expect(_node(page, "layer12.1")).to_have_attribute("aria-pressed", "true")
    settled(page)
    assert _inside(page, "layer12.1")

    _open(page, graph_address, "?rows=12&focus=layer11.0")
    assert _inside(page, "layer11.0")


def test_hovering_shows_what_is_connected(page: Page, graph_address: str) -> None:
    _open(page, graph_address)

    _node(page, "layer2.0").hover()
    lit = page.locator("g.node.lit")
    expect(lit).to_have_count(3)
    found = set(lit.evaluate_all("nodes => nodes.map(node => node.id)"))
    assert found == {"layer1.1.add", "layer2.0", "layer2.0.add"}
    edges = page.locator("g.edge.lit").evaluate_all("edges => edges.map(edge => edge.id)")
    assert set(edges) == {"layer1.1.add to layer2.0", "layer2.0 to layer2.0.add"}
    expect(page.locator(".tip")).to_have_text("layer2.0: a block")
    assert page.locator("g.node title, g.edge title").count() == 0

    page.mouse.move(5, 5)
    expect(lit).to_have_count(0)
    expect(page.locator(".tip")).to_be_hidden()


def test_names_do_no_harm(page: Page, graph_address: str) -> None:
    tip = '<b onclick="x">&"two"\nlines<img src=x onerror=alert(1)>'
    _open(page, graph_address, f"?tip={quote(tip)}")

    _node(page, "layer2.0").hover()
    expect(page.locator(".tip")).to_be_visible()
    shown = page.locator(".tip").evaluate("tip => [tip.textContent, tip.childElementCount]")
    assert shown == [tip, 0]
    assert page.locator(".graph b, .graph img").count() == 0
    assert _node(page, "layer2.0").get_attribute("aria-label") == tip


def test_listeners_do_not_pile_up(page: Page, graph_address: str) -> None:
    _open(page, graph_address)

    events = []
    for path in ("layer1.0", "layer1.1", "layer2.1", "layer3.0", "layer4.0", "layer4.1"):
        _node(page, path).click()
        events.append(f"focus='{path}'")
        _heard(page, *events)
    _handle(page, "layer2.0").click()
    _heard(page, *events, "toggle='layer2.0'")


def test_a_phone_is_narrow_and_a_desk_is_not(new_page: NewPage, graph_address: str) -> None:
    wide = new_page()
    _open(wide, graph_address)
    _heard(wide)
    expect(wide.get_by_text("Narrow: False")).to_be_visible()
    wide.set_viewport_size({"width": 500, "height": 900})
    _heard(wide, "narrow=True")
    wide.set_viewport_size({"width": 1200, "height": 900})
    _heard(wide, "narrow=True", "narrow=False")

    phone = new_page(width=390, height=800)
    _open(phone, graph_address, "?rows=12")
    _heard(phone, "narrow=True")
    expect(phone.get_by_text("Narrow: True")).to_be_visible()
    view = phone.locator(".view").evaluate("view => [view.clientWidth, view.clientHeight]")
    assert _scale(phone) == pytest.approx(view[0] / 800, rel=1e-3)
    assert view[1] >= 12 * 120 * _scale(phone)
    expect(phone.locator(".map")).to_be_hidden()


def test_one_finger_scrolls_the_page_and_two_zoom(browser: Browser, graph_address: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    _open(page, graph_address, "?rows=12")
    _heard(page, "narrow=True")
    first, touch = _scale(page), context.new_cdp_session(page)

    def fingers(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y, "id": id_} for id_, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    fingers("touchStart", (200, 450))
    for step in range(20):
        fingers("touchMove", (200, 450 - 10 * step))
    fingers("touchEnd")
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollTop > 100")
    assert _scale(page) == first

    fingers("touchStart", (190, 300), (210, 300))
    for step in range(10):
        fingers("touchMove", (190 - 5 * step, 300), (210 + 5 * step, 300))
    fingers("touchEnd")
    page.wait_for_function(_SCALE_IS_NOT, arg=first)
    assert _scale(page) > 2 * first
    page.get_by_role("button", name="Fit to width").tap()
    _node(page, "layer3.0").tap()
    _heard(page, "narrow=True", "focus='layer3.0'")
    context.close()


def test_the_map_appears_where_it_is_needed(page: Page, graph_address: str) -> None:
    _open(page, graph_address)
    small = page.locator(".map")
    expect(small).to_be_hidden()
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").click()
    expect(small).to_be_visible()

    box = small.bounding_box()
    assert box is not None
    assert 100 < box["width"] <= 140
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] - 3)
    assert _inside(page, "layer4.1")
    page.mouse.click(box["x"] + 3, box["y"] + 3)
    assert _inside(page, "layer1.0")
    assert not _inside(page, "layer4.1.add")
    _heard(page)


def test_what_a_screen_reader_hears(page: Page, graph_address: str) -> None:
    _open(page, graph_address)

    expect(page.get_by_role("group", name="A network of four stages")).to_be_visible()
    node = page.get_by_role("button", name="layer3.1: a block")
    expect(node).to_have_attribute("aria-expanded", "false")
    expect(node).to_have_attribute(
        "aria-description", "Space: Open layer3.1; Shift+Space: Fold more"
    )
    expect(page.get_by_role("button", name="layer1.0: a block")).not_to_have_attribute(
        "aria-expanded", re.compile("")
    )


def test_no_toggle_is_lost_while_the_script_is_busy(page: Page, graph_address: str) -> None:
    page.goto(f"{graph_address}/?sleep=0.4")
    expect(page.locator("[data-key='layer2.0']")).to_be_visible()
    settled(page)
    asked = ["layer2.0", "more", "layer2.0", "more", "layer2.0"]
    for key in asked:
        page.locator(f"[data-key='{key}']").dispatch_event("click")
        page.wait_for_timeout(60)
    _heard(page, *(f"toggle={key!r}" for key in asked))
