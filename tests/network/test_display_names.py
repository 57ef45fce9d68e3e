"""Networks' names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_viz.network.display_names import model_name, network_at
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("resnet50", "ResNet-50"),
        ("resnext50_32x4d", "ResNeXt-50 32×4d"),
        ("wide_resnet101_2", "Wide ResNet-101-2"),
        ("chosen network", "chosen network"),
    ],
)
def test_presets_are_named_as_people_write_them(preset: str, name: str) -> None:
    assert model_name(preset) == name


@pytest.mark.parametrize(
    ("spec", "size", "text"),
    [
        (PRESETS["resnet50"], InputSpec(), "ResNet-50 at 224 × 224"),
        (
            replace(PRESETS["resnet18"], num_classes=7, in_channels=1),
            InputSpec(33, 1, channels=1, batch=8),
            "ResNet-18 at 33 × 1",
        ),
        (ResNetSpec(blocks=(2,) * 4), InputSpec(7, 300), "a ResNet of depth 26 at 7 × 300"),
    ],
)
def test_a_network_at_an_input(spec: ResNetSpec, size: InputSpec, text: str) -> None:
    assert network_at(spec, size) == text


def test_no_two_presets_have_one_name() -> None:
    assert len({network_at(spec, InputSpec()) for spec in PRESETS.values()}) == len(PRESETS)
