"""Amounts of memory as the coach writes them, in the unit in which memory is typed: GiB."""

from __future__ import annotations

from typing import Final

__all__ = ["gib_text", "gib_texts"]

_GIB: Final = 2**30
_DIGITS: Final = 3
_MOST_DIGITS: Final = 17  # tell any two floats apart


def gib_text(amount: int) -> str:
    """Bytes in GiB, without the unit, with three significant digits: ``3.80``."""
    return _fixed(amount / _GIB, _DIGITS)


def gib_texts(free: int, needed: int) -> tuple[str, str]:
    """What is free and what is needed, in bytes, both in GiB and never the same text.

    Three significant digits each, more where those do not tell the two apart; what is free is
    written as it is typed, ``2`` and not ``2.00``.
    """
    digits = _DIGITS
    while digits < _MOST_DIGITS and _fixed(free / _GIB, digits) == _fixed(needed / _GIB, digits):
        digits += 1
    left, taken = (_fixed(amount / _GIB, digits) for amount in (free, needed))
    return left.rstrip("0").rstrip(".") if "." in left else left, taken


def _fixed(value: float, digits: int) -> str:
    """A number with so many significant digits, and no exponent."""
    if not value:
        return "0"
    power = int(f"{value:.{digits - 1}e}".partition("e")[2])
    return f"{value:.{max(0, digits - 1 - power)}f}"
