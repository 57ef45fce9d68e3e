"""The wheel, installed outside the checkout: its files, its command line and its web app."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from scripts.browser_harness import ROOT, chromium, serving, visit

pytestmark = pytest.mark.xdist_group("wheel")

BINARIES = "Scripts" if os.name == "nt" else "bin"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that has the wheel.

    The dependencies are those of this environment; nothing is downloaded.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = folder / BINARIES / "python"
    own = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    (Path(own) / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"),
            *("--no-deps", "--no-index", "--force-reinstall", str(wheel)),
        ],
        check=True,
        capture_output=True,
    )
    return python.parent


def outside(folder: Path, *command: str | Path) -> str:
    """What a command prints that runs in `folder`, without this process's import path."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_has_every_file_of_the_checkout(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "resnet_viz").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != ".DS_Store"
    }
    app = {f"resnet_viz/webapp/pages/{path.name}" for path in (ROOT / "pages").glob("*.py")}
    app |= {"resnet_viz/webapp/app.py", "resnet_viz/webapp/.streamlit/config.toml"}
    assert packed == package | app
    endings = {Path(name).suffix for name in packed}
    assert endings >= {".py", ".pyi", ".typed", ".html", ".css", ".js", ".txt", ".safetensors"}


def test_the_library_is_imported_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import resnet_viz; print(resnet_viz.__file__)"
    imported = Path(outside(tmp_path, installed / "python", "-c", code).strip())
    assert imported.is_relative_to(installed.parent)


def test_the_console_script_profiles_a_network(installed: Path, tmp_path: Path) -> None:
    arguments = ("profile", "--model", "resnet50", "--input", "3x224x224", "--format", "json")
    report = json.loads(outside(tmp_path, installed / "resnet-viz", *arguments))
    assert report["totals"]["params"] == 25_557_032
    assert report["totals"]["macs"] == 4_089_184_256


def test_the_console_script_has_every_command(installed: Path, tmp_path: Path) -> None:
    ours = outside(tmp_path, installed / "resnet-viz", "--help")
    assert ours == outside(ROOT, sys.executable, "-m", "resnet_viz", "--help")
    assert "\n  app " in ours


@pytest.fixture(scope="module")
def page(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, str]]:
    """A browser's page, and the address of the app that `resnet-viz app` serves."""
    folder = tmp_path_factory.mktemp("elsewhere")
    start = (str(installed / "resnet-viz"), "app")
    with serving(start=start, folder=folder) as address, chromium() as browser:
        yield browser.new_page(color_scheme="light"), address


@pytest.mark.browser
@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "pages").glob("*.py")))
def test_the_app_of_the_wheel_shows_its_pages(page: tuple[Page, str], name: str) -> None:
    tab, address = page
    visit(tab, address, f"/{name}?model=resnet18")
    expect(tab.get_by_role("heading", level=1)).to_have_text(name.replace("_", " ").capitalize())


@pytest.mark.browser
def test_the_app_of_the_wheel_has_the_settings(page: tuple[Page, str]) -> None:
    tab, address = page
    visit(tab, address)
    # The theme's secondary background, which is not Streamlit's own.
    expect(tab.get_by_test_id("stSidebar")).to_have_css("background-color", "rgb(243, 245, 248)")
