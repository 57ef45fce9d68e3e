"""Receptive fields that are too large for a picture, or too small."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from resnet_viz.network.layer_graph import Pair
from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.sizing.advice import candidate_fixes
from resnet_viz.sizing.advice.advice_records import Diagnosis
from resnet_viz.sizing.advice.fit_measures import outgrown_at, productive_blocks
from resnet_viz.sizing.advice.topics import Proposal, Situation, Topic
from resnet_viz.units import shape_text

__all__ = ["MIN_SEEN", "NARROW_FIELD", "OUTGROWN", "OUTGROWN_SHARE", "usual_side"]

OUTGROWN_SHARE: Final = Fraction(1, 2)
"""Of the convolutions that see no more than the usual input, how many may see more than this one.

That the field exceeds the picture is no flaw by itself: at their usual inputs it does so in 20 %
of the convolutions of ResNet-18, 28 % of ResNet-50, 50 % of ResNet-34, 63 % of ResNet-101, 72 % of
ResNet-152, 42 % of ResNet-20, 86 % of ResNet-110 and 99 % of ResNet-1202. So what counts is what a
smaller input adds to them; the usual input adds nothing. Of the rest, networks for ImageNet lose 24
to 33 % at 128 x 128, 32 to 44 % at 96 x 96 and 50 to 57 % at 64 x 64, whatever their depth, and
those for CIFAR 15 to 27 % at 24 x 24, 36 to 53 % at 16 x 16 and 55 to 67 % at 12 x 12."""

MIN_SEEN: Final = Fraction(1, 4)
"""Of the picture's area, that one cell of the last map should see: half of each side, so that some
cell sees across the middle. The published networks see all of it; ResNet-50 sees a quarter of
854 x 854 and 9 % of 1080 x 1920, ResNet-20 13 % of 224 x 224."""


def usual_side(spec: ResNetSpec) -> int:
    """Rows and columns that a network's stem was made for: 32 (CIFAR) or 224 (ImageNet)."""
    return 32 if spec.stem == "small" else 224


def _too_many(spec: ResNetSpec, convolutions: int, size: Pair) -> bool:
    side = usual_side(spec)
    before, now = outgrown_at(spec, side, side), outgrown_at(spec, *size)
    return now > before and now - before >= OUTGROWN_SHARE * (convolutions - before)


def _outgrown(at: Situation) -> Diagnosis | None:
    found, whole, side = at.measures.outgrown, at.measures.convolutions, usual_side(at.spec)
    if not _too_many(at.spec, whole, (at.input.height, at.input.width)):
        return None
    measured = f"{found.count} of {whole} convolutions"
    usual = outgrown_at(at.spec, side, side)
    return Diagnosis(
        code="outgrown",
        title="Layers that see more than the picture",
        kind="advice",
        path=found.first,
        number=found.count,
        measured=measured,
        reason=f"{measured} {'sees' if found.count == 1 else 'see'} more than {at.size} pixels, "
        f"against {usual} at {side} × {side}, for which this stem was made. Such layers tend to "
        "add little, though a ResNet's shortcuts also carry smaller fields past them.",
        source="Richter et al. 2021, arXiv 2106.12307",
    )


def _fewer_outgrown(at: Situation) -> Iterator[Proposal]:
    yield from candidate_fixes.small_stem(at)
    kept = productive_blocks(at.spec, at.input)
    yield from candidate_fixes.with_blocks(at, kept, "fewer blocks")
    yield from candidate_fixes.smallest_size(
        at,
        lambda size: not _too_many(at.spec, at.measures.convolutions, (size.height, size.width)),
    )


def _seen(field: Pair, size: InputSpec) -> Fraction:
    """The share of a picture's area that a field covers at most."""
    down, across = (
        Fraction(min(seen, side), side)
        for seen, side in zip(field, (size.height, size.width), strict=True)
    )
    return down * across


def _narrow(at: Situation) -> Diagnosis | None:
    field = at.measures.totals.receptive_field
    share = _seen(field, at.input)
    if share >= MIN_SEEN:
        return None
    percent = f"{100 * float(share):.2g} %"
    return Diagnosis(
        code="narrow-field",
        title=f"One cell sees {percent} of the picture",
        kind="advice",
        path=None,
        number=float(1 / share),
        measured=f"{shape_text(field)} of {at.size} pixels",
        reason=f"A cell of the last map sees at most {shape_text(field)} of {at.size} pixels, and "
        "its middle counts most; what is larger only meets in the average of all cells.",
        source="Luo et al. 2016, arXiv 1701.04128 (the field that counts is a part of this one)",
    )


def _wider(at: Situation) -> Iterator[Proposal]:
    field = at.measures.totals.receptive_field
    yield from candidate_fixes.imagenet_stem(at)
    yield from candidate_fixes.largest_size(at, lambda size: _seen(field, size) >= MIN_SEEN)
    yield from candidate_fixes.dilated_end(at)
    yield from candidate_fixes.deeper(at)
    yield from candidate_fixes.added_stage(at)


def _nearer(at: Situation) -> str:
    side = usual_side(at.spec)
    return f"use pictures nearer to {side} × {side}"


def _pieces(at: Situation) -> str:
    sides = zip(at.measures.totals.receptive_field, (at.input.height, at.input.width), strict=True)
    return f"cut the picture into pieces of {shape_text(min(side) for side in sides)}"


OUTGROWN: Final = Topic(_outgrown, _fewer_outgrown, _nearer)
NARROW_FIELD: Final = Topic(_narrow, _wider, _pieces)
