"""Whole drawings as text. After a change that is meant: ``pytest tests/views --overwrite``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.views.graph.network_drawing import draw
from resnet_viz.views.graph.open_parts import Opening

FOLDER: Final = Path(__file__).parents[2] / "data" / "golden"

DRAWINGS: Final = {
    "resnet18": (PRESETS["resnet18"], InputSpec(), Opening()),
    "resnet50": (PRESETS["resnet50"], InputSpec(), Opening()),
    "resnet20": (PRESETS["resnet20"], InputSpec(32, 32), Opening.parse("block", "layer2.0")),
    "custom": (
        ResNetSpec(
            block="bottleneck",
            blocks=(1, 8),
            stem="deep",
            base_width=32,
            groups=2,
            shortcut="avgpool_projection",
            in_channels=8,
            num_classes=5,
        ),
        InputSpec(120, 75),
        Opening.parse("op", "stem,layer2.1-7"),
    ),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_drawing_is_the_one_on_file(name: str, request: pytest.FixtureRequest) -> None:
    spec, size, opening = DRAWINGS[name]
    source = draw(profile(spec, size), opening).source
    file = FOLDER / f"{name}.dot"
    if request.config.getoption("--overwrite"):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(source, encoding="utf-8")

    assert source == file.read_text(encoding="utf-8")


def test_no_file_is_left_over() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(DRAWINGS)
