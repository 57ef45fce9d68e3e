"""``compare``, ``coach``, ``code`` and ``weights``: what the library says, from a terminal."""

from __future__ import annotations

import ast
import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from resnet_viz.cli import main
from resnet_viz.codegen.python_file import generate
from resnet_viz.costs.profiling import profile
from resnet_viz.network.model import build_model
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from resnet_viz.sizing.advice.advice_records import Conditions
from resnet_viz.sizing.advice.diagnosing import diagnose
from resnet_viz.sizing.comparison.comparing import compare
from resnet_viz.views.tables import comparison_tables
from resnet_viz.views.words import advice_text
from tests.helpers.running import run

CONTRACT = ("--model", "resnet18", "--input", "3x224x224")


def at(height: int, width: int, channels: int = 3) -> InputSpec:
    return InputSpec(height, width, channels=channels)


def test_the_call_of_the_contract() -> None:
    words = ("--with-model", "resnet18", "--with-input", "3x32x32", "--with-stem", "small")
    text = run("compare", *CONTRACT, *words)
    small = ResNetSpec(block="basic", blocks=(2, 2, 2, 2), stem="small")
    found = compare(profile(PRESETS["resnet18"]), profile(small, at(32, 32)))
    assert text == comparison_tables.text(found)
    # At 32 x 32 the usual stem would leave one cell.
    text = run("compare", *CONTRACT, "--with-input", "3x32x32")
    assert "works on 1 × 1: its 3 × 3 kernel sees one value and eight zeros" in text


@pytest.mark.parametrize(
    ("words", "first", "second"),
    [
        (
            ("--model", "resnet18", "--stem", "small", "--with-strides", "1,2,2,1"),
            ResNetSpec(block="basic", blocks=(2, 2, 2, 2), stem="small"),
            ResNetSpec(block="basic", blocks=(2, 2, 2, 2), stem="small", strides=(1, 2, 2, 1)),
        ),
        (  # a model begins anew, but for the input
            ("--model", "resnet18", "--stem", "small", "--with-model", "resnet34"),
            ResNetSpec(block="basic", blocks=(2, 2, 2, 2), stem="small"),
            PRESETS["resnet34"],
        ),
        (
            ("--model", "resnet50", "--classes", "7", "--with-depth", "26"),
            ResNetSpec(num_classes=7),
            ResNetSpec.from_depth(26),
        ),
        (  # blocks instead of those that the depth stood for
            ("--depth", "26", "--classes", "7", "--with-blocks", "2,2,2,1"),
            ResNetSpec.from_depth(26, num_classes=7),
            ResNetSpec(block="basic", blocks=(2, 2, 2, 1), num_classes=7),
        ),
        (
            ("--zero-init-residual", "--with-no-zero-init-residual", "--with-dilations", "1,1,2,4"),
            ResNetSpec(zero_init_residual=True),
            ResNetSpec(dilations=(1, 1, 2, 4)),
        ),
    ],
)
def test_which_networks_are_compared(
    words: tuple[str, ...], first: ResNetSpec, second: ResNetSpec
) -> None:
    text = run("compare", *words, "--input", "3x64x65", "--format", "json", "--batch", "2")
    document = json.loads(text)
    size = {"batch": 2, "channels": 3, "height": 64, "width": 65}
    for name, spec in (("reference", first), ("here", second)):
        assert ResNetSpec.from_dict(document[name]["spec"]) == spec
        assert document[name]["input"] == size
    assert document["schema"] == 1


def test_compare_as_csv_lists_what_is_asked_for() -> None:
    words = ("compare", *CONTRACT, "--with-classes", "10", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(run(*words))))
    assert [row["path"] for row in rows] == ["fc"]
    every = list(csv.DictReader(io.StringIO(run(*words, "--all"))))
    assert [row["path"] for row in every] == [
        row.path for row in profile(PRESETS["resnet18"]).layers
    ]


