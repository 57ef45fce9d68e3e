"""The app in a server of its own, and a browser to look at it.

Used by the browser tests and by ``scripts/screenshots.py``.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT: Final = Path(__file__).resolve().parents[1]
HOST: Final = "127.0.0.1"

_START_SECONDS: Final = 60.0
# Debian's; without the windows that nobody sees, a page takes half the time.
_CHROMIUMS: Final = ("chromium-headless-shell", "chromium")
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-software-rasterizer",  # nor one that is imitated, at the cost of a tenth
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Two cores may run two servers and two browsers.
expect.set_options(timeout=30_000)


@contextmanager
def serving(
    environment: Mapping[str, str] | None = None,
    script: Path | None = None,
    *,
    start: Sequence[str] = (),
    folder: Path = ROOT,
) -> Iterator[str]:
    """A server that nobody has visited yet; its address.

    Args:
        environment: Variables beside those of this process.
        script: What it runs; the app if nothing is said.
        start: The command that starts the server, in place of ``streamlit run`` with `script`.
        folder: The working directory of the server.

    Raises:
        RuntimeError: It does not start; the text ends with what it printed.
    """
    port = _free_port()
    address = f"http://{HOST}:{port}"
    command = [
        *(start or (sys.executable, "-m", "streamlit", "run", str(script or "app.py"))),
        "--server.headless=true",
        f"--server.address={HOST}",
        f"--server.port={port}",
    ]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | dict(environment or {}),
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            if not _healthy(process, f"{address}/_stcore/health"):
                log.seek(0)
                raise RuntimeError(f"streamlit did not start:\n{log.read()[-4000:]}")
            yield address
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _healthy(process: subprocess.Popen[bytes], url: str) -> bool:
    """Whether the server answers before time is up, and is the one that we started."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return process.poll() is None
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium: that of the variable ``CHROMIUM``, else Debian's, else Playwright's own."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _CHROMIUMS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def settled(page: Page) -> None:
    """Wait until the script has run and nothing is being computed.

    A run that a click has only just asked for is not seen yet: first expect what it shows.
    """
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSpinner")).to_have_count(0)
    # Elements of the run before stay, pale, until the new ones stand in their places.
    expect(page.locator("[data-stale=true]")).to_have_count(0)


def visit(page: Page, address: str, link: str = "/") -> None:
    """Open a link of the app and wait until its page is there."""
    page.goto(address + link)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".st-key-metrics").get_by_test_id("stMetric")).to_have_count(6)
    settled(page)
