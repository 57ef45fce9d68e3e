"""The coach's words: every number once, and nothing that does not change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec
from resnet_viz.coach import Conditions, Diagnosis, diagnose
from resnet_viz.coach.loading import Weights
from resnet_viz.units import shape_text, si
from resnet_viz.views.coaching import KINDS, effect, effects_text, headline, text
from tests.strategies import inputs, specs

SMALL = InputSpec(32, 32)


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


def test_where_cost_and_map_stay_the_field_is_told() -> None:
    found = diagnose(PRESETS["resnet18"], InputSpec(2048, 2048))
    dilated = next(mend for mend in found[0].mends if mend.spec.dilations)
    field = shape_text(dilated.effect.after.totals.receptive_field)
    assert effect(dilated).startswith(f"receptive field 435 × 435 → {field}; weights: all load")


def test_only_what_changes_is_told() -> None:
    (batch, *_) = _found(code="lone-batch-norm").mends
    before, after = batch.effect.before.totals, batch.effect.after.totals
    assert effects_text(batch) == (
        f"MACs {si(before.macs)} → {si(after.macs)}; most alive "
        f"{si(before.peak_activation_bytes, 'B')} → {si(after.peak_activation_bytes, 'B')}; "
        "weights: all load"
    )
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
    mends = [mend for diagnosis in found for mend in diagnosis.mends]
    for mend in mends:
        same = [other for other in mends if other.label == mend.label]
        assert {(other.spec, other.input) for other in same} == {(mend.spec, mend.input)}
        assert whole.count(f"Use {mend.label}: {effects_text(same[0])}") == 1
        assert whole.count(f"Use {mend.label} (as above)") == len(same) - 1
    assert sum(line.startswith(tuple(KINDS.values())) for line in lines) == len(found)


def test_nothing_to_mend() -> None:
    assert text(()) == "Nothing to mend.\n"
