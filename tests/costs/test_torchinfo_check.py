"""torchinfo agrees with our profile, and a profile that were wrong would be found out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import torchinfo
from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.costs import torchinfo_check
from resnet_viz.costs.profile_records import Profile
from resnet_viz.costs.torchinfo_check import call_witness
from resnet_viz.network.spec import preset_input
from tests.helpers.strategies import inputs, specs


@settings(max_examples=40)
@given(specs(max_stages=4, max_blocks=2), inputs())
def test_agreement_for_random_networks(spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    witness = call_witness(report)

    assert witness.differences == ()
    assert witness.agrees
    assert witness.layers == len(report.layers)
    assert witness.mult_adds == (report.totals.macs + witness.batch_norm_adds + witness.bias_adds)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "resnet1202"])
def test_agreement_for_presets(name: str) -> None:
    witness = call_witness(profile(PRESETS[name], preset_input(name)))

    assert witness.differences == ()
    assert "Total params" in witness.summary


def _tampered(report: Profile, path: str, /, **changes: Any) -> Profile:
    layers = tuple(row._replace(**changes) if row.path == path else row for row in report.layers)
    return replace(report, layers=layers)


@pytest.mark.parametrize(
    ("path", "changes", "word"),
    [
        ("layer1.0.conv1", {"macs": 1}, "multiply-adds"),
        ("layer1.0.conv1", {"params": 1}, "parameters"),
        ("layer2.0.add", {"output_shape": (1, 128, 28, 27)}, "output"),
        ("maxpool", {"output_shape": (1, 64, 55, 56)}, "output"),
        ("layer4.1.bn2", {"params": 1025}, "parameters"),
        ("fc", {"macs": 512_001}, "multiply-adds"),
        ("layer3.0.downsample.0", {"path": "layer3.0.downsample.9"}, "not listed"),
    ],
)
def test_a_wrong_row_is_found(path: str, changes: dict[str, Any], word: str) -> None:
    report = profile(PRESETS["resnet18"])
    assert call_witness(report).agrees

    witness = call_witness(_tampered(report, path, **changes))
    assert not witness.agrees
    assert any(changes.get("path", path) in line and word in line for line in witness.differences)


@pytest.mark.parametrize("field", ["macs", "params"])
def test_a_wrong_total_is_found(field: str) -> None:
    report = profile(PRESETS["resnet18"])
    totals = replace(report.totals, **{field: getattr(report.totals, field) + 1})

    witness = call_witness(replace(report, totals=totals))
    assert len(witness.differences) == 1
    assert witness.differences[0].startswith("the whole network: ")


def test_a_batch_counts_as_many_times() -> None:
    one = call_witness(profile(PRESETS["resnet20"], InputSpec(32, 32)))
    four = call_witness(profile(PRESETS["resnet20"], InputSpec(32, 32, batch=4)))

    assert four.agrees
    assert four.mult_adds == 4 * one.mult_adds


def test_torchinfo_runs_for_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    report, plain, held = profile(PRESETS["resnet18"]), torchinfo.summary, []

    def summary(*args: Any, **choices: Any) -> Any:
        held.append(torchinfo_check._TORCHINFO.locked())
        return plain(*args, **choices)

    monkeypatch.setattr(torchinfo, "summary", summary)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(call_witness, [report] * 4))
    assert all(result.agrees for result in results)
    assert held == [True] * 4
    assert not torchinfo_check._TORCHINFO.locked()
