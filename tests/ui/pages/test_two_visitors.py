"""Two visitors in two threads of one process: neither sees the other's maps."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from resnet_viz import PRESETS, InputSpec, build_model, capture
from resnet_viz.images.decoding import load_image
from resnet_viz.images.preprocessing import prepare
from resnet_viz.views.pixels.mosaics import mosaic, shared_scale
from tests.ui.pages.driver import assert_alive, open_page, view

ROUNDS = 5


def _png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (50, 50, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def _expected(data: bytes, layer: str) -> NDArray[np.uint8]:
    model = build_model(PRESETS["resnet18"], seed=0).eval()
    tensor = prepare(load_image(data), InputSpec(64, 64), 3)
    maps = capture(model, tensor, [layer])[layer][0].numpy()
    return mosaic(maps, shared_scale(maps), max_side=1460).image


def _visit(seed: int, layer: str) -> list[NDArray[np.uint8]]:
    """One visitor's mosaics, of one new picture after another under the same file name."""
    app = open_page("feature_maps", f"model=resnet18&h=64&w=64&layer={layer}")
    seen = []
    for round_ in range(ROUNDS):
        file = ("mine.png", _png(seed + round_), "image/png")
        app.file_uploader(key="picture").set_value(file).run()
        assert_alive(app, "feature_maps")
        seen.append(view(app, "mosaic"))
    return seen


@pytest.mark.usefixtures("concurrent")
@pytest.mark.parametrize("layers", [("layer1.0", "layer1.0"), ("layer1.0", "layer4.1.conv2")])
def test_each_sees_the_maps_of_ones_own_picture(layers: tuple[str, str]) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(_visit, (100, 200), layers))

    for seed, layer, seen in zip((100, 200), layers, both, strict=True):
        for round_, shown in enumerate(seen):
            np.testing.assert_array_equal(shown, _expected(_png(seed + round_), layer))
