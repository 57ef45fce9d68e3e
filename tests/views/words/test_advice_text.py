"""The coach's words: every number once, and nothing that does not change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.costs.memory_use import memory
from resnet_viz.sizing.advice.diagnosing import Conditions, Diagnosis, diagnose
from resnet_viz.sizing.advice.transferable_weights import Weights
from resnet_viz.units import shape_text, si
from resnet_viz.views.words.advice_text import KINDS, effect, effects_text, headline, text
from tests.helpers.strategies import inputs, specs

SMALL = InputSpec(32, 32)
GIB = 2**30


def _found(size: InputSpec = SMALL, code: str = "coarse-grid") -> Diagnosis:
    found = diagnose(PRESETS["resnet50"], size, conditions=Conditions(training=True))
    return next(diagnosis for diagnosis in found if diagnosis.code == code)


def test_an_effect_is_one_line_with_its_numbers() -> None:
    stem, stride, *_ = _found().mends
    before, after = stem.effect.before.totals, stem.effect.after.totals
    macs = f"MACs {si(before.macs)} → {si(after.macs)}"
    assert effect(stem) == f"{macs}; grid 1 × 1 → 4 × 4; weights: conv1 anew"
    macs = f"MACs {si(before.macs)} → {si(stride.effect.after.totals.macs)}"
    left = "still: 2 × 2 cells, 16 pixels apart"
    assert effect(stride) == f"{macs}; grid 1 × 1 → 2 × 2; weights: all load; {left}"


@pytest.mark.parametrize("batch", [1, 8])
def test_costs_are_those_of_one_picture(batch: int) -> None:
    found = diagnose(PRESETS["resnet18"], InputSpec(32, 32, batch=batch))
    alone = profile(PRESETS["resnet18"], SMALL).totals
    told = f"MACs {si(alone.macs)} → "
    stem = next(mend for mend in found[0].mends if mend.spec.stem == "small")
    assert effect(stem).startswith(told)
    assert f"most alive {si(alone.peak_activation_bytes, 'B')} → " in effects_text(stem)


def test_memory_that_is_short_comes_first() -> None:
    spec, size = PRESETS["resnet18"], InputSpec(512, 512, batch=64)
    found = diagnose(spec, size, conditions=Conditions(memory_bytes=2 * GIB, training=True))
    before = memory(spec, size, training=True, optimizer="momentum").peak_bytes
    assert found[0].code == "memory"
    for mend in found[0].mends:
        after = memory(mend.spec, mend.input, training=True, optimizer="momentum").peak_bytes
        told = f"needed {before / GIB:#.3g} → {after / GIB:#.3g} GiB; "
        assert effect(mend).startswith(told)
        assert effects_text(mend).startswith(told)
        assert ("MACs" in effect(mend)) == (mend.input.height != 512)


def test_where_cost_and_map_stay_the_field_is_told() -> None:
    found = diagnose(PRESETS["resnet18"], InputSpec(2048, 2048))
    dilated = next(mend for mend in found[0].mends if mend.spec.dilations)
    field = shape_text(dilated.effect.after.totals.receptive_field)
    assert effect(dilated).startswith(f"receptive field 435 × 435 → {field}; weights: all load")


def test_only_what_changes_is_told() -> None:
    (batch, *_) = _found(code="lone-batch-norm").mends
    assert effect(batch) == effects_text(batch) == "needed 0.286 → 0.287 GiB; weights: all load"
    needed = (GIB // 2, GIB // 2 + 1)
    nearly = replace(batch, effect=replace(batch.effect, needed=needed))
    assert effect(nearly) == "needed: 0.500 GiB; weights: all load"
    for mend in _found(code="one-cell").mends:
        parts = effects_text(mend).split("; ")
        assert f"layers on 1 × 1 7 → {mend.effect.after.one_cell.count}" in parts
        assert set(effect(mend).split("; ")) < set(parts)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (Weights((), (), 0, 0), "all load"),
        (Weights((), ("conv1",), 0, 0), "conv1 anew"),
        (Weights(("conv1",), (), 1, 0), "conv1 adapted, 1 block anew"),
        (Weights((), ("conv1.0", "conv1.1"), 0, 8), "conv1.0 and conv1.1 anew, 8 blocks unused"),
        (Weights((), ("a", "b", "c", "fc"), 0, 0), "a and 3 more anew"),
    ],
)
def test_what_becomes_of_weights(weights: Weights, words: str) -> None:
    stem, *_ = _found().mends
    mend = replace(stem, effect=replace(stem.effect, weights=weights), left=None)
    assert effect(mend).endswith(f"; weights: {words}")
    assert effects_text(mend).endswith(f"; weights: {words}")


def test_a_headline_names_the_first_layer() -> None:
    found = _found(code="one-cell")
    assert headline(found) == "7 of 53 convolutions, first layer4.0.conv3"
    assert headline(replace(found, path=None)) == "7 of 53 convolutions"


@settings(max_examples=10)
@given(specs(max_blocks=3, max_stages=4), inputs(most=100))
def test_the_text_says_everything_once(spec: ResNetSpec, size: InputSpec) -> None:
    found = diagnose(spec, size, conditions=Conditions(weights_channels=3))
    lines = text(found).splitlines()
    whole = " ".join(text(found).split())

    assert text(found).endswith("\n")
    assert all(line == line.rstrip() and len(line) <= 96 for line in lines)
    for diagnosis in found:
        title = f"{KINDS[diagnosis.kind]} {diagnosis.title}: {headline(diagnosis)}."
        assert whole.count(title) == 1
        assert diagnosis.reason in whole
        assert f"Source: {diagnosis.source}." in whole
        assert (diagnosis.otherwise or "") in whole
    mends = [mend for diagnosis in found for mend in diagnosis.mends]
    for mend in mends:
        same = [other for other in mends if other.label == mend.label]
        assert {(other.spec, other.input) for other in same} == {(mend.spec, mend.input)}
        assert whole.count(f"Use {mend.label}: {effects_text(same[0])}") == 1
        assert whole.count(f"Use {mend.label} (as above)") == len(same) - 1
    assert sum(line.startswith(tuple(KINDS.values())) for line in lines) == len(found)


def test_nothing_to_mend() -> None:
    assert text(()) == "Nothing to mend.\n"
