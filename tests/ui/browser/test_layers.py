"""What a click does on the Layers page: AppTest has no mouse."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from resnet_viz import PRESETS, profile
from scripts.browser_harness import settled, visit
from tests.ui.browser.reading import download

pytestmark = pytest.mark.browser

ROW = 35  # height of a table's row in pixels


def press(page: Page, where: Locator, x: float, y: float) -> None:
    """Click at a place inside of something that is drawn, not made of elements."""
    where.scroll_into_view_if_needed()
    page.wait_for_timeout(300)  # what moves comes to rest
    box = where.bounding_box()
    assert box
    page.mouse.click(box["x"] + x, box["y"] + y)


def expect_focus(page: Page, path: str | None) -> None:
    """It stands in the address and on the page."""
    wanted = r"[?&]layer=" + re.escape(path) + r"(&|$)" if path else r"^[^?]*(\?(?!.*layer=).*)?$"
    expect(page).to_have_url(re.compile(wanted))
    if path:
        expect(page.get_by_text("In focus:")).to_contain_text(path)
    settled(page)


def test_a_click_on_a_row_sets_the_focus(page: Page, address: str) -> None:
    visit(page, address, "/layers?model=resnet18")
    rows = page.get_by_test_id("stDataFrame").first
    press(page, rows, 400, 4.5 * ROW)  # after the header conv1, bn1, relu, maxpool
    expect_focus(page, "maxpool")
    press(page, rows, 100, 6.5 * ROW)
    expect_focus(page, "layer1.0.bn1")

    page.locator(".st-key-clear_focus button").click()
    expect_focus(page, None)
    press(page, rows, 100, 6.5 * ROW)  # the same again
    expect_focus(page, "layer1.0.bn1")

    page.get_by_placeholder("conv2d").fill("layer3")
    page.keyboard.press("Enter")
    expect(page.get_by_text("What is in focus is not among them.")).to_be_visible()
    settled(page)
    press(page, rows, 100, 1.5 * ROW)
    expect_focus(page, "layer3.0.conv1")


def test_a_click_on_the_map_sets_the_focus_and_goes_in(page: Page, address: str) -> None:
    visit(page, address, "/layers?model=resnet18")
    sectors = page.locator(".stPlotlyChart g.slice")
    name = sectors.filter(has_text=re.compile(r"^layer3")).first
    out = page.get_by_role("button", name="Whole network")

    name.click(position={"x": 10, "y": 8})
    expect_focus(page, "layer3")
    expect(out).to_be_visible()
    expect(sectors.filter(has_text=re.compile(r"^layer2"))).to_have_count(0)
    sectors.filter(has_text="conv2").first.click()
    expect_focus(page, "layer3.0.conv2")

    out.click()
    expect(out).to_have_count(0)
    expect(sectors.filter(has_text=re.compile(r"^layer2"))).to_have_count(1)
    expect_focus(page, "layer3.0.conv2")


def test_the_table_can_be_taken_along(page: Page, address: str) -> None:
    visit(page, address, "/layers?model=resnet18")
    page.get_by_role("button", name="Download", exact=True).click()
    report = profile(PRESETS["resnet18"])

    rows = list(csv.DictReader(io.StringIO(download(page, "CSV", "resnet18.csv").decode())))
    assert [row["Layer"] for row in rows] == [row.path for row in report.layers]
    assert [int(row["MACs"]) for row in rows] == [row.macs for row in report.layers]
    document = json.loads(download(page, "JSON", "resnet18.json"))
    assert document["totals"]["macs"] == report.totals.macs


def test_no_page_scrolls_sideways_on_a_telephone(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, address, "/layers?layer=layer3.0.downsample")
    widths = page.evaluate(
        "[...document.querySelectorAll('html, [data-testid=stMain]')]"
        ".map(each => [each.scrollWidth, each.clientWidth])"
    )
    assert all(inner <= outer for inner, outer in widths)
