"""Counts, ratios and lists as the words of a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

__all__ = ["amount", "listed", "multiple", "multiple_of", "number", "share_text"]

_LARGEST_DENOMINATOR: Final = 1000  # a smaller share is written in percent
_WORDS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def amount(count: int, noun: str) -> str:
    """A number with its noun: ``one value``, ``eight zeros``, ``40 zeros``."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def number(count: int) -> str:
    """A count, as a word below ten."""
    return _WORDS[count] if count < len(_WORDS) else f"{count:,}"


def listed(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def multiple(new: int, old: int) -> str:
    """How many times as much: ``4×``, ``1.31×``, ``1/49`` or ``2.09 %``; never a rounded ``1×``."""
    ratio = Fraction(new, old)
    if ratio.denominator == 1:
        return f"{ratio.numerator:,}×"
    if ratio.numerator == 1 and ratio.denominator <= _LARGEST_DENOMINATOR:
        return f"1/{ratio.denominator}"
    factor, unit = (ratio, "×") if ratio > 1 else (100 * ratio, " %")
    for digits in range(3, 17):
        text = f"{float(factor):.{digits}g}"
        if float(text) not in (1, 100):
            break
    return f"{text}{unit}"


def multiple_of(new: int, old: int, what: str) -> str:
    """`multiple` of a thing: ``4× the MACs``, ``1/49 of the MACs``."""
    text = multiple(new, old)
    return f"{text}{' ' if text.endswith('×') else ' of '}{what}"


def share_text(part: int, whole: int) -> str:
    """A share in percent, rounded neither up to all nor down to nothing."""
    if part in (0, whole):
        return "100 %" if part else "0 %"
    share = 100 * part / whole
    text = next(text for n in range(1, 17) if 0 < float(text := f"{share:.{n}f}") < 100)
    return f"{text} %"
