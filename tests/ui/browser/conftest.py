"""A server, a browser, and pages that tell when something goes wrong behind them.

A browser that does not start fails the tests: it is never skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, WebError, WebSocket

from scripts.browser_harness import HOST, chromium, serving

NewPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """A server that all tests of this process share."""
    with serving() as started:
        yield started


@pytest.fixture(scope="session")
def visitors(browser: Browser) -> list[BrowserContext]:
    """Visitors who have been here before: their browsers have Streamlit's scripts in store.

    To load those for each test anew takes longer than most tests. What makes a visitor known is
    forgotten between tests, and two visitors of one test never share anything.
    """
    return []


@pytest.fixture
def new_page(browser: Browser, visitors: list[BrowserContext]) -> Iterator[NewPage]:
    """Makes the page of a new visitor; at the end, all of them must have behaved.

    No script may have failed, nothing may have been asked of another host, and no page may
    show a traceback.
    """
    here: list[BrowserContext] = []
    problems: list[str] = []

    def notice(kind: str, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname != HOST:
            problems.append(f"{kind} to {url[:200]}")

    def asked(request: Request) -> None:
        notice("request", request.url)

    def connected(socket: WebSocket) -> None:
        notice("socket", socket.url)

    def failed(error: WebError) -> None:
        problems.append(f"page error: {error.error}")

    def make(width: int = 1440, height: int = 900, dark: bool = False) -> Page:
        if len(here) == len(visitors):
            visitors.append(browser.new_context())
        context = visitors[len(here)]
        here.append(context)
        context.on("request", asked)
        context.on("weberror", failed)
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.on("websocket", connected)
        return page

    yield make
    for context in here:
        for page in context.pages:
            problems += _shown_problems(page)
            page.close()
        context.remove_listener("request", asked)
        context.remove_listener("weberror", failed)
        context.set_storage_state({"cookies": [], "origins": []})
    assert problems == []


def _shown_problems(page: Page) -> Iterator[str]:
    if page.get_by_test_id("stException").count():
        yield f"an exception on {page.url}"
    if "Traceback" in page.locator("body").inner_text():
        yield f"a traceback on {page.url}"


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """One visitor's page: wide and light."""
    return new_page()
