"""The size map in a real browser: pointed at, clicked, tapped, and moved over with the keys."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from resnet_viz import PRESETS, InputSpec, profile
from resnet_viz.sizing import input_fit
from resnet_viz.units import si
from scripts.browser_harness import settled, visit
from tests.ui.browser.conftest import NewPage
from tests.ui.browser.reading import fill, parameters
from tests.views.test_palette import contrast

pytestmark = pytest.mark.browser

MODEL: Final = "resnet18"


def _open(page: Page, address: str, **query: object) -> Locator:
    """The map, drawn."""
    parts = {"model": MODEL, "lab": "map", "map": "macs"} | query
    link = "&".join(f"{name}={value}" for name, value in parts.items())
    visit(page, address, f"/input_size?{link}")
    found = page.get_by_role("application", name="Map of input sizes")
    expect(found).to_be_visible()
    found.scroll_into_view_if_needed()
    return found


def _lines(height: int, width: int) -> list[str]:
    """What is said of a size, from the library's own profile."""
    report = profile(PRESETS[MODEL], InputSpec(height, width))
    layers, totals = input_fit.convolutions(report), report.totals
    rows, columns = totals.final_grid
    one_cell = sum(input_fit.reads_one_cell(layer) for layer in layers)
    outgrown = sum(input_fit.field_exceeds(layer, report) for layer in layers)
    return [
        f"{height} × {width}",
        f"final grid {rows} × {columns}",
        f"{si(totals.macs)} MACs",
        f"peak memory {si(totals.peak_activation_bytes, 'B')}",
        f"{one_cell} of {len(layers)} convolutions on 1 × 1",
        f"{outgrown} of {len(layers)} see beyond the input",
        f"rounding loss {100 - 100 * height * width / (32 * rows * 32 * columns):.1f} %",
    ]


def _place(map_: Locator, height: int, width: int, reach: int = 512) -> Any:
    """Where a size is on a map of at most 512 sizes along a side."""
    box = map_.bounding_box()
    assert box is not None
    step = reach / 512
    return {
        "x": (width / step - 0.5) / 512 * box["width"],
        "y": (height / step - 0.5) / 512 * box["height"],
    }


def _has(page: Page, height: int, width: int) -> None:
    """The input has a size, in the sidebar and in the link."""
    expect(page.locator(".st-key-h input")).to_have_value(str(height))
    expect(page.locator(".st-key-w input")).to_have_value(str(width))
    settled(page)
    found = parameters(page)
    assert (found.get("h", "224"), found.get("w", "224")) == (str(height), str(width))


def _cross(page: Page) -> str | None:
    return page.locator(".size-map .chosen .inner").get_attribute("d")


def test_a_size_is_pointed_at_clicked_and_reached_with_keys(page: Page, address: str) -> None:
    map_ = _open(page, address)
    tip = page.locator(".size-map .tip")
    for height, width in ((7, 300), (150, 101), (333, 480), (1, 1)):
        map_.hover(position=_place(map_, height, width))
        expect(tip).to_have_text("\n".join(_lines(height, width)))
    near = _place(map_, 224, 224)
    map_.hover(position={"x": near["x"] + 3, "y": near["y"] - 2})
    expect(tip).to_contain_text("224 × 224")

    map_.click(position=_place(map_, 150, 101))
    _has(page, 150, 101)
    assert _cross(page) == "M0 149.5H512M100.5 0V512"

    page.mouse.move(1, 1)
    expect(tip).to_be_hidden()
    for key in ("ArrowDown", "ArrowRight", "Shift+ArrowLeft", "Shift+ArrowDown", "ArrowUp"):
        map_.press(key)
    expect(tip).to_have_text("\n".join(_lines(159, 96)))
    expect(map_).to_have_accessible_name(f"{_named('512')}. {', '.join(_lines(159, 96))}")
    expect(page.get_by_role("status").filter(has_text="159 × 96")).to_have_count(1)
    _has(page, 150, 101)
    map_.press("Enter")
    _has(page, 159, 96)
    expect(map_).to_be_focused()

    # Larger than the map: it reaches as far as it must.
    fill(page, "h", "700")
    expect(page.locator(".size-map .step")).to_have_text("sizes in steps of 2 pixels")
    assert _cross(page) == "M0 349.5H512M47.5 0V512"
    map_.hover(position=_place(map_, 600, 400, 1024))
    expect(tip).to_have_text("\n".join(_lines(600, 400)))


def _named(reach: str) -> str:
    return f"Map of input sizes up to {reach} × {reach}: multiply-accumulates"


def test_a_tap_shows_and_a_second_one_chooses_on_a_telephone(
    new_page: NewPage, address: str
) -> None:
    page = new_page(width=390, height=844, dark=True)
    map_ = _open(page, address, h=40, w=300)
    box = map_.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    tick = page.locator(".size-map .across .tick").first
    assert contrast(_colour(tick, "color"), _colour(page.get_by_test_id("stApp"))) > 7

    _tap(map_, 100, 200)
    expect(page.locator(".size-map .tip")).to_contain_text("rounding loss")
    use = page.locator(".size-map").get_by_role("button", name="Use ")
    shown = use.inner_text().removeprefix("Use ")
    _has(page, 40, 300)
    _tap(map_, 104, 204)
    height, width = map(int, shown.split(" × "))
    _has(page, height, width)
    expect(use).to_be_hidden()

    _tap(map_, 250, 50)
    expect(use).not_to_have_text(f"Use {shown}")
    height, width = map(int, use.inner_text().removeprefix("Use ").split(" × "))
    use.click()
    _has(page, height, width)
    for part in ("html", "[data-testid=stMain]"):
        assert page.locator(part).evaluate("e => e.scrollWidth <= e.clientWidth")


def _tap(map_: Locator, x: float, y: float) -> None:
    map_.evaluate(
        """(e, [x, y]) => {
            const box = e.getBoundingClientRect();
            const place = { clientX: box.left + x, clientY: box.top + y };
            e.dispatchEvent(new PointerEvent("click", { pointerType: "touch", ...place }));
        }""",
        [x, y],
    )


def _colour(locator: Locator, name: str = "backgroundColor") -> str:
    text: str = locator.evaluate("(e, name) => getComputedStyle(e)[name]", name)
    return "#" + "".join(
        f"{int(part):02x}" for part in text.split("(")[1].rstrip(")").split(",")[:3]
    )
