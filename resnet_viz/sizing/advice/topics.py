"""What a topic of the coach is: how to find something amiss, and what might mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.sizing.advice.advice_records import Conditions, Diagnosis
from resnet_viz.sizing.advice.fit_measures import Measures, measure
from resnet_viz.units import shape_text

__all__ = ["Proposal", "Situation", "Topic", "situation"]


@dataclass(frozen=True, slots=True)
class Situation:
    """A network at an input, and what matters beside.

    Attributes:
        spec: The network.
        input: The input, its channels filled in.
        conditions: What matters beside.
        measures: What was measured of the two.
    """

    spec: ResNetSpec
    input: InputSpec
    conditions: Conditions
    measures: Measures

    @property
    def size(self) -> str:
        """The input's height and width as people write them."""
        return shape_text((self.input.height, self.input.width))

    @property
    def stride(self) -> int:
        """Input pixels between the cells of the last map, the same by rows and by columns."""
        return self.measures.totals.output_stride[0]


class Proposal(NamedTuple):
    """What might mend something; whether it does is tried by the one who gets it."""

    label: str
    spec: ResNetSpec
    input: InputSpec


class Topic(NamedTuple):
    """One thing that can be amiss.

    Attributes:
        find: Says whether it is, without mends.
        propose: What might mend it, the best first.
        otherwise: What would help where none of that does, as the end of a sentence.
    """

    find: Callable[[Situation], Diagnosis | None]
    propose: Callable[[Situation], Iterator[Proposal]]
    otherwise: Callable[[Situation], str]


def situation(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002 - as in profile
    conditions: Conditions,
) -> Situation:
    """Measure a network at an input.

    Raises:
        SpecError: The input's channels are not the network's.
    """
    size = input.for_network(spec)
    return Situation(spec, size, conditions, measure(spec, size))
