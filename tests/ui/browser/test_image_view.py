"""The image view and the layer strip in a real browser, on a page of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from scripts.browser_harness import ROOT, serving, settled
from tests.ui.browser.conftest import NewPage
from tests.views.test_palette import contrast

# In one process, so that the server below starts once.
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("image_view")]

SCRIPT: Final = """
import numpy as np
import streamlit as st

from resnet_viz.ui.components.image_view import Grid, Outline, image_view
from resnet_viz.ui.components.layer_strip import StripStop, layer_strip

state, query = st.session_state, st.query_params
state.setdefault("tile", None)
state.setdefault("cell", None)
state.setdefault("stop", query.get("stop"))
state.setdefault("picks", 0)
hostile = query.get("tip")

# 7 tiles of 10 x 20 pixels in rows of 3, 2 pixels between them.
tiles = np.full((38, 68, 3), 90, np.uint8)
for place in range(7):
    row, column = divmod(place, 3)
    tiles[2 + 12 * row :, 2 + 22 * column :][:10, :20] = 30 * place
labels = tuple(hostile or f"channel {i} · mean 0.{i}" for i in range(7))
values = np.array([[0.42131, np.nan, np.inf], [-np.inf, -1.5, 2e-7]], np.float32)


def set_tile(place):
    state.tile = place
    state.picks += 1


def set_stop(path):
    state.stop = path
    state.picks += 1


st.set_page_config(layout="wide")
st.header("Pictures")
if st.button("Fifth"):
    state.tile, state.stop = 4, "block1"
st.button("Again")

if "show" not in query or "both" in query:
    tile = image_view(
        tiles,
        key="tiles",
        alt="Seven channels",
        grid=Grid(3, 3, (10, 20), 2, 7, labels),
        selected=state.tile,
        marks=[1, 6],
        max_height=300,
        on_select=set_tile if "callback" in query else None,
    )
    if tile is not None:
        set_tile(tile)
        st.rerun()
    cell = image_view(
        np.zeros((20, 30, 3), np.uint8),
        key="cells",
        alt="Six values",
        values=values,
        selected=state.cell,
        max_height=200,
    )
    if cell is not None:
        state.cell = cell
        state.picks += 1
        st.rerun()
    image_view(
        np.full((100, 200, 3), 128, np.uint8),
        key="input",
        alt="The input",
        outlines=[
            Outline(-10, -20, 60, 90, hostile or "receptive field"),
            Outline(20, 30, 40, 400, "too wide", dashed=True),
        ],
        heat=np.full((2, 2, 4), 255, np.uint8),
        opacity=0.25,
        max_height=300,
    )
