"""What the coach says: a diagnosis with its mends, and under which conditions it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from resnet_viz.costs.memory_use import OPTIMIZER_STATES
from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.network.spec import MAX_CHANNELS, InputSpec, ResNetSpec
from resnet_viz.network.validation import choice, integer
from resnet_viz.sizing.advice.fit_measures import Measures
from resnet_viz.sizing.advice.transferable_weights import Weights

__all__ = ["Conditions", "Diagnosis", "Effect", "Kind", "Mend"]

Kind = Literal["arithmetic", "advice"]

_MAX_BYTES: Final = 2**62  # of memory, more than there is anywhere


@dataclass(frozen=True, slots=True)
class Conditions:
    """What matters beside the network and its input, whose batch counts too.

    Attributes:
        weights_channels: Input channels of the weights that are to be loaded; None where none
            are.
        memory_bytes: What the device has free; None where that does not matter.
        training: Whether the network is to be trained.
        dtype: The type of weights and activations: a key of `profiling.DTYPE_BYTES`.
        optimizer: A key of `memory_use.OPTIMIZER_STATES`; of no effect without training.

    Raises:
        SpecError: One of them is out of its limits, or unknown.
    """

    weights_channels: int | None = None
    memory_bytes: int | None = None
    training: bool = False
    dtype: str = "float32"
    optimizer: str = "momentum"

    def __post_init__(self) -> None:
        if self.weights_channels is not None:
            integer("weights_channels", self.weights_channels, 1, MAX_CHANNELS)
        if self.memory_bytes is not None:
            integer("memory_bytes", self.memory_bytes, 0, _MAX_BYTES)
        choice("dtype", self.dtype, DTYPE_BYTES)
        choice("optimizer", self.optimizer, OPTIMIZER_STATES)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a mend does.

    Attributes:
        before: The network and input as they are; costs are those of one picture.
        after: As they would be.
        needed: Bytes at the peak of memory, before and after, under the conditions asked for,
            with the whole batch; None where memory suffices and the batch stays.
        weights: What becomes of the weights that were made for the network as it is.
    """

    before: Measures
    after: Measures
    needed: tuple[int, int] | None
    weights: Weights


@dataclass(frozen=True, slots=True)
class Mend:
    """Another network or input, for which a diagnosis is gone or less.

    Attributes:
        label: What it is, such as ``stride 1 in layer4``.
        spec: The network.
        input: The input.
        effect: What changes.
        left: The diagnosis's number that would be left, with what it counts; None where the
            diagnosis is gone.
    """

    label: str
    spec: ResNetSpec
    input: InputSpec
    effect: Effect
    left: str | None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Something about a network and an input that its user should know.

    Attributes:
        code: Its name, which stays.
        title: A few words.
        kind: ``arithmetic`` for a fact, ``advice`` for what experience says.
        path: The first layer concerned; None where there is none.
        number: Its size; the larger, the worse.
        measured: The number with what it counts, such as ``7 of 53 convolutions``.
        reason: One or two sentences with the numbers.
        source: Where that stands: a paper, or PyTorch's documentation.
        mends: At most three, the best first.
        otherwise: What would help where there is no mend, one sentence; None where there is one.
    """

    code: str
    title: str
    kind: Kind
    path: str | None
    number: float
    measured: str
    reason: str
    source: str
    mends: tuple[Mend, ...] = ()
    otherwise: str | None = None
