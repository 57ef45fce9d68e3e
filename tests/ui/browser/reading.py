"""Reading what stands on a page in the browser."""

from __future__ import annotations

import base64
import io
from urllib.parse import parse_qsl, urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from resnet_viz import InputSpec, ResNetSpec, build_model, capture
from resnet_viz.images.decoding import load_image
from resnet_viz.images.preprocessing import prepare
from resnet_viz.views.pixels.mosaics import mosaic, shared_scale


def shown_metrics(page: Page) -> dict[str, str]:
    """The headline metrics by label, as text."""
    labels = page.get_by_test_id("stMetricLabel").all_inner_texts()
    values = page.get_by_test_id("stMetricValue").all_inner_texts()
    return {label.strip(): value.strip() for label, value in zip(labels, values, strict=True)}


def parameters(page: Page) -> dict[str, str]:
    """The parameters of the address."""
    return dict(parse_qsl(urlsplit(page.url).query))


def fill(page: Page, key: str, value: str) -> None:
    """Type into a field of the sidebar, known by its key, and leave it."""
    field = page.locator(f".st-key-{key} input")
    field.fill(value)
    field.press("Enter")


def choose(page: Page, key: str, option: str) -> None:
    """Choose from a list known by its key; long lists show only what fits the typed words."""
    box = page.locator(f".st-key-{key}").get_by_role("combobox")
    box.click()
    box.fill(option)
    page.get_by_role("option", name=option).first.click()


def node_ids(page: Page) -> list[str]:
    """The ids of the nodes of the graph."""
    found: list[str] = page.locator("g.node").evaluate_all("nodes => nodes.map(n => n.id)")
    return found


def download(page: Page, button: str, name: str) -> bytes:
    """What a button gives, under the name that is expected."""
    with page.expect_download() as started:
        page.get_by_role("button", name=button, exact=True).click()
    assert started.value.suggested_filename == name
    return started.value.path().read_bytes()


def mosaic_image(page: Page, channels: int, layer: str) -> Locator:
    """The mosaic of a layer."""
    return page.get_by_role("img", name=f"All {channels} channels of {layer}, in reading order")


def pixels(picture: Locator) -> NDArray[np.uint8]:
    """The pixels of a picture that the browser has decoded."""
    expect(picture).to_be_visible()
    source, width, height = picture.evaluate(
        "async image => { await image.decode();"
        " return [image.src, image.naturalWidth, image.naturalHeight]; }"
    )
    if source.startswith("data:"):
        data = base64.b64decode(source.partition(",")[2])
    else:
        data = picture.page.request.get(source).body()
    decoded = np.asarray(Image.open(io.BytesIO(data)))
    assert decoded.shape[:2] == (height, width)
    assert min(height, width) > 0
    return decoded


def expected_mosaic(
    picture: bytes, layer: str, spec: ResNetSpec, size: InputSpec
) -> NDArray[np.uint8]:
    """What the page must show, made by the library in this process."""
    tensor = prepare(load_image(picture), size, spec.in_channels)
    maps = capture(build_model(spec, seed=0).eval(), tensor, [layer])[layer][0].numpy()
    return mosaic(maps, shared_scale(maps), max_side=1460).image


def assert_same_picture(shown: NDArray[np.uint8], expected: NDArray[np.uint8]) -> None:
    """Equal but for the last digit of a float: two processes may use other numbers of threads."""
    assert shown.shape == expected.shape
    assert np.mean(shown != expected) < 0.001
