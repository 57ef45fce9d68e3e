"""A photograph is chosen in the browser, and its maps are seen."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from resnet_viz import PRESETS, InputSpec
from resnet_viz.samples import sample_bytes
from tests.browser.conftest import NewPage
from tests.browser.harness import settled, visit
from tests.browser.reading import (
    assert_same_picture,
    choose,
    expected_mosaic,
    mosaic_image,
    pixels,
)

pytestmark = pytest.mark.browser

LINK = "/feature_maps?model=resnet18&h=64&w=64"
SPEC, SIZE = PRESETS["resnet18"], InputSpec(64, 64)


def _photograph(folder: Path, sample: str, name: str = "photo.jpg") -> tuple[Path, bytes]:
    """A JPEG of a photograph that the page has not loaded by itself."""
    data = io.BytesIO()
    Image.open(io.BytesIO(sample_bytes(sample))).convert("RGB").save(data, "JPEG", quality=90)
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_bytes(data.getvalue())
    return file, data.getvalue()


def _pick(page: Page, file: Path) -> None:
    """Through the chooser that the button opens."""
    place = page.locator(".st-key-picture")
    with page.expect_file_chooser() as chooser:
        place.locator("button", has_text="Upload").click()
    chooser.value.set_files(file)
    expect(place).to_contain_text(file.name)


def _mosaic_after(page: Page, before: str) -> str:
    """The source of the mosaic once it is another."""
    image = mosaic_image(page, 64, "layer1.0")
    expect(image).not_to_have_attribute("src", before)
    settled(page)
    return str(image.get_attribute("src"))


def test_a_photograph_is_uploaded_and_its_maps_are_seen(
    tmp_path: Path, page: Page, address: str
) -> None:
    visit(page, address, LINK)
    image = mosaic_image(page, 64, "layer1.0")
    sample = pixels(image)
    assert_same_picture(sample, expected_mosaic(sample_bytes("chelsea"), "layer1.0", SPEC, SIZE))
    source = str(image.get_attribute("src"))

    first_file, first = _photograph(tmp_path / "a", "astronaut")
    _pick(page, first_file)
    source = _mosaic_after(page, source)
    shown = pixels(image)
    assert not np.array_equal(shown, sample)
    assert_same_picture(shown, expected_mosaic(first, "layer1.0", SPEC, SIZE))
    expect(page.get_by_text("from JPEG, 512 × 512")).to_be_visible()

    # Another picture under the same name.
    second_file, second = _photograph(tmp_path / "b", "coffee")
    assert second_file.name == first_file.name
    page.get_by_test_id("stFileChipDeleteBtn").get_by_role("button").click()
    source = _mosaic_after(page, source)
    _pick(page, second_file)
    _mosaic_after(page, source)
    again = pixels(image)
    assert not np.array_equal(again, shown)
    assert_same_picture(again, expected_mosaic(second, "layer1.0", SPEC, SIZE))


def test_two_visitors_at_once_see_their_own_maps(
    tmp_path: Path, new_page: NewPage, address: str
) -> None:
    visitors = {"astronaut": new_page(), "coffee": new_page()}
    for page in visitors.values():
        visit(page, address, LINK)
        settled(page)
    before = str(mosaic_image(page, 64, "layer1.0").get_attribute("src"))

    files = {sample: _photograph(tmp_path / sample, sample, "same_name.jpg") for sample in visitors}
    for sample, page in visitors.items():
        _pick(page, files[sample][0])
    for sample, page in visitors.items():
        _mosaic_after(page, before)
        assert_same_picture(
            pixels(mosaic_image(page, 64, "layer1.0")),
            expected_mosaic(files[sample][1], "layer1.0", SPEC, SIZE),
        )

    # And again after both have changed the layer.
    for page in visitors.values():
        choose(page, "layer", "layer2.1.conv1")
    for sample, page in visitors.items():
        image = mosaic_image(page, 128, "layer2.1.conv1")
        expect(image).to_be_visible()
        settled(page)
        assert_same_picture(
            pixels(image), expected_mosaic(files[sample][1], "layer2.1.conv1", SPEC, SIZE)
        )


def test_a_broken_file_is_one_sentence_and_the_page_lives_on(
    tmp_path: Path, page: Page, address: str
) -> None:
    visit(page, address, LINK)
    broken = tmp_path / "broken<b>.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    _pick(page, broken)

    expect(page.get_by_test_id("stAlert")).to_have_count(1)
    expect(page.get_by_test_id("stAlert")).to_contain_text("PNG")
    expect(page.get_by_test_id("stMetric")).to_have_count(6)


def test_a_channel_tells_its_values_under_the_pointer(page: Page, address: str) -> None:
    visit(page, address, LINK)

    chart = page.get_by_test_id("stPlotlyChart")
    chart.scroll_into_view_if_needed()
    expect(chart.locator(".heatmaplayer image")).to_be_visible()
    chart.locator(".nsewdrag").hover()
    expect(chart.locator(".hoverlayer .hovertext")).to_contain_text("row ")
    expect(chart.locator(".hoverlayer .hovertext")).to_contain_text("column ")


def test_a_page_starts_with_the_maps_of_a_real_photograph(page: Page, address: str) -> None:
    visit(page, address, "/feature_maps")

    seen = pixels(page.get_by_role("img", name="The picture as it enters the network"))
    assert seen.shape == (224, 224, 3)
    assert seen.std() > 20
    shown = pixels(mosaic_image(page, 256, "layer1.0"))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 100
