"""The coach: what does not suit a network and its input, and what might be done about it.

Each thing that can be amiss is a topic: `resources`, `resolution`, `channels`, `rounding` and
`sight` hold them, each with its threshold and the reason for it. The published networks at their
usual inputs are fine, and get no diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.sizing.advice.advice_records import Conditions, Diagnosis, Effect, Mend
from resnet_viz.sizing.advice.channels import CHANNELS
from resnet_viz.sizing.advice.receptive_fields import NARROW_FIELD, OUTGROWN
from resnet_viz.sizing.advice.resolution import COARSE_GRID, LONE_BATCH_NORM, ONE_CELL
from resnet_viz.sizing.advice.resources import MACS, MEMORY, needed_bytes
from resnet_viz.sizing.advice.stride_rounding import ROUNDING
from resnet_viz.sizing.advice.topics import Proposal, Situation, Topic, situation
from resnet_viz.sizing.advice.transferable_weights import compare_weights

__all__ = ["MAX_MENDS", "Conditions", "Diagnosis", "Effect", "Mend", "diagnose"]

MAX_MENDS: Final = 3
"""Of a diagnosis: more would be a list to read instead of a choice."""

_DEFAULT: Final = Conditions()

# The weightiest first: what fails, what loses the picture, what must be adapted, what is wasted.
# A lone batch norm fails too, but comes of a map that is too coarse, whose mends mend both.
_TOPICS: Final = (
    *(MEMORY, MACS),
    *(COARSE_GRID, LONE_BATCH_NORM, ONE_CELL),
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
    smaller, none is there that was not there before, and no weightier one has a larger number.

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
    return tuple(_with_mends(look, here, topic, found) for topic in found)


class _Look:
    """Situations and what is amiss in them, each looked into once: topics share their mends."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._situations: dict[tuple[ResNetSpec, InputSpec], Situation] = {}
        self._found: dict[tuple[Topic, ResNetSpec, InputSpec], Diagnosis | None] = {}
        self._needed: dict[tuple[ResNetSpec, InputSpec], int] = {}

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

    def needed(self, at: Situation) -> int:
        key = (at.spec, at.input)
        if key not in self._needed:
            self._needed[key] = needed_bytes(at.spec, at.input, self._conditions)
        return self._needed[key]


def _with_mends(
    look: _Look, here: Situation, topic: Topic, found: Mapping[Topic, Diagnosis]
) -> Diagnosis:
    """A diagnosis with the proposals that do mend it, or with what would help instead."""
    mends: list[Mend] = []
    spoilt: list[Topic] = []
    for label, spec, size in _distinct(topic.propose(here), here):
        there = look.at(spec, size)
        rest = look.find(topic, there)
        if rest is not None and rest.number >= found[topic].number:
            continue
        if worse := _worsened(look, there, topic, found):
            spoilt.append(worse)
        elif _reaches(here, there):
            left = None if rest is None else rest.measured
            mends.append(Mend(label, spec, size, _effect(look, here, there, found), left))
        if len(mends) == MAX_MENDS:
            break
    if mends:
        return replace(found[topic], mends=tuple(mends))
    return replace(found[topic], otherwise=_otherwise(here, topic, found, spoilt))


def _otherwise(
    here: Situation, topic: Topic, found: Mapping[Topic, Diagnosis], spoilt: Sequence[Topic]
) -> str:
    """What would help where no proposal does, or only such as make another topic worse."""
    for other in spoilt:
        if other in found and _weightier(other, topic):
            return f"What helps here is worse for what weighs more: “{found[other].title}”."
    unless = " without harm elsewhere" if spoilt else ""
    return f"No change of the network helps here{unless}; {topic.otherwise(here)}."


def _weightier(other: Topic, topic: Topic) -> bool:
    return _TOPICS.index(other) < _TOPICS.index(topic)


def _distinct(proposals: Iterable[Proposal], here: Situation) -> Iterator[Proposal]:
    """Proposals that are something else than what there is, each once."""
    seen = {(here.spec, here.input)}
    for proposal in proposals:
        if (proposal.spec, proposal.input) not in seen:
            seen.add((proposal.spec, proposal.input))
            yield proposal


def _worsened(
    look: _Look, there: Situation, topic: Topic, found: Mapping[Topic, Diagnosis]
) -> Topic | None:
    """What is amiss there that was not here, or more so though weightier than the topic."""
    for other in _TOPICS:
        after, before = look.find(other, there), found.get(other)
        if after is None:
            continue
        if before is None or (_weightier(other, topic) and after.number > before.number):
            return other
    return None


def _reaches(here: Situation, there: Situation) -> bool:
    """Whether dilated 3x3 reach neighbours there, or are as they were and reached none here."""
    same = there.spec.dilations == here.spec.dilations
    return _reached(there) or (same and not _reached(here))


def _reached(at: Situation) -> bool:
    """Whether dilated 3x3 reach neighbours, and not padding alone."""
    if at.spec.dilations is None:
        return True
    return min(at.measures.totals.final_grid) > max(at.spec.dilations)


def _effect(
    look: _Look, here: Situation, there: Situation, found: Mapping[Topic, Diagnosis]
) -> Effect:
    channels = here.conditions.weights_channels or here.spec.in_channels
    made_for = replace(here.spec, in_channels=channels)
    # What a picture costs does not tell of the batch.
    told = MEMORY in found or here.input.batch != there.input.batch
    needed = (look.needed(here), look.needed(there)) if told else None
    return Effect(here.measures, there.measures, needed, compare_weights(made_for, there.spec))
