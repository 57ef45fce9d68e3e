"""Rows 8 to 10, 13 and 15: the drawing of the graph, and what a visitor waits for, in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pygraphviz
from playwright.sync_api import Page, expect

from benchmarks.harness import agree, alternate
from benchmarks.peers import torchview_graph
from benchmarks.profiles import RESNET152, near
from benchmarks.report import Result, at_least, at_most
from resnet_viz import PRESETS, InputSpec, build_model, profile
from resnet_viz.units import shape_text, si
from resnet_viz.views.graph.network_drawing import draw
from resnet_viz.views.graph.rendering import render
from scripts.browser_harness import chromium, serving, settled, visit

__all__ = ["click", "drawing", "everything_open", "new_height", "new_side"]

EMPTY_PAGE: Final = Path(__file__).parent / "empty_page.py"

# From the visitor's key or click to the first frame in which the page shows what it should, by
# the browser's own clock.
_WATCH: Final = """([selector, text]) => {
  let start = null;
  const begin = () => { start ??= performance.now(); };
  for (const kind of ["keydown", "pointerdown"])
    addEventListener(kind, begin, { capture: true, once: true });
  const roots = () => {
    const found = [document];
    for (const host of document.querySelectorAll("*"))
      if (host.shadowRoot) found.push(host.shadowRoot);
    return found;
  };
  const shown = (selector, text) => roots().some(root =>
    [...root.querySelectorAll(selector)].some(e => e.textContent.trim() === text));
  window.__waited = new Promise(resolve => {
    const look = () => {
      const there = start !== null && selector.every((s, i) => shown(s, text[i]));
      there ? resolve(performance.now() - start) : requestAnimationFrame(look);
    };
    look();
  });
}"""


def drawing(rounds: int) -> Iterator[Result]:
    """Row 8: from a network to the SVG of all its operations; both by the same Graphviz."""
    model = build_model(RESNET152, "meta")

    def ours(number: int) -> bytes:
        return render(draw(profile(RESNET152, near(224, number)), "op"), "svg")

    def theirs(number: int) -> bytes:
        source = torchview_graph(model, near(224, number)).visual_graph.source
        graph = pygraphviz.AGraph(string=source)
        picture: bytes = graph.draw(format="svg", prog="dot")
        graph.close()
        return picture

    def check(mine: bytes, other: bytes) -> None:
        for picture in (mine, other):
            agree("all operations", picture.count(b'class="node"') > 500, True)

    mine, peer = alternate(rounds, check, ours, theirs)
    work = "block graph of ResNet-152, all operations open: DOT, layout, SVG"
    yield Result(work, "torchview on meta, rendered", mine, peer, at_least(3))


def new_height(rounds: int) -> Iterator[Result]:
    """Row 9: a height is typed, until all numbers and the graph are new."""
    with _visitors("/?model=resnet50") as (page, empty):

        def ours(number: int) -> float:
            size = InputSpec(near(300, number).height, 224)
            totals = profile(PRESETS["resnet50"], size).totals
            last = shape_text((2048, *totals.final_grid))
            _watch(
                page,
                ("[data-testid=stMetricValue]", si(totals.macs)),
                ("[data-testid=stMetricValue]", si(totals.activation_bytes, "B")),
                ("g.node[id='layer4.2'] text", last),
            )
            field = page.locator(".st-key-h input")
            field.fill(str(size.height))
            field.press("Enter")
            return _waited(page)

        mine, peer = _in_turns(rounds, ours, lambda number: _slide(empty, number))
        work = "change of height in the browser, to all numbers and the graph new"
        yield Result(work, "empty page with one slider", mine, peer, at_most(2.5))


def new_side(rounds: int) -> Iterator[Result]:
    """Row 15: the slider of the page Input size is moved, until numbers and staircase are new."""
    for panel, name in (("changes", "What changed"), ("map", "Size map"), ("memory", "Memory")):
        link = f"/input_size?model=resnet50&h=300&w=300&lab={panel}"
        with _visitors(link, ".st-key-staircase .annotation") as (page, empty):

            def ours(number: int, page: Page = page) -> float:
                thumb = page.locator(".st-key-side").get_by_role("slider")
                key, step = ("ArrowLeft", -1) if number % 2 else ("ArrowRight", 1)
                side = int(thumb.get_attribute("aria-valuenow") or thumb.input_value()) + step
                totals = profile(PRESETS["resnet50"], InputSpec(side, side)).totals
                _watch(
                    page,
                    ("[data-testid=stMetricValue]", si(totals.macs)),
                    ("[data-testid=stMetricValue]", si(totals.activation_bytes, "B")),
                    (".st-key-staircase .annotation-text", shape_text((side, side))),
                )
                thumb.press(key)
                return _waited(page)

            mine, peer = _in_turns(rounds, ours, partial(_slide, empty))
            work = f"size slider, to all numbers and the staircase new, panel {name}"
            yield Result(work, "empty page with one slider", mine, peer, at_most(2.5))


def click(rounds: int) -> Iterator[Result]:
    """Row 10: a node is clicked, until the inspector shows it."""
    with _visitors("/?model=resnet50") as (page, empty):

        def ours(number: int) -> float:
            path = f"layer{1 + number % 3}.{number % 2}"
            _watch(page, (".st-key-inspector *", path))
            page.locator(f"g.node[id='{path}']").click(position={"x": 20, "y": 12})
            return _waited(page)

        mine, peer = _in_turns(rounds, ours, lambda number: _slide(empty, number))
        work = "click on a node to its inspector"
        yield Result(work, "empty page with one slider", mine, peer, at_most(2))


def everything_open(rounds: int) -> Iterator[Result]:
    """ResNet-152 with all operations open is to be visible a second after the click."""
    with _visitors("/?model=resnet152") as (page, empty):

        def ours(number: int) -> float:
            _choose_level(page, "Blocks", "g.node[id='layer3.1'] text", "× 35")
            fill = 224 + number  # a size never drawn before
            page.locator(".st-key-w input").fill(str(fill))
            page.locator(".st-key-w input").press("Enter")
            expect(page).to_have_url(re.compile(f"w={fill}"))
            settled(page)
            return _choose_level(page, "Operations", "g.node[id='layer4.2.relu3'] text", "relu3")

        mine, peer = _in_turns(rounds, ours, lambda number: _slide(empty, number))
        work = "click that opens all operations of ResNet-152, to the graph (a second is the goal)"
        yield Result(work, "empty page with one slider", mine, peer, at_most(1000 / 84))


def _choose_level(page: Page, name: str, selector: str, text: str) -> float:
    _watch(page, (selector, text))
    page.get_by_role("radio", name=name).click()
    waited = _waited(page)
    settled(page)
    return waited


@contextmanager
def _visitors(link: str, drawn: str = "g.node") -> Iterator[tuple[Page, Page]]:
    """A page of the app, with something drawn, and the empty one, each from a server of its own."""
    with ExitStack() as stack:
        browser = stack.enter_context(chromium())
        pages = []
        for script in (None, EMPTY_PAGE):
            address = stack.enter_context(serving(script=script))
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            if script is None:
                visit(page, address, link)
                expect(page.locator(drawn).last).to_be_attached()
            else:
                page.goto(address)
                expect(page.get_by_text("Height 224")).to_be_visible()
            pages.append(page)
        yield pages[0], pages[1]


def _slide(empty: Page, number: int) -> float:
    """The slider is moved by one, until the page says so."""
    thumb = empty.get_by_role("slider")
    key, step = ("ArrowLeft", -1) if number % 2 else ("ArrowRight", 1)
    wanted = int(thumb.input_value()) + step
    _watch(empty, ("[data-testid=stMarkdownContainer] p", f"Height {wanted}"))
    thumb.press(key)
    return _waited(empty)


def _watch(page: Page, *marks: tuple[str, str]) -> None:
    """Start the clock at the next key or click; stop when each selector shows its text."""
    settled(page)
    page.evaluate(_WATCH, [[selector for selector, _ in marks], [text for _, text in marks]])


def _waited(page: Page) -> float:
    """Milliseconds by the browser's clock."""
    return float(page.evaluate("window.__waited"))


def _in_turns(rounds: int, *works: Callable[[int], float]) -> list[list[float]]:
    """The milliseconds that each work says it took, the works taking turns; the first is off."""
    times: list[list[float]] = [[] for _ in works]
    for number in range(-1, rounds):
        for work, measured in zip(works, times, strict=True):
            taken = work(number + 2)
            if number >= 0:
                measured.append(taken)
    return times
