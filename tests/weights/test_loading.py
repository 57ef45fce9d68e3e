"""Networks with their values: from seeds, files, and by name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save as safetensors_bytes

from resnet_viz.errors import BudgetError, DeviceError, WeightsError
from resnet_viz.images import drawn_patterns
from resnet_viz.network import devices
from resnet_viz.network.model import ResNet, build_model
from resnet_viz.network.spec import PRESETS, ResNetSpec
from resnet_viz.weights import shipped_weights
from resnet_viz.weights.checkpoints.reading import read_checkpoint
from resnet_viz.weights.loading import load, load_weights
from resnet_viz.weights.mismatch_error import MismatchError
from resnet_viz.weights.published import fetching, imagenet
from resnet_viz.weights.published.imagenet import WeightsFile
from resnet_viz.weights.sources import DEFAULT_WEIGHTS, MAX_SEED, parse_source
from tests.helpers.checkpoint_files import (
    FORMATS,
    SPEC,
    State,
    pth,
    read_in_this_process,
    refused,
    some_state,
)


@pytest.fixture(autouse=True, scope="module")
def _without_a_wait() -> Iterator[None]:
    with read_in_this_process():
        yield


def _assert_holds(model: ResNet, state: State, spec: ResNetSpec = SPEC) -> None:
    found = model.state_dict()
    assert list(found) == list(build_model(spec, "meta").state_dict())
    for key, value in state.items():
        assert torch.equal(found[key].cpu(), value), key
    assert not model.training
    assert all(parameter.requires_grad for parameter in model.parameters())


# Random.


def test_random_weights_are_those_of_their_seed(device: str) -> None:
    one, same, other = (load_weights(SPEC, f"random:{seed}", device) for seed in (3, 3, 4))
    _assert_holds(one, build_model(SPEC, seed=3).state_dict())
    _assert_holds(same, one.cpu().state_dict())
    assert not torch.equal(one.fc.weight, other.cpu().fc.weight)
    _assert_holds(load_weights(SPEC), build_model(SPEC, seed=0).state_dict())
    assert DEFAULT_WEIGHTS == "random:0"


def test_random_weights_have_a_receipt() -> None:
    loaded = load(SPEC, "random:3")
    receipt = loaded.receipt
    assert [entry.key for entry in receipt.entries] == list(loaded.model.state_dict())
    assert {(entry.fate, entry.why) for entry in receipt.entries} == {
        ("fresh", "drawn from seed 3")
    }
    assert receipt.origin == "random:3"
    assert receipt.summary == "0 of 32 tensors kept, 32 initialised anew"
    assert receipt.found is None
    assert loaded.class_names is None


def test_random_weights_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    load_weights(SPEC, "random:1")
    load_weights(replace(SPEC, num_classes=5), safetensors_bytes(some_state()))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("seed", [0, 1, MAX_SEED])
def test_seeds(seed: int) -> None:
    assert parse_source(f"random:{seed}").seed == seed
    assert load_weights(SPEC, f"random:{seed}").fc.weight.isfinite().all()


@pytest.mark.parametrize(
    "source",
    [
        *("random", "random:", "random:-1", "random:x", "random:1.5", "random:1e3", "random: 1"),
        *("random:٣", f"random:{MAX_SEED + 1}", "random:" + "9" * 5000),
        *("imagenet:", "imagenet:v3", "patterns:1", " imagenet:x "),
    ],
)
def test_what_is_no_name(source: str) -> None:
    assert "random:<seed>" in refused(source) or "between 0 and" in refused(source)
    assert len(refused(source)) < 200


# Files.


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_by_path_and_by_bytes(suffix: str, tmp_path: Path, device: str) -> None:
    state = some_state()
    data = FORMATS[suffix](state)
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(data)
    for source, origin in ((path, path.name), (str(path), path.name), (data, "a checkpoint")):
        loaded = load(SPEC, source, device)
        assert loaded.model.fc.weight.device.type == torch.device(device).type
        _assert_holds(loaded.model, state)
        assert loaded.receipt.origin == origin
        assert loaded.receipt.summary == "38 of 38 tensors kept"
        assert loaded.receipt.found == SPEC
        assert loaded.class_names is None


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_content_counts_and_not_the_name(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "random-weights.bin").write_bytes(FORMATS[suffix](some_state()))
    _assert_holds(load_weights(SPEC, str(tmp_path / "random-weights.bin")), some_state())


def test_a_training_checkpoint_with_a_receipt() -> None:
    state = {f"module.{key}": value for key, value in some_state().items()}
    data = pth({"state_dict": OrderedDict(state) | {"queue": torch.ones(2)}, "epoch": 3})
    loaded = load(replace(SPEC, in_channels=1, num_classes=5), data, seed=7)
    assert loaded.receipt.summary == (
        "35 of 38 tensors kept, 1 adapted, 2 initialised anew, 1 left out"
    )
    assert loaded.receipt.notes == (
        "The state dict stood under state_dict.",
        "Not looked at, beside it: epoch.",
        "The network's keys began with 'module.'.",
    )
    expected = build_model(replace(SPEC, in_channels=1, num_classes=5), seed=7)
    assert torch.equal(loaded.model.fc.weight, expected.fc.weight)
    assert loaded.model(torch.zeros(1, 1, 8, 8)).shape == (1, 5)


def test_the_way_to_adapt_the_first_convolution() -> None:
    spec, data = replace(SPEC, in_channels=2), safetensors_bytes(some_state())
    repeated, averaged, fresh = (
        load(spec, data, first_conv=how).model.state_dict()["conv1.weight"]
        for how in ("repeat", "average", "fresh")
    )
    assert not torch.equal(repeated, averaged)
    assert torch.equal(fresh, build_model(spec, seed=0).state_dict()["conv1.weight"])
    assert torch.equal(load_weights(spec, data).state_dict()["conv1.weight"], repeated)
    with pytest.raises(WeightsError, match="by repeat or average or fresh, not by 'sum'"):
        load(spec, data, first_conv="sum")


def test_whole_models_own_state_and_double_precision() -> None:
    model = build_model(SPEC, seed=9).train()
    _assert_holds(load_weights(SPEC, pth(model.state_dict())), model.state_dict())
    doubles = pth(model.double().state_dict())
    _assert_holds(load_weights(SPEC, doubles), model.float().state_dict())


def test_two_networks_of_one_file_share_nothing() -> None:
    data = safetensors_bytes(some_state())
    one, two = load_weights(SPEC, data), load_weights(SPEC, data)
    with torch.no_grad():
        one.fc.weight.zero_()
    _assert_holds(two, some_state())


def test_another_architecture() -> None:
    data = safetensors_bytes(build_model(PRESETS["resnet20"]).state_dict())
    with pytest.raises(MismatchError) as caught:
        load(SPEC, data)
    assert caught.value.found == PRESETS["resnet20"]
    assert load(caught.value.found, data).receipt.counts["kept"] > 100


def test_what_fits_of_another_architecture(tmp_path: Path) -> None:
    spec, state = replace(SPEC, blocks=(2, 1)), some_state()
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors_bytes(state))
    for source in (path.read_bytes(), path):
        with pytest.raises(MismatchError, match="keep what fits"):
            load(spec, source)
        loaded = load(spec, source, seed=4, partial=True)
        expected = build_model(spec, seed=4).state_dict() | state
        _assert_holds(loaded.model, expected, spec)
        assert loaded.receipt.counts == {"kept": 38, "adapted": 0, "fresh": 10, "left out": 0}
        assert not loaded.head_kept  # it reads what the new block makes of its input
    fewer = load(replace(SPEC, blocks=(1,), num_classes=4), path, partial=True)
    assert fewer.receipt.counts["left out"] == 18
    assert fewer.model(torch.zeros(1, 3, 8, 8)).shape == (1, 4)


def test_a_device_that_is_not_there_is_told_before_the_file_is_read() -> None:
    for source in ("random:0", "nowhere.pth", b""):
        with pytest.raises(DeviceError):
            load(SPEC, source, "cuda:99")


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("random:0", "The weights of this network"),
        (safetensors_bytes(some_state()), "This checkpoint"),
    ],
    ids=["random", "file"],
)
def test_what_does_not_fit_in_memory(
    source: str | bytes, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "free_bytes", lambda device: 1000)
    with pytest.raises(BudgetError, match=f"{what} would need .* and at most 500 B may be used"):
        load(SPEC, source)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_checkpoint_that_has_been_read(suffix: str, device: str) -> None:
    data = FORMATS[suffix](some_state())
    checkpoint = read_checkpoint(data)
    for spec in (SPEC, replace(SPEC, in_channels=1, num_classes=5)):
        read, unread = load(spec, checkpoint, device), load(spec, data, device)
        _assert_holds(read.model.cpu(), unread.model.cpu().state_dict(), spec)
        assert read.receipt == unread.receipt
        assert read.head_kept == unread.head_kept == (spec == SPEC)
    # Another network of it takes nothing away.
    assert checkpoint.state.keys() == some_state().keys()


def test_a_head_that_was_never_learned() -> None:
    assert not load(SPEC, "random:0").head_kept


def test_without_values() -> None:
    for source in ("random:0", safetensors_bytes(some_state())):
        assert load(SPEC, source, "meta").model.fc.weight.is_meta


# By name.


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Downloads answered with a ResNet-18 on this machine; the names asked for."""
    path = tmp_path / "resnet18.pth"
    path.write_bytes(safetensors_bytes(build_model(PRESETS["resnet18"], seed=6).state_dict()))
    asked: list[str] = []

    def fetch(file: WeightsFile, progress: Callable[[int, int], None] | None = None) -> Path:
        asked.append(file.name)
        if progress is not None:
            progress(1, 2)
        return path

    monkeypatch.setattr(fetching, "fetch", fetch)
    return asked


