"""The Feature maps page: what it shows is what `capture` yields for the picture."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save as save_safetensors
from streamlit.testing.v1 import AppTest

from resnet_viz import PRESETS, InputSpec, ResNetSpec, build_model, capture
from resnet_viz.images.decoding import load_image
from resnet_viz.images.preprocessing import Fit, framed, prepare
from resnet_viz.images.sample_images import SAMPLES, sample_bytes
from resnet_viz.views.pixels.mosaics import channel_image, mosaic, shared_scale
from tests.ui.pages.driver import (
    assert_alive,
    assert_shows,
    go_to,
    has_component,
    link,
    metrics,
    open_page,
    pictures,
    said,
    view,
)

PAGE = "feature_maps"
SMALL = "model=resnet18&h=64&w=48"
SPEC, SIZE = PRESETS["resnet18"], InputSpec(64, 48)


def _maps(
    data: bytes,
    layer: str,
    *,
    spec: ResNetSpec = SPEC,
    size: InputSpec = SIZE,
    fit: Fit = "crop",
    seed: int = 0,
) -> NDArray[np.float32]:
    model = build_model(spec, seed=seed).eval()
    tensor = prepare(load_image(data), size, spec.in_channels, fit)
    maps: NDArray[np.float32] = capture(model, tensor, [layer])[layer][0].numpy()
    return maps


def _assert_mosaic(app: AppTest, maps: NDArray[np.float32]) -> None:
    """The mosaic is that of the maps, to the pixel."""
    assert_alive(app, PAGE)
    assert said(app) == []
    expected = mosaic(maps, shared_scale(maps), max_side=1460)
    np.testing.assert_array_equal(view(app, "mosaic"), expected.image)
    _, bar = pictures(app)
    assert bar.shape == (10, 512, 3)


def _png(seed: int, height: int = 40, width: int = 60) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def _upload(app: AppTest, data: bytes, name: str = "picture.png") -> AppTest:
    app.file_uploader(key="picture").set_value((name, data, "image/png")).run()
    return app


def test_each_sample_picture() -> None:
    app = open_page(PAGE, SMALL)
    for name in SAMPLES:
        app.selectbox(key="sample").set_value(name).run()

        _assert_mosaic(app, _maps(sample_bytes(name), "layer1.0"))
        seen = framed(load_image(sample_bytes(name)), SIZE, "crop")
        np.testing.assert_array_equal(pictures(app)[0], seen.squeeze(), name)


@pytest.mark.parametrize("fit", ["crop", "letterbox", "stretch"])
def test_each_fit(fit: Fit) -> None:
    app = open_page(PAGE, SMALL)
    app.segmented_control(key="fit").set_value(fit).run()

    _assert_mosaic(app, _maps(sample_bytes("chelsea"), "layer1.0", fit=fit))


def test_a_native_picture_sets_the_input() -> None:
    app = open_page(PAGE, SMALL)
    app.segmented_control(key="fit").set_value("native").run()

    size = InputSpec(300, 451)
    assert_shows(app, PAGE, SPEC, size)
    assert (link(app)["h"], link(app)["w"]) == ("300", "451")
    maps = _maps(sample_bytes("chelsea"), "layer1.0", size=size, fit="native")
    _assert_mosaic(app, maps)

    app.selectbox(key="sample").set_value("tiny").run()
    assert link(app)["h"] == str(load_image(sample_bytes("tiny")).height)


LAYERS = (
    *("conv1", "relu", "maxpool", "layer1.1.add", "layer2.0", "layer2.0.downsample.0"),
    *("layer4.1", "layer4.1.relu2", "avgpool", "flatten", "fc"),
)


@pytest.mark.parametrize("layer", LAYERS)
def test_each_kind_of_layer(layer: str) -> None:
    app = open_page(PAGE, f"{SMALL}&layer={layer}")

    _assert_mosaic(app, _maps(sample_bytes("chelsea"), layer))
    assert link(app)["layer"] == layer


@pytest.mark.parametrize(
    ("text", "spec", "size"),
    [
        ("c=1&h=28&w=28", ResNetSpec(in_channels=1), InputSpec(28, 28)),
        ("model=resnet18&c=2&h=32&w=32", replace(SPEC, in_channels=2), InputSpec(32, 32)),
        ("model=resnet18&c=8&h=64&w=64", replace(SPEC, in_channels=8), InputSpec(64, 64)),
        ("model=resnet18&h=1&w=1", SPEC, InputSpec(1, 1)),
        ("model=resnet18&h=1&w=300", SPEC, InputSpec(1, 300)),
        ("model=resnet18&h=300&w=1", SPEC, InputSpec(300, 1)),
        ("model=resnet20", PRESETS["resnet20"], InputSpec(32, 32)),
    ],
)
def test_other_inputs(text: str, spec: ResNetSpec, size: InputSpec) -> None:
    app = open_page(PAGE, text)

    _assert_mosaic(app, _maps(sample_bytes("chelsea"), "layer1.0", spec=spec, size=size))


def test_another_seed_gives_other_maps() -> None:
    app = open_page(PAGE, f"{SMALL}&weights=random:7")

    _assert_mosaic(app, _maps(sample_bytes("chelsea"), "layer1.0", seed=7))


def test_an_uploaded_picture_is_what_is_shown() -> None:
    app = _upload(open_page(PAGE, SMALL), _png(1))
    _assert_mosaic(app, _maps(_png(1), "layer1.0"))

    app.file_uploader(key="picture").set_value(("picture.png", _png(2), "image/png")).run()
    _assert_mosaic(app, _maps(_png(2), "layer1.0"))


def test_until_a_file_is_chosen_the_sample_stays() -> None:
    app = open_page(PAGE, SMALL)

    _assert_mosaic(app, _maps(sample_bytes("chelsea"), "layer1.0"))


@pytest.mark.parametrize(
    "data", [b"", b"broken", _png(3)[:80], b"<svg/>", b"%PDF-1.7", b"\xff\xd8\xff" + b"\0" * 99]
)
def test_a_broken_file_is_one_sentence_and_the_page_lives_on(data: bytes) -> None:
    app = _upload(open_page(PAGE, SMALL), data, "<b>*evil*</b>.png")

    assert_alive(app, PAGE)
    assert len(said(app)) == 1
    assert app.selectbox(key="layer").value == "layer1.0"
    assert len(metrics(app)) == 6
    everything = " ".join(text.value for text in (*app.caption, *app.markdown, *app.error))
    assert "evil" not in everything

    _upload(app, _png(4))
    _assert_mosaic(app, _maps(_png(4), "layer1.0"))


def _saved(save: Callable[..., bytes], name: str) -> bytes:
    return save(build_model(PRESETS[name], seed=5).state_dict())


def _torch_save(state: object) -> bytes:
    data = io.BytesIO()
    torch.save(state, data)
    return data.getvalue()


@pytest.mark.parametrize("save", [save_safetensors, _torch_save])
def test_a_checkpoint_of_ones_own(save: Callable[..., bytes]) -> None:
    app = open_page(PAGE, "model=resnet20&h=64&w=48")
    file = ("w.safetensors", _saved(save, "resnet20"), "application/octet-stream")
    app.file_uploader(key="checkpoint").set_value(file).run()

    maps = _maps(sample_bytes("chelsea"), "layer1.0", spec=PRESETS["resnet20"], seed=5)
    _assert_mosaic(app, maps)
    assert any("weights your checkpoint" in text.value for text in app.caption)


def test_a_checkpoint_of_another_depth_is_named_and_the_network_can_be_set_to_it() -> None:
    app = open_page(PAGE, "model=resnet20&h=64&w=48")
    spec = replace(PRESETS["resnet32"], num_classes=7)
    state = build_model(spec, seed=5).state_dict()
    file = ("w.pth", _torch_save({"state_dict": state}), "application/octet-stream")
    app.file_uploader(key="checkpoint").set_value(file).run()

    assert_alive(app, PAGE)
    (sentence,) = said(app)
    assert "looks like a ResNet-32 with 7 classes" in sentence
    assert not has_component(app, "mosaic")

    app.button(key="set_network").click().run()
    assert_shows(app, PAGE, spec, SIZE)
    _assert_mosaic(app, _maps(sample_bytes("chelsea"), "layer1.0", spec=spec, seed=5))


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x80\x04cos\nsystem\n", b"PK\x03\x04"])
def test_a_broken_checkpoint_is_one_sentence(data: bytes) -> None:
    app = open_page(PAGE, SMALL)
    app.file_uploader(key="checkpoint").set_value(("w.pth", data, "")).run()

    assert_alive(app, PAGE)
    assert len(said(app)) == 1


@pytest.mark.parametrize("text", ["h=16384&w=16384", "h=16384&w=16384&c=1024", "h=6000&w=6000"])
def test_an_absurd_size_is_refused_before_anything_is_computed(text: str) -> None:
    began = time.monotonic()
    app = open_page(PAGE, text)

    assert_alive(app, PAGE)
    (sentence,) = said(app)
    assert sentence.startswith("These feature maps at")
    assert time.monotonic() - began < 10


def test_the_cpu_can_be_asked_for() -> None:
    app = open_page(PAGE, f"{SMALL}&device=cpu")

    _assert_mosaic(app, _maps(sample_bytes("chelsea"), "layer1.0"))


def test_the_layer_in_focus_goes_along_and_comes_back() -> None:
    app = open_page(PAGE, SMALL)
    app.selectbox(key="layer").set_value("layer3.1.conv2").run()
    assert link(app)["layer"] == "layer3.1.conv2"

    go_to(app, "layers")
    assert link(app)["layer"] == "layer3.1.conv2"
    go_to(app, PAGE)
    assert app.selectbox(key="layer").value == "layer3.1.conv2"
    _assert_mosaic(app, _maps(sample_bytes("chelsea"), "layer3.1.conv2"))


def test_another_preset_leaves_the_page_whole() -> None:
    app = open_page(PAGE, f"{SMALL}&layer=layer4.1.conv1")
    app.selectbox(key="model").set_value("resnet20").run()

    assert_shows(app, PAGE, PRESETS["resnet20"], InputSpec(64, 48))
    assert said(app) == []
    assert view(app, "mosaic").any()


def test_a_channel_is_shown_large_and_another_network_has_fewer() -> None:
    app = open_page(PAGE, f"{SMALL}&layer=layer4.1")
    app.number_input(key="channel").set_value(500).run()
    maps = _maps(sample_bytes("chelsea"), "layer4.1")
    expected = channel_image(maps[500], shared_scale(maps))
    np.testing.assert_array_equal(view(app, "channel_map"), expected)

    app.selectbox(key="layer").set_value("layer1.0").run()
    assert_alive(app, PAGE)
    assert app.number_input(key="channel").value == 63


def test_each_channel_can_have_its_own_scale() -> None:
    app = open_page(PAGE, SMALL)
    app.toggle(key="own_scale").set_value(True).run()

    maps = _maps(sample_bytes("chelsea"), "layer1.0")
    expected = mosaic(maps, "channel", max_side=1460).image
    np.testing.assert_array_equal(view(app, "mosaic"), expected)
