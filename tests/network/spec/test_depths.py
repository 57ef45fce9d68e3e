"""From a depth to a network: every depth, against trying all block counts."""

from __future__ import annotations

import math
import re
from bisect import bisect
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from resnet_viz.errors import SpecError
from resnet_viz.network.spec import PRESETS, ResNetSpec
from resnet_viz.network.spec.depths import blocks_for_depth

CONVS = {"basic": 2, "bottleneck": 3}
MOST = 500
STAGES = 8
DEEPEST = 3 * STAGES * MOST + 2


def every_depth(kinds: tuple[str, ...]) -> dict[int, list[str]]:
    """All depths of up to eight stages, with the kinds of block that give them."""
    depths: dict[int, list[str]] = {}
    for kind in kinds:
        for total in range(1, STAGES * MOST + 1):
            depths.setdefault(CONVS[kind] * total + 2, []).append(kind)
    return depths


ASKED: list[tuple[str | None, tuple[str, ...]]] = [
    (None, ("basic", "bottleneck")),
    ("basic", ("basic",)),
    ("bottleneck", ("bottleneck",)),
]


@pytest.mark.parametrize(("block", "kinds"), ASKED)
def test_every_depth_is_built_or_the_nearest_are_named(block: Any, kinds: tuple[str, ...]) -> None:
    buildable = every_depth(kinds)
    ordered = sorted(buildable)
    for depth in range(-3, DEEPEST + 12):
        if depth in buildable:
            spec = ResNetSpec.from_depth(depth, block)
            assert spec.depth == depth
            assert spec == ResNetSpec.from_depth(depth, block)
            total = sum(spec.blocks)
            assert len(spec.blocks) == max(min(4, total), math.ceil(total / MOST))
            if total > 4 * MOST:
                assert list(spec.blocks) == sorted(spec.blocks, reverse=True)
                assert max(spec.blocks) - min(spec.blocks) <= 1
            assert 1 <= min(spec.blocks) <= max(spec.blocks) <= MOST
            wanted = "bottleneck" if depth >= 50 else "basic"
            assert spec.block == (wanted if wanted in buildable[depth] else buildable[depth][0])
            continue
        with pytest.raises(SpecError) as caught:
            ResNetSpec.from_depth(depth, block)
        above = bisect(ordered, depth)
        near = ordered[max(above - 1, 0) : above + 1]  # one of them at either end
        named = re.findall(r"(-?\d+) \(([a-z ]+)\)", str(caught.value).partition(";")[2])
        assert named == [(str(d), " or ".join(buildable[d])) for d in near]


def test_the_refusal_is_one_sentence() -> None:
    with pytest.raises(SpecError) as caught:
        ResNetSpec.from_depth(19)
    assert str(caught.value) == (
        "No ResNet has 19 layers (2 per basic block, 3 per bottleneck block, plus stem and fc); "
        "the nearest that can be built: 18 (basic) and 20 (basic or bottleneck)."
    )
    with pytest.raises(SpecError) as caught:
        ResNetSpec.from_depth(51, "bottleneck")
    assert str(caught.value) == (
        "No ResNet has 51 layers (3 per bottleneck block, plus stem and fc); "
        "the nearest that can be built: 50 (bottleneck) and 53 (bottleneck)."
    )


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_a_published_depth_gives_the_published_network(depth: int) -> None:
    assert ResNetSpec.from_depth(depth) == PRESETS[f"resnet{depth}"]


def test_a_published_number_of_blocks_keeps_its_stages_whatever_the_block() -> None:
    assert ResNetSpec.from_depth(34).blocks == (3, 4, 6, 3)
    assert ResNetSpec.from_depth(50, "bottleneck").blocks == (3, 4, 6, 3)
    assert ResNetSpec.from_depth(26, "bottleneck").blocks == (2, 2, 2, 2)
    assert ResNetSpec.from_depth(102, "basic").blocks == (3, 8, 36, 3)
    assert ResNetSpec.from_depth(3 * 4 * MOST + 2).blocks == (MOST,) * 4


