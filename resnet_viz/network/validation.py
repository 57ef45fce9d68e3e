"""Checks of single values, each refusing with one sentence."""

from __future__ import annotations

from collections.abc import Iterable

from resnet_viz.errors import SpecError, shown

__all__ = ["choice", "integer", "parse_integer", "put"]


def put(owner: object, name: str, value: object) -> None:
    """Set a field of a frozen dataclass while it is being made."""
    object.__setattr__(owner, name, value)


def integer(name: str, value: object, low: int, high: int) -> int:
    """`value` as an int within bounds, or a `SpecError` that names the limits."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise SpecError(f"{name} must be a whole number from {low} to {high}, not {shown(value)}.")
    number = value.__index__()
    if not low <= number <= high:
        nearest = min(max(number, low), high)
        raise SpecError(
            f"{name} must lie between {low} and {high}, not {shown(number)}; "
            f"the nearest allowed value is {nearest}."
        )
    return int(number)


def choice(name: str, value: object, allowed: Iterable[str]) -> str:
    """`value` if it is among the allowed ones, or a `SpecError` that lists them."""
    options = tuple(allowed)
    if not isinstance(value, str) or value not in options:
        listed = ", ".join(repr(option) for option in options)
        raise SpecError(f"{name} must be one of {listed}, not {shown(value)}.")
    return value


def parse_integer(name: str, text: str) -> int:
    """A whole number in plain digits, without a sign, or a `SpecError`."""
    # ASCII only, and short: int() would take '１２', '1_000' and megabytes of digits.
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise SpecError(f"{name} must be a whole number, not {text[:40]!r}.")
    return int(digits)
