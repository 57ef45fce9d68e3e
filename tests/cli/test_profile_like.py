"""``profile --like``: the count of another tool, beside ours."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from resnet_viz.cli import main
from resnet_viz.costs.flop_counters import LIKE, count_rows, counted
from resnet_viz.costs.profiling import profile
from resnet_viz.network.spec import PRESETS, InputSpec
from tests.helpers.running import run

FIGURES = {
    "torch": "torch_flop_counter_flops",
    "torchinfo": "torchinfo_mult_adds",
    "fvcore": "fvcore_flops",
    "ptflops-pytorch": "ptflops_pytorch_macs",
    "ptflops-aten": "ptflops_aten_macs",
    "calflops": "calflops_flops",
    "thop": "thop_macs",
}


def _document(*words: str) -> Any:
    return json.loads(run("profile", "--format", "json", *words))


@pytest.mark.parametrize("like", FIGURES)
def test_published_integers(like: str, reference: Callable[[str], Any]) -> None:
    for name, published in reference("flops_at_224")[FIGURES[like]].items():
        totals = _document("--model", name, "--like", like)["totals"]
        assert (totals["like"], totals["counted"]) == (like, published)


def test_the_paper_and_torchvision(reference: Callable[[str], Any]) -> None:
    macs = 4_089_184_256
    assert _document("--like", "torchvision")["totals"]["counted"] == macs
    paper = _document("--like", "paper")["totals"]["counted"]
    assert abs(paper - reference("flops_at_224")["paper"]["resnet50"]) < 0.1e9
    assert paper < macs


def test_nothing_else_in_the_document_changes() -> None:
    plain, like = _document("--model", "resnet18"), _document("--model", "resnet18", "--like=thop")
    assert "counted" not in plain["totals"]
    assert type(like["totals"].pop("counted")) is int
    assert like["totals"].pop("like") == "thop"
    assert like == plain


@pytest.mark.parametrize("like", LIKE)
def test_the_column_of_the_csv_adds_up(like: str) -> None:
    words = [
        "--shortcut",
        "avgpool_projection",
        "--stem",
        "deep",
        "--input",
        "5x33x70",
        "--batch",
        "3",
    ]
    table = list(
        csv.DictReader(io.StringIO(run("profile", *words, "--format=csv", "--like", like)))
    )
    spec = replace(PRESETS["resnet50"], shortcut="avgpool_projection", stem="deep", in_channels=5)
    report = profile(spec, InputSpec(33, 70, batch=3))
    rows = [int(row["counted"]) for row in table]
    assert tuple(rows) == count_rows(report, LIKE[like].ledger)
    assert sum(rows) == counted(report, LIKE[like].ledger)
    assert list(table[0])[-1] == "counted"


@pytest.mark.parametrize("like", LIKE)
def test_a_line_of_the_table(like: str) -> None:
    plain, lines = run("profile").splitlines(), run("profile", "--like", like).splitlines()
    (line,) = [line for line in lines if line not in plain]
    total = counted(profile(PRESETS["resnet50"]), LIKE[like].ledger)
    assert line.startswith(f"Counted like {like}  ")
    assert line.endswith(f" G ({total:,})")
    assert lines.index(line) == plain.index(next(p for p in plain if p.startswith("Recept"))) + 1


@pytest.mark.parametrize("name", ["nobody", "", "Torch", "torch,thop", "x" * 500])
def test_an_unknown_name_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "--like", name]) == 2
    printed, said = capsys.readouterr()
    assert printed == ""
    assert said.startswith("--like must be one of paper, torchvision, torch, torchinfo, ")
    assert said.count("\n") == 1
    assert len(said) < 220


def test_the_help_names_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "--help"]) == 0
    words = capsys.readouterr().out.split()
    assert {f"{name}," for name in list(LIKE)[:-1]} | {"thop."} <= set(words)
