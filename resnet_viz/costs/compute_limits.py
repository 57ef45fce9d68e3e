"""Refuse computations that would cost too much, and name an input size that is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.errors import BudgetError
from resnet_viz.network.devices import require_memory
from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.units import shape_text, si

if TYPE_CHECKING:
    import torch

__all__ = ["MAX_MACS", "Cost", "picture_bytes", "require_cost", "require_macs", "smaller"]

# About half a minute on two CPU cores; a longer computation would make the page look frozen.
MAX_MACS: Final = 2 * 10**12

_STEP: Final = 0.9  # of the area, from one size that is tried to the next


class Cost(Protocol):
    """The cost of a computation."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""

    @property
    def peak_bytes(self) -> int:
        """Peak memory on the device, in bytes."""


def picture_bytes(spec: ResNetSpec, input: InputSpec) -> int:  # noqa: A002
    """Return the size of a network's input as a float32 tensor, in bytes."""
    values = input.batch * spec.in_channels * input.height * input.width
    return DTYPE_BYTES["float32"] * values


def require_cost(
    price: Callable[[InputSpec], Cost],
    input: InputSpec,  # noqa: A002
    device: torch.device,
    what: str,
    remedy: str,
    *,
    budget_bytes: int | None,
    max_macs: int,
) -> None:
    """Raise an error if a computation would cost too much, before it starts.

    Args:
        price: The cost of the computation at a size of the picture.
        input: The picture's size.
        device: Where.
        what: The subject of the sentence, such as ``"Grad-CAM"``.
        remedy: What to do; ``{size}`` stands for a size of the picture that is allowed.
        budget_bytes: Memory that it may take; None for half of what is free.
        max_macs: Multiply-accumulates that it may take.

    Raises:
        BudgetError: It takes more.
    """
    cost = price(input)
    what = f"{what} at {shape_text((input.height, input.width))}"
    fewer = smaller(input, remedy, lambda size: price(size).macs)
    require_macs(cost.macs, max_macs, what, fewer)
    lighter = smaller(input, remedy, lambda size: price(size).peak_bytes)
    require_memory(cost.peak_bytes, device, what, budget_bytes, lighter)


def require_macs(macs: int, max_macs: int, what: str, remedy: Callable[[float], str]) -> None:
    """Raise an error if a computation needs too much arithmetic, before it starts.

    Args:
        macs: Multiply-accumulates that it takes.
        max_macs: What it may take.
        what: The subject of the sentence.
        remedy: What to do, given the share of its arithmetic that it may take.

    Raises:
        BudgetError: It takes more.
    """
    if macs > max_macs:
        raise BudgetError(
            f"{what} would take {si(macs)} multiply-accumulates, and at most {si(max_macs)} are "
            f"allowed; {remedy(max_macs / macs)}."
        )


def smaller(
    input: InputSpec,  # noqa: A002
    remedy: str,
    price: Callable[[InputSpec], int],
) -> Callable[[float], str]:
    """Return advice about an image that is too large, given the share of its cost allowed.

    Args:
        input: The picture's size.
        remedy: What to do; ``{size}`` stands for a size that is allowed, of about the same
            proportions; for a single pixel where none is.
        price: What is limited, at a size of the picture.
    """

    def advice(share: float) -> str:
        limit = share * price(input)
        size = _scaled(input, share)
        # A price grows with the area, but not evenly: maps have whole rows, vectors no area.
        while price(size) > limit and (size.height, size.width) != (1, 1):
            share *= _STEP
            size = _scaled(input, share)
        return remedy.format(size=shape_text((size.height, size.width)))

    return advice


def _scaled(size: InputSpec, share: float) -> InputSpec:
    """A size of a share of the area, and of the same proportions."""
    height, width = (max(1, int(side * share**0.5)) for side in (size.height, size.width))
    return replace(size, height=height, width=width)
