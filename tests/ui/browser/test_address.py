"""The address follows the choice, and the choice the address, on a slow network too."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from scripts.browser_harness import settled, visit
from tests.ui.browser.reading import fill, parameters, shown_metrics

# Longer than the time in which an old address counts as an echo (ui/link.py).
_PAST_THE_ECHO_MS = 2_500


# Every message to the server is on its way for a fifth of a second.
_SLOW_NETWORK = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) { setTimeout(() => send.call(this, data), 200); };
"""


def test_back_and_forward_restore_each_choice(page: Page, address: str) -> None:
    visit(page, address, "/?model=resnet18")
    for height in ("128", "256"):
        fill(page, "h", height)
        settled(page)
        expect(page).to_have_url(f"{address}/?model=resnet18&h={height}")
        page.wait_for_timeout(_PAST_THE_ECHO_MS)
    deep = shown_metrics(page)

    for height, step in (("128", page.go_back), ("224", page.go_back), ("128", page.go_forward)):
        step()
        expect(page.locator(".st-key-h input")).to_have_value(height)
        settled(page)
        assert parameters(page).get("h", "224") == height
    page.go_forward()
    expect(page.locator(".st-key-h input")).to_have_value("256")
    settled(page)
    assert shown_metrics(page) == deep


def test_the_back_button_leaves_a_page_for_the_last_one(page: Page, address: str) -> None:
    visit(page, address, "/?model=resnet34&h=96")
    page.get_by_test_id("stSidebar").get_by_role("link", name="Layers").click()
    expect(page.get_by_role("heading", name="Layers", exact=True)).to_be_visible()
    settled(page)
    page.wait_for_timeout(_PAST_THE_ECHO_MS)
    page.go_back()
    expect(page.get_by_role("heading", name="Architecture", exact=True)).to_be_visible()
    settled(page)
    assert parameters(page) == {"model": "resnet34", "h": "96"}


@pytest.mark.parametrize("gap_ms", [60, 300])
def test_quick_edits_on_a_slow_network_all_count(page: Page, address: str, gap_ms: int) -> None:
    page.add_init_script(_SLOW_NETWORK)
    visit(page, address, "/input_size?model=resnet18")
    height = page.locator(".st-key-h input")
    height.click()
    for _ in range(8):
        height.press("ArrowUp")
        page.wait_for_timeout(gap_ms)
    fill(page, "classes", "10")
    fill(page, "w", "300")
    expected = {"model": "resnet18", "h": "232", "w": "300", "classes": "10"}
    page.wait_for_function(
        "wanted => new URLSearchParams(location.search).size === wanted"
        " && location.search.includes('w=300')",
        arg=len(expected),
    )
    page.wait_for_timeout(1_000)  # nothing that is still on its way may change it
    settled(page)
    assert parameters(page) == expected
    expect(height).to_have_value("232")
    expect(page.locator(".st-key-classes input")).to_have_value("10")
