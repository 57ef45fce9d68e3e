"""Weights from seeds and files: what loads, and which keys differ."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from resnet_viz.errors import DeviceError, WeightsError
from resnet_viz.model import ResNet, build_model
from resnet_viz.sources import DEFAULT_WEIGHTS, MAX_SEED, parse_source
from resnet_viz.spec import PRESETS, ResNetSpec
from resnet_viz.weights import load_weights
from tests.checkpoints import FORMATS, SPEC, State, pth, refused, some_state


def _assert_holds(model: ResNet, state: State) -> None:
    found = model.state_dict()
    assert list(found) == list(build_model(SPEC, "meta").state_dict())
    for key, value in state.items():
        assert torch.equal(found[key].cpu(), value), key
    assert not model.training


# Random.


def test_random_weights_are_those_of_their_seed(device: str) -> None:
    one, same, other = (load_weights(SPEC, f"random:{seed}", device) for seed in (3, 3, 4))
    _assert_holds(one, build_model(SPEC, seed=3).state_dict())
    _assert_holds(same, one.cpu().state_dict())
    assert not torch.equal(one.fc.weight, other.cpu().fc.weight)
    _assert_holds(load_weights(SPEC), build_model(SPEC, seed=0).state_dict())
    assert DEFAULT_WEIGHTS == "random:0"


def test_random_weights_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    load_weights(SPEC, "random:1")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("seed", [0, 1, MAX_SEED])
def test_seeds(seed: int) -> None:
    assert parse_source(f"random:{seed}").seed == seed
    assert load_weights(SPEC, f"random:{seed}").fc.weight.isfinite().all()


@pytest.mark.parametrize(
    "source",
    [
        *("random:", "random:-1", "random:x", "random:1.5", "random:1e3", "random: 1", "random:٣"),
        *(f"random:{MAX_SEED + 1}", "random:" + "9" * 5000),
    ],
)
def test_what_is_no_seed(source: str) -> None:
    assert "random:<seed>" in refused(source) or "between 0 and" in refused(source)
    assert len(refused(source)) < 200


def test_random_alone_is_no_seed() -> None:
    with pytest.raises(WeightsError, match="are random:<seed>"):
        parse_source("random")
    assert "random:<seed>" in refused("random")


# Files.


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_by_path_and_by_bytes(suffix: str, tmp_path: Path, device: str) -> None:
    state = some_state()
    data = FORMATS[suffix](state)
    (tmp_path / f"weights{suffix}").write_bytes(data)
    model = load_weights(SPEC, str(tmp_path / f"weights{suffix}"), device)
    assert model.fc.weight.device.type == torch.device(device).type
    _assert_holds(model, state)
    _assert_holds(load_weights(SPEC, data, device), state)


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_content_counts_and_not_the_name(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "random-weights.bin").write_bytes(FORMATS[suffix](some_state()))
    _assert_holds(load_weights(SPEC, str(tmp_path / "random-weights.bin")), some_state())


@pytest.mark.parametrize("suffix", FORMATS)
def test_old_files_lack_the_counter_of_batches(suffix: str) -> None:
    state = {k: v for k, v in some_state().items() if not k.endswith("num_batches_tracked")}
    model = load_weights(SPEC, FORMATS[suffix](state))
    _assert_holds(model, state)
    assert int(model.state_dict()["bn1.num_batches_tracked"]) == 0


def test_an_ordered_dict_and_a_whole_models_own_state() -> None:
    model = build_model(SPEC, seed=9).train()
    _assert_holds(load_weights(SPEC, pth(model.state_dict())), model.state_dict())
    _assert_holds(load_weights(SPEC, pth(OrderedDict(some_state()))), some_state())


def test_half_precision_is_brought_to_the_networks() -> None:
    halves = {k: v.half() if v.is_floating_point() else v for k, v in some_state().items()}
    model = load_weights(SPEC, pth(halves))
    assert model.fc.weight.dtype == torch.float32
    assert torch.equal(model.fc.weight, halves["fc.weight"].float())


def test_a_file_for_a_device_that_is_not_there() -> None:
    with pytest.raises(DeviceError):
        load_weights(SPEC, pth(some_state()), "cuda:99")


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16, torch.int64, torch.bool])
def test_real_numbers_of_any_kind(kind: torch.dtype) -> None:
    model = load_weights(SPEC, pth(some_state() | {"fc.bias": torch.ones(3, dtype=kind)}))
    assert model.fc.bias.tolist() == [1, 1, 1]
    assert model.fc.bias.dtype == torch.float32


# Keys.


@pytest.mark.parametrize("suffix", FORMATS)
def test_differing_keys_are_named(suffix: str) -> None:
    state = some_state()
    del state["conv1.weight"]
    state["head.weight"] = torch.zeros(2)
    state["fc.bias"] = torch.zeros(4)
    sentence = refused(FORMATS[suffix](state))
    assert "1 missing: conv1.weight;" in sentence
    assert "1 unexpected: head.weight;" in sentence
    assert "1 of another shape: fc.bias (4 instead of 3)." in sentence


def test_of_many_keys_three_are_named() -> None:
    sentence = refused(pth({}))
    missing = [key for key in some_state() if not key.endswith("num_batches_tracked")]
    assert (
        f"{len(missing)} missing: {', '.join(missing[:3])} and {len(missing) - 3} more" in sentence
    )
    assert "unexpected" not in sentence


def test_long_names_are_cut() -> None:
    assert len(refused(pth(some_state() | {"x" * 10_000: torch.zeros(1)}))) < 500


def test_the_weights_of_another_network() -> None:
    other = build_model(PRESETS["resnet20"]).state_dict()
    assert "unexpected: layer1.1.conv1.weight" in refused(pth(other))
    sentence = refused(pth(some_state()), ResNetSpec(block="basic", blocks=(1, 1), base_width=8))
    assert "(4 × 3 × 7 × 7 instead of 8 × 3 × 7 × 7)" in sentence


def test_a_single_number_has_no_shape() -> None:
    assert "fc.bias (a single number instead of 3)" in refused(
        pth(some_state() | {"fc.bias": torch.tensor(1.0)})
    )
