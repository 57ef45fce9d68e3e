"""The state dict among what training programs save."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from resnet_viz.errors import WeightsError
from resnet_viz.weights.checkpoints import state_dicts
from resnet_viz.weights.checkpoints.state_dicts import find_state_dict

MOST = 10**9


def network(value: float = 1.0, prefix: str = "") -> dict[str, Tensor]:
    names = ("conv1.weight", "layer1.0.conv1.weight", "fc.weight")
    return {prefix + name: torch.full((2,), value) for name in names}


def value_found(loaded: object) -> float:
    """The value with which the network was filled that is found."""
    return next(iter(find_state_dict(loaded, MOST).state.values()))[0].item()


def refused(loaded: object, most: int = MOST) -> str:
    with pytest.raises(WeightsError) as caught:
        find_state_dict(loaded, most)
    return str(caught.value)


@pytest.mark.parametrize("wrap", [dict, OrderedDict])
def test_a_state_dict_by_itself(wrap: Any) -> None:
    found = find_state_dict(wrap(network()), MOST)
    assert list(found.state) == list(network())
    assert found.notes == ()


@pytest.mark.parametrize(
    "key",
    [
        *("state_dict", "model", "model_state_dict", "net", "network", "module", "backbone"),
        *("encoder", "weights", "params", "teacher", "student", "anything", "model_ema"),
        *("state_dict_ema", 0),
    ],
)
def test_a_state_dict_under_any_key(key: object) -> None:
    optimizer = {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1}]}
    found = find_state_dict({"optimizer": optimizer, key: network(), "epoch": 3}, MOST)
    assert list(found.state) == list(network())
    assert found.notes == (
        f"The state dict stood under {key}.",
        "Not looked at, beside it: optimizer, epoch.",
    )


def test_a_state_dict_in_a_state_dict() -> None:
    found = find_state_dict({"checkpoint": {"model": {"state_dict": network()}}}, MOST)
    assert found.notes == ("The state dict stood under checkpoint.model.state_dict.",)


def test_a_lightning_checkpoint() -> None:
    loaded = {
        "epoch": 1,
        "pytorch-lightning_version": "2.0",
        "state_dict": network(prefix="model.") | {"criterion.weight": torch.ones(3)},
        "loops": {"fit_loop": {}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(2)}}}],
        "lr_schedulers": [],
        "hyper_parameters": {"lr": 0.1},
    }
    found = find_state_dict(loaded, MOST)
    assert list(found.state) == [*network(prefix="model."), "criterion.weight"]
    assert len(found.notes) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("state_dict", "state_dict_ema"),
        ("model", "model_ema"),
        ("model", "ema"),
        ("anything", "ema_model"),
        ("state_dict", "model"),
        ("student", "teacher"),
        ("model", "another"),
    ],
)
def test_of_two_networks_the_one_that_was_meant(first: str, second: str) -> None:
    assert value_found({second: network(2), first: network(1)}) == 1
    assert value_found({first: network(1), second: network(2)}) == 1
    assert value_found({second: network(2)}) == 2


def test_what_is_a_resnets_goes_before_what_is_not() -> None:
    head = {"weight": torch.full((2,), 3.0), "bias": torch.zeros(2)}
    assert value_found({"state_dict": head, "encoder": network(1)}) == 1
    assert value_found({"model": {"scale": torch.full((1,), 3.0), "body": network(1)}}) == 1


def test_what_is_no_tensor_by_name_is_not_looked_at() -> None:
    found = find_state_dict(
        network() | {"epoch": 3, 5: torch.ones(1), ("a", "b"): torch.ones(1)}, MOST
    )
    assert list(found.state) == list(network())
    assert found.notes == ("Not looked at, in the state dict: 3 that are no tensors by name.",)


def test_of_many_neighbours_six_are_named() -> None:
    found = find_state_dict({"model": network()} | {f"n{i}" * 50: i for i in range(100)}, MOST)
    assert found.notes[1].endswith("and 94 more.")
    assert len(found.notes[1]) < 400


@pytest.mark.parametrize(
    "loaded",
    [
        torch.zeros(2),
        [network()],
        3,
        None,
        "text",
        {},
        {"fc.weight": 1.0},
        {1: torch.zeros(2)},
        {"a": {"b": {"c": {"d": {"e": network()}}}}},
    ],
    ids=str,
)
def test_what_has_no_tensors_by_name(loaded: object) -> None:
    assert "something else than a state dict" in refused(loaded)


def test_endless_dictionaries() -> None:
    inside: dict[str, Any] = {}
    inside["itself"] = inside
    assert "something else" in refused(inside)
    wide: dict[int, Any] = {i: {} for i in range(50)}
    for value in wide.values():
        value.update(wide)
    assert "something else" in refused(wide)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: torch.ones(3).to_sparse(), "sparse"),
        (lambda: torch.ones(3, device="meta"), "without values"),
        (lambda: torch.ones(3, dtype=torch.complex64), "of type complex64"),
        (lambda: torch.ones(3).to(torch.float8_e4m3fn), "of type float8_e4m3fn"),
        (lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), "of type qint8"),
        (lambda: torch.ones((1,) * 9), "of 9 dimensions"),
    ],
)
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_tensors_of_other_kinds(make: Callable[[], Tensor], what: str) -> None:
    sentence = refused(network() | {"fc.bias": make()})
    assert f"tensor 'fc.bias' is {what}" in sentence


@pytest.mark.parametrize(
    "kind", [torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.uint8, torch.bool]
)
def test_real_and_whole_numbers(kind: torch.dtype) -> None:
    found = find_state_dict(network() | {"fc.bias": torch.ones(3, dtype=kind)}, MOST)
    assert found.state["fc.bias"].dtype == kind


def test_views_count_in_full() -> None:
    loaded = {"fc.weight": torch.zeros(1).expand(1000)}
    assert find_state_dict(loaded, 4000).state
    assert "unpacks to more than may be read: at most 3.999 kB" in refused(loaded, 3999)
    assert "unpacks" in refused({"fc.weight": torch.zeros(1).expand(2**31, 2**31)})


def test_too_many_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_dicts, "MAX_TENSORS", 2)
    assert "holds 3 tensors, and at most 2 are read" in refused(network())


def test_a_name_of_enormous_length() -> None:
    sentence = refused(network(prefix="a." * 100_000))
    assert "by a name of 200,012 characters" in sentence
    assert len(sentence) < 300
