"""Where on the way through a network the map changes its size, and two networks side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from resnet_viz.costs.profile_records import Profile
from resnet_viz.network.layer_graph import INPUT
from resnet_viz.views.row_groups import stages

__all__ = ["Stop", "along", "names_of", "stops"]

_STEM: Final = ("conv1", "maxpool")


class Stop(NamedTuple):
    """A place on the way through the network at which the map is looked at.

    Attributes:
        name: ``input``, ``conv1`` (all of the stem before its pooling), ``maxpool`` or a stage.
        path: What the map comes from; None where the network has no such part and the map of
            the stop before goes on.
        stage: The stage that gives the colour.
        shape: ``[N, C, H, W]``.
        blocks: The residual blocks of a stage; 0 for the others.
        reasons: Why the stage's first block has a downsample point: ``stride``, ``channels`` or
            both; empty where it has none.
    """

    name: str
    path: str | None
    stage: str
    shape: tuple[int, ...]
    blocks: int = 0
    reasons: tuple[str, ...] = ()


def stops(report: Profile) -> tuple[Stop, ...]:
    """Where the map can change its size: the input, the parts of the stem, each stage.

    Within a stage only the first block does, so a stage is one stop.
    """
    stem, *parts = stages(report)[:-1]
    found = [Stop(INPUT, INPUT, INPUT, stem.input_shape)]
    pooled = [layer for layer in stem.layers if layer.op == "max_pool2d"]
    before = [layer for layer in stem.layers if layer not in pooled]
    found += [
        Stop(name, layers[-1].path, "stem", layers[-1].output_shape)
        for name, layers in zip(_STEM, (before, pooled), strict=True)
        if layers
    ]
    return (
        *found,
        *(
            Stop(
                part.path,
                part.path,
                part.path,
                part.output_shape,
                part.count,
                part.downsample.reasons if part.downsample else (),
            )
            for part in parts
        ),
    )


def along(own: Sequence[Stop], names: Sequence[str]) -> list[Stop | None]:
    """A network's stops at the places of several networks.

    Where it lacks a part of the stem the map passes; where it has ended there is none.

    Args:
        own: Its `stops`.
        names: The places.
    """
    table = {stop.name: stop for stop in own}
    found: list[Stop | None] = []
    for name in names:
        stop = table.get(name)
        if stop is None and name in _STEM:
            stop = own[len(found) - 1]._replace(name=name, path=None)
        found.append(stop)
    return found


def names_of(first: Sequence[Stop], second: Sequence[Stop]) -> list[str]:
    """The stops of both networks, in the order of execution."""
    known = {stop.name for stop in (*first, *second)}
    longest = max(([stop.name for stop in own if stop.blocks] for own in (first, second)), key=len)
    return [name for name in (INPUT, *_STEM) if name in known] + longest
