"""What the panel Sweeps compares, and what a click on it puts into the sidebar."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec, parse_blocks, parse_stages
from resnet_viz.sizing.tradeoffs.series import measure
from resnet_viz.ui.input_size.sweeps_panel import networks, pointed_at
from resnet_viz.ui.state.choice import SPEC_KEYS
from resnet_viz.ui.state.widget_values import fields
from tests.helpers.strategies import specs

TINY = ResNetSpec(blocks=(1, 1), base_width=4, in_channels=1, num_classes=3)
PLACES = [
    [measure("a", TINY, InputSpec(8, 8)), measure("b", TINY, InputSpec(9, 9))],
    [measure("c", TINY, InputSpec(7, 7))],
]


@settings(max_examples=25)
@given(specs())
def test_the_sidebar_s_fields_spell_the_network(spec: ResNetSpec) -> None:
    values = fields(spec, InputSpec(40, 50))

    assert set(values) == {*SPEC_KEYS, "h", "w"}
    assert (values["h"], values["w"]) == (40, 50)
    own = {"model", "blocks", "strides", "dilations", "c", "classes", "zero_init", "h", "w"}
    built = ResNetSpec(
        blocks=parse_blocks(values["blocks"]),
        strides=parse_stages("strides", values["strides"]),
        dilations=parse_stages("dilations", values["dilations"]),
        in_channels=values["c"],
        num_classes=values["classes"],
        zero_init_residual=values["zero_init"],
        **{key: value for key, value in values.items() if key not in own},
    )
    assert built == spec


def test_a_preset_is_called_by_its_name_whatever_its_classes() -> None:
    preset = replace(PRESETS["resnet34"], num_classes=7)
    assert fields(preset, InputSpec())["model"] == "resnet34"
    assert fields(TINY, InputSpec())["model"] == "custom"


def test_presets_stand_beside_the_chosen_network_with_its_channels_and_classes() -> None:
    listed = networks(TINY, ["resnet18", "resnext50_32x4d"])
    assert list(listed) == ["chosen network", "ResNet-18", "ResNeXt-50 32×4d"]
    assert listed["chosen network"] == TINY
    assert {(spec.in_channels, spec.num_classes) for spec in listed.values()} == {(1, 3)}


def test_the_chosen_preset_stands_first_and_once() -> None:
    spec = replace(PRESETS["resnet50"], num_classes=2)
    listed = networks(spec, ["resnet18", "resnet50"])
    assert list(listed) == ["ResNet-50", "ResNet-18"]
    assert listed["ResNet-50"] == spec


@pytest.mark.parametrize(
    ("marked", "name"),
    [
        ([{"curve_number": 0, "point_index": 1}], "b"),
        ([{"curve_number": 1, "point_index": 0}, {"curve_number": 0, "point_index": 0}], "c"),
        ([], None),
        ([{"curve_number": 1, "point_index": 1}], None),
        ([{"curve_number": 2, "point_index": 0}], None),
        ([{"curve_number": -1, "point_index": 0}], None),
        ([{"curve_number": 0, "point_index": "0"}], None),
        ([{}], None),
    ],
)
def test_a_click_finds_its_network_or_nothing(
    marked: list[dict[str, Any]], name: str | None
) -> None:
    point = pointed_at(marked, PLACES)
    assert (point and point.name) == name
