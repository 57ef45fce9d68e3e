"""Pictures of other channels than the weights were trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from resnet_viz.sizing.advice.advice_records import Diagnosis
from resnet_viz.sizing.advice.fit_measures import first_convolution
from resnet_viz.sizing.advice.topics import Proposal, Situation, Topic

__all__ = ["CHANNELS"]


def _channels(at: Situation) -> Diagnosis | None:
    old, new = at.conditions.weights_channels, at.spec.in_channels
    if old is None or old == new:
        return None
    return Diagnosis(
        code="weights-channels",
        title=f"{_counted(new)}, the weights have {old}",
        kind="arithmetic",
        path=first_convolution(at.spec),
        number=abs(new - old),
        measured=f"{_counted(new)} instead of {old}",
        reason=_adaptation(old, new),
        source="torch.nn.Conv2d: a weight is [out, in / groups, kernel, kernel]",
    )


def _adaptation(old: int, new: int) -> str:
    """What loading the weights does to the first convolution unless asked for something else."""
    from resnet_viz.weights.checkpoints.adaptation import first_conv_choices  # brings torch

    how, *_ = first_conv_choices(old, new)
    if how == "sum":
        return (
            f"The first convolution takes the sum of its weights over the {_counted(old)}, so it "
            "answers to its one channel as it did to a picture whose channels are equal to it."
        )
    equal = " A picture whose channels are equal gets the answer that it got before."
    same = equal if new % old == 0 else ""
    which = "the one channel" if old == 1 else f"channel i mod {old}"
    return (
        f"Channel i of the first convolution takes the weights of {which}, times {old}/{new}; all "
        f"others load as they are.{same}"
    )


def _as_trained(at: Situation) -> Iterator[Proposal]:
    """The channels that the weights have."""
    old, new = at.conditions.weights_channels, at.spec.in_channels
    if old is not None:
        label = _counted(old)
        if new == 1:
            label += ", the grey value in each"
        elif new > old:
            label = f"{old} of the {new} channels"
        spec = replace(at.spec, in_channels=old)
        yield Proposal(label, spec, replace(at.input, channels=old))


def _counted(channels: int) -> str:
    return f"{channels} channel{'s' if channels > 1 else ''}"


def _other_weights(at: Situation) -> str:
    return f"take weights for {_counted(at.spec.in_channels)}"


CHANNELS: Final = Topic(_channels, _as_trained, _other_weights)
