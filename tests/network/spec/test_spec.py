"""Networks and inputs as values: limits, equality, presets."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from resnet_viz.errors import SpecError
from resnet_viz.network.model import ResNet, build_model
from resnet_viz.network.spec import (
    PRESETS,
    InputSpec,
    ResNetSpec,
    preset_input,
    preset_name,
)
from tests.helpers.oracles import assert_one_sentence, signature
from tests.helpers.strategies import SHORTCUTS, STEMS, STRIDES_IN, choices, specs

DEPTHS = {
    "resnet18": 18,
    "resnet34": 34,
    "resnet50": 50,
    "resnet101": 101,
    "resnet152": 152,
    "wide_resnet50_2": 50,
    "wide_resnet101_2": 101,
    "resnext50_32x4d": 50,
    "resnext101_32x8d": 101,
    "resnet20": 20,
    "resnet32": 32,
    "resnet44": 44,
    "resnet56": 56,
    "resnet110": 110,
    "resnet1202": 1202,
}


# --- fields -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"block": "wide"}, "block must be one of 'basic', 'bottleneck', not 'wide'."),
        ({"block": None}, "block must be one of 'basic', 'bottleneck', not None."),
        ({"stem": "large"}, "stem must be one of 'imagenet', 'small', 'deep', not 'large'."),
        ({"stride_in": 3}, "stride_in must be one of '3x3', '1x1', not 3."),
        (
            {"shortcut": ["projection"]},
            (
                "shortcut must be one of 'projection', 'avgpool_projection', 'zero_pad', "
                "not ['projection']."
            ),
        ),
        (
            {"blocks": "3463"},
            "blocks must list the blocks of each stage, like (3, 4, 6, 3), not '3463'.",
        ),
        ({"blocks": 3}, "blocks must list the blocks of each stage, like (3, 4, 6, 3), not 3."),
        ({"blocks": ()}, "blocks must list 1 to 8 stages, not 0."),
        ({"blocks": (1,) * 9}, "blocks must list 1 to 8 stages, not 9."),
        (
            {"blocks": (3, 0, 6)},
            "blocks of stage 2 must lie between 1 and 500, not 0; the nearest allowed value is 1.",
        ),
        (
            {"blocks": (501,)},
            (
                "blocks of stage 1 must lie between 1 and 500, not 501; "
                "the nearest allowed value is 500."
            ),
        ),
        (
            {"blocks": (3, 4.0)},
            "blocks of stage 2 must be a whole number from 1 to 500, not 4.0.",
        ),
        (
            {"base_width": 1025},
            "base_width must lie between 1 and 1024, not 1025; the nearest allowed value is 1024.",
        ),
        (
            {"groups": 0},
            "groups must lie between 1 and 1024, not 0; the nearest allowed value is 1.",
        ),
        (
            {"width_per_group": 2000},
            (
                "width_per_group must lie between 1 and 1024, not 2000; "
                "the nearest allowed value is 1024."
            ),
        ),
        (
            {"in_channels": -3},
            "in_channels must lie between 1 and 1024, not -3; the nearest allowed value is 1.",
        ),
        (
            {"in_channels": True},
            "in_channels must be a whole number from 1 to 1024, not True.",
        ),
        (
            {"num_classes": 100_001},
            (
                "num_classes must lie between 1 and 100000, not 100001; "
                "the nearest allowed value is 100000."
            ),
        ),
        (
            {"num_classes": "10"},
            "num_classes must be a whole number from 1 to 100000, not '10'.",
        ),
        ({"zero_init_residual": 1}, "zero_init_residual must be True or False, not 1."),
        (
            {"block": "basic", "groups": 2},
            (
                "groups and width_per_group belong to bottleneck blocks: basic blocks need "
                "groups=1 and width_per_group=64, not 2 and 64."
            ),
        ),
        (
            {"base_width": 8, "width_per_group": 7},
            "width_per_group=7 leaves no channel at base_width=8; use at least 8.",
        ),
    ],
)
def test_a_wrong_field_says_what_is_allowed(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(SpecError) as caught:
        ResNetSpec(**fields)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("base_width", 1, 1024),
        ("groups", 1, 1024),
        ("width_per_group", 1, 1024),
        ("in_channels", 1, 1024),
        ("num_classes", 1, 100_000),
        ("height", 1, 16_384),
        ("width", 1, 16_384),
        ("batch", 1, 4_096),
        ("channels", 1, 1024),
    ],
)
def test_limits_themselves_are_allowed_and_their_neighbours_refused(
    name: str, low: int, high: int
) -> None:
    kind: Any = InputSpec if name in ("height", "width", "batch", "channels") else ResNetSpec
    for value in (low, high):
        assert getattr(kind(**{name: value}), name) == value
    for value, nearest in ((low - 1, low), (high + 1, high)):
        with pytest.raises(SpecError) as caught:
            kind(**{name: value})
        assert str(caught.value) == (
            f"{name} must lie between {low} and {high}, not {value}; "
            f"the nearest allowed value is {nearest}."
        )


@pytest.mark.parametrize(
    "value",
    ["x" * 10_000, 10**5_000, -(10**5_000), float("nan"), [1] * 5_000, "a\nb\u202e", b"\x00", {}],
    ids=["long", "huge", "-huge", "nan", "list", "control", "bytes", "dict"],
)
@pytest.mark.parametrize("name", list(ResNetSpec.__dataclass_fields__))
def test_any_value_is_refused_in_one_short_sentence(name: str, value: Any) -> None:
    with pytest.raises(SpecError) as caught:
        ResNetSpec(**{name: value})
    assert_one_sentence(caught.value)


def test_numpy_integers_become_plain_ones() -> None:
    spec = ResNetSpec(blocks=np.array([1, 2]), base_width=np.int64(8))  # type: ignore[arg-type]
    assert spec == ResNetSpec(blocks=(1, 2), base_width=8)
    assert type(spec.base_width) is int
    assert [type(count) for count in spec.blocks] == [int, int]
    assert ResNetSpec(blocks=[3, 4, 6, 3]) == PRESETS["resnet50"]  # type: ignore[arg-type]


@given(specs())
def test_specs_are_frozen_hashable_and_picklable(spec: ResNetSpec) -> None:
    for name in ResNetSpec.__dataclass_fields__:
        with pytest.raises(FrozenInstanceError):
            setattr(spec, name, getattr(spec, name))
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert replace(spec) == spec
    assert {spec: 1}[replace(spec)] == 1


# --- equality -----------------------------------------------------------------------------------


def literal_network(fields: dict[str, Any]) -> ResNet:
    """The network of these very fields, past what `ResNetSpec` makes of them."""
    spec = object.__new__(ResNetSpec)
    for name, value in fields.items():
        object.__setattr__(spec, name, value)
    return build_model(spec, "meta")


def assert_equal_exactly_when_networks_are(a: dict[str, Any], b: dict[str, Any]) -> None:
    one, other = ResNetSpec(**a), ResNetSpec(**b)
    literal_a, literal_b = signature(literal_network(a)), signature(literal_network(b))
    assert signature(build_model(one, "meta")) == literal_a, "the spec changed the network"
    assert (one == other) == (literal_a == literal_b)
    if one == other:
        assert hash(one) == hash(other)
        assert one.to_dict() == other.to_dict()


CHANGES = st.one_of(
    st.fixed_dictionaries({"stride_in": st.sampled_from(STRIDES_IN)}),
    st.fixed_dictionaries({"shortcut": st.sampled_from(SHORTCUTS)}),
    st.fixed_dictionaries({"stem": st.sampled_from(STEMS)}),
    st.fixed_dictionaries({"zero_init_residual": st.booleans()}),
    st.fixed_dictionaries({"base_width": st.integers(8, 12)}),
    st.fixed_dictionaries({"in_channels": st.integers(1, 4)}),
)


@settings(max_examples=200)
@given(choices(max_stages=3, max_blocks=2), CHANGES, st.integers(-3, 3))
def test_equal_exactly_when_the_networks_are(
    fields: dict[str, Any], change: dict[str, Any], wider: int
) -> None:
    other = fields | change
    if fields["block"] == "bottleneck":
        least = -(-64 // other["base_width"])
        other["width_per_group"] = max(least, fields["width_per_group"] + wider)
    assert_equal_exactly_when_networks_are(fields, other)


def test_choices_without_effect_are_dropped() -> None:
    for blocks, block in itertools.product(((1,), (1, 1)), ("basic", "bottleneck")):
        every = [
            {"shortcut": shortcut, "stride_in": stride_in}
            for shortcut, stride_in in itertools.product(SHORTCUTS, STRIDES_IN)
        ]
        base = ResNetSpec(block=block, blocks=blocks, base_width=2, num_classes=2).to_dict()  # type: ignore[arg-type]
        for a, b in itertools.combinations(every, 2):
            assert_equal_exactly_when_networks_are(base | a, base | b)


@pytest.mark.parametrize("base_width", [1, 3, 16, 24, 64, 100])
@pytest.mark.parametrize("stages", [1, 3])
def test_widths_that_round_to_one_network_are_one_spec(base_width: int, stages: int) -> None:
    by_spec: dict[ResNetSpec, set[tuple[int, ...]]] = {}
    least = -(-64 // base_width)
    for width in range(least, 261):
        spec = ResNetSpec(blocks=(1,) * stages, base_width=base_width, width_per_group=width)
        widths = tuple((base_width << stage) * width // 64 for stage in range(stages))
        assert tuple(spec.inner_width(stage) for stage in range(stages)) == widths
        by_spec.setdefault(spec, set()).add(widths)
    assert all(len(widths) == 1 for widths in by_spec.values())
    assert len(set.union(*by_spec.values())) == len(by_spec)


# --- presets and depth --------------------------------------------------------------------------


def test_presets_are_the_published_networks() -> None:
    assert {name: spec.depth for name, spec in PRESETS.items()} == DEPTHS
    assert len(set(PRESETS.values())) == len(PRESETS)
    for name, spec in PRESETS.items():
        assert preset_name(spec) == name
        assert preset_name(replace(spec, in_channels=7, num_classes=7)) == name
        cifar = spec.stem == "small"
        assert preset_input(name).height == preset_input(name).width == (32 if cifar else 224)
        assert spec.num_classes == (10 if cifar else 1000)
        if cifar:  # He et al. 2015, section 4.2: 6n + 2 layers
            assert (spec.block, spec.shortcut, spec.base_width) == ("basic", "zero_pad", 16)
            assert spec.blocks == ((DEPTHS[name] - 2) // 6,) * 3
    assert preset_name(ResNetSpec(blocks=(3, 4, 6, 4))) is None
    with pytest.raises(TypeError):
        PRESETS["resnet18"] = PRESETS["resnet34"]  # type: ignore[index]


@settings(max_examples=200)
@given(specs())
def test_depth_counts_the_layers_with_weights_on_the_longest_way(spec: ResNetSpec) -> None:
    in_blocks = sum(
        path.split(".")[2].startswith("conv")
        for path, _ in build_model(spec, "meta").named_modules()
        if path.startswith("layer") and path.count(".") == 2
    )
    assert spec.depth == in_blocks + 2


class _Hostile:
    """An object of which every question fails."""

    def __index__(self) -> int:
        raise RuntimeError("no index")

    def __iter__(self) -> Any:
        raise RuntimeError("no elements")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


NO_NUMBERS: list[Any] = [
    *(np.array(3.5), np.array([3, 4]), np.array([[1, 2], [3, 4]]), np.float32(3), np.nan),
    *(_Hostile(), _Hostile, object(), {}, {1: 2}, [[1]], "3", b"3", 3 + 0j, 3.0, True, print),
]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: type(value).__name__)
def test_any_object_in_place_of_a_number_is_refused_in_one_sentence(value: Any) -> None:
    numbers = ("base_width", "groups", "width_per_group", "in_channels", "num_classes")
    lists: list[Any] = [(1, value, 1, 1), [value] * 4, [[value]] * 4]
    tries: list[Callable[[], object]] = [
        *(partial(ResNetSpec, **{name: value}) for name in numbers),
        *(partial(InputSpec, **{name: value}) for name in ("height", "width", "batch", "channels")),
        *(partial(ResNetSpec, blocks=stages) for stages in lists),
        *(partial(ResNetSpec, strides=stages) for stages in lists),
        *(partial(ResNetSpec, dilations=stages) for stages in lists),
        partial(ResNetSpec.from_depth, value),
        partial(InputSpec.parse, value),
    ]
    for build in tries:
        with pytest.raises(SpecError) as caught:
            build()
        assert_one_sentence(caught.value)


@pytest.mark.parametrize(
    "value", [np.array(3.5), np.array(3), _Hostile(), _Hostile, object(), 3, "3463", b"3463", 2.5]
)
def test_any_object_in_place_of_a_list_or_a_choice_is_refused(value: Any) -> None:
    names = ("blocks", "strides", "dilations", "block", "stem", "stride_in", "shortcut")
    for name in (*names, "zero_init_residual"):
        with pytest.raises(SpecError) as caught:
            ResNetSpec(**{name: value})
        assert_one_sentence(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        *({1: 2, "a": 3}, {None: 1, "b": 2, (3,): 4}, {_Hostile: 1, "blocks": [1]}, {b"blocks": 1}),
        *({"blocks": {"a": [1]}}, {"blocks": [[1], 2]}, {"stem": {}}, {"dilations": [None] * 4}),
        *([], ["blocks"], [("blocks", [1])], "blocks", 5, None, _Hostile()),
    ],
    ids=lambda values: type(values).__name__,
)
def test_any_object_in_place_of_a_dictionary_of_fields_is_refused(values: Any) -> None:
    with pytest.raises(SpecError) as caught:
        ResNetSpec.from_dict(values)
    assert_one_sentence(caught.value)
    with pytest.raises(SpecError):
        ResNetSpec.from_json(values)
