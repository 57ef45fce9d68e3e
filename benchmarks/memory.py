"""Row 12: what the server holds after many pictures and networks, beside a few."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Final

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import Browser, expect

from benchmarks.report import Result, at_most
from resnet_viz.network.spec import preset_input
from scripts.browser_harness import chromium, serving, settled, visit

__all__ = ["many_visits"]

# Presets that a page runs in a second or so, and each at two sizes.
_NETWORKS: Final = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet20"),
    *("resnet32", "resnet44", "resnet56", "resnet110", "resnext50_32x4d"),
)
_FEW: Final = 5
_PICTURES: Final = 100
_ARCHITECTURES: Final = 20


def many_visits(rounds: int) -> Iterator[Result]:
    """Resident memory after 100 pictures on 20 architectures, beside 5 on 5; one round."""
    del rounds  # each takes minutes, and a server that has seen much is not seen anew
    architectures = [
        (name, preset_input(name).height + more) for more in (0, 16) for name in _NETWORKS
    ]
    with serving() as address, chromium() as browser:
        for number, (name, side) in enumerate(architectures[:_FEW]):
            _see(browser, address, number, name, side)
        few = _resident_bytes()
        order = islice(cycle(architectures[:_ARCHITECTURES]), _PICTURES)
        for number, (name, side) in enumerate(order, start=_FEW):
            _see(browser, address, number, name, side)
        many = _resident_bytes()
    work = f"memory after {_PICTURES} pictures and {_ARCHITECTURES} architectures"
    yield Result(work, f"after {_FEW} of each", [many / 1e6], [few / 1e6], at_most(1.2), "MB")


def _see(browser: Browser, address: str, number: int, name: str, side: int) -> None:
    """A visitor uploads a picture that nobody has seen, looks at its maps, and leaves."""
    noise = np.random.default_rng(number).integers(0, 256, (64 + number, 96, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((480, 320 + number)).save(file, "JPEG")
    page = browser.new_page()
    visit(page, address, f"/feature_maps?model={name}&h={side}&w={side}")
    page.locator(".st-key-picture input[type=file]").set_input_files(
        {"name": "picture.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}
    )
    expect(page.get_by_text(f"from JPEG, {320 + number} × 480")).to_be_visible()
    settled(page)
    page.close()


def _resident_bytes() -> int:
    """Of the server, the one child of this process that runs Streamlit."""
    (server,) = [
        child for child in psutil.Process().children() if "streamlit" in " ".join(child.cmdline())
    ]
    return int(server.memory_info().rss)