def test_coach_says_what_the_library_says() -> None:
    words = ("--model", "resnet18", "--input", "1x32x30", "--batch", "2", "--training")
    text = run("coach", *words, "--memory", "0.5", "--optimizer", "adam", "--weights-channels", "3")
    spec = ResNetSpec(block="basic", blocks=(2, 2, 2, 2), in_channels=1)
    conditions = Conditions(weights_channels=3, memory_bytes=2**29, training=True, optimizer="adam")
    size = InputSpec(32, 30, batch=2, channels=1)
    assert text == advice_text.text(diagnose(spec, size, conditions=conditions))
    assert run("coach", *CONTRACT) == "Nothing to mend.\n"


def test_code_is_the_librarys_and_runs(tmp_path: Path) -> None:
    words = ("--depth", "10", "--base-width", "4", "--classes", "3", "--input", "2x20x20")
    text = run("code", *words)
    spec = ResNetSpec.from_depth(10, base_width=4, num_classes=3, in_channels=2)
    assert text == generate(spec, at(20, 20, 2))
    ast.parse(text)
    run("code", *words, "--out", str(tmp_path / "net.py"))
    assert (tmp_path / "net.py").read_text(encoding="utf-8") == text


def test_weights_are_written_for_the_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "w.safetensors"
    words = ["--depth", "10", "--base-width", "4", "--classes", "3", "--input", "1x9x9"]
    assert main(["weights", *words, "--weights", "random:3", "--out", str(out)]) == 0
    expected = build_model(
        ResNetSpec.from_depth(10, base_width=4, num_classes=3, in_channels=1), seed=3
    ).state_dict()
    written = load_file(out)
    assert written.keys() == expected.keys()
    assert all(torch.equal(written[key], expected[key]) for key in expected)
    assert capsys.readouterr().err.strip()


def test_what_fits_of_another_networks_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = ResNetSpec(block="basic", blocks=(1,), base_width=4, num_classes=3)
    given = build_model(theirs, seed=3).state_dict()
    save_file(given, tmp_path / "theirs.safetensors")
    out, image = tmp_path / "w.safetensors", tmp_path / "photo.png"
    Image.new("RGB", (9, 9)).save(image)
    network = ["--block", "basic", "--blocks", "2", "--base-width", "4", "--classes", "3"]
    network += ["--input", "3x9x9", "--weights", str(tmp_path / "theirs.safetensors")]
    maps = ["--image", str(image), "--layer", "layer1.1", "--out", str(tmp_path / "maps")]
    for words in (["weights", *network, "--out", str(out)], ["activations", *network, *maps]):
        assert main(words) == 2
        assert "keep what fits" in capsys.readouterr().err
        assert main([*words, "--partial"]) == 0
    expected = build_model(replace(theirs, blocks=(2,)), seed=0).state_dict() | given
    written = load_file(out)
    assert written.keys() == expected.keys()
    assert all(torch.equal(written[key], expected[key]) for key in expected)
    listed = json.loads((tmp_path / "maps" / "activations.json").read_text(encoding="utf-8"))
    assert listed["receipt"] == "20 of 30 tensors kept, 10 initialised anew"


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "--with-input", "3x0x3"],
        ["compare", "--with-stem", "large"],
        ["compare", "--format", "svg"],
        ["compare", "--strides", "1,2"],
        ["coach", "--memory", "-1"],
        ["coach", "--memory", "nan"],
        ["coach", "--optimizer", "lion"],
        ["coach", "--weights-channels", "0"],
        ["code", "--dilations", "1,x"],
        ["weights", "--weights", "nowhere.pth", "--out", "w.safetensors"],
        ["weights", "--out", "w.pth"],
        ["weights", "--first-conv", "fold", "--out", "w.safetensors"],
    ],
    ids=" ".join,
)
def test_refusals_are_one_sentence(
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    printed, said = capsys.readouterr()
    assert printed == ""
    assert said.endswith(".\n")
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())
