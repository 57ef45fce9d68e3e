"""Random weights by name: ``random:<seed>``."""

from __future__ import annotations

from typing import Final

from resnet_viz.errors import WeightsError

__all__ = ["DEFAULT_WEIGHTS", "MAX_SEED", "parse_seed"]

DEFAULT_WEIGHTS: Final = "random:0"
MAX_SEED: Final = 2**32 - 1


def parse_seed(source: str) -> int:
    """The seed of ``random:<seed>``.

    Raises:
        WeightsError: The text has another form, or the seed is out of its limits.
    """
    kind, _, digits = source.partition(":")
    if kind != "random" or not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        raise WeightsError(
            f"Random weights are written random:<seed>, like random:0, not {source[:40]!r}."
        )
    if int(digits) > MAX_SEED:
        raise WeightsError(f"A seed lies between 0 and {MAX_SEED}, not {digits}.")
    return int(digits)
