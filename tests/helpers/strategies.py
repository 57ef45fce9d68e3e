"""Random networks and inputs, small enough that hundreds of them run in a minute."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from resnet_viz.network.spec import InputSpec, ResNetSpec

STEMS = ("imagenet", "small", "deep")
STRIDES_IN = ("3x3", "1x1")
SHORTCUTS = ("projection", "avgpool_projection", "zero_pad")

# Beside random sides: 1 x 1, all that is smaller than the 7 x 7 of the stem, and both sides of
# some powers of two.
SIDES = (1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65)


def stage_values(stages: int, values: tuple[int, ...]) -> SearchStrategy[tuple[int, ...] | None]:
    """One number a stage, the first 1, or nothing said about it, which most networks do."""
    later = st.lists(st.sampled_from(values), min_size=stages - 1, max_size=stages - 1)
    return st.one_of(st.none(), st.none(), later.map(lambda numbers: (1, *numbers)))


@st.composite
def choices(
    draw: DrawFn,
    *,
    max_stages: int = 5,
    max_blocks: int = 3,
    max_planes: int = 96,
    max_width: int = 24,
) -> dict[str, Any]:
    """All fields of a network as they might be asked for, also those that have no effect."""
    block = draw(st.sampled_from(("basic", "bottleneck")))
    blocks = draw(st.lists(st.integers(1, max_blocks), min_size=1, max_size=max_stages))
    widest = max(1, min(max_width, max_planes >> (len(blocks) - 1)))
    base_width = draw(st.integers(1, widest))
    groups, width_per_group = 1, 64
    if block == "bottleneck":
        groups = draw(st.sampled_from((1, 1, 2, 3, 4, 8)))
        least = -(-64 // base_width)
        width_per_group = draw(
            st.one_of(
                st.sampled_from((max(64, least), least)),
                st.integers(least, max(least, 160 // groups)),
            )
        )
    return {
        "block": block,
        "blocks": tuple(blocks),
        "stem": draw(st.sampled_from(STEMS)),
        "base_width": base_width,
        "groups": groups,
        "width_per_group": width_per_group,
        "stride_in": draw(st.sampled_from(STRIDES_IN)),
        "shortcut": draw(st.sampled_from(SHORTCUTS)),
        "in_channels": draw(st.integers(1, 12)),
        "num_classes": draw(st.integers(1, 20)),
        "zero_init_residual": draw(st.booleans()),
        "strides": draw(stage_values(len(blocks), (1, 2))),
        "dilations": draw(stage_values(len(blocks), (1, 2, 3, 4))),
    }


def specs(**limits: int) -> SearchStrategy[ResNetSpec]:
    """Small networks of every kind."""
    return choices(**limits).map(lambda fields: ResNetSpec(**fields))


@st.composite
def large_specs(draw: DrawFn) -> ResNetSpec:
    """Networks of any size within the limits; for what does not build them."""
    block = draw(st.sampled_from(("basic", "bottleneck")))
    base_width = draw(st.integers(1, 1024))
    bottleneck = block == "bottleneck"
    blocks = tuple(draw(st.lists(st.integers(1, 500), min_size=1, max_size=8)))
    return ResNetSpec(
        block=block,  # type: ignore[arg-type]
        blocks=blocks,
        stem=draw(st.sampled_from(STEMS)),
        base_width=base_width,
        groups=draw(st.integers(1, 1024)) if bottleneck else 1,
        width_per_group=draw(st.integers(-(-64 // base_width), 1024)) if bottleneck else 64,
        stride_in=draw(st.sampled_from(STRIDES_IN)),
        shortcut=draw(st.sampled_from(SHORTCUTS)),
        in_channels=draw(st.integers(1, 1024)),
        num_classes=draw(st.integers(1, 100_000)),
        zero_init_residual=draw(st.booleans()),
        strides=draw(stage_values(len(blocks), (1, 2))),
        dilations=draw(stage_values(len(blocks), (1, 2, 5, 128))),
    )


def sides(most: int = 70) -> SearchStrategy[int]:
    """Heights and widths."""
    return st.one_of(st.sampled_from([s for s in SIDES if s <= most]), st.integers(1, most))


@st.composite
def inputs(draw: DrawFn, *, most: int = 70) -> InputSpec:
    """Small inputs: odd, oblong, 1 x 1, smaller than the kernel, one to three at once."""
    return InputSpec(
        height=draw(sides(most)), width=draw(sides(most)), batch=draw(st.integers(1, 3))
    )
