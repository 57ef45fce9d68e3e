"""`images.preprocessing`: the tensor is the picture, framed and normalised by the rules."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image

from resnet_viz.errors import ImageError, SpecError
from resnet_viz.images import preprocessing
from resnet_viz.images.decoding import Picture
from resnet_viz.images.preprocessing import FITS, Fit, channel_rule, framed, native_input, prepare
from resnet_viz.network.spec import MAX_SIDE, InputSpec
from tests.helpers.pictures import Array, names_are_sorted, one_sentence

sides = st.integers(1, 90)
shapes = st.tuples(sides, sides)
SCALING: tuple[Fit, ...] = ("crop", "letterbox", "stretch")  # to an input of any size
fits = st.sampled_from(SCALING)


def smooth(rows: int, columns: int, channels: int = 3) -> Picture:
    """Waves a few pixels long: enough detail to see a shift, without aliasing."""
    y, x = np.mgrid[0:rows, 0:columns]
    waves = [127.5 + 127.5 * np.sin(x / (5 + c) + y / (7 - c)) for c in range(channels)]
    return Picture(np.stack(waves, axis=-1).astype(np.uint8))


def resized(pixels: Array, height: int, width: int) -> Array:
    """Antialiased bilinear, by its definition: a triangle as wide as the scale, at each centre."""

    def weights(old: int, new: int) -> Array:
        scale = old / new
        centres = (np.arange(new) + 0.5) * scale
        distance = np.abs(np.arange(old) + 0.5 - centres[:, np.newaxis]) / max(scale, 1)
        triangle = np.clip(1 - distance, 0, None)
        return np.asarray(triangle / triangle.sum(axis=1, keepdims=True))

    across = np.einsum("wj,hjc->hwc", weights(pixels.shape[1], width), pixels.astype(float))
    down: Array = np.einsum("hi,iwc->hwc", weights(pixels.shape[0], height), across)
    return down


@settings(max_examples=150, deadline=None)
@given(shapes, shapes, st.integers(1, 13), fits, st.sampled_from([1, 3]), st.booleans())
def test_the_tensor_always_has_its_shape(
    source: tuple[int, int],
    target: tuple[int, int],
    channels: int,
    fit: Fit,
    colours: int,
    normalise: bool,
) -> None:
    tensor = prepare(smooth(*source, colours), InputSpec(*target), channels, fit, normalise)
    assert tensor.shape == (1, channels, *target)
    assert tensor.dtype == torch.float32
    assert torch.isfinite(tensor).all()
    assert tensor.is_contiguous()
    if not normalise:
        assert tensor.min() >= 0
        assert tensor.max() <= 1


@given(shapes, fits, st.sampled_from([1, 3]))
@settings(max_examples=60, deadline=None)
def test_a_picture_of_the_inputs_size_is_unchanged(
    shape: tuple[int, int], fit: Fit, colours: int
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, colours), np.uint8)
    assert np.array_equal(framed(Picture(noise), InputSpec(*shape), fit), noise)
    tensor = prepare(Picture(noise), InputSpec(*shape), colours, fit, normalise=False)
    assert np.array_equal(tensor[0].permute(1, 2, 0).numpy(), noise / np.float32(255))


@given(shapes, shapes)
@settings(max_examples=100, deadline=None)
def test_crop_is_the_middle_of_the_whole(source: tuple[int, int], target: tuple[int, int]) -> None:
    picture, (height, width) = smooth(*source), target
    scale = max(height / source[0], width / source[1])
    # As torchvision: Resize rounds the longer side down, CenterCrop rounds to even.
    whole = (
        max(height, math.floor(source[0] * scale + 1e-9)),
        max(width, math.floor(source[1] * scale + 1e-9)),
    )
    top, left = round((whole[0] - height) / 2), round((whole[1] - width) / 2)
    expected = resized(picture.pixels, *whole)[top : top + height, left : left + width]
    actual = framed(picture, InputSpec(*target))
    assert np.abs(actual - expected).max() <= 1.5


@given(shapes, shapes)
@settings(max_examples=60, deadline=None)
def test_crop_equals_pillow_on_the_whole(source: tuple[int, int], target: tuple[int, int]) -> None:
    picture, (height, width) = smooth(*source), target
    if source[1] * height >= source[0] * width:
        whole = height, source[1] * height // source[0]
    else:
        whole = source[0] * width // source[1], width
    image = Image.fromarray(picture.pixels).resize(whole[::-1], Image.Resampling.BILINEAR)
    top, left = round((whole[0] - height) / 2), round((whole[1] - width) / 2)
    expected = np.asarray(image)[top : top + height, left : left + width].astype(int)
    assert np.abs(framed(picture, InputSpec(*target)) - expected).max() <= 1


def test_crop_without_scaling_only_cuts() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 101, 3), np.uint8)
    actual = framed(Picture(noise), InputSpec(64, 64))
    assert np.array_equal(actual, noise[:, 18:82])  # 37 over: 18.5 rounded to even


@given(shapes, shapes)
@settings(max_examples=60, deadline=None)
def test_stretch_is_resizing(source: tuple[int, int], target: tuple[int, int]) -> None:
    picture = smooth(*source)
    expected = resized(picture.pixels, *target)
    assert np.abs(framed(picture, InputSpec(*target), "stretch") - expected).max() <= 1.5


@given(shapes, shapes, st.sampled_from([1, 3]))
@settings(max_examples=100, deadline=None)
def test_letterbox_pads_around_the_middle(
    source: tuple[int, int], target: tuple[int, int], colours: int
) -> None:
    picture, (height, width) = smooth(*source, colours), target
    scale = min(height / source[0], width / source[1])
    inner = max(1, round(source[0] * scale)), max(1, round(source[1] * scale))
    assert inner[0] == height or inner[1] == width
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    actual = framed(picture, InputSpec(*target), "letterbox").astype(float)
    inside = actual[top : top + inner[0], left : left + inner[1]]
    assert np.abs(inside - resized(picture.pixels, *inner)).max() <= 1.5
    outside = np.ones(target, bool)
    outside[top : top + inner[0], left : left + inner[1]] = False
    assert (actual[outside] == ([124, 116, 104] if colours == 3 else [114])).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
@pytest.mark.parametrize("colours", [1, 3])
def test_letterbox_padding_is_about_zero(channels: int, colours: int) -> None:
    tensor = prepare(smooth(10, 40, colours), InputSpec(40, 40), channels, "letterbox")
    limit = 0.01 if channels > 1 and colours == 3 else 0.21  # grey is no mean of three colours
    assert tensor[..., :15, :].abs().max() < limit


@pytest.mark.parametrize(
    ("rows", "columns"), [(1, 10_000), (10_000, 1), (65_535, 2), (2, 65_535), (1, 1)]
)
@pytest.mark.parametrize("fit", SCALING)
def test_thin_pictures_take_little_memory(rows: int, columns: int, fit: Fit) -> None:
    picture = Picture(np.full((rows, columns, 3), 77, np.uint8))
    for size in ((224, 224), (16, 2048)):
        actual = framed(picture, InputSpec(*size), fit)
        assert actual.shape == (*size, 3)
        middle = (size[0] - 1) // 2, (size[1] - 1) // 2
        assert (actual[middle] == 77).all()


def test_tall_pictures_are_shortened_before_they_are_widened() -> None:
    tall = np.repeat(np.arange(60_000) // 256, 2).astype(np.uint8).reshape(60_000, 2, 1)
    actual = framed(Picture(tall), InputSpec(300, 1500), "stretch")  # else 60,000 × 1,500
    expected = resized(tall, 300, 2).repeat(750, axis=1)
    assert np.abs(actual - expected).max() <= 1.5


def test_framed_refuses_another_fit() -> None:
    for fit in ("zoom", "", None, 3):
        with pytest.raises(ImageError) as caught:
            framed(smooth(4, 4), InputSpec(4, 4), fit)  # type: ignore[arg-type]
        assert "crop, letterbox, stretch" in one_sentence(caught.value)


@pytest.mark.parametrize("fit", FITS)
def test_framed_refuses_an_input_of_too_many_pixels(fit: Fit) -> None:
    for size in ((8001, 8000), (8000, 8001), (MAX_SIDE, MAX_SIDE)):
        with pytest.raises(ImageError) as caught:
            framed(smooth(2, 2), InputSpec(*size), fit)
        text = one_sentence(caught.value)
        assert f"{size[0]} × {size[1]} has more than the 64,000,000 pixels" in text
        assert text.endswith("choose a smaller height or width.")
        with pytest.raises(ImageError, match="choose a smaller height or width"):
            prepare(smooth(2, 2), InputSpec(*size), 1, fit)


def test_the_pixel_limit_of_framed_includes_its_end() -> None:
    assert framed(smooth(1, 1, 1), InputSpec(8000, 8000, channels=1)).shape == (8000, 8000, 1)


def test_framed_is_read_only_and_leaves_the_picture_alone() -> None:
    picture = smooth(30, 40)
    before = picture.pixels.copy()
    for fit in SCALING:
        for channels in (None, 1, 3):
            assert not framed(picture, InputSpec(30, 40, 1, channels), fit).flags.writeable
            assert not framed(picture, InputSpec(17, 9, 1, channels), fit).flags.writeable
            prepare(picture, InputSpec(30, 40), channels or 5, fit)
    assert np.array_equal(picture.pixels, before)


# ---------------------------------------------------------------- channels

MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8, 12, 1024])
@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("normalise", [True, False])
def test_channel_rule(channels: int, colours: int, normalise: bool) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (6, 5, colours), np.uint8)
    actual = prepare(Picture(noise), InputSpec(6, 5), channels, normalise=normalise)[0].numpy()
    values = np.broadcast_to(noise, (6, 5, 3)) / 255
    for index in range(channels):
        if channels == 1:
            plane, mean, std = values @ [0.299, 0.587, 0.114], MEAN.mean(), STD.mean()
        else:
            plane, mean, std = values[..., index % 3], MEAN[index % 3], STD[index % 3]
        expected = (plane - mean) / std if normalise else plane
        assert np.allclose(actual[index], expected, atol=0.01 if channels == 1 else 1e-6)


def test_the_tensor_is_what_is_framed() -> None:
    picture = smooth(50, 70)
    for channels, fit in [(1, "crop"), (3, "letterbox"), (3, "stretch")]:
        size = InputSpec(32, 48, channels=channels)
        shown = framed(picture, size, fit)  # type: ignore[arg-type]
        tensor = prepare(picture, size, channels, fit, normalise=False)  # type: ignore[arg-type]
        assert shown.shape == (32, 48, channels)
        assert np.array_equal(np.rint(tensor[0].permute(1, 2, 0).numpy() * 255), shown)


def test_channel_rule_is_a_sentence() -> None:
    texts = [channel_rule(channels) for channels in (1, 2, 3, 4, 1024)]
    assert len(set(texts)) == 5
    assert "luminance" in texts[0]
    assert "1024 channels are red, green and blue in turn" in texts[-1]
    for text in texts:
        one_sentence(ImageError(text))


@pytest.mark.parametrize("channels", [0, -1, 1025])
def test_channels_no_network_takes(channels: int) -> None:
    with pytest.raises(SpecError):
        prepare(smooth(4, 4), InputSpec(4, 4), channels)


def test_names() -> None:
    assert get_args(Fit) == FITS == (*SCALING, "native")
    names_are_sorted(preprocessing)


@given(shapes, st.sampled_from([1, 3]))
def test_a_native_picture_passes_unchanged_at_its_own_size_alone(
    shape: tuple[int, int], colours: int
) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (*shape, colours), np.uint8)
    picture = Picture(noise)
    size = native_input(picture, InputSpec(7, 8, batch=2, channels=3))
    assert (size.height, size.width, size.batch, size.channels) == (*shape, 2, 3)
    assert np.array_equal(framed(picture, size, "native"), noise)
    with pytest.raises(ImageError, match=f"an input of {shape[0]} × {shape[1]}, not") as caught:
        framed(picture, InputSpec(shape[0] + 1, shape[1]), "native")
    one_sentence(caught.value)


def test_a_picture_larger_than_any_input_has_no_native_size() -> None:
    with pytest.raises(SpecError, match="height must lie between 1 and"):
        native_input(smooth(MAX_SIDE + 1, 1, 1), InputSpec())


def test_without_normalisation_the_rule_says_so() -> None:
    for channels in (1, 2, 3, 4):
        text = channel_rule(channels, normalise=False)
        assert "from 0 to 1" in text
        assert "normalised" not in text
        one_sentence(ImageError(text))
