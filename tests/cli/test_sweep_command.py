"""``sweep``: the table of the library, for every way to write sizes."""

from __future__ import annotations

import csv
import io
import json

import pytest

from resnet_viz.costs.profiling import profile, sweep
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from tests.helpers.running import run


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ("32:1024:8", range(32, 1025, 8)),
        ("32:50:8", [32, 40, 48]),
        ("5:7", [5, 6, 7]),
        ("224", [224]),
        ("64, 32,64", [64, 32, 64]),
        ("16384:16384:9", [16384]),
    ],
)
def test_sweep_over_squares(sizes: str, expected: list[int]) -> None:
    rows = list(csv.reader(io.StringIO(run("sweep", "--model", "resnet18", "--sizes", sizes))))
    columns = sweep(PRESETS["resnet18"], expected).columns()
    assert rows[0] == list(columns)
    assert [tuple(map(int, row)) for row in rows[1:]] == list(zip(*columns.values(), strict=True))


def test_sweep_over_heights_and_widths() -> None:
    words = ("--depth", "20", "--input", "4x1x1", "--batch", "2", "--dtype", "bfloat16")
    text = run("sweep", *words, "--sizes", "32:40:4", "--widths", "50,33", "--format", "json")
    document = json.loads(text)
    columns = document["columns"]
    assert columns["height"] == [32, 32, 36, 36, 40, 40]
    assert columns["width"] == [50, 33, 50, 33, 50, 33]
    assert document["batch"] == 2
    spec = ResNetSpec.from_dict(document["spec"])
    assert spec == ResNetSpec.from_depth(20, in_channels=4)
    for index in range(6):
        size = InputSpec(columns["height"][index], columns["width"][index], batch=2)
        totals = profile(spec, size, "bfloat16").totals
        for name in ("params", "macs", "flops", "activation_bytes", "peak_activation_bytes"):
            assert columns[name][index] == getattr(totals, name)
        grid = (columns["final_height"][index], columns["final_width"][index])
        assert grid == totals.final_grid
