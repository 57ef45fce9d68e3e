"""Real screenshots of the app, for the README: ``python scripts/screenshots.py``.

Starts the app on a free port of this machine, visits it with Chromium (see
``scripts/browser_harness.py``) and writes PNG files to ``docs/screenshots/``:

- ``architecture.png``, ``layers.png``, ``feature_maps.png``, ``prediction.png``: 1440 x 900,
  light; ``input_size.png``, ``size_map.png`` and ``memory.png`` taller, so that the panel shows;
- ``architecture_dark.png``: 1440 x 900, dark, with an operation in focus;
- ``architecture_narrow.png``: 390 x 844, light;
- ``feature_maps_narrow_dark.png``: 390 x 844, dark.

A file that would exceed 300 kB gets coarser colours. ``tour.gif`` is a recording of a visit, one
frame for each step. A page on which something is stale or still loading is not taken: the script
fails.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, expect

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.browser_harness import chromium, serving, settled, visit  # noqa: E402

FOLDER: Final = ROOT / "docs" / "screenshots"
MOST_BYTES: Final = 300_000


class Shot(NamedTuple):
    """A picture to take: its file, the page's link, the window, and what is clicked before."""

    name: str
    link: str
    width: int = 1440
    height: int = 900
    dark: bool = False
    clicks: tuple[str, ...] = ()


TRAINED: Final = "model=resnet20&classes=12&h=64&w=64&weights=patterns"

SHOTS: Final = (
    Shot("architecture", "/?model=resnet50"),
    Shot("layers", "/layers?model=resnet50"),
    Shot("input_size", "/input_size?model=resnet18&h=32&w=32&batch=32", height=1200),
    Shot("size_map", "/input_size?model=resnet50&h=200&w=320&lab=map", height=1520),
    Shot("memory", "/input_size?model=resnet50&batch=16&lab=memory", height=1440),
    Shot("feature_maps", f"/feature_maps?{TRAINED}&layer=layer3.2"),
    Shot(
        "prediction",
        f"/feature_maps?{TRAINED}&layer=layer3.2",
        clicks=("Prediction",),
    ),
    Shot("architecture_dark", "/?model=resnet50&open=layer2.0&layer=layer2.0.conv2", dark=True),
    Shot("architecture_narrow", "/?model=resnet18", 390, 844),
    Shot("feature_maps_narrow_dark", "/feature_maps?model=resnet50", 390, 844, dark=True),
)


def take(browser: Browser, address: str, shot: Shot) -> bytes:
    """One screenshot as the bytes of a PNG file."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme="dark" if shot.dark else "light",
        device_scale_factor=1,
    )
    page = context.new_page()
    visit(page, address, shot.link)
    for name in shot.clicks:  # panels of Feature maps
        page.get_by_role("radio", name=name).click()
        expect(page.get_by_role("radio", name=name)).to_be_checked()
        expect(page.get_by_text("Grad-CAM of")).to_be_visible()  # so the run has begun and ended
        settled(page)
    if shot.link.startswith("/?"):
        expect(page.locator("g.node").last).to_be_attached()
    _expect_complete(page)
    raw = page.screenshot(animations="disabled")
    context.close()
    return _small(Image.open(io.BytesIO(raw)).convert("RGB"))


def record(browser: Browser, address: str) -> bytes:
    """A visit as an animated GIF: what a newcomer does in the first minute."""
    page = browser.new_page(viewport={"width": 1200, "height": 750}, color_scheme="light")
    frames: list[Image.Image] = []

    def frame() -> None:
        _expect_complete(page)
        raw = page.screenshot(animations="disabled")
        frames.append(Image.open(io.BytesIO(raw)).convert("RGB").resize((900, 562)))

    visit(page, address, "/?model=resnet18")
    expect(page.locator("g.node").last).to_be_attached()
    frame()
    page.locator("g.node[id='layer2.0']").click(position={"x": 14, "y": 8})
    expect(page.locator(".st-key-inspector")).to_contain_text("layer2.0")
    settled(page)
    frame()
    page.locator("[data-key='layer2.0']").click()
    expect(page.locator("g.node[id='layer2.0.downsample.1']")).to_be_visible()
    settled(page)
    frame()
    for link in (
        "/input_size?model=resnet18&h=32&w=32",
        "/input_size?model=resnet18&stem=small&h=32&w=32",
        f"/feature_maps?{TRAINED}&layer=layer2.2",
        f"/feature_maps?{TRAINED}&layer=layer3.2",
    ):
        visit(page, address, link)
        frame()
    page.close()
    palette = [each.quantize(128, dither=Image.Dither.NONE) for each in frames]
    data = io.BytesIO()
    palette[0].save(
        data, "GIF", save_all=True, append_images=palette[1:], duration=1800, loop=0, optimize=True
    )
    return data.getvalue()


def _expect_complete(page: Page) -> None:
    """Wait until nothing is stale or loading; raises where something stays so."""
    settled(page)
    # What Streamlit loads when it is first needed: charts, tables, buttons.
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    for picture in page.get_by_role("img").and_(page.locator("img")).all():
        picture.evaluate("image => image.decode()")
    page.evaluate("document.fonts.ready.then(() => true)")
    settled(page)
    expect(page.locator("[data-stale=true]")).to_have_count(0)


def _small(picture: Image.Image) -> bytes:
    """With as many bits a colour as the limit allows."""
    for bits in (8, 7, 6, 5):
        data = io.BytesIO()
        ImageOps.posterize(picture, bits).save(data, "PNG", optimize=True)
        if data.tell() <= MOST_BYTES:
            break
    return data.getvalue()


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with serving() as address, chromium() as browser:
        tour = record(browser, address)
        (FOLDER / "tour.gif").write_bytes(tour)
        print(f"tour.gif  {len(tour):,} bytes")
        for shot in SHOTS:
            data = take(browser, address, shot)
            if len(data) > MOST_BYTES:
                raise SystemExit(f"{shot.name}.png has {len(data):,} bytes; keep it smaller.")
            (FOLDER / f"{shot.name}.png").write_bytes(data)
            print(f"{shot.name}.png  {len(data):,} bytes")


if __name__ == "__main__":
    main()
