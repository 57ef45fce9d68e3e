"""Write counts, sizes in bytes, percentages and shapes as strings.

Which unit a size in bytes has:

- The size of a tensor, a file or a computation has SI prefixes (powers of 1000): `si` writes
  ``802.8 kB``, ``102.2 MB``, ``4.089 GB``.
- The memory of a device, and what is compared with it, is in GiB (2^30 bytes), the unit
  in which the visitor types it: `gib_text`, `gib_texts`.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final

__all__ = ["GIB", "gib_text", "gib_texts", "percent", "shape_text", "si"]

GIB: Final = 2**30
"""Bytes in one GiB."""

_PREFIXES: Final = ("", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q")
_GIB_DIGITS: Final = 3
_MAX_DIGITS: Final = 17  # enough to tell any two floats apart


def si(value: int, unit: str = "") -> str:
    """Return a count with four significant digits and an SI prefix (powers of 1000).

    ``si(802_816, "B")`` is ``802.8 kB``. Integers from -999 to 999 keep all their digits.

    Args:
        value: The count.
        unit: The unit that follows the prefix, such as ``"B"``.
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


def gib_text(amount: int) -> str:
    """Return a number of bytes in GiB with three significant digits: ``3.80``, without the unit.

    Args:
        amount: Memory, in bytes.
    """
    return _significant(amount / GIB, _GIB_DIGITS)


def gib_texts(free: int, needed: int) -> tuple[str, str]:
    """Return free and needed memory in GiB, without the unit, as two different strings.

    Each has three significant digits, or more where three do not tell the two apart. Free memory
    is written as the visitor types it: ``2``, not ``2.00``.

    Args:
        free: Free memory, in bytes.
        needed: Needed memory, in bytes; not equal to `free`.
    """
    digits = _GIB_DIGITS
    while digits < _MAX_DIGITS and (
        _significant(free / GIB, digits) == _significant(needed / GIB, digits)
    ):
        digits += 1
    left, right = (_significant(amount / GIB, digits) for amount in (free, needed))
    return left.rstrip("0").rstrip(".") if "." in left else left, right


def _significant(value: float, digits: int) -> str:
    """Return a number with that many significant digits and no exponent."""
    if not value:
        return "0"
    power = int(f"{value:.{digits - 1}e}".partition("e")[2])
    return f"{value:.{max(0, digits - 1 - power)}f}"


def percent(share: float | Fraction, decimals: int = 1, max_decimals: int | None = None) -> str:
    """Return a share in percent; only 0 reads as ``0 %``, and only 1 as ``100 %``.

    A share that would round to either is written as a bound: ``percent(0.0001)`` is
    ``< 0.1 %`` and ``percent(0.9999)`` is ``> 99.9 %``. Shares above 1 have no decimals.

    Args:
        share: The share, where 1 is the whole; at least 0. A `Fraction` of two integers is exact.
        decimals: Digits after the point.
        max_decimals: Where `decimals` digits would round to 0 % or 100 %, try more, up to this
            many, before writing a bound. By default `decimals`.
    """
    if share in (0, 1) or share > 1:
        return f"{float(share):.0%}".replace("%", " %")
    last = decimals if max_decimals is None else max_decimals
    for digits in range(decimals, last + 1):
        text = f"{float(100 * share):.{digits}f}"
        if 0 < float(text) < 100:
            return f"{text} %"
    step = Fraction(1, 10**last)
    if share < Fraction(1, 2):
        return f"< {float(step):.{last}f} %"
    return f"> {float(100 - step):.{last}f} %"


def shape_text(sizes: Iterable[int]) -> str:
    """Return sizes joined by a multiplication sign: ``64 × 56 × 56``."""
    return " × ".join(str(size) for size in sizes)
