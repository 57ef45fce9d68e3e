"""What a comparison comes to, in a handful of sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from resnet_viz.costs.profile_records import Profile
from resnet_viz.sizing.comparison.windows import (
    Remark,
    Sides,
    dilation_change,
    small_map,
    stride_change,
)
from resnet_viz.sizing.comparison.wording import (
    amount,
    apart,
    listed,
    multiple_of,
    noun,
    sentence,
    share_text,
)
from resnet_viz.sizing.input_fit import convolutions, field_exceeds
from resnet_viz.units import shape_text, si

if TYPE_CHECKING:
    from resnet_viz.sizing.comparison.comparing import ComparedLayer, Comparison

__all__ = ["summarise"]

_NAMED: Final = 2  # layers named one by one; of more, their number


def summarise(comparison: Comparison) -> tuple[str, ...]:
    """Sentences on the whole, the weightiest first; layers of a stage that agree share one."""
    if not comparison.different:
        return ("Nothing differs.",)
    first, second = comparison.first, comparison.second
    return (
        *_totals(first, second),
        *_weights(comparison),
        *_alone(comparison.layers),
        *_by_stage(comparison, stride_change),
        *_by_stage(comparison, dilation_change),
        *_by_stage(comparison, small_map),
        *_rounding(first, second),
        *_fields(first, second),
    )


def _totals(first: Profile, second: Profile) -> Iterator[str]:
    old, new = first.totals, second.totals
    parts = []
    if old.final_grid != new.final_grid:
        grids = (shape_text(totals.final_grid) for totals in (new, old))
        parts.append("a final grid of {} instead of {}".format(*grids))
    if old.macs != new.macs:
        costs = f"{si(new.macs)} instead of {si(old.macs)}"
        parts.append(f"{multiple_of(new.macs, old.macs, 'the MACs')} ({costs})")
    if old.peak_activation_bytes != new.peak_activation_bytes:
        sizes = (si(totals.peak_activation_bytes, "B") for totals in (new, old))
        parts.append("a peak of {} instead of {}".format(*sizes))
    if parts:
        yield sentence(listed(parts))


def _weights(comparison: Comparison) -> Iterator[str]:
    """How much of the network the reference's weights fill, and where they do not fit."""
    loading, unused = comparison.loading_params, comparison.unused_params
    params = comparison.second.totals.params
    if not loading:
        yield "No weights load."
    elif loading == params:
        counted = f"{si(unused)} {noun(unused, 'parameter')} of the reference"
        rest = f"; {counted} {'has' if unused == 1 else 'have'} no place here" if unused else ""
        yield f"All weights load{rest}."
    else:
        reshaped = [layer for layer in comparison.layers if layer.weights == "reshaped"]
        share = f"{share_text(loading, params)} of the parameters load"
        if len(reshaped) > _NAMED:
            share += f"; {len(reshaped)} layers do not fit, first {reshaped[0].path}"
        elif reshaped:
            share += f"; {'; '.join(layer.line for layer in reshaped)}"
        yield sentence(share)


def _alone(layers: Sequence[ComparedLayer]) -> Iterator[str]:
    """What only one of the networks has, by stage."""
    for here, title in ((True, "Only here"), (False, "Only in the reference")):
        parts = [
            _part(stage, list(rows), here)
            for stage, rows in groupby(layers, key=lambda layer: layer.stage)
        ]
        if found := [part for part in parts if part]:
            yield f"{title}: {apart(found)}."


def _part(stage: str, rows: list[ComparedLayer], here: bool) -> str:
    """What of a stage only one network has; empty for nothing."""
    mine = [row for row in rows if (row.after if here else row.before)]
    alone = [row for row in mine if row.before is None or row.after is None]
    if not alone:
        return ""
    if alone == mine:
        return stage
    blocks = list(dict.fromkeys(row.block for row in alone))
    shared = {row.block for row in mine} - {row.block for row in alone}
    if None not in blocks and len(alone) == sum(row.block in blocks for row in mine) and shared:
        return _range(blocks, list(dict.fromkeys(row.block for row in mine)))
    if len(alone) <= _NAMED:
        return listed([row.path for row in alone])
    return f"{len(alone)} operations of {'the ' if stage in ('stem', 'head') else ''}{stage}"


