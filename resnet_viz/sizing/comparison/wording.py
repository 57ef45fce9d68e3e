"""Counts, ratios and lists as the words of a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

__all__ = [
    "amount",
    "apart",
    "listed",
    "multiple",
    "multiple_of",
    "noun",
    "number",
    "sentence",
    "share_text",
]

_LEAST_PERCENT: Final = 0.001  # what is nearer to nothing, or to all, is not told in digits
_WORDS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def amount(count: int, singular: str) -> str:
    """A number with its noun: ``one value``, ``eight zeros``, ``40 zeros``."""
    return f"{number(count)} {noun(count, singular)}"


def noun(count: int, singular: str) -> str:
    """A noun behind its number: ``picture`` for one, else ``pictures``."""
    return singular if count == 1 else f"{singular}s"


def number(count: int) -> str:
    """A count, as a word below ten."""
    return _WORDS[count] if count < len(_WORDS) else f"{count:,}"


def listed(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def apart(parts: Sequence[str]) -> str:
    """`listed`, but with semicolons where a part is a list or a range itself."""
    compound = any(f" {word} " in part for part in parts for word in ("and", "to"))
    return "; ".join(parts) if compound else listed(parts)


def sentence(text: str) -> str:
    """A text with a capital first letter and a full stop."""
    return f"{text[0].upper()}{text[1:]}."


def multiple(new: int, old: int) -> str:
    """How many times as much: ``4×``, ``1.31×``, ``1/49`` or ``2.09 %``; never a rounded ``1×``.

    Three digits, from 1,000 on all before the point; shares too small for that are ``less than
    0.001 %``.
    """
    ratio = Fraction(new, old)
    if ratio.denominator == 1 or float(ratio) >= 999.5:  # three digits would make 1e+03 of it
        return f"{round(ratio):,}×"
    if ratio.numerator == 1:
        return f"1/{ratio.denominator:,}"
    factor, unit = (ratio, "×") if ratio > 1 else (100 * ratio, " %")
    if factor < _LEAST_PERCENT:
        return f"less than {_LEAST_PERCENT} %"
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
    """A share in percent, rounded neither up to all nor down to nothing.

    ``less than 0.001 %`` and ``more than 99.999 %`` are as near as it comes to either.
    """
    if part in (0, whole):
        return "100 %" if part else "0 %"
    share = 100 * part / whole
    if share < _LEAST_PERCENT:
        return f"less than {_LEAST_PERCENT} %"
    if share > 100 - _LEAST_PERCENT:
        return f"more than {100 - _LEAST_PERCENT} %"
    text = next(text for n in range(1, 4) if 0 < float(text := f"{share:.{n}f}") < 100)
    return f"{text} %"
