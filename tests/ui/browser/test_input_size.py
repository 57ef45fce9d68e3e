"""The page Input size in a real browser: slider, coach, panels, wide and narrow."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.ui.state.input_size_options import PANELS
from resnet_viz.units import shape_text, si
from scripts.browser_harness import settled, visit
from tests.ui.browser.conftest import NewPage
from tests.ui.browser.reading import parameters

pytestmark = pytest.mark.browser

_FITS = "e => e.scrollWidth <= e.clientWidth"


def macs(page: Page, spec: ResNetSpec, side: int) -> None:
    """The headline shows the MACs of a network at a size."""
    expected = si(profile(spec, InputSpec(side, side)).totals.macs)
    expect(page.locator(".st-key-metrics [data-testid=stMetricValue]").nth(2)).to_have_text(
        expected
    )


def test_the_slider_the_coach_and_the_way_back(new_page: NewPage, address: str) -> None:
    page, spec = new_page(), PRESETS["resnet18"]
    visit(page, address, "/input_size?model=resnet18&h=32&w=32")
    macs(page, spec, 32)
    step = page.locator(".st-key-staircase .annotation-text").filter(has_text="32 × 32")
    expect(step).to_be_visible()

    page.locator(".st-key-side").get_by_role("slider").press("ArrowRight")
    macs(page, spec, 33)
    expect(step.or_(page.get_by_text(shape_text((33, 33)))).first).to_be_visible()
    settled(page)
    assert parameters(page) == {"model": "resnet18", "h": "33", "w": "33"}

    page.get_by_role("button", name="Use a 3 × 3 stem without pooling").click()
    small = ResNetSpec(block="basic", blocks=(2, 2, 2, 2), stem="small")
    macs(page, small, 33)
    page.get_by_role("button", name="Back to ResNet-18").click()
    macs(page, spec, 33)
    settled(page)
    assert parameters(page) == {"model": "resnet18", "h": "33", "w": "33"}


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_every_panel_stands_and_none_is_wider_than_the_window(
    new_page: NewPage, address: str, width: int, dark: bool
) -> None:
    page = new_page(width, 900, dark)
    visit(page, address, "/input_size?model=resnet18&c=1&h=120&w=96&batch=4")
    for key, name in PANELS.items():
        page.get_by_role("radio", name=name, exact=True).click()
        expect(page.get_by_role("radio", name=name, exact=True)).to_be_checked()
        expect(page).to_have_url(re.compile("input_size" if key == "changes" else f"lab={key}"))
        settled(page)
        page.wait_for_function(_FITS, arg=page.get_by_test_id("stMain").element_handle())
        expect(page.get_by_test_id("stAlert")).to_have_count(0)
