"""Define every error that this package raises on purpose.

::

    ResNetVizError                  anything the user can fix; its message is one plain sentence
    ├── SpecError      (ValueError) a network or an input that cannot be built
    ├── LayerError     (KeyError)   a layer name that the network does not have
    ├── DeviceError    (RuntimeError) a device that does not exist, or ran out of memory
    ├── BudgetError    (RuntimeError) a computation that would cost more than is allowed
    ├── ImageError     (ValueError) bytes that are not a usable image
    └── WeightsError   (ValueError) a weights source that is missing, unsafe or does not fit
        └── MismatchError  weights of another network; in `resnet_viz.weights.mismatch_error`

Each message states what was wrong, what was expected, and what to do. Pages and the command
line show it unchanged; any other exception that reaches them is a bug.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BudgetError",
    "DeviceError",
    "ImageError",
    "LayerError",
    "ResNetVizError",
    "SpecError",
    "WeightsError",
    "short_repr",
]

_MAX_CHARACTERS: Final = 40


def short_repr(value: object) -> str:
    """Return ``repr(value)`` on one line, cut to 40 characters, for an error message.

    Any object can be passed, even one whose ``repr`` fails.
    """
    try:
        text = " ".join(repr(value).splitlines())
    except Exception:  # __repr__ is the caller's code and may raise anything
        if isinstance(value, int):  # Python refuses to write integers of thousands of digits
            return "a number of thousands of digits"
        return f"an object of type {type(value).__name__}"
    return text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}…"


class ResNetVizError(Exception):
    """The base class of all errors above: catch it to catch any of them."""

    def __str__(self) -> str:
        # KeyError prints the repr of its argument; every error here is a sentence.
        return str(self.args[0]) if self.args else ""


class SpecError(ResNetVizError, ValueError):
    """A ``ResNetSpec`` or ``InputSpec`` that cannot be built."""


class LayerError(ResNetVizError, KeyError):
    """A layer name that the network does not have."""


class DeviceError(ResNetVizError, RuntimeError):
    """A device that does not exist, or ran out of memory."""


class BudgetError(ResNetVizError, RuntimeError):
    """A computation that would need more memory or arithmetic than is allowed."""


class ImageError(ResNetVizError, ValueError):
    """Bytes that are not a usable image."""


class WeightsError(ResNetVizError, ValueError):
    """A weights source that is missing, unsafe, or does not fit the network."""
