"""What the coach says, as text: a line for each effect, and the whole for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from types import MappingProxyType
from typing import Final

from resnet_viz.costs.profile_records import Totals
from resnet_viz.sizing.advice.advice_records import Diagnosis, Effect, Kind, Mend
from resnet_viz.sizing.advice.transferable_weights import Weights
from resnet_viz.units import gib_text, shape_text, si

__all__ = ["KINDS", "effect", "effects_text", "headline", "text"]

KINDS: Final[Mapping[Kind, str]] = MappingProxyType({"arithmetic": "fact", "advice": "advice"})
"""How each kind of diagnosis is called."""

_NEEDED: Final = "needed"
_WEIGHTS: Final = "weights"
_STILL: Final = "still"
_COLUMNS: Final = 96
_INDENT: Final = "        "


def headline(diagnosis: Diagnosis) -> str:
    """The number with its first layer: ``7 of 53 convolutions, first layer4.0.conv3``."""
    if diagnosis.path is None:
        return diagnosis.measured
    return f"{diagnosis.measured}, first {diagnosis.path}"


def effect(mend: Mend) -> str:
    """What changes in memory, cost, last map and weights, and what is left, on one line.

    Costs are those of one picture; memory is that of the batch, where it matters.
    """
    rows = dict(_all_effects(mend))
    told = {"MACs", "grid"} & rows.keys() or {"receptive field"}
    told |= {_NEEDED, _WEIGHTS, _STILL}
    return _joined((name, value) for name, value in rows.items() if name in told)


def effects_text(mend: Mend) -> str:
    """All that a mend changes, on one line."""
    return _joined(_all_effects(mend))


def _joined(rows: Iterable[tuple[str, str]]) -> str:
    return "; ".join(f"{name}{' ' if '→' in value else ': '}{value}" for name, value in rows)


def _all_effects(mend: Mend) -> tuple[tuple[str, str], ...]:
    """All that changes: names, each with its value before and after; the weights; what is left."""
    still = () if mend.left is None else ((_STILL, mend.left),)
    return (*_effects(mend.effect), (_WEIGHTS, _weights_text(mend.effect.weights)), *still)


def _effects(change: Effect) -> Iterator[tuple[str, str]]:
    if change.needed is not None:
        amounts = dict.fromkeys(gib_text(amount) for amount in change.needed)
        yield _NEEDED, f"{' → '.join(amounts)} GiB"
    before, after = _numbers(change.before.totals), _numbers(change.after.totals)
    counts = {
        "layers on 1 × 1": (change.before.one_cell, change.after.one_cell),
        "layers that see more than the input": (change.before.outgrown, change.after.outgrown),
    }
    before |= {name: str(was.count) for name, (was, _) in counts.items()}
    after |= {name: str(now.count) for name, (_, now) in counts.items()}
    for name, was in before.items():
        if was != after[name]:
            yield name, f"{was} → {after[name]}"


def _numbers(totals: Totals) -> dict[str, str]:
    return {
        "MACs": si(totals.macs),
        "grid": shape_text(totals.final_grid),
        "parameters": si(totals.params),
        "most alive": si(totals.peak_activation_bytes, "B"),
        "receptive field": shape_text(totals.receptive_field),
    }


def _weights_text(weights: Weights) -> str:
    """What becomes of the weights: ``all load``, ``conv1 anew``, ``8 blocks unused``."""
    parts = []
    if weights.new:
        parts.append(f"{_named(weights.new)} anew")
    if weights.adapted:
        parts.append(f"{_named(weights.adapted)} adapted")
    for count, fate in ((weights.new_blocks, "anew"), (weights.unused_blocks, "unused")):
        if count:
            parts.append(f"{count} block{'s' if count > 1 else ''} {fate}")
    return ", ".join(parts) or "all load"


def _named(paths: Sequence[str]) -> str:
    """A few names, or the first and how many."""
    if len(paths) <= 2:
        return " and ".join(paths)
    return f"{paths[0]} and {len(paths) - 1} more"


def text(diagnoses: Sequence[Diagnosis]) -> str:
    """All diagnoses with their mends, for a terminal; ends with a newline."""
    if not diagnoses:
        return "Nothing to mend.\n"
    told: set[str] = set()
    return "\n".join(_entry(diagnosis, told) for diagnosis in diagnoses)


def _entry(diagnosis: Diagnosis, told: set[str]) -> str:
    """One diagnosis; the effects of each mend are told once."""
    kind = KINDS[diagnosis.kind].ljust(len(_INDENT))
    first, *more = _wrapped(f"{diagnosis.title}: {headline(diagnosis)}.")
    lines = [kind + first.removeprefix(_INDENT), *more, *_wrapped(diagnosis.reason)]
    lines += _wrapped(f"Source: {diagnosis.source}.")
    if diagnosis.otherwise is not None:
        lines += _wrapped(diagnosis.otherwise)
    for mend in diagnosis.mends:
        if mend.label in told:
            still = "" if mend.left is None else f"; {_STILL}: {mend.left}"
            lines += _wrapped(f"Use {mend.label} (as above){still}")
        else:
            lines.append(f"{_INDENT}Use {mend.label}:")
            lines += _wrapped(effects_text(mend), _INDENT + "    ")
        told.add(mend.label)
    return "\n".join(lines) + "\n"


def _wrapped(sentence: str, indent: str = _INDENT) -> list[str]:
    return wrap(
        sentence,
        _COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
