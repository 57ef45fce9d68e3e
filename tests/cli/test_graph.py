"""``graph``: the drawing of the library, in every format."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from resnet_viz.cli import main
from resnet_viz.costs.profiling import profile
from resnet_viz.network.spec import PRESETS
from resnet_viz.views.graph import network_drawing
from resnet_viz.views.graph.open_parts import Opening
from tests.helpers.running import run


@pytest.mark.parametrize("level", network_drawing.LEVELS)
def test_graph_as_dot(level: str) -> None:
    text = run("graph", "--model", "resnet18", "--level", level)
    assert text == network_drawing.draw(profile(PRESETS["resnet18"]), level).source
    assert text.startswith("digraph")


@pytest.mark.parametrize(
    ("form", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_graph_drawn(
    form: str, magic: bytes, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    words = ("graph", "--model", "resnet18", "--level", "stage", "--format", form)
    assert main(words) == 0
    assert capsysbinary.readouterr().out.startswith(magic)
    file = tmp_path / "graph"
    assert main((*words, "--out", str(file))) == 0
    assert capsysbinary.readouterr().out == b""
    assert file.read_bytes().startswith(magic)


def test_no_binary_file_into_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["graph", "--format", "png"]) == 2
    assert "--out" in capsys.readouterr().err


def test_what_is_open_and_how_it_looks() -> None:
    words = ("--open", "layer1.0,layer4", "--cost", "params", "--dark", "--column")
    text = run("graph", "--model", "resnet18", *words)

    opening = Opening.parse("block", "layer1.0,layer4")
    report = profile(PRESETS["resnet18"])
    assert (
        text == network_drawing.draw(report, opening, dark=True, cost="params", column=True).source
    )
    assert "layer1.0.conv1" in text
    assert "layer4.1" not in text


def test_the_profile_of_what_is_drawn() -> None:
    text = run("graph", "--model", "resnet18", "--format", "json")

    assert text == run("profile", "--model", "resnet18", "--format", "json")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--level", "layer"), "--level must be one of stage, block, op"),
        (("--cost", "time"), "--cost must be one of macs, output_bytes, params"),
        (("--format", "gif"), "--format must be one of"),
        (("--open", "layer1.7"), "no part layer1.7"),
        (("--open", "<b>"), "is written like layer1,layer2.0"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", "--model", "resnet18", *words]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert said in output.err
    assert output.err.count("\n") == 1


def test_an_svg_keeps_its_text_as_text() -> None:
    svg = ElementTree.fromstring(run("graph", "--model", "resnet50", "--format", "svg"))
    texts = {"".join(text.itertext()) for text in svg.iter("{http://www.w3.org/2000/svg}text")}

    assert {"layer1.0", "1×1, 3×3/2, 1×1", "512 × 28 × 28", "stride + channels"} <= texts
    families = {text.get("font-family") for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert families == {"Helvetica,Arial,sans-serif"}
