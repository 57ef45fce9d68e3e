"""The documentation: it builds without a warning, its examples run, and what it names exists."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks import report
from resnet_viz.cli import main
from resnet_viz.images import sample_bytes
from scripts import draw_architecture

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))


def _blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)


def _commands(page: Path) -> list[str]:
    text = "\n".join(_blocks(page, "")).replace("\\\n", " ")
    return re.findall(r"^resnet-viz (?!app|COMMAND)(.+)$", text, re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an image, in which examples run."""
    (tmp_path / "cat.jpg").write_bytes(sample_bytes("chelsea"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for page in ("index", "cli/index", "api/costs/index", "checks/index", "benchmarks/index"):
        assert (tmp_path / f"{page}.html").stat().st_size > 1000
    home = (tmp_path / "index.html").read_text(encoding="utf-8")
    loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?://[^\"]+)", home)
    assert [url for url in loaded if "canonical" not in url] == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if _blocks(page, "python")], ids=lambda page: page.stem
)
def test_python_examples_run(page: Path, folder: Path) -> None:
    names: dict[str, Any] = {}
    for block in _blocks(page, "python"):
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("page", [page for page in PAGES if _commands(page)], ids=lambda p: p.stem)
def test_commands_run(page: Path, folder: Path) -> None:
    for command in _commands(page):
        # Nothing is downloaded in a test.
        words = shlex.split(command.replace("--weights imagenet", "--weights random:0"))
        assert main(words) == 0, command


def test_named_tests_exist() -> None:
    text = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) > 20
    missing = []
    for path, name in named:
        file = ROOT / path
        functions = (
            {
                node.name
                for node in ast.parse(file.read_text(encoding="utf-8")).body
                if isinstance(node, ast.FunctionDef)
            }
            if file.is_file()
            else set()
        )
        if name not in functions:
            missing.append(f"{path}::{name}")
    assert missing == []


def test_the_drawing_shows_the_imports() -> None:
    svg = ET.fromstring(draw_architecture.DRAWING.read_bytes())
    titles = {
        str(title.text)
        for group in svg.iter("{http://www.w3.org/2000/svg}g")
        if group.get("class") == "edge"
        for title in group.findall("{http://www.w3.org/2000/svg}title")
    }
    assert titles == {f"{room}->{imported}" for room, imported in draw_architecture.arrows()}


def test_the_contract_names_every_parameter_and_preset() -> None:
    from resnet_viz import PRESETS
    from resnet_viz.ui.state.choice import LINK_KEYS

    text = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w]+)`", text))
    assert {*LINK_KEYS, *PRESETS} <= named


def test_the_page_of_benchmarks_is_that_of_the_last_run() -> None:
    assert report.PAGE.read_text(encoding="utf-8") == report.page(report.load())
