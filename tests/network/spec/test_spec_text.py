"""Networks and inputs as text: JSON, links, ``CxHxW``; and what strangers may put there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from resnet_viz.errors import SpecError
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec, parse_blocks
from tests.helpers.oracles import assert_one_sentence
from tests.helpers.strategies import large_specs, specs


@settings(max_examples=300)
@given(st.one_of(specs(), large_specs(), st.sampled_from(list(PRESETS.values()))))
def test_json_and_query_bring_back_the_same_network(spec: ResNetSpec) -> None:
    assert ResNetSpec.from_json(spec.to_json()) == spec
    assert ResNetSpec.from_dict(spec.to_dict()) == spec
    query = spec.to_query()
    assert all(type(value) is str for value in query.values())
    others = {"h": "x", "w": "", "layer": "layer1.0", "lang": "ko", "device": "?", "weights": "-"}
    assert ResNetSpec.from_query(query | others) == spec


def test_query_of_a_preset_is_its_name_and_what_differs() -> None:
    for name, spec in PRESETS.items():
        assert spec.to_query() == {"model": name}
        assert replace(spec, in_channels=1, zero_init_residual=True).to_query() == {
            "model": name,
            "c": "1",
            "zero_init": "true",
        }
    assert ResNetSpec.from_query({}) == PRESETS["resnet50"]
    assert ResNetSpec(blocks=(1, 2)).to_query() == {
        "model": "custom",
        "block": "bottleneck",
        "blocks": "1,2",
    }
    assert parse_blocks(" (3, 4,6 ,3) ") == (3, 4, 6, 3)


HOSTILE = [
    "",
    " ",
    "nan",
    "inf",
    "-1",
    "+3",
    "0",
    "1e3",
    "3.0",
    "0x10",
    "1_0",
    "١٢٣",
    "１２",
    "²",
    "9" * 9,
    "9" * 10_000,
    "3,,4",
    ",",
    "3,4,",
    "3;4",
    "[3,4",
    "1," * 5_000 + "1",
    "a" * 10_000,
    "None",
    "<script>alert(1)</script>",
    "a\nb",
    "\x00",
    "\u202egnp",
    "\ud800",
    "é" * 500,
]
PARAMETERS = [
    "model",
    "block",
    "blocks",
    "stem",
    "base_width",
    "groups",
    "width_per_group",
    "stride_in",
    "shortcut",
    "c",
    "classes",
    "zero_init",
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value[:12]))
@pytest.mark.parametrize("name", PARAMETERS)
def test_hostile_parameters_are_refused_in_one_sentence(name: str, value: str) -> None:
    if name == "blocks" and value == "[3,4":
        assert ResNetSpec.from_query({name: value}).blocks == (3, 4)
        return
    with pytest.raises(SpecError) as caught:
        ResNetSpec.from_query({name: value})
    assert_one_sentence(caught.value)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(PARAMETERS), st.text(max_size=20)))
def test_any_query_gives_a_network_or_one_sentence(query: dict[str, str]) -> None:
    try:
        spec = ResNetSpec.from_query(query)
    except SpecError as error:
        assert_one_sentence(error)
    else:
        assert ResNetSpec.from_query(spec.to_query()) == spec


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "3",
        "[]",
        '"resnet50"',
        "[" * 100_000,
        '{"depth": 50}',
        '{"%s": 1}' % ("x" * 5_000),
        '{"blocks": null}',
        '{"blocks": {"a": 1}}',
        '{"blocks": [1, [2]]}',
        '{"base_width": NaN}',
        '{"base_width": 1e400}',
        '{"base_width": %s}' % ("9" * 4_000),
        '{"base_width": %s}' % ("9" * 6_000),
        '{"zero_init_residual": "true"}',
    ],
    ids=lambda text: text[:24] or "empty",
)
def test_malformed_json_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        ResNetSpec.from_json(text)
    assert_one_sentence(caught.value)


# --- inputs -------------------------------------------------------------------------------------


@given(st.integers(1, 1024), st.integers(1, 16_384), st.integers(1, 16_384), st.integers(1, 4_096))
def test_an_input_is_read_as_it_is_written(c: int, h: int, w: int, n: int) -> None:
    wanted = InputSpec(height=h, width=w, batch=n, channels=c)
    for text in (f"{c}x{h}x{w}", f" {c} X {h} X {w} ", f"{c}×{h}×{w}"):
        assert InputSpec.parse(text, batch=n) == wanted
    assert wanted.to_dict() == {"batch": n, "channels": c, "height": h, "width": w}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "3x224",
        "3x224x224x1",
        "0x1x1",
        "3x-1x5",
        "3xnanx3",
        "3x1.5x2",
        "3x16385x1",
        "1025x1x1",
        "axbxc",
        "xx",
        "3x" + "9" * 5_000 + "x1",
        "x" * 10_000,
        "3x２x2",
        "3,224,224",
    ],
    ids=lambda text: ascii(text[:16]),
)
def test_a_malformed_input_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        InputSpec.parse(text)
    assert_one_sentence(caught.value)


def test_channels_come_from_the_network_and_must_agree() -> None:
    spec = ResNetSpec(in_channels=5)
    assert InputSpec(7, 9).for_network(spec) == InputSpec(7, 9, channels=5)
    assert InputSpec(7, 9, channels=5).for_network(spec).channels == 5
    with pytest.raises(SpecError) as caught:
        InputSpec(7, 9, channels=3).for_network(spec)
    assert str(caught.value) == (
        "The input has 3 channels but the network takes 5; make them equal."
    )
