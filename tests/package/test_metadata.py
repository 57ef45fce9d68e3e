"""The metadata of the package: its ranges, its extras, and the pinned requirements."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import resnet_viz
from scripts.browser_harness import ROOT


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(table["project"])


def pinned() -> dict[str, str]:
    """The versions of requirements.txt by the canonical name of the package."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    found = [re.match(r"([\w.-]+)==(\S+)", line) for line in lines]
    return {canonicalize_name(each[1]): each[2] for each in found if each}


def ranges(project: dict[str, Any]) -> dict[str, Requirement]:
    extras = project["optional-dependencies"].values()
    listed = [*project["dependencies"], *(line for extra in extras for line in extra)]
    requirements = [Requirement(line) for line in listed]
    return {canonicalize_name(each.name): each for each in requirements}


def test_each_dependency_has_a_range_and_a_pinned_version(project: dict[str, Any]) -> None:
    assert ranges(project).keys() == pinned().keys()


def test_the_pinned_versions_are_within_the_ranges(project: dict[str, Any]) -> None:
    requirements = ranges(project)
    outside = [
        f"{name}=={version} is not {requirements[name].specifier}"
        for name, version in pinned().items()
        if version not in requirements[name].specifier
    ]
    assert outside == []


def test_torch_has_the_fix_of_its_loader(project: dict[str, Any]) -> None:
    torch = ranges(project)["torch"].specifier
    assert "2.9.1" not in torch
    assert "2.10.0" in torch


def test_the_version_stands_in_one_place(project: dict[str, Any]) -> None:
    assert "version" not in project
    assert re.fullmatch(r"\d+\.\d+\.\d+", resnet_viz.__version__)
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {resnet_viz.__version__}" in changes


def test_the_command_line_needs_nothing_of_the_web_app(project: dict[str, Any]) -> None:
    absent = [Requirement(line).name for line in project["optional-dependencies"]["app"]]
    code = """if True:
        import json, sys
        sys.modules.update(dict.fromkeys(json.loads(sys.argv[1])))  # cannot be imported
        from resnet_viz.cli import main
        small = ["--blocks", "1,1", "--base-width", "4", "--input", "3x32x32"]
        assert main(["profile", *small]) == 0
        assert main(["graph", *small, "--format", "dot"]) == 0
        assert main(["compare", *small, "--with-input", "3x64x64"]) == 0
        assert main(["code", *small]) == 0
        sys.exit(main(["app"]))
    """
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(absent)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr == (
        "The web app needs Streamlit and Plotly, which are not installed; install them with "
        'pip install "resnet-viz[app]".\n'
    )
