"""Colours: text can be read on every ground, and stages can be told apart."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, strategies as st

from resnet_viz.views import palette
from resnet_viz.views.palette import (
    mix,
    stage_colour,
    stage_outline,
    stage_tint,
    text_on,
    theme,
)

STAGES = tuple(f"layer{number}" for number in range(1, 9))
BOTH = pytest.mark.parametrize("dark", [False, True])
COLOURS = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06X}")


def _luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@BOTH
@pytest.mark.parametrize("stage", [*STAGES, "stem", "head"])
@pytest.mark.parametrize("strength", [0.12, 0.3])
def test_ink_can_be_read_on_every_tint(stage: str, strength: float, dark: bool) -> None:
    assert contrast(theme(dark).ink, stage_tint(stage, dark, strength)) >= 4.5


@given(COLOURS, COLOURS)
def test_contrast_is_also_measured_by_the_library(one: str, other: str) -> None:
    assert palette.contrast(one, other) == pytest.approx(contrast(one, other))


@BOTH
@pytest.mark.parametrize("stage", [*STAGES, "stem", "head"])
def test_outlines_are_seen_and_keep_the_hue_where_they_can(stage: str, dark: bool) -> None:
    outline, paper = stage_outline(stage, dark), theme(dark).paper

    assert contrast(outline, paper) >= 3
    assert (outline == stage_colour(stage)) == (contrast(stage_colour(stage), paper) >= 3)


@BOTH
def test_text_can_be_read_on_paper_and_badges(dark: bool) -> None:
    colours = theme(dark)

    assert contrast(colours.ink, colours.paper) >= 7
    assert contrast(colours.ink, colours.badge) >= 4.5
    assert contrast(colours.faint, colours.paper) >= 4.5
    assert contrast(colours.badge_edge, colours.badge) >= 3


@BOTH
@pytest.mark.parametrize("stage", [*STAGES, "stem", "head"])
def test_shapes_stand_in_a_row_can_be_read(stage: str, dark: bool) -> None:
    """The shapes on the arrows are faint text on a stage's tint."""
    assert contrast(theme(dark).faint, stage_tint(stage, dark)) >= 4.5


@BOTH
@pytest.mark.parametrize("stage", STAGES)
def test_outlines_are_seen_on_the_page(stage: str, dark: bool) -> None:
    assert contrast(stage_colour(stage), theme(dark).paper) >= 2


def test_stages_have_hues_of_their_own() -> None:
    colours = [stage_colour(stage) for stage in STAGES]
    assert len(set(colours)) == len(STAGES)

    for one, other in combinations(colours, 2):
        apart = sum(abs(int(one[i : i + 2], 16) - int(other[i : i + 2], 16)) for i in (1, 3, 5))
        assert apart > 60, (one, other)


@pytest.mark.parametrize("name", ["stem", "head", "layer", "layerx", "", "conv1", "layer1.0"])
def test_what_is_no_stage_is_grey(name: str) -> None:
    assert stage_colour(name) == stage_colour("stem")
    assert stage_colour(name) not in {stage_colour(stage) for stage in STAGES}


@given(COLOURS, COLOURS, st.floats(0, 1))
def test_a_mixture_lies_between(one: str, other: str, share: float) -> None:
    mixed = mix(one, other, share)

    for i in (1, 3, 5):
        low, high = sorted((int(one[i : i + 2], 16), int(other[i : i + 2], 16)))
        assert low <= int(mixed[i : i + 2], 16) <= high
    assert mix(one, other, 1) == one
    assert mix(one, other, 0) == other


@given(COLOURS)
def test_text_can_be_read_on_any_colour(colour: str) -> None:
    assert text_on(colour) in ("#000000", "#FFFFFF")
    assert contrast(text_on(colour), colour) == max(
        contrast(colour, end) for end in ("#000000", "#FFFFFF")
    )
    assert contrast(text_on(colour), colour) >= 4.5
