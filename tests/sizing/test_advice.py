"""The coach: diagnoses that are true, mends that mend, and silence where all is well."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from itertools import takewhile
from math import prod
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings, strategies as st
from torch import nn

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.costs.compute_limits import MAX_MACS
from resnet_viz.costs.memory_use import memory
from resnet_viz.errors import SpecError
from resnet_viz.network.model import build_model
from resnet_viz.network.spec import preset_input
from resnet_viz.sizing.advice.candidate_fixes import MAX_SQUEEZE
from resnet_viz.sizing.advice.diagnosing import MAX_MENDS, Conditions, Diagnosis, diagnose
from resnet_viz.sizing.advice.receptive_fields import MIN_SEEN, OUTGROWN_SHARE, usual_side
from resnet_viz.sizing.advice.resolution import MIN_FINAL_SIDE
from resnet_viz.sizing.advice.stride_rounding import MAX_OVERHANG
from resnet_viz.sizing.costs_by_size import size_map
from resnet_viz.sizing.input_fit import convolutions, field_exceeds, overhang
from resnet_viz.weights.checkpoints.adaptation import first_conv_choices, with_channels
from tests.helpers.oracles import leaves, picture, record_forward
from tests.helpers.strategies import inputs, sides, specs

GIB = 2**30
TIGHT = Conditions(memory_bytes=2 * GIB, training=True)


def _by_code(
    spec: ResNetSpec, size: InputSpec, conditions: Conditions | None = None
) -> dict[str, Diagnosis]:
    found = diagnose(spec, size, conditions=conditions or Conditions())
    assert len({diagnosis.code for diagnosis in found}) == len(found)
    return {diagnosis.code: diagnosis for diagnosis in found}


@st.composite
def conditions(draw: st.DrawFn) -> Conditions:
    return Conditions(
        weights_channels=draw(st.sampled_from((None, 1, 3))),
        memory_bytes=draw(st.sampled_from((None, 10**5, 10**6, 10**7, 10**9))),
        training=draw(st.booleans()),
        dtype=draw(st.sampled_from(("float32", "bfloat16"))),
        optimizer=draw(st.sampled_from(("sgd", "momentum", "adam"))),
    )


@pytest.mark.parametrize("name", PRESETS)
def test_presets_at_their_usual_input_are_fine(name: str) -> None:
    asked = Conditions(weights_channels=3, memory_bytes=8 * GIB, training=True)
    assert diagnose(PRESETS[name], preset_input(name), conditions=asked) == ()
    assert usual_side(PRESETS[name]) == preset_input(name).height


@pytest.mark.parametrize(
    ("name", "height", "width", "codes"),
    [
        ("resnet18", 128, 128, set()),
        ("resnet50", 128, 128, set()),
        ("resnet50", 256, 256, set()),
        ("resnet50", 512, 512, set()),
        ("resnet101", 1080, 1920, set()),
        ("resnet20", 64, 64, set()),
        ("resnet1202", 28, 28, set()),
        ("resnet50", 96, 96, {"coarse-grid"}),
        ("resnet152", 64, 64, {"coarse-grid", "outgrown"}),
        ("resnet50", 32, 32, {"coarse-grid", "one-cell", "outgrown"}),
        ("resnet20", 8, 8, {"coarse-grid", "outgrown"}),
        ("resnet50", 225, 225, {"rounding"}),
        ("resnet50", 240, 320, {"rounding"}),
        ("resnet18", 2048, 2048, {"narrow-field"}),
        ("resnet20", 224, 224, {"narrow-field"}),
        ("resnet50", 1080, 1920, {"narrow-field"}),
    ],
)
def test_what_is_said_of_sizes_that_people_use(
    name: str, height: int, width: int, codes: set[str]
) -> None:
    assert set(_by_code(PRESETS[name], InputSpec(height, width))) == codes


def _needed(spec: ResNetSpec, size: InputSpec, asked: Conditions) -> int:
    found = memory(spec, size, asked.dtype, training=asked.training, optimizer=asked.optimizer)
    return found.peak_bytes


def _squeeze(before: InputSpec, after: InputSpec) -> Fraction:
    """The factor by which the proportion of the sides changes, at least 1."""
    change = Fraction(before.height * after.width, before.width * after.height)
    return max(change, 1 / change)


@settings(max_examples=12)
@given(specs(max_blocks=3, max_stages=4), inputs(most=200), conditions())
@example(PRESETS["resnet50"], InputSpec(2048, 2048, batch=8), TIGHT)
@example(PRESETS["resnet18"], InputSpec(4000, 20), TIGHT)
def test_every_mend_mends(spec: ResNetSpec, size: InputSpec, asked: Conditions) -> None:
    before = _by_code(spec, size, asked)
    for code, diagnosis in before.items():
        made = [(mend.spec, mend.input) for mend in diagnosis.mends]
        assert len(set(made)) == len(made) <= MAX_MENDS
        assert (spec, size.for_network(spec)) not in made
        assert len({mend.label for mend in diagnosis.mends}) == len(made)
        assert bool(made) == (diagnosis.otherwise is None)
        for mend in diagnosis.mends:
            after = _by_code(mend.spec, mend.input, asked)
            assert set(after) <= set(before)
            for weightier in takewhile(lambda other: other != code, before):  # noqa: B023
                if weightier in after:
                    assert after[weightier].number <= before[weightier].number
            assert _squeeze(size, mend.input) <= MAX_SQUEEZE
            if code in after:
                assert after[code].number < diagnosis.number
                assert mend.left == after[code].measured
            else:
                assert mend.left is None


@settings(max_examples=3)
@given(specs(max_blocks=1, max_stages=3, max_planes=16), inputs(most=60), conditions())
def test_mends_can_be_built_and_their_effects_are_those_of_profile(
    spec: ResNetSpec, size: InputSpec, asked: Conditions
) -> None:
    picture_alone = replace(size, batch=1)
    here = profile(spec, picture_alone).totals
    for diagnosis in diagnose(spec, size, conditions=asked):
        for mend in diagnosis.mends:
            assert mend.effect.before.totals == here
            alone = replace(mend.input, batch=1)
            assert mend.effect.after.totals == profile(mend.spec, alone).totals
            if mend.effect.needed is not None:
                assert mend.effect.needed == tuple(
                    _needed(*each, asked) for each in ((spec, size), (mend.spec, mend.input))
                )
            else:
                assert mend.input.batch == size.batch
                assert (asked.memory_bytes or 2**62) >= _needed(spec, size, asked)
            model = build_model(mend.spec, "meta")
            out = model(picture(model, mend.input))
            assert out.shape == (mend.input.batch, mend.spec.num_classes)


@settings(max_examples=6)
@given(specs(max_blocks=1, max_stages=4, max_planes=16), sides(16), sides(16))
@example(ResNetSpec(blocks=(1, 1, 2), base_width=4), 16, 16)
@example(ResNetSpec(block="basic", blocks=(1, 2), base_width=4, shortcut="zero_pad"), 7, 8)
def test_batch_norm_fails_where_it_is_said_to(spec: ResNetSpec, height: int, width: int) -> None:
    size = InputSpec(height, width)
    found = _by_code(spec, size, Conditions(training=True)).get("lone-batch-norm")
    assert "lone-batch-norm" not in _by_code(spec, size)
    model = build_model(spec).train()
    entered: list[str] = []
    for path, part in leaves(model).items():
        if isinstance(part, nn.BatchNorm2d):
            part.register_forward_pre_hook(lambda *_, path=path: entered.append(path))
    if found is None:
        model(picture(model, size))
        return
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        model(picture(model, size))
    assert entered[-1] == found.path
    assert "Expected more than 1 value per channel when training" in found.reason
    assert [mend.input.batch for mend in found.mends][:1] == [2]
    model(picture(model, found.mends[0].input))


@settings(max_examples=8)
@given(specs(max_blocks=1, max_stages=4, max_planes=16), sides(), sides())
def test_last_maps_are_those_of_a_real_pass(spec: ResNetSpec, height: int, width: int) -> None:
    size = InputSpec(height, width)
    model = build_model(spec)
    calls = record_forward(model, picture(model, size))
    pooling = next(call for call in calls if isinstance(call.module, nn.AdaptiveAvgPool2d))
    grid = pooling.input_shapes[0][2:]
    stride = profile(spec, size).totals.output_stride
    found = _by_code(spec, size)

    assert ("coarse-grid" in found) == (min(grid) < MIN_FINAL_SIDE)
    if "coarse-grid" in found:
        assert found["coarse-grid"].number == MIN_FINAL_SIDE - min(grid)
        first = next(c for c in calls if min(c.output_shape[2:]) < MIN_FINAL_SIDE)
        assert found["coarse-grid"].path == first.path
    if min(grid) > 1:
        lost = 1 - Fraction(height * width, grid[0] * stride[0] * grid[1] * stride[1])
        assert ("rounding" in found) == (lost > MAX_OVERHANG)
    if max(grid) == 1:
        assert "rounding" not in found
    if "rounding" in found:
        for mend in found["rounding"].mends:
            assert mend.input.height % stride[0] == 0 or grid[0] == 1
            assert mend.input.width % stride[1] == 0 or grid[1] == 1


@settings(max_examples=15)
@given(specs(max_blocks=4, max_stages=4), inputs(most=300))
def test_fields_are_judged_by_their_rows(spec: ResNetSpec, size: InputSpec) -> None:
    found, report = _by_code(spec, size), profile(spec, size)
    usual = profile(spec, InputSpec(usual_side(spec), usual_side(spec)))
    now, before = (
        sum(field_exceeds(row, each) for row in convolutions(each)) for each in (report, usual)
    )
    rest = len(convolutions(report)) - before

    assert ("outgrown" in found) == (now > before and now - before >= OUTGROWN_SHARE * rest)
    if "outgrown" in found:
        assert found["outgrown"].number == now
    field = report.totals.receptive_field
    pixels = [(min(f, n), n) for f, n in zip(field, (size.height, size.width), strict=True)]
    seen, whole = prod(f for f, _ in pixels), prod(n for _, n in pixels)
    assert ("narrow-field" in found) == (Fraction(seen, whole) < MIN_SEEN)


@pytest.mark.parametrize("name", PRESETS)
def test_outgrown_layers_are_told_at_the_same_size_whatever_the_depth(name: str) -> None:
    fine, small = (128, 64) if usual_side(PRESETS[name]) == 224 else (24, 12)
    assert "outgrown" not in _by_code(PRESETS[name], InputSpec(fine, fine))
    assert "outgrown" in _by_code(PRESETS[name], InputSpec(small, small))


@pytest.mark.parametrize("size", [(225, 225), (240, 321), (225, 224), (192, 240)])
def test_the_share_past_the_edge_is_that_of_the_size_map(size: tuple[int, int]) -> None:
    spec = PRESETS["resnet18"]
    (share,) = size_map(spec, size[:1], size[1:]).rounding[0]
    found = _by_code(spec, InputSpec(*size))["rounding"]
    assert found.number == pytest.approx(share)
    assert found.measured.startswith(f"{100 * share:.3g} % of the last map")
    assert f"; {100 * share:.3g} % of that is not in the picture." in found.reason


@pytest.mark.parametrize(
    ("height", "width", "extent", "words"),
    [
        (225, 240, "", "225 × 240 pixels get a last map of 8 × 8 cells, as 256 × 256 would;"),
        (225, 224, "'s height", "225 rows get 8 cells, as many as 256 would; 12.1 %"),
        (36, 15, "'s height", "36 rows get 2 cells, as many as 64 would; 43.8 %"),
        (33, 15, "'s height", "33 rows get 2 cells, as many as 64 would; 48.4 %"),
        (20, 225, "'s width", "225 columns get 8 cells, as many as 256 would; 12.1 %"),
    ],
)
def test_rounding_tells_of_the_sides_that_count(
    height: int, width: int, extent: str, words: str
) -> None:
    spec, size = PRESETS["resnet18"], InputSpec(height, width)
    found = _by_code(spec, size)["rounding"]
    axes = {"": (0, 1), "'s height": (0,), "'s width": (1,)}[extent]
    assert f" of the last map{extent} lies past the edge" in found.measured
    assert words in found.reason
    over = (row.path for row in profile(spec, size).layers if any(overhang(row)[a] for a in axes))
    assert found.path == next(over)


def test_sizes_that_round_well_are_the_nearest() -> None:
    mends = _by_code(PRESETS["resnet50"], InputSpec(225, 225))["rounding"].mends
    assert [(mend.input.height, mend.input.width) for mend in mends] == [(224, 224), (256, 256)]
    mends = _by_code(PRESETS["resnet50"], InputSpec(240, 321))["rounding"].mends
    assert (mends[0].input.height, mends[0].input.width) in {(224, 320), (256, 320)}


def test_small_pictures_get_a_small_stem_or_fewer_strides() -> None:
    spec = PRESETS["resnet50"]
    labels = {mend.label: mend for mend in _by_code(spec, InputSpec(64, 64))["coarse-grid"].mends}
    assert list(labels) == [
        "a 3 × 3 stem without pooling",
        "stride 1 in layer4",
        "dilation 2 in place of layer4's stride",
    ]
    stem, stride, dilation = labels.values()
    assert stem.spec == replace(spec, stem="small")
    assert stem.effect.weights.new == ("conv1",)
    assert stride.spec == replace(spec, strides=(1, 2, 2, 1))
    assert dilation.spec == replace(spec, dilations=(1, 1, 1, 2))
    assert stride.effect.weights.load
    assert dilation.effect.weights.load
    # What a dilation keeps, and a stride that is only dropped does not.
    fields = [each.effect.after.totals.receptive_field for each in (stride, dilation)]
    assert fields[0] < stem.effect.before.totals.receptive_field == fields[1]


@pytest.mark.parametrize(
    ("change", "title", "reason"),
    [
        ({}, "The stem is too coarse", "The stem divides each side by 4 and the stages by 8,"),
        ({"strides": (1, 1, 1, 1)}, "The stem is too coarse", "The stem divides each side by 4,"),
        ({"stem": "small"}, "The stages are too coarse", "The stages divide each side by 8,"),
        ({"stem": "small", "strides": (1,) * 4}, "3 × 3 pixels are few", "Nothing divides"),
    ],
)
def test_what_is_too_coarse(change: dict[str, Any], title: str, reason: str) -> None:
    found = _by_code(replace(PRESETS["resnet18"], **change), InputSpec(3, 3))["coarse-grid"]
    assert found.title.startswith(title)
    assert found.reason.startswith(reason)
    stride = profile(replace(PRESETS["resnet18"], **change)).totals.output_stride[0]
    assert found.measured.endswith(", 1 pixel apart" if stride == 1 else f", {stride} pixels apart")


def test_a_dilation_that_reaches_only_padding_is_no_mend() -> None:
    mends = _by_code(PRESETS["resnet50"], InputSpec(32, 32))["coarse-grid"].mends
    assert [mend for mend in mends if mend.spec.dilations] == []


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 300), (300, 7), (5, 16)])
def test_what_no_mend_helps_says_from_which_size_on_all_is_well(height: int, width: int) -> None:
    spec = PRESETS["resnet18"]
    found = _by_code(spec, InputSpec(height, width))["coarse-grid"]
    assert found.mends == ()
    assert found.otherwise is not None
    words = re.fullmatch(
        r"No change of the network helps here; resize to at least (\d+) × (\d+)\.",
        found.otherwise,
    )
    assert words is not None
    enough = InputSpec(int(words[1]), int(words[2]))
    assert "coarse-grid" not in _by_code(spec, enough)
    assert _squeeze(InputSpec(height, width), enough) < 1.1
    smaller = replace(enough, height=enough.height - 32, width=enough.width - 32)
    assert "coarse-grid" in _by_code(spec, smaller)


def test_no_size_is_proposed_for_a_thread() -> None:
    found = _by_code(PRESETS["resnet18"], InputSpec(16384, 1))
    assert found["coarse-grid"].otherwise == (
        "No change of the network helps here; use pictures of at least 128 pixels a side."
    )
    mends = [mend for diagnosis in found.values() for mend in diagnosis.mends]
    assert mends
    assert {(mend.input.height, mend.input.width) for mend in mends} == {(16384, 1)}
    smaller = _by_code(PRESETS["resnet18"], InputSpec(4000, 20))["narrow-field"].mends[0].input
    assert (smaller.height, smaller.width) == (1728, 9)


def test_what_helps_but_needs_memory_that_is_short_is_no_mend() -> None:
    spec, size = PRESETS["resnet50"], InputSpec(2048, 2048, batch=8)
    free, short = (_by_code(spec, size, each)["narrow-field"] for each in (Conditions(), TIGHT))
    assert "101 layers (3, 4, 23, 3)" in [mend.label for mend in free.mends]
    assert [mend.spec for mend in short.mends if mend.spec.depth > 50] == []
    spec, size = PRESETS["resnet18"], InputSpec(32, 32, batch=4096)
    coarse = _by_code(spec, size, replace(TIGHT, memory_bytes=GIB))["coarse-grid"]
    assert coarse.mends == ()
    worse = "What helps here is worse for what weighs more: “More memory than there is”."
    assert coarse.otherwise == worse


def test_what_would_help_is_told_too_where_a_mend_brings_up_something_else() -> None:
    spec, size = PRESETS["resnet18"], InputSpec(10, 9)
    before, after = (_by_code(each, size) for each in (spec, replace(spec, stem="small")))
    assert set(after) - set(before) == {"rounding"}
    assert before["one-cell"].otherwise == (
        "No change of the network helps here without harm elsewhere; resize to at least 160 × 128."
    )


def test_where_no_batch_fits_a_single_picture_is_made_smaller() -> None:
    found = _by_code(PRESETS["resnet50"], InputSpec(4096, 4096, batch=8), TIGHT)["memory"]
    mends = {mend.label: mend for mend in found.mends}
    single = mends["batch 1 of 1056 × 1056"]
    assert single.left is None
    assert _needed(single.spec, single.input, TIGHT) <= 2 * GIB
    assert mends["batch 1"].left is not None


def test_where_nothing_fits_the_memory_to_be_freed_is_told() -> None:
    spec, size = ResNetSpec(blocks=(1, 1, 1, 1)), InputSpec(64, 64)
    found = _by_code(spec, size, Conditions(memory_bytes=1))["memory"]
    needed = memory(spec, size, training=False).peak_bytes / GIB
    assert found.otherwise == (
        f"No change of the network helps here; free at least {needed:#.3g} GiB."
    )


def test_few_layers_are_kept_where_fields_have_outgrown_the_picture() -> None:
    spec, size = PRESETS["resnet152"], InputSpec(64, 64)
    mends = {mend.label: mend for mend in _by_code(spec, size)["outgrown"].mends}
    fewer = mends["fewer blocks (3, 3, 1, 1)"]
    assert fewer.spec == replace(spec, blocks=(3, 3, 1, 1))
    assert fewer.effect.weights == ((), (), 0, 42)


def test_large_pictures_get_wider_fields() -> None:
    found = _by_code(PRESETS["resnet18"], InputSpec(2048, 2048))["narrow-field"]
    smaller, dilated, deeper = found.mends
    assert (smaller.input.height, smaller.input.width) == (864, 864)
    assert dilated.effect.after.totals.macs == dilated.effect.before.totals.macs
    assert dilated.effect.weights.load
    assert deeper.spec == PRESETS["resnet34"]
    stem = _by_code(PRESETS["resnet20"], InputSpec(224, 224))["narrow-field"].mends[0]
    assert stem.spec.stem == "imagenet"


@pytest.mark.parametrize(("new", "old"), [(1, 3), (2, 3), (8, 3), (6, 3), (3, 1)])
def test_channels_that_the_weights_do_not_have(new: int, old: int) -> None:
    spec = replace(PRESETS["resnet50"], in_channels=new)
    found = _by_code(spec, InputSpec(), Conditions(weights_channels=old))
    (diagnosis,) = found.values()
    assert diagnosis.code == "weights-channels"
    how, *_ = first_conv_choices(old, new)
    assert ("sum" in diagnosis.reason) == (how == "sum")
    # A picture whose channels are equal meets the sum of the weights.
    weight = torch.randn(2, old, 3, 3, generator=torch.Generator().manual_seed(0))
    same = torch.allclose(with_channels(weight, new, how).sum(1), weight.sum(1), atol=1e-5)
    assert ("a picture whose channels are equal" in diagnosis.reason.lower()) == same
    assert "grey" not in diagnosis.reason
    (mend,) = diagnosis.mends
    assert mend.spec.in_channels == mend.input.channels == old
    assert mend.effect.weights.load


@pytest.mark.parametrize("training", [False, True])
def test_the_largest_batch_and_size_that_fit(training: bool) -> None:
    spec = replace(PRESETS["resnet18"], base_width=8)
    size = InputSpec(96, 160, batch=16)
    limit = memory(spec, replace(size, batch=6), training=training).peak_bytes
    asked = Conditions(memory_bytes=limit, training=training, optimizer="sgd")
    found = _by_code(spec, size, asked)["memory"]
    assert found.number == memory(spec, size, training=training, optimizer="sgd").peak_bytes
    assert re.fullmatch(r"0\.\d+ GiB free, 0\.\d+ GiB needed", found.measured)
    assert f"takes {found.measured.split()[3]} GiB at its peak" in found.reason
    batch = found.mends[0]
    assert batch.input == replace(size, batch=6).for_network(spec)
    for mend in found.mends:
        needed = memory(mend.spec, mend.input, training=training, optimizer="sgd").peak_bytes
        assert needed <= limit


def test_arithmetic_is_that_of_one_picture() -> None:
    spec = PRESETS["resnet50"]
    assert _by_code(spec, InputSpec(224, 224, batch=1000)) == {}
    found = _by_code(spec, InputSpec(6400, 6400))["macs"]
    assert found.number == profile(spec, InputSpec(6400, 6400)).totals.macs > MAX_MACS
    (smaller,) = (mend for mend in found.mends if mend.spec == spec)
    side = smaller.input.height
    assert smaller.effect.after.totals.macs <= MAX_MACS
    assert profile(spec, InputSpec(side + 32, side + 32)).totals.macs > MAX_MACS


def test_what_fails_comes_first() -> None:
    asked = Conditions(weights_channels=3, training=True)
    spec = replace(PRESETS["resnet50"], in_channels=1)
    assert list(_by_code(spec, InputSpec(40, 40), asked)) == [
        "coarse-grid",
        "weights-channels",
        "rounding",
        "outgrown",
    ]
    assert list(_by_code(spec, InputSpec(32, 32), asked))[:3] == [
        "coarse-grid",
        "lone-batch-norm",
        "one-cell",
    ]
    short = replace(asked, memory_bytes=10**6)
    assert next(iter(_by_code(spec, InputSpec(32, 32), short))) == "memory"


def test_an_input_for_another_network_is_refused() -> None:
    with pytest.raises(SpecError, match="takes 3; make them equal"):
        diagnose(PRESETS["resnet18"], InputSpec(channels=1))


@pytest.mark.parametrize(
    "wrong",
    [{"weights_channels": 0}, {"memory_bytes": -1}, {"dtype": "int8"}, {"optimizer": "sdg"}],
)
def test_wrong_conditions_are_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(SpecError, match=f"^{name} must "):
        Conditions(**wrong)
