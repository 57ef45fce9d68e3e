"""What differs between two networks, or one network at two sizes, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, cast

from resnet_viz.costs.profile_records import LayerProfile, Profile
from resnet_viz.sizing.comparison.alignment import Fate, Shapes, align
from resnet_viz.sizing.comparison.remarks import remark
from resnet_viz.sizing.comparison.summary import summarise

__all__ = ["ComparedLayer", "Comparison", "compare"]


class ComparedLayer(NamedTuple):
    """One operation in the reference and here.

    Attributes:
        path: The module's name in either network.
        before: Its row in the reference; None where that has no such operation.
        after: Its row here.
        weights: Whether the reference's weights load: see `resnet_viz.sizing.comparison.alignment`.
        shapes_before: Names and shapes of its parameters and buffers in the reference.
        shapes_after: Those here.
        remark: What differs, as a predicate of the path; empty where nothing does.
    """

    path: str
    before: LayerProfile | None
    after: LayerProfile | None
    weights: Fate | None
    shapes_before: Shapes
    shapes_after: Shapes
    remark: str

    @property
    def layer(self) -> LayerProfile:
        """Its row here or, if there is none, in the reference."""
        return self.after or cast(LayerProfile, self.before)

    @property
    def stage(self) -> str:
        """``stem``, ``layer1`` … or ``head``."""
        return self.layer.stage

    @property
    def block(self) -> str | None:
        """The residual block, or None."""
        return self.layer.block

    @property
    def differs(self) -> bool:
        """Whether anything is not as in the reference."""
        return bool(self.remark)

    @property
    def line(self) -> str:
        """The remark as a sentence without its full stop; empty where nothing differs."""
        return f"{self.path} {self.remark}" if self.remark else ""


@dataclass(frozen=True)
class Comparison:
    """A reference and what is compared with it.

    Attributes:
        first: The reference.
        second: The chosen network and input.
        layers: The operations of both, in the order of execution.
        loading_params: Learned numbers here that the reference's weights fill: those whose name
            and shape it has.
        unused_params: Learned numbers of the reference that have no place here.
    """

    first: Profile
    second: Profile
    layers: tuple[ComparedLayer, ...]
    loading_params: int
    unused_params: int

    @property
    def different(self) -> tuple[ComparedLayer, ...]:
        """The layers that differ."""
        return tuple(layer for layer in self.layers if layer.remark)

    @cached_property
    def summary(self) -> tuple[str, ...]:
        """A few sentences on the whole."""
        return summarise(self)


def compare(first: Profile, second: Profile) -> Comparison:
    """Put a network at an input beside a reference.

    Operations are the same one if they have the same path. Where only one network has an
    operation it stands behind what it follows there. The weights are judged by name and shape,
    as ``load_state_dict`` does.

    Args:
        first: The reference.
        second: What is compared with it.
    """
    alignment = align(first.spec, second.spec)
    layers = []
    for aligned in alignment.operations:
        before = None if aligned.before is None else first.layers[aligned.before]
        after = None if aligned.after is None else second.layers[aligned.after]
        said = remark(aligned, before, after, first, second)
        shapes = (aligned.shapes_before, aligned.shapes_after)
        layers.append(ComparedLayer(aligned.path, before, after, aligned.weights, *shapes, said))
    return Comparison(
        first, second, tuple(layers), alignment.loading_params, alignment.unused_params
    )
