"""The coach: what does not suit a network and its input, and what might be done about it.

Each thing that can be amiss is a topic: `resources`, `resolution`, `channels`, `rounding` and
`sight` hold them, each with its threshold and the reason for it. The published networks at their
usual inputs are fine, and get no diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final

from resnet_viz.coach.channels import CHANNELS
from resnet_viz.coach.loading import compare_weights
from resnet_viz.coach.records import Conditions, Diagnosis, Effect, Mend
from resnet_viz.coach.resolution import COARSE_GRID, LONE_BATCH_NORM, ONE_CELL
from resnet_viz.coach.resources import MACS, MEMORY
from resnet_viz.coach.rounding import ROUNDING
from resnet_viz.coach.sight import NARROW_FIELD, OUTGROWN
from resnet_viz.coach.topics import Situation, Topic, situation
from resnet_viz.spec import InputSpec, ResNetSpec

__all__ = ["MAX_MENDS", "Conditions", "Diagnosis", "Effect", "Mend", "diagnose"]

MAX_MENDS: Final = 3
"""Of a diagnosis: more would be a list to read instead of a choice."""

_DEFAULT: Final = Conditions()

# The weightiest first: what fails, what loses the picture, what must be adapted, what is wasted.
_TOPICS: Final = (
    *(LONE_BATCH_NORM, MEMORY, MACS),
    *(COARSE_GRID, ONE_CELL),
    CHANNELS,
    *(ROUNDING, OUTGROWN, NARROW_FIELD),
)


def diagnose(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002 - as in profile
    *,
    conditions: Conditions = _DEFAULT,
) -> tuple[Diagnosis, ...]:
    """What does not suit a network and its input, the weightiest first.

    Each mend is a network that can be built; at its input the diagnosis is gone or its number is
    smaller, and none is there that was not there before.

    Args:
        spec: The network.
        input: The input; its batch counts in memory and for batch norms.
        conditions: What matters beside.

    Raises:
        SpecError: The input's channels are not the network's.
    """
    look = _Look(conditions)
    here = look.at(spec, input.for_network(spec))
    found = {topic: diagnosis for topic in _TOPICS if (diagnosis := look.find(topic, here))}
    return tuple(
        replace(diagnosis, mends=tuple(islice(_mends(look, here, topic, found), MAX_MENDS)))
        for topic, diagnosis in found.items()
    )


class _Look:
    """Situations and what is amiss in them, each looked into once: topics share their mends."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._situations: dict[tuple[ResNetSpec, InputSpec], Situation] = {}
        self._found: dict[tuple[Topic, ResNetSpec, InputSpec], Diagnosis | None] = {}

    def at(self, spec: ResNetSpec, size: InputSpec) -> Situation:
        key = (spec, size)
        if key not in self._situations:
            self._situations[key] = situation(spec, size, self._conditions)
        return self._situations[key]

    def find(self, topic: Topic, at: Situation) -> Diagnosis | None:
        key = (topic, at.spec, at.input)
        if key not in self._found:
            self._found[key] = topic.find(at)
        return self._found[key]


def _mends(
    look: _Look, here: Situation, topic: Topic, found: Mapping[Topic, Diagnosis]
) -> Iterator[Mend]:
    """The proposals that do mend something, each once."""
    seen = {(here.spec, here.input)}
    for label, spec, size in topic.propose(here):
        if (spec, size) in seen:
            continue
        seen.add((spec, size))
        there = look.at(spec, size)
        rest = look.find(topic, there)
        less = rest is None or rest.number < found[topic].number
        if less and _harmless(look, here, there, found):
            left = None if rest is None else rest.measured
            yield Mend(label, spec, size, _effect(here, there), left)


def _harmless(
    look: _Look, here: Situation, there: Situation, found: Mapping[Topic, Diagnosis]
) -> bool:
    """Whether nothing is amiss there that was not here."""
    if any(look.find(topic, there) for topic in _TOPICS if topic not in found):
        return False
    same = there.spec.dilations == here.spec.dilations
    return _reached(there) or (same and not _reached(here))


def _reached(at: Situation) -> bool:
    """Whether dilated 3x3 reach neighbours, and not padding alone."""
    if at.spec.dilations is None:
        return True
    return min(at.measures.totals.final_grid) > max(at.spec.dilations)


def _effect(here: Situation, there: Situation) -> Effect:
    channels = here.conditions.weights_channels or here.spec.in_channels
    made_for = replace(here.spec, in_channels=channels)
    return Effect(here.measures, there.measures, compare_weights(made_for, there.spec))
