"""The classes that a network thinks most likely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_viz.errors import SpecError
from resnet_viz.network.spec import MAX_CLASSES
from resnet_viz.network.validation import integer

__all__ = ["Guess", "predict"]


@dataclass(frozen=True, slots=True)
class Guess:
    """One class.

    Attributes:
        index: Its place among the logits.
        name: What it is called; ``class 7`` where no names are known.
        logit: The network's output for it.
        probability: Its share by softmax, from 0 to 1; NaN for all classes where the logits
            hold NaN or infinity, for which softmax has no value.
    """

    index: int
    name: str
    logit: float
    probability: float


def predict(
    logits: NDArray[Any], names: Sequence[str] | None = None, k: int = 5
) -> tuple[Guess, ...]:
    """The classes with the largest logits, the likeliest first.

    Of equal logits the lower index comes first; NaN comes last.

    Args:
        logits: ``[num_classes]``.
        names: A name for each class.
        k: How many to give at most.

    Raises:
        SpecError: The logits are no vector, k is not positive, or there is not a name for each.
    """
    values = np.asarray(logits, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise SpecError(f"Logits must be a vector of at least one, not {list(values.shape)}.")
    if names is not None and len(names) != values.size:
        raise SpecError(
            f"There are {len(names)} names for {values.size} classes; give one for each class."
        )
    # Of the negated values, sorting keeps the order of equals and puts NaN last.
    best = np.argsort(-values, kind="stable")[: integer("k", k, 1, MAX_CLASSES)]
    shares = _softmax(values)
    return tuple(
        Guess(
            index=int(index),
            name=f"class {index}" if names is None else names[index],
            logit=float(values[index]),
            probability=float(shares[index]),
        )
        for index in best
    )


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``exp(v) / sum(exp(v))``; the largest is taken off first, so that nothing overflows."""
    if not np.isfinite(values).all():
        return np.full_like(values, np.nan)
    powers = np.exp(values - values.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares
