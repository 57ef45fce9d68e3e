"""Every error this package raises on purpose.

::

    ResNetVizError                  anything the user can mend; its text is one plain sentence
    ├── SpecError      (ValueError) a network or an input that cannot be built
    ├── LayerError     (KeyError)   a layer name that the network does not have
    ├── DeviceError    (RuntimeError) a device that is not there, or gave up
    ├── BudgetError    (RuntimeError) a computation that would cost more than is allowed
    ├── ImageError     (ValueError) bytes that are not a usable picture
    └── WeightsError   (ValueError) a weights source that is missing, unsafe or does not fit
        └── MismatchError  weights of another network; in `resnet_viz.weights.mismatch_error`

Each text says what was wrong, what was expected, and what to do. Pages and the command
line show it as it stands; anything else that escapes is a bug.
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
    "shown",
]

_SHOWN_CHARACTERS: Final = 40


def shown(value: object) -> str:
    """A wrong value as it stands in an error's sentence: on one line, and cut short."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write integers of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


class ResNetVizError(Exception):
    """The root of the tree above: catch this to show any of them."""

    def __str__(self) -> str:
        # KeyError would print the repr of its argument; every error here is a sentence.
        return str(self.args[0]) if self.args else ""


class SpecError(ResNetVizError, ValueError):
    """A ``ResNetSpec`` or ``InputSpec`` that cannot be built."""


class LayerError(ResNetVizError, KeyError):
    """A layer name that the network does not have."""


class DeviceError(ResNetVizError, RuntimeError):
    """A device that is not there, or ran out of memory."""


class BudgetError(ResNetVizError, RuntimeError):
    """A computation that would need more memory or arithmetic than is allowed."""


class ImageError(ResNetVizError, ValueError):
    """Bytes that are not a usable picture."""


class WeightsError(ResNetVizError, ValueError):
    """A weights source that is missing, unsafe, or does not fit the network."""
