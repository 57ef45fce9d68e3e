"""The panels of the Feature maps page show what the library computes."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from streamlit.testing.v1 import AppTest

from resnet_viz import PRESETS, InputSpec, ResNetSpec, build_model, capture, profile, trace
from resnet_viz.costs.receptive_field import receptive_field_of
from resnet_viz.features import capturing
from resnet_viz.features.capturing import capture_cost
from resnet_viz.features.channel_statistics import ranked, statistics
from resnet_viz.features.class_predictions import predict
from resnet_viz.features.gradients import effective_field, grad_cam
from resnet_viz.features.occluding import occlusion
from resnet_viz.features.overview import survey
from resnet_viz.images import drawn_patterns
from resnet_viz.images.decoding import load_image
from resnet_viz.images.preprocessing import framed, prepare
from resnet_viz.images.sample_images import sample_bytes
from resnet_viz.network.model import ResNet
from resnet_viz.ui.caching import feature_results
from resnet_viz.views.pixels.colour_maps import shared_scale
from resnet_viz.views.pixels.heat_overlay import heat
from resnet_viz.views.pixels.mosaics import channel_image, mosaic
from resnet_viz.weights.loading import load
from resnet_viz.weights.published import fetching
from resnet_viz.weights.sources import FirstConv
from tests.ui.pages.driver import (
    assert_alive,
    assert_shows,
    component,
    go_to,
    link,
    open_page,
    pictures,
    said,
    view,
)

PAGE = "feature_maps"
SMALL = "model=resnet18&h=64&w=48"
SPEC, SIZE = PRESETS["resnet18"], InputSpec(64, 48)

Maps = NDArray[np.float32]


def _tensor(name: str = "chelsea", spec: ResNetSpec = SPEC, size: InputSpec = SIZE) -> torch.Tensor:
    return prepare(load_image(sample_bytes(name)), size, spec.in_channels)


def _maps(layer: str, model: ResNet | None = None, name: str = "chelsea", **choices: Any) -> Maps:
    model = model or build_model(SPEC, seed=0)
    tensor = _tensor(name, model.spec)
    maps: Maps = capture(model, tensor, [layer], **choices)[layer][0].numpy()
    return maps


def _open(panel: str, words: str = SMALL) -> AppTest:
    app = open_page(PAGE, words)
    app.session_state["panel"] = panel
    return app.run()


def _place(cell: tuple[int, int], sides: tuple[int, int]) -> tuple[float, float]:
    """Where a cell of a map lies in the picture, down and across."""
    return (cell[0] + 0.5) / sides[0], (cell[1] + 0.5) / sides[1]


def _captions(app: AppTest) -> str:
    return " ".join(text.value for text in app.caption).replace("\\", "")


def _chart(app: AppTest, key: str) -> str:
    (found,) = [each for each in app.get("plotly_chart") if each.key == key]
    return str(found.proto.spec)


def test_the_input_is_a_layer_too() -> None:
    app = open_page(PAGE, f"{SMALL}&layer=input")

    assert said(app) == []
    assert app.selectbox(key="layer").value == "input"
    expected = _tensor()[0].numpy()
    shown = mosaic(expected, shared_scale(expected), max_side=1460).image
    np.testing.assert_array_equal(view(app, "mosaic"), shown)


def test_without_normalisation_the_network_receives_values_from_0_to_1() -> None:
    app = open_page(PAGE, f"{SMALL}&layer=input")
    app.toggle(key="normalise").set_value(False).run()

    expected = prepare(load_image(sample_bytes("chelsea")), SIZE, 3, normalise=False)[0].numpy()
    shown = mosaic(expected, shared_scale(expected), max_side=1460).image
    np.testing.assert_array_equal(view(app, "mosaic"), shown)
    assert "from 0 to 1" in _captions(app)


@pytest.mark.parametrize("order", ["mean", "max", "variance", "sparsity"])
def test_channels_can_be_sorted(order: str) -> None:
    app = open_page(PAGE, f"{SMALL}&layer=relu")
    app.selectbox(key="order").set_value(order).run()

    maps = _maps("relu")
    places = list(ranked(statistics(maps).channels, order))
    shown = mosaic(maps[places], shared_scale(maps), max_side=1460).image
    np.testing.assert_array_equal(view(app, "mosaic"), shown)
    labels = component(app, "mosaic")["lattice"]["labels"]
    assert labels[0].startswith(f"channel {places[0]} ")


def test_dead_channels_are_marked() -> None:
    app = open_page(PAGE, f"{SMALL}&layer=layer4.1")

    dead = [index for index, maps in enumerate(_maps("layer4.1")) if not maps.any()]
    assert dead
    assert component(app, "mosaic")["marks"] == dead


@pytest.mark.parametrize("cell", [(0, 0), (3, 4), (7, 5)])
def test_a_cell_is_followed_back_to_the_picture(cell: tuple[int, int]) -> None:
    app = open_page(PAGE, f"{SMALL}&layer=layer2.0")
    app.session_state["_place"] = _place(cell, (8, 6))
    app.number_input(key="channel").set_value(0).run()

    field = receptive_field_of(profile(SPEC, SIZE), "layer2.0", *cell)
    (outline,) = component(app, "on_picture")["outlines"]
    sides = [outline[side] for side in ("top", "left", "bottom", "right")]
    assert sides == [field.whole.top, field.whole.left, field.whole.bottom, field.whole.right]
    seen = framed(load_image(sample_bytes("chelsea")), SIZE)
    np.testing.assert_array_equal(view(app, "on_picture"), seen)
    rows = f"rows {field.inside.top} to {field.inside.bottom - 1}"
    assert rows in _captions(app)
    value = _maps("layer2.0")[0][cell]
    assert f"Row {cell[0]}, column {cell[1]} of channel 0: {value:.5g}." in _captions(app)


def test_the_effective_field_is_laid_over_the_picture() -> None:
    app = _open("Maps", f"{SMALL}&layer=layer2.0")
    app.session_state["_place"] = _place((2, 3), (8, 6))
    maps = _maps("layer2.0")[:, 2, 3]
    alive, dead = int(maps.argmax()), int(maps.argmin())
    app.number_input(key="channel").set_value(alive)
    app.segmented_control(key="overlay").set_value("effective").run()

    model = build_model(SPEC, seed=0)
    field = effective_field(model, _tensor(), "layer2.0", alive, 2, 3)
    assert field.any()
    assert "No pixel moves" not in _captions(app)
    np.testing.assert_array_equal(view(app, "on_picture", "heat"), heat(field, (64, 48), False))

    app.number_input(key="channel").set_value(dead).run()
    assert "No pixel moves this cell" in _captions(app)


PARTS = {
    "layer1.0": ("maxpool", "layer1.0.bn2", "maxpool", "layer1.0.add", "layer1.0"),
    "layer2.0": (
        *("layer1.1", "layer2.0.bn2", "layer2.0.downsample"),
        *("layer2.0.add", "layer2.0"),
    ),
}


@pytest.mark.parametrize("block", PARTS)
def test_the_parts_of_a_block_stand_on_one_scale_and_add_up(block: str) -> None:
    app = _open("Residual", f"{SMALL}&layer={block}.conv2")

    assert said(app) == []
    parts = [_maps(path) for path in PARTS[block]]
    scale = shared_scale(np.concatenate([part.ravel() for part in parts]))
    channel = int(app.number_input(key="part_channel").value or 0)
    shown = pictures(app)[-5:]
    for part, picture in zip(parts, shown, strict=True):
        if channel < len(part):
            expected = channel_image(part[channel], scale, max_side=420)
            np.testing.assert_array_equal(picture, expected)
    assert "sum = F(x) + shortcut and output = max(0, sum), to within 0" in _captions(app)
    whole = survey(build_model(SPEC, seed=0), _tensor())
    ratio = {each.block: each.ratio for each in whole.residuals}[block]
    assert f"ratio {ratio:.3g}." in _captions(app)


def test_a_branch_is_removed_and_everything_behind_it_changes() -> None:
    app = _open("Residual", f"{SMALL}&layer=layer2.1")
    app.button(key="remove_this").click().run()

    assert said(app) == []
    assert "sum = shortcut alone, F(x) being removed" in _captions(app)
    model = build_model(SPEC, seed=0)
    app.session_state["panel"] = "Maps"
    app.selectbox(key="layer").set_value("layer3.0").run()
    maps = _maps("layer3.0", model, without=["layer2.1"])
    assert not np.array_equal(maps, _maps("layer3.0", model))
    shown = mosaic(maps, shared_scale(maps), max_side=1460).image
    np.testing.assert_array_equal(view(app, "mosaic"), shown)
    assert any("Without F" in text.value for text in app.markdown)

    app.session_state["panel"] = "Prediction"
    app.run()
    assert '"before"' in _chart(app, "top")

    app.button(key="restore").click().run()
    assert '"before"' not in _chart(app, "top")


def test_a_convolution_is_a_sum_of_products() -> None:
    app = _open("Convolution", f"{SMALL}&layer=layer2.0")
    app.session_state["_place"] = _place((0, 5), (8, 6))
    app.number_input(key="conv_out").set_value(7).run()
    app.number_input(key="conv_in").set_value(3).run()

    assert app.selectbox(key="convolution").value == "layer2.0.conv1"
    value = _maps("layer2.0.conv1")[7, 0, 5]
    assert f"row 0, column 5 of channel 7 is {value:.6g}." in _captions(app)
    weight = build_model(SPEC, seed=0).get_submodule("layer2.0.conv1").weight
    padded = np.pad(_maps("layer1.1")[3], 1)[0:3, 10:13]
    total = float((weight.detach().numpy()[7, 3].astype(float) * padded).sum())  # type: ignore[operator]
    assert f"add up to {total:.6g}." in _captions(app)
    assert "Dashed cells are padding" in _captions(app)


def test_the_trained_network_names_what_it_sees_and_where() -> None:
    app = open_page(PAGE, SMALL)
    app.button(key="use_patterns").click().run()

    assert_shows(app, PAGE, drawn_patterns.SPEC, drawn_patterns.INPUT)
    assert said(app) == []
    assert link(app)["weights"] == "patterns"
    app.session_state["panel"] = "Prediction"
    app.run()

    found = load(drawn_patterns.SPEC, "patterns")
    tensor = _tensor("pattern_star", drawn_patterns.SPEC, drawn_patterns.INPUT)
    logits = survey(found.model, tensor).logits
    best, *_ = predict(logits, found.class_names)
    assert best.name == "star"
    assert f"{best.index}: star" in _chart(app, "top")
    assert "probability" in _chart(app, "top")
    where = grad_cam(found.model, tensor, "layer3.2", best.index)
    np.testing.assert_array_equal(view(app, "where_view", "heat"), heat(where, (64, 64)))

    app.segmented_control(key="where").set_value("Occlusion").run()
    covered = occlusion(found.model, tensor, best.index, window=16, stride=8)
    np.testing.assert_array_equal(view(app, "where_view", "heat"), heat(covered, (64, 64)))


def test_any_class_can_be_explained() -> None:
    app = _open("Prediction", "model=resnet20&weights=patterns&classes=12&h=64&w=64")
    app.selectbox(key="class").set_value(3).run()

    found = load(drawn_patterns.SPEC, "patterns")
    tensor = _tensor("chelsea", drawn_patterns.SPEC, drawn_patterns.INPUT)
    for layer in ("layer3.2", "layer1.0"):
        app.selectbox(key="cam_layer1.0").set_value(layer).run()
        where = grad_cam(found.model, tensor, layer, 3)
        np.testing.assert_array_equal(view(app, "where_view", "heat"), heat(where, (64, 64)))


def test_a_class_that_the_next_network_lacks_gives_way_to_the_likeliest() -> None:
    app = _open("Prediction")
    app.selectbox(key="class").set_value(300).run()
    assert app.selectbox(key="class").value == 300
    app.button(key="use_patterns").click().run()

    assert_shows(app, PAGE, drawn_patterns.SPEC, drawn_patterns.INPUT)
    assert said(app) == []
    assert app.selectbox(key="class").value is None


def test_two_pictures_stand_on_one_scale() -> None:
    app = _open("Compare", f"{SMALL}&layer=layer2.0")
    app.selectbox(key="other_picture").set_value("moon").run()

    pair = [_maps("layer2.0"), _maps("layer2.0", name="moon")]
    scale = shared_scale(np.concatenate([maps.ravel() for maps in pair]))
    shown = pictures(app)[-4::2]
    for maps, picture in zip(pair, shown, strict=True):
        np.testing.assert_array_equal(picture, mosaic(maps, scale, max_side=1460).image)


def test_two_networks_stand_on_one_scale_and_need_a_layer_that_both_have() -> None:
    app = _open("Compare", f"{SMALL}&layer=layer2.0")
    app.segmented_control(key="compare").set_value("network").run()
    app.selectbox(key="other_network").set_value("resnet50").run()

    model = build_model(PRESETS["resnet50"], seed=1)
    pair = [_maps("layer2.0"), _maps("layer2.0", model)]
    scale = shared_scale(np.concatenate([maps.ravel() for maps in pair]))
    shown = pictures(app)[-4::2]
    for maps, picture in zip(pair, shown, strict=True):
        np.testing.assert_array_equal(picture, mosaic(maps, scale, max_side=1460).image)

    app.selectbox(key="layer").set_value("layer4.1").run()
    app.selectbox(key="other_network").set_value("resnet20").run()
    (sentence,) = said(app)
    assert "has no layer layer4.1" in sentence
    app.text_input(key="other_weights").set_value("nonsense").run()
    (sentence,) = said(app)
    assert "random:<seed>" in sentence


def _png(colour: tuple[int, int, int]) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (48, 64), colour).save(data, "PNG")
    return data.getvalue()


def test_one_of_several_pictures_is_chosen() -> None:
    app = open_page(PAGE, SMALL)
    files = [(f"{name}.png", _png(colour), "image/png") for name, colour in COLOURS.items()]
    app.file_uploader(key="picture").set_value(files).run()
    for index, colour in enumerate(COLOURS.values()):
        app.selectbox(key="upload").set_value(index).run()
        assert said(app) == []
        assert (pictures(app)[0] == colour).all()


COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


@pytest.mark.parametrize(
    ("name", "words", "key", "expected"),
    [
        ("chelsea", SMALL, "mend_size", {"h": "300", "w": "451"}),
        ("camera", SMALL, "mend_channels", {"c": "1"}),
        ("chelsea", f"{SMALL}&c=1", "mend_channels", {}),
    ],
)
def test_a_picture_that_does_not_fit_can_be_given_its_network(
    name: str, words: str, key: str, expected: dict[str, str]
) -> None:
    app = open_page(PAGE, words)
    app.selectbox(key="sample").set_value(name).run()
    app.button(key=key).click().run()

    assert_alive(app, PAGE)
    assert said(app) == []
    found = {"c": link(app).get("c")} if key == "mend_channels" else {k: link(app)[k] for k in "hw"}
    assert {k: v for k, v in found.items() if v is not None} == expected
    assert key not in [button.key for button in app.button]


def test_weights_for_three_channels_are_adapted_to_four_as_chosen() -> None:
    app = open_page(PAGE, "model=resnet20&weights=patterns&classes=12&h=64&w=64&c=4&layer=conv1")

    assert said(app) == []
    choices: tuple[FirstConv, ...] = ("average", "repeat", "fresh")
    for how in choices:
        app.selectbox(key="first_conv").set_value(how).run()
        found = load(replace(drawn_patterns.SPEC, in_channels=4), "patterns", first_conv=how)
        tensor = _tensor("chelsea", found.model.spec, drawn_patterns.INPUT)
        maps = capture(found.model, tensor, ["conv1"])["conv1"][0].numpy()
        shown = mosaic(maps, shared_scale(maps), max_side=1460).image
        np.testing.assert_array_equal(view(app, "mosaic"), shown)


def test_weights_that_nobody_publishes_are_one_sentence() -> None:
    app = open_page(PAGE, "model=resnet20&weights=imagenet")

    assert_alive(app, PAGE)
    (sentence,) = said(app)
    assert "published for" in sentence


def test_imagenet_weights_are_downloaded_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("RESNET_VIZ_WEIGHTS_URL", "http://127.0.0.1:9/")
    app = open_page(PAGE, f"{SMALL}&weights=imagenet")

    assert_alive(app, PAGE)
    assert said(app) == []
    (info,) = [text.value for text in app.info]
    assert "resnet18" in info
    app.button(key="download_weights").click().run()
    assert_alive(app, PAGE)
    (sentence,) = said(app)
    assert "download" in sentence


def test_a_head_that_was_drawn_anew_gives_logits_and_the_classes_can_be_taken() -> None:
    app = _open("Prediction", "model=resnet20&weights=patterns&classes=7&h=64&w=64")
    assert said(app) == []
    assert "logits" in _chart(app, "top")
    assert "has learned nothing" in _captions(app)
    assert "2 initialised anew" in _captions(app)

    app.button(key="set_network").click().run()
    assert_shows(app, PAGE, drawn_patterns.SPEC, drawn_patterns.INPUT)
    assert "probability" in _chart(app, "top")


def test_the_second_network_is_not_downloaded_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(fetching, "fetch", lambda *_: pytest.fail("downloaded"))
    app = _open("Compare", f"{SMALL}&layer=layer2.0")
    app.session_state["compare"] = "network"
    app.session_state["other_weights"] = "imagenet"
    app.run()

    (sentence,) = said(app)
    assert "waits for its weights" in sentence
    assert [text.value for text in app.info]
    np.testing.assert_array_equal(
        pictures(app)[-2], mosaic(_maps("layer2.0"), max_side=1460).image
    )  # fmt: skip


def test_what_is_set_up_stays_when_panel_and_page_are_left() -> None:
    app = _open("Maps")
    app.file_uploader(key="picture").set_value([("mine.png", _png((9, 99, 200)), "image/png")])
    app.run()
    app.number_input(key="channel").set_value(7)
    app.selectbox(key="order").set_value("mean")
    app.toggle(key="own_scale").set_value(True)
    app.toggle(key="normalise").set_value(False).run()
    app.session_state["panel"] = "Residual"
    app.run()
    go_to(app, "layers")
    go_to(app, PAGE)
    assert (pictures(app)[0] == (9, 99, 200)).all()
    assert app.button(key="remove_this").label == "Remove F(x) of layer1.0"

    app.session_state["panel"] = "Maps"
    app.run()
    assert app.number_input(key="channel").value == 7
    assert app.selectbox(key="order").value == "mean"
    assert app.toggle(key="own_scale").value is True
    assert app.toggle(key="normalise").value is False

    app.button(key="forget_pictures").click().run()
    assert not (pictures(app)[0] == (9, 99, 200)).all()


def test_neighbouring_blocks_and_the_parts_of_one_take_one_pass_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passes: list[tuple[str, ...]] = []

    def counted(model: ResNet, image: torch.Tensor, layers: Any, **options: Any) -> Any:
        passes.append(tuple(layers))
        return capture(model, image, layers, **options)

    monkeypatch.setattr(capturing, "capture", counted)
    app = open_page(PAGE, f"{SMALL}&weights=random:4242")
    assert len(passes) == 1
    for layer in ("layer2.1", "layer4.0", "avgpool"):
        app.selectbox(key="layer").set_value(layer).run()
    assert len(passes) == 1
    app.selectbox(key="layer").set_value("layer2.0").run()
    app.session_state["panel"] = "Residual"
    app.run()
    assert passes[1:] == [("layer2.0.bn2", "layer2.0.downsample.1", "layer2.0.add")]
    app.run()
    assert len(passes) == 2


def test_a_layer_is_shown_though_its_neighbours_would_take_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allowed = max(capture_cost(SPEC, SIZE, path).peak_bytes for path in ("conv1", "layer4.1"))
    assert allowed < capture_cost(SPEC, SIZE, list(trace(SPEC).stops)).peak_bytes
    monkeypatch.setattr(feature_results, "MAX_PASS_BYTES", allowed)
    app = open_page(PAGE, f"{SMALL}&weights=random:4343&layer=layer4.1")

    assert [text for text in said(app) if "feature maps" in text] == []
    shown = mosaic(_maps("layer4.1", build_model(SPEC, seed=4343)), max_side=1460).image
    np.testing.assert_array_equal(view(app, "mosaic"), shown)


def test_values_that_outgrow_float32_are_said_and_predict_nothing() -> None:
    app = _open("Prediction", "model=resnet1202&h=8&w=8")
    assert said(app) == []
    assert "there are values that are not finite" in _captions(app)
    assert "no prediction" in app.info[0].value
    app.session_state["panel"] = "Residual"
    app.selectbox(key="layer").set_value("layer3.199").run()
    assert "cannot be said" in _captions(app)