if "show" in query:
    count = int(query["show"])
    stops = [
        StripStop(
            f"block{i}",
            hostile or f"layer{1 + 3 * i // count}.{i}",
            "64 × 8 × 8",
            np.full((8, 8, 3), i * 250 // count, np.uint8),
            width=2.0 ** (3 * i // count - 2),
            side=0.5 ** (3 * i // count),
            colour=("#0072b2", "#009e73", "#d55e00")[3 * i // count],
            downsample=i in (count // 3, 2 * count // 3),
        )
        for i in range(count)
    ]
    path = layer_strip(
        stops,
        key="strip",
        selected=state.stop,
        alt="The layers",
        on_select=set_stop if "callback" in query else None,
    )
    if path is not None:
        set_stop(path)
        st.rerun()
st.text(f"Tile {state.tile}, cell {state.cell}, stop {state.stop}, picks {state.picks}")
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of the page above."""
    script = tmp_path_factory.mktemp("pictures") / "page.py"
    script.write_text(SCRIPT, encoding="utf-8")
    with serving({"PYTHONPATH": str(ROOT)}, script) as started:
        yield started


def _open(page: Page, address: str, query: str = "") -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{address}/{query}")
    _known(page, picks=0)


def _known(page: Page, **expected: Any) -> None:
    """What Python knows."""
    line = page.get_by_text(re.compile("^Tile "))
    for name, value in expected.items():
        expect(line).to_have_text(re.compile(rf"\b{name} {re.escape(str(value))}(,|$)", re.I))
    settled(page)


def _view(page: Page, alt: str) -> Locator:
    return page.locator(".image-view", has=page.get_by_role("img", name=alt, exact=True))


def _box(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def _place(row: float, column: float, rows: float, columns: float, box: FloatRect) -> Any:
    """The middle of a cell, inside of its picture."""
    x = (column + 0.5) / columns * box["width"]
    return {"x": x, "y": (row + 0.5) / rows * box["height"]}


def _tile(page: Page, place: int) -> Any:
    """The middle of a tile: a third of the picture, but for the gap at its end."""
    box = _box(_view(page, "Seven channels").locator(".places"))
    row, column = divmod(place, 3)
    return _place(row, column, 38 / 12, 68 / 22, box)


def _tiles(page: Page) -> Locator:
    return _view(page, "Seven channels").locator(".places")


def _cells(page: Page) -> Locator:
    return _view(page, "Six values").locator(".places")


def _ring(page: Page, alt: str = "Seven channels") -> list[float]:
    """Where the ring is, in pixels of the picture."""
    ring = _view(page, alt).locator(".ring")
    expect(ring).to_be_visible()
    found: list[float] = ring.locator("rect.line").evaluate(
        "r => ['x', 'y', 'width', 'height'].map(name => Number(r.getAttribute(name)))"
    )
    return found


def _selected_stops(page: Page) -> list[str]:
    found: list[str] = page.locator(".stop[aria-selected=true]").evaluate_all(
        "stops => stops.map(stop => stop.querySelector('.label').textContent)"
    )
    return found


def test_pointing_at_a_tile_says_which_it_is(page: Page, pictures: str) -> None:
    _open(page, pictures)
    tiles, tip = _tiles(page), _view(page, "Seven channels").locator(".tip")

    tiles.hover(position=_tile(page, 5))
    expect(tip).to_have_text("channel 5 · mean 0.5")
    expect(_view(page, "Seven channels").locator(".cursor")).to_be_visible()
    tiles.hover(position=_tile(page, 7))  # the last row is shorter
    expect(tip).to_be_hidden()
    tiles.hover(position={"x": 2, "y": 2})  # a gap
    expect(tip).to_be_hidden()
    tiles.hover(position=_tile(page, 0))
    expect(tip).to_be_visible()
    page.mouse.move(1, 1)
    expect(tip).to_be_hidden()


@pytest.mark.parametrize("query", ["", "?callback"])
def test_python_has_the_last_word(query: str, page: Page, pictures: str) -> None:
    _open(page, pictures, query)
    expect(_view(page, "Seven channels").locator(".ring")).to_be_hidden()

    _tiles(page).click(position=_tile(page, 3))
    _known(page, tile=3, picks=1)
    assert _ring(page) == [2, 14, 20, 10]
    page.get_by_role("button", name="Again").click()
    _known(page, tile=3, picks=1)
    page.get_by_role("button", name="Fifth").click()
    _known(page, tile=4, picks=1)
    assert _ring(page) == [24, 14, 20, 10]
    page.get_by_role("button", name="Again").click()
    _known(page, tile=4, picks=1)
    assert _ring(page) == [24, 14, 20, 10]
    _tiles(page).click(position=_tile(page, 3))
    _known(page, tile=3, picks=2)


# Messages to the server are under way for a while, and the ring's places are written down.
_SLOW_NETWORK: Final = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) { setTimeout(() => send.call(this, data), 250); };
"""
_WATCH: Final = """ring => {
  window.places = [];
  const note = () => window.places.push(`${ring.getAttribute("x")} ${ring.getAttribute("y")}`);
  new MutationObserver(note).observe(ring, { attributeFilter: ["x", "y"] });
}"""


def test_an_answer_to_an_older_pick_does_not_move_the_ring_back(page: Page, pictures: str) -> None:
    page.add_init_script(_SLOW_NETWORK)
    _open(page, pictures)
    _view(page, "Seven channels").locator(".ring .line").evaluate(_WATCH)

    for place in (0, 1, 5):
        _tiles(page).click(position=_tile(page, place))
        page.wait_for_timeout(120)
    _known(page, tile=5)
    page.get_by_role("button", name="Fifth").click()
    _known(page, tile=4)
    assert _ring(page)[:2] == [24, 14]
    seen: list[str] = page.evaluate("places.filter((each, i) => each !== places[i - 1])")
    assert seen == ["2 2", "24 2", "46 14", "24 14"]


def test_the_keyboard_walks_over_tiles_and_picks(page: Page, pictures: str) -> None:
    _open(page, pictures)
    view = _view(page, "Seven channels")
    page.get_by_role("button", name="Again").focus()
    page.keyboard.press("Tab")
    option = view.get_by_role("option")
    expect(option).to_have_attribute("aria-label", "channel 0 · mean 0.0")
    expect(view.locator(".cursor")).to_be_visible()

    for key, channel in (
        *(("ArrowRight", 1), ("ArrowDown", 4), ("ArrowDown", 6), ("ArrowDown", 6)),
        *(("ArrowUp", 3), ("ArrowLeft", 2), ("End", 6), ("ArrowRight", 6), ("Home", 0)),
        *(("ArrowUp", 0), ("ArrowRight", 1)),
    ):
        page.keyboard.press(key)
        expect(option).to_have_attribute("aria-posinset", str(channel + 1))
        expect(view.locator(".tip")).to_have_text(f"channel {channel} · mean 0.{channel}")
    expect(option).to_have_attribute("aria-selected", "false")
    page.keyboard.press("Enter")
    _known(page, tile=1, picks=1)
    expect(option).to_have_attribute("aria-selected", "true")
    # The run has not taken the focus away; one more Tab leaves.
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    _known(page, tile=2, picks=2)
    page.keyboard.press("Tab")
    expect(view.locator(".cursor")).to_be_hidden()
    expect(_view(page, "Six values").locator(".cursor")).to_be_visible()


def test_pointing_at_a_cell_tells_its_value(page: Page, pictures: str) -> None:
    _open(page, pictures)
    cells, tip = _cells(page), _view(page, "Six values").locator(".tip")
    box = _box(cells)

    texts = (("0.4213", "NaN", "inf"), ("-inf", "-1.5", "2e-7"))
    for row in range(2):
        for column in range(3):
            cells.hover(position=_place(row, column, 2, 3, box))
            expect(tip).to_have_text(f"row {row}, column {column}: {texts[row][column]}")
    cells.click(position=_place(1, 2, 2, 3, box))
    _known(page, cell="(1, 2)", picks=1)
    assert _ring(page, "Six values") == [20, 10, 10, 10]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    _known(page, cell="(1, 1)", picks=2)


def test_a_touch_picks_and_says_what(browser: Browser, pictures: str) -> None:
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    _open(page, pictures)
    _tiles(page).tap(position=_tile(page, 4))
    _known(page, tile=4, picks=1)
    expect(_view(page, "Seven channels").locator(".tip")).to_have_text("channel 4 · mean 0.4")
    context.close()


def test_what_lies_over_pictures(page: Page, pictures: str) -> None:
    _open(page, pictures)
    view = _view(page, "The input")
    frame, base, heat = (_box(view.locator(each)) for each in (".frame", ".base", ".heat"))

    # 100 x 200 pixels; 10 more above, 20 at the left, and a quarter at the right.
    unit = base["width"] / 200
    assert base["height"] == pytest.approx(100 * unit, abs=1)
    assert base["y"] - frame["y"] == pytest.approx(10 * unit, abs=1)
    assert base["x"] - frame["x"] == pytest.approx(20 * unit, abs=1)
    assert frame["width"] == pytest.approx(270 * unit, abs=1)
    assert frame["height"] == pytest.approx(110 * unit, abs=1)
    assert frame["height"] == pytest.approx(300, abs=1)
    assert heat == base
    assert view.locator(".heat").evaluate("e => getComputedStyle(e).opacity") == "0.25"
    assert "gradient" in view.locator(".frame").evaluate("e => getComputedStyle(e).backgroundImage")
    expect(view.locator(".padding")).to_be_visible()

    expect(view.get_by_role("img", name="receptive field; too wide")).to_be_visible()
    fields = view.locator(".outlines .line")
    whole, cut = fields.evaluate_all("paths => paths.map(path => path.getAttribute('d'))")
    assert whole == "M-20 -10L90 -10L90 60L-20 60L-20 -10"
    assert cut == "M30 20L250 20M250 40L30 40L30 20"  # its right side lies beyond
    dashes = fields.evaluate_all("paths => paths.map(p => getComputedStyle(p).strokeDasharray)")
    assert dashes[0] == "none" != dashes[1]
    field = _box(fields.first)
    # Its box is larger by the line.
    assert field["x"] + field["width"] / 2 == pytest.approx(frame["x"] + 55 * unit, abs=1)
    assert field["y"] + field["height"] / 2 == pytest.approx(frame["y"] + 35 * unit, abs=1)
    expect(view.get_by_role("listbox")).to_have_count(0)

    crosses = _view(page, "Seven channels").locator("path.crosses.light").get_attribute("d")
    assert crosses is not None
    starts = [tuple(map(float, each)) for each in re.findall(r"M([\d.]+) ([\d.]+)", crosses)]
    assert len(starts) == 2
    for (x, y), (left, top) in zip(starts, ((24, 2), (2, 26)), strict=True):
        assert left + 10 < x < left + 20
        assert top < y < top + 5


def test_pictures_keep_their_pixels_and_are_not_loaded_anew(page: Page, pictures: str) -> None:
    _open(page, pictures)
    base = _view(page, "Seven channels").locator(".base")
    assert base.evaluate("e => getComputedStyle(e).imageRendering") == "pixelated"
    assert base.evaluate("e => [e.naturalWidth, e.naturalHeight]") == [68, 38]
    base.evaluate(
        "e => { window.changes = 0; new MutationObserver(all => changes += all.length)"
        ".observe(e, { attributeFilter: ['src'] }) }"
    )
    _tiles(page).click(position=_tile(page, 3))
    _known(page, tile=3)
    page.get_by_role("button", name="Again").click()
    _known(page, tile=3, picks=1)
    assert page.evaluate("window.changes") == 0


def test_names_are_text_and_never_markup(page: Page, pictures: str) -> None:
    evil = "<img src=x onerror=\"document.title='evil'\">"
    _open(page, pictures, f"?show=18&both&tip={quote(evil)}")
    assert _view(page, "The input").locator("title").first.text_content() == evil
    assert page.locator(".stop .label").first.text_content() == evil
    for pointed in (_tiles(page), page.locator(".stop").nth(1)):
        pointed.hover(position={"x": 20, "y": 20})
        expect(page.locator(".tip:visible", has_text=evil)).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert "evil" not in page.title()


def test_a_stop_is_picked_by_a_click(page: Page, pictures: str) -> None:
    _open(page, pictures, "?show=18&stop=block2")
    strip = page.get_by_role("listbox", name="The layers")
    first = strip.get_by_role("option").first
    expect(first).to_have_accessible_name("layer1.0, 64 × 8 × 8")
    expect(strip.get_by_role("option", selected=True)).to_have_count(1)
    assert _selected_stops(page) == ["layer1.2"]

    strip.get_by_role("option", name="layer2.8").click()
    _known(page, stop="block8", picks=1)
    assert _selected_stops(page) == ["layer2.8"]
    page.get_by_role("button", name="Fifth").click()
    _known(page, stop="block1", picks=1)
    assert _selected_stops(page) == ["layer1.1"]
    page.get_by_role("button", name="Again").click()
    _known(page, stop="block1", picks=1)
    assert _selected_stops(page) == ["layer1.1"]

    strip.get_by_role("option", name="layer2.6").hover()
    expect(page.locator(".tip")).to_have_text(re.compile(r"layer2\.6\s+64 × 8 × 8\s+downsample"))


def test_a_held_key_moves_the_ring_at_once_and_asks_once(page: Page, pictures: str) -> None:
    _open(page, pictures, "?show=18&callback")
    strip = page.get_by_role("listbox", name="The layers")
    strip.focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight", delay=5)
    assert _selected_stops(page) == ["layer2.8"]
    _known(page, stop="block8", picks=1)
    for key, path in (("Home", 0), ("ArrowLeft", 0), ("End", 17), ("ArrowLeft", 16)):
        page.keyboard.press(key)
        active = strip.get_attribute("aria-activedescendant")
        assert active == f"stop-{path}"
    _known(page, stop="block16")
    assert strip.evaluate("e => e.getRootNode().activeElement === e")


def test_the_strip_shows_how_large_and_how_wide(page: Page, pictures: str) -> None:
    _open(page, pictures, "?show=18")
    stops = page.locator(".stop")
    sizes = [_box(stops.nth(index).locator(".thumb"))["width"] for index in (0, 6, 12)]
    assert sizes == [72, 36, 18]
    sheets = [stops.nth(index).locator(".sheet").count() for index in (0, 6, 12)]
    assert sheets == sorted(set(sheets))
    bands = {
        stops.nth(index).locator(".band").evaluate("e => getComputedStyle(e).backgroundColor")
        for index in range(18)
    }
    assert len(bands) == 3
    assert page.locator(".stop.downsample").count() == 2
    # Every thumbnail shows its own piece of the sheet.
    page.wait_for_function(
        "document.querySelector('[data-testid=stBidiComponentIsolated]').shadowRoot"
        ".querySelector('.strip').style.getPropertyValue('--sheet')"
    )
    shown = stops.first.locator(".thumb").evaluate("e => getComputedStyle(e).backgroundImage")
    assert shown.startswith('url("blob:')


def test_six_hundred_stops_are_light_and_fit_a_telephone(new_page: NewPage, pictures: str) -> None:
    page = new_page(width=390, height=844)
    _open(page, pictures, "?show=600&stop=block500")
    strip = page.locator(".strip")
    expect(page.locator(".stop")).to_have_count(600)
    assert page.locator(".layer-strip img").count() == 0

    for key, name in ((None, "500"), ("End", "599"), ("ArrowLeft", "598"), ("Home", "0")):
        if key:
            strip.press(key)
        label = page.locator(".stop[aria-selected=true] .name")
        expect(label).to_contain_text(f".{name}")
        box, around = _box(label), _box(strip)
        assert around["x"] - 1 <= box["x"]
        assert box["x"] + box["width"] <= around["x"] + around["width"] + 1
        expect(label.locator(".shape")).to_be_visible()
    _known(page, stop="block0")
    took = strip.evaluate(
        "e => { const start = performance.now();"
        "for (let i = 0; i < 50; i++) { e.dispatchEvent(new KeyboardEvent('keydown',"
        " { key: 'ArrowRight', repeat: true })); e.scrollWidth; }"
        "return (performance.now() - start) / 50; }"
    )
    assert took < 30  # milliseconds a step: a key repeats each 30
    _not_sideways(page)


def test_a_narrow_page_does_not_scroll_sideways(new_page: NewPage, pictures: str) -> None:
    page = new_page(width=390, height=844)
    _open(page, pictures, "?show=18&both")
    _tiles(page).hover(position=_tile(page, 2))
    expect(_view(page, "Seven channels").locator(".tip")).to_be_visible()
    for alt in ("Seven channels", "Six values", "The input"):
        assert _box(_view(page, alt).locator(".frame"))["width"] <= 358
    _not_sideways(page)


def _not_sideways(page: Page) -> None:
    for part in ("html", "[data-testid=stMain]", "[data-testid=stMainBlockContainer]"):
        assert page.locator(part).evaluate("e => e.scrollWidth <= e.clientWidth")


def _colour(locator: Locator, name: str) -> str:
    text: str = locator.evaluate("(e, name) => getComputedStyle(e)[name]", name)
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", text)[:3])


def test_both_themes_can_be_read(new_page: NewPage, pictures: str) -> None:
    grounds = set()
    for dark in (False, True):
        page = new_page(dark=dark)
        _open(page, pictures, "?show=18&both&stop=block2")
        ground = _colour(page.locator("[data-testid=stApp]"), "backgroundColor")
        grounds.add(ground)
        tip = _view(page, "Seven channels").locator(".tip")
        _tiles(page).hover(position=_tile(page, 1))
        expect(tip).to_be_visible()
        assert contrast(_colour(tip, "color"), _colour(tip, "backgroundColor")) > 7
        padding = _view(page, "The input").locator(".padding")
        assert contrast(_colour(padding, "color"), ground) > 7

        label = page.locator(".stop[aria-selected=true] .label")
        assert contrast(_colour(label, "color"), _colour(label, "backgroundColor")) > 7
        thumb = page.locator(".stop[aria-selected=true] .thumb")
        assert contrast(_colour(thumb, "outlineColor"), ground) > 3
    assert len(grounds) == 2