@pytest.mark.parametrize(
    ("depth", "block", "blocks"),
    [
        (6002, None, (500,) * 4),
        (6005, None, (401, *(400,) * 4)),
        (4004, "basic", (401, *(400,) * 4)),
        (6008, "bottleneck", (401, 401, 400, 400, 400)),
        (7505, None, (417, 417, 417, 417, 417, 416)),
        (8002, "basic", (500,) * 8),
        (12_002, None, (500,) * 8),
    ],
)
def test_more_stages_where_four_do_not_hold_the_blocks(
    depth: int, block: Any, blocks: tuple[int, ...]
) -> None:
    assert ResNetSpec.from_depth(depth, block).blocks == blocks


@pytest.mark.parametrize("count", range(1, 9))
@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_every_depth_that_a_spec_can_hold_is_built(block: Any, count: int) -> None:
    for blocks in ((1,) * count, (MOST,) * count, (MOST,) * (count - 1) + (MOST - 1,)):
        depth = ResNetSpec(block=block, blocks=blocks).depth
        assert ResNetSpec.from_depth(depth, block).depth == depth


@pytest.mark.parametrize(("block", "deepest"), [("basic", 8002), ("bottleneck", 12_002)])
def test_nothing_is_deeper(block: Any, deepest: int) -> None:
    with pytest.raises(SpecError, match=f"can be built: {deepest} "):
        ResNetSpec.from_depth(deepest + CONVS[block], block)


def test_other_choices_pass_through() -> None:
    spec = ResNetSpec.from_depth(26, stem="small", in_channels=1, num_classes=4)
    assert (spec.stem, spec.in_channels, spec.num_classes) == ("small", 1, 4)
    with pytest.raises(SpecError, match=r"^stem must be one of"):
        ResNetSpec.from_depth(26, stem="none")
    with pytest.raises(SpecError, match=r"^block must be one of"):
        ResNetSpec.from_depth(26, "wide")  # type: ignore[arg-type]


def test_stages_grow_smoothly_between_neighbouring_depths() -> None:
    for total in range(5, 4 * MOST):
        _, few = blocks_for_depth(2 * total + 2, {"basic": 2}, MOST, STAGES)
        _, many = blocks_for_depth(2 * total + 4, {"basic": 2}, MOST, STAGES)
        assert sum(few) == total
        assert max(abs(a - b) for a, b in zip(few, many, strict=True)) <= 2


def test_other_totals_are_interpolated_and_rounded_by_largest_remainder() -> None:
    anchors = [
        (1, 1, 1, 1),
        (2, 2, 2, 2),
        (3, 4, 6, 3),
        (3, 4, 23, 3),
        (3, 8, 36, 3),
        (36, 96, 432, 36),  # the proportions of ResNet-152 go on, while they fit
        (MOST,) * 4,
    ]
    for low, high in pairwise(anchors):
        for total in range(sum(low), sum(high) + 1):
            share = Fraction(total - sum(low), sum(high) - sum(low))
            exact = [a + (b - a) * share for a, b in zip(low, high, strict=True)]
            _, blocks = blocks_for_depth(2 * total + 2, {"basic": 2}, MOST, STAGES)
            floors = [math.floor(value) for value in exact]
            up = [count - floor for count, floor in zip(blocks, floors, strict=True)]
            assert set(up) <= {0, 1}
            # Remainders in falling order, the earlier of equals first: rounded up, then down.
            ranked = sorted(range(4), key=lambda i: (floors[i] - exact[i], i))
            assert [up[i] for i in ranked] == sorted(up, reverse=True)


@pytest.mark.parametrize(
    "depth",
    [True, 50.0, "50", None, float("nan"), 10**6_000, -(10**6_000), "5" * 9_000],
    ids=["bool", "float", "text", "none", "nan", "huge", "-huge", "long"],
)
def test_what_is_no_depth_is_refused_in_one_sentence(depth: Any) -> None:
    with pytest.raises(SpecError) as caught:
        ResNetSpec.from_depth(depth)
    text = str(caught.value)
    assert text.endswith(".")
    assert text.isprintable()
    assert len(text) < 400


def test_numpy_integers_are_depths() -> None:
    assert ResNetSpec.from_depth(np.int64(50)) == PRESETS["resnet50"]  # type: ignore[arg-type]
