"""AppTest for what pages are made of."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _components(components: None) -> None:
    """Each run of AppTest finds what is installed without looking for it again."""
