"""What all tests share: how hypothesis runs, which devices exist, published figures."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

DATA = Path(__file__).parent / "data"

# Tests run side by side, one process a core: threads inside each would only get in the way.
# Set before torch is first imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Streamlit collects garbage after each run of a script: four fifths of a server's work in the
# browser tests, which do not measure memory.
os.environ.setdefault("STREAMLIT_RUNNER_POST_SCRIPT_GC", "false")

# Examples are fresh on each local run; CI repeats the same ones, so that it never flickers.
settings.register_profile(
    "resnet_viz",
    deadline=None,
    database=None,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("resnet_viz")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `device` runs once on each device of this machine."""
    if "device" in metafunc.fixturenames:
        from resnet_viz.network.devices import available_devices

        metafunc.parametrize("device", [device.name for device in available_devices()])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--overwrite", action="store_true", help="write the drawings on file anew (test_golden.py)"
    )


@pytest.fixture(scope="session")
def components() -> Iterator[None]:
    """What is installed is looked through once, as by a server; AppTest does it on each run."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        once = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture(scope="session")
def reference() -> Callable[[str], Any]:
    """Facts and figures of others, by the name of their file in ``tests/data``."""

    @cache
    def load(name: str) -> Any:
        return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))

    return load
