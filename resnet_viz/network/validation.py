"""Check single values; each check raises a `SpecError` of one sentence."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any, cast

from resnet_viz.errors import SpecError, short_repr

__all__ = ["as_integer", "as_string", "as_tuple", "choice", "integer", "parse_integer", "put"]


def put(owner: object, name: str, value: object) -> None:
    """Set a field of a frozen dataclass while it is being initialised."""
    object.__setattr__(owner, name, value)


def as_integer(value: object) -> int | None:
    """Return `value` as an int, or None if it is not an integer; True and False are not."""
    if isinstance(value, bool):
        return None
    try:
        return int(operator.index(cast(Any, value)))
    except Exception:  # __index__ may raise anything: a NumPy array of floats raises TypeError
        return None


def as_string(value: object) -> str:
    """Return `value` if it is a string, else a short string that shows it in a message."""
    return value if isinstance(value, str) else short_repr(value)


def as_tuple(value: object) -> tuple[Any, ...] | None:
    """Return the elements of `value`, or None if it cannot be iterated or is a string."""
    if isinstance(value, str | bytes):
        return None
    try:
        return tuple(cast(Iterable[Any], value))
    except Exception:  # iteration may raise anything: a NumPy array of no axes raises TypeError
        return None


def integer(name: str, value: object, low: int, high: int) -> int:
    """Return `value` as an int.

    Args:
        name: The name of the field, for the message.
        value: Any object.
        low: The minimum.
        high: The maximum.

    Raises:
        SpecError: `value` is not an integer from `low` to `high`.
    """
    number = as_integer(value)
    if number is None:
        raise SpecError(
            f"{name} must be a whole number from {low} to {high}, not {short_repr(value)}."
        )
    if not low <= number <= high:
        nearest = min(max(number, low), high)
        raise SpecError(
            f"{name} must lie between {low} and {high}, not {short_repr(number)}; "
            f"the nearest allowed value is {nearest}."
        )
    return number


def choice(name: str, value: object, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of the allowed strings.

    Raises:
        SpecError: It is not; the message lists the allowed strings.
    """
    options = tuple(allowed)
    if not isinstance(value, str) or value not in options:
        listed = ", ".join(repr(option) for option in options)
        raise SpecError(f"{name} must be one of {listed}, not {short_repr(value)}.")
    return value


def parse_integer(name: str, text: str) -> int:
    """Return the integer that a string of plain digits, without a sign, stands for.

    Raises:
        SpecError: `text` is something else.
    """
    # ASCII only, and short: int() would accept '１２', '1_000' and megabytes of digits.
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise SpecError(f"{name} must be a whole number, not {text[:40]!r}.")
    return int(digits)
