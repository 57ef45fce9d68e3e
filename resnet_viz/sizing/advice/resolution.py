"""Where the network leaves too little of a picture: coarse maps, single cells, lone values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import Final

from resnet_viz.network.spec import MAX_SIDE
from resnet_viz.sizing.advice import candidate_fixes
from resnet_viz.sizing.advice.advice_records import Diagnosis
from resnet_viz.sizing.advice.fit_measures import first_below
from resnet_viz.sizing.advice.topics import Proposal, Situation, Topic
from resnet_viz.units import shape_text

__all__ = ["COARSE_GRID", "LONE_BATCH_NORM", "MIN_FINAL_SIDE", "ONE_CELL"]

MIN_FINAL_SIDE: Final = 4
"""Cells on the shorter side of the last map. The published networks end on 7 (224 x 224) or 8
(CIFAR, 32 x 32) and still do well at 128 x 128, which leaves 4; at 96 there are 3, at 64 2."""


def _coarse(at: Situation) -> Diagnosis | None:
    grid = at.measures.totals.final_grid
    if min(grid) >= MIN_FINAL_SIDE:
        return None
    stages = prod(at.spec.stage_strides)
    what, how = _divided(at, at.stride // stages, stages)
    return Diagnosis(
        code="coarse-grid",
        title=what,
        kind="advice",
        path=first_below(at.spec, at.input, MIN_FINAL_SIDE),
        number=MIN_FINAL_SIDE - min(grid),
        measured=f"{shape_text(grid)} cells, {at.stride} pixel{'s' if at.stride > 1 else ''} apart",
        reason=f"{how}, which leaves a last map of {shape_text(grid)}; the published networks end "
        "on 7 × 7 at 224 × 224, those for CIFAR on 8 × 8 at 32 × 32.",
        source="He et al. 2015, arXiv 1512.03385, section 4.2 (a 3 × 3 stem for 32 × 32); Yu, "
        "Koltun and Funkhouser 2017, arXiv 1705.09914 (dilation in place of strides)",
    )


def _divided(at: Situation, stem: int, stages: int) -> tuple[str, str]:
    """What is too coarse, and by how much each part divides a side."""
    if stem > 1:
        also = f" and the stages by {stages}" if stages > 1 else ""
        what, how = "The stem is", f"The stem divides each side by {stem}{also}"
    elif stages > 1:
        what, how = "The stages are", f"The stages divide each side by {stages}"
    else:
        return f"{at.size} pixels are few", "Nothing divides the sides"
    return f"{what} too coarse for {at.size}", how


def _finer(at: Situation) -> Iterator[Proposal]:
    """Ways to a larger last map."""
    yield from candidate_fixes.small_stem(at)
    yield from candidate_fixes.stride_dropped(at)
    yield from candidate_fixes.dilation_for_stride(at)
    yield from candidate_fixes.smallest_size(
        at, lambda size: min(size.height, size.width) >= MIN_FINAL_SIDE * at.stride
    )


def _enough(at: Situation) -> str:
    """The smallest size in proportion whose last map is not coarse."""
    least = MIN_FINAL_SIDE * at.stride
    short, long = sorted((at.input.height, at.input.width))
    reached = -(-long * least // (short * at.stride)) * at.stride
    if reached > MAX_SIDE:
        return f"use pictures of at least {least} pixels a side"
    sides = (reached, least) if at.input.height > at.input.width else (least, reached)
    return f"resize to at least {shape_text(sides)}"


def _one_cell(at: Situation) -> Diagnosis | None:
    found, whole = at.measures.one_cell, at.measures.convolutions
    if not found.count:
        return None
    measured = f"{found.count} of {whole} convolutions"
    return Diagnosis(
        code="one-cell",
        title="Layers that work on 1 × 1",
        kind="arithmetic",
        path=found.first,
        number=found.count,
        measured=measured,
        reason=f"{measured} {'has' if found.count == 1 else 'have'} a map of 1 × 1 as input, on "
        "which a 3 × 3 kernel meets one value and eight zeros of padding.",
        source="torch.nn.Conv2d: padding adds zeros on all four sides",
    )


def _lone_norm(at: Situation) -> Diagnosis | None:
    found = at.measures.lone_norms
    if not (at.conditions.training and found.count):
        return None
    return Diagnosis(
        code="lone-batch-norm",
        title="Batch norm cannot train on one value",
        kind="arithmetic",
        path=found.first,
        number=found.count,
        measured=f"{found.count} batch norm{'s' if found.count > 1 else ''}",
        reason="With batch 1 and a map of 1 × 1 a channel has a single value, whose variance is "
        "0: in training PyTorch raises “Expected more than 1 value per channel when training”.",
        source="torch.nn.functional.batch_norm, which checks the size of its input",
    )


def _more_values(at: Situation) -> Iterator[Proposal]:
    yield Proposal("batch 2", at.spec, replace(at.input, batch=2))
    yield from _finer(at)


COARSE_GRID: Final = Topic(_coarse, _finer, _enough)
ONE_CELL: Final = Topic(_one_cell, _finer, _enough)
LONE_BATCH_NORM: Final = Topic(_lone_norm, _more_values, _enough)
