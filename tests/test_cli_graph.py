"""``graph``: the drawing of the library, in every format."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from resnet_viz.cli import main
from resnet_viz.profile import profile
from resnet_viz.spec import PRESETS
from resnet_viz.views import dot
from tests.running import run


@pytest.mark.parametrize("level", dot.LEVELS)
def test_graph_as_dot(level: str) -> None:
    text = run("graph", "--model", "resnet18", "--level", level)
    assert text == dot.draw(profile(PRESETS["resnet18"]), level=level).source
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
