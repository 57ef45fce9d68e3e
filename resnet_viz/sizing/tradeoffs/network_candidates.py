"""Networks to choose from, and those of them that no other beats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from resnet_viz.costs.profile_records import Integers
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec, StemKind, preset_name
from resnet_viz.sizing.tradeoffs.series import Point, depth_series, measure

__all__ = ["candidates", "pareto_front"]

_DEPTHS: Final = 20  # at most


def candidates(spec: ResNetSpec, input: InputSpec) -> Mapping[str, tuple[Point, ...]]:  # noqa: A002
    """Networks to choose from at one input, each once, in the first group that has it.

    All have the channels and the classes of the chosen network. Widths are not among them: a
    narrower network costs less and sees as much, whatever its width.

    Args:
        spec: The chosen network.
        input: Its input.

    Returns:
        ``chosen`` (one), ``presets``, ``depths`` (the chosen network with other numbers of blocks)
        and ``variants`` (with other stems, strides and dilations).
    """
    same: dict[str, Any] = {
        "in_channels": spec.in_channels,
        "num_classes": spec.num_classes,
        "zero_init_residual": spec.zero_init_residual,
    }
    groups: dict[str, Iterable[tuple[str, ResNetSpec]]] = {
        "chosen": [(preset_name(spec) or "chosen network", spec)],
        "presets": [(name, replace(preset, **same)) for name, preset in PRESETS.items()],
        "depths": [
            (point.name, point.spec) for point in depth_series("", spec, input, _DEPTHS).points
        ],
        "variants": _variants(spec),
    }
    seen: set[ResNetSpec] = set()
    found: dict[str, list[Point]] = {group: [] for group in groups}
    for group, networks in groups.items():
        for name, network in networks:
            if network not in seen:
                seen.add(network)
                found[group].append(measure(name, network, input))
    return {group: tuple(points) for group, points in found.items()}


def _variants(spec: ResNetSpec) -> Iterator[tuple[str, ResNetSpec]]:
    """Every stem, each with the usual strides and with those of the last stages replaced."""
    stages = len(spec.blocks)
    for stem in get_args(StemKind):
        plain = replace(spec, stem=stem, strides=None, dilations=None)
        yield f"{stem} stem", plain
        for last in range(1, min(3, stages)):
            first = stages - last
            names = " and ".join(f"layer{n}" for n in range(first + 1, stages + 1))
            strides = (*plain.stage_strides[:first], *(1,) * last)
            yield f"{stem} stem, {names} without stride", replace(plain, strides=strides)
            dilations = (*(1,) * first, *(2**n for n in range(1, last + 1)))
            yield f"{stem} stem, {names} dilated", replace(plain, dilations=dilations)


def pareto_front(
    costs: Sequence[int] | Integers, gains: Sequence[int] | Integers
) -> NDArray[np.intp]:
    """What no other beats: no other costs less and gains as much, or costs as much and gains more.

    Equals in both stand or fall together. In O(n log n).

    Args:
        costs: To be small, shape [n].
        gains: To be large, shape [n].

    Returns:
        The places of the front's members, by cost, then by place.
    """
    pairs = list(zip(costs, gains, strict=True))
    front: list[int] = []
    for place in sorted(range(len(pairs)), key=lambda i: (pairs[i][0], -pairs[i][1])):
        if not front or pairs[place][1] > pairs[front[-1]][1] or pairs[place] == pairs[front[-1]]:
            front.append(place)
    return np.array(front, dtype=np.intp)
