"""A photograph is chosen in the browser, and its maps are seen."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Position, expect

from resnet_viz import PRESETS, InputSpec, profile
from resnet_viz.costs.receptive_field import receptive_field_of
from resnet_viz.images.sample_images import sample_bytes
from resnet_viz.views.pixels.mosaics import mosaic, shared_scale
from scripts.browser_harness import settled, visit
from tests.ui.browser.conftest import NewPage
from tests.ui.browser.reading import (
    assert_same_picture,
    choose,
    download,
    expected_mosaic,
    mosaic_image,
    parameters,
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


def _channel_map(page: Page, channel: int, layer: str) -> Locator:
    return page.get_by_role("img", name=f"Channel {channel} of {layer}, enlarged")


def _at(image: Locator, row: float, column: float) -> Position:
    """A place in a picture, by shares of its height and width."""
    box = image.bounding_box()
    assert box is not None
    return {"x": column * box["width"], "y": row * box["height"]}


def test_a_click_on_a_channel_shows_it_and_a_click_on_a_cell_shows_what_it_sees(
    page: Page, address: str
) -> None:
    visit(page, address, f"{LINK}&layer=layer2.0")
    drawn = mosaic(np.zeros((128, 8, 8), np.float32), max_side=1460)
    x, y = drawn.corner(37)
    image = mosaic_image(page, 128, "layer2.0")
    height, width = drawn.image.shape[:2]
    image.click(position=_at(image, (y + 5) / height, (x + 5) / width), force=True)

    large = _channel_map(page, 37, "layer2.0")
    expect(large).to_be_visible()
    settled(page)
    place = _at(large, 6.5 / 8, 1.5 / 8)
    large.hover(position=place, force=True)
    expect(page.locator(".st-key-channel_map .tip")).to_contain_text("row 6, column 1: ")
    large.click(position=place, force=True)

    expect(page.get_by_text("Row 6, column 1 of channel 37: ")).to_be_visible()
    settled(page)
    field = receptive_field_of(profile(SPEC, SIZE), "layer2.0", 6, 1)
    seen = f"rows {field.inside.top} to {field.inside.bottom - 1} and columns {field.inside.left}"
    expect(page.get_by_text(seen)).to_be_visible()
    assert parameters(page)["layer"] == "layer2.0"


def test_arrow_keys_step_through_the_network(page: Page, address: str) -> None:
    visit(page, address, f"{LINK}&layer=layer1.0")
    strip = page.locator(".st-key-strip").get_by_role("listbox")
    strip.get_by_role("option", selected=True).click()
    for _ in range(3):
        page.keyboard.press("ArrowRight")

    expect(mosaic_image(page, 128, "layer2.1")).to_be_visible()
    settled(page)
    assert parameters(page)["layer"] == "layer2.1"
    assert_same_picture(
        pixels(mosaic_image(page, 128, "layer2.1")),
        expected_mosaic(sample_bytes("chelsea"), "layer2.1", SPEC, SIZE),
    )


def test_the_trained_network_is_one_click_away(page: Page, address: str) -> None:
    visit(page, address, LINK)
    page.get_by_role("button", name="Use the trained network").click()
    expect(page.get_by_role("option", name="layer3.2", exact=False)).to_have_count(1)
    settled(page)

    assert parameters(page)["weights"] == "patterns"
    page.locator(".st-key-panel").get_by_text("Prediction").click()
    expect(page.locator(".st-key-top")).to_contain_text("star")
    settled(page)


@pytest.mark.parametrize("width", [390, 1440])
def test_each_panel_stands_on_wide_and_narrow_pages(
    width: int, new_page: NewPage, address: str
) -> None:
    page = new_page(width=width, height=844)
    visit(page, address, f"{LINK}&layer=layer2.0")
    for panel, sign in SIGNS.items():
        page.locator(".st-key-panel").get_by_text(panel, exact=True).click()
        expect(page.locator(f".st-key-{sign}")).to_be_attached()
        settled(page)

        expect(page.get_by_test_id("stAlert")).to_have_count(0)
        page.wait_for_function(
            "(e => e.scrollWidth <= e.clientWidth)(document.querySelector('[data-testid=stMain]'))"
        )


SIGNS = {
    "Residual": "remove_this",
    "Convolution": "conv_sums",
    "Prediction": "where_view",
    "Compare": "other_picture",
}


def test_files_to_take_along_hold_what_is_shown(page: Page, address: str) -> None:
    visit(page, address, f"{LINK}&layer=layer2.0")
    page.get_by_role("button", name="Take along").click()
    taken = download(page, "The maps, NPY", "resnet18_layer2.0.npy")
    maps = np.load(io.BytesIO(taken))
    shown = mosaic(maps, shared_scale(maps), max_side=1460).image
    assert_same_picture(pixels(mosaic_image(page, 128, "layer2.0")), shown)
    packed = np.load(io.BytesIO(download(page, "The maps, NPZ", "resnet18_layer2.0.npz")))
    assert np.array_equal(packed["maps"], maps)
    file = download(page, "The mosaic, PNG", "resnet18_layer2.0.png")
    assert_same_picture(np.asarray(Image.open(io.BytesIO(file))), shown)
    table = download(page, "The numbers, CSV", "resnet18_layer2.0.csv").decode().splitlines()
    assert len(table) == 129


def test_a_page_starts_with_the_maps_of_a_real_photograph(page: Page, address: str) -> None:
    visit(page, address, "/feature_maps")

    seen = pixels(page.get_by_role("img", name="The picture as it enters the network"))
    assert seen.shape == (224, 224, 3)
    assert seen.std() > 20
    shown = pixels(mosaic_image(page, 256, "layer1.0"))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 100