def test_imagenet(published: list[str]) -> None:
    spec, heard = PRESETS["resnet18"], []
    loaded = load(spec, "imagenet", progress=lambda done, total: heard.append((done, total)))
    _assert_holds(loaded.model, build_model(spec, seed=6).state_dict(), spec)
    assert loaded.class_names == imagenet.class_names()
    assert loaded.receipt.origin == "imagenet"
    assert loaded.receipt.found == spec
    assert published == ["resnet18-f37072fd.pth"]
    assert heard == [(1, 2)]


def test_imagenet_for_other_classes_has_no_names(published: list[str]) -> None:
    loaded = load(replace(PRESETS["resnet18"], num_classes=10, in_channels=1), "imagenet:v1")
    assert loaded.class_names is None
    assert loaded.receipt.summary.endswith("1 adapted, 2 initialised anew")


def test_imagenet_has_no_weights_for_any_network(published: list[str]) -> None:
    assert "ImageNet weights" in refused("imagenet")
    with pytest.raises(WeightsError, match="v2"):
        load(PRESETS["resnet18"], "imagenet:v2")
    assert published == []


@pytest.fixture
def _trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "patterns.safetensors"
    path.write_bytes(safetensors_bytes(build_model(drawn_patterns.SPEC, seed=6).state_dict()))
    monkeypatch.setattr(shipped_weights, "pattern_weights_path", lambda: path)


@pytest.mark.usefixtures("_trained")
def test_patterns() -> None:
    loaded = load(drawn_patterns.SPEC, "patterns")
    _assert_holds(
        loaded.model, build_model(drawn_patterns.SPEC, seed=6).state_dict(), drawn_patterns.SPEC
    )
    assert loaded.class_names == drawn_patterns.CLASSES
    assert loaded.receipt.origin == "patterns"
    other = load(replace(drawn_patterns.SPEC, num_classes=7, in_channels=6), "patterns")
    assert other.class_names is None
    assert other.receipt.counts["adapted"] == 1


@pytest.mark.usefixtures("_trained")
def test_patterns_on_another_network() -> None:
    with pytest.raises(MismatchError) as caught:
        load(PRESETS["resnet18"], "patterns")
    assert caught.value.found == drawn_patterns.SPEC