def _by_stage(comparison: Comparison, rule: Callable[[Sides], Remark | None]) -> Iterator[str]:
    """The commonest thing that a rule says of each stage; neighbours that agree share it."""
    every = list(dict.fromkeys(layer.stage for layer in comparison.layers))
    found: list[tuple[Remark, str, list[str]]] = []  # what is said, the stage, the layers
    for stage, rows in groupby(comparison.layers, key=lambda layer: layer.stage):
        said = [(row.path, text) for row in rows if (text := _said(row, comparison, rule))]
        if said:
            # Of equally common ones the last, with which the stage goes on.
            [(text, _)] = Counter(text for _, text in reversed(said)).most_common(1)
            found.append((text, stage, [path for path, other in said if other == text]))
    for _, group in groupby(found, key=lambda one: one[0].why or one[0].what):
        parts = list(group)
        paths = [path for _, _, layers in parts for path in layers]
        stages = _range([stage for _, stage, _ in parts], every)
        who = paths[0] if len(paths) == 1 else f"Each of {amount(len(paths), 'layer')} in {stages}"
        sizes = list(dict.fromkeys(remark.what for remark, _, _ in parts))
        yield f"{who} {parts[0][0]._replace(what=_range(sizes, sizes)).text}."


def _said(
    row: ComparedLayer, comparison: Comparison, rule: Callable[[Sides], Remark | None]
) -> Remark | None:
    if row.before is None or row.after is None or row.before.op != row.after.op:
        return None
    return rule(Sides(row.before, row.after, comparison.first, comparison.second))


def _range(names: Sequence[str | None], order: Sequence[str | None]) -> str:
    """``a``, ``a and b``, ``a to c``; what does not follow one another in the order is listed."""
    parts: list[str] = []
    runs = groupby(enumerate(names), key=lambda numbered: order.index(numbered[1]) - numbered[0])
    for _, run in runs:
        some = [str(name) for _, name in run]
        parts += [f"{some[0]} to {some[-1]}"] if len(some) > _NAMED else some
    return listed(parts)


def _rounding(first: Profile, second: Profile) -> Iterator[str]:
    """Pixels past the edge that the final grid stands for, where the reference has others."""
    beyond = _beyond(second)
    if beyond in ((0, 0), _beyond(first)):
        return
    totals = second.totals
    covered = shape_text(
        cells * step for cells, step in zip(totals.final_grid, totals.output_stride, strict=True)
    )
    more = [
        amount(count, noun) for count, noun in zip(beyond, ("row", "column"), strict=True) if count
    ]
    yield (
        f"Rounding up at the strides, the final {shape_text(totals.final_grid)} grid stands for "
        f"{covered} pixels: {listed(more)} more than there are."
    )


def _beyond(report: Profile) -> tuple[int, int]:
    (rows, columns), (down, across) = report.totals.final_grid, report.totals.output_stride
    return rows * down - report.input.height, columns * across - report.input.width


def _fields(first: Profile, second: Profile) -> Iterator[str]:
    """Convolutions that see more than the whole picture, where that has changed."""
    old, new = _outgrown(first), _outgrown(second)
    if (len(old), old[:1]) == (len(new), new[:1]):
        return
    size = shape_text((second.input.height, second.input.width))
    whole = len(convolutions(second))
    before = f"in the reference {len(old) or 'none'} of {len(convolutions(first))}"
    if not new:
        yield f"No convolution sees more than the whole {size} picture; {before}."
    else:
        yield (
            f"{len(new)} of {whole} convolutions {'sees' if len(new) == 1 else 'see'} more than "
            f"the whole {size} picture, first {new[0]}; {before}."
        )


def _outgrown(report: Profile) -> list[str]:
    return [layer.path for layer in convolutions(report) if field_exceeds(layer, report)]
