"""Read and write lists of one number per stage, such as ``3,4,6,3``."""

from __future__ import annotations

from collections.abc import Iterable

from resnet_viz.network.validation import parse_integer

__all__ = ["join", "parse_blocks", "parse_stages", "stages_text"]


def join(blocks: Iterable[int]) -> str:
    """Return numbers separated by commas: ``3,4,6,3``."""
    return ",".join(str(count) for count in blocks)


def parse_blocks(text: str) -> tuple[int, ...]:
    """Blocks per stage from text such as ``3,4,6,3``.

    Raises:
        SpecError: Something between the commas is not a whole number.
    """
    return _numbers("each number of blocks", text)


def parse_stages(name: str, text: str) -> tuple[int, ...] | None:
    """Strides or dilations per stage from text such as ``1,2,2,1``; None where there is none.

    Raises:
        SpecError: Something between the commas is not a whole number.
    """
    return _numbers(f"each of {name}", text) if text.strip() else None


def stages_text(numbers: tuple[int, ...] | None) -> str:
    """The text that `parse_stages` reads; empty for None."""
    return join(numbers or ())


def _numbers(name: str, text: str) -> tuple[int, ...]:
    return tuple(parse_integer(name, part) for part in text.strip().strip("[]()").split(","))
