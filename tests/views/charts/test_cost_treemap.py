"""The map of costs, tested as the plain data it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile, trace
from resnet_viz.network.spec import preset_input
from resnet_viz.views.charts.cost_treemap import MAX_SECTORS, ROOT, Sector, cost_map, sectors
from resnet_viz.views.palette import stage_colour, theme
from resnet_viz.views.row_groups import COSTS
from tests.helpers.strategies import inputs, specs
from tests.views.test_palette import contrast

EACH = pytest.mark.parametrize("cost", COSTS)


def _tree(found: list[Sector]) -> dict[str, list[Sector]]:
    tree: dict[str, list[Sector]] = {}
    for sector in found:
        tree.setdefault(sector.parent, []).append(sector)
    return tree


def _assert_adds_up(found: list[Sector], total: int) -> None:
    tree = _tree(found)
    assert sum(sector.value for sector in tree[ROOT]) == total
    for sector in found:
        if sector.path in tree:
            assert sum(part.value for part in tree[sector.path]) == sector.value


@settings(max_examples=60)
@given(specs(), inputs())
def test_the_parts_of_each_sector_add_up(spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    totals = report.totals
    for cost, total in {
        "macs": totals.macs,
        "params": totals.params,
        "output_bytes": totals.activation_bytes,
    }.items():
        found = sectors(report, cost)
        assert len({sector.path for sector in found}) == len(found) <= MAX_SECTORS
        _assert_adds_up(found, total)
        rows = {row.path: getattr(row, cost) for row in report.layers if getattr(row, cost)}
        assert {s.path: s.value for s in found if s.level == "operation"} == rows


@EACH
@pytest.mark.parametrize("name", ["resnet50", "resnet1202"])
def test_what_can_be_focused(name: str, cost: str) -> None:
    """Every sector is a path of the network, but for stem and head, which have no module."""
    spec = PRESETS[name]
    found = sectors(profile(spec, preset_input(name)), cost)
    assert {s.path for s in found} - set(trace(spec).outputs) <= {"stem", "head"}


@pytest.mark.parametrize(
    ("spec", "levels"),
    [
        (PRESETS["resnet152"], {"stage", "block", "operation"}),
        (PRESETS["resnet1202"], {"stage", "block"}),
        (ResNetSpec(block="basic", blocks=(500, 500, 1), base_width=1), {"stage"}),
    ],
)
@EACH
def test_a_browser_gets_no_more_than_it_can_draw(
    spec: ResNetSpec, levels: set[str], cost: str
) -> None:
    report = profile(spec, InputSpec(32, 32))
    found = sectors(report, cost)
    assert {sector.level for sector in found} == levels
    assert len(found) <= MAX_SECTORS
    _assert_adds_up(found, sum(getattr(row, cost) for row in report.layers))


def _data(report: Any, cost: str = "macs", dark: bool = False, **more: Any) -> dict[str, Any]:
    (trace_,) = cost_map(report, cost, dark, **more).data
    data: dict[str, Any] = trace_.to_plotly_json()
    return data


@pytest.mark.parametrize("dark", [False, True])
@EACH
def test_a_sector_in_the_colour_of_its_stage_bears_text_that_can_be_read(
    cost: str, dark: bool
) -> None:
    report = profile(PRESETS["resnet50"])
    data, found = _data(report, cost, dark), sectors(report, cost)
    assert list(data["ids"]) == [ROOT, *(sector.path for sector in found)]
    assert list(data["parents"]) == ["", *(sector.parent for sector in found)]
    for text, colour in zip(data["textfont"]["color"], data["marker"]["colors"], strict=True):
        assert contrast(text, colour) >= 4.5
    stages = {s.path: i for i, s in enumerate(found, 1) if s.level == "stage"}
    for path, index in stages.items():
        assert data["marker"]["colors"][index] == stage_colour(path)


def test_the_cost_of_a_stage_a_block_and_an_operation_can_be_read() -> None:
    data = _data(profile(PRESETS["resnet50"]))
    place = {path: index for index, path in enumerate(data["ids"])}
    assert data["labels"][0] == "MACs 4.089 G"
    assert data["labels"][place["layer3"]] == "layer3  ·  1.464 G"
    assert data["labels"][place["layer3.0"]] == "0  ·  372.5 M"
    assert data["labels"][place["layer3.0.downsample.0"]] == "downsample.0"
    assert list(data["customdata"][place["layer3.0.downsample.0"]][:2]) == ["102.8 M", "2.5 %"]
    # Leaves alone have a value; Plotly sums them up.
    assert data["branchvalues"] == "remainder"
    assert sum(data["values"]) == 4089184256
    assert data["values"][place["layer3"]] == 0
    assert data["values"][place["fc"]] == 2048000
    bytes_ = _data(profile(PRESETS["resnet50"]), "output_bytes")
    assert bytes_["customdata"][0][0] == "150.2 MB"


def test_the_focus_is_outlined_and_the_level_fills_the_map() -> None:
    report = profile(PRESETS["resnet50"])
    line = _data(report, focus="layer3.0.conv2", level="layer3")["marker"]["line"]
    ids = _data(report)["ids"]
    assert [path for path, width in zip(ids, line["width"], strict=True) if width > 1] == [
        "layer3.0.conv2"
    ]
    assert line["color"][list(ids).index("layer3.0.conv2")] == theme(False).ink
    assert _data(report, level="layer3")["level"] == "layer3"
    # A batch norm has no MACs, and so no sector to outline.
    plain = _data(report, focus="layer3.0.bn2")["marker"]["line"]
    assert set(plain["width"]) == {1}
