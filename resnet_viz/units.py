"""Numbers and shapes as people write them: ``25.56 M``, ``802.8 kB``, ``64 × 56 × 56``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["shape_text", "si"]

_PREFIXES: Final = ("", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q")


def si(value: int, unit: str = "") -> str:
    """A count with four significant digits and an SI prefix (powers of 1000).

    Args:
        value: The count; exact integers below 1000 keep all their digits.
        unit: What follows the prefix, such as ``"B"``.
    """
    size = abs(value)
    power = 0
    # 999,950 rounds to 1.000 M, not to 1000 k.
    while power < len(_PREFIXES) - 1 and float(f"{size / 1000**power:.4g}") >= 1000:
        power += 1
    if power == 0:
        return f"{value} {unit}".rstrip()
    scaled = value / 1000**power
    decimals = 3 - len(str(int(float(f"{abs(scaled):.4g}")))) + 1
    return f"{scaled:.{decimals}f} {_PREFIXES[power]}{unit}"


def shape_text(sizes: Iterable[int]) -> str:
    """Sizes joined by a multiplication sign, the batch left to the caller."""
    return " × ".join(str(size) for size in sizes)
