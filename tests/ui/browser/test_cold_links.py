"""The first visitor of a server follows a link into any page; torch is not there yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from resnet_viz import InputSpec, ResNetSpec
from scripts.browser_harness import serving, settled
from tests.ui.browser.reading import parameters, shown_metrics
from tests.ui.pages.driver import expected_metrics

pytestmark = pytest.mark.browser

LINK = "model=resnet34&h=96&w=64&c=1&classes=7&weights=random%3A3&layer=layer2.0"
SPEC = ResNetSpec(block="basic", blocks=(3, 4, 6, 3), in_channels=1, num_classes=7)

# A server runs this before anything else: torch waits for a file, and says that it does.
_GATE = """
import os, sys, time
from pathlib import Path

class Gate:
    def find_spec(self, name, path=None, target=None):
        if name == "torch" and not Path(os.environ["TORCH_MAY_COME"]).exists():
            Path(os.environ["TORCH_WAS_WANTED"]).touch()
            while not Path(os.environ["TORCH_MAY_COME"]).exists():
                time.sleep(0.05)
        return None

sys.meta_path.insert(0, Gate())
"""


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "Architecture"),
        ("/architecture", "Architecture"),
        ("/layers", "Layers"),
        ("/input_size", "Input size"),
        ("/feature_maps", "Feature maps"),
    ],
)
def test_the_first_visitor_s_link_opens_its_page_in_its_state(
    path: str, title: str, tmp_path: Path, page: Page
) -> None:
    with _gated(tmp_path) as (address, torch):
        page.goto(f"{address}{path}?{LINK}")
        _expect_a_page_without_torch(page, title, torch)

        torch.may_come.touch()
        expect(page.get_by_test_id("stMetric")).to_have_count(6)
        settled(page)
        _assert_it_is_in_its_state(page, f"{address}{path}?", title)

        # And the state goes along from there.
        other = "Layers" if title != "Layers" else "Input size"
        page.get_by_test_id("stSidebar").get_by_role("link", name=other).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(other)
        settled(page)
        assert shown_metrics(page) == expected_metrics(SPEC, InputSpec(96, 64))
        assert parameters(page)["h"] == "96"


class Torch(NamedTuple):
    """Files that tell of the server's import of torch."""

    may_come: Path
    was_wanted: Path


@contextmanager
def _gated(folder: Path) -> Iterator[tuple[str, Torch]]:
    """A server that nobody has visited yet, and that gets torch when it may come."""
    (folder / "sitecustomize.py").write_text(_GATE)
    torch = Torch(folder / "may_come", folder / "was_wanted")
    environment = {
        "PYTHONPATH": str(folder),
        "TORCH_MAY_COME": str(torch.may_come),
        "TORCH_WAS_WANTED": str(torch.was_wanted),
    }
    with serving(environment) as address:
        yield address, torch


def _expect_a_page_without_torch(page: Page, title: str, torch: Torch) -> None:
    """The import hangs in the gate, so all that is seen came without torch."""
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.locator(".st-key-h input")).to_have_value("96")
    expect(page.get_by_role("combobox", name="Network")).to_have_value("ResNet-34")
    expect(page.get_by_test_id("stSpinner")).to_contain_text("Building the network")
    expect(page.get_by_test_id("stMetric")).to_have_count(0)
    assert torch.was_wanted.exists()
    assert not torch.may_come.exists()


def _assert_it_is_in_its_state(page: Page, address: str, title: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    assert shown_metrics(page) == expected_metrics(SPEC, InputSpec(96, 64))
    assert page.url.startswith(address)
    assert parameters(page) == {
        "model": "resnet34",
        "c": "1",
        "classes": "7",
        "h": "96",
        "w": "64",
        "weights": "random:3",
        "layer": "layer2.0",
    }
    for key, value in {"h": "96", "w": "64", "c": "1", "classes": "7"}.items():
        expect(page.locator(f".st-key-{key} input")).to_have_value(value)
    expect(page.locator(".st-key-blocks input")).to_have_value("3,4,6,3")
    expect(page.locator(".st-key-weights input")).to_have_value("random:3")
    expect(page.get_by_role("combobox", name="Network")).to_have_value("ResNet-34")
