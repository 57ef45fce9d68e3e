"""`images.drawn_patterns`, the network that ships for them, and the script that trained it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from resnet_viz.errors import ImageError
from resnet_viz.images import drawn_patterns, pattern_shapes
from resnet_viz.images.decoding import Picture, load_image
from resnet_viz.images.drawn_patterns import (
    CLASSES,
    FIRST_FRESH_SEED,
    INPUT,
    SPEC,
    drawing,
    picture,
    pictures,
)
from resnet_viz.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD, prepare
from resnet_viz.images.sample_images import SAMPLES, sample_bytes
from resnet_viz.network.model import ResNet, build_model
from resnet_viz.network.spec import preset_name
from resnet_viz.weights.loading import load_weights
from resnet_viz.weights.shipped_weights import pattern_weights_path
from scripts import train_patterns
from scripts.train_patterns import (
    Recipe,
    accuracies,
    batches,
    drawn_pools,
    normalised,
    train,
    varied,
)
from tests.helpers.pictures import names_are_sorted, one_sentence

# Neither trained on nor used for the figures that the file states.
SEEDS = range(FIRST_FRESH_SEED + 10_000, FIRST_FRESH_SEED + 10_050)
QUICK = Recipe(
    drawn={24: 8, 64: 1}, steps=24, batch=32, early_sides=(16,), late_sides=(16, 32), rate=0.05
)


@pytest.fixture(scope="module")
def fresh() -> tuple[Any, Any]:
    return pictures(SEEDS)


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    with safe_open(pattern_weights_path(), "pt") as file:
        facts: dict[str, Any] = json.loads(file.metadata()["patterns"])
    return facts


@pytest.fixture
def settings_of_torch() -> Iterator[None]:
    """What the script sets for its own process is set back; one thread, for small tensors."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def prepared(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """Pictures as the app prepares them."""
    return torch.cat([prepare(Picture(each, "PNG"), INPUT, 3) for each in pixels])


# --- the drawings ------------------------------------------------------------------------------


def test_classes() -> None:
    assert len(CLASSES) == len(set(CLASSES)) == SPEC.num_classes >= 10
    assert preset_name(SPEC) == "resnet20"
    assert (INPUT.height, INPUT.width) == (64, 64)


@pytest.mark.parametrize("label", CLASSES)
def test_a_class(label: str) -> None:
    drawn = [drawing(label, seed) for seed in range(12)]
    for each in drawn:
        assert each.pixels.shape == (64, 64, 3)
        assert each.pixels.dtype == np.uint8
        assert each.label == CLASSES.index(label)
        assert each.subject.shape == (64, 64)
        left, top, right, bottom = each.box
        rows, columns = np.nonzero(each.subject)
        assert (left, top) == (columns.min(), rows.min())
        assert (right, bottom) == (columns.max() + 1, rows.max() + 1)
    means = [each.pixels.mean(axis=(0, 1)) for each in drawn]
    assert min(math.dist(a, b) for i, a in enumerate(means) for b in means[:i]) > 1
    parts = [float(each.subject.mean()) for each in drawn]
    if label in pattern_shapes.OBJECTS:
        assert 0.01 < min(parts) < max(parts) < 0.4
        centres = np.array([(each.box[0] + each.box[2]) / 2 for each in drawn])
        assert np.ptp(centres) > 15  # pixels: all over the picture
    else:
        assert min(parts) > 0.25


def test_the_same_seed_draws_the_same() -> None:
    for index, label in enumerate(CLASSES):
        first = drawing(label, 7)
        again = drawing(index, 7)
        np.testing.assert_array_equal(first.pixels, again.pixels)
        np.testing.assert_array_equal(first.subject, again.subject)
        np.testing.assert_array_equal(first.pixels, picture(label, 7))
        assert np.any(first.pixels != picture(label, 8))


@pytest.mark.parametrize("label", pattern_shapes.OBJECTS)
def test_the_side_does_not_change_what_is_drawn(label: str) -> None:
    small, large = drawing(label, 11, 32), drawing(label, 11, 96)
    shrunk = large.subject.reshape(32, 3, 32, 3).mean(axis=(1, 3))
    assert np.all(small.subject[shrunk == 1])
    assert not np.any(small.subject[shrunk == 0])
    assert np.abs(small.pixels.mean(axis=(0, 1)) - large.pixels.mean(axis=(0, 1))).max() < 12


def test_objects_stand_out_from_their_ground() -> None:
    """Inside and outside differ in colour by more than the ground varies, for most objects."""
    apart = []
    for label in pattern_shapes.OBJECTS:
        for seed in range(20):
            drawn = drawing(label, seed)
            inside, outside = drawn.pixels[drawn.subject], drawn.pixels[~drawn.subject]
            gap = np.abs(np.median(inside, axis=0) - np.median(outside, axis=0)).max()
            apart.append(gap > outside.std(axis=0).mean())
    assert np.mean(apart) > 0.9


@pytest.mark.parametrize(
    ("label", "area"),
    [("disc", 0.85 * math.pi), ("triangle", 3 * math.sqrt(3) * 0.55**2), ("square", 1.6**2)],
)
def test_areas_are_those_of_geometry(label: str, area: float) -> None:
    line = np.linspace(-1.5, 1.5, 1500, dtype=np.float32)
    mask = pattern_shapes.OBJECTS[label](line[None, :], line[:, None], np.random.default_rng(0))
    assert float(mask.mean()) * 9 == pytest.approx(area, rel=0.01)


@pytest.mark.parametrize(("label", "order"), [("triangle", 3), ("square", 4), ("star", 5)])
def test_a_turn_by_one_corner_changes_nothing(label: str, order: int) -> None:
    line = np.linspace(-1.5, 1.5, 600, dtype=np.float32)
    u, v = np.meshgrid(line, line)
    cos, sin = math.cos(2 * math.pi / order), math.sin(2 * math.pi / order)
    shape = pattern_shapes.OBJECTS[label]
    mask = shape(u, v, np.random.default_rng(3))
    turned = shape(
        (cos * u + sin * v).astype(np.float32),
        (cos * v - sin * u).astype(np.float32),
        np.random.default_rng(3),
    )
    assert np.mean(mask != turned) < 0.002
    half = shape(-u, -v, np.random.default_rng(3))
    assert (np.mean(mask != half) > 0.02) == (order % 2 == 1)


def test_pictures_go_through_the_classes() -> None:
    pixels, labels = pictures((3, 5), side=16)
    assert pixels.shape == (2 * len(CLASSES), 16, 16, 3)
    assert labels.tolist() == [*range(len(CLASSES))] * 2
    np.testing.assert_array_equal(pixels[len(CLASSES) + 4], picture(4, 5, 16))
    empty, none = pictures(())
    assert empty.shape == (0, 64, 64, 3)
    assert none.shape == (0,)


@pytest.mark.parametrize(
    ("label", "seed", "side", "text"),
    [
        ("cat", 0, 64, "There is no pattern 'cat'; choose one of disc, ring"),
        (len(CLASSES), 0, 64, "or 0 to 11"),
        (-1, 0, 64, "There is no pattern -1"),
        ("disc", -1, 64, "must be at least 0, not -1"),
        ("disc", 0, 7, "must be 8 to 512 pixels, not 7"),
        ("disc", 0, 513, "must be 8 to 512 pixels, not 513"),
    ],
)
def test_what_cannot_be_drawn(label: int | str, seed: int, side: int, text: str) -> None:
    with pytest.raises(ImageError) as caught:
        drawing(label, seed, side)
    assert text in one_sentence(caught.value)


# --- the network that ships --------------------------------------------------------------------


def test_the_file_is_small_and_fits() -> None:
    assert pattern_weights_path().stat().st_size <= 2_000_000
    with safe_open(pattern_weights_path(), "pt") as file:
        shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    expected = build_model(SPEC, "meta").state_dict()
    assert shapes == {key: list(value.shape) for key, value in expected.items()}


def test_the_file_states_what_the_module_says(facts: dict[str, Any]) -> None:
    assert tuple(facts["classes"]) == CLASSES
    assert facts["fresh_pictures"] >= 1200
    told = drawn_patterns.__doc__ or ""
    for side, figures in facts["sides"].items():
        assert 1 / len(CLASSES) < figures["weakest"] <= figures["accuracy"] <= 1
        assert f"{figures['accuracy']:.1%}".replace("%", " %") in told, side


def test_it_names_fresh_pictures(device: str, fresh: Any, facts: dict[str, Any]) -> None:
    pixels, labels = fresh
    model = load_weights(SPEC, str(pattern_weights_path()), device)
    with torch.inference_mode():
        logits = torch.cat([model(part.to(device)) for part in torch.split(prepared(pixels), 60)])
    right = (logits.argmax(dim=1).cpu().numpy() == labels).mean()
    stated = facts["sides"]["64"]["accuracy"]
    # Two samples of one binomial: four deviations below are left to chance once in 30,000.
    deviation = math.sqrt(stated * (1 - stated) * (1 / len(labels) + 1 / facts["fresh_pictures"]))
    assert stated >= 0.97
    assert right >= stated - 4 * deviation


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.startswith("pattern_")])
def test_it_names_the_samples(name: str) -> None:
    model = load_weights(SPEC, str(pattern_weights_path()))
    with torch.inference_mode():
        logits = model(prepare(load_image(sample_bytes(name)), INPUT, 3))
    assert CLASSES[int(logits.argmax())] == name.removeprefix("pattern_")


def heat(model: ResNet, values: Tensor) -> tuple[Tensor, Tensor]:
    """Grad-CAM of the winning class after the last stage ``[N, 16, 16]``, and the winners."""
    kept: list[Tensor] = []
    handle = model.get_submodule("layer3").register_forward_hook(
        lambda _module, _args, out: kept.append(out)
    )
    logits = model(values)
    handle.remove()
    (gradient,) = torch.autograd.grad(logits.amax(dim=1).sum(), kept)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return (weights * kept[0]).sum(dim=1).relu().detach(), logits.argmax(dim=1)


def test_it_looks_at_the_object() -> None:
    """The hottest cell of Grad-CAM lies on the object, or within a cell of it."""
    model = load_weights(SPEC, str(pattern_weights_path()))
    drawn = [drawing(label, seed) for label in pattern_shapes.OBJECTS for seed in SEEDS[:12]]
    maps, winners = heat(model, prepared(np.stack([each.pixels for each in drawn])))
    hits, areas = [], []
    for each, map_, winner in zip(drawn, maps, winners, strict=True):
        # [16, 16] cells of 4 x 4 pixels, widened by one all around.
        cells = np.pad(each.subject.reshape(16, 4, 16, 4).any(axis=(1, 3)), 1)
        near = np.lib.stride_tricks.sliding_window_view(cells, (3, 3)).any(axis=(2, 3))
        if int(winner) == each.label:
            hits.append(bool(near.flat[int(map_.argmax())]))
            areas.append(near.mean())
    assert len(hits) > 60
    assert np.mean(areas) < 0.5
    assert np.mean(hits) > 0.9


# --- the script --------------------------------------------------------------------------------


def test_training_sees_what_the_app_prepares(fresh: Any) -> None:
    pixels = fresh[0][:12]
    torch.testing.assert_close(normalised(pixels), prepared(pixels), rtol=0, atol=1e-6)


def test_variations_move_and_recolour_pixels_alone(fresh: Any) -> None:
    pixels = fresh[0][:48]
    before = pixels.copy()
    after = varied(pixels, np.random.default_rng(1))
    np.testing.assert_array_equal(pixels, before)
    same = 0
    for old, new in zip(pixels, after, strict=True):
        same += np.array_equal(old, new)
        # As a set of channels, each with its values in order, maybe inverted, nothing is lost.
        channels = [np.sort(old[..., channel], axis=None) for channel in range(3)]
        wanted = sorted(part.tobytes() for part in channels)
        inverted = sorted((255 - part[::-1]).tobytes() for part in channels)
        found = sorted(np.sort(new[..., channel], axis=None).tobytes() for channel in range(3))
        assert found in (wanted, inverted)
    assert same < 8


def test_batches_show_every_picture_before_any_comes_again() -> None:
    # Each picture is of one grey, which neither turns nor exchanged colours change.
    pools = {
        side: (np.repeat(np.arange(30, dtype=np.uint8), side**2 * 3).reshape(30, side, side, 3),
               np.arange(30) + side)
        for side in (24, 128)
    }  # fmt: skip
    recipe = Recipe(steps=9, batch=10, early_sides=(16,), late_sides=(24, 128), late=1 / 3)
    shown = list(batches(pools, recipe))
    assert len(shown) == 9
    for first in (0, 3):
        labels = torch.cat([labels for _, labels in shown[first : first + 3]])
        assert sorted(labels.tolist()) == list(range(24, 54))
    sides = [values.shape[-1] for values, _ in shown]
    assert sides[:6] == [16] * 6
    assert set(sides[6:]) <= {24, 128}
    for values, labels in shown:
        large = values.shape[-1] == 128
        assert len(labels) == len(values) == (2 if large else 10)  # 64 x 64 pixels a picture
        greys = labels - (128 if large else 24)
        assert greys.min() >= 0
        mean, deviation = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        for value, grey in zip(values, greys, strict=True):
            seen = (value[:, 5, 5] * deviation + mean) * 255
            assert min((seen - grey).abs().max(), (seen - (255 - grey)).abs().max()) < 0.01


def test_the_recipe_draws_what_it_trains_on() -> None:
    pools = drawn_pools(QUICK)
    assert {side: len(labels) for side, (_, labels) in pools.items()} == {24: 96, 64: 12}
    np.testing.assert_array_equal(pools[24][0][13], picture(1, 1, 24))
    recipe = Recipe()
    assert max(recipe.drawn.values()) <= FIRST_FRESH_SEED
    assert max(recipe.early_sides + recipe.late_sides) <= max(recipe.drawn)


@pytest.mark.usefixtures("settings_of_torch")
def test_training_learns_and_repeats_itself() -> None:
    pools = drawn_pools(QUICK)
    first, losses = train(QUICK, pools)
    assert np.mean(losses[-6:]) < np.mean(losses[:6]) - 0.15
    assert not first.training
    again, repeated = train(QUICK, pools)
    assert repeated == losses
    for key, value in again.state_dict().items():
        assert torch.equal(value, first.state_dict()[key]), key


def test_accuracies_count_class_by_class() -> None:
    model = build_model(SPEC, seed=2)
    pixels, labels = pictures(range(3), 24)
    parts = accuracies(model, pixels, labels)
    winners = [int(model(normalised(pixels[i : i + 1])).argmax()) for i in range(len(pixels))]
    for label in range(len(CLASSES)):
        named = [
            winner == label for winner, own in zip(winners, labels, strict=True) if own == label
        ]
        assert parts[label] == pytest.approx(sum(named) / 3)


@pytest.mark.usefixtures("settings_of_torch")
def test_the_script_writes_a_file_that_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_patterns, "JUDGED_SIDES", (16,))
    files = [tmp_path / "first" / "a.safetensors", tmp_path / "b.safetensors"]
    for file in files:
        options = ["--steps", "2", "--drawn", "2", "--fresh", "1", "--threads", "1"]
        train_patterns.main(["--out", str(file), *options])
    assert files[0].read_bytes() == files[1].read_bytes()
    assert load_weights(SPEC, str(files[0])).spec == SPEC
    assert "16 x 16: " in capsys.readouterr().out
    with safe_open(files[0], "pt") as opened:
        assert json.loads(opened.metadata()["patterns"])["fresh_pictures"] == len(CLASSES)


def test_names() -> None:
    names_are_sorted(drawn_patterns)
    names_are_sorted(pattern_shapes)
