"""Checkpoints brought to networks of other channels and classes, and what the receipt says."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st

from resnet_viz.errors import WeightsError
from resnet_viz.network.model import build_model
from resnet_viz.network.spec import PRESETS, ResNetSpec
from resnet_viz.sizing.comparison.alignment import align
from resnet_viz.units import si
from resnet_viz.weights.checkpoints.adaptation import adapt, first_conv_choices, with_channels
from resnet_viz.weights.checkpoints.receipt import FATES, Entry, Receipt
from resnet_viz.weights.mismatch_error import MismatchError
from resnet_viz.weights.sources import FIRST_CONVS, FirstConv
from tests.helpers.checkpoint_files import SPEC, State, some_state
from tests.helpers.strategies import specs

CHANNELS = st.integers(1, 9)


def fates(receipt: Receipt) -> dict[str, Entry]:
    """The entries of the network's own tensors."""
    return {entry.key: entry for entry in receipt.entries if entry.fate != "left out"}


def changed(receipt: Receipt) -> dict[str, str]:
    """Keys that were not kept, with what became of them."""
    return {entry.key: entry.fate for entry in receipt.entries if entry.fate != "kept"}


# The first convolution.


def grey_response(weight: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
    """What a convolution says to a picture of equal channels."""
    return F.conv2d(picture.expand(1, weight.shape[1], *picture.shape[-2:]), weight)


@settings(max_examples=50)
@given(old=CHANNELS, new=CHANNELS, seed=st.integers(0, 99))
def test_what_a_grey_picture_says(old: int, new: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.rand((2, old, 3, 3), generator=generator, dtype=torch.float64)
    picture = torch.rand((1, 1, 5, 5), generator=generator, dtype=torch.float64)
    before = grey_response(weight, picture)
    for how in first_conv_choices(old, new):
        if how == "fresh":
            continue
        adapted = with_channels(weight, new, how)
        assert adapted.shape == (2, new, 3, 3)
        same = torch.allclose(grey_response(adapted, picture), before)
        assert same == (how != "repeat" or new % old == 0), how


def test_first_convolutions_by_hand() -> None:
    weight = torch.tensor([1.0, 2.0, 6.0]).reshape(1, 3, 1, 1)
    cases: list[tuple[FirstConv, list[float]]] = [
        ("sum", [9]),
        ("average", [9 / 2, 9 / 2]),
        ("repeat", [3 / 2, 3]),
        ("repeat", [3 / 4, 6 / 4, 18 / 4, 3 / 4]),
        ("repeat", [1 / 2, 1, 3, 1 / 2, 1, 3]),
    ]
    for how, expected in cases:
        assert with_channels(weight, len(expected), how).flatten().tolist() == expected


@given(old=CHANNELS, new=CHANNELS)
def test_the_choices_differ_from_one_another(old: int, new: int) -> None:
    weight = torch.rand((2, old, 3, 3), generator=torch.Generator().manual_seed(1))
    ways = [how for how in first_conv_choices(old, new) if how != "fresh"]
    made = [with_channels(weight, new, how) for how in ways]
    assert all(not torch.allclose(one, two) for i, one in enumerate(made) for two in made[i + 1 :])
    assert (first_conv_choices(old, new) == ()) == (old == new)
    if old != new:
        assert first_conv_choices(old, new)[-1] == "fresh"
        left = [how for how in FIRST_CONVS if how not in first_conv_choices(old, new)]
        for how in left:  # comes to the same as another, or makes one channel of many
            other = with_channels(weight, new, how)
            assert other.shape[1] != new or any(torch.allclose(other, m) for m in made) or new == 1


@pytest.mark.parametrize("stem", ["imagenet", "small", "deep"])
@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_a_checkpoint_for_other_channels(stem: str, channels: int) -> None:
    theirs = replace(SPEC, stem=stem)  # type: ignore[arg-type]
    ours = replace(theirs, in_channels=channels, num_classes=3)
    key = "conv1.0.weight" if stem == "deep" else "conv1.weight"
    state = some_state(spec=theirs)
    for how in first_conv_choices(3, channels):
        values, receipt = adapt(state, ours, how, seed=4)
        if how == "fresh":
            expected = build_model(ours, seed=4).state_dict()[key]
        else:
            expected = with_channels(state[key], channels, how)
        assert torch.equal(values[key], expected)
        assert changed(receipt) == {key: "fresh" if how == "fresh" else "adapted"}
        assert str(channels) in fates(receipt)[key].why
        assert receipt.found == theirs
    usual, _ = adapt(state, ours)
    first, _ = adapt(state, ours, first_conv_choices(3, channels)[0])
    assert torch.equal(usual[key], first[key])


@pytest.mark.parametrize(("channels", "how"), [(1, "repeat"), (1, "average"), (4, "sum"), (2, "x")])
def test_ways_that_are_no_choice(channels: int, how: str) -> None:
    with pytest.raises(WeightsError, match=f"can be brought to {channels} by .*, not by '{how}'"):
        adapt(some_state(), replace(SPEC, in_channels=channels), cast(FirstConv, how))


@pytest.mark.parametrize("how", [None, *FIRST_CONVS])
def test_equal_channels_need_no_way(how: FirstConv | None) -> None:
    values, receipt = adapt(some_state(), SPEC, how)
    assert torch.equal(values["conv1.weight"], some_state()["conv1.weight"])
    assert changed(receipt) == {}


# Whole checkpoints.


@settings(max_examples=30)
@given(
    spec=specs(max_stages=3, max_blocks=2, max_width=8),
    channels=CHANNELS,
    classes=st.integers(1, 20),
    data=st.data(),
)
def test_receipts_account_for_every_tensor(
    spec: ResNetSpec, channels: int, classes: int, data: st.DataObject
) -> None:
    state = some_state(spec=spec)
    spare = [key for key in state if "bn" in key or key == "fc.bias"]
    missing = data.draw(st.sets(st.sampled_from(spare), max_size=5))
    more = {"queue": torch.ones(2), "projector.weight": torch.ones(2, 2)}
    theirs = {key: value for key, value in state.items() if key not in missing} | more
    ours = replace(spec, in_channels=channels, num_classes=classes)
    values, receipt = adapt(theirs, ours, seed=3)

    fresh = build_model(ours, seed=3).state_dict()
    assert list(values) == list(fresh)
    assert [entry.key for entry in receipt.entries] == [*fresh, *more]
    assert {entry.key for entry in receipt.entries} == fresh.keys() | theirs.keys()
    for entry in receipt.entries:
        value = values.get(entry.key)
        if value is None:
            assert (entry.fate, entry.shape) == ("left out", tuple(more[entry.key].shape))
            continue
        assert value.shape == fresh[entry.key].shape == entry.shape
        assert value.dtype == fresh[entry.key].dtype
        if entry.fate == "kept":
            assert torch.equal(value, state[entry.key])
        if entry.fate == "fresh":
            assert torch.equal(value, fresh[entry.key])
            assert entry.why
    counters = sum(key.endswith("tracked") and key in missing for key in fresh)
    assert sum(receipt.counts.values()) == len(receipt.entries) - counters
    assert tuple(receipt.counts) == FATES
    build_model(ours).load_state_dict(values)


def test_the_checkpoint_is_not_written_to() -> None:
    state = some_state()
    adapt(state, replace(SPEC, in_channels=1, num_classes=9))
    assert all(torch.equal(state[key], value) for key, value in some_state().items())


@pytest.mark.parametrize("classes", [1, 2, 4])
def test_a_head_for_other_classes_is_drawn_anew(classes: int) -> None:
    values, receipt = adapt(some_state(), replace(SPEC, num_classes=classes), seed=8)
    fresh = build_model(replace(SPEC, num_classes=classes), seed=8).state_dict()
    assert changed(receipt) == {"fc.weight": "fresh", "fc.bias": "fresh"}
    assert torch.equal(values["fc.weight"], fresh["fc.weight"])
    assert fates(receipt)["fc.bias"].why == (
        f"the checkpoint's head is for 3 classes, this one for {classes}"
    )
    assert receipt.summary == "36 of 38 tensors kept, 2 initialised anew"
    assert receipt.found == SPEC


def test_a_head_without_a_bias_has_a_bias_of_zero() -> None:
    state = some_state()
    del state["fc.bias"]
    values, receipt = adapt(state, SPEC)
    assert values["fc.bias"].tolist() == [0, 0, 0]
    assert changed(receipt) == {"fc.bias": "adapted"}


def test_no_head() -> None:
    state = {key: value for key, value in some_state().items() if not key.startswith("fc.")}
    head = {"fc.0.weight": torch.ones(8, 8), "fc.2.weight": torch.ones(3, 8)}
    _, receipt = adapt(state | head, SPEC)
    assert changed(receipt) == {
        **dict.fromkeys(("fc.weight", "fc.bias"), "fresh"),
        **dict.fromkeys(head, "left out"),
    }
    assert "no head" in fates(receipt)["fc.weight"].why
    assert receipt.found == replace(SPEC, num_classes=1000)
    assert receipt.summary == "36 of 38 tensors kept, 2 initialised anew, 2 left out"


def test_old_files_lack_the_counter_of_batches() -> None:
    state = {k: v for k, v in some_state().items() if not k.endswith("num_batches_tracked")}
    values, receipt = adapt(state, SPEC)
    assert int(values["bn1.num_batches_tracked"]) == 0
    assert receipt.summary == f"{len(state)} of {len(state)} tensors kept"
    assert receipt.notes == ("6 counters of batches, which old files lack, start at 0.",)


@pytest.mark.parametrize("counter", [torch.tensor(2.5), torch.tensor([7])])
def test_a_counter_of_another_kind_starts_anew(counter: torch.Tensor) -> None:
    values, _ = adapt(some_state() | {"bn1.num_batches_tracked": counter}, SPEC)
    assert int(values["bn1.num_batches_tracked"]) == 0


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_real_numbers_are_converted(kind: torch.dtype) -> None:
    state = {k: v.to(kind) if v.is_floating_point() else v for k, v in some_state().items()}
    values, receipt = adapt(state, replace(SPEC, in_channels=1))
    assert all(v.dtype in (torch.float32, torch.int64) for v in values.values())
    assert torch.equal(values["fc.bias"], state["fc.bias"].float())
    assert fates(receipt)["fc.bias"].why == f"converted from {str(kind)[6:]}"
    assert fates(receipt)["fc.bias"].fate == "kept"
    assert fates(receipt)["bn1.num_batches_tracked"].why == ""


@pytest.mark.parametrize("kind", [torch.int8, torch.int64, torch.bool])
def test_whole_numbers_are_no_weights(kind: torch.dtype) -> None:
    state = some_state() | {"layer1.0.bn1.bias": torch.ones(4).to(kind)}
    with pytest.raises(WeightsError, match=r"'layer1.0.bn1.bias' are whole numbers"):
        adapt(state, SPEC)


def test_values_that_are_not_finite_are_counted() -> None:
    state = some_state()
    state["conv1.weight"].view(-1)[:3] = torch.tensor([torch.nan, torch.inf, -torch.inf])
    state["fc.bias"] = torch.tensor([1e300, 1, 1], dtype=torch.float64)  # beyond float32
    values, receipt = adapt(state, SPEC)
    assert receipt.notes == (
        "conv1.weight: 3 values are not finite.",
        "fc.bias: 1 value is not finite.",
    )
    assert values["conv1.weight"].isnan().sum() == 1


@settings(max_examples=30)
@given(spec=specs(max_stages=2, max_blocks=2), other=specs(max_stages=2, max_blocks=2))
def test_another_architecture_is_refused_and_named(spec: ResNetSpec, other: ResNetSpec) -> None:
    state: State = build_model(other, "meta").state_dict()
    if state.keys() == build_model(spec, "meta").state_dict().keys():
        return
    with pytest.raises(MismatchError, match="This looks like a ") as caught:
        adapt(state, spec)
    found = caught.value.found
    assert found == replace(
        other,
        stride_in=spec.stride_in,
        zero_init_residual=False,
        strides=other.stage_strides if other.shortcut == "avgpool_projection" else None,
        dilations=None,
    )


def test_the_sentence_of_a_mismatch() -> None:
    theirs = replace(PRESETS["resnet34"], num_classes=7)
    with pytest.raises(MismatchError) as caught:
        adapt(build_model(theirs, "meta").state_dict(), PRESETS["resnet50"])
    assert str(caught.value) == (
        "This looks like a ResNet-34 with 7 classes, and the network here is a ResNet-50 with "
        "1000 classes; set the network to it, keep what fits, or choose other weights."
    )
    assert caught.value.found == theirs


def test_the_stride_is_that_of_the_network_at_hand() -> None:
    spec = ResNetSpec(blocks=(1, 1), base_width=4, num_classes=3, stride_in="1x1")
    _, receipt = adapt(some_state(spec=spec), spec)
    assert receipt.found == spec
    assert receipt.notes[0].startswith("A file does not say which convolution")
    assert "the 1x1, as in" in receipt.notes[0]


def test_origin_and_notes_stand_on_the_receipt() -> None:
    state = {f"module.{key}": value for key, value in some_state().items()}
    _, receipt = adapt(state, SPEC, origin="run.pth", notes=("It is old.",))
    assert receipt.origin == "run.pth"
    assert receipt.notes == ("It is old.", "The network's keys began with 'module.'.")


@pytest.mark.parametrize("theirs", ["imagenet", "small", "deep"])
@pytest.mark.parametrize("ours", ["imagenet", "small", "deep"])
def test_another_stem_is_drawn_anew_where_that_is_asked_for(theirs: Any, ours: Any) -> None:
    state = some_state(spec=replace(SPEC, stem=theirs))
    spec = replace(SPEC, stem=ours, strides=(1, 1), in_channels=2)
    if theirs != ours:
        with pytest.raises(MismatchError):
            adapt(state, spec)
    for how in ({"any_stem": True}, {"first_conv": "fresh"}):
        values, receipt = adapt(state, spec, seed=5, **how)
        fresh = build_model(spec, seed=5).state_dict()
        assert list(values) == list(fresh)
        for key, value in values.items():
            assert value.shape == fresh[key].shape
            if theirs != ours and key.startswith(("conv1.", "bn1.")):
                assert torch.equal(value, fresh[key])
                assert fates(receipt)[key].why == "the checkpoint's stem is another"
            elif not key.startswith("conv1."):
                assert torch.equal(value, state[key])
        left = {entry.key for entry in receipt.entries if entry.fate == "left out"}
        assert left == state.keys() - fresh.keys()
        assert receipt.found == replace(SPEC, stem=theirs, strides=(1, 1))


def test_strides_and_dilations_leave_no_trace() -> None:
    state = some_state()
    for fields in ({"strides": (1, 1)}, {"dilations": (1, 3)}):
        spec = replace(SPEC, **fields)  # type: ignore[arg-type]
        values, receipt = adapt(state, spec)
        assert all(torch.equal(values[key], state[key]) for key in state)
        assert receipt.found == spec


# What fits of another network's checkpoint.

STEM = ("conv1.", "bn1.")


@settings(max_examples=25)
@given(
    theirs=specs(max_stages=3, max_blocks=2, max_width=8),
    other=specs(max_stages=3, max_blocks=2, max_width=8),
    alike=st.booleans(),
)
def test_what_fits_is_kept_and_the_rest_drawn_anew(
    theirs: ResNetSpec, other: ResNetSpec, alike: bool
) -> None:
    widths = {"base_width": theirs.base_width, "width_per_group": theirs.width_per_group}
    if alike and theirs.block == other.block:
        other = replace(other, **widths, groups=theirs.groups)  # type: ignore[arg-type]
    state = some_state(spec=theirs)
    fresh = build_model(other, seed=3).state_dict()
    fitting = {key for key in state if key in fresh and fresh[key].shape == state[key].shape}
    if not [key for key in fitting if key.startswith("layer") and state[key].ndim]:
        with pytest.raises(MismatchError, match="to it, or choose other weights"):
            adapt(state, other, seed=3, partial=True)
        return
    values, receipt = adapt(state, other, seed=3, partial=True)
    assert list(values) == list(fresh)
    left_out = [key for key in state if key not in fresh]
    assert [entry.key for entry in receipt.entries] == [*fresh, *left_out]
    new_stem = theirs.stem != other.stem
    for entry in receipt.entries:
        key = entry.key
        if key not in fresh:
            assert (entry.fate, entry.shape) == ("left out", tuple(state[key].shape))
            assert ("stem" in entry.why) == (key.startswith(STEM))
        elif entry.fate == "kept":
            assert key in fitting
            assert torch.equal(values[key], state[key])
        elif entry.fate == "adapted":
            assert key in ("conv1.weight", "conv1.0.weight")
            assert not new_stem
            assert values[key].shape == fresh[key].shape
        else:
            assert torch.equal(values[key], fresh[key])
            assert entry.why
            assert key not in fitting or (new_stem and key.startswith(STEM)) or not state[key].ndim
    build_model(other).load_state_dict(values)


@settings(max_examples=15)
@given(
    theirs=specs(max_stages=2, max_blocks=2, max_width=8),
    blocks=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    groups=st.sampled_from((1, 2)),
)
def test_what_is_kept_is_what_the_comparison_says_loads(
    theirs: ResNetSpec, blocks: list[int], groups: int
) -> None:
    ours = replace(theirs, blocks=tuple(blocks), strides=None, dilations=None)
    if ours.block == "bottleneck":
        ours = replace(ours, groups=groups)
    # The first block's last batch norm has its width whatever the groups: something always fits.
    _, receipt = adapt(some_state(spec=theirs), ours, partial=True)
    learned = dict(build_model(ours, "meta").named_parameters())
    kept = {entry.key: entry for entry in receipt.entries if entry.fate == "kept"}
    count = sum(prod(entry.shape) for key, entry in kept.items() if key in learned)
    assert count == align(theirs, ours).loading_params
    for operation in align(theirs, ours).operations:
        if operation.weights == "loads":
            assert {f"{operation.path}.{name}" for name, _ in operation.shapes_after} <= set(kept)
    total = sum(parameter.numel() for parameter in learned.values())
    if theirs.blocks != ours.blocks:
        assert receipt.notes[0].endswith(f": {si(count)} of {si(total)} parameters here are kept.")


def test_a_deeper_network_with_another_stem_by_hand() -> None:
    state = some_state()
    spec = replace(SPEC, blocks=(1, 2), stem="small")
    with pytest.raises(MismatchError, match=r"This looks like a .*, keep what fits, or"):
        adapt(state, spec)
    values, receipt = adapt(state, spec, seed=2, partial=True)
    assert receipt.summary == "32 of 47 tensors kept, 15 initialised anew"
    whys = {key: entry.why for key, entry in fates(receipt).items() if entry.fate == "fresh"}
    assert whys["conv1.weight"] == whys["bn1.bias"] == "the checkpoint's stem is another"
    assert whys["layer2.1.conv1.weight"] == "not in the checkpoint"
    assert whys["layer2.1.bn1.num_batches_tracked"] == "not in the checkpoint"
    assert torch.equal(values["fc.weight"], state["fc.weight"])
    assert len(receipt.notes) == 1  # no counter is said to be missing
    assert receipt.found == SPEC


def test_tensors_of_another_shape_take_their_counters_along() -> None:
    theirs = ResNetSpec(blocks=(1,), base_width=8, num_classes=3)
    wider = replace(theirs, width_per_group=128)
    values, receipt = adapt(some_state(spec=theirs), wider, partial=True)
    found = fates(receipt)
    assert found["layer1.0.conv1.weight"].why == "of another shape in the checkpoint"
    counter = "layer1.0.bn1.num_batches_tracked"
    assert found[counter].why == "its batch norm is of another shape in the checkpoint"
    assert int(values[counter]) == 0
    assert int(values["layer1.0.bn3.num_batches_tracked"]) == 7


def test_the_first_convolution_is_adapted_where_only_its_channels_differ() -> None:
    state, spec = some_state(), replace(SPEC, blocks=(1, 2), in_channels=1)
    values, receipt = adapt(state, spec, partial=True)
    assert torch.equal(values["conv1.weight"], with_channels(state["conv1.weight"], 1, "sum"))
    assert fates(receipt)["conv1.weight"].fate == "adapted"


def test_a_checkpoint_of_whose_blocks_nothing_fits() -> None:
    for partial in (False, True):
        with pytest.raises(MismatchError, match="set the network to it, or choose") as caught:
            adapt(some_state(), replace(SPEC, base_width=16), partial=partial)
        assert caught.value.found == SPEC


def test_the_same_network_needs_no_leave() -> None:
    spec = replace(SPEC, in_channels=1, num_classes=9)
    (values, receipt), (usual, plain) = (
        adapt(some_state(), spec, partial=partial) for partial in (True, False)
    )
    assert receipt == plain
    assert all(torch.equal(values[key], usual[key]) for key in usual)
