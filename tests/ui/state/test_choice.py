"""A choice and its link: what goes in comes out, and what is wrong is named."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, strategies as st
from hypothesis.strategies import DrawFn

from resnet_viz.errors import ResNetVizError
from resnet_viz.network.spec import MAX_SIDE, PRESETS, InputSpec, ResNetSpec, preset_input
from resnet_viz.ui.state.choice import CUSTOM, LINK_KEYS, Choice
from resnet_viz.views.graph.open_parts import LEVELS, Opening
from resnet_viz.views.row_groups import COSTS
from resnet_viz.weights.sources import parse_source
from tests.helpers.strategies import large_specs, specs
from tests.ui.state.test_input_size_options import labs

SIDES = st.integers(1, MAX_SIDE)
KINDS = st.one_of(specs(), large_specs(), st.sampled_from(list(PRESETS.values())))


@st.composite
def chosen(draw: DrawFn) -> Choice:
    spec = draw(KINDS)
    usual = st.sampled_from((32, 224))
    size = InputSpec(draw(SIDES | usual), draw(SIDES | usual), channels=spec.in_channels)
    return Choice(
        spec,
        size,
        draw(st.sampled_from(("auto", "cpu", "cuda:0", "mps"))),
        f"random:{draw(st.integers(0, 2**32 - 1))}",
        draw(st.none() | st.sampled_from(("conv1", "layer1.0", "layer2.0.downsample.0", "input"))),
        Opening(
            draw(st.sampled_from(LEVELS)),
            draw(st.frozensets(st.sampled_from(("stem", "layer1", "layer3.0", "layer3.1-35")))),
        ),
        draw(st.sampled_from(list(COSTS))),
        draw(labs()),
    )


@given(chosen())
def test_a_link_restores_the_choice(choice: Choice) -> None:
    query = choice.to_query()

    assert set(query) <= set(LINK_KEYS)
    assert Choice.from_query(query, parse_source) == (choice, ())
    address = dict(parse_qsl(urlencode(query), strict_parsing=True))
    assert Choice.from_query(address, parse_source) == (choice, ())


@given(chosen())
def test_a_link_says_no_more_than_it_must(choice: Choice) -> None:
    query = choice.to_query()

    for key in set(query) - {"model", "block", "blocks"}:  # a custom network always says these
        shorter = {other: value for other, value in query.items() if other != key}
        assert Choice.from_query(shorter, parse_source)[0] != choice


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_at_its_usual_input_is_its_name(name: str) -> None:
    choice = Choice(PRESETS[name], preset_input(name))

    assert choice.model == name
    assert choice.to_query() == {"model": name}
    assert Choice.from_query({"model": name}, parse_source) == (choice, ())


def test_no_link_is_resnet_50_at_224() -> None:
    default = Choice(PRESETS["resnet50"], InputSpec(224, 224, channels=3))

    assert Choice.from_query({}, parse_source) == (default, ())


def test_a_network_without_a_name_is_custom() -> None:
    assert Choice(ResNetSpec(blocks=(1,)), InputSpec()).model == CUSTOM


@given(
    st.dictionaries(
        st.sampled_from((*LINK_KEYS, "utm")),
        st.text(max_size=60) | st.integers(-9, 10**12).map(str) | st.sampled_from(list(PRESETS)),
    )
)
def test_any_link_gives_a_choice_and_a_sentence_for_each_value_left_out(
    query: dict[str, str],
) -> None:
    choice, problems = Choice.from_query(query, parse_source)

    again, none = Choice.from_query(choice.to_query(), parse_source)
    assert none == ()
    assert (again.spec, again.input, again.weights) == (choice.spec, choice.input, choice.weights)
    assert (again.opening, again.cost) == (choice.opening, choice.cost)
    assert len(problems) <= len(query)
    for sentence in problems:
        assert sentence.startswith("The link's ")
        assert sentence.endswith(".")
        assert len(sentence) < 500


def test_weights_are_checked_by_the_rule_given() -> None:
    def refuse(source: str) -> None:
        raise ResNetVizError(f"No {source}.")

    choice, problems = Choice.from_query({"weights": "x"}, refuse)
    assert choice.weights == "random:0"
    assert problems == ("The link's weights were left out: No x.",)


@pytest.mark.parametrize("text", [" 64 ", "064"])
def test_sides_may_be_written_with_blanks_and_zeros(text: str) -> None:
    choice, problems = Choice.from_query({"h": text}, parse_source)

    assert (choice.input.height, problems) == (64, ())


def test_what_is_open_is_left_out_part_by_part() -> None:
    query = {"level": "op", "open": "layer1,<b>", "cost": "time"}
    choice, problems = Choice.from_query(query, parse_source)

    assert choice.opening == Opening("op")
    assert choice.cost == "macs"
    assert [text.split(" was ")[0] for text in problems] == ["The link's open", "The link's cost"]
