"""Small changes of a network or an input, of which mends are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from resnet_viz.network.spec import MAX_SIDE, MAX_STAGES, PRESETS, InputSpec, ResNetSpec
from resnet_viz.network.spec.stage_strides import MAX_DILATION
from resnet_viz.sizing.advice.topics import Proposal, Situation
from resnet_viz.units import shape_text

__all__ = [
    "MAX_ENLARGEMENT",
    "MAX_SQUEEZE",
    "added_stage",
    "deeper",
    "dilated_end",
    "dilation_for_stride",
    "imagenet_stem",
    "in_proportion",
    "largest_size",
    "resized",
    "shallower",
    "small_stem",
    "smallest_size",
    "stride_dropped",
    "with_blocks",
]

MAX_ENLARGEMENT: Final = 8
"""How many times as long a picture may become: 28 x 28 is often enlarged to 224 x 224."""

MAX_SQUEEZE: Final = 2
"""By what factor the proportion of a picture's sides may change."""


def small_stem(at: Situation) -> Iterator[Proposal]:
    """The stem of the CIFAR networks, which keeps the resolution."""
    if at.spec.stem != "small":
        spec = replace(at.spec, stem="small")
        yield Proposal("a 3 × 3 stem without pooling", spec, at.input)


def imagenet_stem(at: Situation) -> Iterator[Proposal]:
    """The stem of the ImageNet networks, which quarters each side."""
    if at.spec.stem == "small":
        spec = replace(at.spec, stem="imagenet")
        yield Proposal("the 7 × 7 stem with pooling", spec, at.input)


def stride_dropped(at: Situation) -> Iterator[Proposal]:
    """Stride 1 in the last stage that strides."""
    for place in _last_strided(at.spec):
        spec = replace(at.spec, strides=_with_one(at.spec, place), dilations=at.spec.dilations)
        yield Proposal(f"stride 1 in layer{place + 1}", spec, at.input)


def dilation_for_stride(at: Situation) -> Iterator[Proposal]:
    """Dilation in the place of the last stride, as ``replace_stride_with_dilation`` has it.

    All 3x3 behind that stride then reach twice as many cells, of half the size: the receptive
    field stays.
    """
    for place in _last_strided(at.spec):
        before = at.spec.stage_dilations
        dilations = (*before[:place], *(2 * dilation for dilation in before[place:]))
        if max(dilations) <= MAX_DILATION:
            spec = replace(at.spec, strides=_with_one(at.spec, place), dilations=dilations)
            label = f"dilation {dilations[place]} in place of layer{place + 1}'s stride"
            yield Proposal(label, spec, at.input)


def _last_strided(spec: ResNetSpec) -> list[int]:
    """The place of the last stage with a stride, if there is one."""
    return [place for place, stride in enumerate(spec.stage_strides) if stride > 1][-1:]


def _with_one(spec: ResNetSpec, place: int) -> tuple[int, ...]:
    strides = spec.stage_strides
    return (*strides[:place], 1, *strides[place + 1 :])


def dilated_end(at: Situation) -> Iterator[Proposal]:
    """Twice the dilation in the last stage, its stride as it is: a wider field at no cost."""
    *before, last = at.spec.stage_dilations
    if 2 * last <= MAX_DILATION:
        spec = replace(at.spec, strides=at.spec.stage_strides, dilations=(*before, 2 * last))
        label = f"dilation {2 * last} in layer{len(at.spec.blocks)}, its stride kept"
        yield Proposal(label, spec, at.input)


def added_stage(at: Situation) -> Iterator[Proposal]:
    """One more stage, which strides, of as many blocks as the last has."""
    stages = len(at.spec.blocks)
    if stages < MAX_STAGES:
        spec = replace(
            at.spec,
            blocks=(*at.spec.blocks, at.spec.blocks[-1]),
            strides=(*at.spec.stage_strides, 2),
            dilations=(*at.spec.stage_dilations, at.spec.stage_dilations[-1]),
        )
        yield Proposal(f"a stage layer{stages + 1} with stride 2", spec, at.input)


def with_blocks(at: Situation, blocks: tuple[int, ...], label: str) -> Iterator[Proposal]:
    """Other numbers of blocks in the same stages."""
    if blocks != at.spec.blocks:
        spec = replace(at.spec, blocks=blocks)
        yield Proposal(f"{label} ({', '.join(map(str, blocks))})", spec, at.input)


def shallower(at: Situation) -> Iterator[Proposal]:
    """The blocks of the published networks with fewer layers, the deepest first."""
    for blocks in reversed(_published(at.spec)):
        if sum(blocks) < sum(at.spec.blocks):
            yield from with_blocks(at, blocks, _layers(at.spec, blocks))


def deeper(at: Situation) -> Iterator[Proposal]:
    """The blocks of the published networks with more layers, the shallowest first."""
    for blocks in _published(at.spec):
        if sum(blocks) > sum(at.spec.blocks):
            yield from with_blocks(at, blocks, _layers(at.spec, blocks))


def _layers(spec: ResNetSpec, blocks: tuple[int, ...]) -> str:
    return f"{replace(spec, blocks=blocks).depth} layers"


def _published(spec: ResNetSpec) -> list[tuple[int, ...]]:
    """Blocks of the presets with such blocks and so many stages, ascending."""
    alike = {
        preset.blocks
        for preset in PRESETS.values()
        if (preset.block, len(preset.blocks)) == (spec.block, len(spec.blocks))
    }
    return sorted(alike, key=sum)


def resized(at: Situation, size: InputSpec) -> Iterator[Proposal]:
    """The same network at another size, unless that squeezes the picture too much."""
    if (size.height, size.width) != (at.input.height, at.input.width) and _alike(at.input, size):
        yield Proposal(shape_text((size.height, size.width)), at.spec, size)


def _alike(before: InputSpec, after: InputSpec) -> bool:
    """Whether proportions differ by at most `MAX_SQUEEZE`."""
    was, now = before.height * after.width, before.width * after.height
    return max(was, now) <= MAX_SQUEEZE * min(was, now)


def in_proportion(at: Situation, cells: int) -> InputSpec | None:
    """The input so resized that the last map has so many cells along its longer side.

    Both sides are multiples of the output stride, which round well, but for a side of less than
    half a cell; their proportion is kept as near as that allows. None where a side would be too
    long.
    """
    longer, stride = max(at.input.height, at.input.width), at.stride
    sides = [
        round(cells * side / longer) * stride or max(1, round(cells * stride * side / longer))
        for side in (at.input.height, at.input.width)
    ]
    if max(sides) > MAX_SIDE:
        return None
    return replace(at.input, height=sides[0], width=sides[1])


def smallest_size(at: Situation, suits: Callable[[InputSpec], bool]) -> Iterator[Proposal]:
    """The smallest larger input that suits, at most `MAX_ENLARGEMENT` times as long."""
    longer = max(at.input.height, at.input.width)
    for cells in range(longer // at.stride + 1, MAX_ENLARGEMENT * longer // at.stride + 1):
        size = in_proportion(at, cells)
        if size is not None and _alike(at.input, size) and suits(size):
            yield from resized(at, size)
            return


def largest_size(at: Situation, suits: Callable[[InputSpec], bool]) -> Iterator[Proposal]:
    """The largest smaller input that suits, where all that are smaller still suit too."""
    low, high = 0, -(-max(at.input.height, at.input.width) // at.stride)
    found = None
    while high - low > 1:
        cells = (low + high) // 2
        size = in_proportion(at, cells)
        if size is not None and suits(size):
            low, found = cells, size
        else:
            high = cells
    if found is not None:
        yield from resized(at, found)
