"""Every wrapping that a network's names come in, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, strategies as st

from resnet_viz.network.model import build_model
from resnet_viz.network.spec import ResNetSpec
from resnet_viz.weights.checkpoints.unwrapping import unwrap
from tests.helpers.checkpoint_files import SPEC, State, some_state
from tests.helpers.strategies import specs

POOLED = ResNetSpec(blocks=(1, 2), base_width=4, num_classes=3, shortcut="avgpool_projection")


def prefixed(state: State, prefix: str) -> State:
    return {prefix + key: value for key, value in state.items()}


def renamed(state: State, old: str, new: str) -> State:
    return {
        (new + key.removeprefix(old) if key.startswith(old) else key): value
        for key, value in state.items()
    }


def without(state: State, *starts: str) -> State:
    return {key: value for key, value in state.items() if not key.startswith(starts)}


def assert_same(found: object, expected: State) -> None:
    assert isinstance(found, dict)
    assert found.keys() == expected.keys()
    assert all(found[key] is value for key, value in expected.items())


def test_a_plain_state_dict_stays_as_it_is() -> None:
    unwrapped = unwrap(some_state())
    assert list(unwrapped.state) == list(some_state())
    assert unwrapped.left_out == {}
    assert unwrapped.notes == ()


@pytest.mark.parametrize(
    "prefix",
    [
        *("module.", "model.", "backbone.", "encoder.", "encoder_q.", "net.", "network."),
        *("resnet.", "_orig_mod.", "_model.", "student.", "teacher.", "ema.", "my.own.name."),
        *("module.model.", "model._orig_mod.", "_orig_mod.module.model.backbone.", "0.", "a\nb."),
    ],
)
def test_any_prefix(prefix: str) -> None:
    state = some_state()
    unwrapped = unwrap(prefixed(state, prefix))
    assert_same(unwrapped.state, state)
    assert unwrapped.left_out == {}
    assert unwrapped.notes == (f"The network's keys began with {prefix!r}.",)


@given(
    spec=specs(max_stages=3, max_blocks=2),
    prefix=st.text(max_size=10).map(lambda text: f"{text}." if text else ""),
)
def test_any_network_under_any_prefix(spec: ResNetSpec, prefix: str) -> None:
    state = build_model(spec, "meta").state_dict()
    assert_same(unwrap(prefixed(state, prefix)).state, state)


def test_what_lies_outside_the_network_is_left_out() -> None:
    state = some_state()
    others = {
        "criterion.weight": torch.ones(3),
        "model.projector.0.weight": torch.ones(2, 2),
        "model.avgpool.p": torch.ones(1),
        "queue": torch.ones(4),
    }
    unwrapped = unwrap(others | prefixed(state, "model."))
    assert_same(unwrapped.state, state)
    assert unwrapped.left_out.keys() == others.keys()
    assert set(unwrapped.left_out.values()) == {"it is no part of a ResNet"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("encoder_q.", "encoder_k."),
        ("module.encoder_q.", "module.encoder_k."),
        ("student.", "teacher."),
        ("online.", "target."),
        ("feature_extractor.", "target."),
        ("my.own.name.", "ema."),
        ("model.", "ema_model."),
        ("", "teacher."),
        ("", "model."),
        ("backbone.", "an.other."),
        ("net.", "another."),
    ],
)
def test_of_two_networks_the_one_that_was_trained(first: str, second: str) -> None:
    state, other = some_state(1), some_state(2)
    unwrapped = unwrap(prefixed(other, second) | prefixed(state, first))
    assert_same(unwrapped.state, state)
    assert unwrapped.left_out.keys() == prefixed(other, second).keys()
    reason = f"it belongs to another network in the file, {second!r}"
    assert set(unwrapped.left_out.values()) == {reason}
    assert_same(unwrap(prefixed(other, second)).state, other)


@pytest.mark.parametrize("head", ["last_linear.", "classifier.", "head.", "head.fc.", "fc.0."])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_heads_of_other_names(head: str, prefix: str) -> None:
    state = some_state()
    unwrapped = unwrap(prefixed(renamed(state, "fc.", head), prefix))
    assert_same(unwrapped.state, state)
    assert unwrapped.left_out == {}
    assert unwrapped.notes[-1] == f"The classifier was called {prefix + head!r} and is fc here."


def test_a_head_around_the_network() -> None:
    state = some_state()
    around = prefixed(without(state, "fc."), "model.backbone.")
    around |= {"model.classifier.1.weight": state["fc.weight"], "projector.weight": torch.ones(2)}
    unwrapped = unwrap(around)
    assert_same(unwrapped.state, without(state, "fc.bias"))
    assert list(unwrapped.left_out) == ["projector.weight"]


def test_the_networks_own_head_goes_before_one_around_it() -> None:
    state = some_state()
    unwrapped = unwrap(prefixed(state, "model.") | {"fc.weight": torch.ones(2, 2)})
    assert_same(unwrapped.state, state)
    assert unwrapped.left_out == {"fc.weight": "it belongs to a head that is not one linear layer"}


@pytest.mark.parametrize(
    "more",
    [
        {"fc.2.weight": torch.ones(2, 2)},
        {"fc.1.weight": torch.ones(2), "fc.1.running_mean": torch.ones(2)},
    ],
    ids=["two linear layers", "a batch norm"],
)
def test_a_head_of_several_layers_is_left_out(more: State) -> None:
    state = without(some_state(), "fc.")
    head = {"fc.0.weight": torch.ones(3, 8), "fc.0.bias": torch.ones(3)} | more
    unwrapped = unwrap(state | head)
    assert_same(unwrapped.state, state)
    assert unwrapped.left_out.keys() == head.keys()
    assert set(unwrapped.left_out.values()) == {"it belongs to a head that is not one linear layer"}


@pytest.mark.parametrize("pooled", [True, False], ids=["4 after a max-pool", "3 without"])
@pytest.mark.parametrize("prefix", ["", "backbone.", "model.encoder."])
def test_a_network_that_has_become_a_sequence(pooled: bool, prefix: str) -> None:
    state = without(some_state(), "fc.")
    at = 4 if pooled else 3
    modules = {"conv1.": "0.", "bn1.": "1.", "layer1.": f"{at}.", "layer2.": f"{at + 1}."}
    numbered = state
    for name, number in modules.items():
        numbered = renamed(numbered, name, number)
    unwrapped = unwrap(prefixed(numbered, prefix) | {"loss.weight": torch.ones(1)})
    assert_same(unwrapped.state, state)
    assert list(unwrapped.left_out) == ["loss.weight"]


def test_the_items_of_a_sequence_are_those_of_torch() -> None:
    """The numbers in the test above are right: made by torch from a network of its making."""
    model = build_model(replace(SPEC, stem="imagenet"))
    items = [type(item).__name__ for item in model.children()]
    assert items[:4] == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"]
    sequence = torch.nn.Sequential(*model.children())
    assert unwrap(sequence.state_dict()).state.keys() >= without(some_state(), "fc.").keys()


def test_shortcuts_of_another_name() -> None:
    state = some_state()
    other = {key.replace(".downsample.", ".shortcut."): value for key, value in state.items()}
    assert other.keys() != state.keys()
    assert_same(unwrap(renamed(other, "fc.", "linear.")).state, state)


def test_timms_resnet_d_counts_a_pool_that_is_an_identity() -> None:
    state = some_state(spec=POOLED)
    timm = renamed(state, "layer1.0.downsample.1.", "layer1.0.downsample.2.")
    timm = renamed(timm, "layer1.0.downsample.0.", "layer1.0.downsample.1.")
    assert "layer1.0.downsample.0.weight" not in timm
    assert "layer2.0.downsample.1.weight" in timm
    assert_same(unwrap(timm).state, state)
    assert_same(unwrap(state).state, state)


@pytest.mark.parametrize("make", [dict, lambda: {"a.weight": torch.ones(1)}, lambda: {"": None}])
def test_what_is_no_resnet_stays_as_it_is(make: Callable[[], State]) -> None:
    unwrapped = unwrap(make())
    assert unwrapped.state == make()
    assert unwrapped.left_out == {}


def test_thousands_of_networks_in_one_file_take_no_time() -> None:
    one = torch.ones(1)
    state = {f"n{index:05}.layer1.0.conv1.weight": one for index in range(20_000)}
    unwrapped = unwrap(state)
    assert len(unwrapped.left_out) == 19_999
    deep = {"a." * 490 + "layer1.0.conv1.weight": one}
    assert len(unwrap(deep | state).left_out) == 20_000
    assert unwrap(deep).state.keys() == {"layer1.0.conv1.weight"}
